//! Every key: its kind, range, default and meaning. The reference page and the reader both come from here.

use crate::config::agent::InitialStatus;
use crate::config::agent::Role;
use crate::config::api_key::Scope;
use crate::config::campaign::Mode;
use crate::config::media::Codec;
use crate::config::media::Sockets;
use crate::config::queue::OverflowReason;
use crate::config::queue::RecordingMode;
use crate::config::queue::Strategy;
use crate::config::schema::Default;
use crate::config::schema::Default::Nothing;
use crate::config::schema::Default::Required;
use crate::config::schema::Default::Value;
use crate::config::schema::Key;
use crate::config::schema::Section;
use crate::config::schema::Shape;
use crate::config::schema::Shape::Flag;
use crate::config::schema::Shape::Integer;
use crate::config::schema::Shape::List;
use crate::config::schema::Shape::Localized;
use crate::config::schema::Shape::Seconds;
use crate::config::schema::Shape::Text;
use crate::config::store::Language;
use crate::config::trunk::Identity;
use crate::config::trunk::Kind;
use crate::config::trunk::NumberFormat;
use crate::config::trunk::Transport;
use crate::config::words::Word;

const NONE: Default = Nothing("none");
const EMPTY: Default = Value("[]");
const OFF: Default = Value("false");
const ON: Default = Value("true");
/// A day: longer than any wait, ring or wrap-up that is meant.
const DAY: i64 = 86_400;
/// A month, for what counts sessions and silence.
const MONTH: i64 = 30 * DAY;
const COUNT_MAX: i64 = 10_000_000;

const fn key(name: &'static str, shape: Shape, default: Default, what: &'static str) -> Key {
    Key { name, shape, default, what }
}

const fn one(name: &'static str, what: &'static str, keys: &'static [Key]) -> Section {
    Section { name, many: false, what, keys }
}

const fn many(name: &'static str, what: &'static str, keys: &'static [Key]) -> Section {
    Section { name, many: true, what, keys }
}

pub(crate) const SECTIONS: &[Section] = &[
    one("sip", "Where SIP is spoken, and as whom. The only section that must be there.", SIP),
    one("tls", "The certificate of `tls`, `wss` and `tls_listen`.", TLS),
    one("media", "RTP.", MEDIA),
    one("http", "The API, the metrics and the web page.", HTTP),
    one("store", "Where facts are kept.", STORE),
    one("sounds", "Prompts and music.", SOUNDS),
    one("limits", "Protection against overload and floods.", LIMITS),
    many("api_key", "A machine's key to the HTTP API, shown as a bearer token.", API_KEY),
    many("phone", "A phone: an address of record that registers, or has a fixed address.", PHONE),
    many("phone_range", "Many phones alike: `u0000-u9999` are ten thousand.", PHONE_RANGE),
    many("agent", "A person who takes calls.", AGENT),
    many("pause_reason", "A reason for a pause. A pause for another reason is refused.", PAUSE_REASON),
    one("dispositions", "How calls may be concluded.", DISPOSITIONS),
    one("parking", "Parking slots. Without this section nobody can park.", PARKING),
    many("queue", "A queue.", QUEUE),
    many("trunk", "A way to the outside: a carrier or another switch.", TRUNK),
    many("route", "Which dialled numbers leave by which trunks: the first match wins.", ROUTE),
    many("inbound", "Where calls from a trunk go: the first match wins; none is 404.", INBOUND),
    many("campaign", "A list of contacts to be dialled.", CAMPAIGN),
    one(
        "emergency",
        "Emergency numbers: they pass every limit, hour and drain, and no route can stand in their way.",
        EMERGENCY,
    ),
];

const SIP: &[Key] = &[
    key(
        "domain",
        Text("host name or address"),
        Required,
        "The realm, and the host of the addresses of record.",
    ),
    key("udp", List("address and port"), Required, "Where to listen for UDP."),
    key("tcp", List("address and port"), EMPTY, "Where to listen for TCP."),
    key("tls", List("address and port"), EMPTY, "Where to listen for TLS; needs `[tls]`."),
    key("ws", List("address and port"), EMPTY, "Where to listen for WebSocket (browsers)."),
    key("wss", List("address and port"), EMPTY, "The same over TLS; needs `[tls]`."),
    key(
        "ws_origins",
        List("origin"),
        Nothing("all"),
        "The pages that may open a WebSocket, such as `https://phone.example.com`.",
    ),
    key(
        "advertised",
        Text("IP address"),
        NONE,
        "Behind a NAT: our address as peers outside `local_networks` see it.",
    ),
    key(
        "local_networks",
        List("network"),
        Value(
            r#"["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10"]"#,
        ),
        "Peers that are told our own address.",
    ),
    key(
        "registration_min_seconds",
        Seconds(1, DAY),
        Value("60"),
        "A shorter registration is refused with 423.",
    ),
    key(
        "registration_max_seconds",
        Seconds(1, MONTH),
        Value("3600"),
        "A longer registration is cut to this.",
    ),
    key("user_agent", Text("text"), Value(r#""Strowger""#), "What `Server` and `User-Agent` say."),
    key(
        "subscription_min_seconds",
        Seconds(1, DAY),
        Value("60"),
        "A shorter subscription (lamps, messages, presence) is refused with 423.",
    ),
    key("subscription_max_seconds", Seconds(1, DAY), Value("3600"), "A longer subscription is cut to this."),
    key(
        "subscriptions_max",
        Integer(1, COUNT_MAX),
        Value("50000"),
        "Subscriptions in all; more are refused with 503.",
    ),
    key(
        "subscriptions_per_phone_max",
        Integer(1, 10_000),
        Value("300"),
        "Subscriptions of one phone; more are refused with 500.",
    ),
    key("blf_identities", Flag, ON, "Whether those who watch a phone see with whom it talks."),
];

const TLS: &[Key] = &[
    key("certificate", Text("path"), Required, "The certificate chain, PEM."),
    key("key", Text("path"), Required, "Its private key, PEM."),
    key(
        "ca",
        Text("path"),
        NONE,
        "Authorities, PEM, that are trusted beside the system's when Strowger connects to a peer over TLS.",
    ),
];

const MEDIA: &[Key] = &[
    key(
        "address",
        Text("IP address"),
        Nothing("the host of the first `sip.udp`"),
        "Where RTP is received, and what SDP says.",
    ),
    key("ports", Text("range of ports"), Value(r#""20000-29999""#), "The ports of RTP and RTCP."),
    key(
        "sockets",
        Shape::Word(Sockets::NAMES),
        Value(r#""auto""#),
        "One socket for `each` port, or one `shared` by all, at less cost, which needs capabilities: \
         [performance](performance.md). `auto`: shared where it is to be had.",
    ),
    key("codecs", Shape::Words(Codec::NAMES), Value(r#"["pcma", "pcmu"]"#), "In order of preference."),
    key(
        "no_media_timeout_seconds",
        Seconds(0, DAY),
        Value("30"),
        "A call without a packet from one side for so long is ended; 0: never.",
    ),
];

const HTTP: &[Key] = &[
    key(
        "listen",
        Text("address and port"),
        Value(r#""127.0.0.1:8080""#),
        "Plain HTTP: loopback or behind a proxy.",
    ),
    key(
        "tls_listen",
        Text("address and port"),
        NONE,
        "HTTPS; needs `[tls]`. A browser's microphone demands it.",
    ),
];

const STORE: &[Key] = &[
    key(
        "url",
        Text("URL"),
        Value(r#""sqlite:strowger.db""#),
        "`sqlite:FILE` or `postgres://USER@HOST/DATABASE`.",
    ),
    key("recordings", Text("path"), Value(r#""recordings""#), "The folder of recordings."),
];

const SOUNDS: &[Key] = &[
    key("directory", Text("path"), Value(r#""sounds""#), "The folder of prompts and music."),
    key("language", Shape::Word(Language::NAMES), Value(r#""en""#), "The language of the prompts."),
];

const LIMITS: &[Key] = &[
    key(
        "media_busy_percent",
        Integer(1, 100),
        Value("75"),
        "New calls are refused above this load of the media workers.",
    ),
    key("calls_per_second", Integer(1, COUNT_MAX), Value("50"), "New calls from one source."),
    key("requests_per_second", Integer(1, COUNT_MAX), Value("500"), "SIP requests from one source."),
];

const ENV: Key = key("env", Text("name"), NONE, "The environment variable that holds it.");
const FILE: Key = key("file", Text("path"), NONE, "The file that holds it.");
pub(crate) const SECRET: &[Key] = &[ENV, FILE];
pub(crate) const API_SECRET: &[Key] =
    &[ENV, FILE, key("sha256", Text("64 hexadecimal digits"), NONE, "The key's SHA-256 instead of the key.")];
pub(crate) const PHONE_SECRET: &[Key] = &[
    ENV,
    FILE,
    key("ha1_md5", Text("32 hexadecimal digits"), NONE, "MD5 of `number:domain:password`."),
    key("ha1_sha256", Text("64 hexadecimal digits"), NONE, "SHA-256 of `number:domain:password`."),
];

const API_KEY: &[Key] = &[
    key("id", Text("id"), Required, "Its name."),
    key("secret", Shape::Secret(API_SECRET), Required, "The bearer token."),
    key("scopes", Shape::Words(Scope::NAMES), EMPTY, "What it may do."),
    key("agent", Text("id of an agent"), NONE, "Narrows the key to an agent; `agent:self` needs it."),
    key("queues", List("id of a queue"), Nothing("all"), "Narrows the key to queues."),
];

const PHONE: &[Key] = &[
    key("number", Text("number"), Required, "Its number: the user part of its address."),
    key("secret", Shape::Secret(PHONE_SECRET), NONE, "The password of digest authentication."),
    key("display_name", Text("text"), NONE, "The name shown to those it calls."),
    key("contact", Text("SIP URI"), NONE, "A fixed address instead of a registration."),
    key("call_groups", List("name of a group"), EMPTY, "Groups whose members may pick up what rings here."),
    key(
        "pickup_groups",
        List("name of a group"),
        EMPTY,
        "Groups whose ringing calls may be picked up from here.",
    ),
    key(
        "blf_identities",
        Flag,
        Nothing("as in `[sip]`"),
        "Whether those who watch this phone see with whom it talks.",
    ),
];

const PHONE_RANGE: &[Key] = &[
    key("numbers", Text("range of numbers"), Required, "The first and the last number, of the same length."),
    key("secret", Shape::Secret(SECRET), NONE, "The password of them all."),
];

pub(crate) const MEMBERSHIP: &[Key] = &[
    key("id", Text("id of a queue"), Required, "The queue."),
    key("level", Integer(1, 100), Value("1"), "Lower levels are asked first."),
    key("position", Integer(1, 1_000_000), Nothing("as listed"), "The place in strategy `linear`."),
    key("penalty", Integer(0, 1000), Value("0"), "Members with less are preferred."),
];

const AGENT: &[Key] = &[
    key("id", Text("id"), Required, "His id."),
    key("name", Text("text"), Nothing("the id"), "His name."),
    key("phone", Text("number of a phone"), NONE, "His phone."),
    key("password", Shape::Secret(SECRET), NONE, "For the web page; without one, codes and the phone."),
    key("role", Shape::Word(Role::NAMES), Value(r#""agent""#), "What he may do."),
    key("queues", Shape::IdsOrTables(MEMBERSHIP), EMPTY, "The queues he is assigned to."),
    key("campaigns", List("id of a campaign"), EMPTY, "The campaigns he is assigned to."),
    key("skills", Shape::Numbers(0, 100), NONE, "What he is good at, and how well."),
    key(
        "initial_status",
        Shape::Word(InitialStatus::NAMES),
        Value(r#""logged_out""#),
        "The first time only; later his last status is kept.",
    ),
    key("supervises", List("id of a queue"), EMPTY, "The queues he supervises."),
];

const PAUSE_REASON: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("code", Text("digits"), NONE, "Dialled after `*46`."),
    key("name", Localized, Nothing("the id"), "Its name."),
];

pub(crate) const DISPOSITION: &[Key] =
    &[key("id", Text("id"), Required, "Its id."), key("name", Localized, Nothing("the id"), "Its name.")];

const DISPOSITIONS: &[Key] = &[
    key("enabled", Flag, OFF, "Whether calls take a disposition."),
    key("mandatory", Flag, OFF, "Whether the wrap-up waits for one."),
    key("values", Shape::Tables(DISPOSITION), EMPTY, "The dispositions."),
];

const PARKING: &[Key] = &[
    key("slots", Text("range of numbers"), Value(r#""701-720""#), "The slots' numbers."),
    key("timeout_seconds", Seconds(1, DAY), Value("120"), "After this the parker is rung."),
    key("fallback", Text("destination"), NONE, "Where the call goes when the parker does not answer."),
];

pub(crate) const RECORDING: &[Key] = &[
    key("mode", Shape::Word(RecordingMode::NAMES), Value(r#""never""#), "Which calls are recorded."),
    key("agent_may_stop", Flag, OFF, "Whether the agent may end a recording."),
];

pub(crate) const CALLBACK: &[Key] = &[
    key("key", Text("key of a phone"), Value(r#""1""#), "The key that asks for a callback."),
    key("attempts", Integer(1, 100), Value("1"), "How often the customer is dialled."),
    key("customer_first", Flag, OFF, "Dial the customer before the agent."),
];

pub(crate) const OVERFLOW: &[Key] = &[
    key("when", Shape::Words(OverflowReason::NAMES), Required, "On what."),
    key("to", Text("destination"), Required, "Where to."),
];

pub(crate) const ANNOUNCE: &[Key] = &[
    key("welcome", Text("name of a sound"), NONE, "Played once on entering."),
    key("position", Flag, OFF, "Say the position."),
    key("wait", Flag, OFF, "Say the estimated wait."),
    key("every_seconds", Seconds(5, DAY), Value("45"), "How often."),
];

const QUEUE: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("name", Text("text"), Nothing("the id"), "Its name."),
    key("number", Text("number"), NONE, "Dial it to enter."),
    key("strategy", Shape::Word(Strategy::NAMES), Value(r#""longest-idle""#), "Which ready agent is rung."),
    key("ring_timeout_seconds", Seconds(1, 3600), Value("15"), "How long an agent's phone rings."),
    key("wrap_up_seconds", Seconds(0, DAY), Value("10"), "The agent's time after a call; 0: none."),
    key("max_wait_seconds", Seconds(0, DAY), Value("600"), "The longest wait; 0: no limit."),
    key("max_length", Integer(1, COUNT_MAX), Value("100"), "The most that wait."),
    key("service_level_seconds", Seconds(1, DAY), Value("20"), "The target of the service level."),
    key("music", Text("class of music"), Value(r#""default""#), "What callers hear."),
    key("recording", Shape::Table(RECORDING), NONE, "Which calls are recorded."),
    key("record_notice", Flag, OFF, "The caller is told of the recording before he talks."),
    key("priority", Integer(-1000, 1000), Value("0"), "Higher is served first."),
    key(
        "priority_aging_seconds",
        Seconds(0, DAY),
        Value("300"),
        "Effective priority = priority + waited / this, so nobody starves; 0: no aging.",
    ),
    key("join_when_empty", Flag, ON, "May a caller enter when nobody is logged in?"),
    key("leave_when_empty", Flag, OFF, "Must callers leave when the last agent does?"),
    key("open_hours", Text("opening hours"), Nothing("always"), "As `Mo-Fr 09:00-18:00; PH off`."),
    key("holidays", Text("country, ISO 3166-1"), NONE, "Whose public holidays `PH` means."),
    key("time_zone", Text("IANA time zone"), Value(r#""UTC""#), "Of \"today\" and the opening hours."),
    key("skills", Shape::Numbers(0, 100), NONE, "The least an agent must have."),
    key("callback", Shape::Table(CALLBACK), NONE, "Lets callers ask to be rung back."),
    key("overflow", Shape::Tables(OVERFLOW), EMPTY, "Where callers go instead."),
    key("announce", Shape::Table(ANNOUNCE), NONE, "What callers are told."),
];

const TRUNK: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("kind", Shape::Word(Kind::NAMES), Value(r#""ip""#), "How the two know each other."),
    key("transport", Shape::Word(Transport::NAMES), Value(r#""udp""#), "How SIP goes there."),
    key(
        "hosts",
        List("host and port"),
        EMPTY,
        "Where calls go, in order; for `ip` also where they come from.",
    ),
    key("user", Text("text"), NONE, "For `register` and `digest`."),
    key("secret", Shape::Secret(SECRET), NONE, "For `register` and `digest`."),
    key("registrar", Text("host and port"), Nothing("the first of `hosts`"), "For `register`."),
    key(
        "options_seconds",
        Seconds(0, DAY),
        Value("30"),
        "How often OPTIONS asks whether it lives; 0: never.",
    ),
    key("max_calls", Integer(1, COUNT_MAX), Value("30"), "At one time, both ways."),
    key(
        "max_calls_per_second",
        Integer(0, COUNT_MAX),
        Value("0"),
        "New calls that go there in a second; 0: no limit.",
    ),
    key(
        "prefixes",
        List("number"),
        Nothing("all"),
        "The beginnings of the numbers that may be called there, as after `rewrite`.",
    ),
    key("caller_ids", List("number"), EMPTY, "The numbers that may be shown there, the first by default."),
    key(
        "identity",
        Shape::Word(Identity::NAMES),
        Nothing("`from` for `ip`, else `pai`"),
        "Where the caller's number is written.",
    ),
    key(
        "domain",
        Text("host name or address"),
        Nothing("the registrar's host"),
        "The host of our address there.",
    ),
    key(
        "expires_seconds",
        Seconds(60, DAY),
        Value("3600"),
        "For `register`: how long a registration is asked to last.",
    ),
    key(
        "failover_seconds",
        Seconds(1, 32),
        Value("3"),
        "Silence after an INVITE after which the next target is tried.",
    ),
    key("country", Text("country, ISO 3166-1"), NONE, "How numbers are written there; ours are E.164."),
    key("national_prefix", Text("digits"), Nothing("the country's"), "Before a national number."),
    key("international_prefix", Text("digits"), Nothing("the country's"), "Before an international number."),
    key(
        "number_format",
        Shape::Word(NumberFormat::NAMES),
        Value(r#""as_is""#),
        "How numbers are sent there; `e164` and `national` need `country`.",
    ),
];

const EMERGENCY: &[Key] = &[
    key("country", Text("country, ISO 3166-1"), NONE, "Whose emergency numbers."),
    key("numbers", List("number"), EMPTY, "More of them."),
    key("trunk", List("id of a trunk"), Nothing("all trunks"), "The trunks, in order; limits do not count."),
    key("caller_id", Text("number"), Nothing("the phone's own"), "The number shown."),
    key("location", Text("URI"), NONE, "Where the phones are, for `Geolocation` (RFC 6442)."),
];

const ROUTE: &[Key] = &[
    key("pattern", Text("pattern"), Required, "The dialled numbers."),
    key("trunk", List("id of a trunk"), Required, "The trunks, in order."),
    key("rewrite", Text("template"), Nothing("the number as dialled"), "The number that is sent."),
];

const INBOUND: &[Key] = &[
    key("trunk", Text("id of a trunk"), Required, "Where the call comes from."),
    key("number", Text("number or pattern"), Required, "The called number."),
    key("to", Text("destination"), Required, "Where it goes."),
    key("recording", Shape::Table(RECORDING), NONE, "Which calls are recorded."),
];

const CAMPAIGN: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("name", Text("text"), Nothing("the id"), "Its name."),
    key("mode", Shape::Word(Mode::NAMES), Value(r#""progressive""#), "How contacts are dialled."),
    key("agents_first", Flag, ON, "Ring the agent before the contact."),
    key("from_abandoned", List("id of a queue"), EMPTY, "Queues whose abandoned callers land here."),
    key("trunk", List("id of a trunk"), EMPTY, "The trunks, in order."),
    key("caller_id", Text("number"), NONE, "The number shown."),
    key("open_hours", Text("opening hours"), Nothing("always"), "When it dials."),
    key("time_zone", Text("IANA time zone"), Value(r#""UTC""#), "Of the opening hours."),
];
