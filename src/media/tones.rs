//! Call progress tones by country, as data: ITU-T E.180 supplement 2 and the national administrations' tables.
//!
//! Not the player: a tone is one turn of its cadence, encoded once, that `player` loops.

use crate::codec::tone::Sine;
use crate::config::Tones;
use crate::media::command::Tone;
use crate::media::sounds::Sound;
use std::collections::BTreeMap;
use std::sync::Arc;

const RATE_HZ: u32 = 8000;
const SAMPLES_PER_MS: usize = 8;
/// A tone of -15 dBm0 or so, below speech.
const AMPLITUDE: i16 = 5600;

/// One tone: the frequencies that sound together, and the lengths of sound and pause in turns.
struct Cadence {
    hz: &'static [u32],
    ms: &'static [u16],
}

/// A country's tones: it rings, busy, no circuit.
struct Plan {
    ringback: Cadence,
    busy: Cadence,
    congestion: Cadence,
}

const fn cadence(hz: &'static [u32], ms: &'static [u16]) -> Cadence {
    Cadence { hz, ms }
}

const fn plan(country: Tones) -> Plan {
    match country {
        Tones::Fr => Plan {
            ringback: cadence(&[440], &[1500, 3500]),
            busy: cadence(&[440], &[500, 500]),
            congestion: cadence(&[440], &[250, 250]),
        },
        Tones::Uk => Plan {
            ringback: cadence(&[400, 450], &[400, 200, 400, 2000]),
            busy: cadence(&[400], &[375, 375]),
            congestion: cadence(&[400], &[400, 350, 225, 525]),
        },
        Tones::Us => Plan {
            ringback: cadence(&[440, 480], &[2000, 4000]),
            busy: cadence(&[480, 620], &[500, 500]),
            congestion: cadence(&[480, 620], &[250, 250]),
        },
        Tones::De => Plan {
            ringback: cadence(&[425], &[1000, 4000]),
            busy: cadence(&[425], &[480, 480]),
            congestion: cadence(&[425], &[240, 240]),
        },
        Tones::Ch => Plan {
            ringback: cadence(&[425], &[1000, 4000]),
            busy: cadence(&[425], &[500, 500]),
            congestion: cadence(&[425], &[200, 200]),
        },
        Tones::Es => Plan {
            ringback: cadence(&[425], &[1500, 3000]),
            busy: cadence(&[425], &[200, 200]),
            congestion: cadence(&[425], &[200, 200, 200, 200, 200, 600]),
        },
        Tones::It => Plan {
            ringback: cadence(&[425], &[1000, 4000]),
            busy: cadence(&[425], &[500, 500]),
            congestion: cadence(&[425], &[200, 200]),
        },
    }
}

/// All tones of a country, encoded.
pub(crate) fn encoded(country: Tones) -> BTreeMap<Tone, Arc<Sound>> {
    let plan = plan(country);
    let tones =
        [(Tone::Ringback, plan.ringback), (Tone::Busy, plan.busy), (Tone::Congestion, plan.congestion)];
    tones.into_iter().map(|(tone, cadence)| (tone, Arc::new(cadence.sound()))).collect()
}

impl Cadence {
    /// One turn of it.
    fn sound(&self) -> Sound {
        let voices = self.hz.len().max(1) as i16;
        let mut sines: Vec<Sine> =
            self.hz.iter().map(|hz| Sine::new(*hz, RATE_HZ, AMPLITUDE / voices)).collect();
        let mut samples = Vec::new();
        for (index, ms) in self.ms.iter().enumerate() {
            let count = usize::from(*ms) * SAMPLES_PER_MS;
            if index % 2 == 0 {
                samples.extend((0..count).map(|_| sines.iter_mut().map(Sine::next_sample).sum::<i16>()));
            } else {
                samples.resize(samples.len() + count, 0);
            }
        }
        Sound::from_samples(&samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::alaw_decode;
    use crate::codec::tone::goertzel;
    use crate::codec::tone::rms;
    use crate::media::command::Codec;

    /// The tone has these frequencies, its first pause begins then, and its turn takes so long.
    fn check(country: Tones, tone: Tone, hz: &[u32], pause_ms: usize, turn_ms: usize) {
        let sounds = encoded(country);
        let heard: Vec<i16> = sounds[&tone].bytes(Codec::Pcma).iter().map(|b| alaw_decode(*b)).collect();
        assert_eq!(heard.len().div_ceil(160), (turn_ms * 8).div_ceil(160), "{country:?} {tone:?}");
        // A tone of two frequencies has half of its energy in each.
        let least = if hz.len() > 1 { 0.4 } else { 0.8 };
        for hz in hz {
            let share = goertzel(&heard[..pause_ms * 8], 8000, *hz);
            assert!(share > least, "{country:?} {tone:?} {hz} Hz: {share}");
        }
        assert!(rms(&heard[pause_ms * 8..pause_ms * 8 + 80]) < 32.0, "{country:?} {tone:?} pauses");
    }

    #[test]
    fn each_country_rings_in_its_own_way() {
        check(Tones::Fr, Tone::Ringback, &[440], 1500, 5000);
        check(Tones::Uk, Tone::Ringback, &[400, 450], 400, 3000);
        check(Tones::Us, Tone::Ringback, &[440, 480], 2000, 6000);
        check(Tones::De, Tone::Ringback, &[425], 1000, 5000);
        check(Tones::Us, Tone::Busy, &[480, 620], 500, 1000);
        check(Tones::Es, Tone::Congestion, &[425], 200, 1600);
    }
}
