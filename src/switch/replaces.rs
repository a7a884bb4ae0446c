//! INVITE with Replaces (RFC 3891): a phone takes the place of another leg. And what is common to it and to a pickup.
//!
//! Who may: the account whose leg it is (another device of the same account), and for a leg that rings whoever may pick
//! up from that phone. Nobody else, however well he knows the tags.

use crate::call;
use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Now;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::sdp;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::refer::Replaces;
use crate::switch::core::Core;
use crate::switch::invite::Source;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::view::LegRole;
use std::collections::VecDeque;

/// An INVITE that has come in.
pub(crate) struct Arrival<'a> {
    /// Its transaction.
    pub(crate) tx: ServerTx,
    /// The INVITE.
    pub(crate) message: &'a Message,
    /// From where.
    pub(crate) flow: Flow,
}

/// What a Replaces names.
pub(crate) enum Found {
    /// This leg's dialog.
    Leg(LegId),
    /// A dialog that has just ended.
    Ended,
    /// Nothing of ours.
    Nothing,
}

/// The last dialogs that have ended. Bounded by number alone: it serves to tell 603 from 481.
#[derive(Debug, Default)]
pub(crate) struct EndedDialogs {
    ids: VecDeque<DialogId>,
}

/// Some hundreds of kB at most; at a thousand calls a second half a second, at an office's pace hours.
const ENDED_MAX: usize = 1024;

impl EndedDialogs {
    /// A dialog has ended.
    pub(crate) fn note(&mut self, id: DialogId) {
        if self.ids.len() >= ENDED_MAX {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
    }

    fn has(&self, id: &DialogId) -> bool {
        self.ids.contains(id)
    }
}

impl Core {
    /// The leg whose dialog is to be replaced.
    pub(crate) fn dialog_to_replace(&self, replaces: &Replaces) -> Found {
        let ids = [Some(replaces.dialog()), replaces.old_dialog()];
        let mut ids = ids.iter().flatten();
        if let Some(leg) = ids.clone().find_map(|id| self.dialogs.get(id)) {
            return match self.legs.get(leg).map(|leg| &leg.phase) {
                // RFC 3891 section 3: a dialog that has been given up is as good as terminated.
                Some(Phase::Leaving { .. } | Phase::Outgoing { cancelled: Some(_), .. }) => Found::Ended,
                Some(Phase::Up | Phase::Incoming { .. } | Phase::Outgoing { .. } | Phase::Planned) => {
                    Found::Leg(*leg)
                }
                None => Found::Nothing,
            };
        }
        if ids.any(|id| self.ended_dialogs.has(id)) { Found::Ended } else { Found::Nothing }
    }

    /// An INVITE with Replaces, from a known source.
    pub(crate) fn replacing(
        &mut self,
        now: Now,
        arrival: &Arrival<'_>,
        source: &Source,
        remote: Option<sdp::Remote>,
        replaces: &Replaces,
    ) {
        match self.replaceable(source, replaces) {
            Ok((number, leg)) => self.join_call(now, arrival, &number, remote, leg),
            Err((status, reason)) => {
                tracing::info!(status, reason, "an INVITE with Replaces is refused");
                self.reply(now, arrival.tx, arrival.message, status, reason);
            }
        }
    }

    fn replaceable(
        &self,
        source: &Source,
        replaces: &Replaces,
    ) -> Result<(PhoneNumber, LegId), (u16, &'static str)> {
        let nothing = (481, "Call/Transaction Does Not Exist");
        let id = match self.dialog_to_replace(replaces) {
            Found::Leg(id) => id,
            // RFC 3891 section 3: "If the Replaces header field matches a terminated dialog, the UA … SHOULD decline the
            // request with a 603 Declined response."
            Found::Ended => return Err((603, "Decline")),
            Found::Nothing => return Err(nothing),
        };
        let Source::Phone(number) = source else { return Err((403, "Forbidden")) };
        let leg = self.legs.get(&id).ok_or(nothing)?;
        let slot = self.calls.get(&leg.call).ok_or(nothing)?;
        let is_own = leg.phone.as_ref() == Some(number);
        match leg.phase {
            Phase::Up if !is_own => Err((403, "Forbidden")),
            // RFC 3891 section 3: "If the Replaces header field matches a confirmed dialog, it checks for the presence of
            // the "early-only" flag …, and MUST reject the request with a 486 Busy response."
            Phase::Up if replaces.early_only => Err((486, "Busy Here")),
            Phase::Up => {
                let free = slot.call.can_be_taken_over(id);
                if free { Ok((number.clone(), id)) } else { Err((491, "Request Pending")) }
            }
            Phase::Outgoing { .. } => {
                let may = is_own || leg.phone.as_ref().is_some_and(|phone| self.may_pick_up(number, phone));
                // What rings for a queue is the distributor's to give.
                if may && slot.call.rings(id) { Ok((number.clone(), id)) } else { Err((403, "Forbidden")) }
            }
            // RFC 3891 section 3: "If the Replaces header field matches an early dialog that was not initiated by this
            // UA, it returns a 481".
            Phase::Incoming { .. } | Phase::Planned | Phase::Leaving { .. } => Err(nothing),
        }
    }

    /// Answers an INVITE as the leg that takes the place of `out`.
    pub(crate) fn join_call(
        &mut self,
        now: Now,
        arrival: &Arrival<'_>,
        number: &PhoneNumber,
        remote: Option<sdp::Remote>,
        out: LegId,
    ) {
        let Some(call) = self.legs.get(&out).map(|leg| leg.call) else { return };
        let input = |leg| call::Input::TakeOver { out, by: leg };
        self.join_as(now, arrival, number, remote, call, LegRole::Party, input);
    }

    /// Answers an INVITE as a leg of a call that is there already, which is told of it.
    #[expect(clippy::too_many_arguments, reason = "an INVITE, and what it is to the call")]
    pub(crate) fn join_as(
        &mut self,
        now: Now,
        arrival: &Arrival<'_>,
        number: &PhoneNumber,
        remote: Option<sdp::Remote>,
        call: CallUid,
        role: LegRole,
        input: impl FnOnce(LegId) -> call::Input,
    ) {
        let Arrival { tx, message, flow } = *arrival;
        let Some(worker) = self.calls.get(&call).map(|slot| slot.worker) else { return };
        let Ok(dialog) = Dialog::uas(message, &self.endpoint.tag(), flow) else {
            return self.reply(now, tx, message, 400, "Missing Or Bad Contact");
        };
        let phase = Phase::Incoming { tx, invite: message.clone(), told: 0 };
        let party = number.as_str().to_owned();
        let Some(leg) = self.open_leg(call, worker, role, party, flow, phase) else {
            return self.reply(now, tx, message, 503, "Service Unavailable");
        };
        self.invites.insert(tx, leg);
        self.adopt_dialog(leg, dialog);
        self.adopt_source(leg, Source::Phone(number.clone()), message, remote, true);
        if let Some(Leg { remote: Some(_), .. }) = self.legs.get(&leg)
            && !self.can_answer(leg)
        {
            // Nobody stops ringing for a phone that can't be answered.
            self.refuse(now, leg, Cause::NotAcceptable);
            return;
        }
        self.tell(call, input(leg));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_ended_dialogs_is_bounded() {
        let mut ended = EndedDialogs::default();
        let id = |number: usize| DialogId::new(number.to_string().as_bytes(), b"a", b"b");
        for number in 0..=ENDED_MAX {
            ended.note(id(number));
        }
        assert_eq!(ended.ids.len(), ENDED_MAX);
        assert!(!ended.has(&id(0)) && ended.has(&id(1)) && ended.has(&id(ENDED_MAX)));
    }
}
