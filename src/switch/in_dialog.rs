//! Requests and responses inside a dialog: ACK, BYE, CANCEL, re-INVITE, and our own requests there.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::clock::Now;
use crate::sdp;
use crate::sip::dialog;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Order;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Renegotiation;
use crate::switch::refer;
use crate::switch::requests::ALLOW;
use crate::switch::requests::SUPPORTED;
use crate::switch::session_timer;
use crate::switch::write;

impl Core {
    /// A request with a To-tag.
    pub(crate) fn request_in_dialog(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        let leg = dialog::id::of_request(message).and_then(|id| self.dialogs.get(&id).copied());
        let Some(leg) = leg else {
            // RFC 3261 section 12.2.2: "If the UAS wishes to reject the request because it does not wish to recreate
            // the dialog, it MUST respond to the request with a 481".
            self.reply(now, tx, message, 481, "Call/Transaction Does Not Exist");
            return;
        };
        if let Some(dialog) = self.dialog(leg)
            && dialog.receive_request(message, flow) != Ok(Order::Next)
        {
            // RFC 3261 section 12.2.2: a lower CSeq is out of order and answered with 500.
            self.reply(now, tx, message, 500, "Out of Order");
            return;
        }
        // The dialog follows the peer to another flow (a NAT that changed its mind), and so do our requests.
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.flow = flow;
        }
        if message.method() != Method::Bye && !self.knows_extensions(now, tx, message) {
            return;
        }
        match message.method() {
            Method::Bye => self.bye_received(now, tx, leg, message),
            Method::Prack => self.prack_received(now, tx, leg, message),
            Method::Update => self.update_received(now, tx, leg, message),
            Method::Invite => self.reinvite_received(now, tx, leg, message, flow),
            Method::Options => self.options(now, tx, message),
            Method::Info => self.info_received(now, tx, leg, message),
            Method::Refer => self.refer_received(now, tx, leg, message),
            Method::Subscribe if refer::is_of_refer(message) => self.refer_subscribed(now, tx, leg, message),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Message
            | Method::Other(_) => self.not_allowed(now, tx, message),
        }
    }

    fn bye_received(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        self.reply(now, tx, message, 200, "OK");
        self.keep_reason(id, message);
        match self.legs.get(&id).map(|leg| &leg.phase) {
            // RFC 3261 section 15.1.2: the pending INVITE is answered 487.
            Some(Phase::Incoming { .. }) => {
                self.respond_to_invite(now, id, 487, "Request Terminated", None);
            }
            // RFC 3261 section 15: a called phone "MUST NOT send a BYE" before it has answered. Some do, and mean a
            // refusal; our INVITE still wants its final response.
            Some(Phase::Outgoing { cancelled, .. }) => {
                if cancelled.is_none() {
                    self.tell_leg(id, LegEvent::Failed(Cause::Declined));
                    self.hang_up(now, id, Cause::Declined);
                }
                return;
            }
            Some(Phase::Planned | Phase::Up | Phase::Leaving { .. }) | None => {}
        }
        self.tell_leg(id, LegEvent::Ended(Cause::Normal));
        self.drop_leg(id);
    }

    /// CANCEL of an INVITE that is not finally answered (RFC 3261 section 9.2). The endpoint has answered the CANCEL.
    pub(crate) fn cancel_received(&mut self, now: Now, tx: ServerTx, cancel: &Message) {
        let Some(id) = self.invites.get(&tx).copied() else { return };
        self.keep_reason(id, cancel);
        if let Some(Leg { phase: Phase::Incoming { .. }, .. }) = self.legs.get(&id) {
            self.respond_to_invite(now, id, 487, "Request Terminated", None);
            self.tell_leg(id, LegEvent::Ended(Cause::Cancelled));
            self.drop_leg(id);
        }
    }

    /// The ACK of our 2xx, which carries the answer when the offer was ours.
    pub(crate) fn ack_received(&mut self, now: Now, tx: ServerTx, message: &Message) {
        // Nobody asks for this INVITE any more.
        self.invites.remove(&tx);
        let leg = dialog::id::of_request(message).and_then(|id| self.dialogs.get(&id).copied());
        let Some(id) = leg else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.unacknowledged == Some(tx) {
            leg.unacknowledged = None;
        }
        if let Phase::Leaving { cause } = leg.phase {
            self.send_bye(now, id, cause);
            self.drop_leg(id);
            return;
        }
        if std::mem::take(&mut leg.renegotiation.answer_in_ack) {
            if !self.settle_remote_answer(id, message) {
                self.send_bye(now, id, Cause::NotAcceptable);
                self.tell_leg(id, LegEvent::Ended(Cause::NotAcceptable));
                self.drop_leg(id);
                return;
            }
            self.note_hold(id);
        }
        self.reinvite_wanted(now, id);
    }

    /// Tells the call when the party's last offer or answer has put the other on hold, or taken him back.
    fn note_hold(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let holds = leg.agreed.as_ref().is_some_and(|agreed| agreed.held);
        if std::mem::replace(&mut leg.holds, holds) != holds {
            self.tell_leg(id, LegEvent::Held(holds));
        }
    }

    /// RFC 3261 section 13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an
    /// ACK, the dialog is confirmed, but the session SHOULD be terminated. This is accomplished with a BYE".
    pub(crate) fn ack_missing(&mut self, now: Now, tx: ServerTx) {
        let Some(id) = self.invites.remove(&tx) else { return };
        if let Some(call) = self.legs.get(&id).map(|leg| leg.call) {
            self.note(now, call, "no ACK came for the answer".to_owned());
            tracing::warn!(
                call = %call,
                "no ACK came for our 200 within 32 s, so the call is hung up: the peer does not reach us at the address in \
                 our Contact; behind a NAT, set `sip.advertised`, and switch off SIP helpers of routers"
            );
        }
        self.send_bye(now, id, Cause::NoAck);
        self.tell_leg(id, LegEvent::Ended(Cause::NoAck));
        self.drop_leg(id);
    }

    fn reinvite_received(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message, flow: Flow) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.renegotiation.ours {
            // RFC 3261 section 14.2: our own re-INVITE is under way.
            self.reply(now, tx, message, 491, "Request Pending");
            return;
        }
        if !leg.is_up() || leg.renegotiation.answer_in_ack {
            // RFC 3261 section 14.2: 500 with a Retry-After of 0 to 10 seconds.
            let seconds = self.random.below(11);
            self.reply_with(now, tx, message, 500, "Previous Offer Pending", |response| {
                response.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
            });
            return;
        }
        leg.flow = flow;
        if !self.session_acceptable(now, tx, message) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.peer.learn(message);
        // RFC 3261 section 12.2.2: a target refresh request replaces the remote target.
        if leg.dialog.as_mut().is_some_and(|dialog| dialog.refresh(message).is_err()) {
            self.reply(now, tx, message, 400, "Bad Contact");
            return;
        }
        if message.body_slice().is_empty() {
            leg.local.version += 1;
            leg.body = Some(sdp::offer(&leg.local));
            leg.renegotiation.answer_in_ack = true;
        } else if !self.answer_reoffer(id, message) {
            // RFC 3261 section 14.2: 488 refuses the change; the session goes on as it was. T.38 ends here too.
            self.reply(now, tx, message, 488, "Not Acceptable Here");
            return;
        }
        self.respond_to_reinvite(now, tx, id, message);
        self.invites.insert(tx, id);
    }

    /// Answers a new offer; false when it can't be accepted and nothing was changed.
    pub(crate) fn answer_reoffer(&mut self, id: LegId, message: &Message) -> bool {
        let Ok(remote) = sdp::read(message.body_slice()) else { return false };
        self.draw_keys_for(id, &remote);
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let mut local = leg.local.clone();
        // What was passed on to this party (a hold) does not bind his own new offer.
        local.direction = sdp::Direction::SendRecv;
        local.version += 1;
        let wish = leg.agreed.as_ref().map(|agreed| agreed.codec.clone());
        let Ok((body, agreed)) = sdp::answer(&remote, &local, wish.as_ref()) else { return false };
        let holds = agreed.held;
        leg.local = local;
        leg.remote = Some(remote);
        leg.agree(agreed);
        leg.body = Some(body);
        let changed = std::mem::replace(&mut leg.holds, holds) != holds;
        self.describe(id);
        if changed {
            self.tell_leg(id, LegEvent::Held(holds));
        }
        true
    }

    /// Offers a new direction to a party: the hold of the other one, passed on.
    pub(crate) fn reinvite(&mut self, now: Now, id: LegId, direction: sdp::Direction) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let idle = leg.renegotiation == Renegotiation::default()
            && leg.retry_at.is_none()
            && leg.unacknowledged.is_none();
        if !idle {
            // RFC 3261 section 14.1: no re-INVITE beside another one, and none before the ACK; this one's turn comes.
            leg.wanted = Some(direction);
            return;
        }
        if !leg.is_up() || leg.local.direction == direction {
            return;
        }
        leg.direction_before = std::mem::replace(&mut leg.local.direction, direction);
        leg.local.version += 1;
        let body = sdp::offer(&leg.local);
        self.send_reinvite(now, id, body);
    }

    /// Sends a re-INVITE with this offer.
    pub(crate) fn send_reinvite(&mut self, now: Now, id: LegId, body: Vec<u8>) {
        let session = self.session_asked(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.body = Some(body.clone());
        leg.renegotiation.ours = true;
        let contact = write::contact_of(self.addresses.signalling(&leg.flow), leg.flow);
        self.send_in_dialog(now, id, Method::Invite, Purpose::Reinvite(id), |request| {
            session_timer::write_asked(request, session);
            request
                .header(Name::Contact, contact.as_bytes())
                .header(Name::Allow, ALLOW.as_bytes())
                .header(Name::Supported, SUPPORTED.as_bytes())
                .body(b"application/sdp", &body);
        });
    }

    /// The response to our re-INVITE.
    pub(crate) fn reinvite_response(
        &mut self,
        now: Now,
        tx: ClientTx,
        id: LegId,
        status: u16,
        message: &Message,
    ) {
        match status {
            ..=199 => {}
            200..=299 => {
                // RFC 3261 section 12.2.1.2: so does the 2xx to ours. One that can't be read leaves the old target.
                if let Some(dialog) = self.dialog(id) {
                    let _ = dialog.refresh(message);
                }
                self.send_ack(now, tx, id, message);
                if self.take_refreshing(id) {
                    self.settle_refreshed(id, message);
                } else {
                    self.settle_remote_answer(id, message);
                }
                self.session_confirmed(now, id, message);
                self.reinvite_over(now, id);
            }
            422 if self.refresh_with_longer_session(now, id, message) => {}
            _ => self.reinvite_failed(now, id, status),
        }
    }

    /// Our re-INVITE was refused or not answered.
    pub(crate) fn reinvite_failed(&mut self, now: Now, id: LegId, status: u16) {
        let refreshing = self.take_refreshing(id);
        if refreshing && matches!(status, 408 | 481) {
            return self.session_lost(now, id);
        }
        if refreshing {
            self.refresh_refused(now, id, status);
        } else if let Some(leg) = self.legs.get_mut(&id) {
            // RFC 3261 section 14.1: "the session parameters MUST remain unchanged, as if no re-INVITE had been issued".
            let refused = std::mem::replace(&mut leg.local.direction, leg.direction_before);
            leg.body = None;
            if status == 491 && leg.wanted.is_none() {
                leg.wanted = Some(refused);
            }
        }
        if status == 491 && !refreshing {
            self.retry_later(now, id);
        }
        self.reinvite_over(now, id);
        // RFC 3261 section 12.2.1.2: 481 and 408 say that the dialog is gone; any other leaves the session as it was.
        if matches!(status, 408 | 481) {
            self.send_bye(now, id, Cause::Failed);
            self.tell_leg(id, LegEvent::Ended(Cause::Failed));
            self.drop_leg(id);
        }
    }

    fn reinvite_over(&mut self, now: Now, id: LegId) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.renegotiation.ours = false;
        }
        self.reinvite_wanted(now, id);
    }

    /// Offers what had to wait for another offer's end.
    pub(crate) fn reinvite_wanted(&mut self, now: Now, id: LegId) {
        if let Some(leg) = self.legs.get_mut(&id)
            && leg.retry_at.is_none()
            && let Some(direction) = leg.wanted.take()
        {
            self.reinvite(now, id, direction);
        }
    }

    /// Sends a request in the leg's dialog; `finish` adds what is special to it.
    pub(crate) fn send_in_dialog(
        &mut self,
        now: Now,
        id: LegId,
        method: Method<'static>,
        purpose: Purpose,
        finish: impl FnOnce(&mut RequestWriter),
    ) {
        let branch = self.endpoint.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let flow = leg.flow;
        let sent_by = self.addresses.signalling(&flow).to_string();
        let Some(dialog) = leg.dialog.as_mut() else { return };
        let mut request = dialog.request(method, sent_by.as_bytes(), &branch);
        request.header(Name::UserAgent, self.config.sip.user_agent.as_bytes());
        finish(&mut request);
        let bytes = request.finish();
        self.request_sized(now, id, flow, bytes, purpose.pack());
        self.count_request_out(method, flow.transport);
    }

    /// The leg's dialog is known from now on.
    pub(crate) fn adopt_dialog(&mut self, id: LegId, dialog: Dialog) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let key = dialog.id().clone();
        self.recorder.belongs(leg.call, key.call_id());
        if let Some(old) = leg.dialog_id.replace(key.clone()) {
            self.dialogs.remove(&old);
        }
        leg.dialog = Some(dialog);
        self.dialogs.insert(key, id);
    }
}
