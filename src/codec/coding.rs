//! The codecs that this crate has, by name, with the two clocks of each: the samples' and RTP's.

use crate::codec::rate::Rate;

/// A codec that can be decoded and encoded here.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Coding {
    /// G.711 u-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, one channel.
    Opus,
}

impl Coding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// The rate at which it takes and gives samples at the least cost and loss. Opus takes any; this is the one
    /// of its best sound.
    pub const fn native(self) -> Rate {
        match self {
            Self::Pcmu | Self::Pcma => Rate::Narrow,
            Self::G722 => Rate::Wide,
            Self::Opus => Rate::Full,
        }
    }

    /// The clock of its RTP timestamps, in ticks a second.
    pub const fn clock_hz(self) -> u32 {
        match self {
            // RFC 3551 section 4.5.2: 8000 for G.722 by an old mistake, although it samples at 16,000.
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            // RFC 7587 section 4.1: whatever the sound's own rate is.
            Self::Opus => 48_000,
        }
    }

    /// Bytes in a millisecond, of a codec that has always as many; `None` for Opus.
    pub const fn bytes_per_ms(self) -> Option<usize> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => Some(8),
            Self::Opus => None,
        }
    }

    /// The packet length nearest to `ms` that it can be sent in, in milliseconds.
    pub const fn frame_ms(self, ms: u64) -> u64 {
        match (self, ms) {
            // RFC 6716 section 2.1.4: frames of 2.5, 5, 10, 20, 40 and 60 ms.
            (Self::Opus, ..20) => 10,
            (Self::Opus, 20..40) => 20,
            (Self::Opus, 40..60) => 40,
            (Self::Opus, 60..) => 60,
            (Self::Pcmu | Self::Pcma | Self::G722, _) => ms,
        }
    }
}
