//! A recording's sound: two channels side by side from the first sample on, with pauses that are silent.
//!
//! Sans-IO: packets and moments go in, frames of two u-law bytes come out, left before right. Frames are held back for
//! half a second, so that packets which come late still find their place. Left is who serves (the agent, the callee),
//! right the customer, whose leg is tapped: what it hears is left, what it says is right.

use crate::clock::Instant;
use crate::codec::g711::ULAW_SILENCE;
use crate::media::tap::Tap;
use crate::media::tap::Voice;
use crate::recording::decode::Decoder;
use crate::recording::track::Piece;
use crate::recording::track::Track;
use std::time::Duration;

/// Samples a second.
pub const RATE_HZ: u32 = 8000;
/// How long a frame waits for what comes late: what networks and the blocks of the workers hold back at most.
pub(crate) const HELD_BACK: Duration = Duration::from_millis(500);
/// Microseconds of a sample.
const SAMPLE_MICROS: u64 = 1_000_000 / RATE_HZ as u64;

/// The sound of one recording.
#[derive(Clone, Debug)]
pub struct Stereo {
    started: Instant,
    left: Channel,
    right: Channel,
    /// Spans without sound, in samples; the last may be open.
    pauses: Vec<(i64, Option<i64>)>,
    /// Frames taken.
    taken: i64,
    scratch: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    track: Track,
    decoder: Option<Decoder>,
}

impl Stereo {
    /// A recording that begins now.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            left: Channel::default(),
            right: Channel::default(),
            pauses: Vec::new(),
            taken: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes a packet. What comes in a pause is not looked at.
    pub fn put(&mut self, tap: &Tap, payload: &[u8]) {
        let at = self.place(tap.at);
        if at < 0 || self.is_silent(at) {
            return;
        }
        let channel = match tap.voice {
            Voice::Heard => &mut self.left,
            Voice::Said => &mut self.right,
        };
        let fits = channel.decoder.as_ref().is_some_and(|decoder| decoder.codec() == tap.codec);
        if !fits {
            channel.decoder = None;
        }
        let decoder = channel.decoder.get_or_insert_with(|| Decoder::new(tap.codec));
        self.scratch.clear();
        decoder.decode(payload, &mut self.scratch);
        channel.track.put(Piece {
            at,
            ssrc: tap.ssrc,
            timestamp: tap.timestamp,
            ticks: decoder.ticks(),
            marker: tap.marker,
            samples: &self.scratch,
        });
    }

    /// From `at` on there is silence. A second pause within one changes nothing.
    pub fn pause(&mut self, at: Instant) {
        if !self.is_paused() {
            self.pauses.push((self.place(at).max(0), None));
        }
    }

    /// From `at` on there is sound again.
    pub fn resume(&mut self, at: Instant) {
        let place = self.place(at);
        if let Some((from, until @ None)) = self.pauses.last_mut() {
            *until = Some(place.max(*from));
        }
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|(_, until)| until.is_none())
    }

    /// Appends the frames that wait for nothing any more.
    pub fn take(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.take_until(self.place(now) - self.place(self.started + HELD_BACK), out);
    }

    /// Appends all frames up to `end`: the last ones.
    pub fn finish(&mut self, end: Instant, out: &mut Vec<u8>) {
        self.take_until(self.place(end), out);
    }

    /// Its length so far.
    pub fn length(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.taken).unwrap_or(0) * SAMPLE_MICROS)
    }

    /// The sample of a moment; negative before the beginning.
    fn place(&self, at: Instant) -> i64 {
        let samples = |duration: Duration| (duration.as_micros() as u64 / SAMPLE_MICROS).cast_signed();
        samples(at.since(self.started)) - samples(self.started.since(at))
    }

    fn is_silent(&self, at: i64) -> bool {
        self.pauses.iter().any(|(from, until)| at >= *from && until.is_none_or(|until| at < until))
    }

    fn take_until(&mut self, until: i64, out: &mut Vec<u8>) {
        let Ok(count @ 1..) = usize::try_from(until - self.taken) else { return };
        let from = self.taken;
        self.scratch.clear();
        self.left.track.take(until, &mut self.scratch);
        self.right.track.take(until, &mut self.scratch);
        for (start, end) in &self.pauses {
            let begin = usize::try_from(start - from).unwrap_or(0).min(count);
            let end = end.map_or(count, |end| usize::try_from(end - from).unwrap_or(0).min(count));
            for channel in self.scratch.chunks_exact_mut(count) {
                if let Some(silent) = channel.get_mut(begin..end) {
                    silent.fill(ULAW_SILENCE);
                }
            }
        }
        let (left, right) = self.scratch.split_at(count);
        out.extend(left.iter().zip(right).flat_map(|(left, right)| [*left, *right]));
        self.taken = until;
        self.pauses.retain(|(_, end)| end.is_none_or(|end| end > until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::ulaw_decode;
    use crate::media::Codec;
    use crate::media::tap::TapKey;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn tap(voice: Voice, ms: u64, frame: u32) -> Tap {
        let ssrc = if voice == Voice::Said { 1 } else { 2 };
        let timestamp = frame * 160;
        Tap { key: TapKey(1), voice, codec: Codec::Pcmu, ssrc, timestamp, marker: false, at: at(ms) }
    }

    fn channel(frames: &[u8], right: usize) -> Vec<u8> {
        frames.iter().skip(right).step_by(2).copied().collect()
    }

    #[test]
    fn who_is_heard_is_left_and_who_is_tapped_is_right_from_one_beginning() {
        let mut stereo = Stereo::new(at(1000));
        for frame in 0..50 {
            let ms = 1000 + 20 * u64::from(frame);
            stereo.put(&tap(Voice::Said, ms, frame), &[1; 160]);
            if frame >= 10 {
                stereo.put(&tap(Voice::Heard, ms + 3, frame), &[2; 160]);
            }
        }
        let mut out = Vec::new();
        stereo.take(at(1900), &mut out);
        assert_eq!(out.len(), 400 * 8 * 2, "half a second is held back");
        stereo.finish(at(2000), &mut out);
        let (left, right) = (channel(&out, 0), channel(&out, 1));
        assert_eq!((left.len(), right.len(), stereo.length()), (8000, 8000, Duration::from_secs(1)));
        assert!(right.iter().all(|byte| *byte == 1));
        let begins = 200 * 8 + 24;
        assert!(left[..begins].iter().all(|byte| *byte == ULAW_SILENCE));
        assert!(left[begins..].iter().all(|byte| *byte == 2));
    }

    #[test]
    fn a_pause_is_silent_from_its_first_to_its_last_sample_on_both_sides() {
        let mut stereo = Stereo::new(at(0));
        let mut out = Vec::new();
        for frame in 0..100 {
            let ms = 20 * u64::from(frame);
            if frame == 25 {
                stereo.pause(at(505));
                stereo.pause(at(506));
                assert!(stereo.is_paused());
            }
            if frame == 50 {
                stereo.resume(at(995));
                stereo.resume(at(999));
            }
            // Audio that comes 40 ms late would reach back into the pause.
            stereo.put(&tap(Voice::Said, ms + 40, frame), &[1; 160]);
            stereo.put(&tap(Voice::Heard, ms, frame), &[2; 160]);
            stereo.take(at(ms), &mut out);
        }
        stereo.finish(at(2000), &mut out);
        for right in [0, 1] {
            let heard = channel(&out, right);
            let silent = 505 * 8..995 * 8;
            assert!(heard[silent.clone()].iter().all(|byte| *byte == ULAW_SILENCE));
            assert!(heard[400..silent.start].iter().all(|byte| *byte != ULAW_SILENCE));
            assert!(heard[silent.end + 480..].iter().all(|byte| *byte != ULAW_SILENCE));
        }
        assert_eq!(out.len(), 2 * 16_000);
    }

    #[test]
    fn both_laws_become_one_and_what_came_before_the_beginning_is_not_in_it() {
        let mut stereo = Stereo::new(at(100));
        stereo.put(&Tap { timestamp: 7, ..tap(Voice::Said, 90, 0) }, &[1; 160]);
        let early = Tap { codec: Codec::Pcma, ..tap(Voice::Said, 100, 1) };
        stereo.put(&early, &[0xD5; 160]);
        let mut out = Vec::new();
        stereo.finish(at(120), &mut out);
        let silent = |byte: &u8| ulaw_decode(*byte).abs() <= 8;
        assert!(channel(&out, 1).iter().all(silent), "silence of the other law");
        stereo.finish(at(110), &mut out);
        assert_eq!(out.len(), 320, "an end before what was taken adds nothing");
    }
}
