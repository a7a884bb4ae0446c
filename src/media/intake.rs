//! What a room hears of one party: his packets in, 20 ms of sound out at each slot.
//!
//! ```text
//!  packets ──► jitter buffer ──► decoder ──► (gaps filled, seams faded) ──► sound that waits ──► a frame
//! ```
//! Where the buffer is longer or shorter than it should be, the waiting sound is made shorter or longer: in a pause soon, in
//! speech only where much is amiss. Not the party's own ear: what he hears is his leg's `egress`.

use crate::clock::Instant;
use crate::codec::g711::ALAW_TO_LINEAR;
use crate::codec::g711::ULAW_TO_LINEAR;
use crate::codec::seam::Seam;
use crate::codec::splice;
use crate::media::activity::Activity;
use crate::media::command::Codec;
use crate::media::mixer::Frame;
use crate::media::mixer::SLOT_SAMPLES;
use crate::rtp::CLOCK_RATE;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::jitter::Arrival;
use crate::rtp::jitter::Jitter;
use crate::rtp::jitter::Take;
use crate::rtp::packet::Header;
use std::time::Duration;

/// In a pause the sound is made shorter when it has waited so much longer than it should, in microseconds.
const LONG_IN_A_PAUSE: i64 = 12_000;
/// While somebody speaks.
const LONG_IN_SPEECH: i64 = 40_000;
/// In a pause it is made longer when it has waited so much shorter than it should.
const SHORT_IN_A_PAUSE: i64 = -8_000;
/// While somebody speaks.
const SHORT_IN_SPEECH: i64 = -25_000;

/// One party's way into the room.
#[derive(Debug)]
pub(crate) struct Intake {
    /// Packets that wait.
    pub(crate) jitter: Jitter,
    seam: Seam,
    /// Sound that waits.
    waiting: Vec<i16>,
    scratch: Vec<i16>,
    activity: Activity,
    /// A packet was taken since the last frame: the buffer's figures are fresh.
    fresh: bool,
}

impl Intake {
    /// Nothing was said yet.
    pub(crate) fn new() -> Self {
        Self {
            jitter: Jitter::new(CLOCK_RATE),
            seam: Seam::new(CLOCK_RATE),
            waiting: Vec::with_capacity(4 * SLOT_SAMPLES),
            scratch: Vec::with_capacity(SLOT_SAMPLES),
            activity: Activity::default(),
            fresh: false,
        }
    }

    /// Takes in a packet of audio.
    pub(crate) fn put(&mut self, now: Instant, header: &Header, codec: Codec, payload: &[u8]) {
        let payload_type = match codec {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        };
        let (ssrc, timestamp, duration) = (header.ssrc, header.timestamp, payload.len() as u32);
        self.jitter.put(now, Arrival { ssrc, timestamp, payload_type, duration, payload });
    }

    /// Writes the frame of the slot that begins now; false, and nothing is written, when there is nothing at all to be
    /// heard. With `level` a voice is brought to the common level.
    pub(crate) fn frame(&mut self, now: Instant, level: bool, frame: &mut Frame) -> bool {
        if self.waiting.is_empty()
            && self.jitter.is_idle()
            && self.seam.is_silent()
            && !self.activity.speaks()
        {
            return false;
        }
        self.gather(now, SLOT_SAMPLES);
        self.adapt(now);
        let (head, _) = self.waiting.split_at(SLOT_SAMPLES.min(self.waiting.len()));
        frame.fill(0);
        if let Some(place) = frame.get_mut(..head.len()) {
            place.copy_from_slice(head);
        }
        self.waiting.drain(..head.len());
        let before = self.activity.level();
        self.activity.hear(frame);
        if level {
            self.activity.bring_to_level(before, frame);
        }
        true
    }

    /// Takes packets until so much sound waits, and fills up with what the gaps are filled with.
    fn gather(&mut self, now: Instant, wanted: usize) {
        while self.waiting.len() < wanted {
            let missing = wanted - self.waiting.len();
            let played_at = now + Duration::from_micros(self.waiting.len() as u64 * SAMPLE_MICROS);
            match self.jitter.take(played_at, missing as u32) {
                Take::Packet(taken) => {
                    let table = if taken.payload_type == 8 { &ALAW_TO_LINEAR } else { &ULAW_TO_LINEAR };
                    let decode = |byte: &u8| table.get(usize::from(*byte)).copied().unwrap_or(0);
                    self.scratch.clear();
                    self.scratch.extend(taken.payload.iter().map(decode));
                    if taken.cut {
                        self.seam.cut();
                    }
                    self.seam.take(&mut self.scratch);
                    self.waiting.extend_from_slice(&self.scratch);
                    self.jitter.recycle(taken.payload);
                    self.fresh = true;
                }
                Take::Gap(ticks) => self.make_up((ticks as usize).min(missing)),
                Take::Silence => self.make_up(missing),
            }
        }
    }

    fn make_up(&mut self, samples: usize) {
        let start = self.waiting.len();
        self.waiting.resize(start + samples, 0);
        if let Some(place) = self.waiting.get_mut(start..) {
            self.seam.go_on(place);
        }
    }

    /// Makes the waiting sound shorter or longer where the buffer is not as it should be.
    fn adapt(&mut self, now: Instant) {
        if !std::mem::take(&mut self.fresh) {
            return;
        }
        let (excess, speaks) = (self.jitter.excess(), self.activity.speaks());
        if excess > if speaks { LONG_IN_SPEECH } else { LONG_IN_A_PAUSE } {
            // What is left must still be a frame.
            let wanted = SLOT_SAMPLES + splice::needed(CLOCK_RATE);
            while self.waiting.len() < wanted && self.jitter.follows() {
                self.gather(now, self.waiting.len() + 1);
            }
            if self.waiting.len() >= wanted {
                splice::shorten(&mut self.waiting, CLOCK_RATE);
            }
        } else if excess < if speaks { SHORT_IN_SPEECH } else { SHORT_IN_A_PAUSE } {
            splice::lengthen(&mut self.waiting, CLOCK_RATE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::ulaw_encode;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use crate::ids::Random;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// A speaker of 440 Hz whose clock is `parts` millionths fast, over a network of that fate, for so many slots.
    fn heard(
        slots: u64,
        parts: i64,
        pauses: bool,
        mut fate: impl FnMut(u64) -> Option<u64>,
    ) -> (Intake, Vec<i16>) {
        let (mut party, mut tone) = (Intake::new(), Sine::new(440, 8000, 8000));
        let mut flying = BinaryHeap::new();
        let (mut sent, mut heard) = (0u64, Vec::new());
        for slot in 0..slots {
            let now = 1_000_000 + slot * 20_000 + 7000;
            loop {
                let due = 1_000_000 + ((sent * 20_000) as i64 * (1_000_000 - parts) / 1_000_000) as u64;
                if due > now {
                    break;
                }
                let mut samples = [0; SLOT_SAMPLES];
                tone.fill(&mut samples);
                let voice = !pauses || sent % 100 < 60;
                let payload: Vec<u8> =
                    samples.iter().map(|s| ulaw_encode(if voice { *s } else { 0 })).collect();
                flying.extend(fate(sent).map(|late| Reverse((due + late, sent, payload))));
                sent += 1;
            }
            while flying.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
                let Some(Reverse((at, n, payload))) = flying.pop() else { break };
                let header = Header {
                    marker: false,
                    payload_type: 0,
                    sequence: n as u16,
                    timestamp: n as u32 * 160,
                    ssrc: 5,
                    payload: 0..160,
                };
                party.put(Instant::from_micros(at), &header, Codec::Pcmu, &payload);
            }
            let mut frame = [0; SLOT_SAMPLES];
            if !party.frame(Instant::from_micros(now), false, &mut frame) {
                frame.fill(0);
            }
            heard.extend(frame);
        }
        (party, heard)
    }

    fn steepest(samples: &[i16]) -> i32 {
        let steps = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        steps.max().unwrap_or(0)
    }

    /// The share of windows of 60 ms that are the tone and little else.
    fn purity(samples: &[i16]) -> f64 {
        let windows: Vec<&[i16]> = samples.chunks_exact(480).collect();
        let pure = windows.iter().filter(|window| goertzel(window, 8000, 440) > 0.9).count();
        pure as f64 / windows.len() as f64
    }

    #[test]
    fn a_good_line_is_heard_as_it_is_said() {
        let (party, heard) = heard(250, 0, false, |_| Some(2000));
        assert!(purity(&heard[8000..]) > 0.99);
        // 440 Hz of 8,000 moves by 2,740 in a sample at most.
        assert!(steepest(&heard[1600..]) < 3400, "{}", steepest(&heard[1600..]));
        assert_eq!(party.jitter.tally.gaps, 0);
    }

    #[test]
    fn a_bad_line_does_not_click_whatever_its_seed() {
        for seed in 0..20 {
            let mut dice = Random::seeded(seed);
            let (party, heard) =
                heard(1500, 0, false, |_| (dice.below(100) >= 5).then(|| dice.below(60_000)));
            assert!(steepest(&heard) < 5500, "seed {seed}: {}", steepest(&heard));
            assert!(purity(&heard[16_000..]) > 0.75, "seed {seed}: {}", purity(&heard[16_000..]));
            assert!(party.jitter.target() <= Duration::from_millis(75), "seed {seed}");
            assert!(party.jitter.excess().abs() < 70_000, "seed {seed}: {}", party.jitter.excess());
        }
    }

    #[test]
    fn drift_is_taken_up_in_pauses_and_for_who_never_pauses_too() {
        for (parts, pauses) in [(200, true), (-200, true), (200, false), (-200, false)] {
            // Twenty minutes: the clocks part by 240 ms.
            let (party, heard) = heard(60_000, parts, pauses, |_| Some(2000));
            let delay = party.jitter.target().as_micros() as i64 + party.jitter.excess();
            assert!((0..90_000).contains(&delay), "{parts} {pauses}: {delay} us");
            if !pauses {
                assert!(purity(&heard[16_000..]) > 0.995, "{parts}: {}", purity(&heard[16_000..]));
                assert!(steepest(&heard[1600..]) < 5500);
            }
        }
    }

    #[test]
    fn a_loss_of_a_second_fades_and_comes_back() {
        let (_, heard) = heard(300, 0, false, |n| (!(100..150).contains(&n)).then_some(2000));
        assert!(steepest(&heard) < 4500, "{}", steepest(&heard));
        let quiet = heard.chunks_exact(160).filter(|frame| frame.iter().all(|s| *s == 0)).count();
        assert!((44..=52).contains(&quiet), "{quiet}");
    }
}
