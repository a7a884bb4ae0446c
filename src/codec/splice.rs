//! Making sound a little shorter or longer where nobody hears it: a period is left out or played twice, at the place where
//! the wave looks most like itself, with the seam faded over.
//!
//! Works on any samples; in silence any place is as good. Not a change of pitch. Also the fade that every other seam needs.

/// The shortest period that is looked for, in milliseconds: 400 Hz.
const PERIOD_MS_MIN: f32 = 2.5;
/// The longest: 66 Hz, below the deepest voice.
const PERIOD_MS_MAX: f32 = 15.0;
/// How much of the wave is compared, and faded over.
const OVERLAP_MS: f32 = 5.0;

/// Samples that [`shorten`] and [`lengthen`] need to work on: the longest period and the overlap behind it.
pub const fn needed(rate_hz: u32) -> usize {
    span(rate_hz, PERIOD_MS_MAX) + span(rate_hz, OVERLAP_MS)
}

/// Leaves out one period at the front; says how many samples went. Nothing where there are too few.
pub fn shorten(samples: &mut Vec<i16>, rate_hz: u32) -> usize {
    let Some(period) = period_at_front(samples, rate_hz) else { return 0 };
    let overlap = span(rate_hz, OVERLAP_MS);
    for index in 0..overlap {
        if let (Some(early), Some(late)) = (samples.get(index).copied(), samples.get(index + period).copied())
            && let Some(place) = samples.get_mut(index + period)
        {
            *place = fade(early, late, index, overlap);
        }
    }
    samples.drain(..period);
    period
}

/// Plays the period at the front twice; says how many samples came. Nothing where there are too few.
pub fn lengthen(samples: &mut Vec<i16>, rate_hz: u32) -> usize {
    let Some(period) = period_at_front(samples, rate_hz) else { return 0 };
    let overlap = span(rate_hz, OVERLAP_MS);
    // The front, faded into itself a period later: then the whole follows from its beginning.
    let front: Vec<i16> = samples.iter().copied().take(period + overlap).collect();
    let (whole, behind) = front.split_at(period);
    let mut longer = whole.to_vec();
    longer.extend_from_slice(samples);
    for (index, sample) in behind.iter().enumerate() {
        if let Some(place) = longer.get_mut(period + index) {
            *place = fade(*sample, *place, index, overlap);
        }
    }
    *samples = longer;
    period
}

/// One sample of a fade from one sound to another, at `index` of `length`.
pub const fn fade(from: i16, to: i16, index: usize, length: usize) -> i16 {
    let (from, to, index, length) = (from as i32, to as i32, index as i32, length as i32);
    ((from * (length - index) + to * index) / if length > 0 { length } else { 1 }) as i16
}

/// The lag at which the end of `samples` is most like what lies one lag before it; at least [`needed`] samples.
pub(in crate::codec) fn period_at_end(samples: &[i16], rate_hz: u32) -> usize {
    let overlap = span(rate_hz, OVERLAP_MS);
    let end = samples.len();
    let tail = samples.get(end.saturating_sub(overlap)..).unwrap_or_default();
    best_lag(rate_hz, |lag| {
        let before = samples.get(end.saturating_sub(overlap + lag)..end.saturating_sub(lag))?;
        Some(likeness(tail, before))
    })
}

fn period_at_front(samples: &[i16], rate_hz: u32) -> Option<usize> {
    if samples.len() < needed(rate_hz) {
        return None;
    }
    let overlap = span(rate_hz, OVERLAP_MS);
    let head = samples.get(..overlap)?;
    Some(best_lag(rate_hz, |lag| Some(likeness(head, samples.get(lag..lag + overlap)?))))
}

fn best_lag(rate_hz: u32, likeness: impl Fn(usize) -> Option<f32>) -> usize {
    let (shortest, longest) = (span(rate_hz, PERIOD_MS_MIN), span(rate_hz, PERIOD_MS_MAX));
    let mut best = (longest, f32::MIN);
    // From the longest down: among equals the longest repeats least.
    for lag in (shortest..=longest).rev() {
        if let Some(found) = likeness(lag)
            && found > best.1 * 1.0001 + f32::EPSILON
        {
            best = (lag, found);
        }
    }
    best.0
}

/// How alike two pieces are, 1 at best: their correlation by their energies.
fn likeness(one: &[i16], other: &[i16]) -> f32 {
    let (mut cross, mut one_energy, mut other_energy) = (0.0, 1.0, 1.0);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        cross += a * b;
        one_energy += a * a;
        other_energy += b * b;
    }
    // Twice the product over the sum of energies: unlike the cosine it minds a difference of loudness too.
    2.0 * cross / (one_energy + other_energy)
}

const fn span(rate_hz: u32, ms: f32) -> usize {
    (rate_hz as f32 * ms / 1000.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;

    fn tone(hz: u32) -> Vec<i16> {
        let mut samples = vec![0; 800];
        Sine::new(hz, 8000, 8000).fill(&mut samples);
        samples
    }

    /// The greatest step from one sample to the next.
    fn steepest(samples: &[i16]) -> i32 {
        let steps = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        steps.max().unwrap_or(0)
    }

    #[test]
    fn a_tone_stays_a_tone_when_it_is_shortened_or_lengthened() {
        for hz in [100, 180, 440, 700, 1000, 1633] {
            let plain = tone(hz);
            let (mut shorter, mut longer) = (plain.clone(), plain.clone());
            let gone = shorten(&mut shorter, 8000);
            let come = lengthen(&mut longer, 8000);
            assert!((20..=120).contains(&gone) && (20..=120).contains(&come), "{hz} Hz: {gone}, {come}");
            assert_eq!((shorter.len(), longer.len()), (800 - gone, 800 + come));
            for changed in [&shorter, &longer] {
                assert!(steepest(changed) <= steepest(&plain) * 5 / 4, "{hz} Hz clicks");
                assert!(goertzel(changed, 8000, hz) > 0.9, "{hz} Hz is another tone");
            }
        }
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        let mut short = vec![1; needed(8000) - 1];
        assert_eq!((shorten(&mut short, 8000), lengthen(&mut short, 8000)), (0, 0));
        assert_eq!(short.len(), needed(8000) - 1);
        let mut silence = vec![0; 400];
        assert_eq!(shorten(&mut silence, 8000), 120);
    }
}
