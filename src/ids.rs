//! Identifiers as newtypes, and the random source they are drawn from.
//!
//! Names that the configuration gives (`QueueId`, `AgentId`, …) are shared strings; ids that the switch makes
//! (`CallUid`, `EntryUid`, `OfferUid`) are ULIDs, so that they sort by the time they were made.

use crate::clock::Wall;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt;
use std::sync::Arc;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id of that name.
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

named! {
    /// A queue, by its id in the configuration.
    QueueId
}
named! {
    /// An agent: a person, not a phone.
    AgentId
}
named! {
    /// A phone's number, which is the user part of its address of record.
    PhoneNumber
}
named! {
    /// A trunk to a carrier or to another switch.
    TrunkId
}
named! {
    /// A ring group, by its id.
    GroupId
}
named! {
    /// A menu, by its id.
    MenuId
}
named! {
    /// An API key, by its id.
    ApiKeyId
}

macro_rules! unique {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A new id: 48 bits of milliseconds since 1970, then 80 random bits (the ULID layout).
            pub fn draw(at: Wall, random: &mut Random) -> Self {
                let millis = u64::try_from(at.as_micros() / 1000).unwrap_or(0);
                Self(ulid::Ulid::from_parts(millis, random.next_u128()).0)
            }

            /// The id as a number.
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// An id by its number, as it was stored.
            pub const fn from_u128(value: u128) -> Self {
                Self(value)
            }

            /// When it was drawn, to the millisecond.
            pub fn drawn_at(self) -> Wall {
                let millis = i64::try_from(self.0 >> 80).unwrap_or(0);
                Wall::from_micros(millis.saturating_mul(1000))
            }

            /// Reads the 26 letters of a ULID; `None` when they are not one.
            pub fn parse(text: &str) -> Option<Self> {
                ulid::Ulid::from_string(text).ok().map(|id| Self(id.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut letters = [0; ulid::ULID_LEN];
                f.write_str(ulid::Ulid(self.0).array_to_str(&mut letters))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

unique! {
    /// A call: all its legs from the first INVITE to the last BYE. Not the Call-ID of a SIP header.
    CallUid
}
unique! {
    /// One stay of a caller, or of a callback, in a queue.
    EntryUid
}
unique! {
    /// A recording, of a call or for a mailbox.
    RecordingUid
}
unique! {
    /// One offer of an entry to an agent: what the distributor calls a reservation.
    OfferUid
}

/// The random source, handed down as an argument so that a run replays from its seed.
///
/// ChaCha12: fast enough for every tag and branch, and unpredictable when it was seeded by the system.
#[derive(Clone, Debug)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// A source that always gives the same sequence for the same seed: for tests and simulations.
    pub fn seeded(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A source from 32 bytes of the system's entropy.
    pub fn from_entropy(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A source of its own for another part, so that what one part draws does not change what another gets.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_entropy(seed)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 128 random bits.
    pub fn next_u128(&mut self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }

    /// A number from 0 up to, not including, `end`; 0 when `end` is 0. The bias is below 2^-32 for small ranges.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(end);
        (wide >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let mut random = Random::seeded(1);
        let first = CallUid::draw(Wall::from_micros(1_000_000), &mut random);
        let second = CallUid::draw(Wall::from_micros(2_000_000), &mut random);
        assert!(first < second);
        assert_eq!(CallUid::parse(&first.to_string()), Some(first));
        assert_eq!(CallUid::parse("not a ulid"), None);
        assert_eq!(first.to_string().len(), 26);
        assert_eq!(second.drawn_at(), Wall::from_micros(2_000_000));
    }

    #[test]
    fn a_seed_replays() {
        let draw = |seed| Random::seeded(seed).next_u128();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let mut random = Random::seeded(3);
        assert!((0..1000).all(|_| random.below(10) < 10));
        assert_eq!(random.below(0), 0);
    }
}
