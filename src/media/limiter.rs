//! Keeps a mix within 16 bits without a click: loud mixes are turned down over milliseconds, and what is still too loud
//! meanwhile is bent, not cut.

/// Above this a mix is turned down.
const CEILING: f32 = 30_000.0;
/// Below this a sample is left as it is; above, it is bent towards the end of the range.
const KNEE: f32 = 26_000.0;
const RANGE: f32 = 32_767.0 - KNEE;
/// Samples over which a mix is turned down: 5 ms at 8 kHz.
const ATTACK: usize = 40;
/// The share of the way back that is gone in a frame of 20 ms: most of it within half a second.
const RELEASE: f32 = 0.1;

/// How far a listener's mix is turned down now; 1 is not at all.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Brings a sum within range.
    pub(crate) fn limit(&mut self, sum: &[i32], out: &mut [i16]) {
        let peak = sum.iter().fold(0, |peak: u32, sample| peak.max(sample.unsigned_abs())) as f32;
        if self.gain >= 1.0 && peak <= CEILING {
            for (place, sample) in out.iter_mut().zip(sum) {
                *place = *sample as i16;
            }
            return;
        }
        let allowed = if peak > CEILING { CEILING / peak } else { 1.0 };
        let (from, to) = (self.gain, self.next(allowed));
        let over = if to < from { ATTACK.min(sum.len()) } else { sum.len() }.max(1) as f32;
        for (index, (place, sample)) in out.iter_mut().zip(sum).enumerate() {
            let way = (index as f32 / over).min(1.0);
            *place = bend(*sample as f32 * (from + (to - from) * way));
        }
        self.gain = to;
    }

    fn next(&self, allowed: f32) -> f32 {
        if allowed < self.gain {
            return allowed;
        }
        let next = self.gain + (allowed - self.gain) * RELEASE;
        if next > 0.999 { 1.0 } else { next }
    }
}

fn bend(sample: f32) -> i16 {
    let over = sample.abs() - KNEE;
    if over <= 0.0 {
        return sample as i16;
    }
    // Goes on at the same slope and comes to the end of the range never.
    let bent = KNEE + RANGE * (over / (over + RANGE));
    bent.copysign(sample) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;

    fn waves(hz: u32, amplitude: i32, count: usize) -> Vec<Vec<i32>> {
        let mut tone = Sine::new(hz, 8000, 8000);
        let frame = |_| (0..160).map(|_| i32::from(tone.next_sample()) * amplitude / 8000).collect();
        (0..count).map(frame).collect()
    }

    fn limited(limiter: &mut Limiter, frames: &[Vec<i32>]) -> Vec<i16> {
        let mut heard = Vec::new();
        for frame in frames {
            let mut out = [0; 160];
            limiter.limit(frame, &mut out);
            heard.extend(out);
        }
        heard
    }

    #[test]
    fn what_fits_is_not_touched() {
        let frames = waves(440, 29_000, 5);
        let heard = limited(&mut Limiter::default(), &frames);
        let same: Vec<i16> = frames.concat().into_iter().map(|sample| sample as i16).collect();
        assert_eq!(heard, same);
    }

    #[test]
    fn three_times_too_loud_is_a_clean_tone_after_a_few_milliseconds() {
        let heard = limited(&mut Limiter::default(), &waves(440, 96_000, 50));
        assert!(heard.iter().all(|sample| sample.unsigned_abs() < 32_700));
        assert!(goertzel(&heard[..800], 8000, 440) > 0.97, "{}", goertzel(&heard[..800], 8000, 440));
        let settled = &heard[1600..];
        assert!(goertzel(settled, 8000, 440) > 0.99, "bent but little: {}", goertzel(settled, 8000, 440));
        assert!(settled.iter().any(|sample| *sample > 25_000), "and not turned down more than needed");
    }

    #[test]
    fn it_comes_back_slowly_and_whole() {
        let mut limiter = Limiter::default();
        limited(&mut limiter, &waves(440, 96_000, 5));
        let heard = limited(&mut limiter, &waves(440, 9_000, 100));
        let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest(&heard[..160]) < 4500, "{}", loudest(&heard[..160]));
        assert!(loudest(&heard[8000..]) > 8900);
        assert_eq!(limiter, Limiter::default());
    }
}
