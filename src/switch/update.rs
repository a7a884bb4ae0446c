//! UPDATE (RFC 3311) from a party: a refresh of the session, a new Contact, or a new offer, before the answer or after.
//!
//! Not our own UPDATEs, which refresh sessions (`session_timer`). A hold that comes so is passed on as any other.

use crate::call::LegId;
use crate::clock::Now;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::requests::ALLOW;
use crate::switch::requests::SUPPORTED;
use crate::switch::session_timer;
use crate::switch::write;

/// Whether an offer may come now.
enum Turn {
    /// It may.
    Theirs,
    /// RFC 3311 section 5.2: an offer of ours is not answered yet: 491.
    Ours,
    /// RFC 3311 section 5.2: we have not answered theirs yet: 500 with Retry-After.
    Unanswered,
}

impl Leg {
    fn turn(&self) -> Turn {
        if self.renegotiation.ours || self.renegotiation.answer_in_ack {
            return Turn::Ours;
        }
        match &self.phase {
            Phase::Up | Phase::Leaving { .. } => Turn::Theirs,
            Phase::Incoming { .. } => match &self.reliable {
                Some(reliable) if reliable.sdp_acknowledged() => Turn::Theirs,
                Some(_) if self.remote.is_none() => Turn::Ours,
                Some(_) | None => Turn::Unanswered,
            },
            // Our INVITE's offer is answered for good when the answer came reliably.
            Phase::Planned | Phase::Outgoing { .. } => {
                let reliably = self.dialog_id.as_ref().is_some_and(|dialog| self.received.knows(dialog));
                if reliably && self.agreed.is_some() { Turn::Theirs } else { Turn::Ours }
            }
        }
    }

    fn takes_updates(&self) -> bool {
        match &self.phase {
            Phase::Up | Phase::Incoming { .. } | Phase::Outgoing { cancelled: None, .. } => true,
            Phase::Planned | Phase::Leaving { .. } | Phase::Outgoing { cancelled: Some(_), .. } => false,
        }
    }
}

impl Core {
    /// An UPDATE came.
    pub(crate) fn update_received(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        if !self.legs.get(&id).is_some_and(Leg::takes_updates) {
            return self.reply(now, tx, message, 481, "Call/Transaction Does Not Exist");
        }
        if !self.session_acceptable(now, tx, message) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.peer.learn(message);
        let has_offer = !message.body_slice().is_empty();
        if has_offer && !write::is_sdp(message) {
            self.reply_with(now, tx, message, 415, "Unsupported Media Type", |response| {
                response.header(Name::Accept, b"application/sdp");
            });
            return;
        }
        if has_offer {
            match leg.turn() {
                Turn::Theirs => {}
                Turn::Ours => return self.reply(now, tx, message, 491, "Request Pending"),
                Turn::Unanswered => return self.previous_offer_pending(now, tx, message),
            }
        }
        // RFC 3311 section 5.2: UPDATE is a target refresh request.
        if leg.dialog.as_mut().is_some_and(|dialog| dialog.refresh(message).is_err()) {
            return self.reply(now, tx, message, 400, "Bad Contact");
        }
        if has_offer && !self.answer_reoffer(id, message) {
            // RFC 3311 section 5.2: 488 refuses the change; everything stays as it was.
            return self.reply(now, tx, message, 488, "Not Acceptable Here");
        }
        self.accept_update(now, tx, id, message, has_offer);
    }

    fn accept_update(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message, has_offer: bool) {
        // RFC 4028 section 7.4: before the answer there is no session to be timed.
        let is_up = self.legs.get(&id).is_some_and(Leg::is_up);
        let granted = if is_up { self.grant_session(now, id, message) } else { None };
        let Some(leg) = self.legs.get(&id) else { return };
        let contact = write::contact_of(self.addresses.signalling(&leg.flow), leg.flow);
        let body = leg.body.clone().filter(|_| has_offer);
        self.reply_with(now, tx, message, 200, "OK", |response| {
            session_timer::write_granted(response, granted);
            response
                .header(Name::Contact, contact.as_bytes())
                .header(Name::Allow, ALLOW.as_bytes())
                .header(Name::Supported, SUPPORTED.as_bytes());
            if let Some(body) = body {
                response.body(b"application/sdp", &body);
            }
        });
    }

    /// RFC 3261 section 14.2 and RFC 3311 section 5.2: 500 with a Retry-After of 0 to 10 seconds.
    fn previous_offer_pending(&mut self, now: Now, tx: ServerTx, message: &Message) {
        let seconds = self.random.below(11);
        self.reply_with(now, tx, message, 500, "Previous Offer Pending", |response| {
            response.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
        });
    }
}
