//! How fast a queue is served, for the estimated wait: the recent mean time from one answered caller to the next.
//!
//! Only intervals during which somebody waited are counted: without a backlog the pace is the callers', not the agents'.

use crate::clock::Instant;
use std::time::Duration;

/// An interval counts one eighth of the mean: about the last dozen decide.
const WEIGHT: u64 = 8;
/// Before so many intervals an estimate would be a guess.
const SAMPLES_MIN: u32 = 3;

/// The pace of one queue.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: Option<Instant>,
    mean_us: u64,
    samples: u32,
}

impl Pace {
    /// A caller was answered; `still_waiting` says whether others wait.
    pub(crate) fn served(&mut self, now: Instant, still_waiting: bool) {
        if let Some(last) = self.last {
            let interval = u64::try_from(now.since(last).as_micros()).unwrap_or(u64::MAX);
            self.mean_us = match self.samples {
                0 => interval,
                _ => self.mean_us - self.mean_us / WEIGHT + interval / WEIGHT,
            };
            self.samples = self.samples.saturating_add(1);
        }
        self.last = still_waiting.then_some(now);
    }

    /// Nobody waits any more: the next answer does not end an interval.
    pub(crate) const fn emptied(&mut self) {
        self.last = None;
    }

    /// The wait still before the caller at `position` (from 1); it falls as time passes.
    pub(crate) fn estimate(&self, position: u32, now: Instant) -> Option<Duration> {
        if self.samples < SAMPLES_MIN {
            return None;
        }
        let mean = Duration::from_micros(self.mean_us);
        let passed = self.last.map_or(Duration::ZERO, |last| now.since(last).min(mean));
        Some(mean.saturating_mul(position).saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_estimate_is_position_times_mean_and_falls() {
        let mut pace = Pace::default();
        for turn in 0..3 {
            pace.served(at(turn * 30), true);
            assert_eq!(pace.estimate(1, at(turn * 30)), None, "two intervals are not enough");
        }
        pace.served(at(90), true);
        assert_eq!(pace.estimate(2, at(90)), Some(Duration::from_secs(60)));
        assert_eq!(pace.estimate(2, at(100)), Some(Duration::from_secs(50)));
        assert_eq!(pace.estimate(1, at(1000)), Some(Duration::ZERO));
    }

    #[test]
    fn a_quiet_hour_is_not_an_interval() {
        let mut pace = Pace::default();
        for turn in 0..4 {
            pace.served(at(turn * 10), true);
        }
        pace.emptied();
        pace.served(at(4000), false);
        assert_eq!(pace.estimate(1, at(4000)), Some(Duration::from_secs(10)));
    }
}
