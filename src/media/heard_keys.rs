//! Keys of one leg that come by two ways, RFC 4733 and INFO: phones that send both press once and are heard once.
//!
//! Not the packets of one press, which `rtp::dtmf` puts together.

use crate::clock::Instant;
use crate::media::command::KeyWay;
use std::collections::VecDeque;
use std::time::Duration;

/// The two of one press come within so long of each other: an INFO is sent at the release, and may be sent again.
const APART_MAX: Duration = Duration::from_secs(2);
/// Nobody presses more keys in that time.
const UNMATCHED_MAX: usize = 16;
/// Presses whose packets are kept back: stragglers of more than the last few do not come.
const COPIES_MAX: usize = 4;

/// A press as its packets name it: SSRC and timestamp.
type Press = (u32, u32);

/// What has come by one way and may still come by the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeardKeys {
    unmatched: VecDeque<(char, KeyWay, Instant)>,
    copies: VecDeque<Press>,
}

impl HeardKeys {
    /// A key has come; whether it is a new press, and not the other way's copy of one.
    pub(crate) fn hear(&mut self, now: Instant, key: char, way: KeyWay) -> bool {
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

    /// The first packet of a press has come; whether it is a new one.
    pub(crate) fn hear_event(&mut self, now: Instant, key: char, press: Press) -> bool {
        let is_new = self.hear(now, key, KeyWay::Event);
        if !is_new {
            if self.copies.len() >= COPIES_MAX {
                self.copies.pop_front();
            }
            self.copies.push_back(press);
        }
        is_new
    }

    /// Whether a packet belongs to a press that was told by INFO before.
    pub(crate) fn is_copy(&self, press: Press) -> bool {
        self.copies.contains(&press)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn a_press_that_comes_by_both_ways_is_one() {
        let mut keys = HeardKeys::default();
        assert!(keys.hear(at(0), '5', KeyWay::Event));
        assert!(!keys.hear(at(90), '5', KeyWay::Info));
        assert!(keys.hear(at(200), '5', KeyWay::Info), "the second press, by the other way first");
        assert!(!keys.hear(at(210), '5', KeyWay::Event));
        assert!(keys.hear(at(300), '5', KeyWay::Event));
        assert!(keys.hear(at(400), '5', KeyWay::Event), "two presses by one way are two");
        assert!(keys.hear(at(3000), '5', KeyWay::Info), "and much later it is another press");
        for key in 0..100 {
            keys.hear(at(3000), char::from(key), KeyWay::Info);
        }
        assert!(keys.unmatched.len() <= UNMATCHED_MAX);
    }

    #[test]
    fn packets_of_a_press_that_was_told_are_copies_and_those_of_others_are_not() {
        let mut keys = HeardKeys::default();
        assert!(keys.hear_event(at(0), '1', (7, 100)));
        assert!(!keys.is_copy((7, 100)), "the INFO comes after it");
        for press in 1..=20 {
            assert!(keys.hear(at(5000 + press), '2', KeyWay::Info));
            assert!(!keys.hear_event(at(5000 + press), '2', (7, 1000 + press as u32)));
            assert!(keys.is_copy((7, 1000 + press as u32)));
        }
        assert!(!keys.is_copy((7, 100)) && keys.copies.len() <= COPIES_MAX);
    }
}
