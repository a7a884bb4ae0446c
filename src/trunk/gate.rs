//! How many calls a trunk carries, and how many new ones it may be given in a second.

use crate::clock::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// A second, over which new calls are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// The limits of one trunk, and how far they are used.
#[derive(Clone, Debug)]
pub struct Gate {
    calls: u32,
    calls_max: u32,
    per_second: Option<u32>,
    /// When the calls of the last second went out: no more of them than the limit.
    recent: VecDeque<Instant>,
}

impl Gate {
    /// With these limits; `None`: as many as come.
    pub fn new(calls_max: u32, per_second: Option<u32>) -> Self {
        Self { calls: 0, calls_max, per_second, recent: VecDeque::new() }
    }

    /// Calls on the trunk, both ways.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// The most it may carry.
    pub fn calls_max(&self) -> u32 {
        self.calls_max
    }

    /// Whether it carries all it may.
    pub fn is_full(&self) -> bool {
        self.calls >= self.calls_max
    }

    /// A call goes out; false, and nothing counted, when a limit forbids it.
    pub fn admit(&mut self, now: Instant) -> bool {
        if self.is_full() || !self.is_in_pace(now) {
            return false;
        }
        if self.per_second.is_some() {
            self.recent.push_back(now);
        }
        self.calls += 1;
        true
    }

    /// A call that no limit concerns: an emergency call, or one that came in and was counted against `is_full` before.
    pub fn force(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// A call is over.
    pub fn release(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }

    /// A sliding second: no second of any phase has more calls than the limit.
    fn is_in_pace(&mut self, now: Instant) -> bool {
        let Some(limit) = self.per_second else { return true };
        while self.recent.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            self.recent.pop_front();
        }
        self.recent.len() < usize::try_from(limit).unwrap_or(usize::MAX)
    }
}
