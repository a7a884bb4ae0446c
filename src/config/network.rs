//! Addresses: networks, port ranges, hosts with ports, as texts of the configuration.
//!
//! Nothing is resolved or opened here.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;

/// A network such as `10.0.0.0/8`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `ADDRESS/BITS`; an address alone is a network of one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a network such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
            None => bits_max,
        };
        if bits > bits_max { Err(wrong()) } else { Ok(Self { address, bits }) }
    }

    /// Whether the address lies inside. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(host)) => {
                let shift = 32 - u32::from(self.bits);
                (u32::from(net) ^ u32::from(host)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(host)) => {
                let shift = 128 - u32::from(self.bits);
                (u128::from(net) ^ u128::from(host)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A range of UDP ports, both ends included.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// Reads `FIRST-LAST`. RTP takes the even port of a pair (RFC 3550 section 11), so there must be a pair.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a range of ports such as 20000-29999");
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
        let (first, last) = (port(first)?, port(last)?);
        // Ports below 1024 are the system's.
        if first < 1024 {
            return Err(format!("the first port must be 1024 or more, not {first}"));
        }
        if last <= first {
            return Err(format!("the last port must lie above the first, in `{text}`"));
        }
        Ok(Self { first, last })
    }

    /// Whether the port lies inside.
    pub fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// A host and port of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address. Without a port in the text, the default of its transport.
    Address(SocketAddr),
    /// A name to be resolved (RFC 3263); the port `None` means "by SRV".
    Name {
        /// The DNS name.
        name: String,
        /// The port, when given.
        port: Option<u16>,
    },
}

impl Host {
    /// Reads `ADDRESS:PORT`, `ADDRESS`, `NAME:PORT` or `NAME`; `port` is that of an address without one.
    pub fn parse(text: &str, port: u16) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::Address(address));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self::Address(SocketAddr::new(address, port)));
        }
        let wrong = || format!("`{text}` is not a host such as 192.0.2.7:5060");
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        if is_host_name(name) && port != Some(0) {
            Ok(Self::Name { name: name.to_string(), port })
        } else {
            Err(wrong())
        }
    }
}

/// Whether the text can be a DNS name: letters, digits and hyphens in labels, the last not a number.
pub(crate) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or("");
    text.len() <= 253 && text.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

/// Reads `ADDRESS:PORT`. Port 0 lets the system choose.
pub(crate) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an address and port such as 192.0.2.7:5060"))
}

/// Reads an IP address.
pub(crate) fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an IP address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_hosts() {
        let check = |network: &str, host: &str, inside: bool| {
            let parsed = Network::parse(network).unwrap();
            assert_eq!(parsed.contains(host.parse().unwrap()), inside, "{host} in {network}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("0.0.0.0/0", "203.0.113.7", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("fc00::/7", "fd00::1", true);
        check("fc00::/7", "10.0.0.1", false);
        for wrong in ["10.0.0.0/33", "10.0.0/8", "10.0.0.0/+8", "ten", "", "::/129", "1.2.3.4/"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_and_hosts() {
        assert_eq!(PortRange::parse("20000-29999"), Ok(PortRange { first: 20000, last: 29999 }));
        for wrong in ["20000", "20000-20000", "30000-20000", "80-90", "1024-70000", "a-b", "-"] {
            assert!(PortRange::parse(wrong).is_err(), "{wrong}");
        }
        let address = |text: &str| Host::Address(text.parse().unwrap());
        assert_eq!(Host::parse("192.0.2.7", 5060), Ok(address("192.0.2.7:5060")));
        assert_eq!(Host::parse("192.0.2.7", 5061), Ok(address("192.0.2.7:5061")));
        assert_eq!(Host::parse("[2001:db8::1]:5070", 5060), Ok(address("[2001:db8::1]:5070")));
        let name = |name: &str, port| Ok(Host::Name { name: name.to_string(), port });
        assert_eq!(Host::parse("sip.example.com", 5060), name("sip.example.com", None));
        assert_eq!(Host::parse("sip.example.com:5061", 5060), name("sip.example.com", Some(5061)));
        for wrong in ["", "a b", "sip.example.com:port", "300.1.2.3", "-a.example", "sip.example.com:0"] {
            assert!(Host::parse(wrong, 5060).is_err(), "{wrong}");
        }
    }
}
