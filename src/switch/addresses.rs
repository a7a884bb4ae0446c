//! Our own addresses as peers must see them: in Via, Contact and SDP.

use crate::config::Config;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// The addresses.
#[derive(Clone, Debug)]
pub struct Addresses {
    config: Arc<Config>,
    /// The listening sockets as bound: transport and address.
    bound: Vec<(Transport, SocketAddr)>,
    /// What stands for an unspecified address (`0.0.0.0`): the address of the default route.
    default: IpAddr,
    /// The same for IPv6 (`[::]`).
    default_v6: IpAddr,
}

impl Addresses {
    /// With the sockets as they were bound.
    pub fn new(config: Arc<Config>, bound: Vec<(Transport, SocketAddr)>, default: IpAddr) -> Self {
        Self { config, bound, default, default_v6: IpAddr::V6(Ipv6Addr::LOCALHOST) }
    }

    /// With another address than loopback for an unspecified one of IPv6.
    pub fn with_v6(self, default_v6: IpAddr) -> Self {
        Self { default_v6, ..self }
    }

    /// The transports over which requests can be sent.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .filter(|transport| self.bound.iter().any(|(kind, _)| kind == transport))
            .collect()
    }

    /// A flow to `remote` from the first socket of that transport and address family.
    pub(crate) fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let local = self
            .bound
            .iter()
            .find(|(kind, local)| *kind == transport && local.is_ipv4() == remote.is_ipv4())
            .map(|(_, local)| *local)?;
        Some(Flow { transport, local, remote, connection: 0 })
    }

    /// The address that a peer at the other end of `flow` can send to.
    pub(crate) fn signalling(&self, flow: &Flow) -> SocketAddr {
        let own = (flow.transport, flow.local);
        let same_family = |(kind, local): &&(_, SocketAddr)| {
            *kind == flow.transport && local.is_ipv4() == flow.remote.is_ipv4()
        };
        // A connection that we opened has a port on which nobody listens.
        let listener =
            self.bound.iter().find(|bound| **bound == own).or_else(|| self.bound.iter().find(same_family));
        let port = listener.map_or(flow.local.port(), |(_, local)| local.port());
        SocketAddr::new(self.seen_by(flow.remote.ip(), flow.local.ip()), port)
    }

    /// The media address for a peer.
    pub(crate) fn media(&self, peer: IpAddr) -> IpAddr {
        self.seen_by(peer, self.config.media.address)
    }

    /// `own` as `peer` sees it: the advertised address outside the local networks.
    fn seen_by(&self, peer: IpAddr, own: IpAddr) -> IpAddr {
        let local = self.config.sip.local_networks.iter().any(|network| network.contains(peer));
        match self.config.sip.advertised {
            // Who reaches us over IPv6 has no use for an address of IPv4, and needs no NAT.
            Some(advertised) if !local && advertised.is_ipv4() == own.is_ipv4() => advertised,
            Some(_) | None if !own.is_unspecified() => own,
            Some(_) | None if own.is_ipv4() => self.default,
            Some(_) | None => self.default_v6,
        }
    }
}
