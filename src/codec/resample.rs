//! Resampling from 16 kHz to 8 kHz: prompts and wide-band speech for narrow-band codecs.
//!
//! A low-pass filter (95 taps, windowed sinc) that passes up to 3.1 kHz and keeps what lies above 4 kHz at least
//! 60 dB down, so that nothing folds back into the band; then every other sample. Other ratios are not here.

use std::f32::consts::PI;

const TAPS: usize = 95;

/// The middle of the transition: half way between the telephone band's end and the new Nyquist frequency.
const CUTOFF_HZ: f32 = 3_550.0;
const RATE_IN_HZ: f32 = 16_000.0;

/// Halves the rate of one stream. Output lags by 47 input samples, about 3 ms.
#[derive(Clone, Debug)]
pub struct Halver {
    taps: [f32; TAPS],
    /// The last `TAPS` samples in a ring.
    ring: [f32; TAPS],
    next: usize,
    odd: bool,
}

impl Default for Halver {
    fn default() -> Self {
        Self::new()
    }
}

impl Halver {
    /// A filter at rest.
    pub fn new() -> Self {
        Self { taps: low_pass(), ring: [0.0; TAPS], next: 0, odd: false }
    }

    /// Appends the 8 kHz form of `samples` to `out`. Frames of odd length are carried over to the next call.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        out.reserve(samples.len() / 2 + 1);
        for sample in samples {
            if let Some(place) = self.ring.get_mut(self.next) {
                *place = f32::from(*sample);
            }
            self.next = (self.next + 1) % TAPS;
            if self.odd {
                out.push(self.filtered());
            }
            self.odd = !self.odd;
        }
    }

    fn filtered(&self) -> i16 {
        // The filter is symmetric, so oldest-first or newest-first is the same.
        let (new, old) = self.ring.split_at(self.next);
        let sum: f32 = old.iter().chain(new).zip(&self.taps).map(|(sample, tap)| sample * tap).sum();
        // `as` saturates: overshoot at full scale clips instead of wrapping.
        sum.round() as i16
    }
}

/// The 8 kHz form of a whole 16 kHz clip: half as long (rounded up), without lag.
pub fn halve(samples: &[i16]) -> Vec<i16> {
    let mut halver = Halver::new();
    let mut out = Vec::new();
    halver.push(samples, &mut out);
    halver.push(&[0; TAPS], &mut out);
    let lag = TAPS / 4;
    out.drain(..lag);
    out.truncate(samples.len().div_ceil(2));
    out
}

fn low_pass() -> [f32; TAPS] {
    let mut taps = [0.0; TAPS];
    let middle = (TAPS / 2) as f32;
    let width = 2.0 * CUTOFF_HZ / RATE_IN_HZ;
    for (index, tap) in taps.iter_mut().enumerate() {
        let offset = index as f32 - middle;
        let sinc = if offset == 0.0 { width } else { (PI * width * offset).sin() / (PI * offset) };
        // Blackman's window: side lobes below -70 dB.
        let turn = 2.0 * PI * index as f32 / (TAPS - 1) as f32;
        *tap = sinc * (0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos());
    }
    let sum: f32 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use crate::codec::tone::rms;

    fn tone(frequency_hz: u32) -> Vec<i16> {
        let mut samples = vec![0; 16_000];
        Sine::new(frequency_hz, 16_000, 20_000).fill(&mut samples);
        samples
    }

    #[test]
    fn speech_passes_unchanged() {
        for frequency_hz in [300, 1000, 2000, 3000] {
            let out = halve(&tone(frequency_hz));
            assert_eq!(out.len(), 8_000);
            assert!(goertzel(&out[200..7800], 8_000, frequency_hz) > 0.98, "{frequency_hz} Hz stays");
            let loudness = rms(&out[200..7800]) / (20_000.0 / 2f64.sqrt());
            assert!((0.98..1.02).contains(&loudness), "{frequency_hz} Hz comes out at {loudness}");
        }
    }

    #[test]
    fn nothing_folds_back() {
        for frequency_hz in [4_100, 5_000, 6_500, 7_900] {
            let out = halve(&tone(frequency_hz));
            assert!(rms(&out[200..7800]) < 14_142.0 / 1000.0, "{frequency_hz} Hz is 60 dB down");
        }
    }

    #[test]
    fn frames_of_any_length_make_the_same_stream() {
        let clip = tone(700);
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        Halver::new().push(&clip, &mut whole);
        let mut halver = Halver::new();
        for frame in clip.chunks(321) {
            halver.push(frame, &mut cut);
        }
        assert_eq!(whole, cut);
        assert_eq!(halve(&[i16::MAX; 301]).len(), 151);
        assert!(halve(&[]).is_empty());
    }

    #[test]
    fn a_clip_is_not_shifted() {
        let mut clip = vec![0; 1_000];
        clip[500] = 30_000;
        let out = halve(&clip);
        let (peak, _) = out.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap();
        assert_eq!(peak, 250);
    }
}
