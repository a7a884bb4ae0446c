//! Codecs and the sound arithmetic around them: G.711, G.722, Opus, comfort noise, tones, WAV files, resampling, seams.
//!
//! Pure: samples and bytes in, samples and bytes out. Not the media path: `media` owns sockets, clocks and
//! mixing, and calls in here, by [`Decoder`] and [`Encoder`] where it does not matter which codec it is.

mod coding;
pub mod conceal;
mod decoder;
mod encoder;
pub mod g711;
pub mod g722;
pub mod noise;
pub mod opus;
mod rate;
pub mod resample;
pub mod seam;
pub mod splice;
pub mod tone;
pub mod wav;

#[cfg(test)]
mod tests;

pub use crate::codec::coding::Coding;
pub use crate::codec::decoder::Decoder;
pub use crate::codec::encoder::Encoder;
pub use crate::codec::opus::Malformed;
pub use crate::codec::rate::Rate;
