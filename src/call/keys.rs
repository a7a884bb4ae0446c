//! Keys of one leg that come by two ways, RFC 4733 and INFO: phones that send both press once and are heard once.

use crate::clock::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How a key came.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a telephone event (RFC 4733).
    Event,
    /// As an INFO request.
    Info,
}

/// What has come by one way and may still come by the other.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    unmatched: VecDeque<(char, Way, Instant)>,
}

/// The two of one press come within so long of each other: an INFO is sent at the release, and may be sent again.
const APART_MAX: Duration = Duration::from_secs(2);
/// Nobody presses more keys in that time.
const UNMATCHED_MAX: usize = 16;

impl Keys {
    /// A key has come; whether it is a new press, and not the other way's copy of one.
    pub fn hear(&mut self, now: Instant, key: char, way: Way) -> bool {
        self.unmatched.retain(|(_, _, at)| now.since(*at) < APART_MAX);
        let copy = self.unmatched.iter().position(|(other, by, _)| *other == key && *by != way);
        if let Some(copy) = copy {
            self.unmatched.remove(copy);
            return false;
        }
        if self.unmatched.len() >= UNMATCHED_MAX {
            self.unmatched.pop_front();
        }
        self.unmatched.push_back((key, way, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_that_comes_by_both_ways_is_one() {
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let mut keys = Keys::default();
        assert!(keys.hear(at(0), '5', Way::Event));
        assert!(!keys.hear(at(90), '5', Way::Info));
        assert!(keys.hear(at(200), '5', Way::Info), "the second press, by the other way first");
        assert!(!keys.hear(at(210), '5', Way::Event));
        assert!(keys.hear(at(300), '5', Way::Event));
        assert!(keys.hear(at(400), '5', Way::Event), "two presses by one way are two");
        assert!(keys.hear(at(3000), '5', Way::Info), "and much later it is another press");
        for key in 0..100 {
            keys.hear(at(3000), char::from(key), Way::Info);
        }
        assert!(keys.unmatched.len() <= UNMATCHED_MAX);
    }
}
