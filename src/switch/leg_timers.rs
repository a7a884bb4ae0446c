//! What is due on a leg, and when: the second try of a re-INVITE, a reliable response without PRACK, the session's timer.
//!
//! Not the call's own deadlines (`call`) and not the transactions' (`sip::endpoint`). A leg stands in the core's list
//! once, under the first of its deadlines.

use crate::call::LegId;
use crate::clock::Now;
use crate::switch::core::Core;
use crate::switch::view::LegRole;
use std::time::Duration;

impl Core {
    /// Puts the leg into the list under its next deadline.
    pub(crate) fn arm_leg(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let session = leg.session.timer.filter(|_| leg.is_up()).map(|timer| timer.poll_timeout());
        let reliable = leg.reliable.as_ref().and_then(|reliable| reliable.poll_timeout());
        let wanted = [leg.retry_at, session, reliable].into_iter().flatten().min();
        if wanted == leg.armed {
            return;
        }
        if let Some(at) = leg.armed.take() {
            self.leg_timers.remove(&(at, id));
        }
        if let Some(at) = wanted {
            self.leg_timers.insert((at, id));
        }
        leg.armed = wanted;
    }

    /// A deadline of the leg has come; it was taken out of the list.
    pub(crate) fn leg_timeout(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.armed = None;
        if leg.retry_at.take_if(|at| *at <= now.instant).is_some() {
            self.reinvite_wanted(now, id);
        }
        self.reliable_due(now, id);
        self.session_due(now, id);
        self.arm_leg(id);
    }

    /// RFC 3261 section 14.1: after a 491 the owner of the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s, "in units
    /// of 10 ms", so that the two do not meet again.
    pub(crate) fn retry_later(&mut self, now: Now, id: LegId) {
        let wait = self.glare_wait(id);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.retry_at = Some(now.instant + wait);
        }
        self.arm_leg(id);
    }

    /// How long to wait after a 491.
    pub(crate) fn glare_wait(&mut self, id: LegId) -> Duration {
        let calls_us = self.legs.get(&id).is_some_and(|leg| leg.role == LegRole::Caller);
        let steps = if calls_us { self.random.below(201) } else { 210 + self.random.below(191) };
        Duration::from_millis(10 * steps)
    }
}
