//! What a simulated phone does by itself with what comes: it answers what it must, acknowledges, and checks that the
//! switch keeps the rules that only a peer sees.

use super::call::{Call, State, Why};
use super::network::Packet;
use super::phone::{Phone, Purpose, Treatment};
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sdp;
use strowger::sdp::Direction;
use strowger::sip::dialog::Order;
use strowger::sip::endpoint::{ClientTx, Effect, ServerTx};
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};

impl Phone {
    pub(super) fn work(&mut self, now: Instant) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.effect(now, effect);
            }
        }
    }

    pub(super) fn effect(&mut self, now: Instant, effect: Effect) {
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
                Purpose::Refer(index) => self.calls[index].refers.push(408),
                Purpose::Update(index) => self.calls[index].extended.updates.push(408),
                Purpose::Prack(index) => self.calls[index].extended.pracks.push(408),
                Purpose::Subscribe(index) => self.watching[index].statuses.push(408),
                Purpose::Other => {}
            },
            // A phone that has forgotten its call does nothing about it; the switch does.
            Effect::LateAnswer { .. } => {}
            Effect::Malformed { reason, .. } => panic!("the switch sent a malformed message: {reason}"),
        }
    }

    pub(super) fn call_of(&self, message: &Message) -> Option<usize> {
        self.by_call_id.get(message.call_id().ok()?).copied()
    }

    pub(super) fn respond(&mut self, now: Instant, tx: ServerTx, request: &Message, status: u16) {
        let tag = self.endpoint.tag();
        let bytes = ResponseWriter::to(request, status, "So").to_tag(tag.as_bytes()).finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    pub(super) fn requested(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        if message.method() == Method::Notify && self.notified(now, tx, message) {
            return;
        }
        let in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        let known = self.call_of(message);
        if let Some(tag) = message.to().ok().and_then(|to| to.tag())
            && self.calls.iter().any(|call| call.forks.iter().any(|fork| fork.as_bytes() == tag))
        {
            // Another dialog of the same INVITE.
            return self.respond(now, tx, message, 200);
        }
        if !in_dialog && self.as_carrier(now, tx, message) {
            return;
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
            (Method::Prack, true, Some(index)) => self.prack_came(now, tx, index, message),
            (Method::Update, true, Some(index)) => self.updated(now, tx, index, message),
            (Method::Bye, true, Some(index)) => {
                self.respond(now, tx, message, 200);
                self.bye = Some(message.clone());
                let reason =
                    message.header(Name::Reason).map(|value| String::from_utf8_lossy(value).into_owned());
                self.calls[index].over(now, Why::ByPeer(reason));
            }
            (Method::Info, true, Some(_)) if self.allows_info => {
                self.respond(now, tx, message, 200);
                let body = String::from_utf8_lossy(message.body_slice()).into_owned();
                let signal = body.lines().find_map(|line| line.strip_prefix("Signal="));
                self.infos.extend(signal.and_then(|key| key.trim().chars().next()));
            }
            (Method::Notify, true, Some(index)) => {
                self.transfer_notified(now, index, message);
                self.respond(now, tx, message, 200);
            }
            (Method::Options | Method::Notify, ..) => self.respond(now, tx, message, 200),
            _ => self.respond(now, tx, message, 481),
        }
    }

    pub(super) fn invited(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        if self.refuses_session(now, tx, message) {
            return;
        }
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
            Treatment::Wait => return,
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

    pub(super) fn reinvited(&mut self, now: Instant, tx: ServerTx, index: usize, message: &Message) {
        if self.calls[index].reinvite_pending || self.calls[index].extended.update_pending {
            // RFC 3261 section 14.2.
            return self.respond(now, tx, message, 491);
        }
        if self.calls[index].state != State::Up {
            return self.respond(now, tx, message, 481);
        }
        self.calls[index].local.version += 1;
        // What it wants to offer itself after a glare stays so.
        if self.calls[index].reinvite_retry.is_none() {
            self.calls[index].local.direction = Direction::SendRecv;
        }
        if let Ok(remote) = sdp::read(message.body_slice())
            && let Some(audio) = &remote.audio
        {
            self.calls[index].told.push((now, audio.direction.attribute()));
        }
        let Some(body) = self.answer_body(index, message) else { return self.respond(now, tx, message, 488) };
        let contact = format!("<sip:{}@{}>", self.number, self.sip);
        self.note_refresh(now, index, message);
        let mut response = ResponseWriter::to(message, 200, "OK");
        response.header(Name::Contact, contact.as_bytes());
        self.write_session(now, index, message, &mut response);
        let bytes = response.body(b"application/sdp", &body).finish();
        self.calls[index].reinvite_server = Some(tx);
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    pub(super) fn acknowledged(&mut self, now: Instant, tx: ServerTx, message: &Message) {
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

    pub(super) fn cancelled(&mut self, now: Instant, tx: ServerTx, message: &Message) {
        let Some(index) = self.calls.iter().position(|call| call.server == Some(tx)) else { return };
        let reason = message.header(Name::Reason).map(|value| String::from_utf8_lossy(value).into_owned());
        let call = &mut self.calls[index];
        let Some(invite) = call.invite.clone() else { return };
        call.over(now, Why::Cancelled(reason));
        let tag = call.tag.clone();
        let bytes = ResponseWriter::to(&invite, 487, "Request Terminated").to_tag(tag.as_bytes()).finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
    }

    pub(super) fn responded(&mut self, now: Instant, tx: ClientTx, purpose: Purpose, message: &Message) {
        let status = message.status().unwrap_or(0);
        match purpose {
            Purpose::Invite(index) => self.invite_response(now, tx, index, status, message),
            Purpose::Reinvite(index) => self.reinvite_response(now, tx, index, status, message),
            Purpose::Bye(index) if status >= 200 => self.calls[index].over(now, Why::HungUp),
            Purpose::Register if status >= 200 => self.register_response(now, status, message),
            Purpose::Other if status >= 200 => self.others.push(message.clone()),
            Purpose::Refer(index) if status >= 200 => self.calls[index].refers.push(status),
            Purpose::Update(index) => self.update_response(now, index, status, message),
            Purpose::Prack(index) if status >= 200 => self.calls[index].extended.pracks.push(status),
            Purpose::Subscribe(index) => self.subscribe_response(now, index, status, message),
            Purpose::Bye(_) | Purpose::Register | Purpose::Prack(_) | Purpose::Other | Purpose::Refer(_) => {}
        }
    }

    pub(super) fn invite_response(
        &mut self,
        now: Instant,
        tx: ClientTx,
        index: usize,
        status: u16,
        message: &Message,
    ) {
        if self.calls[index].statuses.last().is_none_or(|(_, last)| *last != status) {
            self.calls[index].statuses.push((now, status));
        }
        self.check_tag(index, status, message);
        if (101..200).contains(&status) && !self.prack_demanded(now, index, message) {
            return;
        }
        match status {
            401 if !self.calls[index].challenged && !self.calls[index].cancelled_by_us => {
                self.calls[index].challenged = true;
                let to = self.calls[index].to.clone();
                let value = self.login(message, Method::Invite, &to);
                self.send_invite(now, index, value);
            }
            200..=299 => self.invite_answered(now, tx, index, message),
            101..=199 if !message.body_slice().is_empty() => self.agree(index, message),
            300.. => self.calls[index].over(now, Why::Refused(status)),
            _ => {}
        }
    }

    /// RFC 3261 section 8.2.6.2: "The same tag MUST be used for all responses to that request, both final and
    /// provisional (again excepting the 100 (Trying))". The challenge answers another request.
    pub(super) fn check_tag(&mut self, index: usize, status: u16, message: &Message) {
        if matches!(status, 100 | 401) {
            return;
        }
        let tag = message.to().ok().and_then(|to| to.tag()).map(<[u8]>::to_vec);
        let first = self.calls[index].peer_tag.get_or_insert(tag.clone().unwrap_or_default());
        assert_eq!(Some(&*first), tag.as_ref(), "another To tag in the {status} of one INVITE");
    }

    /// RFC 3264 section 8: the session keeps its id; a body that differs from the one before has a higher version.
    pub(super) fn check_body(&mut self, index: usize, body: &[u8]) {
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

    pub(super) fn agree(&mut self, index: usize, message: &Message) {
        self.check_body(index, message.body_slice());
        let call = &mut self.calls[index];
        let remote = sdp::read(message.body_slice()).expect("the switch's SDP can be read");
        call.agreed =
            Some(sdp::agree(&call.local, &remote).expect("the switch answers with what was offered"));
    }

    pub(super) fn invite_answered(&mut self, now: Instant, tx: ClientTx, index: usize, message: &Message) {
        self.calls[index].dialog = self.confirmed_dialog(index, message);
        self.session_granted(now, index, message);
        let answer = self.answer_for_ack(index, message);
        self.send_ack(now, tx, index, message, answer);
        if self.calls[index].cancelled_by_us {
            self.calls[index].up(now);
            return self.hang_up(now, index);
        }
        self.calls[index].up(now);
    }

    /// Takes the answer, or makes ours to an offer in the 2xx.
    pub(super) fn answer_for_ack(&mut self, index: usize, message: &Message) -> Option<Vec<u8>> {
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

    pub(super) fn send_ack(
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

    pub(super) fn reinvite_response(
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
                if self.calls[index].extended.seconds.is_some() {
                    self.session_granted(now, index, message);
                }
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
}
