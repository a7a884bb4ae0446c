//! `[[trunk]]`: a way to the outside.

use crate::config::context::Noun;
use crate::config::network::Host;
use crate::config::phone::check_number;
use crate::config::reader::Reader;
use crate::config::secret::Secret;
use crate::config::sip::header_text;
use crate::config::words::words;
use crate::ids::TrunkId;
use std::time::Duration;

words! {
    /// How the two ends of a trunk know each other.
    Kind {
        /// By address.
        "ip" => Ip,
        /// We register there.
        "register" => Register,
        /// They challenge us.
        "digest" => Digest,
    }
}

words! {
    /// How SIP goes to a trunk.
    Transport {
        /// UDP.
        "udp" => Udp,
        /// TCP.
        "tcp" => Tcp,
        /// TLS.
        "tls" => Tls,
    }
}

/// `[[trunk]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// How the two know each other.
    pub kind: Kind,
    /// How SIP goes there.
    pub transport: Transport,
    /// Where calls go, in order. For [`Kind::Ip`] also where they come from: address and port on UDP, the
    /// address alone on TCP and TLS.
    pub hosts: Vec<Host>,
    /// What we answer challenges with; there for [`Kind::Register`] and [`Kind::Digest`].
    pub credentials: Option<Credentials>,
    /// Where we register; for [`Kind::Register`].
    pub registrar: Option<Host>,
    /// How often OPTIONS asks whether it lives; `None`: never.
    pub options: Option<Duration>,
    /// Calls at one time, both ways.
    pub max_calls: u32,
    /// The numbers that may be shown there, the first by default.
    pub caller_ids: Vec<String>,
}

/// A name and a password for digest authentication.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub secret: Secret,
}

impl Trunk {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Trunk);
        let hosts_at = reader.place_of("hosts");
        let kind = reader.word("kind");
        let transport = reader.word("transport").unwrap_or(Transport::Udp);
        let is_nowhere = reader.is_empty("hosts") && !reader.has("registrar");
        let hosts = hosts(reader, id.as_deref().unwrap_or_default());
        let credentials = credentials(reader, kind);
        let registrar = reader.parsed("registrar", Host::parse);
        let options_at = reader.has("options_seconds").then(|| reader.place_of("options_seconds"));
        let options = reader.seconds_or_none("options_seconds");
        if let (Some(at), Some(_)) = (options_at, options) {
            reader.cx.note_gap("trunk.options_seconds", Some("above 0"), &at);
        }
        let trunk = Self {
            id: TrunkId::new(id.as_deref().unwrap_or_default()),
            kind: kind.unwrap_or(Kind::Ip),
            transport,
            registrar: registrar.or_else(|| match kind {
                Some(Kind::Register) => hosts.first().cloned(),
                Some(Kind::Ip | Kind::Digest) | None => None,
            }),
            hosts,
            credentials,
            options,
            max_calls: reader.number("max_calls").unwrap_or(0),
            caller_ids: caller_ids(reader),
        };
        if is_nowhere {
            reader.cx.fault(&hosts_at, format!("trunk `{}` needs `hosts`", trunk.id));
        }
        id.map(|_| trunk)
    }
}

fn hosts(reader: &mut Reader<'_, '_>, trunk: &str) -> Vec<Host> {
    let found = reader.parsed_list("hosts", Host::parse);
    let mut hosts: Vec<Host> = Vec::new();
    for (spot, host) in found {
        if let Host::Name { .. } = host {
            reader.cx.note_gap("trunk.hosts", Some("name"), &spot.at);
        }
        if hosts.contains(&host) {
            reader.cx.fault(&spot.at, format!("`{}` is there twice in `hosts`", spot.text));
        } else {
            reader.cx.take_source(&spot, trunk);
        }
        hosts.push(host);
    }
    hosts
}

fn credentials(reader: &mut Reader<'_, '_>, kind: Option<Kind>) -> Option<Credentials> {
    let (user_at, secret_at) = (reader.place_of("user"), reader.place_of("secret"));
    let (has_user, has_secret) = (reader.has("user"), reader.has("secret"));
    let user = reader.parsed("user", header_text);
    let secret = reader.secret("secret");
    match kind {
        Some(Kind::Register | Kind::Digest) => {
            for (there, name) in [(has_user, "user"), (has_secret, "secret")] {
                if !there {
                    let what = format!("a trunk of kind `register` or `digest` needs a `{name}`");
                    reader.cx.fault(&reader.at.clone(), what);
                }
            }
        }
        Some(Kind::Ip) => {
            for (there, name, at) in [(has_user, "user", user_at), (has_secret, "secret", secret_at)] {
                if there {
                    reader.cx.doubt(&at, format!("`{name}` does nothing in a trunk of kind `ip`"));
                }
            }
        }
        None => {}
    }
    Some(Credentials { user: user?, secret: secret? })
}

fn caller_ids(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let found = reader.parsed_list("caller_ids", check_number);
    found.into_iter().map(|(spot, ())| spot.text).collect()
}
