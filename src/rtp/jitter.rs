//! The jitter buffer of one speaker in clocked mode: packets in as they come, packets out when they are due.
//!
//! ```text
//!  put (any time, any order) ──► held by timestamp ──► take (by the clock): a packet, a gap, or nothing
//! ```
//! It decides how long packets wait: so long that 96 of 100 come in time, 20 to 200 ms after the fastest ones, 40 ms before
//! anything is known. It does not touch the sound: the owner decodes, fills gaps, and, told by [`Jitter::excess`], makes the
//! sound shorter or longer where that is not heard. Relayed streams have none: their receiver has one of his own.

use crate::clock::Instant;
use crate::rtp::sequence;
use std::collections::VecDeque;
use std::time::Duration;

/// The delay before anything is known of a stream.
pub const DELAY_AT_FIRST: Duration = Duration::from_millis(40);
/// The least delay.
pub const DELAY_MIN: Duration = Duration::from_millis(20);
/// The greatest delay.
pub const DELAY_MAX: Duration = Duration::from_millis(200);
/// How long a gap is told as a gap; after it the speaker is taken to be silent, and the next packet begins anew.
pub const GAP_MAX: Duration = Duration::from_millis(60);

/// So many packets of a hundred shall come in time.
const IN_TIME_PERCENT: u32 = 96;
/// One column of the histogram of delays.
const COLUMN_US: i64 = 5_000;
const COLUMNS: usize = 50;
/// Packets before the histogram is believed: two seconds.
const LEARNT_AFTER: u32 = 100;
/// Packets after which what was learnt counts half: five seconds, so that ten-second-old weather is forgotten.
const HALVED_AFTER: u32 = 250;
/// The fastest packet is sought over one to two times as long, so that a drifting clock is followed.
const FASTEST_OVER: Duration = Duration::from_secs(5);
/// Packets held at most: a second at 20 ms; more is a flood.
const HELD_MAX: usize = 50;
/// A source whose timestamps disagree with the wall by more has restarted them.
const RESTART_US: i64 = 2_000_000;
/// The owner takes every 20 ms: a packet that is due within half of that is taken now.
const HALF_SLOT: Duration = Duration::from_millis(10);

/// A packet that was taken out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Its payload; give it back to [`Jitter::recycle`].
    pub payload: Vec<u8>,
    /// What the owner said of it when it was put in.
    pub payload_type: u8,
    /// It does not follow what was taken last: packets were left out, or the source is another one.
    pub cut: bool,
}

/// What is to be heard now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Take {
    /// This packet.
    Packet(Taken),
    /// So many ticks of the RTP clock that should have come and did not.
    Gap(u32),
    /// The speaker is silent, or his first packets are still being gathered.
    Silence,
}

/// What was counted.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Packets that came too late to be heard.
    pub late: u64,
    /// Packets that came twice.
    pub doubles: u64,
    /// Gaps of a frame or less that were told.
    pub gaps: u64,
    /// Packets that were left out because too many were held.
    pub left_out: u64,
    /// How often a source began, at first or anew.
    pub starts: u64,
}

/// A packet as it is put in.
#[derive(Copy, Clone, Debug)]
pub struct Arrival<'a> {
    /// Its source.
    pub ssrc: u32,
    /// Its timestamp.
    pub timestamp: u32,
    /// Its payload type.
    pub payload_type: u8,
    /// How long its sound lasts, in ticks of the RTP clock; never 0.
    pub duration: u32,
    /// Its payload.
    pub payload: &'a [u8],
}

#[derive(Debug)]
struct Held {
    /// Ticks since the source began.
    at: i64,
    duration: u32,
    payload_type: u8,
    payload: Vec<u8>,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    /// Nothing is heard, nothing is held.
    Idle,
    /// The first packets are gathered until then.
    Gathering(Instant),
    /// Packets are taken; the next one has that time.
    Playing(i64),
}

/// The buffer of one speaker.
#[derive(Debug)]
pub struct Jitter {
    rate_hz: u32,
    source: Option<Source>,
    state: State,
    held: VecDeque<Held>,
    spare: Vec<Vec<u8>>,
    weather: Weather,
    /// Ticks told as a gap since the last packet.
    dry: u32,
    cut: bool,
    excess_us: i64,
    /// What was counted.
    pub tally: Tally,
}

/// The source that speaks, and how its timestamps are counted on.
#[derive(Copy, Clone, Debug)]
struct Source {
    ssrc: u32,
    timestamp: u32,
    at: i64,
    arrived: Instant,
}

impl Jitter {
    /// An empty buffer for a stream with that RTP clock.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz: rate_hz.max(1),
            source: None,
            state: State::Idle,
            held: VecDeque::new(),
            spare: Vec::new(),
            weather: Weather::default(),
            dry: 0,
            cut: false,
            excess_us: 0,
            tally: Tally::default(),
        }
    }

    /// The delay that is aimed at, over the fastest packets.
    pub fn target(&self) -> Duration {
        self.weather.target()
    }

    /// How much longer (or, below zero, shorter) than aimed at the last packet has waited, in microseconds.
    pub const fn excess(&self) -> i64 {
        self.excess_us
    }

    /// Whether packets are being taken, so that a speaker is heard without a start-up delay.
    pub const fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing(_))
    }

    /// Whether there is nothing to be taken before another packet comes.
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether the packet that follows what was taken last is here.
    pub fn follows(&self) -> bool {
        let State::Playing(next) = self.state else { return false };
        self.held.front().is_some_and(|held| held.at <= next)
    }

    /// Takes in a packet.
    pub fn put(&mut self, now: Instant, packet: Arrival<'_>) {
        let at = self.place(now, &packet);
        let late_us = self.weather.see(now, self.micros(at));
        match self.state {
            State::Idle => {
                self.tally.starts += 1;
                let wait = self.target().as_micros() as i64 - late_us;
                self.state = State::Gathering(now + Duration::from_micros(wait.max(0) as u64));
            }
            State::Gathering(_) => {}
            State::Playing(next) if at < next => {
                let behind = next - at;
                if !self.held.is_empty() || behind > i64::from(self.dry) {
                    self.tally.late += 1;
                    return;
                }
                // All that was told since is a gap that was none: the sound goes on from here, later than before.
                self.state = State::Playing(at);
                self.dry = 0;
                self.cut = true;
            }
            State::Playing(_) => {}
        }
        self.hold(at, &packet);
    }

    /// What is to be heard from `at` on, for up to `wanted` ticks. `at` is when the first of it will be played.
    pub fn take(&mut self, at: Instant, wanted: u32) -> Take {
        if let State::Gathering(until) = self.state {
            if at + HALF_SLOT < until {
                return Take::Silence;
            }
            // Many came at once: what is much older than the delay aimed at is not worth the wait.
            self.leave_out_older_than(at, self.target() + HALF_SLOT * 4);
            let Some(first) = self.held.front() else { return Take::Silence };
            self.state = State::Playing(first.at);
            self.cut = true;
        }
        let State::Playing(next) = self.state else { return Take::Silence };
        let Some(first) = self.held.front() else { return self.gap(next, wanted) };
        let missing = first.at - next;
        if missing <= 0 {
            return self.packet(at);
        }
        if self.is_dry() {
            // Between two talk spurts: the second one begins with the delay that is right now.
            let due = self.weather.due(self.micros(first.at));
            self.state = State::Gathering(due);
            self.dry = 0;
            return self.take(at, wanted);
        }
        self.gap(next, wanted.min(u32::try_from(missing).unwrap_or(u32::MAX)))
    }

    /// Gives back a payload, so that its memory is used again.
    pub fn recycle(&mut self, mut payload: Vec<u8>) {
        if self.spare.len() < HELD_MAX {
            payload.clear();
            self.spare.push(payload);
        }
    }

    fn packet(&mut self, at: Instant) -> Take {
        self.leave_out_older_than(at, DELAY_MAX + HALF_SLOT * 2);
        let Some(held) = self.held.pop_front() else { return Take::Silence };
        self.excess_us = self.weather.waited(at, self.micros(held.at)) - self.target().as_micros() as i64;
        self.state = State::Playing(held.at + i64::from(held.duration));
        self.dry = 0;
        let cut = std::mem::take(&mut self.cut);
        Take::Packet(Taken { payload: held.payload, payload_type: held.payload_type, cut })
    }

    fn gap(&mut self, next: i64, ticks: u32) -> Take {
        if self.is_dry() {
            self.state = State::Idle;
            self.dry = 0;
            return Take::Silence;
        }
        self.tally.gaps += 1;
        self.dry += ticks;
        self.state = State::Playing(next + i64::from(ticks));
        Take::Gap(ticks)
    }

    fn is_dry(&self) -> bool {
        self.micros(i64::from(self.dry)) >= GAP_MAX.as_micros() as i64
    }

    /// After a stall of the network, packets come in a heap.
    fn leave_out_older_than(&mut self, at: Instant, limit: Duration) {
        let limit = limit.as_micros() as i64;
        while self.held.len() > 1
            && self.held.front().is_some_and(|held| self.weather.waited(at, self.micros(held.at)) > limit)
            && let Some(held) = self.held.pop_front()
        {
            self.tally.left_out += 1;
            self.cut = true;
            self.recycle(held.payload);
        }
    }

    /// The packet's time on its source's own count; another source, or one that restarted, begins a new one.
    fn place(&mut self, now: Instant, packet: &Arrival<'_>) -> i64 {
        let Arrival { ssrc, timestamp, .. } = *packet;
        let known = self.source.filter(|source| source.ssrc == ssrc).and_then(|source| {
            let moved = i64::from(sequence::samples_between(source.timestamp, timestamp));
            let passed = now.since(source.arrived).as_micros() as i64;
            let agrees = (self.micros(moved) - passed).abs() <= RESTART_US;
            agrees.then_some((source, source.at + moved))
        });
        let Some((mut source, at)) = known else {
            self.forget();
            self.source = Some(Source { ssrc, timestamp, at: 0, arrived: now });
            return 0;
        };
        if at > source.at {
            source = Source { timestamp, at, arrived: now, ..source };
        }
        self.source = Some(source);
        at
    }

    /// Another source: nothing of the old one is heard any more, and nothing that was learnt of it holds.
    fn forget(&mut self) {
        while let Some(held) = self.held.pop_front() {
            self.tally.left_out += 1;
            self.recycle(held.payload);
        }
        (self.state, self.dry, self.cut, self.excess_us) = (State::Idle, 0, true, 0);
        self.weather = Weather::default();
    }

    fn hold(&mut self, at: i64, packet: &Arrival<'_>) {
        let place = self.held.iter().rposition(|held| held.at <= at);
        if place.and_then(|place| self.held.get(place)).is_some_and(|held| held.at == at) {
            self.tally.doubles += 1;
            return;
        }
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.extend_from_slice(packet.payload);
        let (duration, payload_type) = (packet.duration.max(1), packet.payload_type);
        let index = place.map_or(0, |place| place + 1);
        self.held.insert(index, Held { at, duration, payload_type, payload });
        if self.held.len() > HELD_MAX
            && let Some(oldest) = self.held.pop_front()
        {
            self.tally.left_out += 1;
            self.cut = true;
            self.recycle(oldest.payload);
        }
    }

    fn micros(&self, ticks: i64) -> i64 {
        ticks * 1_000_000 / i64::from(self.rate_hz)
    }
}

/// How much later than the fastest ones a source's packets come.
#[derive(Clone, Debug)]
struct Weather {
    columns: [u32; COLUMNS],
    seen: u32,
    since_halved: u32,
    /// The least transit (arrival less timestamp, in microseconds) of this window and of the one before.
    fastest: i64,
    fastest_before: i64,
    window_ends: Option<Instant>,
    target_us: i64,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            columns: [0; COLUMNS],
            seen: 0,
            since_halved: 0,
            fastest: i64::MAX,
            fastest_before: i64::MAX,
            window_ends: None,
            target_us: DELAY_AT_FIRST.as_micros() as i64,
        }
    }
}

impl Weather {
    /// Takes in an arrival; says how much later than the fastest it came.
    fn see(&mut self, now: Instant, timestamp_us: i64) -> i64 {
        let transit = now.as_micros() as i64 - timestamp_us;
        let before = self.base();
        if self.window_ends.is_none_or(|end| end <= now) {
            self.fastest_before = self.fastest;
            self.fastest = transit;
            self.window_ends = Some(now + FASTEST_OVER);
        }
        self.fastest = self.fastest.min(transit);
        if before != i64::MAX && self.base() < before {
            // All that was seen has been later than thought.
            let columns = ((before - self.base()) / COLUMN_US).min(COLUMNS as i64 - 1) as usize;
            self.columns.rotate_right(columns);
            for wrapped in self.columns.iter_mut().take(columns) {
                *wrapped = 0;
            }
        }
        let late = transit - self.base();
        self.count(late);
        late
    }

    fn count(&mut self, late: i64) {
        let column = (late / COLUMN_US).clamp(0, COLUMNS as i64 - 1) as usize;
        if let Some(count) = self.columns.get_mut(column) {
            // In sixteenths, so that halving keeps what is rare.
            *count += 16;
        }
        self.seen = self.seen.saturating_add(1);
        self.since_halved += 1;
        if self.since_halved >= HALVED_AFTER {
            self.since_halved = 0;
            self.columns.iter_mut().for_each(|count| *count /= 2);
        }
        if self.seen >= LEARNT_AFTER && self.seen.is_multiple_of(8) {
            self.learn();
        }
    }

    fn learn(&mut self) {
        let all: u32 = self.columns.iter().sum();
        let mut seen = 0;
        let reached = self.columns.iter().position(|count| {
            seen += count;
            seen * 100 >= all * IN_TIME_PERCENT
        });
        let columns = reached.map_or(COLUMNS, |column| column + 1) as i64;
        let (least, most) = (DELAY_MIN.as_micros() as i64, DELAY_MAX.as_micros() as i64);
        self.target_us = (columns * COLUMN_US).clamp(least, most);
    }

    const fn base(&self) -> i64 {
        if self.fastest < self.fastest_before { self.fastest } else { self.fastest_before }
    }

    /// How long after the fastest possible arrival something is played.
    fn waited(&self, at: Instant, timestamp_us: i64) -> i64 {
        let base = self.base();
        if base == i64::MAX { 0 } else { at.as_micros() as i64 - timestamp_us - base }
    }

    /// When it should be played.
    fn due(&self, timestamp_us: i64) -> Instant {
        Instant::from_micros((timestamp_us + self.base() + self.target_us).max(0) as u64)
    }

    fn target(&self) -> Duration {
        Duration::from_micros(self.target_us as u64)
    }
}

#[cfg(test)]
mod tests;
