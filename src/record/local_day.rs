//! The local calendar day of a moment, remembered for a minute, because asking the time zone costs more than a fold.
//!
//! Not a calendar: it only answers "is this another day?". Offsets from UTC are whole minutes, so a day never turns
//! inside one.

use crate::clock::Wall;
use crate::clock::Zone;

const MINUTE_US: i64 = 60_000_000;

/// The day in one zone, asked again and again for moments that lie close together.
#[derive(Clone, Debug)]
pub struct LocalDay {
    zone: Zone,
    last: Option<(i64, i32)>,
}

impl LocalDay {
    /// Days as they turn in `zone`.
    pub const fn new(zone: Zone) -> Self {
        Self { zone, last: None }
    }

    /// The day of `at`, as [`Zone::day`] counts.
    pub fn of(&mut self, at: Wall) -> i32 {
        let minute = at.as_micros().div_euclid(MINUTE_US);
        match self.last {
            Some((known, day)) if known == minute => day,
            _ => {
                let day = self.zone.day(at);
                self.last = Some((minute, day));
                day
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_zone_around_midnight() {
        let zone = Zone::named("Europe/Paris").unwrap();
        let mut day = LocalDay::new(zone.clone());
        let midnight = Wall::parse("2026-11-22T23:00:00Z").unwrap().as_micros();
        for offset in [-60_000_001, -1, 0, 1, 59_999_999, 60_000_000, -86_400_000_000] {
            let at = Wall::from_micros(midnight + offset);
            assert_eq!(day.of(at), zone.day(at), "{at}");
        }
    }
}
