//! The three sample rates of decoded sound. Not the RTP clock, which is its own number: see [`crate::codec::Coding`].

/// How many samples a second sound has.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rate {
    /// 8 kHz, as a telephone has it: up to 3.4 kHz.
    Narrow,
    /// 16 kHz: up to 7 kHz.
    Wide,
    /// 48 kHz: all that is heard.
    Full,
}

impl Rate {
    /// All of them, the lowest first.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Wide, Self::Full];

    /// Samples a second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
            Self::Full => 48_000,
        }
    }

    /// Samples in a millisecond.
    pub const fn per_ms(self) -> usize {
        (self.hz() / 1000) as usize
    }

    /// The rate of so many samples a second; `None` for one that we do not work in.
    pub const fn of_hz(hz: u32) -> Option<Self> {
        match hz {
            8_000 => Some(Self::Narrow),
            16_000 => Some(Self::Wide),
            48_000 => Some(Self::Full),
            _ => None,
        }
    }
}
