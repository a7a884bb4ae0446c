//! From samples at any of our rates to a packet's payload, whatever the codec.
//!
//! It makes no packets: how many milliseconds one has is its owner's choice, out of [`Coding::frame_ms`].

use crate::codec::coding::Coding;
use crate::codec::g711;
use crate::codec::g722;
use crate::codec::opus::LibOpus;
use crate::codec::opus::Malformed;
use crate::codec::opus::Opus;
use crate::codec::opus::PACKET_LEN_MAX;
use crate::codec::rate::Rate;
use crate::codec::resample::Resampler;

/// An encoder in the middle of its stream.
#[derive(Debug)]
pub struct Encoder {
    coding: Coding,
    rate: Rate,
    way: Way,
    resampler: Resampler,
    scratch: Vec<i16>,
}

#[derive(Debug)]
enum Way {
    Ulaw,
    Alaw,
    G722(Box<g722::Encoder>),
    Opus(Box<dyn Opus>),
}

impl Encoder {
    /// An encoder at rest that takes samples of `rate`.
    pub fn new(coding: Coding, rate: Rate) -> Self {
        Self::following(coding, rate, &[])
    }

    /// An encoder that goes on where a stream of the same codec stopped, so that the change makes no sound: `sent` are
    /// the last bytes of that stream, 100 ms or more. Only G.722 needs them: what its codes mean hangs on those before.
    pub fn following(coding: Coding, rate: Rate, sent: &[u8]) -> Self {
        let way = match coding {
            Coding::Pcmu => Way::Ulaw,
            Coding::Pcma => Way::Alaw,
            Coding::G722 => {
                let mut far_end = g722::Decoder::new();
                far_end.decode(sent, &mut Vec::new());
                Way::G722(Box::new(g722::Encoder::following(&far_end)))
            }
            Coding::Opus => Way::Opus(Box::new(LibOpus::new(rate))),
        };
        Self::with(coding, rate, way)
    }

    /// An encoder for sounds that are encoded once and that listeners begin to hear anywhere.
    pub fn joined(coding: Coding, rate: Rate) -> Self {
        match coding {
            Coding::Opus => Self::with(coding, rate, Way::Opus(Box::new(LibOpus::joined(rate)))),
            Coding::Pcmu | Coding::Pcma | Coding::G722 => Self::new(coding, rate),
        }
    }

    fn with(coding: Coding, rate: Rate, way: Way) -> Self {
        let into = if coding == Coding::Opus { rate } else { coding.native() };
        Self { coding, rate, way, resampler: Resampler::new(rate, into), scratch: Vec::new() }
    }

    /// What it encodes to.
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    /// The rate of the samples that it takes.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Appends the payload of samples: of Opus one frame of 10, 20, 40 or 60 ms, of the others any number.
    ///
    /// # Errors
    /// [`Malformed`] when the samples are no frame of the codec; nothing is appended.
    pub fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.scratch.clear();
        let samples = if self.resampler.is_idle() {
            samples
        } else {
            self.resampler.push(samples, &mut self.scratch);
            &self.scratch
        };
        match &mut self.way {
            Way::Ulaw => out.extend(samples.iter().map(|sample| g711::ulaw_encode(*sample))),
            Way::Alaw => out.extend(samples.iter().map(|sample| g711::alaw_encode(*sample))),
            Way::G722(encoder) => encoder.encode(samples, out),
            Way::Opus(opus) => {
                let start = out.len();
                out.resize(start + PACKET_LEN_MAX, 0);
                let made = opus.encode(samples, &mut out[start..]);
                out.truncate(start + made.unwrap_or(0));
                made?;
            }
        }
        Ok(())
    }
}
