//! ITU-T G.722 at 64 kbit/s (mode 1): two bands of 16 kHz sound, each in adaptive differential steps, a byte for two
//! samples. Written from the Recommendation's blocks and tables, whose names the parts carry, in whole numbers.
//!
//! Modes 2 and 3, which give bits of each byte away to data, are not here: RTP has mode 1 alone (RFC 3551 section 4.5.2).

mod band;
mod filter;

use crate::codec::g722::band::Band;
use crate::codec::g722::band::High;
use crate::codec::g722::band::Low;
use crate::codec::g722::filter::Join;
use crate::codec::g722::filter::Split;

/// An encoder in the middle of its stream.
#[derive(Clone, Debug)]
pub struct Encoder {
    split: Split,
    low: Band<Low>,
    high: Band<High>,
    /// The first of a pair whose second sample has not come yet.
    odd: Option<i16>,
}

/// A decoder in the middle of its stream.
#[derive(Clone, Debug)]
pub struct Decoder {
    join: Join,
    low: Band<Low>,
    high: Band<High>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder at rest.
    pub const fn new() -> Self {
        Self { split: Split::new(), low: Band::low(), high: Band::high(), odd: None }
    }

    /// An encoder that goes on where the far end's decoder stands after it has heard what `decoder` heard, so that
    /// the change from one stream to another makes no sound of its own.
    pub fn following(decoder: &Decoder) -> Self {
        Self { low: decoder.low.clone(), high: decoder.high.clone(), ..Self::new() }
    }

    /// Appends the bytes of samples of 16 kHz. An odd one waits for the next call.
    pub fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        out.reserve(samples.len() / 2 + 1);
        for sample in samples {
            match self.odd.take() {
                None => self.odd = Some(*sample),
                Some(first) => {
                    let (low, high) = self.split.pair(first, *sample);
                    out.push(self.high.encode(high) << 6 | self.low.encode(low));
                }
            }
        }
    }
}

impl Decoder {
    /// A decoder at rest.
    pub const fn new() -> Self {
        Self { join: Join::new(), low: Band::low(), high: Band::high() }
    }

    /// Appends the samples of 16 kHz, two for each byte.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        out.reserve(payload.len() * 2);
        for byte in payload {
            let (low, high) = (self.low.decode(byte & 0x3F), self.high.decode(byte >> 6));
            out.extend(self.join.pair(low, high));
        }
    }
}

#[cfg(test)]
mod tests;
