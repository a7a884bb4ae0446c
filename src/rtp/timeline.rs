//! One stream that we send: its SSRC, sequence numbers and timestamps, unbroken whatever it is fed from.
//!
//! Our own frames continue it; relayed packets are mapped onto it by an offset, so that their losses stay gaps
//! and their reordering stays visible. Not a packet: `packet::Outgoing` is made from the [`Stamp`].

use crate::clock::Instant;
use crate::rtp::CLOCK_RATE;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::reception::DROPOUT_MAX;
use crate::rtp::sequence;

/// A source whose timestamps disagree with the wall by more has restarted them: two seconds.
const DRIFT_SAMPLES_MAX: i64 = 2 * CLOCK_RATE as i64;

/// What one packet of the stream carries.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// First of a talk spurt.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
}

/// A packet that is to be relayed, as its sender numbered it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Incoming {
    /// Its source.
    pub ssrc: u32,
    /// Its marker.
    pub marker: bool,
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// How long its audio lasts in samples; 0 for a telephone event.
    pub duration: u32,
}

/// The state of one outgoing stream.
#[derive(Clone, Debug)]
pub struct Timeline {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    duration: u32,
    /// When the packet of `timestamp` was sent; `None` before the first.
    at: Option<Instant>,
    map: Option<Map>,
    fresh: bool,
}

/// How a source's numbers become ours.
#[derive(Copy, Clone, Debug)]
struct Map {
    ssrc: u32,
    /// The source's sequence number from which on its packets are ours; earlier ones came before the switch-over.
    from: u16,
    highest: u16,
    timestamp: u32,
    at: Instant,
    sequence_offset: u16,
    timestamp_offset: u32,
}

impl Timeline {
    /// A stream that has sent nothing; sequence and timestamp begin at random (RFC 3550 section 5.1).
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, sequence, timestamp, duration: 0, at: None, map: None, fresh: true }
    }

    /// Our synchronisation source: the same for the stream's whole life.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The source changes: the next packet begins a talk spurt.
    pub const fn cut(&mut self) {
        self.map = None;
        self.fresh = true;
    }

    /// The timestamp of this moment, for a sender report; `None` before the first packet.
    pub fn timestamp_at(&self, now: Instant) -> Option<u32> {
        self.at.map(|at| self.timestamp.wrapping_add(samples(now, at)))
    }

    /// The stamp of a frame of our own that lasts `duration` samples.
    pub fn next(&mut self, now: Instant, duration: u32) -> Stamp {
        let marker = self.fresh;
        let timestamp = if marker { self.resumed(now) } else { self.timestamp.wrapping_add(self.duration) };
        self.fresh = false;
        self.map = None;
        self.sequence = self.sequence.wrapping_add(1);
        (self.timestamp, self.duration, self.at) = (timestamp, duration, Some(now));
        Stamp { marker, sequence: self.sequence, timestamp }
    }

    /// The stamp of a further packet of an event of ours that began at `timestamp` and has lasted `duration` samples: the
    /// next number and the old timestamp (RFC 4733 section 2.5.1.2).
    pub fn again(&mut self, timestamp: u32, duration: u32) -> Stamp {
        self.map = None;
        self.sequence = self.sequence.wrapping_add(1);
        self.duration = duration;
        Stamp { marker: false, sequence: self.sequence, timestamp }
    }

    /// Time passes without frames of ours that should have been: the next one's timestamp leaves room for them.
    pub const fn pass(&mut self, samples: u32) {
        self.duration = self.duration.wrapping_add(samples);
    }

    /// The stamp of a relayed packet; `None` for one from before the source was switched to.
    pub fn relay(&mut self, now: Instant, packet: Incoming) -> Option<Stamp> {
        let known = self.map.filter(|map| map.continues(now, &packet));
        let (mut map, marker) = match known {
            Some(map) => (map, packet.marker),
            None => (self.anchor(now, &packet), packet.marker || packet.duration > 0),
        };
        if sequence::distance(map.from, packet.sequence) < 0 {
            return None;
        }
        let stamp = Stamp {
            marker,
            sequence: packet.sequence.wrapping_add(map.sequence_offset),
            timestamp: packet.timestamp.wrapping_add(map.timestamp_offset),
        };
        if known.is_none() || sequence::distance(map.highest, packet.sequence) > 0 {
            (map.highest, map.timestamp, map.at) = (packet.sequence, packet.timestamp, now);
            self.sequence = stamp.sequence;
            // A telephone event keeps its timestamp while it lasts: the moment belongs to its first packet.
            if self.timestamp != stamp.timestamp || self.at.is_none() {
                (self.timestamp, self.at) = (stamp.timestamp, Some(now));
            }
            self.duration = packet.duration.max(1);
        }
        map.keep_window();
        self.map = Some(map);
        self.fresh = false;
        Some(stamp)
    }

    /// A packet of the source is left out on purpose: the stream closes the gap.
    pub fn skip(&mut self, packet: &Incoming) {
        if let Some(map) = &mut self.map
            && map.ssrc == packet.ssrc
            && sequence::distance(map.highest, packet.sequence) == 1
        {
            map.highest = packet.sequence;
            map.from = packet.sequence.wrapping_add(1);
            map.sequence_offset = map.sequence_offset.wrapping_sub(1);
        }
    }

    /// The timestamp after a break: it went on with the wall, at least by the last packet.
    fn resumed(&self, now: Instant) -> u32 {
        match self.at {
            Some(at) => self.timestamp.wrapping_add(samples(now, at).max(self.duration)),
            None => self.timestamp,
        }
    }

    fn anchor(&self, now: Instant, packet: &Incoming) -> Map {
        Map {
            ssrc: packet.ssrc,
            from: packet.sequence,
            highest: packet.sequence,
            timestamp: packet.timestamp,
            at: now,
            sequence_offset: self.sequence.wrapping_add(1).wrapping_sub(packet.sequence),
            timestamp_offset: self.resumed(now).wrapping_sub(packet.timestamp),
        }
    }
}

impl Map {
    fn continues(&self, now: Instant, packet: &Incoming) -> bool {
        let ahead = sequence::distance(self.highest, packet.sequence);
        if packet.ssrc != self.ssrc || ahead.unsigned_abs() >= u32::from(DROPOUT_MAX) {
            return false;
        }
        let moved = i64::from(sequence::samples_between(self.timestamp, packet.timestamp));
        let passed = i64::from(samples(now, self.at));
        packet.duration == 0 || ahead <= 0 || (moved - passed).abs() <= DRIFT_SAMPLES_MAX
    }

    /// Keeps `from` near enough to be compared after the numbers have wrapped.
    const fn keep_window(&mut self) {
        if sequence::distance(self.from, self.highest) > 2 * DROPOUT_MAX as i32 {
            self.from = self.highest.wrapping_sub(DROPOUT_MAX);
        }
    }
}

const fn samples(now: Instant, since: Instant) -> u32 {
    (now.since(since).as_micros() as u64 / SAMPLE_MICROS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn packet(sequence: u16, timestamp: u32) -> Incoming {
        Incoming { ssrc: 9, marker: false, sequence, timestamp, duration: 160 }
    }

    #[test]
    fn music_then_an_agent_then_music_is_one_stream() {
        let mut line = Timeline::new(1, 100, 5000);
        assert_eq!(line.next(ms(0), 160), Stamp { marker: true, sequence: 101, timestamp: 5000 });
        assert_eq!(line.next(ms(20), 160), Stamp { marker: false, sequence: 102, timestamp: 5160 });
        line.cut();
        let relayed = line.relay(ms(65), packet(7, 90)).unwrap();
        assert_eq!(relayed, Stamp { marker: true, sequence: 103, timestamp: 5160 + 45 * 8 });
        assert!(!line.relay(ms(85), packet(8, 250)).unwrap().marker);
        line.cut();
        let back = line.next(ms(100), 160);
        assert_eq!(back, Stamp { marker: true, sequence: 105, timestamp: 5160 + 45 * 8 + 320 });
    }

    #[test]
    fn gaps_and_reordering_pass_and_what_came_before_the_switch_does_not() {
        let mut line = Timeline::new(1, 0, 0);
        let sequence = |line: &mut Timeline, number: u16| {
            line.relay(ms(u64::from(number) * 20), packet(number, u32::from(number) * 160))
                .map(|s| s.sequence)
        };
        assert_eq!(sequence(&mut line, 10), Some(1));
        assert_eq!(sequence(&mut line, 13), Some(4));
        assert_eq!(sequence(&mut line, 12), Some(3));
        assert_eq!(sequence(&mut line, 9), None);
        assert_eq!(sequence(&mut line, 14), Some(5));
    }

    #[test]
    fn a_long_call_keeps_its_map_across_the_wrap() {
        let mut line = Timeline::new(1, 0, 0);
        let mut last = line.relay(ms(0), packet(60_000, 0)).unwrap();
        for n in 1..150_000u32 {
            let number = 60_000u16.wrapping_add(n as u16);
            let stamp = line.relay(ms(u64::from(n) * 20), packet(number, n * 160)).unwrap();
            assert_eq!(stamp.sequence, last.sequence.wrapping_add(1), "packet {n}");
            assert_eq!(stamp.timestamp, last.timestamp.wrapping_add(160), "packet {n}");
            last = stamp;
        }
    }

    #[test]
    fn a_source_that_restarts_goes_on_where_the_stream_was() {
        let mut line = Timeline::new(1, 0, 0);
        line.relay(ms(0), packet(1, 0)).unwrap();
        let again = line.relay(ms(20), packet(40_000, 123_456_789)).unwrap();
        assert_eq!(again, Stamp { marker: true, sequence: 2, timestamp: 160 });
        let clock = line.relay(ms(40), packet(40_001, 5)).unwrap();
        assert_eq!((clock.sequence, clock.timestamp), (3, 320), "timestamps restarted alone");
    }

    #[test]
    fn a_skipped_packet_leaves_no_gap() {
        let mut line = Timeline::new(1, 0, 0);
        line.relay(ms(0), packet(1, 0)).unwrap();
        line.skip(&packet(2, 160));
        assert_eq!(
            line.relay(ms(40), packet(3, 320)).unwrap(),
            Stamp { marker: false, sequence: 2, timestamp: 320 }
        );
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_time_goes_on_after_it() {
        let mut line = Timeline::new(1, 0, 0);
        line.relay(ms(0), packet(1, 0)).unwrap();
        for n in 0..10u16 {
            let event = Incoming { duration: 0, ..packet(2 + n, 160) };
            assert_eq!(line.relay(ms(20 + 20 * u64::from(n)), event).unwrap().timestamp, 160);
        }
        line.cut();
        assert_eq!(line.next(ms(220), 160).timestamp, 160 + 200 * 8);
    }
}
