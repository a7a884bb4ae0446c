//! The form of the files: WAV with two channels of u-law at 8 kHz, what the sound is in already.

use crate::recording::stereo::RATE_HZ;

/// Channels: left, right.
const CHANNELS: u16 = 2;
/// The format's number in the registry of RFC 2361 appendix A: ITU-T G.711 u-law.
const FORMAT_ULAW: u16 = 7;
/// Bytes before the samples.
pub const HEADER_LEN: usize = 58;

/// The most samples' bytes that a header can tell of.
pub const DATA_MAX: u64 = u32::MAX as u64 - HEADER_LEN as u64;

/// The bytes before `data_len` bytes of samples. Formats other than PCM have a `fact` chunk with the number of frames.
pub fn header(data_len: u64) -> [u8; HEADER_LEN] {
    let data_len = u32::try_from(data_len.min(DATA_MAX)).unwrap_or(u32::MAX);
    let frame = CHANNELS;
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(data_len + HEADER_LEN as u32 - 8).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&18u32.to_le_bytes());
    bytes.extend_from_slice(&FORMAT_ULAW.to_le_bytes());
    bytes.extend_from_slice(&CHANNELS.to_le_bytes());
    bytes.extend_from_slice(&RATE_HZ.to_le_bytes());
    bytes.extend_from_slice(&(RATE_HZ * u32::from(frame)).to_le_bytes());
    bytes.extend_from_slice(&frame.to_le_bytes());
    bytes.extend_from_slice(&8u16.to_le_bytes());
    bytes.extend_from_slice(&0u16.to_le_bytes());
    bytes.extend_from_slice(b"fact");
    bytes.extend_from_slice(&4u32.to_le_bytes());
    bytes.extend_from_slice(&(data_len / u32::from(frame)).to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_len.to_le_bytes());
    bytes.try_into().expect("the fields above are 58 bytes")
}

/// Left and right of such a file, as far as its header says that it goes; `None` where it is none.
pub fn read(file: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (head, rest) = file.split_at_checked(HEADER_LEN)?;
    let data_len = u32::from_le_bytes(head.get(54..58)?.try_into().ok()?);
    let data = rest.get(..data_len as usize)?;
    if *head != header(u64::from(data_len)) {
        return None;
    }
    Some((data.iter().step_by(2).copied().collect(), data.iter().skip(1).step_by(2).copied().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_is_there_and_the_largest_too() {
        let mut file = header(4).to_vec();
        file.extend([1, 2, 3, 4, 99]);
        assert_eq!(
            read(&file),
            Some((vec![1, 3], vec![2, 4])),
            "a byte after the header's end does not count"
        );
        assert_eq!(read(&file[..61]), None, "one that is missing does");
        assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()), 54);
        assert_eq!(&header(u64::MAX)[4..8], &(u32::MAX - 8).to_le_bytes());
        assert_eq!(&file[20..24], [7, 0, 2, 0]);
    }
}
