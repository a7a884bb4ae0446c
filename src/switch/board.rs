//! The notice board: what has changed and must be told, and the short tail of what has ended.
//!
//! The core marks what changed while it works; after each input the marks become notices, each thing once. Queues'
//! cards change with every caller, so they are told at most four times a second.

use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::switch::view::AlarmView;
use crate::switch::view::CallView;
use crate::switch::view::CallerView;
use crate::switch::view::OfferView;
use crate::switch::view::RegistrationView;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Ended calls and offers that can still be asked for.
const TAIL_MAX: usize = 500;
/// Between two notices of a queue's card.
const QUEUES_EVERY: Duration = Duration::from_millis(250);

/// The board.
#[derive(Debug, Default)]
pub(crate) struct Board {
    sequence: u64,
    pub(crate) agents: BTreeSet<AgentId>,
    pub(crate) calls: BTreeSet<CallUid>,
    pub(crate) offers: BTreeSet<OfferUid>,
    pub(crate) callers: BTreeSet<EntryUid>,
    /// Waiting callers as they were last told, to tell of their leaving.
    pub(crate) callers_told: BTreeMap<EntryUid, (QueueId, CallerView)>,
    pub(crate) alarms: Vec<AlarmView>,
    pub(crate) registrations: Vec<(&'static str, RegistrationView)>,
    queues: BTreeSet<QueueId>,
    queues_due: Option<Instant>,
    queues_told: Option<Instant>,
    ended_calls: VecDeque<CallView>,
    ended_offers: VecDeque<OfferView>,
}

impl Board {
    /// Notices are numbered on from the time of day in microseconds, so that a number of an earlier process is never
    /// taken for one of this: no process tells a million things a second.
    pub(crate) fn new(now: Wall) -> Self {
        Self { sequence: u64::try_from(now.as_micros()).unwrap_or(0), ..Self::default() }
    }

    /// The last notice's number.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The next notice's number.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A queue's card has changed.
    pub(crate) fn queue_changed(&mut self, queue: QueueId) {
        self.queues.insert(queue);
    }

    /// The queues whose time to be told has come.
    pub(crate) fn queues_to_tell(&mut self, now: Instant) -> BTreeSet<QueueId> {
        if self.queues.is_empty() {
            return BTreeSet::new();
        }
        let due = self.queues_told.map_or(now, |told| told + QUEUES_EVERY);
        if due > now {
            self.queues_due = Some(due);
            return BTreeSet::new();
        }
        self.queues_due = None;
        self.queues_told = Some(now);
        std::mem::take(&mut self.queues)
    }

    /// When queues must be told.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.queues_due
    }

    /// An offer is over for good.
    pub(crate) fn offer_ended(&mut self, view: OfferView) {
        push(&mut self.ended_offers, view);
    }

    /// A call is over.
    pub(crate) fn call_ended(&mut self, view: CallView) {
        self.calls.insert(view.id);
        push(&mut self.ended_calls, view);
    }

    /// A call that ended lately.
    pub(crate) fn ended_call(&self, id: CallUid) -> Option<&CallView> {
        self.ended_calls.iter().rev().find(|view| view.id == id)
    }

    /// Offers that ended lately, the latest last.
    pub(crate) fn ended_offers(&self) -> impl Iterator<Item = &OfferView> {
        self.ended_offers.iter()
    }
}

fn push<T>(tail: &mut VecDeque<T>, view: T) {
    if tail.len() == TAIL_MAX {
        tail.pop_front();
    }
    tail.push_back(view);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_changes_all_the_time_is_told_four_times_a_second() {
        let mut board = Board::default();
        let mut told = 0;
        for millis in 0..1000 {
            board.queue_changed(QueueId::new("support"));
            told += board.queues_to_tell(Instant::from_micros(millis * 1000)).len();
        }
        assert_eq!(told, 4);
        assert_eq!(board.poll_timeout(), Some(Instant::from_micros(1_000_000)));
        assert_eq!(board.queues_to_tell(Instant::from_micros(1_000_000)).len(), 1);
        assert_eq!(board.poll_timeout(), None);
    }
}
