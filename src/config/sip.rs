//! `[sip]`: where SIP is spoken, and as whom.

use crate::config::context::Listener;
use crate::config::network;
use crate::config::network::Network;
use crate::config::reader::Reader;
use crate::config::subscriptions::Subscriptions;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

/// `[sip]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    /// The realm, and the host of the addresses of record.
    pub domain: String,
    /// UDP listeners, at least one. Port 0 lets the system choose.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners.
    pub tls: Vec<SocketAddr>,
    /// WebSocket listeners.
    pub ws: Vec<SocketAddr>,
    /// WebSocket listeners over TLS.
    pub wss: Vec<SocketAddr>,
    /// The origins whose pages may open a WebSocket; all when empty.
    pub ws_origins: Vec<String>,
    /// Our address as peers outside the local networks see it.
    pub advertised: Option<IpAddr>,
    /// Peers that are told our own address.
    pub local_networks: Vec<Network>,
    /// The shortest registration (RFC 3261 section 10.3, 423).
    pub registration_min: Duration,
    /// The longest registration.
    pub registration_max: Duration,
    /// What `Server` and `User-Agent` say.
    pub user_agent: String,
    /// Lamps, messages and presence.
    pub subscriptions: Subscriptions,
}

impl Sip {
    /// Whether a peer is told our own address rather than the advertised one.
    pub fn is_local(&self, peer: IpAddr) -> bool {
        self.local_networks.iter().any(|network| network.contains(peer))
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>, has_tls: bool) -> Option<Self> {
        let min_at = reader.place_of("registration_min_seconds");
        let udp_at = reader.place_of("udp");
        if reader.has("udp") && reader.is_empty("udp") {
            reader.cx.fault(&udp_at, "`udp` must name at least one address");
        }
        let domain = reader.parsed("domain", domain);
        let sip = Self {
            domain: domain.unwrap_or_default(),
            udp: listeners(reader, "udp", "sip.udp", true),
            tcp: listeners(reader, "tcp", "sip.tcp", false),
            tls: listeners(reader, "tls", "sip.tls", false),
            ws: listeners(reader, "ws", "sip.ws", false),
            wss: listeners(reader, "wss", "sip.wss", false),
            ws_origins: values(reader.parsed_list("ws_origins", origin)),
            advertised: reader.parsed("advertised", network::ip),
            local_networks: values(reader.parsed_list("local_networks", Network::parse)),
            registration_min: reader.seconds("registration_min_seconds"),
            registration_max: reader.seconds("registration_max_seconds"),
            user_agent: reader.parsed("user_agent", header_text).unwrap_or_default(),
            subscriptions: Subscriptions::read(reader),
        };
        if sip.registration_min > sip.registration_max {
            let what = "`registration_min_seconds` is above `registration_max_seconds`";
            reader.cx.fault(&min_at, what);
        }
        let needs_tls = !sip.tls.is_empty() || !sip.wss.is_empty();
        if needs_tls && !has_tls {
            let at = reader.at.clone();
            reader.cx.fault(&at, "`sip.tls` and `sip.wss` need a section [tls] with `certificate` and `key`");
        }
        Some(sip)
    }
}

/// Reads addresses to listen at, and remembers them for the check of overlaps.
fn listeners(reader: &mut Reader<'_, '_>, name: &str, key: &'static str, is_udp: bool) -> Vec<SocketAddr> {
    let found = reader.parsed_list(name, network::socket);
    for (spot, address) in &found {
        reader.cx.listeners.push(Listener { at: spot.at.clone(), address: *address, is_udp, key });
    }
    values(found)
}

fn values<S, T>(found: Vec<(S, T)>) -> Vec<T> {
    found.into_iter().map(|(_, value)| value).collect()
}

pub(crate) fn domain(text: &str) -> Result<String, String> {
    let address = text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if address || network::is_host_name(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is neither a host name nor an address", text.escape_debug()))
    }
}

/// An origin as a browser writes it (RFC 6454 section 6.2).
fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("`{}` is not an origin such as https://phone.example.com", text.escape_debug());
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
    if plain && !host.is_empty() { Ok(text.to_ascii_lowercase()) } else { Err(wrong()) }
}

/// A text that goes into a header line as it is.
pub(crate) fn header_text(text: &str) -> Result<String, String> {
    const LETTERS_MAX: usize = 128;
    if text.chars().any(char::is_control) || text.chars().count() > LETTERS_MAX {
        return Err(format!("must be one line of at most {LETTERS_MAX} characters"));
    }
    Ok(text.to_string())
}
