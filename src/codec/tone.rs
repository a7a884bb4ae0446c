//! Tones: a sine generator, and Goertzel's filter that finds one frequency in samples.
//!
//! The pair is how every audio test knows who hears whom; the generator also makes ringback and busy tones.
//! Not DTMF detection by ear: digits travel as RFC 4733 events.

use std::f64::consts::TAU;

/// A sine wave that goes on where it stopped, however the samples are cut into frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Sine {
    /// Turns of the wave, 0 to 1.
    phase: f64,
    step: f64,
    amplitude: f64,
}

impl Sine {
    /// A wave of `frequency_hz` at `rate_hz` samples a second, swinging between `-amplitude` and `amplitude`.
    /// A rate of 0 gives silence.
    pub fn new(frequency_hz: u32, rate_hz: u32, amplitude: i16) -> Self {
        let step = if rate_hz == 0 { 0.0 } else { f64::from(frequency_hz) / f64::from(rate_hz) };
        Self { phase: 0.0, step, amplitude: f64::from(amplitude) }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> i16 {
        let value = (self.phase * TAU).sin() * self.amplitude;
        self.phase = (self.phase + self.step).fract();
        value.round() as i16
    }

    /// Overwrites `samples` with the wave.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = self.next_sample();
        }
    }
}

/// The share of the samples' energy that lies at `frequency_hz`: near 1 for a pure tone of that frequency,
/// near 0 for silence, for other tones and for noise. A few periods of the tone are enough; the filter is about
/// `rate_hz / samples.len()` wide.
pub fn goertzel(samples: &[i16], rate_hz: u32, frequency_hz: u32) -> f64 {
    if samples.is_empty() || rate_hz == 0 {
        return 0.0;
    }
    let turn = TAU * f64::from(frequency_hz) / f64::from(rate_hz);
    let coefficient = 2.0 * turn.cos();
    let (mut last, mut before, mut energy) = (0.0, 0.0, 0.0);
    for sample in samples {
        let sample = f64::from(*sample);
        let value = sample + coefficient * last - before;
        before = last;
        last = value;
        energy += sample * sample;
    }
    if energy == 0.0 {
        return 0.0;
    }
    let power = last * last + before * before - coefficient * last * before;
    (2.0 * power / (samples.len() as f64 * energy)).clamp(0.0, 1.0)
}

/// The loudness of the samples: root mean square, 0 to 32768.
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum();
    (energy / samples.len() as f64).sqrt()
}

/// Which of `frequencies_hz` is loudest in the samples; `None` when they are near silence (below -60 dBFS) or none
/// of the frequencies holds a tenth of the energy.
pub fn dominant(samples: &[i16], rate_hz: u32, frequencies_hz: &[u32]) -> Option<u32> {
    if rms(samples) < RMS_MIN {
        return None;
    }
    frequencies_hz
        .iter()
        .map(|frequency| (goertzel(samples, rate_hz, *frequency), *frequency))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(share, _)| *share >= SHARE_MIN)
        .map(|(_, frequency)| frequency)
}

/// -60 dBFS: above the idle noise of A-law, whose silence is +-8.
const RMS_MIN: f64 = 32.0;

/// A tenth of the energy: a tone in a mix of several is still found, speech and music are not taken for one.
const SHARE_MIN: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wave_goes_on_over_frames() {
        let (mut whole, mut cut) = (Sine::new(440, 8000, 10_000), Sine::new(440, 8000, 10_000));
        let mut long = [0; 480];
        whole.fill(&mut long);
        let mut short = [[0; 160]; 3];
        for frame in &mut short {
            cut.fill(frame);
        }
        assert_eq!(long.as_slice(), short.concat());
        assert!((9_900..=10_000).contains(long.iter().max().unwrap()));
    }

    #[test]
    fn a_tone_is_told_from_others_and_from_silence() {
        let mut samples = [0; 800];
        Sine::new(700, 8000, 8_000).fill(&mut samples);
        assert!(goertzel(&samples, 8000, 700) > 0.98);
        assert!(goertzel(&samples, 8000, 900) < 0.01);
        assert_eq!(dominant(&samples, 8000, &[500, 700, 900]), Some(700));
        assert_eq!(dominant(&samples, 8000, &[500, 900]), None);
        assert_eq!(dominant(&[8; 800], 8000, &[500, 700]), None);
        assert_eq!(goertzel(&[0; 800], 8000, 700), 0.0);
        assert_eq!((goertzel(&[], 8000, 700), goertzel(&[1], 0, 700)), (0.0, 0.0));
    }

    #[test]
    fn both_tones_of_a_mix_are_found() {
        let (mut low, mut high) = (Sine::new(500, 8000, 6_000), Sine::new(1100, 8000, 6_000));
        let mix: Vec<i16> = (0..800).map(|_| low.next_sample() + high.next_sample()).collect();
        assert!((goertzel(&mix, 8000, 500) - 0.5).abs() < 0.02);
        assert!((goertzel(&mix, 8000, 1100) - 0.5).abs() < 0.02);
    }
}
