//! Takes the click out of a stream's change between a room and something else: what was sent last goes on for a moment under
//! what is sent next.
//!
//! A leg has one from the moment it is told to hear a room until it has left it: nothing else pays for it.

use crate::codec::g711::alaw_decode;
use crate::codec::g711::ulaw_decode;
use crate::codec::seam::Seam;
use crate::media::command::Codec;
use crate::media::mixer::Frame;
use crate::media::room;
use crate::rtp::CLOCK_RATE;

/// What one leg was sent last.
#[derive(Clone, Debug)]
pub(crate) struct Softener {
    seam: Seam,
    samples: Vec<i16>,
    /// Encoded sound that is no whole packet yet, where the leg's packets are not of 20 ms.
    pub(crate) rest: Vec<u8>,
    /// The next packet is the last that is touched.
    ends: bool,
    /// What was sent last is silence, and so is all that is remembered.
    quiet: bool,
}

impl Default for Softener {
    /// Nothing was sent yet.
    fn default() -> Self {
        Self {
            seam: Seam::running(CLOCK_RATE),
            samples: Vec::new(),
            rest: Vec::new(),
            ends: false,
            quiet: false,
        }
    }
}

impl Softener {
    /// What is sent next does not follow what was sent last; with `ends` it is the last that is touched.
    pub(crate) fn cut(&mut self, ends: bool) {
        self.seam.cut();
        self.ends = ends;
    }

    /// Whether its work is done.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ends && !self.seam.is_cut()
    }

    /// Sees a packet that is sent, and fades its beginning in where it follows a cut.
    pub(crate) fn smooth(&mut self, codec: Codec, payload: &mut [u8]) {
        let decode = match codec {
            Codec::Pcmu => ulaw_decode,
            Codec::Pcma => alaw_decode,
        };
        let fades = self.seam.is_cut();
        self.quiet = false;
        self.samples.clear();
        self.samples.extend(payload.iter().map(|byte| decode(*byte)));
        self.seam.take(&mut self.samples);
        if fades {
            let mut smooth = Vec::with_capacity(payload.len());
            room::encode(codec, &self.samples, &mut smooth);
            payload.copy_from_slice(&smooth);
        }
    }

    /// Sees a mix that is sent. Where it follows a cut, the mix with its beginning faded in, in the leg's codec.
    pub(crate) fn smooth_mix(&mut self, codec: Codec, mix: &Frame, silent: bool) -> Option<Vec<u8>> {
        let fades = self.seam.is_cut();
        if silent && self.quiet && !fades {
            return None;
        }
        self.quiet = silent;
        self.samples.clear();
        self.samples.extend_from_slice(mix);
        self.seam.take(&mut self.samples);
        fades.then(|| {
            let mut smooth = Vec::with_capacity(mix.len());
            room::encode(codec, &self.samples, &mut smooth);
            smooth
        })
    }
}
