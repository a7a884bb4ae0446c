//! Reliable provisional responses (RFC 3262) on the legs: to a caller who demands them, and from a callee who sends them.
//!
//! Numbers, retransmission and order are `sip::reliable`'s. To a caller they are sent when he demands them, not when he
//! merely could take them: they cost a transaction each, and a 180 that is lost costs a ringing tone.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::clock::Now;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::reliable;
use crate::sip::reliable::Acknowledged;
use crate::sip::reliable::Due;
use crate::sip::reliable::Order;
use crate::sip::reliable::RAck;
use crate::sip::reliable::REL100;
use crate::sip::reliable::Reliable;
use crate::sip::transaction::timer::Timing;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use bytes::Bytes;

impl Leg {
    /// Whether a response to the caller's INVITE carries our SDP.
    pub(crate) fn carries_sdp(&self, status: u16) -> bool {
        match &self.reliable {
            // RFC 3261 section 13.3.1.4: SDP goes into the 2xx unless a reliable provisional response has had it.
            Some(reliable) if status >= 200 => !reliable.sdp_acknowledged(),
            // RFC 3262 section 5: without an offer in the INVITE, ours is in the first reliable response.
            Some(reliable) => {
                let sent = reliable.sdp_acknowledged() || reliable.holds_back_the_answer();
                !sent && (status != 180 || self.remote.is_none())
            }
            None => status != 180,
        }
    }
}

impl Core {
    /// Notes what the caller's INVITE says of extensions.
    pub(crate) fn adopt_extensions(&mut self, id: LegId, invite: &Message) {
        let first = u32::try_from(1 + self.random.below(1 << 30)).unwrap_or(1);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.peer.learn(invite);
        let demands = invite.require().any(|tag| tag.eq_ignore_ascii_case(REL100.as_bytes()));
        if let (true, Ok(cseq)) = (demands, invite.cseq()) {
            leg.reliable = Some(Reliable::new(cseq.number, first, Timing::default()));
        }
    }

    /// RFC 3261 section 13.2.1: our offer may not stand in an unreliable response; and before an answer there is no
    /// early audio.
    pub(crate) fn may_have_early_audio(&self, id: LegId) -> bool {
        self.legs.get(&id).is_some_and(|leg| leg.remote.is_some())
    }

    /// The caller made no offer and demands reliable responses: the first of them has ours.
    pub(crate) fn offers_in_provisional(&self, id: LegId) -> bool {
        self.legs.get(&id).is_some_and(|leg| leg.reliable.is_some() && leg.remote.is_none())
    }

    /// The RSeq of the next provisional response, where it is a reliable one.
    pub(crate) fn reliable_number(&mut self, id: LegId) -> Option<u32> {
        self.legs.get_mut(&id)?.reliable.as_mut()?.number()
    }

    /// Hands a response to what makes it reliable; gives it back when it is to be sent now.
    pub(crate) fn reliably(
        &mut self,
        now: Now,
        id: LegId,
        status: u16,
        rseq: Option<u32>,
        bytes: Bytes,
        has_sdp: bool,
    ) -> Option<Bytes> {
        let Some(reliable) = self.legs.get_mut(&id).and_then(|leg| leg.reliable.as_mut()) else {
            return Some(bytes);
        };
        let sent = match rseq {
            Some(rseq) => reliable.send(now.instant, rseq, bytes, has_sdp),
            None => Some(bytes),
        };
        if status >= 200 {
            reliable.finish();
        }
        self.arm_leg(id);
        sent
    }

    /// RFC 3262 section 3: the 2xx waits while SDP of ours is not acknowledged.
    pub(crate) fn answer_must_wait(&mut self, id: LegId, like: Option<LegId>) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let waits = leg.reliable.as_ref().is_some_and(Reliable::holds_back_the_answer);
        leg.answer_waits = waits.then_some(like);
        waits
    }

    /// A PRACK came.
    pub(crate) fn prack_received(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        let Some(rack) = RAck::of(message) else {
            return self.reply(now, tx, message, 400, "Missing Or Bad RAck");
        };
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(reliable) = &leg.reliable else {
            return self.reply(now, tx, message, 481, "Call/Transaction Does Not Exist");
        };
        // RFC 3262 section 5: the offer of a reliable response is answered in its PRACK, and in nothing else.
        let answers = reliable.awaits(rack) && reliable.holds_back_the_answer() && leg.remote.is_none();
        if answers && (message.body_slice().is_empty() || !self.settle_remote_answer(id, message)) {
            return self.reply(now, tx, message, 488, "Not Acceptable Here");
        }
        let Some(reliable) = self.legs.get_mut(&id).and_then(|leg| leg.reliable.as_mut()) else { return };
        match reliable.acknowledge(now.instant, rack) {
            Acknowledged::Unknown => {
                self.reply(now, tx, message, 481, "Call/Transaction Does Not Exist");
            }
            Acknowledged::Before => self.reply(now, tx, message, 200, "OK"),
            Acknowledged::Now(next) => {
                if answers {
                    self.reply(now, tx, message, 200, "OK");
                } else {
                    self.answer_prack(now, tx, id, message);
                }
                self.acknowledged(now, id, next);
            }
        }
    }

    /// The 200 to a PRACK; with the answer to its offer, which may follow a finished exchange (RFC 3262 section 5).
    fn answer_prack(&mut self, now: Now, tx: ServerTx, id: LegId, message: &Message) {
        if message.body_slice().is_empty() {
            return self.reply(now, tx, message, 200, "OK");
        }
        let settled = self
            .legs
            .get(&id)
            .and_then(|leg| leg.reliable.as_ref())
            .is_some_and(|reliable| reliable.sdp_acknowledged());
        if !settled || !self.answer_reoffer(id, message) {
            return self.reply(now, tx, message, 488, "Not Acceptable Here");
        }
        let body = self.legs.get(&id).and_then(|leg| leg.body.clone()).unwrap_or_default();
        self.reply_with(now, tx, message, 200, "OK", |response| {
            response.body(b"application/sdp", &body);
        });
    }

    /// What had to wait for the PRACK.
    fn acknowledged(&mut self, now: Now, id: LegId, next: Option<Bytes>) {
        if let (Some(bytes), Some(Leg { phase: Phase::Incoming { tx, .. }, .. })) = (next, self.legs.get(&id))
        {
            let tx = *tx;
            self.count_response_out(Method::Invite, 183);
            self.endpoint.respond(now.instant, tx, bytes, &mut self.effects);
        }
        self.arm_leg(id);
        if let Some(like) = self.legs.get_mut(&id).and_then(|leg| leg.answer_waits.take()) {
            self.answer(now, id, like);
        }
    }

    /// A reliable response of ours may be due.
    pub(crate) fn reliable_due(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Phase::Incoming { tx, .. } = leg.phase else { return };
        match leg.reliable.as_mut().map(|reliable| reliable.timeout(now.instant)) {
            Some(Due::Resend(bytes)) => self.endpoint.respond(now.instant, tx, bytes, &mut self.effects),
            Some(Due::Missing) => {
                // RFC 3262 section 3: a 5xx.
                let call = leg.call;
                self.note(now, call, "no PRACK came for a reliable response".to_owned());
                self.respond_to_invite(now, id, 504, "Server Time-out", None);
                self.tell_leg(id, LegEvent::Ended(Cause::Failed));
                self.drop_leg(id);
            }
            Some(Due::Nothing) | None => {}
        }
    }

    /// A provisional response of a callee that demands a PRACK gets one. False when the response is not to be taken: it
    /// came before, or one before it is missing.
    pub(crate) fn acknowledge_if_demanded(&mut self, now: Now, id: LegId, message: &Message) -> bool {
        let Some(rseq) = reliable::demanded(message) else { return true };
        // RFC 3262 section 4: without a To tag there is no dialog to acknowledge in.
        let (Some(dialog), Ok(cseq)) = (self.dialog_made(id, message), message.cseq()) else { return false };
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        if leg.received.receive(dialog.id(), rseq) != Order::Next {
            return false;
        }
        let rack = format!("{rseq} {} INVITE", cseq.number);
        self.send_prack(now, id, &rack, dialog, message);
        true
    }
}
