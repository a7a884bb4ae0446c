//! One channel of a recording: packets of streams put on the recording's own time line.
//!
//! ```text
//!   RTP timestamp ──► place = timestamp + offset ──► samples, from the first that was not taken yet
//!                      ▲ offset follows the arrival times, so slowly that nobody hears it
//! ```
//! The timestamps say how far apart the packets of a talker are (loss and pauses leave gaps, which are silence); the arrival
//! times say where on the time line the stream lies. The least delayed packets of a second count, so that jitter does not
//! move it; a clock that drifts is followed by a sample a packet. A stream of another source, or one that has jumped, is
//! put down anew where it arrives.

use crate::codec::g711::ULAW_SILENCE;

/// Further off than this the timestamps have begun anew: a second, which is more than networks hold packets back.
const JUMP: i64 = 8000;
/// A talk spurt that comes later than this is put down anew: a party that stood still has not counted the time.
const SPURT_LATE: i64 = 800;
/// Packets that come this much too early show that the stream was put down too late.
const EARLY: i64 = 320;
/// An error that is not worth a correction: 5 ms.
const TOLERATED: i64 = 40;
/// Packets in whose least delay the stream's place shows.
const WINDOW: u32 = 50;
/// Packets after which a new stream is put where it lies: its first one may have been late, and to creep there would be heard
/// for seconds.
const SETTLING: u32 = 10;
/// A hole of so few samples is one that a correction has made: the last sample is held.
const HOLD_MAX: i64 = 8;

/// A packet, decoded.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Piece<'a> {
    /// Where it came to, in samples from the recording's beginning.
    pub(crate) at: i64,
    /// The stream's source.
    pub(crate) ssrc: u32,
    /// The RTP timestamp.
    pub(crate) timestamp: u32,
    /// Its ticks in a sample.
    pub(crate) ticks: u32,
    /// The first of a talk spurt.
    pub(crate) marker: bool,
    /// u-law at 8 kHz.
    pub(crate) samples: &'a [u8],
}

/// One channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// Samples from place `base` on.
    samples: Vec<u8>,
    base: i64,
    stream: Option<Stream>,
}

/// Where a stream lies.
#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    last: u32,
    /// The last timestamp, counted in ticks from the first on.
    extended: i64,
    ticks: i64,
    offset: i64,
    /// The least delay of the present window, and its packets.
    least: i64,
    count: u32,
    /// A correction that is under way, in samples.
    owed: i64,
    /// Its place has been found; from now on it is followed slowly.
    settled: bool,
    /// Where its last packet ended.
    end: i64,
}

impl Track {
    /// Puts a packet's samples in their place. What comes too late for it is left out.
    pub(crate) fn put(&mut self, piece: Piece<'_>) {
        let same = |stream: &Stream| stream.ssrc == piece.ssrc && stream.ticks == i64::from(piece.ticks);
        if !self.stream.as_ref().is_some_and(same) {
            self.stream = Some(Stream::new(&piece));
        }
        let Some(stream) = &mut self.stream else { return };
        let place = stream.place(&piece);
        let before = stream.end;
        stream.end = stream.end.max(place + piece.samples.len() as i64);
        if (1..=HOLD_MAX).contains(&(place - before)) {
            self.hold(before, place);
        }
        self.write(place, piece.samples);
    }

    /// Appends the samples up to `until` to `out`; silence where none came.
    pub(crate) fn take(&mut self, until: i64, out: &mut Vec<u8>) {
        let wanted = usize::try_from(until - self.base).unwrap_or(0);
        let there = wanted.min(self.samples.len());
        out.extend_from_slice(self.samples.get(..there).unwrap_or_default());
        out.resize(out.len() + wanted - there, ULAW_SILENCE);
        self.samples.drain(..there);
        self.base = self.base.max(until);
    }

    fn hold(&mut self, from: i64, to: i64) {
        let last = usize::try_from(from - 1 - self.base).ok().and_then(|at| self.samples.get(at)).copied();
        if let Some(last) = last {
            (from..to).for_each(|place| self.write(place, &[last]));
        }
    }

    fn write(&mut self, place: i64, samples: &[u8]) {
        let late = usize::try_from(self.base - place).unwrap_or(0);
        let Some(samples) = samples.get(late..) else { return };
        let Ok(start) = usize::try_from(place.max(self.base) - self.base) else { return };
        let end = start + samples.len();
        if self.samples.len() < end {
            self.samples.resize(end, ULAW_SILENCE);
        }
        if let Some(old) = self.samples.get_mut(start..end) {
            old.copy_from_slice(samples);
        }
    }
}

impl Stream {
    fn new(piece: &Piece<'_>) -> Self {
        Self {
            ssrc: piece.ssrc,
            last: piece.timestamp,
            extended: 0,
            ticks: i64::from(piece.ticks.max(1)),
            offset: piece.at,
            least: i64::MAX,
            count: 0,
            owed: 0,
            settled: false,
            end: piece.at,
        }
    }

    /// Where the packet belongs, after what it shows of the stream's own place.
    fn place(&mut self, piece: &Piece<'_>) -> i64 {
        self.extended += i64::from(piece.timestamp.wrapping_sub(self.last).cast_signed());
        self.last = piece.timestamp;
        let delay = piece.at - self.lies_at();
        let spurt = piece.marker && delay > SPURT_LATE;
        if spurt || delay < -EARLY || delay.abs() > JUMP {
            self.offset += delay;
            (self.least, self.count, self.owed, self.settled) = (i64::MAX, 0, 0, false);
        } else {
            self.follow(delay);
        }
        self.lies_at()
    }

    /// Where the last timestamp lies.
    const fn lies_at(&self) -> i64 {
        self.extended.div_euclid(self.ticks) + self.offset
    }

    /// Learns from a packet's delay, and pays a sample of what is owed.
    fn follow(&mut self, delay: i64) {
        self.least = self.least.min(delay);
        self.count += 1;
        if self.count >= if self.settled { WINDOW } else { SETTLING } {
            let off = self.least.abs() > TOLERATED;
            if self.least > SPURT_LATE || (off && !self.settled) {
                // It stood still for a while without telling, and all of it comes late since; or it has just begun.
                self.offset += self.least;
                self.owed = 0;
            } else {
                self.owed = if off { self.least } else { 0 };
            }
            (self.least, self.count, self.settled) = (i64::MAX, 0, true);
        }
        let step = self.owed.signum();
        self.owed -= step;
        self.offset += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = 160;

    fn piece(at: i64, timestamp: u32, samples: &[u8]) -> Piece<'_> {
        Piece { at, ssrc: 1, timestamp, ticks: 1, marker: false, samples }
    }

    fn all(track: &mut Track, until: i64) -> Vec<u8> {
        let mut out = Vec::new();
        track.take(until, &mut out);
        out
    }

    #[test]
    fn a_lost_packet_leaves_its_place_silent_and_an_early_one_waits_for_it() {
        let mut track = Track::default();
        let start = u32::MAX - 200;
        for (n, at) in [(0u32, 100), (2, 425), (1, 430), (4, 740)] {
            track.put(piece(at, start.wrapping_add(n * 160), &[n as u8 + 1; 160]));
        }
        let out = all(&mut track, 1000);
        assert_eq!((out[99], out[100], out[259], out[260], out[420]), (ULAW_SILENCE, 1, 1, 2, 3));
        assert_eq!((out[579], out[580], out[740], out[899], out[900]), (3, ULAW_SILENCE, 5, 5, ULAW_SILENCE));
    }

    #[test]
    fn what_was_taken_is_not_changed_by_what_comes_late() {
        let mut track = Track::default();
        track.put(piece(0, 0, &[1; 160]));
        assert_eq!(all(&mut track, 200).len(), 200);
        track.put(piece(210, 160, &[2; 160]));
        let out = all(&mut track, 400);
        assert_eq!((out[0], out[119], out[120]), (2, 2, ULAW_SILENCE));
    }

    #[test]
    fn a_clock_that_drifts_is_followed_without_holes() {
        // 200 ppm fast and slow, with jitter of up to 30 ms, over an hour: off by no more than a frame at the end.
        for ppm in [200i64, -200] {
            let mut track = Track::default();
            let (mut worst, mut holes) = (0i64, 0usize);
            let mut dice = 1u32;
            for n in 0..180_000i64 {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let sent = n * FRAME + n * FRAME * ppm / 1_000_000;
                let at = sent + 400 + i64::from(dice >> 16) % 240;
                track.put(piece(at, (n * FRAME) as u32, &[7; 160]));
                let place = track.stream.as_ref().map_or(0, |s| s.lies_at());
                if n > 500 {
                    worst = worst.max((place - sent - 400).abs());
                }
                let out = all(&mut track, at - 1600);
                holes += if n > 500 { out.iter().filter(|byte| **byte != 7).count() } else { 0 };
            }
            assert!(worst <= FRAME, "{ppm} ppm: off by {worst} samples");
            assert_eq!(holes, 0, "{ppm} ppm");
        }
    }

    #[test]
    fn a_stream_that_stood_still_or_is_another_is_put_where_it_arrives() {
        let mut track = Track::default();
        track.put(piece(0, 0, &[1; 160]));
        // The party was silent for two seconds without counting them.
        track.put(piece(16_000, 160, &[2; 160]));
        track.put(Piece { ssrc: 9, ..piece(20_000, 5, &[3; 160]) });
        // A talk spurt that comes 150 ms later than its timestamp says.
        track.put(Piece { ssrc: 9, marker: true, ..piece(21_360, 165, &[4; 160]) });
        let out = all(&mut track, 22_000);
        assert_eq!((out[159], out[160], out[15_999], out[16_000]), (1, ULAW_SILENCE, ULAW_SILENCE, 2));
        assert_eq!((out[19_999], out[20_000], out[21_359], out[21_360]), (ULAW_SILENCE, 3, ULAW_SILENCE, 4));
    }

    #[test]
    fn timestamps_of_the_far_future_cost_no_memory() {
        let mut track = Track::default();
        let mut dice = 7u32;
        for at in 0..2000 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            track.put(piece(at, dice, &[1; 160]));
        }
        assert!(track.samples.len() <= 2000 + JUMP as usize + 160, "{}", track.samples.len());
    }
}
