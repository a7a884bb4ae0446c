//! WAV files: a reader and a writer for 16-bit PCM, mono or stereo, over bytes in memory.
//!
//! Not a general RIFF library: other formats are refused by name. The reader takes files from users, so nothing in
//! them makes it panic or allocate more than the file's own size.

use thiserror::Error;

/// The sound of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second of each channel.
    pub rate_hz: u32,
    /// 1 or 2.
    pub channels: u16,
    /// The samples; of a stereo file left and right in turn.
    pub samples: Vec<i16>,
}

/// Why a file cannot be read.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
pub enum WavFault {
    /// Not a RIFF file of form WAVE.
    #[error("not a WAV file")]
    NotWav,
    /// No complete `fmt ` chunk before the samples.
    #[error("the WAV file does not say its format")]
    NoFormat,
    /// Compressed, or floating point, or another encoding than PCM; the format's number.
    #[error("the WAV file is in format {0}, not in PCM")]
    NotPcm(u16),
    /// Not 16 bits a sample; the bits that it has.
    #[error("the WAV file has {0} bits a sample, not 16")]
    Bits(u16),
    /// Neither mono nor stereo; the channels that it has.
    #[error("the WAV file has {0} channels, not 1 or 2")]
    Channels(u16),
    /// A rate that no sound has; samples a second.
    #[error("the WAV file has {0} samples a second")]
    Rate(u32),
    /// No `data` chunk.
    #[error("the WAV file has no samples")]
    NoData,
}

const RATE_HZ_MIN: u32 = 1_000;
const RATE_HZ_MAX: u32 = 192_000;
const FORMAT_PCM: u16 = 1;
const FORMAT_EXTENSIBLE: u16 = 0xFFFE;

/// The length of the header that [`header`] writes, in bytes.
pub const HEADER_LEN: usize = 44;

/// Reads a file. Chunks that are not sound are skipped. A `data` chunk that claims more than is there (a recording
/// that was cut off) gives what is there; half a sample at the end is dropped.
pub fn read(file: &[u8]) -> Result<Wav, WavFault> {
    if file.get(..4) != Some(b"RIFF".as_slice()) || file.get(8..12) != Some(b"WAVE".as_slice()) {
        return Err(WavFault::NotWav);
    }
    let mut rest = file.get(12..).unwrap_or_default();
    let mut format = None;
    while let (Some(id), Some(size)) = (rest.get(..4), u32_at(rest, 4)) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let body = rest.get(8..).unwrap_or_default();
        let chunk = body.get(..size).unwrap_or(body);
        match id {
            b"fmt " => format = Some(read_format(chunk)?),
            b"data" => {
                let (rate_hz, channels) = format.ok_or(WavFault::NoFormat)?;
                return Ok(Wav { rate_hz, channels, samples: read_samples(chunk, channels) });
            }
            _ => {}
        }
        // Chunks are padded to even lengths.
        rest = body.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Err(if format.is_some() { WavFault::NoData } else { WavFault::NoFormat })
}

/// Writes a file that [`read`] gives back. Samples beyond 4 GB are left out.
pub fn write(wav: &Wav) -> Vec<u8> {
    let bytes_max = u32::MAX as usize - HEADER_LEN;
    let samples = wav.samples.get(..bytes_max / 2).unwrap_or(&wav.samples);
    let mut file = Vec::with_capacity(HEADER_LEN + samples.len() * 2);
    file.extend_from_slice(&header(wav.rate_hz, wav.channels, u32::try_from(samples.len() * 2).unwrap_or(0)));
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// The 44 bytes before the samples of a 16-bit PCM file with `data_len` bytes of samples.
pub fn header(rate_hz: u32, channels: u16, data_len: u32) -> [u8; HEADER_LEN] {
    let frame = channels.saturating_mul(2);
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&data_len.saturating_add(36).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16u32.to_le_bytes());
    bytes.extend_from_slice(&FORMAT_PCM.to_le_bytes());
    bytes.extend_from_slice(&channels.to_le_bytes());
    bytes.extend_from_slice(&rate_hz.to_le_bytes());
    bytes.extend_from_slice(&rate_hz.saturating_mul(u32::from(frame)).to_le_bytes());
    bytes.extend_from_slice(&frame.to_le_bytes());
    bytes.extend_from_slice(&16u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_len.to_le_bytes());
    bytes.try_into().expect("the fields above are 44 bytes")
}

impl Wav {
    /// One channel: the mean of left and right, or the samples as they are.
    pub fn into_mono(self) -> Vec<i16> {
        if self.channels != 2 {
            return self.samples;
        }
        let mean = |pair: &[i16]| (pair.iter().map(|s| i32::from(*s)).sum::<i32>() / 2) as i16;
        self.samples.chunks_exact(2).map(mean).collect()
    }
}

fn read_format(chunk: &[u8]) -> Result<(u32, u16), WavFault> {
    let field = |at| u16_at(chunk, at).ok_or(WavFault::NoFormat);
    // An extensible format has the real one in the first two bytes of its GUID.
    let format = match field(0)? {
        FORMAT_EXTENSIBLE => field(24)?,
        plain => plain,
    };
    let (channels, rate_hz, bits) = (field(2)?, u32_at(chunk, 4).ok_or(WavFault::NoFormat)?, field(14)?);
    if format != FORMAT_PCM {
        return Err(WavFault::NotPcm(format));
    }
    if bits != 16 {
        return Err(WavFault::Bits(bits));
    }
    if !(1..=2).contains(&channels) {
        return Err(WavFault::Channels(channels));
    }
    if !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate_hz) {
        return Err(WavFault::Rate(rate_hz));
    }
    Ok((rate_hz, channels))
}

fn read_samples(chunk: &[u8], channels: u16) -> Vec<i16> {
    let frame = usize::from(channels) * 2;
    let whole = chunk.get(..chunk.len() - chunk.len() % frame).unwrap_or_default();
    whole.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample_file() -> Vec<u8> {
        write(&Wav { rate_hz: 8000, channels: 1, samples: vec![1, -2, 3, i16::MIN] })
    }

    #[test]
    fn what_is_written_is_read() {
        for channels in [1, 2] {
            let wav = Wav { rate_hz: 16_000, channels, samples: vec![0, 1, -1, i16::MAX, i16::MIN, 7] };
            assert_eq!(read(&write(&wav)), Ok(wav));
        }
    }

    #[test]
    fn other_chunks_are_skipped_and_odd_ones_padded() {
        let file = sample_file();
        let mut padded = file[..12].to_vec();
        padded.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        padded.extend_from_slice(&file[12..]);
        assert_eq!(read(&padded), read(&file));
    }

    #[test]
    fn a_recording_cut_off_gives_what_is_there() {
        let mut file = sample_file();
        file.truncate(file.len() - 3);
        assert_eq!(read(&file).unwrap().samples, [1, -2]);
        file[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&file).unwrap().samples, [1, -2]);
    }

    #[test]
    fn what_is_not_16_bit_pcm_is_named() {
        let with = |at: usize, value: u16| {
            let mut file = sample_file();
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
            read(&file)
        };
        assert_eq!(read(b"RIFF"), Err(WavFault::NotWav));
        assert_eq!(read(&sample_file()[..20]), Err(WavFault::NoFormat));
        assert_eq!(read(&sample_file()[..36]), Err(WavFault::NoData));
        assert_eq!(with(20, 7), Err(WavFault::NotPcm(7)));
        assert_eq!(with(22, 0), Err(WavFault::Channels(0)));
        assert_eq!(with(24, 0), Err(WavFault::Rate(0)));
        assert_eq!(with(34, 8), Err(WavFault::Bits(8)));
    }

    #[test]
    fn stereo_mixes_to_mono_without_overflow() {
        let wav = Wav { rate_hz: 8000, channels: 2, samples: vec![i16::MAX, i16::MAX, 10, 20, i16::MIN, 0] };
        assert_eq!(wav.into_mono(), [i16::MAX, 15, -16384]);
    }

    proptest! {
        #[test]
        fn nothing_in_a_file_panics(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            edits in prop::collection::vec((0usize..52, any::<u8>()), 0..8),
        ) {
            let _ = read(&noise);
            let mut file = sample_file();
            for (at, byte) in edits {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
            }
            if let Ok(wav) = read(&file) {
                prop_assert!(wav.samples.len() * 2 <= file.len());
            }
        }
    }
}
