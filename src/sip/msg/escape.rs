//! `%HH` escapes of URIs: resolved exactly once, never in place.

use crate::sip::msg::lex;
use std::borrow::Cow;

/// One letter of a URI component.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sip::msg) struct Letter {
    /// Its value, escape resolved.
    pub(in crate::sip::msg) byte: u8,
    /// Whether it is a reserved letter that was escaped, which makes it another letter than the plain one.
    pub(in crate::sip::msg) shielded: bool,
}

/// The letters of a component. A `%` that starts no escape stands for itself, as phones send it.
pub(in crate::sip::msg) fn letters(text: &[u8]) -> impl Iterator<Item = Letter> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&byte, tail) = rest.split_first()?;
        if byte == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
        {
            rest = after;
            let byte = high << 4 | low;
            return Some(Letter { byte, shielded: is_reserved(byte) });
        }
        rest = tail;
        Some(Letter { byte, shielded: false })
    })
}

/// The component with its escapes resolved, once.
pub fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if lex::find(text, b'%').is_none() {
        return text.into();
    }
    letters(text).map(|letter| letter.byte).collect::<Vec<_>>().into()
}

/// Escapes what may not stand in a user part. Works on bytes; `+`, `*` and `#` stay, as telephones expect.
pub fn encoded_user(text: &[u8]) -> Cow<'_, [u8]> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/#".contains(b);
    if text.iter().all(plain) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        if plain(byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out.into()
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// RFC 3261 section 25.1 `reserved`.
fn is_reserved(byte: u8) -> bool {
    b";/?:@&=+$,".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_once_and_written_back() {
        assert_eq!(&*decoded(b"%2541"), b"%41");
        assert_eq!(&*decoded(b"a%0"), b"a%0");
        assert_eq!(&*decoded(b"%zz%00"), b"%zz\0");
        assert_eq!(&*encoded_user(b"a b@c%\0\xc3"), b"a%20b%40c%25%00%C3");
        assert_eq!(&*encoded_user(b"+33*#1"), b"+33*#1");
        for byte in 0..=255u8 {
            assert_eq!(&*decoded(&encoded_user(&[byte])), &[byte]);
        }
    }
}
