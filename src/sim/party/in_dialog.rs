//! Calls that are up: re-INVITE, BYE from either side, and the end of every call.

use crate::clock::Instant;
use crate::sdp;
use crate::sim::party::Event;
use crate::sim::party::Party;
use crate::sim::party::Purpose;
use crate::sim::party::Timer;
use crate::sim::party::call::CallKey;
use crate::sim::party::call::CallReport;
use crate::sim::party::call::End;
use crate::sim::party::call::Invite;
use crate::sim::party::call::State;
use crate::sim::party::caller::ALLOW;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Order;
use crate::sip::dialog::id;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::Uri;
use crate::sip::msg::write::ResponseWriter;
use bytes::Bytes;
use std::net::SocketAddr;

/// The port of a URI without one (RFC 3261 section 19.1.2).
const SIP_PORT: u16 = 5060;

impl Party {
    pub(in crate::sim::party) fn requested_in_dialog(
        &mut self,
        now: Instant,
        tx: ServerTx,
        request: &Message,
        flow: Flow,
    ) {
        let key = id::of_request(request).and_then(|id| self.by_dialog.get(&id).copied());
        let Some(key) = key else {
            self.reply(now, tx, request, 481, "Call/Transaction Does Not Exist");
            return;
        };
        let order = self
            .calls
            .get_mut(&key)
            .and_then(|call| call.dialog.as_mut())
            .map(|dialog| dialog.receive_request(request, flow));
        if !matches!(order, Some(Ok(Order::Next))) {
            // RFC 3261 section 12.2.2: out of order is answered 500.
            self.reply(now, tx, request, 500, "Server Internal Error");
            return;
        }
        match request.method() {
            Method::Bye => {
                self.reply(now, tx, request, 200, "OK");
                let code = self.calls.get(&key).map_or(0, |call| call.code);
                self.finish(now, key, code, End::ByPeer);
            }
            Method::Invite => self.reinvited(now, tx, key, request),
            Method::Options | Method::Info | Method::Message => self.reply(now, tx, request, 200, "OK"),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Refer
            | Method::Update
            | Method::Other(_) => self.reply(now, tx, request, 405, "Method Not Allowed"),
        }
    }

    /// Answers a re-INVITE as a phone does: hold is obeyed, new addresses are taken.
    fn reinvited(&mut self, now: Instant, tx: ServerTx, key: CallKey, request: &Message) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        if call.state != State::Up {
            // RFC 3261 section 14.2: one INVITE at a time.
            self.reply(now, tx, request, 491, "Request Pending");
            return;
        }
        let body = request.body();
        let (body, agreed) = if body.is_empty() {
            (sdp::offer(&call.local), None)
        } else {
            let prefer = call.agreed.as_ref().map(|agreed| &agreed.codec);
            let offer = sdp::read(&body).ok();
            match offer.and_then(|offer| sdp::answer(&offer, &call.local, prefer).ok()) {
                Some((body, agreed)) => (body, Some(agreed)),
                None => {
                    self.reply(now, tx, request, 488, "Not Acceptable Here");
                    return;
                }
            }
        };
        call.body = Bytes::from(sdp::renew(&call.body, body));
        // Without an offer in it, its ACK brings what is agreed; until then nothing changes.
        let is_answered = agreed.is_some();
        call.agreed = agreed;
        if let Some(dialog) = &mut call.dialog
            && dialog.refresh(request).is_err()
        {
            self.reply(now, tx, request, 400, "Malformed Contact");
            return;
        }
        let mut writer = ResponseWriter::to(request, 200, "OK");
        writer.header_fmt(Name::Contact, format_args!("<sip:{}@{}>", self.user(key), self.settings.sip));
        writer.header(Name::Allow, ALLOW);
        if let Some(call) = self.calls.get(&key) {
            writer.body(b"application/sdp", &call.body);
        }
        let bytes = writer.finish();
        self.endpoint.respond(now, tx, bytes, &mut self.effects);
        if let Some(before) = self.calls.get_mut(&key).and_then(|call| call.reinvite.replace(tx)) {
            self.by_server_tx.remove(&before);
        }
        self.by_server_tx.insert(tx, key);
        if is_answered {
            self.connect(key, true);
        }
    }

    /// Our number in that call.
    fn user(&self, key: CallKey) -> &str {
        let is_ours = key.label().is_some();
        self.calls.get(&key).map_or("", |call| if is_ours { &call.from } else { &call.to })
    }

    /// Ends a call, whatever its state.
    pub(in crate::sim::party) fn leave(&mut self, now: Instant, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        match (call.state, call.invite) {
            (State::Inviting, Invite::Sent(tx)) => {
                call.state = State::Cancelling;
                self.endpoint.cancel(now, tx, None, &mut self.effects);
            }
            (State::Invited, _) => self.refuse(now, key, 480),
            (State::Up, _) => self.bye(now, key, End::HungUp),
            // Under way: the transaction's own timer ends it.
            (State::Inviting | State::Cancelling | State::Leaving(_), _) => {}
        }
    }

    pub(in crate::sim::party) fn bye(&mut self, now: Instant, key: CallKey, end: End) {
        let branch = self.endpoint.branch();
        self.lines.hush(key.0);
        let Some(call) = self.calls.get_mut(&key) else { return };
        if matches!(call.state, State::Leaving(_)) {
            return;
        }
        call.state = State::Leaving(end);
        let Some(dialog) = &mut call.dialog else {
            self.finish(now, key, 0, end);
            return;
        };
        let bytes = dialog.request(Method::Bye, &self.sent_by, &branch).finish();
        let hop = next_hop(dialog).unwrap_or(self.settings.server);
        let flow = self.flow(hop);
        let user = Purpose::Bye(key).to_user();
        self.endpoint.request(now, flow, bytes, user, &mut self.effects);
    }

    pub(in crate::sim::party) fn bye_response(&mut self, now: Instant, key: CallKey, code: u16) {
        let Some(call) = self.calls.get(&key) else { return };
        let State::Leaving(end) = call.state else { return };
        let invite_code = call.code;
        match code {
            0..=199 => {}
            200..=299 => self.finish(now, key, invite_code, end),
            // 481: both hung up at once and the peer has forgotten the call.
            481 => self.finish(now, key, invite_code, end),
            _ => self.finish(now, key, code, End::ByeUnanswered),
        }
    }

    /// Forgets a call and reports it.
    pub(in crate::sim::party) fn finish(&mut self, now: Instant, key: CallKey, code: u16, end: End) {
        let Some(call) = self.calls.remove(&key) else { return };
        if let Some(at) = call.end_by {
            self.timers.remove(&(at, Timer::HangUp(key)));
        }
        if let Some(dialog) = &call.dialog {
            self.by_dialog.remove(dialog.id());
        }
        if let Invite::Received(tx) = call.invite {
            self.by_server_tx.remove(&tx);
        }
        if let Some(tx) = call.reinvite {
            self.by_server_tx.remove(&tx);
        }
        let (sent, hearing) = match self.lines.close(key.0) {
            Some(line) => (line.sent, line.ear.hearing()),
            None => Default::default(),
        };
        self.events.push(Event::Ended(Box::new(CallReport {
            call: key,
            from: call.from,
            to: call.to,
            started: call.started,
            rang: call.rang,
            answered: call.answered,
            ended: now,
            code,
            end,
            sent,
            hearing,
        })));
    }

    /// Where requests inside a dialog go: its first route or its target where that is an address, else the server.
    pub(in crate::sim::party) fn next_hop(&self, dialog: &Dialog) -> SocketAddr {
        next_hop(dialog).unwrap_or(self.settings.server)
    }
}

fn next_hop(dialog: &Dialog) -> Option<SocketAddr> {
    let uri = Uri::parse(dialog.next_hop()).ok()?;
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(SIP_PORT)))
}
