//! Handing a party over: one of two connected parties asks for it, the other one waits until the target answers.
//!
//! ```text
//!            Transfer           target answers
//!   Talking ──────────► Ringing ───────────────────────────────────► Talking (with the target)
//!                        │    │ fails, transferor has hung up
//!      fails, transferor │    └─► Recalling ─► Returning ── answers ─► Talking (with the transferor's phone)
//!      is still there    ▼                         └── fails ──────► Ended
//!   Talking ◄────────────┤
//!                        │  to a queue: Joining ── Joined ──────────► Waiting
//!                        └────────────────── Evicted: as above
//! ```
//! One machine for REFER, the API and the feature codes: they differ in who is told. While it lasts the party who is
//! handed over hears music, and the transferor, if he is still there, nothing. The party becomes the call's `caller`.

use crate::call::bridge::Call;
use crate::call::bridge::State;
use crate::call::cause::Cause;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::command::ToQueue;
use crate::call::command::TransferStep;
use crate::call::event::LegEvent;
use crate::call::event::LegId;
use crate::call::event::TransferTo;
use crate::call::ring::Ring;
use crate::clock::Instant;
use crate::clock::Now;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the target rings before the party is back with the transferor, and how long his phone rings then.
const TRANSFER_RING_MAX: Duration = Duration::from_secs(60);

/// How often the parties of one call may be handed over: two phones that transfer to each other must come to an end.
pub const TRANSFERS_MAX: u8 = 20;

/// Why nobody can be handed over now.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NoTransfer {
    /// The party is not connected with another one.
    NotTalking,
    /// Somebody is being handed over already.
    Pending,
    /// It was done too often in this call.
    TooOften,
}

/// A transfer under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// The transferor's leg.
    by: LegId,
    /// He has not hung up.
    there: bool,
    music: String,
    /// The queue's conversation, while its agent is in the call.
    offer: Option<OfferUid>,
    /// The party who is handed over holds.
    party_holds: bool,
    /// The transferor holds.
    by_holds: bool,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// The target's phones ring.
    Ringing { ring: Ring, until: Instant },
    /// The distributor was asked to take the party in.
    Joining { queue: QueueId, music: String },
    /// The switch was asked for the legs of the transferor's phone, since the transfer failed for this cause.
    Recalling { failed: Cause },
    /// The transferor's phones ring.
    Returning { ring: Ring, until: Instant, failed: Cause },
}

impl Transfer {
    /// When it wants `Timeout`.
    pub(in crate::call) fn until(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Ringing { until, .. } | Stage::Returning { until, .. } => Some(*until),
            Stage::Joining { .. } | Stage::Recalling { .. } => None,
        }
    }

    fn ring(&self) -> Option<&Ring> {
        match &self.stage {
            Stage::Ringing { ring, .. } | Stage::Returning { ring, .. } => Some(ring),
            Stage::Joining { .. } | Stage::Recalling { .. } => None,
        }
    }

    pub(in crate::call) fn rings(&self, leg: LegId) -> bool {
        self.ring().is_some_and(|ring| ring.has(leg))
    }

    fn ring_mut(&mut self) -> Option<&mut Ring> {
        match &mut self.stage {
            Stage::Ringing { ring, .. } | Stage::Returning { ring, .. } => Some(ring),
            Stage::Joining { .. } | Stage::Recalling { .. } => None,
        }
    }

    fn hang_up_ring(&self, cause: Cause, out: &mut Vec<Command>) {
        out.extend(self.ring().into_iter().flat_map(Ring::legs).map(|leg| Command::HangUp { leg, cause }));
    }
}

impl Call {
    /// Whether the party of this leg may hand the other one over now.
    ///
    /// # Errors
    /// Why not.
    pub fn can_transfer(&self, by: LegId) -> Result<(), NoTransfer> {
        match &self.state {
            // Who is together with a third party hands nobody over: which of the others would it be?
            State::Talking { .. } if self.has_third() => Err(NoTransfer::NotTalking),
            State::Talking { other, .. } if *other == by || self.caller == by => {
                if self.transfers < TRANSFERS_MAX { Ok(()) } else { Err(NoTransfer::TooOften) }
            }
            State::Transferring(_) => Err(NoTransfer::Pending),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Ringing { .. }
            | State::Joining { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => Err(NoTransfer::NotTalking),
        }
    }

    /// The party that this one is connected with.
    pub fn peer_of(&self, leg: LegId) -> Option<LegId> {
        match &self.state {
            State::Talking { other, .. } if *other == leg => Some(self.caller),
            State::Talking { other, .. } if self.caller == leg => Some(*other),
            State::New
            | State::Onward
            | State::Speaking { .. }
            | State::Menu(_)
            | State::Ringing { .. }
            | State::Joining { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Transferring(_)
            | State::Listening
            | State::Meeting { .. }
            | State::Ended => None,
        }
    }

    /// The leg of the agent whose queue conversation this is.
    pub fn agent_leg(&self) -> Option<LegId> {
        self.agent_leg
    }

    pub(in crate::call) fn is_transferring(&self) -> bool {
        matches!(self.state, State::Transferring(_))
    }

    fn transfer_mut(&mut self) -> Option<&mut Transfer> {
        if let State::Transferring(transfer) = &mut self.state { Some(transfer) } else { None }
    }

    pub(in crate::call) fn transfer(&mut self, now: Now, by: LegId, to: TransferTo, out: &mut Vec<Command>) {
        if self.can_transfer(by).is_err() {
            // What was asked in the same moment as something else that came first.
            if let TransferTo::Dial(legs) | TransferTo::Ringing(legs) = to {
                out.extend(legs.iter().map(|leg| Command::HangUp { leg: *leg, cause: Cause::Cancelled }));
            }
            return out.push(Command::Transfer { by, step: TransferStep::Failed(Cause::Cancelled) });
        }
        let State::Talking { other, offer, music, caller_holds, other_holds } = &self.state else { return };
        let (party, party_holds, by_holds) = if by == self.caller {
            (*other, *other_holds, *caller_holds)
        } else {
            (self.caller, *caller_holds, *other_holds)
        };
        let (music, offer) = (music.clone(), *offer);
        self.dismiss_guests(Cause::Transferred, out);
        self.caller = party;
        self.transfers += 1;
        out.push(Command::Note("a transfer was asked for"));
        let until = now.instant + TRANSFER_RING_MAX;
        let stage = match to {
            TransferTo::Dial(legs) => {
                out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like: party }));
                Stage::Ringing { ring: Ring::new(&legs), until }
            }
            TransferTo::Ringing(legs) => Stage::Ringing { ring: Ring::new(&legs), until },
            TransferTo::Queue { queue, music } => Stage::Joining { queue, music },
            TransferTo::Music(class) => {
                self.leave_to_music(now, by, offer, class, out);
                return;
            }
        };
        let nobody = matches!(&stage, Stage::Ringing { ring, .. } if ring.legs().next().is_none());
        if let (false, Some(offer)) = (party_holds || by_holds, offer) {
            out.push(Command::Queue(ToQueue::Held(offer, true)));
        }
        self.ledger.held(now, true);
        if let Stage::Joining { queue, .. } = &stage {
            out.push(Command::Queue(ToQueue::Join(queue.clone())));
        }
        let transfer = Transfer { by, there: true, music, offer, party_holds, by_holds, stage };
        self.enter(State::Transferring(Box::new(transfer)));
        self.hear_transfer(out);
        if nobody {
            self.transfer_failed(now, Cause::Unreachable, out);
        }
    }

    fn leave_to_music(
        &mut self,
        now: Now,
        by: LegId,
        offer: Option<OfferUid>,
        class: String,
        out: &mut Vec<Command>,
    ) {
        out.push(Command::Hear { leg: self.caller, what: Hear::Music(class) });
        out.push(Command::PassHold { leg: self.caller, held: false });
        self.ledger.held(now, false);
        self.enter(State::Listening);
        self.leave(by, offer, out);
    }

    /// Who hears what meanwhile.
    fn hear_transfer(&self, out: &mut Vec<Command>) {
        let State::Transferring(transfer) = &self.state else { return };
        let what = if transfer.party_holds { Hear::Silence } else { Hear::Music(transfer.music.clone()) };
        out.push(Command::Hear { leg: self.caller, what });
        if transfer.there {
            out.push(Command::Hear { leg: transfer.by, what: Hear::Silence });
        }
    }

    /// The transfer is done: the transferor is told and leaves.
    pub(in crate::call) fn leave(
        &mut self,
        by: LegId,
        offer: Option<OfferUid>,
        out: &mut Vec<Command>,
    ) -> Option<OfferUid> {
        out.push(Command::Transfer { by, step: TransferStep::Done });
        out.push(Command::HangUp { leg: by, cause: Cause::Normal });
        self.agent_leaves(by, offer, out)
    }

    /// A leg leaves the call while others stay. Where it was the agent's, the queue's conversation is over.
    pub(in crate::call) fn agent_leaves(
        &mut self,
        leg: LegId,
        offer: Option<OfferUid>,
        out: &mut Vec<Command>,
    ) -> Option<OfferUid> {
        if self.agent_leg != Some(leg) {
            return offer;
        }
        self.agent_leg = None;
        out.extend(offer.map(|offer| Command::Queue(ToQueue::ConversationEnded(offer))));
        None
    }

    pub(in crate::call) fn transfer_event(
        &mut self,
        now: Now,
        leg: LegId,
        event: LegEvent,
        out: &mut Vec<Command>,
    ) {
        let party = self.caller;
        let Some(transfer) = self.transfer_mut() else { return };
        if leg == party || (leg == transfer.by && transfer.there) {
            match event {
                LegEvent::Ended(cause) | LegEvent::Failed(cause) if leg == party => {
                    self.end_but(now, Some(leg), cause, out)
                }
                LegEvent::Ended(_) | LegEvent::Failed(_) => self.transferor_left(out),
                LegEvent::Held(held) if leg == party => {
                    transfer.party_holds = held;
                    self.hear_transfer(out);
                }
                LegEvent::Held(held) => transfer.by_holds = held,
                LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Speaks | LegEvent::Answered => {}
            }
        } else if transfer.rings(leg) {
            self.target_event(now, leg, event, out);
        }
    }

    /// The transferor hung up: the target still rings for the party.
    fn transferor_left(&mut self, out: &mut Vec<Command>) {
        let Some(transfer) = self.transfer_mut() else { return };
        transfer.there = false;
        let (by, offer) = (transfer.by, transfer.offer);
        let offer = self.agent_leaves(by, offer, out);
        if let Some(transfer) = self.transfer_mut() {
            transfer.offer = offer;
        }
    }

    fn target_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Command>) {
        let party = self.caller;
        let Some(transfer) = self.transfer_mut() else { return };
        let by = transfer.by;
        let heard = !transfer.party_holds && transfer.ring().is_some_and(Ring::is_single);
        match event {
            LegEvent::Ringing | LegEvent::EarlyMedia => {
                out.push(Command::Transfer { by, step: TransferStep::Ringing });
            }
            // Announced audio may never come: the music goes on until it does.
            LegEvent::Speaks if heard => {
                out.push(Command::Hear { leg: party, what: Hear::Leg(leg) });
                out.push(Command::Hear { leg, what: Hear::Leg(party) });
            }
            LegEvent::Answered => self.target_answered(now, leg, out),
            LegEvent::Failed(cause) | LegEvent::Ended(cause) => {
                if let Some(cause) = transfer.ring_mut().and_then(|ring| ring.failed(leg, cause)) {
                    self.transfer_failed(now, cause, out);
                }
            }
            LegEvent::Held(_) | LegEvent::Speaks => {}
        }
    }

    /// A phone was answered, or `leg` has picked up what rang.
    pub(in crate::call) fn target_answered(&mut self, now: Now, leg: LegId, out: &mut Vec<Command>) {
        let State::Transferring(transfer) = &self.state else { return };
        let Transfer { by, there, offer, music, party_holds, stage, .. } = Transfer::clone(transfer);
        let (Stage::Ringing { ring, .. } | Stage::Returning { ring, .. }) = stage else { return };
        let losers = ring.answered(leg);
        out.extend(losers.map(|loser| Command::HangUp { leg: loser, cause: Cause::AnsweredElsewhere }));
        let offer = if there {
            self.leave(by, offer, out)
        } else {
            // The subscription of a transferor who has hung up is over with this.
            out.push(Command::Transfer { by, step: TransferStep::Done });
            offer
        };
        self.ledger.held(now, party_holds);
        self.resume(now, leg, offer, music, party_holds, false, out);
    }

    /// Two parties are connected again: as `talk`, but with what each of them holds, which the other is told.
    #[expect(clippy::too_many_arguments, reason = "the parts of one state")]
    fn resume(
        &mut self,
        now: Now,
        other: LegId,
        offer: Option<OfferUid>,
        music: String,
        caller_holds: bool,
        other_holds: bool,
        out: &mut Vec<Command>,
    ) {
        self.ledger.talking(now);
        self.enter(State::Talking { other, offer, music, caller_holds, other_holds });
        self.hear(out);
        out.push(Command::PassHold { leg: self.caller, held: other_holds });
        out.push(Command::PassHold { leg: other, held: caller_holds });
        if let Some(offer) = offer {
            out.push(Command::Queue(ToQueue::Held(offer, caller_holds || other_holds)));
        }
        out.push(Command::Note("talking"));
    }

    /// The target could not be reached: the party is back with the transferor, or his phone rings again.
    pub(in crate::call) fn transfer_failed(&mut self, now: Now, cause: Cause, out: &mut Vec<Command>) {
        let State::Transferring(transfer) = &mut self.state else { return };
        let by = transfer.by;
        match &transfer.stage {
            Stage::Ringing { .. } | Stage::Joining { .. } => {}
            // Neither the target nor the transferor: the party has nobody left.
            Stage::Recalling { failed } | Stage::Returning { failed, .. } => {
                let failed = *failed;
                return self.end(now, failed, out);
            }
        }
        out.push(Command::Transfer { by, step: TransferStep::Failed(cause) });
        if transfer.there {
            let Transfer { offer, music, party_holds, by_holds, .. } = Transfer::clone(transfer);
            out.push(Command::Note("the transfer failed: back with the transferor"));
            self.ledger.held(now, party_holds || by_holds);
            self.resume(now, by, offer, music, party_holds, by_holds, out);
        } else {
            transfer.stage = Stage::Recalling { failed: cause };
            out.push(Command::Note("the transfer failed: the transferor is rung"));
            out.push(Command::Recall { by });
            self.hear_transfer(out);
        }
    }

    /// The legs of the transferor's phone.
    pub(in crate::call) fn recall(&mut self, now: Now, legs: &[LegId], out: &mut Vec<Command>) {
        let like = self.caller;
        let Some(transfer) = self.transfer_mut() else {
            return out.extend(legs.iter().map(|leg| Command::HangUp { leg: *leg, cause: Cause::Cancelled }));
        };
        let Stage::Recalling { failed } = transfer.stage else { return };
        if legs.is_empty() {
            return self.transfer_failed(now, failed, out);
        }
        transfer.stage =
            Stage::Returning { ring: Ring::new(legs), until: now.instant + TRANSFER_RING_MAX, failed };
        out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like }));
    }

    pub(in crate::call) fn transfer_timeout(&mut self, now: Now, out: &mut Vec<Command>) {
        let State::Transferring(transfer) = &self.state else { return };
        if transfer.until().is_some_and(|at| at <= now.instant) {
            transfer.hang_up_ring(Cause::NoAnswer, out);
            self.transfer_failed(now, Cause::NoAnswer, out);
        }
    }

    /// The queue has taken the party in.
    pub(in crate::call) fn transfer_joined(&mut self, now: Now, out: &mut Vec<Command>) {
        let State::Transferring(transfer) = &self.state else { return };
        let Transfer { by, there, offer, stage, .. } = Transfer::clone(transfer);
        let Stage::Joining { queue, music } = stage else { return };
        self.ledger.queued(now, queue);
        out.push(Command::Hear { leg: self.caller, what: Hear::Music(music.clone()) });
        out.push(Command::PassHold { leg: self.caller, held: false });
        out.push(Command::Note("waiting in the queue"));
        self.enter(State::Waiting { music, offers: BTreeMap::new() });
        if there {
            self.leave(by, offer, out);
        } else {
            out.push(Command::Transfer { by, step: TransferStep::Done });
        }
        // Whoever stays behind in a queue is the caller now, and no agent.
        if let Some(agent) = self.agent_leg {
            self.agent_leaves(agent, offer, out);
        }
    }

    /// The whole call ends.
    pub(in crate::call) fn end_transfer(
        &mut self,
        over: Option<LegId>,
        cause: Cause,
        out: &mut Vec<Command>,
    ) {
        let State::Transferring(transfer) = &self.state else { return };
        let Transfer { by, there, offer, stage, .. } = Transfer::clone(transfer);
        let why = if cause == Cause::NoAnswer { cause } else { Cause::Cancelled };
        transfer.hang_up_ring(why, out);
        if matches!(stage, Stage::Joining { .. }) {
            out.push(Command::Queue(ToQueue::Failed));
        }
        if !matches!(stage, Stage::Recalling { .. } | Stage::Returning { .. }) {
            out.push(Command::Transfer { by, step: TransferStep::Failed(Cause::Cancelled) });
        }
        if there && over != Some(by) {
            out.push(Command::HangUp { leg: by, cause });
        }
        out.extend(offer.map(|offer| Command::Queue(ToQueue::ConversationEnded(offer))));
    }
}

#[cfg(test)]
mod tests;
