//! What is heard in place of lost packets where the codec has no way of its own: the last period of the voice, again and
//! again, fading out over 60 ms. Also the way back: the first sound after a loss is faded in over what was made up.
//!
//! In the manner of G.711 appendix I, simpler: one search for the period at the beginning of a loss.

use crate::codec::rate::Rate;

/// The longest period that is looked for: 66 Hz.
const PERIOD_MS_MAX: usize = 15;
/// The shortest: 400 Hz.
const PERIOD_US_MIN: usize = 2_500;
/// How much of the past is compared.
const WINDOW_MS: usize = 10;
/// After so long nothing is left to say.
const FADE_MS: usize = 60;
/// How long what was made up still sounds under what comes after.
const OVERLAP_MS: usize = 4;

/// The recent past of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    per_ms: usize,
    /// The last `PERIOD_MS_MAX + WINDOW_MS` ms, the newest last.
    past: Vec<i16>,
    lost: Option<Lost>,
}

/// A loss that goes on.
#[derive(Copy, Clone, Debug)]
struct Lost {
    /// Samples that are repeated.
    period: usize,
    /// Samples made up so far.
    made: usize,
}

impl Concealer {
    /// The past is silence.
    pub fn new(rate: Rate) -> Self {
        let per_ms = rate.per_ms();
        Self { per_ms, past: vec![0; per_ms * (PERIOD_MS_MAX + WINDOW_MS)], lost: None }
    }

    /// Takes sound that did come, and smooths its beginning where a loss ends with it.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if let Some(mut lost) = self.lost.take() {
            let overlap = (self.per_ms * OVERLAP_MS).min(samples.len());
            for (index, sample) in samples.iter_mut().take(overlap).enumerate() {
                let made = i32::from(self.made_up(&mut lost));
                let share = (index as i32 * 256) / overlap as i32;
                *sample = ((i32::from(*sample) * share + made * (256 - share)) >> 8) as i16;
            }
        }
        self.keep(samples);
    }

    /// Appends `count` samples for what did not come.
    pub fn lost(&mut self, count: usize, out: &mut Vec<i16>) {
        let mut lost = match self.lost {
            Some(lost) => lost,
            None => Lost { period: self.period(), made: 0 },
        };
        out.extend((0..count).map(|_| self.made_up(&mut lost)));
        self.lost = Some(lost);
    }

    fn made_up(&self, lost: &mut Lost) -> i16 {
        let fade = (self.per_ms * FADE_MS) as i32;
        let left = fade - lost.made.min(fade as usize) as i32;
        let at = self.past.len() - lost.period + lost.made % lost.period;
        lost.made += 1;
        (i32::from(self.past[at]) * left / fade) as i16
    }

    fn keep(&mut self, samples: &[i16]) {
        let length = self.past.len();
        let newest = &samples[samples.len().saturating_sub(length)..];
        self.past.rotate_left(newest.len());
        self.past[length - newest.len()..].copy_from_slice(newest);
    }

    /// The lag at which the past resembles itself most.
    fn period(&self) -> usize {
        // Every second sample of 8 kHz is enough to find a voice's period.
        let stride = (self.per_ms / 4).max(1);
        let window = self.per_ms * WINDOW_MS;
        let newest = self.past.len() - window;
        let unlike = |lag: usize| -> u64 {
            let pairs = (0..window).step_by(stride).map(|index| {
                (i32::from(self.past[newest + index]) - i32::from(self.past[newest + index - lag]))
                    .unsigned_abs()
            });
            pairs.map(u64::from).sum()
        };
        let shortest = self.per_ms * PERIOD_US_MIN / 1000;
        (shortest..=self.per_ms * PERIOD_MS_MAX).min_by_key(|lag| unlike(*lag)).unwrap_or(shortest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::rms;

    /// The largest step from one sample to the next.
    fn jump(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_lost_packet_is_not_heard_as_a_click() {
        for rate in [Rate::Narrow, Rate::Wide] {
            for frequency_hz in [150, 200, 440] {
                let frame = rate.per_ms() * 20;
                let mut sine = Sine::new(frequency_hz, rate.hz(), 10_000);
                let (mut concealer, mut heard) = (Concealer::new(rate), Vec::new());
                for number in 0..10 {
                    let mut samples = vec![0; frame];
                    sine.fill(&mut samples);
                    if number == 5 {
                        concealer.lost(frame, &mut heard);
                    } else {
                        concealer.heard(&mut samples);
                        heard.extend(samples);
                    }
                }
                assert_eq!(heard.len(), frame * 10);
                let (whole, around) = (jump(&heard[..frame * 5]), jump(&heard));
                assert!(around <= whole * 3 / 2, "{rate:?} {frequency_hz} Hz: {around} against {whole}");
                assert!(rms(&heard[frame * 5..frame * 6]) > 4_000.0, "{frequency_hz} Hz goes on");
            }
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence() {
        let mut concealer = Concealer::new(Rate::Narrow);
        let mut samples = vec![0; 400];
        Sine::new(200, 8000, 10_000).fill(&mut samples);
        concealer.heard(&mut samples);
        let mut out = Vec::new();
        concealer.lost(800, &mut out);
        assert!(rms(&out[..80]) > 5_000.0);
        assert!(out[480..].iter().all(|sample| *sample == 0));
    }
}
