//! How one party's packet becomes another's: the choice of mode, and the payload's way through it.
//!
//! Packet by packet, without a jitter buffer: what needs decoded sound (three parties, whisper) is not done here.

use crate::codec::g711::ALAW_TO_ULAW;
use crate::codec::g711::ULAW_TO_ALAW;
use crate::media::command::Codec;
use crate::media::command::Format;

/// What is done to a payload.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Both sides speak the same codec: relayed as it is.
    Copy,
    /// The two laws of G.711: each byte by a table.
    Map(&'static [u8; 256]),
}

/// The mode between what came and what is to be sent.
pub(crate) const fn mode(came: Codec, sent: Codec) -> Mode {
    match (came, sent) {
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => Mode::Copy,
        (Codec::Pcmu, Codec::Pcma) => Mode::Map(&ULAW_TO_ALAW),
        (Codec::Pcma, Codec::Pcmu) => Mode::Map(&ALAW_TO_ULAW),
    }
}

/// What a payload type means to a leg.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Audio of that codec.
    Audio(Codec),
    /// A telephone event (RFC 4733).
    Keys,
}

/// The meaning of a payload type; `None` when it was not agreed.
///
/// The other law of G.711 under its static number is understood too: a peer that was offered both may change
/// between them at any packet (RFC 3264 section 7), and many do.
pub(crate) fn kind(payload_type: u8, format: &Format) -> Option<Kind> {
    if payload_type == format.payload {
        return Some(Kind::Audio(format.codec));
    }
    if Some(payload_type) == format.dtmf {
        return Some(Kind::Keys);
    }
    match payload_type {
        0 => Some(Kind::Audio(Codec::Pcmu)),
        8 => Some(Kind::Audio(Codec::Pcma)),
        _ => None,
    }
}

/// Appends a payload in its new form.
pub(crate) fn convert(mode: Mode, payload: &[u8], out: &mut Vec<u8>) {
    match mode {
        Mode::Copy => out.extend_from_slice(payload),
        Mode::Map(table) => {
            out.extend(payload.iter().map(|byte| table.get(usize::from(*byte)).copied().unwrap_or(0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_was_agreed_before_what_is_static() {
        let format = Format { codec: Codec::Pcma, payload: 97, dtmf: Some(0), ptime_ms: 20 };
        assert_eq!(kind(97, &format), Some(Kind::Audio(Codec::Pcma)));
        assert_eq!(kind(0, &format), Some(Kind::Keys));
        assert_eq!(kind(8, &format), Some(Kind::Audio(Codec::Pcma)));
        assert_eq!(kind(18, &format), None);
    }

    #[test]
    fn the_laws_convert_both_ways() {
        let mut there = Vec::new();
        convert(mode(Codec::Pcmu, Codec::Pcma), &[0x00, 0x80, 0x42], &mut there);
        let mut back = Vec::new();
        convert(mode(Codec::Pcma, Codec::Pcmu), &there, &mut back);
        assert_eq!(back, [0x00, 0x80, 0x42]);
        assert_eq!(mode(Codec::Pcma, Codec::Pcma), Mode::Copy);
    }
}
