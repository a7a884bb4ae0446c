//! From a packet's payload to samples at the rate that is wanted, whatever the codec; and what is heard for packets that
//! did not come.
//!
//! Packet by packet: it keeps the codec's state, not the packets' order, and knows no time.

use crate::codec::coding::Coding;
use crate::codec::conceal::Concealer;
use crate::codec::g711;
use crate::codec::g722;
use crate::codec::opus::Came;
use crate::codec::opus::LibOpus;
use crate::codec::opus::Malformed;
use crate::codec::opus::Opus;
use crate::codec::opus::PACKET_MS_MAX;
use crate::codec::rate::Rate;
use crate::codec::resample::Resampler;

/// A decoder in the middle of its stream.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    rate: Rate,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Samples of the codec's own rate, concealed there, then resampled.
    Sampled(Box<Sampled>),
    /// Opus does all three itself.
    Opus(Box<dyn Opus>),
}

#[derive(Debug)]
struct Sampled {
    state: State,
    concealer: Concealer,
    resampler: Resampler,
    scratch: Vec<i16>,
}

#[derive(Debug)]
enum State {
    Law(&'static [i16; 256]),
    G722(Box<g722::Decoder>),
}

impl Decoder {
    /// A decoder at rest that gives samples of `rate`.
    pub fn new(coding: Coding, rate: Rate) -> Self {
        let sampled = |state| {
            let native = coding.native();
            Way::Sampled(Box::new(Sampled {
                state,
                concealer: Concealer::new(native),
                resampler: Resampler::new(native, rate),
                scratch: Vec::new(),
            }))
        };
        let way = match coding {
            Coding::Pcmu => sampled(State::Law(&g711::ULAW_TO_LINEAR)),
            Coding::Pcma => sampled(State::Law(&g711::ALAW_TO_LINEAR)),
            Coding::G722 => sampled(State::G722(Box::default())),
            Coding::Opus => Way::Opus(Box::new(LibOpus::new(rate))),
        };
        Self { coding, rate, way }
    }

    /// What it decodes.
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    /// The rate of the samples that it gives.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Appends the samples of a packet.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no packet of the codec: nothing is appended, and the packet is as good as lost.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), Malformed> {
        match &mut self.way {
            Way::Sampled(sampled) => {
                sampled.decode(payload, out);
                Ok(())
            }
            Way::Opus(opus) => {
                let room = PACKET_MS_MAX * self.rate.per_ms();
                fill(out, room, |space| opus.decode(Came::Packet(payload), space))
            }
        }
    }

    /// Appends `count` samples for packets that did not come, at most 120 ms of them; `next` is the packet after them,
    /// where it is here already. Called before [`Self::decode`] of that one.
    pub fn conceal(&mut self, count: usize, next: Option<&[u8]>, out: &mut Vec<i16>) {
        let count = count.min(PACKET_MS_MAX * self.rate.per_ms());
        match &mut self.way {
            Way::Sampled(sampled) => sampled.conceal(count, self.rate, out),
            Way::Opus(opus) => {
                // The library makes up whole 2.5 ms.
                let count = count.next_multiple_of(self.rate.per_ms() * 5 / 2);
                let came = next.filter(|next| !next.is_empty()).map_or(Came::Nothing, Came::Before);
                if fill(out, count, |space| opus.decode(came, space)).is_err() {
                    out.resize(out.len() + count, 0);
                }
            }
        }
    }
}

/// Appends what `write` makes in at most `room` samples.
fn fill(
    out: &mut Vec<i16>,
    room: usize,
    write: impl FnOnce(&mut [i16]) -> Result<usize, Malformed>,
) -> Result<(), Malformed> {
    let start = out.len();
    out.resize(start + room, 0);
    let made = write(&mut out[start..]);
    out.truncate(start + made.unwrap_or(0));
    made.map(|_| ())
}

impl Sampled {
    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        self.scratch.clear();
        match &mut self.state {
            State::Law(table) => self.scratch.extend(payload.iter().map(|byte| table[usize::from(*byte)])),
            State::G722(decoder) => decoder.decode(payload, &mut self.scratch),
        }
        self.concealer.heard(&mut self.scratch);
        self.resampler.push(&self.scratch, out);
    }

    fn conceal(&mut self, count: usize, rate: Rate, out: &mut Vec<i16>) {
        let native = match self.state {
            State::Law(_) => Rate::Narrow,
            State::G722(_) => Rate::Wide,
        };
        self.scratch.clear();
        self.concealer.lost(count * native.per_ms() / rate.per_ms(), &mut self.scratch);
        self.resampler.push(&self.scratch, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoder;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use crate::codec::tone::rms;
    use proptest::prelude::*;

    const FRAME_MS: usize = 20;

    /// So many frames of a tone, encoded, decoded but for those lost, and decoded at the other rate.
    fn through(coding: Coding, from: Rate, to: Rate, frequency_hz: u32, lost: &[usize]) -> Vec<i16> {
        let mut sine = Sine::new(frequency_hz, from.hz(), 10_000);
        let (mut encoder, mut decoder) = (Encoder::new(coding, from), Decoder::new(coding, to));
        let packets: Vec<Vec<u8>> = (0..50)
            .map(|_| {
                let (mut frame, mut packet) = (vec![0; from.per_ms() * FRAME_MS], Vec::new());
                sine.fill(&mut frame);
                encoder.encode(&frame, &mut packet).unwrap();
                packet
            })
            .collect();
        let mut out = Vec::new();
        for (number, packet) in packets.iter().enumerate() {
            if lost.contains(&number) {
                let next = packets.get(number + 1).filter(|_| !lost.contains(&(number + 1)));
                decoder.conceal(to.per_ms() * FRAME_MS, next.map(Vec::as_slice), &mut out);
            } else {
                decoder.decode(packet, &mut out).unwrap();
            }
        }
        out
    }

    #[test]
    fn a_tone_comes_back_through_every_codec_at_every_rate() {
        for coding in Coding::ALL {
            for (from, to) in Rate::ALL.into_iter().flat_map(|from| Rate::ALL.map(|to| (from, to))) {
                let back = through(coding, from, to, 1_000, &[]);
                assert_eq!(back.len(), to.per_ms() * FRAME_MS * 50, "{coding:?} {from:?} {to:?}");
                let steady = &back[back.len() / 5..];
                let pure = goertzel(steady, to.hz(), 1_000);
                assert!(pure > 0.98, "{coding:?} {from:?} {to:?}: {pure}");
                let loudness = rms(steady) / (10_000.0 / 2f64.sqrt());
                assert!((0.85..1.15).contains(&loudness), "{coding:?} {from:?} {to:?}: {loudness}");
            }
        }
    }

    #[test]
    fn wide_band_codecs_carry_what_a_telephone_does_not() {
        for coding in [Coding::G722, Coding::Opus] {
            let back = through(coding, Rate::Wide, Rate::Wide, 5_500, &[]);
            assert!(goertzel(&back[3200..], 16_000, 5_500) > 0.9, "{coding:?}");
        }
        let back = through(Coding::Pcma, Rate::Wide, Rate::Wide, 5_500, &[]);
        assert!(rms(&back[3200..]) < 50.0, "nothing of it folds back");
    }

    #[test]
    fn lost_packets_leave_neither_hole_nor_click() {
        for coding in Coding::ALL {
            for rate in [Rate::Narrow, Rate::Full] {
                let back = through(coding, rate, rate, 400, &[20, 21, 35]);
                let frame = rate.per_ms() * FRAME_MS;
                assert_eq!(back.len(), frame * 50, "{coding:?} {rate:?}");
                let jump = |samples: &[i16]| {
                    samples.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap()
                };
                let (whole, around) = (jump(&back[frame * 5..frame * 18]), jump(&back[frame * 18..]));
                assert!(around <= whole * 2, "{coding:?} {rate:?}: {around} against {whole}");
                assert!(rms(&back[frame * 20..frame * 21]) > 2_500.0, "{coding:?} {rate:?} goes on");
            }
        }
    }

    #[test]
    fn sounds_that_are_joined_anywhere_are_whole_at_once() {
        let mut sine = Sine::new(440, 16_000, 10_000);
        let mut encoder = Encoder::joined(Coding::Opus, Rate::Wide);
        let (mut decoder, mut out) = (Decoder::new(Coding::Opus, Rate::Wide), Vec::new());
        for number in 0..30 {
            let (mut frame, mut packet) = ([0; 320], Vec::new());
            sine.fill(&mut frame);
            encoder.encode(&frame, &mut packet).unwrap();
            // Ten frames are heard, then ten are not, then the rest.
            if !(10..20).contains(&number) {
                decoder.decode(&packet, &mut out).unwrap();
            }
        }
        for half in [&out[640..3200], &out[3840..]] {
            assert!(goertzel(half, 16_000, 440) > 0.98);
        }
        let peak = out[640..].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(peak < 13_000, "no burst where it was joined: {peak}");
    }

    proptest! {
        // Each case is twelve decoders, and the long run is the fuzz target's.
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn no_bytes_break_a_decoder(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            lost in 0usize..10_000,
        ) {
            for (coding, rate) in Coding::ALL.into_iter().flat_map(|coding| Rate::ALL.map(|rate| (coding, rate))) {
                let mut decoder = Decoder::new(coding, rate);
                for packet in &packets {
                    let mut out = Vec::new();
                    let read = decoder.decode(packet, &mut out);
                    prop_assert!(read.is_ok() || out.is_empty());
                    prop_assert!(out.len() <= rate.per_ms() * PACKET_MS_MAX.max(packet.len() / 8 + 1));
                    decoder.conceal(lost, Some(packet), &mut out);
                }
            }
        }
    }
}
