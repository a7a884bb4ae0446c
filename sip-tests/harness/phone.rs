//! A simulated phone, or a carrier: a user agent of its own on the stack's endpoint and dialogs, told by a test what to
//! do. It answers what it must by itself and decides nothing.

use super::call::{Call, State, Why};
use super::network::Packet;
use super::sound::{Ear, Heard, voice_hz};
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
use strowger::sip::dialog::{Dialog, Order};
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{ClientTx, Effect, Endpoint, EndpointSettings, Flow, ServerTx, Transport};
use strowger::sip::msg::write::{RequestWriter, ResponseWriter};
use strowger::sip::msg::{Message, Method, Name};

const DOMAIN: &str = "example.com";
const RTP_PORT_FIRST: u16 = 40_000;
const USER_AGENT: &[u8] = b"Test Phone 1.0";

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
}

/// What a request of ours is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Invite(usize),
    Reinvite(usize),
    Bye(usize),
    Register,
    Other,
}

impl Purpose {
    fn pack(self) -> u64 {
        let (kind, call) = match self {
            Self::Invite(call) => (0, call),
            Self::Reinvite(call) => (1, call),
            Self::Bye(call) => (2, call),
            Self::Register => (3, 0),
            Self::Other => (4, 0),
        };
        (call as u64) << 3 | kind
    }

    fn unpack(user: u64) -> Self {
        let call = (user >> 3) as usize;
        match user & 7 {
            0 => Self::Invite(call),
            1 => Self::Reinvite(call),
            2 => Self::Bye(call),
            3 => Self::Register,
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
    /// The payload number of keys in its offers.
    pub event_payload: u8,
    /// A proxy that stays in the way: what it writes into Record-Route.
    pub record_route: Option<String>,
    /// The last BYE that came.
    pub bye: Option<Message>,
    /// Switched off: hears and says nothing.
    pub off: bool,
    /// Answers to requests outside of calls.
    pub others: Vec<Message>,
    /// The first line of all that came.
    pub seen: Vec<(Instant, String)>,
    endpoint: Endpoint,
    random: Random,
    server: SocketAddr,
    voices: Rc<Cell<usize>>,
    ear: Ear,
    by_call_id: BTreeMap<Vec<u8>, usize>,
    effects: Vec<Effect>,
    out: Vec<Packet>,
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
            event_payload: 101,
            record_route: None,
            bye: None,
            off: false,
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
                for at in [call.speak_at, call.answer_at, call.reinvite_retry] {
                    next = earlier(next, at);
                }
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

    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.sip, remote, connection: 0 }
    }

    fn hear(&mut self, now: Instant, packet: &Packet) {
        let Some(call) =
            self.calls.iter_mut().find(|call| call.rtp == packet.to && call.state != State::Over)
        else {
            return;
        };
        let Ok(header) = packet::read(&packet.bytes) else { return };
        let payload = &packet.bytes[header.payload.clone()];
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

    fn open(&mut self, call_id: String, incoming: bool) -> usize {
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
            ack_seen: false,
            peer_tag: None,
            forks: Vec::new(),
            leave_when_acked: false,
            voice_hz: voice_hz(voice),
            heard: Heard::default(),
            digits: Vec::new(),
            last_digit_stamp: None,
            mute: false,
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

    fn local(&mut self, rtp: SocketAddr) -> Local {
        Local {
            address: rtp.ip(),
            port: rtp.port(),
            session_id: self.random.next_u64() >> 2,
            version: 1,
            codecs: self.codecs.clone(),
            dtmf: true,
            direction: Direction::SendRecv,
            ptime_ms: 20,
        }
    }

    /// Our offer, with our own payload number for keys.
    fn offer(&mut self, index: usize) -> Vec<u8> {
        let body = sdp::offer(&self.calls[index].local);
        self.calls[index].event_payload = Some(self.event_payload);
        let text = String::from_utf8(body).expect("our own body is text");
        text.replace(" 101\r\n", &format!(" {}\r\n", self.event_payload))
            .replace(":101 ", &format!(":{} ", self.event_payload))
            .into_bytes()
    }

    fn send_invite(&mut self, now: Instant, index: usize, authorization: Option<Vec<u8>>) {
        let body = (!self.calls[index].offerless).then(|| self.offer(index));
        let branch = self.endpoint.branch();
        let call = &mut self.calls[index];
        let cseq = if authorization.is_some() { 2 } else { 1 };
        let mut request = RequestWriter::new(Method::Invite, call.to.as_bytes());
        request
            .via(Transport::Udp.into(), self.sip.to_string().as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header_fmt(Name::From, format_args!("<sip:{}@{DOMAIN}>;tag={}", self.number, call.tag))
            .header_fmt(Name::To, format_args!("<{}>", call.to))
            .header(Name::CallId, call.call_id.as_bytes())
            .cseq(cseq, Method::Invite)
            .header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.number, self.sip))
            .header(Name::UserAgent, USER_AGENT);
        if let Some(proxy) = &self.record_route {
            request.header(Name::RecordRoute, proxy.as_bytes());
        }
        if let Some(value) = authorization {
            request.header(Name::Authorization, &value);
        }
        if let Some(body) = body {
            request.body(b"application/sdp", &body);
        }
        let bytes = request.finish();
        call.request = Message::parse(bytes.clone()).ok();
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
        let body = self.answer_body(index, &invite);
        let Some(body) = body else { return self.refuse(now, index, 488) };
        let tag = self.calls[index].tag.clone();
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let mut response = ResponseWriter::to(&invite, 200, "OK");
        response.to_tag(tag.as_bytes()).with_record_route();
        if let Some(proxy) = &self.record_route {
            response.header(Name::RecordRoute, proxy.as_bytes());
        }
        response.header(Name::Contact, contact.as_bytes()).body(b"application/sdp", &body);
        let bytes = response.finish();
        let flow = self.flow(self.server);
        let mut dialog = Dialog::uas(&invite, &tag, flow).expect("the switch's INVITE makes a dialog");
        dialog.confirm();
        self.calls[index].dialog = Some(dialog);
        self.calls[index].up(now);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        self.work(now);
    }

    /// The answer to an offer, or our offer to an offerless INVITE.
    fn answer_body(&mut self, index: usize, invite: &Message) -> Option<Vec<u8>> {
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
                    self.endpoint.cancel(now, tx, None, &mut self.effects);
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
                self.in_dialog(now, index, Method::Bye, Purpose::Bye(index), |_| {});
            }
            State::Leaving | State::Over => {}
        }
    }

    fn in_dialog(
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
        self.in_dialog(now, index, Method::Invite, Purpose::Reinvite(index), |request| {
            request.header(Name::Contact, contact.as_bytes());
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

    /// Registers for so long; 0 ends it.
    pub fn register(&mut self, now: Instant, expires: u32) {
        if self.account.call_id.is_empty() {
            self.account.call_id = format!("reg{:016x}@{}", self.random.next_u64(), self.sip.ip());
        }
        self.account.expires = expires;
        self.account.challenged = false;
        self.account.status = None;
        let replay = self.account.replay.take();
        self.send_register(now, replay);
    }

    /// As after a reboot: another Call-ID, CSeq from 1.
    pub fn forget_registration(&mut self) {
        self.account.call_id.clear();
        self.account.cseq = 0;
    }

    fn send_register(&mut self, now: Instant, authorization: Option<Vec<u8>>) {
        let branch = self.endpoint.branch();
        let tag = self.endpoint.tag();
        self.account.cseq += 1;
        let account = &mut self.account;
        let mut request = RequestWriter::new(Method::Register, format!("sip:{DOMAIN}").as_bytes());
        request
            .via(Transport::Udp.into(), self.sip.to_string().as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header_fmt(Name::From, format_args!("<sip:{}@{DOMAIN}>;tag={tag}", self.number))
            .header_fmt(Name::To, format_args!("<sip:{}@{DOMAIN}>", self.number))
            .header(Name::CallId, account.call_id.as_bytes())
            .cseq(account.cseq, Method::Register)
            .header_fmt(Name::Expires, format_args!("{}", account.expires))
            .header(Name::UserAgent, USER_AGENT);
        if account.star {
            request.header(Name::Contact, b"*");
        } else {
            request.header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.number, self.sip));
        }
        if let Some(value) = authorization {
            request.header(Name::Authorization, &value);
            account.authorization = Some(value);
        }
        let bytes = request.finish();
        let flow = self.flow(self.server);
        self.endpoint.request(now, flow, bytes, Purpose::Register.pack(), &mut self.effects);
        self.work(now);
    }

    fn login(&mut self, response: &Message, method: Method<'_>, uri: &str) -> Option<Vec<u8>> {
        let challenge = Challenge::topmost(response, Name::WwwAuthenticate)?;
        Login::with_password(&self.number, &self.account.password).answer(
            &challenge,
            method,
            uri.as_bytes(),
            1,
            &mut self.random,
        )
    }

    // --- what comes ---

    fn work(&mut self, now: Instant) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.effect(now, effect);
            }
        }
    }

    fn effect(&mut self, now: Instant, effect: Effect) {
        match effect {
            Effect::Send { flow, bytes } => self.out.push(Packet { from: self.sip, to: flow.remote, bytes }),
            Effect::Request { tx, message, .. } => self.requested(now, tx, &message),
            Effect::Ack { tx, message, .. } => self.acknowledged(now, tx, &message),
            Effect::Cancelled { tx, message } => self.cancelled(now, tx, &message),
            Effect::AckMissing { tx } => {
                if let Some(index) = self.calls.iter().position(|call| call.server == Some(tx)) {
                    self.in_dialog(now, index, Method::Bye, Purpose::Bye(index), |_| {});
                    self.calls[index].over(now, Why::NoAck);
                }
            }
            Effect::Response { tx, user, message } => {
                self.responded(now, tx, Purpose::unpack(user), &message)
            }
            Effect::Timeout { user, .. } | Effect::Unreachable { user, .. } => match Purpose::unpack(user) {
                Purpose::Invite(index) | Purpose::Bye(index) => self.calls[index].over(now, Why::TimedOut),
                Purpose::Reinvite(index) => self.calls[index].reinvite_pending = false,
                Purpose::Register => self.account.status = Some(408),
                Purpose::Other => {}
            },
            Effect::Malformed { reason, .. } => panic!("the switch sent a malformed message: {reason}"),
        }
    }

    fn call_of(&self, message: &Message) -> Option<usize> {
        self.by_call_id.get(message.call_id().ok()?).copied()
    }

    fn respond(&mut self, now: Instant, tx: ServerTx, request: &Message, status: u16) {
        let tag = self.endpoint.tag();
        let bytes = ResponseWriter::to(request, status, "So").to_tag(tag.as_bytes()).finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    fn requested(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        let known = self.call_of(message);
        if let Some(tag) = message.to().ok().and_then(|to| to.tag())
            && self.calls.iter().any(|call| call.forks.iter().any(|fork| fork.as_bytes() == tag))
        {
            // Another dialog of the same INVITE.
            return self.respond(now, tx, message, 200);
        }
        let flow = self.flow(self.server);
        if let Some(dialog) = known.and_then(|index| self.calls[index].dialog.as_mut())
            && dialog.receive_request(message, flow) != Ok(Order::Next)
        {
            // RFC 3261 section 12.2.2.
            return self.respond(now, tx, message, 500);
        }
        match (message.method(), in_dialog, known) {
            (Method::Invite, false, _) => self.invited(now, tx, message),
            (Method::Invite, true, Some(index)) => self.reinvited(now, tx, index, message),
            (Method::Bye, true, Some(index)) => {
                self.respond(now, tx, message, 200);
                self.bye = Some(message.clone());
                let reason =
                    message.header(Name::Reason).map(|value| String::from_utf8_lossy(value).into_owned());
                self.calls[index].over(now, Why::ByPeer(reason));
            }
            (Method::Options | Method::Notify, ..) => self.respond(now, tx, message, 200),
            _ => self.respond(now, tx, message, 481),
        }
    }

    fn invited(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let call_id = String::from_utf8_lossy(message.call_id().unwrap_or_default()).into_owned();
        let index = self.open(call_id, true);
        let call = &mut self.calls[index];
        call.server = Some(tx);
        call.invite = Some(message.clone());
        let early = match self.treatment {
            Treatment::Ring => None,
            Treatment::Answer(after) => {
                call.answer_at = Some(now + after);
                None
            }
            Treatment::Refuse(status, after) => {
                call.answer_at = Some(now + after);
                call.refuse_with = status;
                None
            }
            Treatment::EarlyMedia => self.answer_body(index, message),
        };
        let tag = self.calls[index].tag.clone();
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let mut response = match early {
            Some(_) => ResponseWriter::to(message, 183, "Session Progress"),
            None => ResponseWriter::to(message, 180, "Ringing"),
        };
        response.to_tag(tag.as_bytes()).with_record_route();
        response.header(Name::Contact, contact.as_bytes());
        if let Some(body) = &early {
            response.body(b"application/sdp", body);
            self.calls[index].speak_at = Some(now);
        }
        let bytes = response.finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    fn reinvited(&mut self, now: Instant, tx: ServerTx, index: usize, message: &Message) {
        if self.calls[index].reinvite_pending {
            // RFC 3261 section 14.2.
            return self.respond(now, tx, message, 491);
        }
        if self.calls[index].state != State::Up {
            return self.respond(now, tx, message, 481);
        }
        self.calls[index].local.version += 1;
        self.calls[index].local.direction = Direction::SendRecv;
        if let Ok(remote) = sdp::read(message.body_slice())
            && let Some(audio) = &remote.audio
        {
            self.calls[index].told.push((now, audio.direction.attribute()));
        }
        let Some(body) = self.answer_body(index, message) else { return self.respond(now, tx, message, 488) };
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        let bytes = ResponseWriter::to(message, 200, "OK")
            .header(Name::Contact, contact.as_bytes())
            .body(b"application/sdp", &body)
            .finish();
        self.calls[index].reinvite_server = Some(tx);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    fn acknowledged(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let of = |call: &Call| call.server == Some(tx) || call.reinvite_server == Some(tx);
        let Some(index) = self.calls.iter().position(of) else { return };
        let call = &mut self.calls[index];
        call.ack_seen = true;
        if std::mem::take(&mut call.answer_in_ack)
            && let Ok(remote) = sdp::read(message.body_slice())
        {
            call.agreed = sdp::agree(&call.local, &remote).ok();
        }
        if std::mem::take(&mut call.leave_when_acked) {
            self.hang_up(now, index);
        }
    }

    fn cancelled(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let Some(index) = self.calls.iter().position(|call| call.server == Some(tx)) else { return };
        let reason = message.header(Name::Reason).map(|value| String::from_utf8_lossy(value).into_owned());
        let call = &mut self.calls[index];
        let Some(invite) = call.invite.clone() else { return };
        call.over(now, Why::Cancelled(reason));
        let tag = call.tag.clone();
        let bytes = ResponseWriter::to(&invite, 487, "Request Terminated").to_tag(tag.as_bytes()).finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    fn responded(&mut self, now: Instant, tx: ClientTx, purpose: Purpose, message: &Message) {
        let status = message.status().unwrap_or(0);
        match purpose {
            Purpose::Invite(index) => self.invite_response(now, tx, index, status, message),
            Purpose::Reinvite(index) => self.reinvite_response(now, tx, index, status, message),
            Purpose::Bye(index) if status >= 200 => self.calls[index].over(now, Why::HungUp),
            Purpose::Register if status >= 200 => self.register_response(now, status, message),
            Purpose::Other if status >= 200 => self.others.push(message.clone()),
            Purpose::Bye(_) | Purpose::Register | Purpose::Other => {}
        }
    }

    fn register_response(&mut self, now: Instant, status: u16, message: &Message) {
        if status == 401 && !self.account.challenged {
            self.account.challenged = true;
            let value = self.login(message, Method::Register, &format!("sip:{DOMAIN}"));
            self.send_register(now, value);
            return;
        }
        self.account.status = Some(status);
        self.account.answer = Some(message.clone());
    }

    fn invite_response(&mut self, now: Instant, tx: ClientTx, index: usize, status: u16, message: &Message) {
        if self.calls[index].statuses.last().is_none_or(|(_, last)| *last != status) {
            self.calls[index].statuses.push((now, status));
        }
        self.check_tag(index, status, message);
        match status {
            401 if !self.calls[index].challenged && !self.calls[index].cancelled_by_us => {
                self.calls[index].challenged = true;
                let to = self.calls[index].to.clone();
                let value = self.login(message, Method::Invite, &to);
                self.send_invite(now, index, value);
            }
            200..=299 => self.invite_answered(now, tx, index, message),
            101..=199 => {
                if !message.body_slice().is_empty() {
                    self.agree(index, message);
                }
            }
            300.. => self.calls[index].over(now, Why::Refused(status)),
            _ => {}
        }
    }

    /// RFC 3261 section 8.2.6.2: "The same tag MUST be used for all responses to that request, both final and
    /// provisional (again excepting the 100 (Trying))". The challenge answers another request.
    fn check_tag(&mut self, index: usize, status: u16, message: &Message) {
        if matches!(status, 100 | 401) {
            return;
        }
        let tag = message.to().ok().and_then(|to| to.tag()).map(<[u8]>::to_vec);
        let first = self.calls[index].peer_tag.get_or_insert(tag.clone().unwrap_or_default());
        assert_eq!(Some(&*first), tag.as_ref(), "another To tag in the {status} of one INVITE");
    }

    /// RFC 3264 section 8: the session keeps its id; a body that differs from the one before has a higher version.
    fn check_body(&mut self, index: usize, body: &[u8]) {
        let text = String::from_utf8_lossy(body).into_owned();
        let origin = text.lines().find_map(|line| line.strip_prefix("o=")).expect("SDP has an origin");
        let fields: Vec<&str> = origin.split(' ').collect();
        let version: u64 = fields[2].parse().expect("a version is a number");
        if let Some(before) = self.calls[index].bodies.last() {
            let before = String::from_utf8_lossy(before).into_owned();
            let origin = before.lines().find_map(|line| line.strip_prefix("o=")).expect("SDP has an origin");
            let old: Vec<&str> = origin.split(' ').collect();
            let old_version: u64 = old[2].parse().expect("a version is a number");
            assert_eq!(fields[1], old[1], "the session's id changed");
            let same = text == before;
            assert!(same || version > old_version, "the version stayed at {version}:\n{before}\n{text}");
        }
        self.calls[index].bodies.push(body.to_vec());
    }

    fn agree(&mut self, index: usize, message: &Message) {
        self.check_body(index, message.body_slice());
        let call = &mut self.calls[index];
        let remote = sdp::read(message.body_slice()).expect("the switch's SDP can be read");
        call.agreed =
            Some(sdp::agree(&call.local, &remote).expect("the switch answers with what was offered"));
    }

    fn invite_answered(&mut self, now: Instant, tx: ClientTx, index: usize, message: &Message) {
        let flow = self.flow(self.server);
        let Some(request) = self.calls[index].request.clone() else { return };
        let dialog = Dialog::uac(&request, message, flow).expect("the switch's 200 makes a dialog");
        self.calls[index].dialog = Some(dialog);
        let answer = self.answer_for_ack(index, message);
        self.send_ack(now, tx, index, message, answer);
        if self.calls[index].cancelled_by_us {
            self.calls[index].up(now);
            return self.hang_up(now, index);
        }
        self.calls[index].up(now);
    }

    /// Takes the answer, or makes ours to an offer in the 2xx.
    fn answer_for_ack(&mut self, index: usize, message: &Message) -> Option<Vec<u8>> {
        let call = &self.calls[index];
        let asked = (call.offerless && call.state == State::Calling) || call.reinvite_offerless;
        if asked {
            return self.answer_body(index, message);
        }
        if !message.body_slice().is_empty() {
            self.agree(index, message);
        }
        None
    }

    fn send_ack(
        &mut self,
        now: Instant,
        tx: ClientTx,
        index: usize,
        message: &Message,
        body: Option<Vec<u8>>,
    ) {
        let branch = self.endpoint.branch();
        let flow = self.flow(self.server);
        let Some(dialog) = &self.calls[index].dialog else { return };
        let cseq = message.cseq().expect("a response has a CSeq").number;
        let mut ack = dialog.ack_for(cseq, self.sip.to_string().as_bytes(), &branch);
        if let Some(body) = body {
            ack.body(b"application/sdp", &body);
        }
        let bytes = ack.finish();
        self.endpoint.ack(now, tx, bytes, flow, &mut self.effects);
    }

    fn reinvite_response(
        &mut self,
        now: Instant,
        tx: ClientTx,
        index: usize,
        status: u16,
        message: &Message,
    ) {
        if status < 200 {
            return;
        }
        let first = std::mem::take(&mut self.calls[index].reinvite_pending);
        if first {
            self.calls[index].reinvites.push(status);
        }
        match status {
            200..=299 => {
                let answer = self.answer_for_ack(index, message);
                self.calls[index].reinvite_offerless = false;
                self.send_ack(now, tx, index, message, answer);
            }
            491 => {
                // RFC 3261 section 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2 s.
                let (least, steps) = if self.calls[index].incoming { (0, 200) } else { (210, 190) };
                let wait = Duration::from_millis(10 * (least + self.random.below(steps)));
                self.calls[index].reinvite_retry = Some(now + wait);
            }
            _ => {}
        }
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
