//! What a worker shows to others while it runs: load and counters, in atomics that only it writes.
//!
//! Also the meter that makes the load's figures. No lock: readers may see one figure newer than another.

use crate::clock::Instant;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How busy a worker is.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Load {
    /// The share of the last second that the worker did not sleep, 0 to 1.
    pub busy_fraction: f64,
    /// What 99 of 100 ticks of the last seconds were at most late by.
    pub tick_late_p99: Duration,
    /// Legs open now.
    pub legs: u32,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a worker has counted since its start.
        #[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Debug, Default)]
        struct Shown { $($name: AtomicU64,)* }

        impl Counters {
            /// Every counter with its name.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// The sum of two workers' counters.
            #[must_use]
            pub const fn plus(self, other: Self) -> Self {
                Self { $($name: self.$name.saturating_add(other.$name),)* }
            }
        }

        impl Shown {
            fn set(&self, counters: &Counters) {
                $(self.$name.store(counters.$name, Ordering::Relaxed);)*
            }

            fn read(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// RTP packets that came to a leg.
    packets_in,
    /// Packets sent, RTCP included.
    packets_out,
    /// RTP packets to a leg that were dropped: strangers', unknown, malformed.
    dropped,
    /// Packets to ports without a leg.
    strays,
    /// Frames of music, prompts and tones.
    frames,
    /// Frames that a late worker left out.
    frames_missed,
    /// Commands that made no sense.
    bad_commands,
    /// Prompts and music classes that do not exist.
    sounds_missing,
    /// Legs ended because handling them failed. Must stay 0.
    panics,
    /// Packets that the system did not take.
    send_errors,
    /// Ports of the range that could not be bound.
    ports_skipped,
    /// Packets of tapped legs that the recorder had no room for.
    taps_shed,
}

/// The atomics of one worker.
#[derive(Debug, Default)]
pub struct Board {
    busy_permille: AtomicU32,
    late_us: AtomicU32,
    legs: AtomicU32,
    counters: Shown,
    /// The worker sleeps until a packet, its deadline or its waker: a sender of commands must wake it.
    pub sleeps: AtomicBool,
    /// The worker is to end.
    pub stop: AtomicBool,
}

impl Board {
    /// The load as last shown.
    pub fn load(&self) -> Load {
        Load {
            busy_fraction: f64::from(self.busy_permille.load(Ordering::Relaxed)) / 1000.0,
            tick_late_p99: Duration::from_micros(u64::from(self.late_us.load(Ordering::Relaxed))),
            legs: self.legs.load(Ordering::Relaxed),
        }
    }

    /// The counters as last shown.
    pub fn counters(&self) -> Counters {
        self.counters.read()
    }
}

/// How often the load is shown.
pub const WINDOW: Duration = Duration::from_secs(1);
const BUCKETS: usize = 128;
const BUCKET_US: u64 = 100;

/// Measures one worker.
#[derive(Debug)]
pub struct Meter {
    since: Instant,
    slept: Duration,
    /// How many ticks were late by how many hundreds of microseconds; halved at each window's end.
    late: [u32; BUCKETS],
    idle: bool,
}

impl Meter {
    /// A meter that starts now.
    pub const fn new(now: Instant) -> Self {
        Self { since: now, slept: Duration::ZERO, late: [0; BUCKETS], idle: true }
    }

    /// The worker slept for so long.
    pub fn slept(&mut self, time: Duration) {
        self.slept += time;
    }

    /// A tick that was due came so much later.
    pub fn late(&mut self, by: Duration) {
        let bucket = (by.as_micros() as u64 / BUCKET_US).min(BUCKETS as u64 - 1) as usize;
        if let Some(count) = self.late.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether the last window shown had nothing to show, so that sleeping through the next ones is right.
    pub const fn is_idle(&self) -> bool {
        self.idle
    }

    /// When the window ends.
    pub fn window_ends(&self) -> Instant {
        self.since + WINDOW
    }

    /// Shows the figures when the window has ended.
    pub fn show(&mut self, now: Instant, board: &Board, legs: usize, counters: &Counters) {
        let window = now.since(self.since);
        if window < WINDOW {
            return;
        }
        let busy = 1.0 - (self.slept.as_secs_f64() / window.as_secs_f64()).min(1.0);
        board.busy_permille.store((busy * 1000.0) as u32, Ordering::Relaxed);
        board.late_us.store(self.p99_us(), Ordering::Relaxed);
        board.legs.store(legs as u32, Ordering::Relaxed);
        board.counters.set(counters);
        self.late.iter_mut().for_each(|count| *count /= 2);
        self.idle = busy < 0.001 && self.late.iter().all(|count| *count == 0);
        (self.since, self.slept) = (now, Duration::ZERO);
    }

    fn p99_us(&self) -> u32 {
        let all: u64 = self.late.iter().map(|count| u64::from(*count)).sum();
        let mut seen = 0;
        let reached = self.late.iter().position(|count| {
            seen += u64::from(*count);
            seen * 100 >= all * 99
        });
        match reached {
            Some(bucket) if all > 0 => (bucket as u32 + 1) * BUCKET_US as u32,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_what_was_not_slept_and_fades_when_nothing_happens() {
        let (board, mut meter) = (Board::default(), Meter::new(Instant::default()));
        meter.slept(Duration::from_millis(750));
        for n in 0..1000 {
            meter.late(if n < 985 { Duration::from_micros(50) } else { Duration::from_micros(2150) });
        }
        let counters = Counters { packets_in: 7, ..Counters::default() };
        meter.show(Instant::from_micros(1_000_000), &board, 3, &counters);
        let load = board.load();
        assert_eq!(
            (load.busy_fraction, load.tick_late_p99, load.legs),
            (0.25, Duration::from_micros(2200), 3)
        );
        assert_eq!(board.counters(), counters);
        assert!(!meter.is_idle());
        for second in 2..20 {
            meter.slept(WINDOW);
            meter.show(Instant::from_micros(second * 1_000_000), &board, 0, &counters);
        }
        assert!(meter.is_idle());
        assert_eq!(board.load(), Load::default());
    }
}
