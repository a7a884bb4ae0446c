//! Addresses as headers carry them: `"display" <uri>;params` (RFC 3261 `name-addr` and `addr-spec`).

use crate::sip::msg::fault::Defect;
use crate::sip::msg::lex;
use crate::sip::msg::name::Name;
use crate::sip::msg::params::Params;
use crate::sip::msg::uri::Uri;
use std::borrow::Cow;

/// The value of From, To, Contact, Route and their like.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The value as it came.
    pub raw: &'a [u8],
    /// The display name without its quotes, escapes still in it; empty when there is none.
    pub display: &'a [u8],
    /// The URI.
    pub uri: Uri<'a>,
    /// The parameters of the header, which are not the URI's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value, without commas around it; `header` is for the defect.
    pub fn parse(raw: &'a [u8], header: Name) -> Result<Self, Defect> {
        let raw = lex::trim(raw);
        let malformed = Defect::bad(header, "Malformed Address");
        let (display, uri, params) = split(raw).ok_or(malformed)?;
        let uri = Uri::parse(uri).map_err(|defect| Defect { header: Some(header), ..defect })?;
        Ok(Self { raw, display, uri, params: Params::new(params) })
    }

    /// The dialog tag.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"tag")
    }

    /// The first header parameter of that name: `Some(None)` when it has no value.
    pub fn param(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.params.find(name)
    }

    /// The display name with its escapes resolved.
    pub fn display_text(&self) -> Cow<'a, [u8]> {
        lex::unescaped(self.display)
    }

    /// The `expires` of a Contact, in seconds. RFC 3261 section 10.2.1.1: a malformed one is worth 3600.
    pub fn expires(&self) -> Option<u32> {
        let value = self.params.find(b"expires")?;
        let seconds = value.and_then(|v| lex::number(v, u64::from(u32::MAX)));
        Some(seconds.and_then(|s| u32::try_from(s).ok()).unwrap_or(3600))
    }

    /// The `q` of a Contact in thousandths, 0 to 1000; 1000 when absent or malformed (RFC 3261 section 16.6 leaves
    /// the default open).
    pub fn q_thousandths(&self) -> u16 {
        self.params.value(b"q").and_then(thousandths).unwrap_or(1000)
    }
}

/// The header parameters of an address, without a look at its URI; `None` when it is malformed.
pub(in crate::sip) fn params(raw: &[u8]) -> Option<Params<'_>> {
    split(lex::trim(raw)).map(|(_, _, params)| Params::new(params))
}

/// One value of Contact.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings (RFC 3261 section 10.2.2).
    Star,
    /// An address.
    At(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one value.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Defect> {
        match lex::trim(raw) {
            b"*" => Ok(Self::Star),
            raw => NameAddr::parse(raw, Name::Contact).map(Self::At),
        }
    }

    /// The address, unless it is `*`.
    pub const fn address(self) -> Option<NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::At(address) => Some(address),
        }
    }
}

/// Display name, URI and parameters.
fn split(raw: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (display, rest) = match raw.first()? {
        b'"' => {
            let (quoted, rest) = raw.split_at_checked(lex::past_quote(raw, 0)?)?;
            (lex::unquoted(quoted)?, lex::trim_start(rest))
        }
        _ => match raw.iter().position(|b| matches!(b, b'<' | b';')) {
            Some(at) if raw.get(at) == Some(&b'<') => {
                let (display, rest) = raw.split_at_checked(at)?;
                (lex::trim_end(display), rest)
            }
            semicolon => return bare(raw, semicolon.unwrap_or(raw.len())),
        },
    };
    // RFC 4475 section 3.1.2.15: what is not a token must be quoted. Letters of other scripts are let through.
    if raw.first() != Some(&b'"')
        && display.iter().any(|b| matches!(b, b',' | b'"' | b'\\' | 0x7f) || *b < b' ' && *b != b'\t')
    {
        return None;
    }
    let inside = rest.strip_prefix(b"<")?;
    let (uri, rest) = inside.split_at_checked(lex::find(inside, b'>')?)?;
    let params = lex::trim_start(rest.get(1..)?);
    matches!(params.first(), None | Some(b';')).then_some((display, uri, params))
}

/// RFC 3261 section 20: without `<>`, what follows the first `;` belongs to the header, and neither `?` nor `,` may
/// stand in the URI.
fn bare(raw: &[u8], semicolon: usize) -> Option<(&[u8], &[u8], &[u8])> {
    let (uri, params) = raw.split_at_checked(semicolon)?;
    memchr::memchr2(b'?', b',', uri).is_none().then_some((b"", lex::trim_end(uri), params))
}

/// RFC 3261 `qvalue`: `0[.ddd]` or `1[.000]`.
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] | [whole, b'.'] => (whole, &b""[..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut value = u16::from(whole.checked_sub(b'0').filter(|w| *w <= 1)?);
    for place in 0..3 {
        let digit = fraction.get(place).copied().unwrap_or(b'0').checked_sub(b'0').filter(|d| *d <= 9)?;
        value = value * 10 + u16::from(digit);
    }
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr<'_> {
        NameAddr::parse(text.as_bytes(), Name::From).expect(text)
    }

    #[test]
    fn the_forms_of_an_address() {
        let quoted = read("\"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>  ;  tag = 98asjd8");
        assert_eq!(&*quoted.display_text(), b"J Rosenberg \\\"");
        assert_eq!((quoted.uri.user, quoted.tag()), (Some(&b"jdrosen"[..]), Some(&b"98asjd8"[..])));
        let plain = read("caller<sip:caller@example.com;a=1>;tag=323");
        assert_eq!((plain.display, plain.tag()), (&b"caller"[..], Some(&b"323"[..])));
        let bare = read("sip:vivekg@chair.example.com ;   tag    = 1918181833n");
        assert_eq!(
            (bare.uri.raw, bare.tag()),
            (&b"sip:vivekg@chair.example.com"[..], Some(&b"1918181833n"[..]))
        );
        assert!(bare.display.is_empty() && bare.uri.params.raw().is_empty());
        assert_eq!(read("Désiré <sip:d@x>").display, "Désiré".as_bytes());
    }

    #[test]
    fn contacts_have_q_and_expires() {
        let at = |text: &'static str| Contact::parse(text.as_bytes()).unwrap().address().unwrap();
        assert_eq!(Contact::parse(b" * "), Ok(Contact::Star));
        assert_eq!(at("<sip:a@b>;q=0.33;expires=60").q_thousandths(), 330);
        assert_eq!(at("<sip:a@b>;q=1.001").q_thousandths(), 1000);
        assert_eq!(at("<sip:a@b>;q=0").q_thousandths(), 0);
        assert_eq!(at("<sip:a@b>;expires=60").expires(), Some(60));
        assert_eq!(at("<sip:a@b>;expires=280297596632815").expires(), Some(3600));
        assert_eq!(at("<sip:a@b>").expires(), None);
    }

    #[test]
    fn malformed_ones_are_refused() {
        let bad = [
            "",
            "\"Mr. J. User <sip:j@x>",
            "Bell, Alexander <sip:a@b>",
            "\"T\" < sip:t@x >",
            "<sip:a@b",
            "\"x\" sip:a@b",
            "sip:a@b?Route=%3Csip:x%3E",
            "<sip:a@b> x",
            "alan@jasomi.com",
            "<>",
        ];
        for text in bad {
            assert_eq!(NameAddr::parse(text.as_bytes(), Name::To).map_err(|d| d.status), Err(400), "{text}");
        }
    }
}
