//! Phones that ring for the same purpose: the first that answers wins, and when all have failed one cause speaks
//! for all of them.

use crate::call::cause::Cause;
use crate::call::event::LegId;
use std::collections::BTreeSet;

/// A group of ringing legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    legs: BTreeSet<LegId>,
    worst: Cause,
    /// Those that were heard already.
    spoken: BTreeSet<LegId>,
}

impl Ring {
    /// The legs that ring from now on.
    pub fn new(legs: &[LegId]) -> Self {
        Self { legs: legs.iter().copied().collect(), worst: Cause::Unreachable, spoken: BTreeSet::new() }
    }

    /// Whether the leg rings here.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains(&leg)
    }

    /// The legs that still ring.
    pub fn legs(&self) -> impl Iterator<Item = LegId> + '_ {
        self.legs.iter().copied()
    }

    /// Whether it rings at one phone only, whose early audio can be passed on.
    pub fn is_single(&self) -> bool {
        self.legs.len() == 1
    }

    /// The first audio of a leg has come.
    pub fn speaks(&mut self, leg: LegId) {
        self.spoken.insert(leg);
    }

    /// Whether audio of the leg has come already.
    pub fn has_spoken(&self, leg: LegId) -> bool {
        self.spoken.contains(&leg)
    }

    /// A leg failed. `Some` when it was the last one: the cause that speaks for all.
    pub fn failed(&mut self, leg: LegId, cause: Cause) -> Option<Cause> {
        if !self.legs.remove(&leg) {
            return None;
        }
        if cause.weight() > self.worst.weight() || self.worst == Cause::Unreachable {
            self.worst = cause;
        }
        self.legs.is_empty().then_some(self.worst)
    }

    /// A leg answered: the others, which must be ended.
    pub fn answered(self, leg: LegId) -> impl Iterator<Item = LegId> {
        self.legs.into_iter().filter(move |other| *other != leg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_cause_speaks_for_all() {
        let legs = [LegId(1), LegId(2), LegId(3)];
        let mut ring = Ring::new(&legs);
        assert_eq!(ring.failed(LegId(1), Cause::Busy), None);
        assert_eq!(ring.failed(LegId(1), Cause::Declined), None, "a leg fails once");
        assert_eq!(ring.failed(LegId(2), Cause::NoAnswer), None);
        assert_eq!(ring.failed(LegId(3), Cause::Failed), Some(Cause::Busy));
    }

    #[test]
    fn the_winner_is_not_among_the_losers() {
        let ring = Ring::new(&[LegId(1), LegId(2)]);
        assert!(!ring.is_single());
        assert_eq!(ring.answered(LegId(2)).collect::<Vec<_>>(), [LegId(1)]);
    }
}
