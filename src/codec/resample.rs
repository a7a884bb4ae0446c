//! Resampling between 8, 16 and 48 kHz: a polyphase low-pass filter, shared by all streams of the same pair of rates.
//!
//! A windowed sinc that passes three quarters of the lower rate's band unchanged (3.1 kHz of 4, 6.2 of 8) and keeps
//! what would fold back 60 dB down. Ratios are whole: 2, 3 and 6. Not a clock: it makes no samples up for time that
//! passed without any.

use crate::codec::rate::Rate;
use std::f32::consts::PI;
use std::sync::OnceLock;

/// Filter length in samples of the lower rate.
const SPAN: usize = 48;
/// How far the output lags, in samples of the lower rate: 3 ms at 8 kHz.
const LAG: usize = SPAN / 2;
/// The middle of the transition as a share of the lower rate: half way between 3.1 and 4 kHz.
const CUTOFF: f32 = 3_550.0 / 8_000.0;

/// One stream's resampler.
#[derive(Clone, Debug)]
pub struct Resampler {
    way: Way,
    /// What the filter still reaches back to, then the samples of the current call.
    line: Vec<f32>,
    /// Going down: the samples of the next call to pass over before an output is due.
    wait: usize,
}

#[derive(Copy, Clone, Debug)]
enum Way {
    Same,
    Up(&'static [f32], usize),
    Down(&'static [f32], usize),
}

impl Resampler {
    /// A filter at rest.
    pub fn new(from: Rate, to: Rate) -> Self {
        let (low, high) = (from.min(to), from.max(to));
        let factor = (high.hz() / low.hz()) as usize;
        let (way, reach) = match (factor, from < to) {
            (1, _) => (Way::Same, 0),
            (_, true) => (Way::Up(up_filter(factor), factor), SPAN - 1),
            (_, false) => (Way::Down(filter(factor), factor), SPAN * factor - 1),
        };
        Self { way, line: vec![0.0; reach], wait: 0 }
    }

    /// Whether the rates are the same, so that nothing is done.
    pub const fn is_idle(&self) -> bool {
        matches!(self.way, Way::Same)
    }

    /// Appends the new form of `samples` to `out`. Frames of odd length are carried over to the next call.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let reach = self.line.len();
        match self.way {
            Way::Same => out.extend_from_slice(samples),
            Way::Up(phases, factor) => {
                self.line.extend(samples.iter().map(|sample| f32::from(*sample)));
                out.reserve(samples.len() * factor);
                for window in self.line.windows(SPAN) {
                    // `as` saturates: overshoot at full scale clips instead of wrapping.
                    out.extend(phases.chunks_exact(SPAN).map(|taps| dot(window, taps).round() as i16));
                }
            }
            Way::Down(taps, factor) => {
                self.line.extend(samples.iter().map(|sample| f32::from(*sample)));
                let mut at = self.wait;
                while let Some(window) = self.line.get(at..at + taps.len()) {
                    out.push(dot(window, taps).round() as i16);
                    at += factor;
                }
                self.wait = at - samples.len();
            }
        }
        self.line.drain(..self.line.len() - reach);
    }
}

/// A whole clip in another rate, without lag; going down, its length is rounded up.
pub fn clip(samples: &[i16], from: Rate, to: Rate) -> Vec<i16> {
    if from == to {
        return samples.to_vec();
    }
    let mut resampler = Resampler::new(from, to);
    let mut out = Vec::new();
    resampler.push(samples, &mut out);
    let per_low = |rate: Rate| (rate.hz() / from.min(to).hz()) as usize;
    resampler.push(&vec![0; LAG * per_low(from)], &mut out);
    out.drain(..LAG * per_low(to));
    out.truncate((samples.len() * per_low(to)).div_ceil(per_low(from)));
    out
}

/// The sum of products. In eight lanes, so that the compiler may use the processor's.
fn dot(samples: &[f32], taps: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (samples, taps) in samples.as_chunks::<8>().0.iter().zip(taps.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += samples[lane] * taps[lane];
        }
    }
    lanes.iter().sum()
}

/// The filter at the higher rate, the newest sample's tap last; made once for each factor.
fn filter(factor: usize) -> &'static [f32] {
    static FILTERS: [OnceLock<Vec<f32>>; 7] = [const { OnceLock::new() }; 7];
    FILTERS[factor.min(6)].get_or_init(|| low_pass(factor).into_iter().rev().collect())
}

/// The same, cut into phases: `SPAN` taps for each output sample of one input sample.
fn up_filter(factor: usize) -> &'static [f32] {
    static FILTERS: [OnceLock<Vec<f32>>; 7] = [const { OnceLock::new() }; 7];
    FILTERS[factor.min(6)].get_or_init(|| {
        let taps = low_pass(factor);
        // Of the zeros between the samples nothing is left but that the rest is `factor` times as loud.
        let phase =
            |phase: usize| (0..SPAN).rev().map(move |before| before * factor + phase).collect::<Vec<_>>();
        (0..factor).flat_map(phase).map(|at| taps[at] * factor as f32).collect()
    })
}

fn low_pass(factor: usize) -> Vec<f32> {
    let length = SPAN * factor;
    // Symmetric about a whole sample, so that the lag is whole: the first tap stays nought.
    let middle = (length / 2) as f32;
    let width = 2.0 * CUTOFF / factor as f32;
    let tap = |index: usize| {
        let offset = index as f32 - middle;
        let sinc = if offset == 0.0 { width } else { (PI * width * offset).sin() / (PI * offset) };
        // Blackman's window: side lobes below -70 dB.
        let turn = 2.0 * PI * index as f32 / length as f32;
        sinc * (0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
    };
    let mut taps: Vec<f32> = (0..length).map(tap).collect();
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= sum);
    taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use crate::codec::tone::rms;

    const PAIRS: [(Rate, Rate); 6] = [
        (Rate::Narrow, Rate::Wide),
        (Rate::Narrow, Rate::Full),
        (Rate::Wide, Rate::Full),
        (Rate::Wide, Rate::Narrow),
        (Rate::Full, Rate::Narrow),
        (Rate::Full, Rate::Wide),
    ];

    fn tone(frequency_hz: u32, rate: Rate) -> Vec<i16> {
        let mut samples = vec![0; rate.hz() as usize];
        Sine::new(frequency_hz, rate.hz(), 20_000).fill(&mut samples);
        samples
    }

    /// The clip without its edges.
    fn middle(samples: &[i16]) -> &[i16] {
        &samples[samples.len() / 10..samples.len() * 9 / 10]
    }

    #[test]
    fn speech_passes_unchanged() {
        for (from, to) in PAIRS {
            for share in [0.04, 0.125, 0.25, 0.375] {
                let frequency_hz = (f64::from(from.min(to).hz()) * share) as u32;
                let out = clip(&tone(frequency_hz, from), from, to);
                assert_eq!(out.len(), to.hz() as usize);
                let pure = goertzel(middle(&out), to.hz(), frequency_hz);
                assert!(pure > 0.9999, "{from:?} to {to:?}: {frequency_hz} Hz stays, {pure}");
                let loudness = rms(middle(&out)) / (20_000.0 / 2f64.sqrt());
                assert!(
                    (0.99..1.01).contains(&loudness),
                    "{from:?} to {to:?}: {frequency_hz} Hz at {loudness}"
                );
            }
        }
    }

    #[test]
    fn nothing_folds_back() {
        for (from, to) in PAIRS.iter().filter(|(from, to)| from > to) {
            for share in [0.52, 0.65, 0.8, 0.99] {
                let frequency_hz = (f64::from(to.hz()) * share) as u32;
                let out = clip(&tone(frequency_hz, *from), *from, *to);
                assert!(rms(middle(&out)) < 14.1, "{from:?} to {to:?}: {frequency_hz} Hz is 60 dB down");
            }
        }
    }

    #[test]
    fn frames_of_any_length_make_the_same_stream() {
        for (from, to) in PAIRS {
            let sound = tone(700, from);
            let (mut whole, mut cut) = (Vec::new(), Vec::new());
            Resampler::new(from, to).push(&sound, &mut whole);
            let mut resampler = Resampler::new(from, to);
            for frame in sound.chunks(323) {
                resampler.push(frame, &mut cut);
            }
            assert_eq!(whole, cut, "{from:?} to {to:?}");
        }
        assert_eq!(clip(&[i16::MAX; 301], Rate::Wide, Rate::Narrow).len(), 151);
        assert!(clip(&[], Rate::Wide, Rate::Narrow).is_empty());
    }

    #[test]
    fn a_clip_is_not_shifted() {
        for (from, to) in PAIRS {
            let mut sound = vec![0; from.hz() as usize / 10];
            sound[from.hz() as usize / 20] = 30_000;
            let out = clip(&sound, from, to);
            let (peak, _) = out.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap();
            assert_eq!(peak, to.hz() as usize / 20, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn the_same_rate_costs_nothing_and_changes_nothing() {
        let mut out = Vec::new();
        let mut resampler = Resampler::new(Rate::Wide, Rate::Wide);
        resampler.push(&[1, 2, 3], &mut out);
        assert_eq!((out.as_slice(), resampler.is_idle()), ([1, 2, 3].as_slice(), true));
    }
}
