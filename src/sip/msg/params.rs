//! The `;name=value` parameters behind a header value or a URI.

use crate::sip::msg::lex;

/// A borrowed list of parameters; each look-up walks it. Names compare without regard to case.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// The parameters in `raw`, which is empty or starts with `;`.
    pub const fn new(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// The bytes as they came, from the first `;` on.
    pub const fn raw(self) -> &'a [u8] {
        self.0
    }

    /// All of them in order, as (name, value); an empty one has an empty name. Values keep their quotes.
    pub fn iter(self) -> ParamIter<'a> {
        ParamIter(self.0)
    }

    /// The first parameter of that name: `None` when absent, `Some(None)` when it has no value. A quoted value is
    /// given without its quotes, escapes left in.
    pub fn find(self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        let (_, value) = self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value.map(|v| lex::unquoted(v).unwrap_or(v)))
    }

    /// The value of the first parameter of that name, when it has one.
    pub fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        self.find(name).flatten()
    }

    /// Whether a parameter of that name is there, with or without a value.
    pub fn has(self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// Whether every parameter is `token`, `token=token`, `token=host` or `token="quoted"`.
    pub(in crate::sip) fn are_well_formed(self) -> bool {
        self.iter().all(|(name, value)| {
            lex::is_token(name)
                && value.is_none_or(|v| {
                    v.first().is_some_and(|first| match first {
                        b'"' => lex::unquoted(v).is_some(),
                        _ => v.iter().all(|b| *b > b' ' && !matches!(b, b'"' | b',' | b'<' | b'>' | 0x7f)),
                    })
                })
        })
    }
}

/// See [`Params::iter`].
#[derive(Clone, Debug)]
pub struct ParamIter<'a>(&'a [u8]);

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.strip_prefix(b";")?;
        let mut equals = None;
        let mut at = 0;
        // Written out rather than cut twice: every Via, From and To of every message passes here.
        while let Some(&byte) = text.get(at) {
            match byte {
                b';' => break,
                b'=' if equals.is_none() => equals = Some(at),
                b'"' => at = lex::past_quote(text, at).unwrap_or(text.len()) - 1,
                _ => {}
            }
            at += 1;
        }
        let (param, rest) = text.split_at_checked(at)?;
        self.0 = rest;
        match equals.and_then(|at| Some((param.get(..at)?, param.get(at + 1..)?))) {
            Some((name, value)) => Some((lex::trim(name), Some(lex::trim(value)))),
            None => Some((lex::trim(param), None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_any_case_with_spaces_and_quotes() {
        let params = Params::new(b"; branch =  z9hG4bK9 ;lr;x=\"a;b=\\\"c\";Tag=1");
        assert_eq!(params.value(b"Branch"), Some(&b"z9hG4bK9"[..]));
        assert_eq!(params.find(b"LR"), Some(None));
        assert_eq!(params.value(b"x"), Some(&b"a;b=\\\"c"[..]));
        assert_eq!(params.value(b"tag"), Some(&b"1"[..]));
        assert_eq!(params.find(b"b"), None);
        assert_eq!(params.iter().count(), 4);
        assert!(params.are_well_formed());
    }

    #[test]
    fn odd_parameters_are_seen_as_odd() {
        for odd in [&b";;"[..], b";", b";a=", b";=b", b";a=\"b", b";a b", b";a=b c", b";a=b,c"] {
            assert!(!Params::new(odd).are_well_formed(), "{odd:?}");
        }
        assert!(Params::new(b"").are_well_formed());
        assert!(Params::new(b";received=2001:db8::1;maddr=[::1]").are_well_formed());
    }
}
