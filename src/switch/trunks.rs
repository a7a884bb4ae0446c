//! Trunks: who a packet's source is, how many calls each carries, where a call to it goes.

use crate::config;
use crate::config::Config;
use crate::ids::TrunkId;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::switch::view::TrunkView;
use std::collections::BTreeMap;
use std::net::SocketAddr;

#[derive(Debug)]
struct Trunk {
    kind: String,
    transport: Transport,
    hosts: Vec<SocketAddr>,
    calls: u32,
    max_calls: u32,
    /// The numbers that may be shown there; all when empty.
    caller_ids: Vec<String>,
}

/// Trunks of other kinds, and over TLS, are listed and not used: neither trusted by address nor called in clear text.
fn is_built(trunk: &config::Trunk) -> bool {
    trunk.kind == config::Kind::Ip && trunk.transport != config::Transport::Tls
}

/// A host by address; names need a resolver, which is not built yet.
fn address(host: &config::Host) -> Option<SocketAddr> {
    match host {
        config::Host::Address(address) => Some(*address),
        config::Host::Name { .. } => None,
    }
}

/// The table of trunks.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    by_id: BTreeMap<TrunkId, Trunk>,
}

impl Trunks {
    /// The configured trunks that are built: those by address.
    pub(crate) fn new(config: &Config) -> Self {
        let by_id = config.trunks.iter().map(|trunk| {
            let built = Trunk {
                kind: trunk.kind.as_str().to_owned(),
                transport: match trunk.transport {
                    config::Transport::Udp => Transport::Udp,
                    config::Transport::Tcp | config::Transport::Tls => Transport::Tcp,
                },
                hosts: if is_built(trunk) {
                    trunk.hosts.iter().filter_map(address).collect()
                } else {
                    Vec::new()
                },
                calls: 0,
                max_calls: trunk.max_calls,
                caller_ids: trunk.caller_ids.clone(),
            };
            (trunk.id.clone(), built)
        });
        Self { by_id: by_id.collect() }
    }

    /// The trunk that a packet comes from: address and port on UDP, the address alone on connections.
    pub(crate) fn of_source(&self, flow: &Flow) -> Option<TrunkId> {
        let found = self.by_id.iter().find(|(_, trunk)| {
            trunk.hosts.iter().any(|host| match flow.transport {
                Transport::Udp => *host == flow.remote,
                Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                    host.ip() == flow.remote.ip()
                }
            })
        });
        found.map(|(id, _)| id.clone())
    }

    /// Where calls to it go.
    pub(crate) fn host(&self, id: &TrunkId) -> Option<SocketAddr> {
        self.by_id.get(id)?.hosts.first().copied()
    }

    /// The number to show for a caller: his own where the trunk may show it, else the first of its list (INTEROP: only
    /// numbers on the trunk's list may be shown).
    pub(crate) fn caller_id<'a>(&'a self, id: &TrunkId, own: &'a str) -> &'a str {
        let allowed = self.by_id.get(id).map_or(&[][..], |trunk| &trunk.caller_ids);
        match allowed.first() {
            Some(first) if !allowed.iter().any(|number| number == own) => first,
            Some(_) | None => own,
        }
    }

    /// By which transport.
    pub(crate) fn transport(&self, id: &TrunkId) -> Transport {
        self.by_id.get(id).map_or(Transport::Udp, |trunk| trunk.transport)
    }

    /// Whether it carries as many calls as it may.
    pub(crate) fn is_full(&self, id: &TrunkId) -> bool {
        self.by_id.get(id).is_none_or(|trunk| trunk.calls >= trunk.max_calls)
    }

    /// Counts a call; false, and nothing counted, when it is full.
    pub(crate) fn call_began(&mut self, id: &TrunkId) -> bool {
        match self.by_id.get_mut(id) {
            Some(trunk) if trunk.calls < trunk.max_calls => {
                trunk.calls += 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// A call on it has ended.
    pub(crate) fn call_ended(&mut self, id: &TrunkId) {
        if let Some(trunk) = self.by_id.get_mut(id) {
            trunk.calls = trunk.calls.saturating_sub(1);
        }
    }

    /// For the API.
    pub(crate) fn views(&self) -> Vec<TrunkView> {
        let view = |(id, trunk): (&TrunkId, &Trunk)| TrunkView {
            id: id.as_str().to_owned(),
            kind: trunk.kind.clone(),
            calls: trunk.calls,
            max_calls: trunk.max_calls,
        };
        self.by_id.iter().map(view).collect()
    }
}
