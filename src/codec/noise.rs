//! Comfort noise (RFC 3389): its payload read, and the low noise that it stands for. White: the spectrum that a payload
//! may carry is not followed.

/// What a comfort-noise packet says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ComfortNoise {
    /// The noise's level below full scale in dB, 0 to 127.
    pub below_full_db: u8,
}

/// The loudest noise that is made: a packet that claims more is an error or an attack on an ear.
const LOUDEST_DB: u8 = 30;

impl ComfortNoise {
    /// Reads a payload; `None` when it is empty. RFC 3389 section 3: the level in the first byte, its top bit nought.
    pub fn read(payload: &[u8]) -> Option<Self> {
        payload.first().map(|level| Self { below_full_db: level & 0x7F })
    }

    /// The payload without a spectrum.
    pub const fn to_bytes(self) -> [u8; 1] {
        [self.below_full_db & 0x7F]
    }
}

/// A source of white noise, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Noise(u32);

impl Noise {
    /// A source.
    pub const fn new(seed: u32) -> Self {
        Self(seed | 1)
    }

    /// Appends `count` samples of noise as loud as the packet says.
    pub fn fill(&mut self, noise: ComfortNoise, count: usize, out: &mut Vec<i16>) {
        let below = f32::from(noise.below_full_db.max(LOUDEST_DB));
        // Evenly spread samples are 1/sqrt(3) of their peak loud.
        let peak = 32_767.0 * 10f32.powf(below / -20.0) * 3f32.sqrt();
        out.extend((0..count).map(|_| (self.next() * peak).round() as i16));
    }

    /// -1 to 1. Marsaglia's xorshift: enough for an ear.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0.cast_signed() as f32 / i32::MAX as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::goertzel;
    use crate::codec::tone::rms;

    #[test]
    fn noise_is_as_loud_as_its_packet_says_and_has_no_tone() {
        for below_full_db in [40, 55, 70] {
            let said = ComfortNoise { below_full_db };
            assert_eq!(ComfortNoise::read(&said.to_bytes()), Some(said));
            let mut samples = Vec::new();
            Noise::new(7).fill(said, 16_000, &mut samples);
            let level = -20.0 * (rms(&samples) / 32_768.0).log10();
            assert!((level - f64::from(below_full_db)).abs() < 1.0, "{below_full_db}: {level}");
            assert!((1..79).all(|step| goertzel(&samples, 8000, step * 50) < 0.01));
        }
    }

    #[test]
    fn a_deafening_packet_is_not_believed() {
        let mut samples = Vec::new();
        Noise::new(1).fill(ComfortNoise { below_full_db: 0 }, 8_000, &mut samples);
        assert!(rms(&samples) < 1_200.0);
        assert_eq!(ComfortNoise::read(&[]), None);
        assert_eq!(ComfortNoise::read(&[0xC0, 1, 2]), Some(ComfortNoise { below_full_db: 64 }));
    }
}
