//! A codec as SDP names it: encoding name, clock rate, channels. Never its payload number, which is each side's own.
//!
//! Not an encoder: `codec` has those, and `media` says which one belongs to which name.

use std::fmt;

/// A codec by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 u-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// Any other: it can be agreed on and passed through when both legs know it.
    Other(Encoding),
}

/// The name of a codec that this crate does not encode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Encoding {
    /// The encoding name in lower case, such as `opus` or `g729`.
    name: String,
    /// The RTP clock, which for G.722 is 8000 although it samples at 16,000.
    clock_hz: u32,
    channels: u8,
}

/// RFC 3551 tables 4 and 5: the static payload types that telephones use, which need no `a=rtpmap`.
const STATIC: &[(u8, &str)] =
    &[(0, "pcmu"), (3, "gsm"), (4, "g723"), (8, "pcma"), (9, "g722"), (13, "cn"), (15, "g728"), (18, "g729")];

impl Codec {
    /// The codec of that name. RFC 8866 section 6.6: names are case-insensitive, one channel is the default.
    pub fn named(name: &str, clock_hz: u32, channels: u8) -> Self {
        let name = name.to_ascii_lowercase();
        match (name.as_str(), clock_hz, channels) {
            ("pcmu", 8000, 0 | 1) => Self::Pcmu,
            ("pcma", 8000, 0 | 1) => Self::Pcma,
            _ => Self::Other(Encoding { name, clock_hz, channels: channels.max(1) }),
        }
    }

    /// The codec of a static payload type, for a format without `a=rtpmap`.
    pub(in crate::sdp) fn of_static(payload: u8) -> Option<Self> {
        let (_, name) = STATIC.iter().find(|(number, _)| *number == payload)?;
        Some(Self::named(name, 8000, 1))
    }

    /// The static payload type, if the codec has one.
    pub(in crate::sdp) fn static_payload(&self) -> Option<u8> {
        let (payload, _) = STATIC.iter().find(|(_, name)| Self::named(name, 8000, 1) == *self)?;
        Some(*payload)
    }

    /// The encoding name in lower case.
    pub fn name(&self) -> &str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::Other(encoding) => &encoding.name,
        }
    }

    /// The rate of the RTP timestamp, in ticks a second.
    pub const fn clock_hz(&self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8000,
            Self::Other(encoding) => encoding.clock_hz,
        }
    }

    /// Audio channels.
    pub const fn channels(&self) -> u8 {
        match self {
            Self::Pcmu | Self::Pcma => 1,
            Self::Other(encoding) => encoding.channels,
        }
    }
}

/// As in `a=rtpmap`: `PCMU/8000`, `opus/48000/2`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcmu => f.write_str("PCMU/8000"),
            Self::Pcma => f.write_str("PCMA/8000"),
            Self::Other(encoding) => {
                // Registered names are upper case but opus; readers ignore the case.
                let name = match encoding.name.as_str() {
                    "opus" => "opus".to_owned(),
                    other => other.to_ascii_uppercase(),
                };
                write!(f, "{name}/{}", encoding.clock_hz)?;
                if encoding.channels > 1 { write!(f, "/{}", encoding.channels) } else { Ok(()) }
            }
        }
    }
}
