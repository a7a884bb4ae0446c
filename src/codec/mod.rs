//! Codecs and the sound arithmetic around them: G.711, tones, WAV files, resampling.
//!
//! Pure: samples and bytes in, samples and bytes out. Not the media path: `media` owns sockets, clocks and
//! mixing, and calls in here.

pub mod g711;
pub mod resample;
pub mod tone;
pub mod wav;

#[cfg(test)]
mod tests;
