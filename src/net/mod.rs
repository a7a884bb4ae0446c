//! Sockets of the SIP side: UDP sockets, and connections over TCP, TLS and WebSocket, on one thread's runtime.
//!
//! They carry bytes and know nothing of what these mean, but for the framing. Whoever owns the signalling thread gives a
//! [`Sink`].
//!
//! A TLS connection that we open is verified: the peer's certificate must bear the name that
//! [`connections::Connections::expect_name`] gave for that address, or the address itself where none was given.

pub mod connections;
mod icmp;
mod link;
pub mod resolve;
mod stream;
mod tcp;
pub mod tls;
pub mod udp;
mod validity;
mod ws;

use crate::sip::endpoint::Flow;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where what comes in goes: the owner of the signalling thread. Called on that thread, never re-entered.
pub trait Sink {
    /// One datagram, or one framed message of a connection.
    fn received(&self, flow: Flow, bytes: Bytes);
    /// A connection could not be opened, or was lost.
    fn failed(&self, flow: Flow);
    /// A batch was read: send what it caused.
    fn flush(&self);
}

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address can't be listened on.
    #[error(
        "cannot listen on {protocol} {address}: {source}; is another program using the port? change [{section}] or stop it"
    )]
    Bind {
        /// `SIP/UDP`, `SIP/TCP`, `HTTP`.
        protocol: &'static str,
        /// The address as configured.
        address: SocketAddr,
        /// The section of the configuration that names it.
        section: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The address that this machine uses towards the outside: what stands for an unspecified one. No packet is sent.
pub fn default_address() -> IpAddr {
    // TEST-NET-1 (RFC 5737).
    let outside = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    address_towards(outside, IpAddr::V4(Ipv4Addr::UNSPECIFIED)).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The same over IPv6.
pub fn default_address_v6() -> IpAddr {
    // The documentation's prefix (RFC 3849).
    let outside = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    address_towards(outside, IpAddr::V6(Ipv6Addr::UNSPECIFIED)).unwrap_or(IpAddr::V6(Ipv6Addr::LOCALHOST))
}

fn address_towards(outside: IpAddr, any: IpAddr) -> std::io::Result<IpAddr> {
    let socket = UdpSocket::bind((any, 0))?;
    // Connecting a UDP socket only asks the routing table.
    socket.connect((outside, 9))?;
    Ok(socket.local_addr()?.ip())
}
