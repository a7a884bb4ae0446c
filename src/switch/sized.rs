//! Requests that are too long for UDP go over TCP where the peer can be reached so (RFC 3261 section 18.1.1).

use crate::call::LegId;
use crate::clock::Now;
use crate::config;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg;
use crate::sip::msg::Edits;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::msg::Uri;
use crate::switch::core::Core;
use bytes::Bytes;
use std::net::SocketAddr;

/// RFC 3261 section 18.1.1: "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and
/// the path MTU is unknown, the request MUST be sent using an RFC 2914 congestion controlled transport protocol".
const DATAGRAM_MAX: usize = 1300;

impl Core {
    /// Sends a request of a leg: by its flow, or over TCP when it is too long for a datagram and the peer is known to
    /// take TCP; should that fail, by its flow all the same.
    pub(crate) fn request_sized(
        &mut self,
        now: Now,
        leg: LegId,
        flow: Flow,
        bytes: Bytes,
        user: u64,
    ) -> ClientTx {
        let longer =
            self.tcp_instead(leg, flow, &bytes).and_then(|tcp| Some((tcp, self.rewritten(&bytes, tcp)?)));
        match longer {
            Some(first) => {
                self.endpoint.request_or(now.instant, first, (flow, bytes), user, &mut self.effects)
            }
            None => self.endpoint.request(now.instant, flow, bytes, user, &mut self.effects),
        }
    }

    /// Whether a request is too long for its flow, and there is no other way to the peer.
    pub(crate) fn is_too_long(&self, leg: LegId, flow: Flow, bytes: &Bytes) -> bool {
        flow.transport == Transport::Udp
            && bytes.len() >= DATAGRAM_MAX
            && self.tcp_instead(leg, flow, bytes).is_none()
    }

    /// The way over TCP, where the request needs it and the peer has it.
    fn tcp_instead(&self, leg: LegId, flow: Flow, bytes: &Bytes) -> Option<Flow> {
        if flow.transport != Transport::Udp || bytes.len() <= DATAGRAM_MAX {
            return None;
        }
        if let Some(open) = self.tcp_flow_of(leg, flow) {
            return Some(open);
        }
        let remote = tcp_address(bytes).or_else(|| self.is_tcp_trunk(flow.remote).then_some(flow.remote))?;
        self.addresses.flow_to(Transport::Tcp, remote)
    }

    /// A connection of the same phone from the same host.
    fn tcp_flow_of(&self, leg: LegId, flow: Flow) -> Option<Flow> {
        let phone = self.legs.get(&leg)?.phone.as_ref()?;
        let contacts = self.registrar.all_of(phone.as_str());
        let flows = contacts.filter(|contact| !contact.unreachable).map(|contact| contact.flow);
        flows.filter(|one| one.transport == Transport::Tcp).find(|one| one.remote.ip() == flow.remote.ip())
    }

    /// Whether the configuration has a trunk over TCP at that address.
    fn is_tcp_trunk(&self, remote: SocketAddr) -> bool {
        self.config.trunks.iter().any(|trunk| {
            trunk.transport == config::Transport::Tcp && trunk.hosts.contains(&config::Host::Address(remote))
        })
    }

    /// The request as it is sent there: another transport and address in our Via, the same branch.
    fn rewritten(&self, bytes: &Bytes, flow: Flow) -> Option<Bytes> {
        let message = Message::parse(bytes.clone()).ok()?;
        let via = message.via().ok()?;
        let branch = String::from_utf8_lossy(via.branch?).into_owned();
        let value = format!("SIP/2.0/TCP {};branch={branch};rport", self.addresses.signalling(&flow));
        Some(Edits::new().replace(Name::Via, value.as_bytes()).apply(&message))
    }
}

/// The address of a Request-URI that asks for TCP.
fn tcp_address(bytes: &Bytes) -> Option<SocketAddr> {
    /// RFC 3261 section 19.1.2.
    const SIP_PORT: u16 = 5060;
    let message = Message::parse(bytes.clone()).ok()?;
    let uri = Uri::parse(message.request_uri_raw()).ok()?;
    let asks = uri.transport() == Some(msg::Transport::Tcp);
    let address = SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(SIP_PORT));
    asks.then_some(address)
}
