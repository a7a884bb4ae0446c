//! Seams between pieces of sound that do not follow each other: a gap, another source, another place of the same one.
//!
//! What was heard last goes on for a while, its last period again and again, fading to silence within 60 ms, in the manner of
//! G.711 appendix I; what comes next is faded in over it. So neither end of a gap clicks. For samples of any codec.

use crate::codec::splice;
use crate::codec::splice::fade;

/// How long a voice goes on into a gap, in milliseconds.
const GO_ON_MS_MAX: usize = 60;
/// So long the voice goes on as it was, before it fades.
const PLAIN_MS: usize = 10;
/// The fade back into what came.
const OVERLAP_MS: usize = 5;

/// What was heard last, and how much of it was made up.
#[derive(Clone, Debug)]
pub struct Seam {
    rate_hz: u32,
    history: Vec<i16>,
    /// The period that is repeated while a gap lasts.
    period: Vec<i16>,
    /// Samples made up since the last that came; from the start the gap has lasted for ever.
    made_up: usize,
    /// What comes next does not follow, though nothing was made up.
    cut: bool,
}

impl Seam {
    /// Nothing was heard yet: the first sound is faded in.
    pub fn new(rate_hz: u32) -> Self {
        let history = vec![0; splice::needed(rate_hz)];
        let made_up = per_ms(rate_hz) * GO_ON_MS_MAX;
        Self { rate_hz, history, period: Vec::new(), made_up, cut: false }
    }

    /// Nothing was heard yet, and the first sound is left as it is.
    pub fn running(rate_hz: u32) -> Self {
        Self { made_up: 0, ..Self::new(rate_hz) }
    }

    /// Takes what came, and fades its beginning in where something was missing before it.
    pub fn take(&mut self, samples: &mut [i16]) {
        if self.is_cut() {
            let overlap = (per_ms(self.rate_hz) * OVERLAP_MS).min(samples.len());
            for (index, place) in samples.iter_mut().take(overlap).enumerate() {
                *place = fade(self.going_on(index), *place, index, overlap);
            }
            (self.made_up, self.cut) = (0, false);
            self.period.clear();
        }
        self.remember(samples);
    }

    /// Fills `samples` with what the voice might have gone on with.
    pub fn go_on(&mut self, samples: &mut [i16]) {
        self.begin();
        for (index, place) in samples.iter_mut().enumerate() {
            *place = self.going_on(index);
        }
        self.made_up = (self.made_up + samples.len()).min(per_ms(self.rate_hz) * GO_ON_MS_MAX);
    }

    /// What comes next does not follow what came last: it is faded in.
    pub fn cut(&mut self) {
        self.begin();
        self.cut = true;
    }

    /// Whether what comes next is faded in.
    pub const fn is_cut(&self) -> bool {
        self.made_up > 0 || self.cut
    }

    /// Whether a gap has lasted so long that nothing is left to be heard.
    pub fn is_silent(&self) -> bool {
        self.made_up >= per_ms(self.rate_hz) * GO_ON_MS_MAX
    }

    fn begin(&mut self) {
        if self.made_up == 0 && self.period.is_empty() {
            let lag = splice::period_at_end(&self.history, self.rate_hz);
            let start = self.history.len().saturating_sub(lag);
            self.period = self.history.get(start..).unwrap_or_default().to_vec();
            self.smooth(lag);
        }
    }

    /// The period's end is made to lead into its beginning: it is faded into what lay before the period.
    fn smooth(&mut self, lag: usize) {
        let start = self.history.len().saturating_sub(lag);
        let overlap = (lag / 4).min(start);
        let before = self.history.get(start - overlap..start).unwrap_or_default();
        let tail = self.period.len().saturating_sub(overlap);
        for (index, (place, sample)) in self.period.iter_mut().skip(tail).zip(before).enumerate() {
            *place = fade(*place, *sample, index, overlap);
        }
    }

    /// The sample `ahead` after the last that was made up.
    fn going_on(&self, ahead: usize) -> i16 {
        let at = self.made_up + ahead;
        let (plain, end) = (per_ms(self.rate_hz) * PLAIN_MS, per_ms(self.rate_hz) * GO_ON_MS_MAX);
        if at >= end || self.period.is_empty() {
            return 0;
        }
        let sample = self.period.get(at % self.period.len()).copied().unwrap_or(0);
        if at < plain { sample } else { fade(sample, 0, at - plain, end - plain) }
    }

    fn remember(&mut self, samples: &[i16]) {
        let kept = self.history.len();
        if samples.len() >= kept {
            self.history.copy_from_slice(samples.get(samples.len() - kept..).unwrap_or_default());
        } else {
            self.history.copy_within(samples.len().., 0);
            if let Some(end) = self.history.get_mut(kept - samples.len()..) {
                end.copy_from_slice(samples);
            }
        }
    }
}

const fn per_ms(rate_hz: u32) -> usize {
    (rate_hz / 1000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;

    fn frames(hz: u32, count: usize) -> Vec<[i16; 160]> {
        let mut tone = Sine::new(hz, 8000, 8000);
        let frame = |_| {
            let mut frame = [0; 160];
            tone.fill(&mut frame);
            frame
        };
        (0..count).map(frame).collect()
    }

    /// Plays frames, those of `missing` made up.
    fn played(hz: u32, count: usize, missing: &[usize]) -> Vec<i16> {
        let mut seam = Seam::new(8000);
        let mut heard = Vec::new();
        for (index, mut frame) in frames(hz, count).into_iter().enumerate() {
            if missing.contains(&index) {
                seam.go_on(&mut frame);
            } else {
                seam.take(&mut frame);
            }
            heard.extend(frame);
        }
        heard
    }

    fn steepest(samples: &[i16]) -> i32 {
        let steps = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        steps.max().unwrap_or(0)
    }

    #[test]
    fn a_missing_frame_of_a_tone_is_the_tone_without_a_click() {
        for hz in [120, 200, 440, 700, 1000] {
            let plain = played(hz, 10, &[]);
            let holed = played(hz, 10, &[5]);
            assert!(goertzel(&holed[5 * 160..6 * 160], 8000, hz) > 0.8, "{hz} Hz");
            assert!(steepest(&holed) <= steepest(&plain) * 3 / 2, "{hz} Hz clicks");
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence_within_sixty_milliseconds() {
        let heard = played(440, 12, &[4, 5, 6, 7, 8]);
        let loudest = |range: std::ops::Range<usize>| heard[range].iter().map(|s| s.unsigned_abs()).max();
        assert!(loudest(640..720).unwrap() > 7000);
        assert!(loudest(1050..1120).unwrap() < 1500, "nearly gone");
        assert_eq!(loudest(1120..1440), Some(0));
        assert!(steepest(&heard) <= steepest(&played(440, 12, &[])) * 3 / 2);
    }

    #[test]
    fn the_first_sound_is_faded_in_and_a_cut_too() {
        let mut seam = Seam::new(8000);
        assert!(seam.is_silent());
        let mut loud = [8000; 160];
        seam.take(&mut loud);
        assert_eq!((loud[0], loud[20], loud[40]), (0, 4000, 8000));
        seam.cut();
        let mut low = [-8000; 160];
        seam.take(&mut low);
        assert_eq!((low[0], low[40]), (8000, -8000));
        assert!(steepest(&low) <= 400);
        let mut nothing = [1; 0];
        seam.go_on(&mut nothing);
        seam.take(&mut nothing);
    }
}
