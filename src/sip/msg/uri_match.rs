//! When two URIs are the same (RFC 3261 section 19.1.4, RFC 3966 section 4).

use crate::sip::msg::escape;
use crate::sip::msg::limits;
use crate::sip::msg::uri::Scheme;
use crate::sip::msg::uri::Uri;

/// RFC 3261 section 19.1.4: these parameters never match when only one of the URIs has them. `transport` is there by
/// the section's examples.
const DECISIVE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

impl Uri<'_> {
    /// Whether both are the same by RFC 3261 section 19.1.4. Not transitive, as the RFC warns.
    pub fn matches(&self, other: &Uri<'_>) -> bool {
        if self.raw == other.raw {
            return true;
        }
        if self.has_too_many_parts() || other.has_too_many_parts() {
            return false;
        }
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => same_sip(self, other),
            (Scheme::Tel, Scheme::Tel) => same_number(self, other),
            (Scheme::Other(a), Scheme::Other(b)) => {
                // The scheme is blind to case; of the rest nothing is known.
                a.eq_ignore_ascii_case(b) && self.raw.get(a.len()..) == other.raw.get(b.len()..)
            }
            (Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Other(_), _) => false,
        }
    }
}

impl Uri<'_> {
    /// Parts are compared each with each, which a peer could make expensive.
    fn has_too_many_parts(&self) -> bool {
        let count = |text, separator| memchr::memchr_iter(separator, text).count();
        count(self.params.raw(), b';') > limits::URI_PARTS_MAX
            || count(self.headers, b'&') > limits::URI_PARTS_MAX
    }
}

fn same_sip(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    same_optional(a.user, b.user, same_exactly)
        && same_optional(a.password, b.password, same_exactly)
        && a.host.matches(b.host)
        && a.port == b.port
        && params_agree(a, b)
        && params_agree(b, a)
        && headers_within(a.headers, b.headers)
        && headers_within(b.headers, a.headers)
}

/// Numbers match without their visual separators (RFC 3966 section 4); parameters as in SIP URIs.
fn same_number(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let digits = |uri: &Uri<'_>| -> Vec<u8> {
        let user = uri.user.unwrap_or(b"");
        user.iter().filter(|d| !b"-.()".contains(d)).map(u8::to_ascii_lowercase).collect()
    };
    digits(a) == digits(b) && params_agree(a, b) && params_agree(b, a)
}

fn params_agree(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    a.params.iter().all(|(name, value)| {
        let name = escape::decoded(name);
        match b.param(&name) {
            Some(other) => same_optional(value, other, same_blindly),
            // RFC 3261 section 19.1.4: "Any uri-parameters appearing in both must match", others are ignored.
            None => !DECISIVE.iter().any(|decisive| decisive.eq_ignore_ascii_case(&name)),
        }
    })
}

/// RFC 3261 section 19.1.4: headers are never ignored; their order does not matter.
fn headers_within(a: &[u8], b: &[u8]) -> bool {
    fn split(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        text.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).map(|field| {
            let equals = memchr::memchr(b'=', field).unwrap_or(field.len());
            (field.get(..equals).unwrap_or(field), field.get(equals..).unwrap_or(b""))
        })
    }
    split(a).all(|(name, value)| {
        split(b).any(|(other, other_value)| same_blindly(name, other) && same_exactly(value, other_value))
    })
}

fn same_optional(a: Option<&[u8]>, b: Option<&[u8]>, same: fn(&[u8], &[u8]) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        (Some(_) | None, _) => false,
    }
}

/// RFC 3261 section 19.1.4: an escaped letter is that letter, but for the reserved ones.
fn same_exactly(a: &[u8], b: &[u8]) -> bool {
    a == b || escape::letters(a).eq(escape::letters(b))
}

fn same_blindly(a: &[u8], b: &[u8]) -> bool {
    let lower =
        |text| escape::letters(text).map(|letter| (letter.byte.to_ascii_lowercase(), letter.shielded));
    a.eq_ignore_ascii_case(b) || lower(a).eq(lower(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, same: bool) {
        let (first, second) = (Uri::parse(a.as_bytes()).expect(a), Uri::parse(b.as_bytes()).expect(b));
        assert_eq!(first.matches(&second), same, "{a} {b}");
        assert_eq!(second.matches(&first), same, "{b} {a}");
    }

    #[test]
    fn the_examples_of_rfc_3261_19_1_4_that_match() {
        check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
        check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true);
        check(
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            true,
        );
        check(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            true,
        );
    }

    #[test]
    fn the_examples_of_rfc_3261_19_1_4_that_differ() {
        check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
        check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
        check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    }

    #[test]
    fn reserved_letters_differ_from_their_escapes() {
        check("sip:a%3Bb@h", "sip:a;b@h", false);
        check("sip:a%3Bb@h", "sip:a%3bb@h", true);
        check("sip:a@h", "sips:a@h", false);
        check("sip:h", "sip:a@h", false);
        check("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true);
    }

    #[test]
    fn numbers_match_without_separators() {
        check("tel:+1-201-555-0123", "tel:+1(201)5550123", true);
        check("tel:7042;phone-context=a", "tel:7042;phone-context=b", false);
        check("isbn:1", "ISBN:1", true);
    }

    #[test]
    fn comparing_is_bounded() {
        let many = |host: &str| format!("sip:{host};{}", "a;".repeat(limits::URI_PARTS_MAX));
        check(&many("h"), &many("h"), true);
        check(&many("h"), &many("H"), false);
        check("sip:h;a=1;a=2", "sip:h;a=1;a=2", true);
    }
}
