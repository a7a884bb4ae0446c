//! Trunks: who a packet's source is, how many calls each carries, where a call to it goes.

use crate::config;
use crate::config::Config;
use crate::ids::TrunkId;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::switch::view::TrunkView;
use std::collections::BTreeMap;
use std::net::IpAddr;
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

    /// Whether that is an address of a trunk, whatever its port.
    pub(crate) fn knows(&self, source: IpAddr) -> bool {
        self.by_id.values().any(|trunk| trunk.hosts.iter().any(|host| host.ip() == source))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn trunks(lines: &str) -> Trunks {
        let text = format!(
            "[sip]\ndomain = \"x.example\"\nudp = [\"127.0.0.1:5060\"]\n[[trunk]]\nid = \"t\"\n{lines}"
        );
        Trunks::new(&config::parse("test", &text, &|_| None).unwrap().config)
    }

    fn from(address: &str) -> Flow {
        let local = "127.0.0.1:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local, remote: address.parse().unwrap(), connection: 0 }
    }

    #[test]
    fn only_a_trunk_by_address_is_trusted_by_its_address() {
        let by_address = trunks("kind = \"ip\"\nhosts = [\"192.0.2.1:5060\"]\n");
        assert_eq!(by_address.of_source(&from("192.0.2.1:5060")), Some(TrunkId::new("t")));
        assert_eq!(by_address.of_source(&from("192.0.2.1:5061")), None);
        let by_digest =
            trunks("kind = \"digest\"\nhosts = [\"192.0.2.1:5060\"]\nuser = \"u\"\nsecret = \"s\"\n");
        assert_eq!(by_digest.of_source(&from("192.0.2.1:5060")), None);
        assert_eq!(by_digest.views().len(), 1);
        let secure = trunks("kind = \"ip\"\ntransport = \"tls\"\nhosts = [\"192.0.2.1:5061\"]\n");
        assert_eq!(secure.host(&TrunkId::new("t")), None);
    }

    #[test]
    fn a_trunk_shows_numbers_of_its_list_only() {
        let line = "kind = \"ip\"\nhosts = [\"192.0.2.1:5060\"]\ncaller_ids = [\"+33140000000\", \"+33140000001\"]\n";
        let (trunks, id) = (trunks(line), TrunkId::new("t"));
        assert_eq!(trunks.caller_id(&id, "+33140000001"), "+33140000001");
        assert_eq!(trunks.caller_id(&id, "1001"), "+33140000000");
        assert_eq!(trunks.caller_id(&TrunkId::new("other"), "1001"), "1001");
    }
}
