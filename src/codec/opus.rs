//! Opus (RFC 6716) by way of a library, behind a trait of two methods so that another library can take its place.
//!
//! One channel, at the rate that the other side of a conversion works in: the library resamples within, at a lower cost
//! than one outside.

use crate::codec::rate::Rate;
use std::fmt::Debug;
use thiserror::Error;

/// Bytes that are no packet of the codec.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Error)]
#[error("not a packet of this codec")]
pub struct Malformed;

/// What came, or did not.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Came<'a> {
    /// A packet.
    Packet(&'a [u8]),
    /// Nothing, but the packet after it is here: it may carry what is missing once more (RFC 6716 section 2.1.7).
    Before(&'a [u8]),
    /// Nothing.
    Nothing,
}

/// Both directions of one stream.
pub trait Opus: Debug + Send {
    /// Decodes into `out` and says how many samples that made; of what did not come all of `out` is made.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no packet, or one that lasts longer than `out`.
    fn decode(&mut self, came: Came<'_>, out: &mut [i16]) -> Result<usize, Malformed>;

    /// Encodes one frame of 10, 20, 40 or 60 ms into `out` and says how many bytes that made.
    ///
    /// # Errors
    /// [`Malformed`] when the samples are no such frame.
    fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, Malformed>;
}

/// The longest packet, RFC 6716 section 3.4, in milliseconds.
pub const PACKET_MS_MAX: usize = 120;
/// The longest that we make; RFC 6716 section 3.4 allows 1275 for a frame, speech at our rates needs a tenth.
pub const PACKET_LEN_MAX: usize = 1_000;
/// Of ten. Above it, more processor time brings hardly more quality to speech.
const COMPLEXITY: i32 = 5;
/// The loss that the encoder expects, in percent: below some, it leaves the repeated information out.
const LOSS_EXPECTED_PERCENT: i32 = 10;

/// The reference library.
#[derive(Debug)]
pub struct LibOpus {
    rate: Rate,
    /// Whether any packet may be the first that is heard: music that listeners join where it is.
    joined: bool,
    decoder: Option<opus::Decoder>,
    encoder: Option<opus::Encoder>,
}

impl LibOpus {
    /// A stream at rest. The states, some 20 kB each, are made when they are first needed.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, joined: false, decoder: None, encoder: None }
    }

    /// The same, whose encoder makes packets that hardly lean on those before, for sounds that are encoded once and
    /// begun anywhere.
    pub const fn joined(rate: Rate) -> Self {
        Self { rate, joined: true, decoder: None, encoder: None }
    }

    fn new_encoder(&self) -> Result<opus::Encoder, opus::Error> {
        let use_for = if self.joined { opus::Application::Audio } else { opus::Application::Voip };
        let mut encoder = opus::Encoder::new(self.rate.hz(), opus::Channels::Mono, use_for)?;
        encoder.set_bitrate(opus::Bitrate::Bits(bits_per_second(self.rate)))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_prediction_disabled(self.joined)?;
        encoder.set_inband_fec(!self.joined)?;
        encoder.set_packet_loss_perc(if self.joined { 0 } else { LOSS_EXPECTED_PERCENT })?;
        Ok(encoder)
    }
}

/// RFC 7587 section 3.1.1: the sweet spots for speech, with room for the repeated information.
const fn bits_per_second(rate: Rate) -> i32 {
    match rate {
        Rate::Narrow => 16_000,
        Rate::Wide => 28_000,
        Rate::Full => 40_000,
    }
}

impl Opus for LibOpus {
    fn decode(&mut self, came: Came<'_>, out: &mut [i16]) -> Result<usize, Malformed> {
        let rate_hz = self.rate.hz();
        let decoder = self.decoder.get_or_insert_with(|| {
            opus::Decoder::new(rate_hz, opus::Channels::Mono)
                .expect("the library has these rates, and memory")
        });
        let made = match came {
            // To the library no bytes are a lost packet.
            Came::Packet([]) => return Err(Malformed),
            Came::Packet(packet) => decoder.decode(packet, out, false),
            Came::Before(next) => decoder.decode(next, out, true),
            Came::Nothing => decoder.decode(&[], out, false),
        };
        made.map_err(|_| Malformed)
    }

    fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, Malformed> {
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => self.new_encoder().expect("the library has these rates and settings, and memory"),
        };
        self.encoder.insert(encoder).encode(samples, out).map_err(|_| Malformed)
    }
}
