//! The `Digest name=value, name="value"` syntax, common to challenges and credentials.

use crate::sip::msg::lex;
use crate::sip::msg::lex::Commas;
use std::borrow::Cow;

/// The fields behind the word `Digest`; `None` for another scheme.
pub(in crate::sip::digest) fn of_digest(value: &[u8]) -> Option<Fields<'_>> {
    let value = lex::trim(value);
    let (scheme, rest) = value.split_at_checked(lex::token_len(value))?;
    (scheme.eq_ignore_ascii_case(b"Digest") && rest.first().is_some_and(|b| lex::is_space(*b)))
        .then(|| Fields(Commas::of(rest)))
}

/// Fields as (name, raw value); what is no field is left out.
#[derive(Clone, Debug)]
pub(in crate::sip::digest) struct Fields<'a>(Commas<'a>);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .find_map(|field| lex::cut(field, b'=').map(|(name, value)| (lex::trim(name), lex::trim(value))))
    }
}

/// A value without its quotes and escapes.
pub(in crate::sip::digest) fn plain(value: &[u8]) -> Cow<'_, [u8]> {
    lex::unquoted(value).map_or(Cow::Borrowed(value), lex::unescaped)
}

/// Writes a quoted string; line ends become spaces.
pub(in crate::sip::digest) fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\r' | b'\n' | 0 => out.push(b' '),
            plain => out.push(*plain),
        }
    }
    out.push(b'"');
}

/// Appends `, name="value"`.
pub(in crate::sip::digest) fn push_quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b", ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    quote(out, value);
}
