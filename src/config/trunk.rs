//! `[[trunk]]`: a way to the outside.

use crate::config::context::Noun;
use crate::config::country::Country;
use crate::config::network::Host;
use crate::config::phone::check_number;
use crate::config::reader::Reader;
use crate::config::secret::Secret;
use crate::config::sip;
use crate::config::sip::header_text;
use crate::config::srtp::Srtp;
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

words! {
    /// Where the caller's number is written.
    Identity {
        /// P-Asserted-Identity (RFC 3325); From has the account's user.
        "pai" => Pai,
        /// Remote-Party-ID; From has the account's user.
        "rpid" => Rpid,
        /// From alone.
        "from" => From,
        /// Both.
        "pai_and_from" => PaiAndFrom,
    }
}

words! {
    /// How numbers are sent to a trunk.
    NumberFormat {
        /// `+33140000000`.
        "e164" => E164,
        /// `0140000000`, and abroad `0044...`.
        "national" => National,
        /// As they are after the route's rewriting.
        "as_is" => AsIs,
    }
}

/// How a trunk writes numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// The country code without the plus sign; `None` when no country is given: numbers stay as they are.
    pub calling: Option<String>,
    /// What stands before a national number.
    pub national_prefix: String,
    /// What stands before an international number.
    pub international_prefix: String,
    /// How numbers are sent there.
    pub format: NumberFormat,
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
    /// `transport` is written: else NAPTR may choose another one for a name without a port (RFC 3263 section 4.1).
    pub transport_is_given: bool,
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
    /// New calls that go there in a second; `None`: no limit.
    pub max_calls_per_second: Option<u32>,
    /// The beginnings of the numbers that may be called there; empty: all.
    pub prefixes: Vec<String>,
    /// The numbers that may be shown there, the first by default.
    pub caller_ids: Vec<String>,
    /// Where the caller's number is written.
    pub identity: Identity,
    /// The host of our address there; `None`: the registrar's or the host's own.
    pub domain: Option<String>,
    /// How long a registration is asked to last.
    pub expires: Duration,
    /// Silence after an INVITE after which the next target is tried.
    pub failover: Duration,
    /// How numbers are written there.
    pub notation: Notation,
    /// Whether its audio is encrypted.
    pub srtp: Srtp,
}

/// A name and a password for digest authentication.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub secret: Secret,
}

impl Transport {
    /// RFC 3261 section 19.1.2: the port where none is given.
    const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl Trunk {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.id("id", Noun::Trunk);
        let hosts_at = reader.place_of("hosts");
        let kind = reader.word("kind");
        let transport_is_given = reader.has("transport");
        let transport = reader.word("transport").unwrap_or(Transport::Udp);
        let is_nowhere = reader.is_empty("hosts") && !reader.has("registrar");
        let hosts = hosts(reader, id.as_deref().unwrap_or_default(), transport);
        let credentials = credentials(reader, kind);
        let registrar = reader.parsed("registrar", |text| Host::parse(text, transport.port()));
        let options = reader.seconds_or_none("options_seconds");
        let trunk = Self {
            id: TrunkId::new(id.as_deref().unwrap_or_default()),
            kind: kind.unwrap_or(Kind::Ip),
            transport,
            transport_is_given,
            registrar: registrar.or_else(|| match kind {
                Some(Kind::Register) => hosts.first().cloned(),
                Some(Kind::Ip | Kind::Digest) | None => None,
            }),
            hosts,
            credentials,
            options,
            max_calls: reader.number("max_calls").unwrap_or(0),
            max_calls_per_second: reader.number("max_calls_per_second").filter(|calls| *calls > 0),
            prefixes: numbers(reader, "prefixes"),
            caller_ids: numbers(reader, "caller_ids"),
            identity: reader.word("identity").unwrap_or(match kind {
                Some(Kind::Register | Kind::Digest) => Identity::Pai,
                Some(Kind::Ip) | None => Identity::From,
            }),
            domain: reader.parsed("domain", sip::domain),
            expires: reader.seconds("expires_seconds"),
            failover: reader.seconds("failover_seconds"),
            notation: notation(reader),
            srtp: reader.word("srtp").unwrap_or(Srtp::Optional),
        };
        if is_nowhere {
            reader.cx.fault(&hosts_at, format!("trunk `{}` needs `hosts`", trunk.id));
        }
        id.map(|_| trunk)
    }
}

fn hosts(reader: &mut Reader<'_, '_>, trunk: &str, transport: Transport) -> Vec<Host> {
    let found = reader.parsed_list("hosts", |text| Host::parse(text, transport.port()));
    let mut hosts: Vec<Host> = Vec::new();
    for (spot, host) in found {
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

fn numbers(reader: &mut Reader<'_, '_>, key: &str) -> Vec<String> {
    let found = reader.parsed_list(key, check_number);
    found.into_iter().map(|(spot, ())| spot.text).collect()
}

fn notation(reader: &mut Reader<'_, '_>) -> Notation {
    let format_at = reader.place_of("number_format");
    let country = reader.parsed("country", Country::parse);
    let national = reader.parsed("national_prefix", digits);
    let international = reader.parsed("international_prefix", digits);
    let format = reader.word("number_format").unwrap_or(NumberFormat::AsIs);
    if country.is_none() && format != NumberFormat::AsIs {
        reader.cx.fault(&format_at, format!("`number_format = \"{}\"` needs a `country`", format.as_str()));
    }
    let own = |given: Option<String>, of_country: fn(&Country) -> &str| {
        given.unwrap_or_else(|| country.map_or("", of_country).to_string())
    };
    Notation {
        calling: country.map(|country| country.calling.to_string()),
        national_prefix: own(national, |country| country.national_prefix),
        international_prefix: own(international, |country| country.international_prefix),
        format,
    }
}

fn digits(text: &str) -> Result<String, String> {
    if text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_string())
    } else {
        Err(format!("`{}` is not a prefix of up to 8 digits", text.escape_debug()))
    }
}
