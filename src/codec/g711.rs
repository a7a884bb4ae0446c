//! ITU-T G.711: u-law and A-law, to and from 16-bit linear samples and straight into each other.
//!
//! Linear samples are left-justified in 16 bits: u-law uses the upper 14, A-law the upper 13, as in the
//! ITU's reference code (G.191). All four directions are table look-ups or a few shifts; nothing allocates.

/// The u-law byte of silence.
pub const ULAW_SILENCE: u8 = 0xFF;

/// The A-law byte of silence.
pub const ALAW_SILENCE: u8 = 0xD5;

/// The linear sample of each u-law byte.
pub const ULAW_TO_LINEAR: [i16; 256] = linear_table(true);

/// The linear sample of each A-law byte.
pub const ALAW_TO_LINEAR: [i16; 256] = linear_table(false);

/// The A-law byte of each u-law byte, G.711 table 3. The usual way to bridge the two laws: u-law that comes back
/// through [`ALAW_TO_ULAW`] is what it was, but for the smallest steps, of which A-law has only half as many.
pub const ULAW_TO_ALAW: [u8; 256] = ulaw_to_alaw_table();

/// The u-law byte of each A-law byte, G.711 table 4.
pub const ALAW_TO_ULAW: [u8; 256] = alaw_to_ulaw_table();

/// Encodes a linear sample as u-law.
pub const fn ulaw_encode(sample: i16) -> u8 {
    let positive = sample >= 0;
    // Negative samples are taken as one's complement: -1 lies in the same step as 0.
    let magnitude = (if positive { sample } else { !sample }) as u16 >> 2;
    // The bias of 33 makes every segment begin at a power of two; the top step clips.
    let biased = if magnitude + 33 > 0x1FFF { 0x1FFF } else { magnitude + 33 };
    // Segments 1 to 8, by the highest bit set: 33..63 is the first.
    let segment = 11 - biased.leading_zeros();
    let step = (biased >> segment) & 0xF;
    let byte = (((8 - segment) << 4) as u8) | (0xF - step as u8);
    if positive { byte | 0x80 } else { byte }
}

/// Decodes a u-law byte to a linear sample, -32124 to 32124.
pub const fn ulaw_decode(byte: u8) -> i16 {
    ULAW_TO_LINEAR[byte as usize]
}

/// Encodes a linear sample as A-law.
pub const fn alaw_encode(sample: i16) -> u8 {
    let positive = sample >= 0;
    let magnitude = (if positive { sample } else { !sample }) as u16 >> 4;
    let code = if magnitude <= 15 {
        magnitude
    } else {
        // Segment 1 holds 16..31, each further one twice as much in as many steps.
        let segment = 12 - magnitude.leading_zeros();
        (magnitude >> (segment - 1)) - 16 + ((segment as u16) << 4)
    };
    // Every other bit is inverted on the wire; the sign bit is set for positive samples.
    let byte = if positive { code as u8 | 0x80 } else { code as u8 };
    byte ^ 0x55
}

/// Decodes an A-law byte to a linear sample, -32256 to 32256.
pub const fn alaw_decode(byte: u8) -> i16 {
    ALAW_TO_LINEAR[byte as usize]
}

const fn ulaw_expand(byte: u8) -> i16 {
    let bits = !byte;
    let exponent = (bits >> 4) & 7;
    let mantissa = (bits & 0xF) as i16;
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if byte & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn alaw_expand(byte: u8) -> i16 {
    let bits = (byte ^ 0x55) & 0x7F;
    let exponent = bits >> 4;
    let mantissa = ((bits & 0xF) as i16) << 4;
    // The middle of the step is half a step above its lower edge.
    let magnitude = if exponent == 0 { mantissa + 8 } else { (mantissa + 0x108) << (exponent - 1) };
    if byte & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn linear_table(ulaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = if ulaw { ulaw_expand(byte as u8) } else { alaw_expand(byte as u8) };
        byte += 1;
    }
    table
}

/// G.711 table 3: by the number of the u-law value (0 is the smallest), the number of the A-law value (1 is).
#[rustfmt::skip]
const TABLE_3: [u8; 128] = [
    1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8,
    9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 27, 29, 31, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    46, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
    80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96,
    97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112,
    113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128,
];

/// G.711 table 4: by the number of the A-law value less one, the number of the u-law value.
#[rustfmt::skip]
const TABLE_4: [u8; 128] = [
    1, 3, 5, 7, 9, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    24, 25, 26, 27, 28, 29, 30, 31, 32, 32, 33, 33, 34, 34, 35, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 48, 49, 49,
    50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 64,
    65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
    80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95,
    96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
    112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
];

const fn ulaw_to_alaw_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut number = 0;
    while number < 128 {
        let code = TABLE_3[number] - 1;
        table[0xFF ^ number] = 0xD5 ^ code;
        table[0x7F ^ number] = 0x55 ^ code;
        number += 1;
    }
    table
}

const fn alaw_to_ulaw_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut number = 0;
    while number < 128 {
        table[0xD5 ^ number] = 0xFF ^ TABLE_4[number];
        table[0x55 ^ number] = 0x7F ^ TABLE_4[number];
        number += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_through_linear() {
        for byte in 0..=255u8 {
            assert_eq!(alaw_encode(alaw_decode(byte)), byte, "A-law {byte:#x}");
            // u-law has two zeros; the negative one comes back as the positive one.
            let expected = if byte == 0x7F { 0xFF } else { byte };
            assert_eq!(ulaw_encode(ulaw_decode(byte)), expected, "u-law {byte:#x}");
        }
    }

    #[test]
    fn known_values_of_the_recommendation() {
        assert_eq!(ulaw_decode(0x80), 32124);
        assert_eq!(ulaw_decode(0x00), -32124);
        assert_eq!(ulaw_decode(0xFF), 0);
        assert_eq!(ulaw_decode(0xFE), 8);
        assert_eq!(alaw_decode(0xAA), 32256);
        assert_eq!(alaw_decode(0x2A), -32256);
        assert_eq!(alaw_decode(0xD5), 8);
        assert_eq!(alaw_decode(0x55), -8);
        assert_eq!((ulaw_encode(0), ulaw_encode(-1)), (0xFF, 0x7F));
        assert_eq!((alaw_encode(0), alaw_encode(-1)), (0xD5, 0x55));
        assert_eq!((ulaw_encode(i16::MAX), ulaw_encode(i16::MIN)), (0x80, 0x00));
        assert_eq!((alaw_encode(i16::MAX), alaw_encode(i16::MIN)), (0xAA, 0x2A));
        // The sequence of both laws for a 1 kHz tone of 0 dBm0, G.711 tables 5 and 6.
        let ulaw = [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E];
        let alaw = [0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4];
        assert_eq!(ulaw.map(|byte| ULAW_TO_ALAW[byte]), alaw);
    }

    #[test]
    fn an_error_is_never_larger_than_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let (u, a) = (ulaw_decode(ulaw_encode(sample)), alaw_decode(alaw_encode(sample)));
            let loudness = i32::from(sample).abs();
            // A step is at most 1/16 of its segment's lower edge; the top step clips at 32124.
            let allowed = (loudness + 132) / 32 + 8;
            if loudness < 32636 {
                assert!((i32::from(u) - i32::from(sample)).abs() <= allowed, "u-law {sample}: {u}");
            }
            assert!((i32::from(a) - i32::from(sample)).abs() <= allowed + 8, "A-law {sample}: {a}");
        }
    }

    #[test]
    fn laws_convert_into_the_neighbouring_step_and_back() {
        for byte in 0..=255u8 {
            let there = ULAW_TO_ALAW[usize::from(byte)];
            assert_eq!(there & 0x80, byte & 0x80, "the sign stays");
            let (before, after) = (i32::from(ulaw_decode(byte)), i32::from(alaw_decode(there)));
            assert!((before - after).abs() <= before.abs() / 24 + 8, "{byte:#x}: {before} became {after}");
            let back = i32::from(ulaw_decode(ALAW_TO_ULAW[usize::from(there)]));
            assert!(
                (before - back).abs() <= before.abs() / 24 + 8,
                "{byte:#x}: {before} came back as {back}"
            );
        }
    }
}
