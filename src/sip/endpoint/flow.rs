//! Where a message came from and where it goes to.
//!
//! Not a socket: `net` maps a flow to one. Here is also the rule by which a response finds its way back.

use crate::sip::msg;
use crate::sip::msg::Host;
use crate::sip::msg::Message;
use crate::sip::msg::Via;
use bytes::Bytes;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;

/// The port of SIP without TLS (RFC 3261 section 18.2.2).
const SIP_PORT: u16 = 5060;

/// A transport protocol of SIP.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// RFC 3261.
    Udp,
    /// RFC 3261.
    Tcp,
    /// RFC 3261, TLS over TCP.
    Tls,
    /// RFC 7118, WebSocket.
    Ws,
    /// RFC 7118, WebSocket over TLS.
    Wss,
}

impl Transport {
    /// True when the transport itself sends again what was lost.
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// The word for URIs, logs and metrics: `udp`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// The transport as a Via names it.
impl From<Transport> for msg::Transport<'static> {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
            Transport::Ws => Self::Ws,
            Transport::Wss => Self::Wss,
        }
    }
}

/// A way between us and one peer.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// The protocol.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Which connection; 0 for UDP and for "open one to `remote`, or use the one that is open".
    pub connection: u64,
}

impl Flow {
    /// True when a failure of `self` is a failure of `other` too: the same peer, and not another connection to it.
    pub fn covers(&self, other: &Self) -> bool {
        self.transport == other.transport
            && self.remote == other.remote
            && (self.connection == other.connection || other.connection == 0)
    }
}

/// Where responses to a request with this top Via go, or `None` when they must not be sent at all.
///
/// RFC 3261 section 18.2.2 with RFC 3581 section 4: a connection is answered on itself; on UDP `maddr` is first, then
/// the source address, with the source port when `rport` is there and the sent-by port otherwise. `follows_maddr` is for
/// peers that are trusted: a stranger could have a third party flooded.
pub(in crate::sip::endpoint) fn response_flow(
    via: &Via<'_>,
    from: Flow,
    follows_maddr: bool,
) -> Option<Flow> {
    if from.transport.is_reliable() {
        return Some(from);
    }
    let sent_by_port = via.port.unwrap_or(SIP_PORT);
    let maddr = via.maddr.and_then(Host::ip).filter(|ip| follows_maddr && may_be_answered(*ip));
    let remote = match maddr {
        Some(ip) => SocketAddr::new(ip, sent_by_port),
        // RFC 3581 section 4: "it sends the response to the IP address in the received parameter and the port in the
        // rport parameter", which are the request's source.
        None if via.rport.is_some() => from.remote,
        None => SocketAddr::new(from.remote.ip(), sent_by_port),
    };
    (may_be_answered(remote.ip()) && remote.port() != 0).then_some(Flow { remote, ..from })
}

/// False for addresses that stand for many hosts or none: one request must not make a whole network hear us.
fn may_be_answered(ip: IpAddr) -> bool {
    let broadcast = match ip {
        IpAddr::V4(v4) => v4.is_broadcast(),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some_and(|v4| v4.is_broadcast() || v4.is_multicast()),
    };
    !broadcast && !ip.is_multicast() && !ip.is_unspecified()
}

/// Writes down in the top Via of a request where it really came from, for our responses copy that Via.
///
/// RFC 3261 section 18.2.1: `received` when the sent-by host is not the source address. RFC 3581 section 4: the source
/// port as the value of an empty `rport`, and then `received` in any case.
pub(in crate::sip::endpoint) fn stamp(request: Message, source: SocketAddr) -> Message {
    stamped(&request, source).unwrap_or(request)
}

fn stamped(request: &Message, source: SocketAddr) -> Option<Message> {
    let via = request.via().ok()?;
    let asks_port = via.rport == Some(None);
    if via.received.is_some() || (!asks_port && via.host.ip() == Some(source.ip())) {
        return None;
    }
    let text = request.as_bytes();
    let via_end = end_within(text, via.raw)?;
    let mut new = Vec::with_capacity(text.len() + 64);
    let mut from = 0;
    if asks_port {
        let (name, _) = via.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"rport"))?;
        from = end_within(text, name)?;
        new.extend_from_slice(text.get(..from)?);
        write!(new, "={}", source.port()).ok()?;
    }
    new.extend_from_slice(text.get(from..via_end)?);
    write!(new, ";received={}", source.ip()).ok()?;
    new.extend_from_slice(text.get(via_end..)?);
    let grown = new.len() - text.len();
    request.with_longer_line(Bytes::from(new), via_end, grown)
}

/// Where `part`, a slice of `whole`, ends in it.
fn end_within(whole: &[u8], part: &[u8]) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    start.checked_add(part.len()).filter(|end| *end <= whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::msg::Name;

    fn check(via: &str, source: &str, stamped_via: &str, answered_to: Option<&str>) {
        let text = format!(
            "OPTIONS sip:x SIP/2.0\r\ni: 7\r\nVia: {via}\r\nVia: SIP/2.0/UDP second;rport\r\nTo: <sip:x>;tag=t\r\n\r\nbody"
        );
        let remote = source.parse().expect(source);
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote,
            connection: 0,
        };
        let message = stamp(Message::parse(text.into()).expect(via), remote);
        let top = message.via().expect(via);
        assert_eq!(String::from_utf8_lossy(top.raw), stamped_via);
        let answered = response_flow(&top, flow, true).map(|flow| flow.remote.to_string());
        assert_eq!(answered.as_deref(), answered_to, "{via}");
        let tcp = Flow { transport: Transport::Tcp, ..flow };
        assert_eq!(response_flow(&top, tcp, false), Some(tcp));
        assert_eq!(&message.body()[..], b"body");
        let again = Message::parse(message.as_bytes().clone()).unwrap();
        for name in [Name::CallId, Name::Via, Name::To, Name::From] {
            assert_eq!(message.header(name), again.header(name), "{via}");
        }
        assert_eq!((message.to_tag(), message.call_id().ok()), (Some(&b"t"[..]), Some(&b"7"[..])));
    }

    #[test]
    fn a_strangers_maddr_leads_nowhere() {
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote: "192.0.2.1:4000".parse().unwrap(),
            connection: 0,
        };
        let via = Via::parse(b"SIP/2.0/UDP 192.0.2.1:5070;maddr=198.51.100.7").unwrap();
        let to = |follows| response_flow(&via, flow, follows).map(|flow| flow.remote.to_string());
        assert_eq!(to(false).as_deref(), Some("192.0.2.1:5070"));
        assert_eq!(to(true).as_deref(), Some("198.51.100.7:5070"));
    }

    #[test]
    fn a_response_finds_its_way_back() {
        // The sent-by address is the source: the sent-by port, or 5060.
        check(
            "SIP/2.0/UDP 192.0.2.1:5070",
            "192.0.2.1:4000",
            "SIP/2.0/UDP 192.0.2.1:5070",
            Some("192.0.2.1:5070"),
        );
        check("SIP/2.0/UDP 192.0.2.1", "192.0.2.1:4000", "SIP/2.0/UDP 192.0.2.1", Some("192.0.2.1:5060"));
        // A name, or another address: the source address, the sent-by port.
        let named = "SIP/2.0/UDP pc33.example.com:5070;branch=z9hG4bKa";
        check(named, "192.0.2.1:4000", &format!("{named};received=192.0.2.1"), Some("192.0.2.1:5070"));
        // rport: the source port.
        check(
            "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff",
            "192.0.2.1:9988",
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1",
            Some("192.0.2.1:9988"),
        );
        check(
            "SIP/2.0/UDP [2001:db8::9];rport",
            "[2001:db8::1]:9988",
            "SIP/2.0/UDP [2001:db8::9];rport=9988;received=2001:db8::1",
            Some("[2001:db8::1]:9988"),
        );
        // maddr leads elsewhere, but never to many hosts at once.
        let maddr = |host: &str| format!("SIP/2.0/UDP 192.0.2.1:5070;maddr={host}");
        check(&maddr("192.0.2.7"), "192.0.2.1:4000", &maddr("192.0.2.7"), Some("192.0.2.7:5070"));
        for many in ["224.0.1.75", "255.255.255.255", "[ff02::1]", "0.0.0.0", "name.example.com"] {
            check(&maddr(many), "192.0.2.1:4000", &maddr(many), Some("192.0.2.1:5070"));
        }
        check("SIP/2.0/UDP 224.0.1.75;rport=1", "224.0.1.75:5060", "SIP/2.0/UDP 224.0.1.75;rport=1", None);
    }
}
