//! Whoever is in a conversation beside its two parties: third parties, and supervisors.
//!
//! ```text
//!   Invite ──► rings ── answers ──► up ── hangs up, or is dropped ──► gone
//!   Arrive ──────────────────────► up
//! ```
//! While there is one, and while a party is muted, all hear the call's room instead of each other's leg. A party who leaves
//! is replaced by a third one: a conversation always has its two. Supervisors hold no conversation up.

use crate::call::bridge::Call;
use crate::call::bridge::State;
use crate::call::cause::Cause;
use crate::call::command::Audience;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::event::GuestRole;
use crate::call::event::LegEvent;
use crate::call::event::LegId;
use crate::call::event::Supervision;
use crate::call::ring::Ring;
use crate::clock::Instant;
use crate::clock::Now;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a guest's phones ring.
const RING: Duration = Duration::from_secs(60);
/// Guests of one conversation: more is a conference.
pub const GUESTS_MAX: usize = 8;

/// Phones that ring for one guest.
#[derive(Clone, Debug)]
struct Invited {
    ring: Ring,
    until: Instant,
    role: GuestRole,
}

/// The guests of one call.
#[derive(Clone, Debug, Default)]
pub(in crate::call) struct Guests {
    invited: Vec<Invited>,
    /// Third parties, and whether they hold the others.
    third: BTreeMap<LegId, bool>,
    /// Supervisors: what each does, and whose call he supervises.
    supervisors: BTreeMap<LegId, (Supervision, LegId)>,
    /// Who is not heard.
    muted: BTreeSet<LegId>,
}

impl Guests {
    fn has(&self, leg: LegId) -> bool {
        self.third.contains_key(&leg)
            || self.supervisors.contains_key(&leg)
            || self.invited.iter().any(|invited| invited.ring.has(leg))
    }

    fn count(&self) -> usize {
        self.invited.len() + self.third.len() + self.supervisors.len()
    }

    /// When the first of them has rung long enough.
    pub(in crate::call) fn until(&self) -> Option<Instant> {
        self.invited.iter().map(|invited| invited.until).min()
    }

    fn legs(&self) -> Vec<LegId> {
        let ringing = self.invited.iter().flat_map(|invited| invited.ring.legs());
        ringing.chain(self.third.keys().copied()).chain(self.supervisors.keys().copied()).collect()
    }

    /// Whether the two parties cannot simply be relayed to each other.
    pub(in crate::call) fn need_room(&self) -> bool {
        !self.third.is_empty() || !self.supervisors.is_empty() || !self.muted.is_empty()
    }

    fn audience(&self, leg: LegId) -> Audience {
        if self.muted.contains(&leg) {
            return Audience::Only(Vec::new());
        }
        match self.supervisors.get(&leg) {
            Some((Supervision::Listen, _)) => Audience::Only(Vec::new()),
            Some((Supervision::Whisper, of)) => Audience::Only(vec![*of]),
            Some((Supervision::Barge | Supervision::TakeOver, _)) | None => Audience::All,
        }
    }
}

impl Call {
    /// Whether somebody may be asked into the conversation now.
    pub fn may_have_guest(&self) -> bool {
        matches!(self.state, State::Talking { .. }) && self.guests.count() < GUESTS_MAX
    }

    /// Whether a leg is one of the two parties of a conversation.
    pub fn is_party(&self, leg: LegId) -> bool {
        matches!(self.state, State::Talking { other, .. } if other == leg || self.caller == leg)
    }

    /// Whether a leg is a guest's.
    pub fn is_guest(&self, leg: LegId) -> bool {
        self.guests.has(leg)
    }

    /// Whether third parties are there, who keep the conversation from being handed over.
    pub(in crate::call) fn has_third(&self) -> bool {
        !self.guests.third.is_empty() || self.guests.invited.iter().any(|one| one.role == GuestRole::Party)
    }

    /// Rings a guest's phones.
    pub(in crate::call) fn invite(
        &mut self,
        now: Now,
        legs: &[LegId],
        role: GuestRole,
        out: &mut Vec<Command>,
    ) {
        if !self.may_have_guest() || legs.is_empty() {
            return out.extend(legs.iter().map(|leg| Command::HangUp { leg: *leg, cause: Cause::Cancelled }));
        }
        out.extend(legs.iter().map(|leg| Command::Dial { leg: *leg, like: self.caller }));
        let until = now.instant + RING;
        self.guests.invited.push(Invited { ring: Ring::new(legs), until, role });
        out.push(Command::Note(match role {
            GuestRole::Party => "a party is rung",
            GuestRole::Supervisor(..) => "a supervisor is rung",
        }));
    }

    /// A guest has called by himself.
    pub(in crate::call) fn arrive(&mut self, now: Now, leg: LegId, role: GuestRole, out: &mut Vec<Command>) {
        if !self.may_have_guest() {
            return out.push(Command::HangUp { leg, cause: Cause::NotFound });
        }
        out.push(Command::Answer { leg, like: Some(self.caller) });
        self.seat_guest(now, leg, role, out);
    }

    /// Something happened to a guest's leg.
    pub(in crate::call) fn guest_event(
        &mut self,
        now: Now,
        leg: LegId,
        event: LegEvent,
        out: &mut Vec<Command>,
    ) {
        match event {
            LegEvent::Answered => self.guest_answered(now, leg, out),
            LegEvent::Failed(cause) | LegEvent::Ended(cause) => self.guest_gone(leg, cause, out),
            LegEvent::Held(held) => {
                if let Some(holds) = self.guests.third.get_mut(&leg) {
                    *holds = held;
                    self.hear(out);
                }
            }
            LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Speaks => {}
        }
    }

    fn guest_answered(&mut self, now: Now, leg: LegId, out: &mut Vec<Command>) {
        let rang = self.guests.invited.iter().position(|invited| invited.ring.has(leg));
        let Some(Invited { ring, role, .. }) = rang.map(|index| self.guests.invited.remove(index)) else {
            return;
        };
        let losers = ring.answered(leg);
        out.extend(losers.map(|loser| Command::HangUp { leg: loser, cause: Cause::AnsweredElsewhere }));
        self.seat_guest(now, leg, role, out);
    }

    fn seat_guest(&mut self, now: Now, leg: LegId, role: GuestRole, out: &mut Vec<Command>) {
        match role {
            GuestRole::Party => {
                self.guests.third.insert(leg, false);
                self.tell_holds(false, out);
                out.push(Command::Note("a party has come in"));
            }
            GuestRole::Supervisor(mode, of) => {
                self.guests.supervisors.insert(leg, (mode, of));
                return self.supervise(now, leg, mode, out);
            }
        }
        self.hear(out);
    }

    /// A supervisor who is there does something else from now on.
    pub(in crate::call) fn supervise(
        &mut self,
        now: Now,
        leg: LegId,
        mode: Supervision,
        out: &mut Vec<Command>,
    ) {
        let Some((now_does, of)) = self.guests.supervisors.get_mut(&leg) else { return };
        *now_does = mode;
        let of = *of;
        if mode == Supervision::TakeOver && self.is_party(of) {
            self.guests.supervisors.remove(&leg);
            self.guests.muted.remove(&of);
            return self.take_over(now, of, leg, out);
        }
        out.push(Command::Note(match mode {
            Supervision::Listen => "a supervisor listens",
            Supervision::Whisper => "a supervisor whispers",
            Supervision::Barge | Supervision::TakeOver => "a supervisor has barged in",
        }));
        self.hear(out);
    }

    fn guest_gone(&mut self, leg: LegId, cause: Cause, out: &mut Vec<Command>) {
        if let Some(index) = self.guests.invited.iter().position(|invited| invited.ring.has(leg)) {
            let over = self.guests.invited.get_mut(index).and_then(|invited| invited.ring.failed(leg, cause));
            if over.is_some() {
                self.guests.invited.remove(index);
                out.push(Command::Note("who was rung did not come"));
            }
            return;
        }
        self.guests.muted.remove(&leg);
        if self.guests.third.remove(&leg).is_some() {
            out.push(Command::Note("a party has left"));
            if self.tells_holds() {
                self.tell_holds(true, out);
            }
        } else if self.guests.supervisors.remove(&leg).is_some() {
            out.push(Command::Note("the supervisor has left"));
        }
        self.hear(out);
    }

    /// Guests who have rung long enough. False when nobody can have any.
    pub(in crate::call) fn guests_timeout(&mut self, now: Now, out: &mut Vec<Command>) -> bool {
        let (late, ringing): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.guests.invited).into_iter().partition(|one| one.until <= now.instant);
        self.guests.invited = ringing;
        let legs = late.iter().flat_map(|invited| invited.ring.legs());
        out.extend(legs.map(|leg| Command::HangUp { leg, cause: Cause::NoAnswer }));
        matches!(self.state, State::Talking { .. })
    }

    /// Puts somebody out: a guest, or one of the two parties where a third can take his place. Else the call ends.
    pub(in crate::call) fn put_out(&mut self, now: Now, leg: LegId, out: &mut Vec<Command>) {
        if self.guests.has(leg) {
            out.push(Command::HangUp { leg, cause: Cause::ByRequest });
            self.guest_gone(leg, Cause::ByRequest, out);
        } else if self.is_party(leg) && !self.guests.third.is_empty() {
            out.push(Command::HangUp { leg, cause: Cause::ByRequest });
            self.third_steps_in(now, leg, out);
        } else if self.is_party(leg) {
            self.end(now, Cause::ByRequest, out);
        }
    }

    /// One of the two parties has left: a third one takes his place. False when there is none.
    pub(in crate::call) fn third_steps_in(&mut self, now: Now, gone: LegId, out: &mut Vec<Command>) -> bool {
        if !self.is_party(gone) {
            return false;
        }
        let Some((third, holds)) = self.guests.third.pop_first() else { return false };
        let State::Talking { other, offer, caller_holds, other_holds, .. } = &mut self.state else {
            return false;
        };
        if gone == self.caller {
            self.caller = third;
            *caller_holds = holds;
        } else {
            *other = third;
            *other_holds = holds;
        }
        let (before, any) = (*offer, *caller_holds || *other_holds);
        self.guests.muted.remove(&gone);
        let after = self.agent_leaves(gone, before, out);
        if let State::Talking { offer, .. } = &mut self.state {
            *offer = after;
        }
        self.ledger.held(now, any);
        out.push(Command::Note("a party has left"));
        self.hear(out);
        true
    }

    /// Whether a party is told that the other holds him: not while a third one is there, to whom he talks on.
    pub(in crate::call) fn tells_holds(&self) -> bool {
        self.guests.third.is_empty()
    }

    /// Whoever is held by the other is told so again, or that he is not, as a third party has gone or come.
    fn tell_holds(&self, told: bool, out: &mut Vec<Command>) {
        let State::Talking { other, caller_holds, other_holds, .. } = &self.state else { return };
        for (leg, held) in [(self.caller, *other_holds), (*other, *caller_holds)] {
            out.extend(held.then_some(Command::PassHold { leg, held: told }));
        }
    }

    /// A party holds the other, or takes him back, not by his phone.
    pub(in crate::call) fn hold_by_hand(&mut self, now: Now, leg: LegId, held: bool, out: &mut Vec<Command>) {
        if self.is_party(leg) {
            self.hold(now, leg, held, out);
        }
    }

    /// Whether a party is heard by the others.
    pub(in crate::call) fn mute(&mut self, leg: LegId, muted: bool, out: &mut Vec<Command>) {
        if !self.is_party(leg) && !self.guests.third.contains_key(&leg) {
            return;
        }
        let changed = if muted { self.guests.muted.insert(leg) } else { self.guests.muted.remove(&leg) };
        if changed {
            out.push(Command::Note(if muted { "muted" } else { "not muted any more" }));
            self.hear(out);
        }
    }

    /// Who hears what while there is a room. Who is held hears music, unless a third party is there to talk to.
    pub(in crate::call) fn hear_room(&self, out: &mut Vec<Command>) {
        let State::Talking { other, music, caller_holds, other_holds, .. } = &self.state else { return };
        let alone = self.guests.third.values().all(|holds| *holds);
        for (leg, holds, held) in
            [(self.caller, *caller_holds, *other_holds), (*other, *other_holds, *caller_holds)]
        {
            let what = match (holds, held && alone) {
                (true, _) => Hear::Silence,
                (false, true) => Hear::Music(music.clone()),
                (false, false) => Hear::Room(self.guests.audience(leg)),
            };
            out.push(Command::Hear { leg, what });
        }
        for (leg, holds) in &self.guests.third {
            let what = if *holds { Hear::Silence } else { Hear::Room(self.guests.audience(*leg)) };
            out.push(Command::Hear { leg: *leg, what });
        }
        for leg in self.guests.supervisors.keys() {
            out.push(Command::Hear { leg: *leg, what: Hear::Room(self.guests.audience(*leg)) });
        }
    }

    /// The conversation is over, or goes somewhere where no guest can follow.
    pub(in crate::call) fn dismiss_guests(&mut self, cause: Cause, out: &mut Vec<Command>) {
        let legs = std::mem::take(&mut self.guests).legs();
        out.extend(legs.into_iter().map(|leg| Command::HangUp { leg, cause }));
    }
}

#[cfg(test)]
mod tests;
