use crate::codec::g722::Decoder;
use crate::codec::g722::Encoder;
use crate::codec::tone::Sine;
use crate::codec::tone::goertzel;
use crate::codec::tone::rms;

/// Marsaglia's xorshift, from which the reference's inputs are made.
struct Dice(u32);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

const SEED: u32 = 0x2545_F491;
const SAMPLES: u32 = 32_000;

fn noise(shift: u32) -> Vec<i16> {
    let mut dice = Dice(SEED);
    (0..SAMPLES).map(|_| (((dice.next() >> 16) as i32 - 32_768) >> shift) as i16).collect()
}

/// Saw waves whose period and loudness change.
fn saws() -> Vec<i16> {
    let saw = |i: u32| {
        let (period, loud) = (7 + (i / 500) % 90, [20, 300, 4_000, 15_000][(i / 1000 % 4) as usize]);
        ((i % period) * 2 * loud / period) as i32 - loud as i32
    };
    (0..SAMPLES).map(|i| saw(i) as i16).collect()
}

/// The checksum of PKZIP, bit by bit.
fn crc(bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(!0u32, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 },
        )
    })
}

fn crc_of_samples(samples: &[i16]) -> u32 {
    crc(samples.iter().flat_map(|sample| sample.to_le_bytes()))
}

fn encoded(samples: &[i16]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().encode(samples, &mut out);
    out
}

fn decoded(payload: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    Decoder::new().decode(payload, &mut out);
    out
}

/// The sums were made with another implementation that passes the ITU's test sequences.
#[test]
fn every_bit_is_as_the_recommendation_has_it() {
    for (samples, first, code_sum, sample_sum) in [
        (noise(1), [141, 32, 132, 32, 132, 32, 143, 61], 0xF0ED_D71D, Some(0xF8AC_FF22)),
        // That implementation's output wraps at full scale, where the Recommendation limits it.
        (noise(0), [135, 32, 132, 32, 132, 32, 144, 60], 0xA8F5_ADA8, None),
        (saws(), [122, 222, 119, 242, 240, 149, 151, 180], 0x4DC3_60A9, Some(0x1513_4FEC)),
    ] {
        let code = encoded(&samples);
        assert_eq!(code[..8], first);
        assert_eq!(crc(code.iter().copied()), code_sum);
        let back = decoded(&code);
        assert!(sample_sum.is_none_or(|sum| sum == crc_of_samples(&back)));
    }
}

#[test]
fn a_tone_of_each_band_comes_back() {
    for frequency_hz in [200, 1000, 3000, 5000, 6500] {
        let mut samples = vec![0; 16_000];
        Sine::new(frequency_hz, 16_000, 10_000).fill(&mut samples);
        let back = decoded(&encoded(&samples));
        assert_eq!(back.len(), samples.len());
        let pure = goertzel(&back[1600..], 16_000, frequency_hz);
        // 3 kHz lies where the bands meet; the higher band has a quarter of the bits.
        assert!(pure > 0.97, "{frequency_hz} Hz: {pure}");
        let loudness = rms(&back[1600..]) / (10_000.0 / 2f64.sqrt());
        assert!((0.9..1.1).contains(&loudness), "{frequency_hz} Hz: {loudness}");
    }
}

#[test]
fn frames_of_odd_length_make_the_same_stream() {
    let (samples, mut cut) = (saws(), Vec::new());
    let mut encoder = Encoder::new();
    for frame in samples.chunks(321) {
        encoder.encode(frame, &mut cut);
    }
    assert_eq!(cut, encoded(&samples));
}

/// A far end that has heard one stream hears another one: what it makes of the first milliseconds.
#[test]
fn a_stream_that_follows_another_makes_no_sound_of_its_own() {
    let mut loud = vec![0; 3_200];
    Sine::new(2_000, 16_000, 20_000).fill(&mut loud);
    let before = encoded(&loud);
    let mut quiet = vec![0; 640];
    Sine::new(400, 16_000, 300).fill(&mut quiet);
    let heard = |after: &mut Encoder| {
        let (mut far_end, mut out) = (Decoder::new(), Vec::new());
        far_end.decode(&before, &mut out);
        let mut code = Vec::new();
        after.encode(&quiet, &mut code);
        out.clear();
        far_end.decode(&code, &mut out);
        // The filters still ring for 24 samples.
        out[24..].iter().map(|sample| sample.abs()).max().unwrap()
    };
    let mut far_end = Decoder::new();
    far_end.decode(&before[before.len() - 800..], &mut Vec::new());
    let (fresh, following) = (heard(&mut Encoder::new()), heard(&mut Encoder::following(&far_end)));
    assert!(fresh > 2_000, "without it there is a click: {fresh}");
    assert!(following < 700, "{following}");
}
