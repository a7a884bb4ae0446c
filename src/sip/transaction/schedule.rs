//! Who is to be woken next: one binary heap of deadlines with lazy deletion.
//!
//! Not the deadlines themselves: a machine knows its own, and its owner tells the schedule only the next one. An entry
//! that no longer agrees with its owner is stale and dropped when it comes up; the heap is swept when most of it is
//! stale, so its size follows the live transactions and not the traffic of the last 32 seconds.

use crate::clock::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Below this many entries a sweep is not worth its while.
const SWEEP_ENTRIES_MIN: usize = 1024;

/// Deadlines of owners that are named by `K`.
#[derive(Debug)]
pub struct Schedule<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
}

impl<K: Ord + Copy> Default for Schedule<K> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new() }
    }
}

impl<K: Ord + Copy> Schedule<K> {
    /// Wakes `owner` at `at`; an earlier entry of the owner becomes stale by the owner no longer agreeing with it.
    pub fn push(&mut self, at: Instant, owner: K) {
        self.heap.push(Reverse((at, owner)));
    }

    /// The next entry, stale or not.
    pub fn peek(&self) -> Option<(Instant, K)> {
        self.heap.peek().map(|Reverse(entry)| *entry)
    }

    /// Takes the next entry, stale or not.
    pub fn pop(&mut self) -> Option<(Instant, K)> {
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Drops stale entries from the top, and all of them when they are the most; `live` is the number of owners.
    pub fn sweep(&mut self, live: usize, agrees: impl Fn(Instant, K) -> bool) {
        while let Some((at, owner)) = self.peek()
            && !agrees(at, owner)
        {
            self.heap.pop();
        }
        if self.heap.len() > SWEEP_ENTRIES_MIN.max(live.saturating_mul(4)) {
            self.heap.retain(|Reverse((at, owner))| agrees(*at, *owner));
        }
    }

    /// Entries held, stale ones included.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// True without any entry.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
