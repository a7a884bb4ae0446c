//! Sockets of the SIP side: UDP sockets, TCP listeners and connections, on one thread's runtime.
//!
//! They carry bytes and know nothing of what these mean, but for the framing of a stream. Whoever owns the signalling
//! thread gives a [`Sink`].

mod icmp;
pub mod resolve;
pub mod tcp;
pub mod udp;

use crate::sip::endpoint::Flow;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Where what comes in goes: the owner of the signalling thread. Called on that thread, never re-entered.
pub trait Sink {
    /// One datagram, or one framed message of a stream.
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
    let route = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // TEST-NET-1 (RFC 5737): connecting a UDP socket only asks the routing table.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    route().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
