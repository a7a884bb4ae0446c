//! Whether a party speaks: the energy of his frames against the noise of his line, with a hangover over short pauses.
//!
//! And, where it is wanted, the level that his voice is brought to. Not a recogniser of speech: a steady loud noise counts as a
//! voice until it has become the line's noise.

/// A frame counts as a voice when it is so much louder than the noise: 9 dB.
const OVER_NOISE: f32 = 8.0;
/// And never below this mean square: -50 dB of full scale.
const LEAST: f32 = 10_000.0;
/// Frames that a voice goes on after its last loud one: 200 ms.
const HANGOVER: u8 = 10;
/// How fast the noise that is believed in rises: 9 dB in six seconds.
const NOISE_RISE: f32 = 1.007;
/// The level that a voice is brought to, as a mean square: -19 dB of full scale.
const WANTED: f32 = 1.35e7;
/// No voice is made louder or softer by more: 12 dB.
const LEVEL_MAX: f32 = 4.0;
/// The share of the way that the level goes in a frame in which somebody speaks.
const LEVEL_STEP: f32 = 0.02;

/// One party's voice.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    noise: f32,
    hang: u8,
    level: f32,
}

impl Default for Activity {
    fn default() -> Self {
        Self { noise: LEAST, hang: 0, level: 1.0 }
    }
}

impl Activity {
    /// Takes in a frame; says whether the party speaks.
    pub(crate) fn hear(&mut self, frame: &[i16]) -> bool {
        let energy = mean_square(frame);
        let loud = energy > LEAST && energy > self.noise * OVER_NOISE;
        self.hang = if loud { HANGOVER } else { self.hang.saturating_sub(1) };
        self.noise = if energy < self.noise { energy.max(1.0) } else { self.noise * NOISE_RISE };
        if loud {
            let wanted = (WANTED / energy).sqrt().clamp(1.0 / LEVEL_MAX, LEVEL_MAX);
            self.level += (wanted - self.level) * LEVEL_STEP;
        }
        self.speaks()
    }

    /// Whether the party speaks, as of the last frame.
    pub(crate) const fn speaks(&self) -> bool {
        self.hang > 0
    }

    /// Brings a frame to the common level; `before` is what [`Activity::level`] was at its beginning.
    pub(crate) fn bring_to_level(&self, before: f32, frame: &mut [i16]) {
        let length = frame.len().max(1) as f32;
        for (index, sample) in frame.iter_mut().enumerate() {
            let gain = before + (self.level - before) * (index as f32 / length);
            // Saturating is right here: the mix's limiter sees to the rest.
            *sample = (f32::from(*sample) * gain) as i16;
        }
    }

    /// The gain of the voice now.
    pub(crate) const fn level(&self) -> f32 {
        self.level
    }
}

/// The mean of the squares of samples.
pub(crate) fn mean_square(frame: &[i16]) -> f32 {
    let sum: f32 = frame.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    sum / frame.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;

    fn frame(tone: &mut Sine) -> [i16; 160] {
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        frame
    }

    #[test]
    fn a_voice_is_one_until_two_hundred_milliseconds_after_it() {
        let mut activity = Activity::default();
        assert!(!activity.hear(&[3; 160]));
        let mut tone = Sine::new(300, 8000, 6000);
        assert!(activity.hear(&frame(&mut tone)));
        for _ in 0..9 {
            assert!(activity.hear(&[3; 160]));
        }
        assert!(!activity.hear(&[3; 160]));
    }

    #[test]
    fn the_noise_of_a_line_is_learnt_and_a_voice_over_it_is_heard() {
        let mut activity = Activity::default();
        let mut hum = Sine::new(50, 8000, 400);
        let mut spoke = 0;
        for _ in 0..1000 {
            spoke = if activity.hear(&frame(&mut hum)) { spoke + 1 } else { 0 };
        }
        assert_eq!(spoke, 0, "a hum is no voice for ever");
        assert!(activity.hear(&frame(&mut Sine::new(300, 8000, 4000))));
    }

    #[test]
    fn a_quiet_and_a_loud_voice_come_to_one_level() {
        let mut levels = Vec::new();
        for amplitude in [1500, 20_000] {
            let mut activity = Activity::default();
            let mut tone = Sine::new(300, 8000, amplitude);
            let mut last = [0; 160];
            for n in 0..400 {
                // A pause now and then, as voices have.
                last = if n % 50 < 40 { frame(&mut tone) } else { [0; 160] };
                let before = activity.level();
                activity.hear(&last);
                if n % 50 == 39 {
                    let mut levelled = last;
                    activity.bring_to_level(before, &mut levelled);
                    last = levelled;
                    levels.push((amplitude, mean_square(&last).sqrt()));
                }
            }
            assert_eq!(last, [0; 160]);
        }
        let of = |amplitude| levels.iter().rfind(|(of, _)| *of == amplitude).unwrap().1;
        let ratio = of(20_000) / of(1500);
        assert!(ratio < 1.5, "13 times apart before, {ratio} now");
    }
}
