//! Calls that come in: ringing, answering, refusing.

use crate::clock::Instant;
use crate::sdp;
use crate::sim::party::Event;
use crate::sim::party::Party;
use crate::sim::party::Reaction;
use crate::sim::party::Timer;
use crate::sim::party::Treatment;
use crate::sim::party::call::Call;
use crate::sim::party::call::CallKey;
use crate::sim::party::call::End;
use crate::sim::party::call::Invite;
use crate::sim::party::call::State;
use crate::sim::party::caller::ALLOW;
use crate::sim::voice::Voice;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::ResponseWriter;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

/// A call that nobody treats is refused then (480).
const UNTREATED: Duration = Duration::from_secs(60);

impl Party {
    pub(in crate::sim::party) fn invited(
        &mut self,
        now: Instant,
        tx: ServerTx,
        request: &Message,
        flow: Flow,
    ) {
        if self.calls.len() >= self.settings.calls_max {
            self.reply(now, tx, request, 486, "Busy Here");
            return;
        }
        let tag = self.endpoint.tag();
        let dialog = match Dialog::uas(request, &tag, flow) {
            Ok(dialog) => dialog,
            Err(defect) => {
                self.reply(now, tx, request, defect.status, defect.reason);
                return;
            }
        };
        self.received += 1;
        let key = CallKey::received(self.received);
        let remote = remote_of(request);
        let socket = self.lines.open(now, key.0, remote, &mut self.random);
        let local = self.local(socket);
        let mut call = Call {
            from: user_of(request.from().ok().map(|from| from.uri.user_decoded())),
            to: user_of(request.request_uri().ok().map(|uri| uri.user_decoded())),
            state: State::Invited,
            invite: Invite::Received(tx),
            request: Some(request.clone()),
            reinvite: None,
            dialog: None,
            tag,
            login: None,
            challenges: 0,
            local,
            body: Bytes::new(),
            agreed: None,
            voice: Voice::Mute,
            talk: None,
            reaction: None,
            started: now,
            rang: None,
            answered: None,
            end_by: None,
            code: 0,
        };
        if !offer_answered(&mut call, request) {
            self.lines.close(key.0);
            self.reply(now, tx, request, 488, "Not Acceptable Here");
            return;
        }
        self.by_dialog.insert(dialog.id().clone(), key);
        self.by_server_tx.insert(tx, key);
        call.dialog = Some(dialog);
        let (from, to) = (call.from.clone(), call.to.clone());
        self.calls.insert(key, call);
        self.end_by(key, now + UNTREATED);
        self.events.push(Event::Invited { call: key, from, to });
    }

    pub(in crate::sim::party) fn treat(&mut self, now: Instant, key: CallKey, treatment: Treatment) {
        let longest = self.settings.call_longest;
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.state != State::Invited || call.reaction.is_some() {
            return;
        }
        call.voice = treatment.voice;
        call.talk = treatment.talk;
        call.reaction = Some(treatment.then);
        let started = call.started;
        self.end_by(key, started + longest);
        match treatment.ring_after {
            Some(Duration::ZERO) => self.ring(now, key),
            Some(after) => {
                self.timers.insert((started + after, Timer::Ring(key)));
            }
            None => {}
        }
        match treatment.then {
            Reaction::Answer(Duration::ZERO) | Reaction::Refuse(_, Duration::ZERO) => self.react(now, key),
            Reaction::Answer(after) | Reaction::Refuse(_, after) => {
                self.timers.insert((started + after, Timer::React(key)));
            }
            Reaction::Ignore => {}
        }
    }

    pub(in crate::sim::party) fn ring(&mut self, now: Instant, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.state == State::Invited {
            call.rang.get_or_insert(now);
            self.respond_to_invite(now, key, 180, "Ringing");
        }
    }

    pub(in crate::sim::party) fn react(&mut self, now: Instant, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.state != State::Invited {
            return;
        }
        match call.reaction {
            Some(Reaction::Answer(_)) => {
                call.state = State::Up;
                if let Some(dialog) = &mut call.dialog {
                    dialog.confirm();
                }
                self.respond_to_invite(now, key, 200, "OK");
                self.connect(key, true);
                self.up(now, key);
            }
            Some(Reaction::Refuse(code, _)) => self.refuse(now, key, code),
            Some(Reaction::Ignore) | None => {}
        }
    }

    pub(in crate::sim::party) fn refuse(&mut self, now: Instant, key: CallKey, code: u16) {
        let reason = match code {
            480 => "Temporarily Unavailable",
            486 => "Busy Here",
            487 => "Request Terminated",
            603 => "Decline",
            _ => "Refused",
        };
        self.respond_to_invite(now, key, code, reason);
        self.finish(now, key, code, if code == 487 { End::Cancelled } else { End::Refused });
    }

    /// The caller sent CANCEL.
    pub(in crate::sim::party) fn cancelled(&mut self, now: Instant, tx: ServerTx) {
        if let Some(key) = self.by_server_tx.get(&tx).copied() {
            self.refuse(now, key, 487);
        }
    }

    /// The ACK to our 200 came; where the INVITE brought no offer it brings the answer to ours.
    pub(in crate::sim::party) fn acknowledged(&mut self, now: Instant, tx: ServerTx, ack: &Message) {
        let Some(key) = self.by_server_tx.get(&tx).copied() else { return };
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.agreed.is_some() {
            return;
        }
        let theirs = sdp::read(&ack.body()).ok();
        call.agreed = theirs.and_then(|theirs| sdp::agree(&call.local, &theirs).ok());
        if call.agreed.is_some() {
            self.connect(key, true);
        } else {
            self.bye(now, key, End::NoMedia);
        }
    }

    pub(in crate::sim::party) fn ack_missing(&mut self, now: Instant, tx: ServerTx) {
        if let Some(key) = self.by_server_tx.get(&tx).copied() {
            self.bye(now, key, End::NoAck);
        }
    }

    fn respond_to_invite(&mut self, now: Instant, key: CallKey, code: u16, reason: &str) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let (Some(request), Invite::Received(tx)) = (&call.request, call.invite) else { return };
        call.code = code;
        let mut writer = ResponseWriter::to(request, code, reason);
        writer.to_tag(call.tag.as_bytes());
        if code < 300 {
            writer.with_record_route();
            writer.header_fmt(Name::Contact, format_args!("<sip:{}@{}>", call.to, self.settings.sip));
        }
        if code == 200 {
            writer.header(Name::Allow, ALLOW);
            writer.body(b"application/sdp", &call.body);
        }
        let bytes = writer.finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    /// A request outside of any call.
    pub(in crate::sim::party) fn requested_outside(&mut self, now: Instant, tx: ServerTx, request: &Message) {
        match request.method() {
            Method::Options => self.reply(now, tx, request, 200, "OK"),
            Method::Bye | Method::Cancel => self.reply(now, tx, request, 481, "Call Does Not Exist"),
            Method::Notify => self.reply(now, tx, request, 489, "Bad Event"),
            Method::Invite
            | Method::Ack
            | Method::Register
            | Method::Prack
            | Method::Subscribe
            | Method::Publish
            | Method::Info
            | Method::Refer
            | Method::Message
            | Method::Update
            | Method::Other(_) => self.reply(now, tx, request, 405, "Method Not Allowed"),
        }
    }

    /// Answers with a bare response.
    pub(in crate::sim::party) fn reply(
        &mut self,
        now: Instant,
        tx: ServerTx,
        request: &Message,
        code: u16,
        reason: &str,
    ) {
        let tag = self.endpoint.tag();
        let mut writer = ResponseWriter::to(request, code, reason);
        writer.to_tag(tag.as_bytes());
        if code == 405 || request.method() == Method::Options {
            writer.header(Name::Allow, ALLOW);
        }
        let bytes = writer.finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }
}

/// Prepares our body: the answer to the INVITE's offer, or an offer when it has none. False when there is nothing
/// that both could speak.
fn offer_answered(call: &mut Call, request: &Message) -> bool {
    let body = request.body();
    if body.is_empty() {
        call.body = Bytes::from(sdp::offer(&call.local));
        return true;
    }
    let answered = sdp::read(&body).ok().and_then(|offer| sdp::answer(&offer, &call.local, None).ok());
    let Some((body, agreed)) = answered else { return false };
    call.body = Bytes::from(body);
    call.agreed = Some(agreed);
    true
}

fn remote_of(request: &Message) -> Option<SocketAddr> {
    Some(sdp::read(&request.body()).ok()?.audio?.rtp)
}

fn user_of(user: Option<std::borrow::Cow<'_, [u8]>>) -> String {
    user.map(|user| String::from_utf8_lossy(&user).into_owned()).unwrap_or_default()
}
