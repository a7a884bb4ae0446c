//! What a simulated party says into its phone: frames of 20 ms, encoded once.
//!
//! Not a codec and not a clock. A tone's frequency is a multiple of 50 Hz, so that one frame of 20 ms holds whole
//! periods and can be sent again and again: speaking costs a copy.

use crate::clock::Instant;
use crate::codec::g711;
use crate::codec::tone::Sine;
use crate::rtp::CLOCK_RATE;
use crate::sdp::Codec;

/// Samples, and bytes, of a frame of 20 ms.
pub(crate) const FRAME_LEN: usize = 160;
/// Tones are multiples of this, so that a frame holds whole periods.
pub const TONE_STEP_HZ: u32 = 50;
/// Loud enough to be told from music, with room for a mix of three.
const AMPLITUDE: i16 = 9_000;
/// The rhythm of [`Voice::Speech`]: frames of tone, then frames of silence.
const SPEECH_FRAMES: u32 = 40;
const PAUSE_FRAMES: u32 = 15;
/// Begins a payload that carries the time of its sending.
const STAMP_MARK: [u8; 8] = *b"strowgr!";
const STAMP_LEN: usize = 16;

/// What a party says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Sends no RTP at all.
    Mute,
    /// Sends silence.
    Silence,
    /// A tone of so many Hz without an end; rounded to a multiple of 50 Hz.
    Tone(u32),
    /// A tone in the rhythm of speech: 0.8 s of it, then 0.3 s of silence.
    Speech(u32),
    /// Frames that carry the time of their sending, for measuring the way through a relay.
    Stamped,
}

/// A voice in one codec.
#[derive(Clone, Debug)]
pub(crate) struct Mouth {
    voice: Voice,
    loud: [u8; FRAME_LEN],
    quiet: u8,
    frame: u32,
}

impl Mouth {
    /// The voice as that codec has it. A codec that is not G.711 is spoken as u-law: the peer hears noise.
    pub(crate) fn new(voice: Voice, codec: &Codec) -> Self {
        let is_alaw = *codec == Codec::Pcma;
        let encode = if is_alaw { g711::alaw_encode } else { g711::ulaw_encode };
        let frequency = match voice {
            Voice::Tone(hz) | Voice::Speech(hz) => (hz / TONE_STEP_HZ).max(1) * TONE_STEP_HZ,
            Voice::Stamped => 1000,
            Voice::Mute | Voice::Silence => 0,
        };
        let mut sine = Sine::new(frequency, CLOCK_RATE, AMPLITUDE);
        let quiet = if is_alaw { g711::ALAW_SILENCE } else { g711::ULAW_SILENCE };
        let loud = match frequency {
            0 => [quiet; FRAME_LEN],
            _ => std::array::from_fn(|_| encode(sine.next_sample())),
        };
        Self { voice, loud, quiet, frame: 0 }
    }

    /// Whether anything is sent.
    pub(crate) fn speaks(&self) -> bool {
        self.voice != Voice::Mute
    }

    /// Appends the next frame.
    pub(crate) fn frame(&mut self, now: Instant, out: &mut Vec<u8>) {
        let start = out.len();
        let count = self.frame;
        self.frame = count.wrapping_add(1);
        let pausing = count % (SPEECH_FRAMES + PAUSE_FRAMES) >= SPEECH_FRAMES;
        match self.voice {
            Voice::Speech(_) if pausing => out.resize(start + FRAME_LEN, self.quiet),
            Voice::Mute | Voice::Silence | Voice::Tone(_) | Voice::Speech(_) => {
                out.extend_from_slice(&self.loud);
            }
            Voice::Stamped => {
                out.extend_from_slice(&STAMP_MARK);
                out.extend_from_slice(&now.as_micros().to_be_bytes());
                out.extend_from_slice(self.loud.get(STAMP_LEN..).unwrap_or_default());
            }
        }
    }
}

/// When a payload of [`Voice::Stamped`] was sent, by the clock of whoever sent it; `None` for any other payload.
pub(crate) fn stamp(payload: &[u8]) -> Option<Instant> {
    let (mark, rest) = payload.split_first_chunk::<8>()?;
    let (micros, _) = rest.split_first_chunk::<8>()?;
    (*mark == STAMP_MARK).then(|| Instant::from_micros(u64::from_be_bytes(*micros)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone;

    fn samples(voice: Voice, frames: usize) -> Vec<i16> {
        let mut mouth = Mouth::new(voice, &Codec::Pcma);
        let mut bytes = Vec::new();
        for _ in 0..frames {
            mouth.frame(Instant::from_micros(77), &mut bytes);
        }
        bytes.into_iter().map(g711::alaw_decode).collect()
    }

    #[test]
    fn a_tone_goes_on_over_frames() {
        for hz in [300, 1050, 3350] {
            assert!(tone::goertzel(&samples(Voice::Tone(hz), 50), 8000, hz) > 0.98, "{hz}");
        }
        // What is not a multiple of 50 is rounded down.
        assert!(tone::goertzel(&samples(Voice::Tone(449), 50), 8000, 400) > 0.98);
    }

    #[test]
    fn speech_pauses() {
        let spoken = samples(Voice::Speech(700), 55);
        assert!(tone::rms(&spoken[..40 * FRAME_LEN]) > 6000.0);
        assert!(tone::rms(&spoken[40 * FRAME_LEN..]) < 32.0);
    }

    #[test]
    fn a_stamp_reads_back() {
        let mut bytes = Vec::new();
        Mouth::new(Voice::Stamped, &Codec::Pcmu).frame(Instant::from_micros(123_456), &mut bytes);
        assert_eq!(bytes.len(), FRAME_LEN);
        assert_eq!(stamp(&bytes), Some(Instant::from_micros(123_456)));
        assert_eq!(stamp(&bytes[1..]), None);
        assert_eq!(stamp(b"short"), None);
    }
}
