//! Hosts and ports, as they stand in URIs and in Via.

use crate::sip::msg::lex;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// A host name or an address.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, in the case it came in.
    Name(&'a [u8]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, which came in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host without a port; `None` when it is none.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            [] => None,
            [b'[', inside @ .., b']'] => ipv6(inside).map(Self::V6),
            [.., last] => {
                // A name's last label starts with a letter, so only text that ends in a digit can be an address.
                if last.is_ascii_digit()
                    && let Some(v4) = ipv4(text)
                {
                    return Some(Self::V4(v4));
                }
                lex::is_host_name(text).then_some(Self::Name(text))
            }
        }
    }

    /// Reads `host[:port]`; white space around the colon is let through (RFC 3261 `COLON`).
    pub fn parse_with_port(text: &'a [u8]) -> Option<(Self, Option<u16>)> {
        let end = match text.first()? {
            b'[' => lex::find(text, b']')? + 1,
            _ => lex::find(text, b':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at_checked(end)?;
        let host = Self::parse(lex::trim(host))?;
        match lex::trim_start(rest) {
            [] => Some((host, None)),
            [b':', port @ ..] => {
                let port = u16::try_from(lex::number(lex::trim(port), u64::from(u16::MAX))?).ok()?;
                Some((host, Some(port)))
            }
            _ => None,
        }
    }

    /// The address, when it is one.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(v4) => Some(IpAddr::V4(v4)),
            Self::V6(v6) => Some(IpAddr::V6(v6)),
        }
    }

    /// Whether both name the same host: names without regard to case (and without a final dot), addresses by value.
    pub fn matches(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(a), Host::Name(b)) => undotted(a).eq_ignore_ascii_case(undotted(b)),
            (Self::V4(a), Host::V4(b)) => a == b,
            (Self::V6(a), Host::V6(b)) => a == b,
            (Self::Name(_) | Self::V4(_) | Self::V6(_), _) => false,
        }
    }
}

/// As in a URI: an IPv6 address in brackets.
impl std::fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&String::from_utf8_lossy(name)),
            Self::V4(v4) => v4.fmt(f),
            Self::V6(v6) => write!(f, "[{v6}]"),
        }
    }
}

/// Reads an address with or without brackets, as `received` has it (RFC 5118 section 4.5).
pub(in crate::sip) fn address(text: &[u8]) -> Option<IpAddr> {
    match text {
        [b'[', inside @ .., b']'] => ipv6(inside).map(IpAddr::V6),
        plain => ipv4(plain).map(IpAddr::V4).or_else(|| ipv6(plain).map(IpAddr::V6)),
    }
}

fn undotted(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let (mut place, mut value, mut digits) = (0, 0u16, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
                if digits > 3 {
                    return None;
                }
            }
            b'.' if digits > 0 && place < 3 => {
                octets[place] = u8::try_from(value).ok()?;
                (place, value, digits) = (place + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = u8::try_from(value).ok()?;
    (place == 3 && digits > 0).then(|| Ipv4Addr::from(octets))
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let check = |text: &str, host: &str, port| {
            let (found, found_port) = Host::parse_with_port(text.as_bytes()).expect(text);
            assert_eq!((found.to_string().as_str(), found_port), (host, port), "{text}");
        };
        check("example.com", "example.com", None);
        check("192.0.2.1:5060", "192.0.2.1", Some(5060));
        check("[2001:db8::10:5070]", "[2001:db8::10:5070]", None);
        check("[2001:db8::10]:5070", "[2001:db8::10]", Some(5070));
        check("[::ffff:192.0.2.10]:19823", "[::ffff:192.0.2.10]", Some(19823));
        check("host : 7", "host", Some(7));
        for bad in [
            "",
            "2001:db8::10",
            "[2001:db8:::192.0.2.1]",
            "a:",
            "a:65536",
            "a b",
            "[::1",
            "[::1]x",
            "a:-1",
            "é",
        ] {
            assert_eq!(Host::parse_with_port(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn names_match_without_case() {
        assert!(Host::Name(b"Example.COM").matches(Host::Name(b"example.com.")));
        assert!(!Host::Name(b"a").matches(Host::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(address(b"[2001:db8::9:255]"), address(b"2001:db8::9:255"));
    }
}
