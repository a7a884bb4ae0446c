//! The clock: the only place that reads the machine's time, and its manual twin for tests.
//!
//! Not a timer service: pure modules take [`Now`] or [`Instant`] as an argument and say when they want to be
//! called again. The process makes one [`Clock`]; every thread holds a clone.

use std::fmt;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Monotonic time: microseconds since the process's clock was made. Never goes back, whatever the wall clock does.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// A moment by its microseconds since the clock was made.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the clock was made.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time: microseconds since 1970-01-01T00:00:00Z. For records and people, never for timers.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Wall(i64);

impl Wall {
    /// A moment by its microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(stamp.as_microsecond()))
    }

    fn stamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T09:00:00.000Z`.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.stamp())
    }
}

/// A time zone of the IANA database, for "today" and opening hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    /// The zone of that name, such as `Europe/Paris`; `None` when the database has none.
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::TimeZone::get(name).ok().map(Self)
    }

    /// The local calendar day as a number that grows by one each day (days since 1970-01-01).
    pub fn day(&self, at: Wall) -> i32 {
        let date = at.stamp().to_zoned(self.0.clone()).date();
        let epoch = jiff::civil::date(1970, 1, 1);
        date.duration_since(epoch).as_hours().div_euclid(24).try_into().unwrap_or(0)
    }

    /// The local day of the week, from 0 for Monday, and the minute since local midnight.
    pub fn week_minute(&self, at: Wall) -> (usize, u16) {
        let local = at.stamp().to_zoned(self.0.clone());
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        (day, u16::try_from(minute).unwrap_or(0))
    }
}

/// One reading of both clocks.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers and durations.
    pub instant: Instant,
    /// For records.
    pub wall: Wall,
}

/// The source of time: the machine's clocks, or a hand that a test turns.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine(std::time::Instant),
    Manual { micros: Arc<AtomicU64>, epoch: Wall },
}

impl Clock {
    /// The machine's clocks; [`Instant`] zero is now.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn machine() -> Self {
        Self(Source::Machine(std::time::Instant::now()))
    }

    /// A clock that stands still at zero and at `epoch` until [`Clock::advance`].
    pub fn manual(epoch: Wall) -> Self {
        Self(Source::Manual { micros: Arc::default(), epoch })
    }

    /// Moves a manual clock forward; the machine's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { micros, .. } = &self.0 {
            micros.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// The monotonic clock alone, the cheaper reading.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::Machine(start) => {
                let passed = std::time::Instant::now().duration_since(*start);
                Instant(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX))
            }
            Source::Manual { micros, .. } => Instant(micros.load(Ordering::Relaxed)),
        }
    }

    /// Both clocks.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn now(&self) -> Now {
        let instant = self.instant();
        let wall = match &self.0 {
            Source::Machine(_) => {
                let passed =
                    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Wall(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX))
            }
            Source::Manual { epoch, .. } => {
                Wall(epoch.0.saturating_add(i64::try_from(instant.0).unwrap_or(i64::MAX)))
            }
        };
        Now { instant, wall }
    }

    /// The machine's moment for an [`Instant`] of this clock, for runtimes that sleep until one.
    /// A manual clock has none.
    pub fn deadline(&self, at: Instant) -> Option<std::time::Instant> {
        match &self.0 {
            Source::Machine(start) => start.checked_add(Duration::from_micros(at.0)),
            Source::Manual { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Wall::parse("2026-11-22T09:00:00Z").unwrap());
        let before = clock.now();
        clock.advance(Duration::from_millis(1500));
        let after = clock.now();
        assert_eq!(after.instant.since(before.instant), Duration::from_millis(1500));
        assert_eq!(before.instant.since(after.instant), Duration::ZERO);
        assert_eq!(after.wall.to_string(), "2026-11-22T09:00:01.500Z");
    }

    #[test]
    fn the_day_turns_at_local_midnight() {
        let paris = Zone::named("Europe/Paris").unwrap();
        let late = Wall::parse("2026-11-22T22:59:59Z").unwrap();
        let midnight = Wall::parse("2026-11-22T23:00:00Z").unwrap();
        assert_eq!(paris.day(late) + 1, paris.day(midnight));
        assert_eq!(Zone::utc().day(late), Zone::utc().day(midnight));
    }

    #[test]
    fn a_week_begins_on_monday() {
        let paris = Zone::named("Europe/Paris").unwrap();
        let sunday = Wall::parse("2026-11-22T22:59:00Z").unwrap();
        let monday = Wall::parse("2026-11-22T23:01:00Z").unwrap();
        assert_eq!((paris.week_minute(sunday), paris.week_minute(monday)), ((6, 1439), (0, 1)));
    }

    #[test]
    fn the_machine_clock_does_not_go_back() {
        let clock = Clock::machine();
        let first = clock.instant();
        assert!(clock.instant() >= first);
        assert!(clock.now().wall > Wall::parse("2025-01-01T00:00:00Z").unwrap());
    }
}
