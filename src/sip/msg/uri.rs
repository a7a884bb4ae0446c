//! SIP, SIPS and tel URIs as borrowed views; others are kept whole. Comparison is in
//! [`crate::sip::msg::uri_match`].

use crate::sip::msg::escape;
use crate::sip::msg::fault::Defect;
use crate::sip::msg::host::Host;
use crate::sip::msg::lex;
use crate::sip::msg::params::Params;
use crate::sip::msg::via::Transport;
use std::borrow::Cow;

/// A URI's scheme, in any case.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the schemes' names")]
pub enum Scheme<'a> {
    Sip,
    Sips,
    Tel,
    /// Any other; its URI has no parts but `raw`.
    Other(&'a [u8]),
}

impl<'a> Scheme<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        if text.eq_ignore_ascii_case(b"sip") {
            return Some(Self::Sip);
        }
        if text.eq_ignore_ascii_case(b"sips") {
            return Some(Self::Sips);
        }
        if text.eq_ignore_ascii_case(b"tel") {
            return Some(Self::Tel);
        }
        let (first, rest) = text.split_first()?;
        let plain = rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        (first.is_ascii_alphabetic() && plain).then_some(Self::Other(text))
    }
}

/// A URI (RFC 3261 section 19.1, RFC 3966). All parts are raw: escapes are still in them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The URI as it came, without `<>`.
    pub raw: &'a [u8],
    /// What kind of URI it is.
    pub scheme: Scheme<'a>,
    /// The user part; the number of a `tel:` URI.
    pub user: Option<&'a [u8]>,
    /// The password, which nobody should send.
    pub password: Option<&'a [u8]>,
    /// The host; an empty name for `tel:` and unknown schemes.
    pub host: Host<'a>,
    /// The port, when said.
    pub port: Option<u16>,
    /// The parameters of the URI, not of the header around it.
    pub params: Params<'a>,
    /// What follows the `?`; empty when there is none.
    pub headers: &'a [u8],
}

const MALFORMED: Defect = Defect::whole(400, "Malformed URI");

impl<'a> Uri<'a> {
    /// Reads a whole URI without `<>` and without white space around it. An unknown scheme is no fault here.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Defect> {
        Self::read(raw).ok_or(MALFORMED)
    }

    fn read(raw: &'a [u8]) -> Option<Self> {
        if !lex::is_uri(raw) {
            return None;
        }
        let (scheme, rest) = raw.split_at_checked(lex::find(raw, b':')?)?;
        let (scheme, rest) = (Scheme::parse(scheme)?, rest.get(1..)?);
        let blank = Self {
            raw,
            scheme,
            user: None,
            password: None,
            host: Host::Name(b""),
            port: None,
            params: Params::default(),
            headers: b"",
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => blank.with_sip_parts(rest),
            Scheme::Tel => blank.with_number(rest),
            Scheme::Other(_) => (!rest.is_empty()).then_some(blank),
        }
    }

    fn with_sip_parts(mut self, rest: &'a [u8]) -> Option<Self> {
        // RFC 3261 section 25.1: `;`, `?` and `/` may stand unescaped in the user part, `@` nowhere else, so the
        // user part is cut off first (RFC 4475 sections 3.1.1.2 and 3.1.1.9).
        let host_part = match lex::find(rest, b'@') {
            Some(at) => {
                let user_info = rest.get(..at)?;
                let colon = lex::find(user_info, b':');
                self.user = Some(user_info.get(..colon.unwrap_or(at))?);
                self.password = colon.and_then(|at| user_info.get(at + 1..));
                rest.get(at + 1..)?
            }
            None => rest,
        };
        let (host_part, headers) = split_before(host_part, lex::find(host_part, b'?'));
        let (host_part, params) = split_before(host_part, lex::find(host_part, b';'));
        (self.host, self.port) = Host::parse_with_port(host_part)?;
        self.params = Params::new(params);
        self.headers = headers.get(1..).unwrap_or(b"");
        Some(self)
    }

    fn with_number(mut self, rest: &'a [u8]) -> Option<Self> {
        let (number, params) = split_before(rest, lex::find(rest, b';'));
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        let plain = digits
            .iter()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#' | b'-' | b'.' | b'(' | b')'));
        self.user = Some(number);
        self.params = Params::new(params);
        (plain && !digits.is_empty()).then_some(self)
    }

    /// Whether it is a `sip:` or `sips:` URI.
    pub const fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part with its escapes resolved, once: `%2541` is `%41`, and `%00` is a NUL that ends nothing.
    pub fn user_decoded(&self) -> Cow<'a, [u8]> {
        escape::decoded(self.user.unwrap_or(b""))
    }

    /// The first URI parameter of that name: `Some(None)` when it has no value. The value is raw. RFC 3261 section
    /// 19.1.4: an escaped letter in a name is that letter.
    pub fn param(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        let same = |found: &[u8]| {
            found.eq_ignore_ascii_case(name) || escape::decoded(found).eq_ignore_ascii_case(name)
        };
        self.params.iter().find(|(found, _)| same(found)).map(|(_, value)| value)
    }

    /// The transport asked for.
    pub fn transport(&self) -> Option<Transport<'a>> {
        self.param(b"transport").flatten().map(Transport::parse)
    }

    /// Whether `lr` is there: the next hop is a loose router.
    pub fn is_loose_router(&self) -> bool {
        self.param(b"lr").is_some()
    }

    /// The address that overrides the host.
    pub fn maddr(&self) -> Option<Host<'a>> {
        Host::parse(self.param(b"maddr").flatten()?)
    }
}

/// Splits before `at`; everything is the first part when there is none.
fn split_before(text: &[u8], at: Option<usize>) -> (&[u8], &[u8]) {
    text.split_at_checked(at.unwrap_or(text.len())).unwrap_or((text, b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_sip_uri() {
        let uri = Uri::parse(b"sips:alice:pw@[2001:db8::1]:5061;transport=tcp;lr?Subject=x&a=b").unwrap();
        assert_eq!(
            (uri.scheme, uri.user, uri.password),
            (Scheme::Sips, Some(&b"alice"[..]), Some(&b"pw"[..]))
        );
        assert_eq!((uri.host.to_string().as_str(), uri.port), ("[2001:db8::1]", Some(5061)));
        assert_eq!((uri.transport(), uri.is_loose_router()), (Some(Transport::Tcp), true));
        assert_eq!(uri.headers, b"Subject=x&a=b");
        assert_eq!(uri.maddr(), None);
    }

    #[test]
    fn odd_user_parts_are_users() {
        let check = |text: &str, user: &[u8], host: &str| {
            let uri = Uri::parse(text.as_bytes()).expect(text);
            assert_eq!((&*uri.user_decoded(), uri.host.to_string().as_str()), (user, host), "{text}");
        };
        check("sip:user;par=u%40example.net@example.com", b"user;par=u@example.net", "example.com");
        check("sip:null-%00-null@example.com", b"null-\0-null", "example.com");
        check("sip:sips%3Auser%40example.com@example.net", b"sips:user@example.com", "example.net");
        check("sip:v%61lue%25%34%31@h", b"value%41", "h");
        check("sip:*45#@h", b"*45#", "h");
        check("sip:50%@h", b"50%", "h");
        check("tel:+1-201-555-0123;phone-context=x", b"+1-201-555-0123", "");
    }

    #[test]
    fn escaped_parameter_names_are_names() {
        let uri = Uri::parse(b"sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31").unwrap();
        assert!(uri.is_loose_router());
        assert_eq!(&*escape::decoded(uri.param(b"name").flatten().unwrap()), b"value%41");
    }

    #[test]
    fn malformed_ones_are_refused() {
        let bad = [
            "",
            "sip:",
            "alan@jasomi.com",
            "sip:2001:db8::10",
            "sip:a b@c",
            "<sip:a@b>",
            "sip:a@b:x",
            "sip:a@",
            "sip:a@b@c",
            "tel:",
            "tel:abc@x",
            "1x:y",
            ":x",
            "isbn:",
        ];
        for text in bad {
            assert_eq!(Uri::parse(text.as_bytes()).map_err(|d| d.status), Err(400), "{text}");
        }
        assert_eq!(Uri::parse(b"soap.beep://192.0.2.103:3002").unwrap().scheme, Scheme::Other(b"soap.beep"));
    }
}
