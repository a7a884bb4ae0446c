//! A payload as u-law samples at 8 kHz, the form of a recording: one decoder for each stream.

use crate::codec::g711::ALAW_TO_ULAW;
use crate::media::Codec;

/// The decoder of a stream.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoder {
    codec: Codec,
}

impl Decoder {
    /// For that codec.
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec }
    }

    /// Its codec.
    pub(crate) const fn codec(&self) -> Codec {
        self.codec
    }

    /// Ticks of the RTP timestamp in a sample of ours (RFC 3551 section 4.5: 8000 a second for G.711).
    pub(crate) const fn ticks(&self) -> u32 {
        match self.codec {
            Codec::Pcmu | Codec::Pcma => 1,
        }
    }

    /// Appends the payload's samples.
    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        match self.codec {
            Codec::Pcmu => out.extend_from_slice(payload),
            Codec::Pcma => {
                let ulaw = |byte: &u8| ALAW_TO_ULAW.get(usize::from(*byte)).copied().unwrap_or_default();
                out.extend(payload.iter().map(ulaw));
            }
        }
    }
}
