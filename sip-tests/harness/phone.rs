//! A simulated phone, or a carrier: a user agent of its own on the stack's endpoint and dialogs, told by a test what to
//! do. It answers what it must by itself and decides nothing.

use super::call::{Call, State, Why};
use super::carrier::Carrier;
use super::extensions::{Extended, Skills};
use super::network::Packet;
use super::sound::{Ear, Heard, voice_hz};
use super::watcher::Watching;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::ids::Random;
use strowger::rtp::dtmf::TelephoneEvent;
use strowger::rtp::packet;
use strowger::sdp;
use strowger::sdp::{Codec, Direction, Local};
use strowger::sip::dialog::Dialog;
use strowger::sip::endpoint::{Effect, Endpoint, EndpointSettings, Flow, Transport};
use strowger::sip::msg::write::{RequestWriter, ResponseWriter};
use strowger::sip::msg::{Message, Method, Name};
use strowger::srtp::{MasterKey, Suite};

pub(super) const DOMAIN: &str = "example.com";
const RTP_PORT_FIRST: u16 = 40_000;
pub(super) const USER_AGENT: &[u8] = b"Strowger-Test-Phone/1.0";

/// What a phone does with an INVITE.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// 180, and then as the test says.
    Ring,
    /// 180, and 200 after so long.
    Answer(Duration),
    /// 180, and this status after so long.
    Refuse(u16, Duration),
    /// 183 with early audio.
    EarlyMedia,
    /// Nothing but what the test says.
    Wait,
}

/// What a request of ours is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Invite(usize),
    Reinvite(usize),
    Bye(usize),
    Register,
    Update(usize),
    Prack(usize),
    Other,
    Refer(usize),
    Subscribe(usize),
}

impl Purpose {
    pub(super) fn pack(self) -> u64 {
        let (kind, call) = match self {
            Self::Invite(call) => (0, call),
            Self::Reinvite(call) => (1, call),
            Self::Bye(call) => (2, call),
            Self::Register => (3, 0),
            Self::Other => (4, 0),
            Self::Update(call) => (5, call),
            Self::Prack(call) => (6, call),
            Self::Subscribe(index) => (7, index),
            Self::Refer(call) => (8, call),
        };
        (call as u64) << 4 | kind
    }

    pub(super) fn unpack(user: u64) -> Self {
        let call = (user >> 4) as usize;
        match user & 15 {
            0 => Self::Invite(call),
            1 => Self::Reinvite(call),
            2 => Self::Bye(call),
            3 => Self::Register,
            5 => Self::Update(call),
            6 => Self::Prack(call),
            7 => Self::Subscribe(call),
            8 => Self::Refer(call),
            _ => Self::Other,
        }
    }
}

/// A registration as the phone keeps it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub password: String,
    pub call_id: String,
    pub cseq: u32,
    pub expires: u32,
    /// `*` unregisters all.
    pub star: bool,
    pub challenged: bool,
    /// The final status of the last REGISTER; `None` while it is under way.
    pub status: Option<u16>,
    /// The last final answer.
    pub answer: Option<Message>,
    /// The Authorization header to use as it is instead of an answer to the challenge.
    pub replay: Option<Vec<u8>>,
    /// The last Authorization that was sent.
    pub authorization: Option<Vec<u8>>,
}

/// A phone.
pub struct Phone {
    pub number: String,
    pub sip: SocketAddr,
    pub treatment: Treatment,
    pub account: Account,
    pub calls: Vec<Call>,
    pub codecs: Vec<Codec>,
    pub skills: Skills,
    /// The payload number of keys in its offers.
    pub event_payload: u8,
    /// A proxy that stays in the way: what it writes into Record-Route.
    pub record_route: Option<String>,
    /// To of its INVITEs, where it is not the Request-URI.
    pub to_header: Option<String>,
    /// Header lines of its INVITEs.
    pub extra: Vec<String>,
    /// How it behaves as a carrier.
    pub carrier: Carrier,
    /// The last BYE that came.
    pub bye: Option<Message>,
    /// Switched off: hears and says nothing.
    pub off: bool,
    /// It takes keys as telephone events (RFC 4733).
    pub takes_events: bool,
    /// It says that it takes INFO.
    pub allows_info: bool,
    /// Keys that came by INFO.
    pub infos: Vec<char>,
    /// Further headers of its INVITEs.
    pub more_headers: Vec<(Name, &'static str)>,
    /// What it watches.
    pub watching: Vec<Watching>,
    /// Answers to requests outside of calls.
    pub others: Vec<Message>,
    /// The first line of all that came.
    pub seen: Vec<(Instant, String)>,
    pub(super) endpoint: Endpoint,
    pub(super) random: Random,
    /// Where it sends its requests.
    pub server: SocketAddr,
    voices: Rc<Cell<usize>>,
    ear: Ear,
    pub(super) by_call_id: BTreeMap<Vec<u8>, usize>,
    pub(super) effects: Vec<Effect>,
    pub(super) out: Vec<Packet>,
}

impl Phone {
    pub fn new(
        number: &str,
        sip: SocketAddr,
        server: SocketAddr,
        voices: Rc<Cell<usize>>,
        mut random: Random,
    ) -> Self {
        Self {
            number: number.to_owned(),
            sip,
            treatment: Treatment::Ring,
            account: Account { password: "pw".to_owned(), ..Account::default() },
            calls: Vec::new(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            skills: Skills::default(),
            event_payload: 101,
            record_route: None,
            to_header: None,
            extra: Vec::new(),
            carrier: Carrier::default(),
            bye: None,
            off: false,
            takes_events: true,
            allows_info: false,
            infos: Vec::new(),
            more_headers: Vec::new(),
            watching: Vec::new(),
            others: Vec::new(),
            seen: Vec::new(),
            endpoint: Endpoint::new(EndpointSettings::default(), random.fork()),
            random,
            server,
            voices,
            ear: Ear::default(),
            by_call_id: BTreeMap::new(),
            effects: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Packets to send since the last time.
    pub fn take_packets(&mut self) -> Vec<Packet> {
        let packets = std::mem::take(&mut self.out);
        if self.off { Vec::new() } else { packets }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut next = self.endpoint.poll_timeout();
        for call in &self.calls {
            if call.state != State::Over {
                let speak_at = call.speak_at.filter(|_| !call.mute);
                for at in [speak_at, call.answer_at, call.reinvite_retry] {
                    next = earlier(next, at);
                }
                next = earlier(next, call.extended.refresh_at);
                next = earlier(next, call.extended.expires_at);
                next = earlier(next, call.extended.reliable.as_ref().and_then(|one| one.poll_timeout()));
            }
        }
        next
    }

    /// Transactions that are not over.
    pub fn transactions(&self) -> usize {
        self.endpoint.servers_live() + self.endpoint.clients_live()
    }

    pub fn live_calls(&self) -> usize {
        self.calls.iter().filter(|call| call.state != State::Over).count()
    }

    pub fn timeout(&mut self, now: Instant) {
        self.endpoint.timeout(now, &mut self.effects);
        self.work(now);
        for index in 0..self.calls.len() {
            if self.calls[index].state == State::Over {
                continue;
            }
            if self.calls[index].answer_at.is_some_and(|at| at <= now) {
                self.calls[index].answer_at = None;
                match self.calls[index].refuse_with {
                    0 => self.answer(now, index),
                    status => self.refuse(now, index, status),
                }
            }
            if self.calls[index].reinvite_retry.is_some_and(|at| at <= now) {
                self.calls[index].reinvite_retry = None;
                let direction = self.calls[index].local.direction;
                self.reinvite(now, index, Some(direction));
            }
            self.extended_timeout(now, index);
            if let Some((from, to, bytes)) = self.calls[index].speak(now) {
                self.out.push(Packet { from, to, bytes: Bytes::from(bytes) });
            }
        }
    }

    /// A datagram on one of our ports.
    pub fn receive(&mut self, now: Instant, packet: &Packet) {
        if self.off {
            return;
        }
        if packet.to == self.sip && self.carrier.silent && packet.bytes.starts_with(b"INVITE ") {
            self.carrier.held.push(packet.clone());
            return;
        }
        let mute = self.carrier.options.is_none();
        if packet.to == self.sip && mute && packet.bytes.starts_with(b"OPTIONS ") {
            return;
        }
        if packet.to == self.sip {
            let first = packet.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
            self.seen.push((now, String::from_utf8_lossy(first).into_owned()));
            let flow = self.flow(packet.from);
            self.endpoint.receive(now, flow, packet.bytes.clone(), &mut self.effects);
            self.work(now);
        } else {
            self.hear(now, packet);
        }
    }

    /// What it ignored so far it sees now.
    pub fn wake(&mut self, now: Instant) {
        self.carrier.silent = false;
        for packet in std::mem::take(&mut self.carrier.held) {
            self.receive(now, &packet);
        }
    }

    pub(super) fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.sip, remote, connection: 0 }
    }

    pub(super) fn hear(&mut self, now: Instant, packet: &Packet) {
        let Some(call) =
            self.calls.iter_mut().find(|call| call.rtp == packet.to && call.state != State::Over)
        else {
            return;
        };
        let Some(bytes) = call.opened(&packet.bytes) else { return };
        let Ok(header) = packet::read(&bytes) else { return };
        let payload = &bytes[header.payload.clone()];
        let own_events = call.event_payload;
        if Some(header.payload_type) == own_events {
            if let Some(event) = TelephoneEvent::read(payload)
                && let Some(digit) = event.digit()
                && call.last_digit_stamp != Some(header.timestamp)
            {
                call.last_digit_stamp = Some(header.timestamp);
                call.digits.push((header.payload_type, digit));
            }
            return;
        }
        // RTCP and what was never agreed is not heard.
        if !matches!(header.payload_type, 0 | 8) || payload.is_empty() {
            return;
        }
        let sound = self.ear.recognize(header.payload_type == 8, payload);
        call.heard.note(now, sound);
    }

    // --- what a test makes it do ---

    /// Calls; the index of the call.
    pub fn dial(&mut self, now: Instant, to: &str, offerless: bool) -> usize {
        let call_id = format!("{:016x}@{}", self.random.next_u64(), self.sip.ip());
        let index = self.open(call_id, false);
        self.calls[index].offerless = offerless;
        self.calls[index].to =
            if to.starts_with("sip:") { to.to_owned() } else { format!("sip:{to}@{DOMAIN}") };
        self.send_invite(now, index, None);
        index
    }

    /// Calls with an INVITE that replaces a dialog (RFC 3891).
    pub fn dial_replacing(&mut self, now: Instant, replaces: &str) -> usize {
        let call_id = format!("{:016x}@{}", self.random.next_u64(), self.sip.ip());
        let index = self.open(call_id, false);
        self.calls[index].to = format!("sip:replaced@{DOMAIN}");
        self.calls[index].replaces = Some(replaces.to_owned());
        self.send_invite(now, index, None);
        index
    }

    pub(super) fn open(&mut self, call_id: String, incoming: bool) -> usize {
        // Each leg of a world has a voice of its own.
        let voice = self.voices.get();
        self.voices.set(voice + 1);
        let index = self.calls.len();
        let port = RTP_PORT_FIRST + 2 * index as u16;
        let rtp = SocketAddr::new(self.sip.ip(), port);
        self.by_call_id.insert(call_id.clone().into_bytes(), index);
        let local = self.local(rtp);
        self.calls.push(Call {
            state: if incoming { State::Ringing } else { State::Calling },
            incoming,
            why: None,
            over_at: None,
            up_at: None,
            statuses: Vec::new(),
            invite: None,
            told: Vec::new(),
            reinvites: Vec::new(),
            bodies: Vec::new(),
            cancelled_by_us: false,
            refers: Vec::new(),
            notifies: Vec::new(),
            replaces: None,
            ack_seen: false,
            peer_tag: None,
            forks: Vec::new(),
            leave_when_acked: false,
            voice_hz: voice_hz(voice),
            heard: Heard::default(),
            digits: Vec::new(),
            last_digit_stamp: None,
            mute: false,
            encrypted: Default::default(),
            extended: Extended::default(),
            call_id,
            tag: self.endpoint.tag(),
            request: None,
            to: String::new(),
            challenged: false,
            offerless: false,
            client: None,
            server: None,
            reinvite_server: None,
            reinvite_pending: false,
            reinvite_retry: None,
            reinvite_offerless: false,
            answer_in_ack: false,
            dialog: None,
            local,
            agreed: None,
            event_payload: None,
            answer_at: None,
            refuse_with: 0,
            rtp,
            speak_at: None,
            ssrc: self.random.next_u64() as u32,
            sequence: self.random.next_u64() as u16,
            timestamp: self.random.next_u64() as u32,
            keys: VecDeque::new(),
            frame: None,
        });
        index
    }

    pub(super) fn local(&mut self, rtp: SocketAddr) -> Local {
        let mut draw = |suite| MasterKey::draw(suite, &mut self.random);
        let keys =
            if self.skills.security.accepts() { Suite::ALL.map(&mut draw).to_vec() } else { Vec::new() };
        Local {
            address: self.skills.private_address.unwrap_or(rtp.ip()),
            port: rtp.port(),
            session_id: self.random.next_u64() >> 2,
            version: 1,
            codecs: self.codecs.clone(),
            dtmf: self.takes_events,
            direction: Direction::SendRecv,
            ptime_ms: 20,
            security: self.skills.security,
            keys,
        }
    }

    /// Our offer, with our own payload number for keys.
    pub(super) fn offer(&mut self, index: usize) -> Vec<u8> {
        let body = sdp::offer(&self.calls[index].local);
        self.calls[index].event_payload = Some(self.event_payload);
        let text = String::from_utf8(body).expect("our own body is text");
        text.replace(" 101\r\n", &format!(" {}\r\n", self.event_payload))
            .replace(":101 ", &format!(":{} ", self.event_payload))
            .into_bytes()
    }

    pub(super) fn send_invite(&mut self, now: Instant, index: usize, authorization: Option<Vec<u8>>) {
        let body = (!self.calls[index].offerless).then(|| self.offer(index));
        let branch = self.endpoint.branch();
        let call = &self.calls[index];
        let cseq = if authorization.is_some() { 2 } else { 1 };
        let mut request = RequestWriter::new(Method::Invite, call.to.as_bytes());
        request
            .via(Transport::Udp.into(), self.sip.to_string().as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header_fmt(Name::From, format_args!("<sip:{}@{DOMAIN}>;tag={}", self.number, call.tag))
            .header_fmt(Name::To, format_args!("<{}>", self.to_header.as_ref().unwrap_or(&call.to)))
            .header(Name::CallId, call.call_id.as_bytes())
            .cseq(cseq, Method::Invite)
            .header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.number, self.sip))
            .header(Name::UserAgent, USER_AGENT);
        self.write_skills(&mut request);
        self.write_require(&mut request);
        if let Some(proxy) = &self.record_route {
            request.header(Name::RecordRoute, proxy.as_bytes());
        }
        for line in &self.extra {
            request.raw_line(line.as_bytes());
        }
        if let Some(value) = authorization {
            request.header(Name::Authorization, &value);
        }
        if self.allows_info {
            request.header(Name::Allow, b"INVITE, ACK, BYE, CANCEL, INFO");
        }
        for (name, value) in &self.more_headers {
            request.header(*name, value.as_bytes());
        }
        if let Some(replaces) = &call.replaces {
            request.header(Name::Require, b"replaces").header(Name::Replaces, replaces.as_bytes());
        }
        if let Some(body) = body {
            request.body(b"application/sdp", &body);
        }
        let bytes = request.finish();
        self.calls[index].request = Message::parse(bytes.clone()).ok();
        let flow = self.flow(self.server);
        let user = Purpose::Invite(index).pack();
        let tx = self.endpoint.request(now, flow, bytes, user, &mut self.effects);
        self.calls[index].client = Some(tx);
        self.work(now);
    }

    /// Answers a ringing call.
    pub fn answer(&mut self, now: Instant, index: usize) {
        let call = &mut self.calls[index];
        let (Some(tx), Some(invite)) = (call.server, call.invite.clone()) else { return };
        if call.state != State::Ringing {
            return;
        }
        let body = match self.calls[index].extended.body_sent.clone() {
            Some(body) => Some(body),
            None => self.answer_body(index, &invite),
        };
        let Some(body) = body else { return self.refuse(now, index, 488) };
        let tag = self.calls[index].tag.clone();
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let mut response = ResponseWriter::to(&invite, 200, "OK");
        response.to_tag(tag.as_bytes()).with_record_route();
        if let Some(proxy) = &self.record_route {
            response.header(Name::RecordRoute, proxy.as_bytes());
        }
        response.header(Name::Contact, contact.as_bytes());
        if self.allows_info {
            response.header(Name::Allow, b"INVITE, ACK, BYE, CANCEL, INFO");
        }
        self.write_session(now, index, &invite, &mut response);
        if !self.answered_reliably(index) {
            response.body(b"application/sdp", &body);
        }
        let bytes = response.finish();
        let flow = self.flow(self.server);
        let early = self.calls[index].dialog.take();
        let mut dialog = early
            .unwrap_or_else(|| Dialog::uas(&invite, &tag, flow).expect("the switch's INVITE makes a dialog"));
        dialog.confirm();
        self.calls[index].dialog = Some(dialog);
        self.calls[index].up(now);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        self.work(now);
    }

    /// The answer to an offer, or our offer to an offerless INVITE.
    pub(super) fn answer_body(&mut self, index: usize, invite: &Message) -> Option<Vec<u8>> {
        if invite.body_slice().is_empty() {
            self.calls[index].answer_in_ack = true;
            return Some(self.offer(index));
        }
        let remote = sdp::read(invite.body_slice()).ok()?;
        self.check_body(index, invite.body_slice());
        let call = &mut self.calls[index];
        let (body, agreed) = sdp::answer(&remote, &call.local, None).ok()?;
        call.event_payload = agreed.dtmf_receive;
        call.agreed = Some(agreed);
        Some(body)
    }

    pub fn refuse(&mut self, now: Instant, index: usize, status: u16) {
        let call = &self.calls[index];
        let (Some(tx), Some(invite)) = (call.server, call.invite.clone()) else { return };
        if call.state != State::Ringing {
            return;
        }
        let tag = call.tag.clone();
        let bytes = ResponseWriter::to(&invite, status, "No").to_tag(tag.as_bytes()).finish();
        self.calls[index].over(now, Why::RefusedByUs);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        self.work(now);
    }

    /// Ends a call, whatever its state.
    pub fn hang_up(&mut self, now: Instant, index: usize) {
        match self.calls[index].state {
            State::Calling => {
                self.calls[index].cancelled_by_us = true;
                if let Some(tx) = self.calls[index].client {
                    self.endpoint.cancel(now, tx, self.skills.reason, &mut self.effects);
                }
                self.work(now);
            }
            State::Ringing => self.refuse(now, index, 603),
            // RFC 3261 section 15: who was called must not send BYE before the ACK.
            State::Up if self.calls[index].incoming && !self.calls[index].ack_seen => {
                self.calls[index].leave_when_acked = true;
            }
            State::Up => {
                self.calls[index].state = State::Leaving;
                self.calls[index].speak_at = None;
                let reason = self.skills.reason;
                self.in_dialog(now, index, Method::Bye, Purpose::Bye(index), |request| {
                    if let Some(reason) = reason {
                        request.header(Name::Reason, reason.as_bytes());
                    }
                });
            }
            State::Leaving | State::Over => {}
        }
    }

    pub(super) fn in_dialog(
        &mut self,
        now: Instant,
        index: usize,
        method: Method<'static>,
        purpose: Purpose,
        finish: impl FnOnce(&mut RequestWriter),
    ) {
        let branch = self.endpoint.branch();
        let sent_by = self.sip.to_string();
        let Some(dialog) = self.calls[index].dialog.as_mut() else { return };
        let mut request = dialog.request(method, sent_by.as_bytes(), &branch);
        finish(&mut request);
        let bytes = request.finish();
        let flow = self.flow(self.server);
        self.endpoint.request(now, flow, bytes, purpose.pack(), &mut self.effects);
        self.work(now);
    }

    /// A re-INVITE with this direction; `None` is one without an offer.
    pub fn reinvite(&mut self, now: Instant, index: usize, direction: Option<Direction>) {
        let call = &mut self.calls[index];
        if call.state != State::Up {
            return;
        }
        call.local.version += 1;
        call.local.direction = direction.unwrap_or(Direction::SendRecv);
        call.reinvite_pending = true;
        call.reinvite_offerless = direction.is_none();
        let body = direction.is_some().then(|| self.offer(index));
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let session = self.calls[index].extended.seconds.zip(Some(self.calls[index].extended.refreshes));
        self.in_dialog(now, index, Method::Invite, Purpose::Reinvite(index), |request| {
            request.header(Name::Contact, contact.as_bytes());
            if let Some((seconds, refreshes)) = session {
                let side = if refreshes { "uac" } else { "uas" };
                request.header(Name::Supported, b"timer");
                request.header_fmt(Name::SessionExpires, format_args!("{seconds};refresher={side}"));
            }
            if let Some(body) = body {
                request.body(b"application/sdp", &body);
            }
        });
    }

    /// A re-INVITE with a body of the test's own.
    pub fn reinvite_with(&mut self, now: Instant, index: usize, change: impl FnOnce(String) -> String) {
        self.calls[index].local.version += 1;
        self.calls[index].reinvite_pending = true;
        let body = change(String::from_utf8(self.offer(index)).expect("our own body is text"));
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        self.in_dialog(now, index, Method::Invite, Purpose::Reinvite(index), |request| {
            request.header(Name::Contact, contact.as_bytes()).body(b"application/sdp", body.as_bytes());
        });
    }

    /// Answers once more, as another phone behind a forking proxy would.
    pub fn answer_as(&mut self, index: usize, tag: &str) {
        let call = &mut self.calls[index];
        let Some(invite) = call.invite.clone() else { return };
        let remote = sdp::read(invite.body_slice()).expect("the switch's SDP can be read");
        let Ok((body, _)) = sdp::answer(&remote, &call.local, None) else { return };
        call.forks.push(tag.to_owned());
        let bytes = ResponseWriter::to(&invite, 200, "OK")
            .to_tag(tag.as_bytes())
            .header_fmt(Name::Contact, format_args!("<sip:fork@{}>", self.sip))
            .body(b"application/sdp", &body)
            .finish();
        self.out.push(Packet { from: self.sip, to: self.server, bytes });
    }

    /// Sends bytes as they are to the switch.
    pub fn send_raw(&mut self, bytes: &str) {
        self.out.push(Packet {
            from: self.sip,
            to: self.server,
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        });
    }

    /// Presses a key for 100 ms.
    pub fn press(&mut self, index: usize, digit: char) {
        let code = strowger::rtp::dtmf::code(digit).expect("a key");
        for step in 1..=5_u16 {
            let event = TelephoneEvent { code, end: step == 5, volume: 10, duration: step * 160 };
            self.calls[index].keys.push_back(event.to_bytes());
        }
    }

    /// Presses a key by INFO, in one of the two forms.
    pub fn press_info(&mut self, now: Instant, index: usize, digit: char, relay: bool) {
        self.in_dialog(now, index, Method::Info, Purpose::Other, |request| {
            if relay {
                let body = format!("Signal={digit}\r\nDuration=160\r\n");
                request.body(b"application/dtmf-relay", body.as_bytes());
            } else {
                request.body(b"application/dtmf", digit.to_string().as_bytes());
            }
        });
    }

    /// Redirects a ringing call with 302 to these contacts.
    pub fn redirect(&mut self, now: Instant, index: usize, contacts: &[&str]) {
        let call = &self.calls[index];
        let (Some(tx), Some(invite)) = (call.server, call.invite.clone()) else { return };
        let tag = call.tag.clone();
        let mut response = ResponseWriter::to(&invite, 302, "Moved Temporarily");
        response.to_tag(tag.as_bytes());
        for contact in contacts {
            response.header(Name::Contact, contact.as_bytes());
        }
        let bytes = response.finish();
        self.calls[index].over(now, Why::RefusedByUs);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        self.work(now);
    }

    /// A request outside of any call; its answer comes into `others`.
    pub fn request(&mut self, now: Instant, method: Method<'static>, to: &str) {
        let branch = self.endpoint.branch();
        let tag = self.endpoint.tag();
        let bytes = RequestWriter::new(method, to.as_bytes())
            .via(Transport::Udp.into(), self.sip.to_string().as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header_fmt(Name::From, format_args!("<sip:{}@{DOMAIN}>;tag={tag}", self.number))
            .header_fmt(Name::To, format_args!("<{to}>"))
            .header_fmt(Name::CallId, format_args!("{branch}@{}", self.sip.ip()))
            .cseq(1, method)
            .finish();
        let flow = self.flow(self.server);
        self.endpoint.request(now, flow, bytes, Purpose::Other.pack(), &mut self.effects);
        self.work(now);
    }

    pub fn ip(&self) -> IpAddr {
        self.sip.ip()
    }
}

/// The earlier of two moments.
pub fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if one < other { one } else { other }),
        (one, None) => one,
        (None, other) => other,
    }
}
