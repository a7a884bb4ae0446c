//! The grammar's small change: white space, tokens, numbers, quoted strings, cutting at separators.
//!
//! Works on header values that are already unfolded (see [`crate::sip::msg::message`]), so that white space is
//! space and tab; CR and LF count too, because what is cut from raw bytes must not slip through.

const TOKEN: u8 = 1;
const WORD: u8 = 2;
const SPACE: u8 = 4;
const HOST: u8 = 8;
const URI: u8 = 16;

/// RFC 3261 section 25.1: which classes each byte belongs to.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() {
            class[at] = TOKEN | WORD | HOST;
        }
        if byte > b' ' && byte != 0x7f && !matches!(byte, b'<' | b'>' | b'"') {
            class[at] |= URI;
        }
        at += 1;
    }
    mark(
        mark(mark(mark(class, b"-.!%*_+`'~", TOKEN | WORD), b"()<>:\\\"/[]?{}@", WORD), b"-._", HOST),
        b" \t\r\n",
        SPACE,
    )
};

const fn mark(mut class: [u8; 256], bytes: &[u8], bits: u8) -> [u8; 256] {
    let mut at = 0;
    while at < bytes.len() {
        class[bytes[at] as usize] |= bits;
        at += 1;
    }
    class
}

fn all(text: &[u8], bits: u8) -> bool {
    !text.is_empty() && text.iter().all(|b| CLASS[usize::from(*b)] & bits != 0)
}

/// How many of the first bytes of `text` belong to a token.
pub(in crate::sip) fn token_len(text: &[u8]) -> usize {
    text.iter().position(|b| CLASS[usize::from(*b)] & TOKEN == 0).unwrap_or(text.len())
}

/// Whether `text` is a `token`.
pub(in crate::sip) fn is_token(text: &[u8]) -> bool {
    all(text, TOKEN)
}

/// Whether `text` is a `callid`: a `word`, or two with an `@` between. The `@` is let through anywhere, as real
/// devices do.
pub(in crate::sip) fn is_call_id(text: &[u8]) -> bool {
    all(text, WORD)
}

/// Whether `text` has only a host name's letters; underscores too, which DNS forbids and networks have.
pub(in crate::sip) fn is_host_name(text: &[u8]) -> bool {
    all(text, HOST)
}

/// Whether `text` has only bytes that may stand in a URI; those of other scripts are let through.
pub(in crate::sip) fn is_uri(text: &[u8]) -> bool {
    all(text, URI)
}

/// The place of the first `byte`. Eight at a time and inlined: header lines are short, and a search that is made for long
/// texts spends more on its start than on them.
#[inline]
pub fn find(text: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let pattern = u64::from(byte) * ONES;
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        // A byte that is equal becomes zero; the lowest zero is the first with its high bit set below.
        let differs = u64::from_le_bytes(*word) ^ pattern;
        let zeros = differs.wrapping_sub(ONES) & !differs & HIGHS;
        if zeros != 0 {
            return Some(at + (zeros.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    rest.iter().position(|found| *found == byte).map(|place| at + place)
}

pub(in crate::sip) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] & SPACE != 0
}

/// Without the white space at both ends.
pub(in crate::sip) fn trim(text: &[u8]) -> &[u8] {
    trim_start(trim_end(text))
}

pub(in crate::sip) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}

pub(in crate::sip) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// Reads a whole unsigned decimal number, leading zeros allowed; `None` when it is none or above `max`.
pub(in crate::sip) fn number(text: &[u8], max: u64) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (value <= max).then_some(value)
}

/// Cuts at the first `separator` that is outside of quoted strings and `<…>`; `None` when there is none.
pub(in crate::sip) fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = find_outside(text, separator)?;
    let (head, tail) = text.split_at_checked(at)?;
    Some((head, tail.get(1..)?))
}

/// The place of the first `separator` outside of quoted strings and `<…>`.
pub(in crate::sip) fn find_outside(text: &[u8], separator: u8) -> Option<usize> {
    // Mostly there is none at all, and what has no quote or angle before it is outside.
    let first = find(text, separator)?;
    if !text.get(..first)?.iter().any(|b| matches!(b, b'"' | b'<')) {
        return Some(first);
    }
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == separator {
            return Some(at);
        }
        match byte {
            b'"' => at = past_quote(text, at)?,
            b'<' => at += text.get(at..).and_then(|rest| find(rest, b'>'))? + 1,
            _ => at += 1,
        }
    }
    None
}

/// The place after the quoted string that opens at `open`; `None` when it never closes.
pub(in crate::sip) fn past_quote(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let step = memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        at += step;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The inside of a quoted string, escapes still in it; `None` when `text` is not one whole quoted string.
pub(in crate::sip) fn unquoted(text: &[u8]) -> Option<&[u8]> {
    if text.first() != Some(&b'"') || past_quote(text, 0) != Some(text.len()) {
        return None;
    }
    text.get(1..text.len() - 1)
}

/// Resolves the backslash escapes of a quoted string's inside.
pub(in crate::sip) fn unescaped(inside: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if find(inside, b'\\').is_none() {
        return inside.into();
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(&escaped)) => {
                plain.push(escaped);
                bytes.next();
            }
            (plain_byte, _) => plain.push(plain_byte),
        }
    }
    plain.into()
}

/// Walks over the values of a comma list; an empty value is an empty slice.
#[derive(Clone, Debug)]
pub(in crate::sip) struct Commas<'a>(Option<&'a [u8]>);

impl<'a> Commas<'a> {
    pub(in crate::sip) fn of(text: &'a [u8]) -> Self {
        Self(Some(text))
    }
}

impl<'a> Iterator for Commas<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0?;
        let value = match cut(text, b',') {
            Some((value, rest)) => {
                self.0 = Some(rest);
                value
            }
            None => {
                self.0 = None;
                text
            }
        };
        Some(trim(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_respect_quotes_and_angles() {
        let parts: Vec<_> = Commas::of(b"\"a,\\\"b\" <sip:x,y@z>;p=\"1,2\" , c,").collect();
        assert_eq!(parts, [&b"\"a,\\\"b\" <sip:x,y@z>;p=\"1,2\""[..], b"c", b""]);
        // A quote that never closes swallows the rest instead of being cut in the middle.
        assert_eq!(Commas::of(b"\"a, b").count(), 1);
    }

    #[test]
    fn a_byte_is_found_at_any_place() {
        for length in 0..40 {
            for at in 0..length {
                let mut text: Vec<u8> = (0..length).map(|n| [b'\r', 0x8a, 0x0b, 0xff, 0][n % 5]).collect();
                assert_eq!(find(&text, b'\n'), None);
                text[at..].fill(b'\n');
                assert_eq!(find(&text, b'\n'), Some(at), "{length}");
            }
        }
    }

    #[test]
    fn numbers_do_not_wrap() {
        assert_eq!(number(b"0009", 10), Some(9));
        assert_eq!(number(b"36893488147419103232", u64::MAX), None);
        assert_eq!(number(b"256", 255), None);
        for bad in [&b""[..], b"-1", b"+1", b"1 ", b"0x1"] {
            assert_eq!(number(bad, u64::MAX), None);
        }
    }

    #[test]
    fn quoted_strings_open_and_close() {
        assert_eq!(unquoted(b"\"a\\\"b\""), Some(&b"a\\\"b"[..]));
        assert_eq!(unquoted(b"\"a\\\""), None);
        assert_eq!(unquoted(b"\"a\" b"), None);
        assert_eq!(&*unescaped(b"a\\\"b\\\\"), b"a\"b\\");
        assert_eq!(unquoted(b"\""), None);
    }
}
