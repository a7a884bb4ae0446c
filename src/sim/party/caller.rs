//! Calls that the party places: INVITE, its answers, ACK, CANCEL.
//!
//! Not the end of a call that is up, which is the same for both sides: `in_dialog`.

use crate::clock::Instant;
use crate::sdp;
use crate::sdp::Direction;
use crate::sdp::Local;
use crate::sdp::Security;
use crate::sim::line::Stream;
use crate::sim::party::CallOrder;
use crate::sim::party::Event;
use crate::sim::party::Party;
use crate::sim::party::Purpose;
use crate::sim::party::Timer;
use crate::sim::party::call::Call;
use crate::sim::party::call::CallKey;
use crate::sim::party::call::End;
use crate::sim::party::call::Invite;
use crate::sim::party::call::State;
use crate::sim::voice::Mouth;
use crate::sip::dialog::Dialog;
use crate::sip::digest::Challenge;
use crate::sip::digest::Login;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use bytes::Bytes;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

/// What we understand, for Allow headers.
pub(in crate::sim::party) const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, BYE, OPTIONS";
/// A wrong password is not tried again and again.
const CHALLENGES_MAX: u32 = 2;

impl Party {
    pub(in crate::sim::party) fn place(&mut self, now: Instant, order: CallOrder) {
        let key = CallKey::placed(order.label);
        if self.calls.contains_key(&key) {
            return;
        }
        let socket = self.lines.open(now, key.0, None, &mut self.random);
        let local = self.local(socket);
        let call = Call {
            from: order.from,
            to: order.to,
            state: State::Inviting,
            invite: Invite::None,
            request: None,
            reinvite: None,
            dialog: None,
            tag: self.endpoint.tag(),
            login: order.login,
            challenges: 0,
            body: Bytes::from(sdp::offer(&local)),
            local,
            agreed: None,
            voice: order.voice,
            talk: order.talk,
            reaction: None,
            started: now,
            rang: None,
            answered: None,
            end_by: None,
            code: 0,
        };
        self.calls.insert(key, call);
        self.end_by(key, now + order.ring_longest.min(self.settings.call_longest));
        self.send_invite(now, key, None);
    }

    /// What we say of ourselves in this call's bodies.
    pub(in crate::sim::party) fn local(&mut self, socket: usize) -> Local {
        let unset = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
        let rtp = self.settings.rtp.get(socket).copied().unwrap_or(unset);
        Local {
            address: rtp.ip(),
            port: rtp.port(),
            session_id: self.random.next_u64() >> 16,
            version: 1,
            codecs: self.settings.codecs.clone(),
            dtmf: true,
            direction: Direction::SendRecv,
            ptime_ms: 20,
            security: Security::Off,
            keys: Vec::new(),
        }
    }

    /// The number called as a URI at the server.
    fn target(&self, to: &str) -> String {
        if to.starts_with("sip:") || to.starts_with("sips:") {
            return to.to_owned();
        }
        format!("sip:{to}@{}", self.settings.server)
    }

    fn send_invite(&mut self, now: Instant, key: CallKey, authorization: Option<(Name, Vec<u8>)>) {
        let branch = self.endpoint.branch();
        let Some(call) = self.calls.get(&key) else { return };
        let uri = self.target(&call.to);
        let mut writer = RequestWriter::new(Method::Invite, uri.as_bytes());
        writer.via(Transport::Udp.into(), &self.sent_by, branch.as_bytes(), true);
        writer.header(Name::MaxForwards, b"70");
        let (from, domain, tag) = (&call.from, &self.settings.domain, &call.tag);
        writer.header_fmt(Name::From, format_args!("<sip:{from}@{domain}>;tag={tag}"));
        writer.header_fmt(Name::To, format_args!("<{uri}>"));
        // The retry after a challenge is the same call: the number tells them apart (RFC 3261 section 22.2).
        writer.header_fmt(Name::CallId, format_args!("{tag}.{}@{}", key.0, self.settings.sip.ip()));
        writer.cseq(call.challenges + 1, Method::Invite);
        writer.header_fmt(Name::Contact, format_args!("<sip:{from}@{}>", self.settings.sip));
        writer.header(Name::Allow, ALLOW);
        if let Some((name, value)) = authorization {
            writer.header(name, &value);
        }
        writer.body(b"application/sdp", &call.body);
        let bytes = writer.finish();
        let request = Message::parse(bytes.clone()).ok();
        let flow = self.flow(self.settings.server);
        let user = Purpose::Invite(key).to_user();
        let tx = self.endpoint.request(now, flow, bytes, user, &mut self.effects);
        if let Some(call) = self.calls.get_mut(&key) {
            call.request = request;
            call.invite = Invite::Sent(tx);
        }
    }

    pub(in crate::sim::party) fn invite_response(
        &mut self,
        now: Instant,
        key: CallKey,
        tx: ClientTx,
        response: &Message,
    ) {
        let code = response.status().unwrap_or(0);
        let Some(call) = self.calls.get_mut(&key) else { return };
        match code {
            0..=100 => {}
            101..=199 => {
                call.rang.get_or_insert(now);
                self.events.push(Event::Ringing { call: key, code });
                self.take_answer(key, response, false);
            }
            200..=299 => self.accepted(now, key, tx, response),
            401 | 407 if call.state == State::Inviting && call.challenges < CHALLENGES_MAX => {
                self.answer_challenge(now, key, response, code);
            }
            _ if call.state == State::Cancelling => self.finish(now, key, code, End::Cancelled),
            _ => self.finish(now, key, code, End::Refused),
        }
    }

    fn answer_challenge(&mut self, now: Instant, key: CallKey, response: &Message, code: u16) {
        let (asked, answered) = match code {
            401 => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let value = self.calls.get_mut(&key).and_then(|call| {
            let (user, password) = call.login.as_ref()?;
            let challenge = Challenge::topmost(response, asked)?;
            if call.challenges > 0 && !challenge.is_stale {
                return None;
            }
            let uri = call.request.as_ref()?.request_uri_raw();
            let login = Login::with_password(user, password);
            let value = login.answer(&challenge, Method::Invite, uri, 1, &mut self.random)?;
            call.challenges += 1;
            Some(value)
        });
        match value {
            Some(value) => self.send_invite(now, key, Some((answered, value))),
            None => self.finish(now, key, code, End::Refused),
        }
    }

    fn accepted(&mut self, now: Instant, key: CallKey, tx: ClientTx, response: &Message) {
        let is_up = self.calls.get(&key).is_some_and(|call| call.dialog.is_some());
        // The second answer of a fork: the dialog that we have is the one that counts, and nobody else's 2xx comes
        // here in a test without forking.
        if is_up {
            return;
        }
        let flow = self.flow(self.settings.server);
        let Some(call) = self.calls.get_mut(&key) else { return };
        let dialog = call.request.as_ref().and_then(|request| Dialog::uac(request, response, flow).ok());
        let Some(dialog) = dialog else {
            self.finish(now, key, 200, End::NoMedia);
            return;
        };
        call.code = response.status().unwrap_or(200);
        let wanted = call.state == State::Inviting;
        call.state = State::Up;
        self.send_ack(now, tx, &dialog);
        self.by_dialog.insert(dialog.id().clone(), key);
        if let Some(call) = self.calls.get_mut(&key) {
            call.dialog = Some(dialog);
        }
        if !wanted {
            // RFC 3261 section 9.1: a 2xx that crosses the CANCEL makes a dialog, which a BYE ends.
            self.bye(now, key, End::Cancelled);
        } else if self.take_answer(key, response, true) {
            self.up(now, key);
        } else {
            self.bye(now, key, End::NoMedia);
        }
    }

    fn send_ack(&mut self, now: Instant, tx: ClientTx, dialog: &Dialog) {
        let branch = self.endpoint.branch();
        let ack = dialog.ack_for(dialog.local_cseq(), &self.sent_by, &branch).finish();
        let flow = self.flow(self.next_hop(dialog));
        self.endpoint.ack(now, tx, ack, flow, &mut self.effects);
    }

    /// Takes the session description of a response. True when there is audio that both can speak.
    fn take_answer(&mut self, key: CallKey, response: &Message, is_final: bool) -> bool {
        let Some(call) = self.calls.get_mut(&key) else { return false };
        let body = response.body();
        if body.is_empty() {
            return call.agreed.is_some();
        }
        let agreed = sdp::read(&body).ok().and_then(|theirs| sdp::agree(&call.local, &theirs).ok());
        let Some(agreed) = agreed else { return false };
        call.agreed = Some(agreed);
        self.connect(key, is_final);
        true
    }

    /// Gives the call's line what was agreed; with a voice once the call is answered.
    pub(in crate::sim::party) fn connect(&mut self, key: CallKey, speaks: bool) {
        let Some(call) = self.calls.get(&key) else { return };
        let Some(agreed) = &call.agreed else { return };
        let stream = (speaks && agreed.direction.sends()).then(|| Stream {
            remote: agreed.remote,
            payload_type: agreed.send_payload,
            mouth: Mouth::new(call.voice, &agreed.codec),
        });
        self.lines.connect(key.0, agreed.remote, stream);
    }

    /// The call is answered: both talk.
    pub(in crate::sim::party) fn up(&mut self, now: Instant, key: CallKey) {
        let longest = self.settings.call_longest;
        let Some(call) = self.calls.get_mut(&key) else { return };
        call.answered = Some(now);
        let end = now + call.talk.unwrap_or(longest).min(longest);
        self.events.push(Event::Answered { call: key, took: now.since(call.started) });
        self.lines.answered(now, key.0);
        self.end_by(key, end);
    }

    /// Sets the time by which the call is ended by us, in place of the one before.
    pub(in crate::sim::party) fn end_by(&mut self, key: CallKey, at: Instant) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if let Some(before) = call.end_by.replace(at) {
            self.timers.remove(&(before, Timer::HangUp(key)));
        }
        self.timers.insert((at, Timer::HangUp(key)));
    }
}
