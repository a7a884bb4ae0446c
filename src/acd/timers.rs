//! The distributor's timers: one ordered set of who wants to be called when.
//!
//! Each timer is owned by the thing named in it, which remembers its own deadline to cancel it.

use crate::acd::agent::AgentNo;
use crate::clock::Instant;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use std::collections::BTreeSet;

/// What happens when the time has come.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A wrap-up ends.
    WrapUp(AgentNo),
    /// An agent may be offered callers again.
    Rest(AgentNo),
    /// An offer has rung long enough.
    Ring(OfferUid),
    /// An answered offer was not connected.
    Connect(OfferUid),
    /// A caller has waited long enough.
    MaxWait(EntryUid),
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first one that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.pop_first().map(|(_, timer)| timer)
    }

    pub(crate) fn contains(&self, at: Instant, timer: Timer) -> bool {
        self.0.contains(&(at, timer))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
