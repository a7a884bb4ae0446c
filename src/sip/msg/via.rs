//! The `Via` header's value (RFC 3261 section 20.42).

use crate::sip::msg::fault::Defect;
use crate::sip::msg::host;
use crate::sip::msg::host::Host;
use crate::sip::msg::lex;
use crate::sip::msg::name::Name;
use crate::sip::msg::params::Params;
use std::net::IpAddr;

/// How a message travels, as `Via` and the `transport` parameter of URIs say it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the variants are the RFCs' names")]
pub enum Transport<'a> {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
    Sctp,
    /// Any other token.
    Other(&'a [u8]),
}

impl<'a> Transport<'a> {
    /// The transport of that token, in any case.
    pub fn parse(token: &'a [u8]) -> Self {
        const KNOWN: [(&[u8], Transport<'static>); 6] = [
            (b"UDP", Transport::Udp),
            (b"TCP", Transport::Tcp),
            (b"TLS", Transport::Tls),
            (b"WS", Transport::Ws),
            (b"WSS", Transport::Wss),
            (b"SCTP", Transport::Sctp),
        ];
        let known = KNOWN.iter().find(|(word, _)| word.eq_ignore_ascii_case(token));
        known.map_or(Self::Other(token), |(_, transport)| *transport)
    }

    /// The word as `Via` writes it.
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Udp => b"UDP",
            Self::Tcp => b"TCP",
            Self::Tls => b"TLS",
            Self::Ws => b"WS",
            Self::Wss => b"WSS",
            Self::Sctp => b"SCTP",
            Self::Other(token) => token,
        }
    }

    /// Whether lost messages must be sent again by the transaction layer.
    pub const fn is_unreliable(self) -> bool {
        matches!(self, Self::Udp)
    }
}

/// One value of `Via`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// The value as it came.
    pub raw: &'a [u8],
    /// The transport of that hop.
    pub transport: Transport<'a>,
    /// The sent-by host.
    pub host: Host<'a>,
    /// The sent-by port, when said.
    pub port: Option<u16>,
    /// The transaction's id on that hop. RFC 2543 elements have none.
    pub branch: Option<&'a [u8]>,
    /// RFC 3581: `Some(None)` asks for the port to be filled in; `Some(Some(port))` is filled in.
    pub rport: Option<Option<u16>>,
    /// The address that the message came from, when the receiver added it. With or without brackets.
    pub received: Option<IpAddr>,
    /// Where answers go instead of the sent-by host.
    pub maddr: Option<Host<'a>>,
    /// The multicast time to live.
    pub ttl: Option<u8>,
    /// All parameters.
    pub params: Params<'a>,
}

/// RFC 3261 section 8.1.1.7: the cookie at the start of a branch that is unique.
pub const BRANCH_COOKIE: &[u8] = b"z9hG4bK";

impl<'a> Via<'a> {
    /// Reads one value, without commas around it.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Defect> {
        Self::read(raw).ok_or(Defect::bad(Name::Via, "Malformed Via"))
    }

    fn read(raw: &'a [u8]) -> Option<Self> {
        let raw = lex::trim(raw);
        let head_end = lex::find(raw, b';').unwrap_or(raw.len());
        let (head, params) = raw.split_at_checked(head_end)?;
        let (transport, sent_by) = sent_protocol(head)?;
        let (host, port) = Host::parse_with_port(sent_by)?;
        let params = Params::new(params);
        let mut via = Self {
            raw,
            transport,
            host,
            port,
            branch: None,
            rport: None,
            received: None,
            maddr: None,
            ttl: None,
            params,
        };
        for (name, value) in params.iter() {
            via.note(name, value)?;
        }
        Some(via)
    }

    /// Takes one parameter; `None` when it is malformed.
    fn note(&mut self, name: &[u8], value: Option<&'a [u8]>) -> Option<()> {
        if !lex::is_token(name) || value.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        // The first of several equal names counts, as everywhere in this layer.
        if name.eq_ignore_ascii_case(b"branch") {
            self.branch = self.branch.or(Some(value?));
        } else if name.eq_ignore_ascii_case(b"rport") {
            let port = match value {
                Some(port) => Some(u16::try_from(lex::number(port, u64::from(u16::MAX))?).ok()?),
                None => None,
            };
            self.rport = self.rport.or(Some(port));
        } else if name.eq_ignore_ascii_case(b"received") {
            self.received = self.received.or(Some(host::address(value?)?));
        } else if name.eq_ignore_ascii_case(b"maddr") {
            self.maddr = self.maddr.or(Some(Host::parse(value?)?));
        } else if name.eq_ignore_ascii_case(b"ttl") {
            self.ttl = self.ttl.or(Some(u8::try_from(lex::number(value?, 255)?).ok()?));
        }
        Some(())
    }

    /// Whether the branch is unique by RFC 3261: it has the cookie and something behind it. RFC 4475 section 3.2.1:
    /// the bare cookie is matched by the rules of RFC 2543.
    pub fn has_unique_branch(&self) -> bool {
        self.branch.is_some_and(|b| {
            b.get(..7).is_some_and(|c| c.eq_ignore_ascii_case(BRANCH_COOKIE)) && b.len() > BRANCH_COOKIE.len()
        })
    }
}

/// `SIP / 2.0 / UDP sent-by`: the transport and the rest.
fn sent_protocol(head: &[u8]) -> Option<(Transport<'_>, &[u8])> {
    // Nearly every Via is written without white space; take that road first.
    let rest = match head.strip_prefix(b"SIP/2.0/") {
        Some(rest) => rest,
        None => {
            let slash = lex::find(head, b'/')?;
            let (protocol, rest) = head.split_at_checked(slash)?;
            let rest = rest.get(1..)?;
            let (version, rest) = rest.split_at_checked(lex::find(rest, b'/')?)?;
            if !lex::trim(protocol).eq_ignore_ascii_case(b"SIP") || !lex::is_token(lex::trim(version)) {
                return None;
            }
            lex::trim_start(rest.get(1..)?)
        }
    };
    let end = rest.iter().position(|b| lex::is_space(*b))?;
    let (transport, sent_by) = rest.split_at_checked(end)?;
    lex::is_token(transport).then(|| (Transport::parse(transport), lex::trim(sent_by)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_with_white_space_everywhere() {
        let via =
            Via::parse(b"SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  ").unwrap();
        assert_eq!((via.transport, via.host), (Transport::Tcp, Host::Name(b"spindle.example.com")));
        assert_eq!(via.branch, Some(&b"z9hG4bK9ikj8"[..]));
        assert!(via.has_unique_branch());
    }

    #[test]
    fn the_parameters_of_nat() {
        let via = Via::parse(b"SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z9hG4bK").unwrap();
        assert_eq!((via.rport, via.port), (Some(None), Some(5062)));
        assert!(!via.has_unique_branch());
        let via = Via::parse(b"SIP/2.0/WSS x.invalid;RPORT=4;received=[2001:db8::1];ttl=1;maddr=h").unwrap();
        assert_eq!((via.rport, via.ttl, via.maddr), (Some(Some(4)), Some(1), Some(Host::Name(b"h"))));
        assert_eq!(via.received, "2001:db8::1".parse().ok());
    }

    #[test]
    fn malformed_ones_are_refused() {
        let bad = [
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDP",
            "SIP/2.0 h",
            "",
            "SIP/2.0/UDP h:x",
            "HTTP/1.1/TCP h",
            "SIP/2.0/UDP h;rport=x",
            "SIP/2.0/UDP h;received=nobody",
            "SIP/2.0/UDP h;branch",
            "SIP/2.0/UDP h;ttl=256",
        ];
        for text in bad {
            assert_eq!(Via::parse(text.as_bytes()).map_err(|d| d.status), Err(400), "{text}");
        }
    }
}
