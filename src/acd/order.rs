//! The order of service: effective priority, then true enqueue time (FEATURES B1).
//!
//! Effective priority is `priority + waited / aging`. Inside one queue, where aging is the same for all, who is before
//! whom never changes with time: `enqueued - priority * aging` is a constant key, and an ordered map of it is the queue.
//! Only between the heads of queues with different agings the comparison needs the present time.

use crate::clock::Instant;
use std::cmp::Ordering;
use std::time::Duration;

/// A caller's place in his queue: smaller is served first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    /// Microseconds of `enqueued - priority * aging`; without aging, the priority's negative.
    rank: i64,
    enqueued: Instant,
    /// Decides between those who came in the same microsecond.
    turn: u64,
}

impl Order {
    /// The place of a caller who enqueued then.
    pub(crate) fn new(priority: i32, aging: Option<Duration>, enqueued: Instant, turn: u64) -> Self {
        let rank = match aging_us(aging) {
            Some(aging) => micros(enqueued).saturating_sub(i64::from(priority).saturating_mul(aging)),
            None => -i64::from(priority),
        };
        Self { rank, enqueued, turn }
    }

    /// The same place with another turn among equals.
    pub(crate) const fn with_turn(self, turn: u64) -> Self {
        Self { turn, ..self }
    }

    /// Whether only the turn tells the two apart.
    pub(crate) fn equals_but_turn(&self, other: &Self) -> bool {
        (self.rank, self.enqueued) == (other.rank, other.enqueued)
    }

    /// Compares the heads of two queues: `Less` is served first.
    pub(crate) fn compare_heads(
        now: Instant,
        (a, a_aging): (&Self, Option<Duration>),
        (b, b_aging): (&Self, Option<Duration>),
    ) -> Ordering {
        let (a_value, a_unit) = a.effective(now, a_aging);
        let (b_value, b_unit) = b.effective(now, b_aging);
        (b_value * a_unit)
            .cmp(&(a_value * b_unit))
            .then(a.enqueued.cmp(&b.enqueued))
            .then(a.turn.cmp(&b.turn))
    }

    /// Effective priority as a fraction.
    fn effective(&self, now: Instant, aging: Option<Duration>) -> (i128, i128) {
        match aging_us(aging) {
            Some(aging) => (i128::from(micros(now)) - i128::from(self.rank), i128::from(aging)),
            None => (-i128::from(self.rank), 1),
        }
    }
}

fn micros(at: Instant) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

/// Aging of zero would be a division by zero: it counts as none.
fn aging_us(aging: Option<Duration>) -> Option<i64> {
    aging.map(|aging| i64::try_from(aging.as_micros()).unwrap_or(i64::MAX)).filter(|aging| *aging > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_step_of_priority_is_worth_the_aging_time() {
        let plain = Order::new(0, Some(MINUTE), at(0), 1);
        assert!(Order::new(1, Some(MINUTE), at(59), 2) < plain);
        assert!(plain < Order::new(1, Some(MINUTE), at(61), 2), "nobody starves");
        assert!(plain < Order::new(1, Some(MINUTE), at(60), 2), "equal priority: who came first");
        assert!(Order::new(1, None, at(1_000_000), 2) < Order::new(0, None, at(0), 1));
    }

    #[test]
    fn heads_with_different_agings_are_compared_as_of_now() {
        let quick = (&Order::new(0, Some(MINUTE), at(100), 2), Some(MINUTE));
        let slow = (&Order::new(0, Some(MINUTE * 2), at(0), 1), Some(MINUTE * 2));
        assert_eq!(Order::compare_heads(at(190), quick, slow), Ordering::Greater, "90/60 < 190/120");
        assert_eq!(Order::compare_heads(at(210), quick, slow), Ordering::Less, "110/60 > 210/120");
        assert_eq!(Order::compare_heads(at(200), quick, slow), Ordering::Greater, "equal: who came first");
        let fixed = (&Order::new(3, None, at(300), 3), None);
        assert_eq!(Order::compare_heads(at(190), fixed, slow), Ordering::Less);
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let day = Some(Duration::from_secs(86_400 * 365 * 1000));
        let end = Instant::from_micros(u64::MAX);
        let low = Order::new(i32::MIN, day, end, u64::MAX);
        let high = Order::new(i32::MAX, day, at(0), 0);
        assert!(high < low);
        assert_eq!(Order::compare_heads(end, (&high, day), (&low, day)), Ordering::Less);
        assert_eq!(Order::compare_heads(end, (&high, Some(Duration::MAX)), (&low, None)), Ordering::Less);
        assert_eq!(Order::new(5, Some(Duration::ZERO), at(1), 0), Order::new(5, None, at(1), 0));
    }
}
