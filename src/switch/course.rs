//! A call's way through the dial plan: forwarding, groups and menus lead from one destination to the next until somebody
//! answers, or nobody is left.
//!
//! The call itself asks where next (`call::Command::Next`, `Chosen`); here is the answer, and what must be remembered for
//! it. Bounded: a call is forwarded five times, and led on twenty times in all.

use crate::call;
use crate::call::Afterwards;
use crate::call::Cause;
use crate::call::Plan;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::dialplan::group::Hunt;
use crate::ids::CallUid;
use crate::ids::GroupId;
use crate::ids::MenuId;
use crate::ids::PhoneNumber;
use crate::switch::core::Core;
use crate::switch::identity::Diverted;
use crate::switch::leg::Shown;
use crate::switch::view::LegRole;
use std::collections::VecDeque;
use std::time::Duration;

/// Forwardings of one call.
pub(crate) const FORWARDS_MAX: usize = 5;
/// Destinations of one call, through menus and groups: more is a caller who plays, or a circle.
const TURNS_MAX: u32 = 20;
/// How long phones ring that are not forwarded: RFC 3261 section 16.6 step 11 gives a proxy's timer C three minutes.
const RING_MAX: Duration = Duration::from_secs(180);

/// Where a call is on its way.
#[derive(Clone, Debug, Default)]
pub(crate) enum At {
    /// Nowhere from where it could be led on.
    #[default]
    Plain,
    /// At a phone.
    Phone(PhoneNumber),
    /// In a group.
    Group(GroupId, Hunt),
    /// In a menu.
    Menu(MenuId),
}

/// One forwarding: who sent the call on, where to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) from: PhoneNumber,
    pub(crate) to: String,
    pub(crate) why: Diverted,
}

/// What is remembered of a call's way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    /// The caller as the called see him.
    pub(crate) shown: Shown,
    pub(crate) at: At,
    /// Who has sent the call on since it last came to a place of its own (a menu, a queue, a group).
    pub(crate) forwarded: Vec<Forwarded>,
    /// Numbers that a phone's 3xx named and that were not tried yet, with the phone.
    pub(crate) redirects: VecDeque<(PhoneNumber, String)>,
    turns: u32,
}

impl Course {
    /// The way begins.
    pub(crate) fn new(shown: Shown) -> Self {
        Self { shown, ..Self::default() }
    }
}

/// What one destination comes to.
pub(crate) enum Turn {
    /// The call does this.
    Begin(Plan),
    /// It goes on there at once.
    To(Destination),
    /// It ends here, unless somebody knows a way on.
    Refuse(Cause),
}

impl Core {
    /// Leads a call to a destination and, where that leads on at once, further.
    pub(crate) fn lead(&mut self, now: Now, call: CallUid, to: Destination) {
        let mut to = to;
        loop {
            let Some(slot) = self.calls.get_mut(&call) else { return };
            slot.course.turns += 1;
            if slot.course.turns > TURNS_MAX {
                self.note(now, call, "led in a circle".to_owned());
                return self.no_way(call, Cause::Busy);
            }
            let mut turn = self.turn(now, call, &to);
            if let Turn::Refuse(cause) = turn {
                // The destination is at an end before it began: does it lead on?
                turn = self.way_on(now, call, cause);
            }
            match turn {
                Turn::Begin(plan) => return self.tell(call, call::Input::Begin(plan)),
                Turn::To(next) => to = next,
                Turn::Refuse(cause) => return self.no_way(call, cause),
            }
        }
    }

    /// Nobody has answered: the call goes on, or ends.
    pub(crate) fn next(&mut self, now: Now, call: CallUid, cause: Cause) {
        match self.way_on(now, call, cause) {
            Turn::Begin(plan) => self.tell(call, call::Input::Begin(plan)),
            Turn::To(next) => self.lead(now, call, next),
            Turn::Refuse(cause) => self.no_way(call, cause),
        }
    }

    fn turn(&mut self, now: Now, call: CallUid, to: &Destination) -> Turn {
        match to {
            Destination::Phone(number) => self.phone_turn(now, call, number),
            Destination::Group(group) => self.group_turn(now, call, group),
            Destination::Menu(menu) => self.menu_turn(call, menu),
            Destination::Queue(queue) => {
                let music = self.config.queue(queue).map_or_else(String::new, |queue| queue.music.clone());
                self.arrive(call, At::Plain);
                Turn::Begin(match self.record_notice(call, queue) {
                    // Before he enters, and so before he can be connected: no words ever delay a connection.
                    Some(sounds) => {
                        let then = Afterwards::Join { queue: queue.clone(), music };
                        Plan::Say { sounds, then }
                    }
                    None => Plan::Queue { queue: queue.clone(), music },
                })
            }
            Destination::Music(class) => {
                self.arrive(call, At::Plain);
                Turn::Begin(Plan::Music(class.clone()))
            }
            Destination::Conference(name) => self.conference_turn(now, call, name),
            Destination::Feature(feature) => self.feature_turn(now, call, feature),
            // A pickup is served before there is a call; led there later, nobody can be taken over.
            Destination::Trunk { .. }
            | Destination::PickupGroup
            | Destination::PickupDirected(_)
            | Destination::NotBuilt { .. }
            | Destination::NotFound => self.plain_turn(now, call, to),
        }
    }

    fn plain_turn(&mut self, now: Now, call: CallUid, to: &Destination) -> Turn {
        if let Destination::NotBuilt { what } = to {
            tracing::info!(call = %call, %what, "not served in this version: 501");
        }
        let Some(slot) = self.calls.get_mut(&call) else { return Turn::Refuse(Cause::Failed) };
        slot.course.at = At::Plain;
        let shown = slot.course.shown.clone();
        match self.plan_destination(now, call, to, &shown) {
            Ok(legs) => self.attempt(call, legs, RING_MAX),
            Err(cause) => Turn::Refuse(cause),
        }
    }

    /// The legs ring; what sent the call on stands in their INVITEs.
    pub(crate) fn attempt(&mut self, call: CallUid, legs: Vec<call::LegId>, ring: Duration) -> Turn {
        self.mark_forwarded(call, &legs);
        Turn::Begin(Plan::Attempt { legs, ring })
    }

    fn phone_turn(&mut self, now: Now, call: CallUid, number: &PhoneNumber) -> Turn {
        let Some(slot) = self.calls.get_mut(&call) else { return Turn::Refuse(Cause::Failed) };
        let course = &mut slot.course;
        // RFC 3261 section 16.3 step 4 in spirit: who sent the call on is not rung for it again.
        if course.forwarded.iter().any(|hop| hop.from == *number) || course.forwarded.len() > FORWARDS_MAX {
            course.at = At::Plain;
            self.note(now, call, "forwarded in a circle".to_owned());
            return Turn::Refuse(Cause::Busy);
        }
        course.at = At::Phone(number.clone());
        let shown = course.shown.clone();
        let settings = self.phone_settings(number);
        if let Some(to) = settings.forward.always.clone() {
            return self.forward(now, call, number, &to, Diverted::Unconditional);
        }
        if settings.do_not_disturb {
            let to = settings.forward.busy;
            return self.forward_or(now, call, number, to, Diverted::DoNotDisturb, Cause::Busy);
        }
        let legs = self.plan_phone(now, call, number, LegRole::Party, &shown);
        if legs.is_empty() {
            // There are phones, but no port for them.
            let cause = if self.is_reachable(now, number) { Cause::Congestion } else { Cause::Unreachable };
            return Turn::Refuse(cause);
        }
        let forwards = settings.forward.no_answer.is_some();
        let ring = if forwards { settings.forward.no_answer_after } else { RING_MAX };
        self.attempt(call, legs, ring)
    }

    /// Where a call goes on that nobody answered at the place where it is.
    fn way_on(&mut self, now: Now, call: CallUid, cause: Cause) -> Turn {
        let Some(slot) = self.calls.get_mut(&call) else { return Turn::Refuse(cause) };
        let course = &mut slot.course;
        if let Some((phone, number)) = course.redirects.pop_front() {
            // Each of a phone's alternatives is tried in turn; the last one's failure counts.
            course.at = At::Phone(phone.clone());
            course.forwarded.retain(|hop| hop.from != phone);
            let turn = self.forward(now, call, &phone, &number, Diverted::Deflection);
            let is_last = self.calls.get(&call).is_none_or(|slot| slot.course.redirects.is_empty());
            return if matches!(turn, Turn::Refuse(_)) && !is_last {
                self.way_on(now, call, cause)
            } else {
                turn
            };
        }
        match std::mem::take(&mut course.at) {
            At::Phone(number) => {
                let forward = self.phone_settings(&number).forward;
                let (to, why) = if matches!(cause, Cause::Busy | Cause::Declined) {
                    (forward.busy, Diverted::UserBusy)
                } else if cause == Cause::NoAnswer {
                    (forward.no_answer, Diverted::NoAnswer)
                } else {
                    (forward.unreachable.filter(|_| cause == Cause::Unreachable), Diverted::Unavailable)
                };
                self.forward_or(now, call, &number, to, why, cause)
            }
            At::Group(group, hunt) => self.group_next(now, call, &group, hunt, cause),
            At::Plain | At::Menu(_) => Turn::Refuse(cause),
        }
    }

    fn forward_or(
        &mut self,
        now: Now,
        call: CallUid,
        from: &PhoneNumber,
        to: Option<String>,
        why: Diverted,
        cause: Cause,
    ) -> Turn {
        match to {
            Some(to) => self.forward(now, call, from, &to, why),
            None => {
                if let Some(slot) = self.calls.get_mut(&call) {
                    slot.course.at = At::Plain;
                }
                Turn::Refuse(cause)
            }
        }
    }

    /// Sends the call on to a number that the phone may dial itself.
    fn forward(&mut self, now: Now, call: CallUid, from: &PhoneNumber, to: &str, why: Diverted) -> Turn {
        let destination = self.forwarding_destination(to);
        let Some(slot) = self.calls.get_mut(&call) else { return Turn::Refuse(Cause::Failed) };
        slot.course.at = At::Plain;
        let Some(destination) = destination else { return Turn::Refuse(Cause::NotFound) };
        if slot.course.forwarded.len() >= FORWARDS_MAX {
            return Turn::Refuse(Cause::Busy);
        }
        // Who sends a call on to the outside pays for it.
        if let Err(cause) = self.toll_sends_on(now, call, from, &destination) {
            self.note(now, call, "not forwarded: the phone may not call there".to_owned());
            return Turn::Refuse(cause);
        }
        let Some(slot) = self.calls.get_mut(&call) else { return Turn::Refuse(Cause::Failed) };
        slot.course.forwarded.push(Forwarded { from: from.clone(), to: to.to_owned(), why });
        tracing::info!(call = %call, ?why, "the call is forwarded");
        Turn::To(destination)
    }

    /// The call has come to a place of its own.
    pub(crate) fn arrive(&mut self, call: CallUid, at: At) {
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.course.at = at;
            slot.course.forwarded.clear();
            slot.course.redirects.clear();
        }
    }

    /// Nobody is left. A caller who was answered already is told so before he is hung up.
    pub(crate) fn no_way(&mut self, call: CallUid, cause: Cause) {
        let answered = self
            .calls
            .get(&call)
            .and_then(|slot| self.legs.get(&slot.call.caller()))
            .is_some_and(crate::switch::leg::Leg::is_up);
        if !answered {
            return self.tell(call, call::Input::HangUp(cause));
        }
        let sound = if matches!(cause, Cause::NotFound | Cause::NotBuilt | Cause::Forbidden) {
            "ss-noservice"
        } else if matches!(cause, Cause::Busy | Cause::Congestion) {
            "all-circuits-busy-now"
        } else {
            "vm-goodbye"
        };
        let plan = Plan::Say { sounds: vec![sound.to_owned()], then: Afterwards::HangUp(cause) };
        self.tell(call, call::Input::Begin(plan));
    }
}
