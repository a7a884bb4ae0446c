//! Every key: its kind, range, default and meaning. The reference page and the reader both come from here.

use crate::config::agent::InitialStatus;
use crate::config::agent::Role;
use crate::config::api_key::Scope;
use crate::config::campaign::Mode;
use crate::config::features::CodeProfile;
use crate::config::group::GroupStrategy;
use crate::config::media::Codec;
use crate::config::media::Sockets;
use crate::config::media::Tones;
use crate::config::phone_features::DeviceProfile;
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
use crate::config::security::Permission;
use crate::config::security_keys;
use crate::config::srtp::PHONE_SRTP;
use crate::config::store::Language;
use crate::config::trunk_keys::EMERGENCY;
use crate::config::trunk_keys::INBOUND;
use crate::config::trunk_keys::ROUTE;
use crate::config::trunk_keys::TRUNK;
use crate::config::words::Word;

pub(crate) const NONE: Default = Nothing("none");
pub(crate) const EMPTY: Default = Value("[]");
pub(crate) const OFF: Default = Value("false");
pub(crate) const ON: Default = Value("true");
/// A day: longer than any wait, ring or wrap-up that is meant.
pub(crate) const DAY: i64 = 86_400;
/// A month, for what counts sessions and silence.
const MONTH: i64 = 30 * DAY;
pub(crate) const COUNT_MAX: i64 = 10_000_000;

pub(crate) const fn key(name: &'static str, shape: Shape, default: Default, what: &'static str) -> Key {
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
    one("security", "Wrong passwords, and what phones may call.", security_keys::SECURITY),
    one("trace", "The SIP messages of the last minutes, kept to be looked at.", security_keys::TRACE),
    many("api_key", "A machine's key to the HTTP API, shown as a bearer token.", API_KEY),
    many("phone", "A phone: an address of record that registers, or has a fixed address.", PHONE),
    many("phone_range", "Many phones alike: `u0000-u9999` are ten thousand.", PHONE_RANGE),
    many("agent", "A person who takes calls.", AGENT),
    many("pause_reason", "A reason for a pause. A pause for another reason is refused.", PAUSE_REASON),
    one("dispositions", "How calls may be concluded.", DISPOSITIONS),
    one("parking", "Parking slots. Without this section nobody can park.", PARKING),
    one("features", "Codes that phones dial; `docs/features.md` lists them.", FEATURES),
    many("group", "Phones that ring together or in turn.", GROUP),
    many("menu", "A menu of keys: a prompt, and where each key leads.", MENU),
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
        "session_expires_seconds",
        Seconds(90, DAY),
        Value("1800"),
        "Both ends of a call show that they live at least this often (RFC 4028).",
    ),
    key(
        "session_min_seconds",
        Seconds(90, DAY),
        Value("90"),
        "A peer that wants to show it more often than this is refused with 422.",
    ),
    key(
        "allow",
        List("network"),
        Nothing("everybody"),
        "Messages from elsewhere are not read. Trunks by address are always heard.",
    ),
    key("deny", List("network"), EMPTY, "Messages from there are not read, whatever `allow` says."),
    key(
        "drop_user_agents",
        List("beginning of a User-Agent"),
        Value(security_keys::SCANNERS),
        "Requests of these programs are dropped without an answer.",
    ),
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
    key(
        "tones",
        Shape::Word(Tones::NAMES),
        Value(r#""fr""#),
        "The country whose ringing and busy tones are played.",
    ),
    key(
        "conference_music",
        Text("class of music"),
        Value(r#""default""#),
        "What the first in a conference hears until somebody comes; empty: silence.",
    ),
    key("automatic_level", Flag, Value("false"), "Quiet and loud voices in a room are brought to one level."),
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
    key(
        "recordings_min_free_mb",
        Integer(0, COUNT_MAX),
        Value("500"),
        "With less room on their disk, nothing is recorded; calls go on.",
    ),
    key(
        "recordings_keep_days",
        Integer(0, 36_500),
        Value("0"),
        "Recordings are erased after so many days; 0: never.",
    ),
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

// What a phone may spend, and each of a range.
const CALLS_PER_HOUR: Key =
    key("calls_per_hour", Integer(1, COUNT_MAX), NONE, "Calls to outside in any hour.");
const MINUTES_PER_HOUR: Key = key(
    "minutes_per_hour",
    Integer(1, COUNT_MAX),
    NONE,
    "Minutes of calls to outside in any hour, from dialling on; a call that passes them is ended.",
);
const ALLOWED_PREFIXES: Key = key(
    "allowed_prefixes",
    List("beginning of a number"),
    Nothing("all"),
    "Numbers outside that it may call.",
);
const DENIED_PREFIXES: Key =
    key("denied_prefixes", List("beginning of a number"), EMPTY, "Numbers outside that it may not call.");
const PERMISSIONS: Key = key(
    "permissions",
    Shape::Words(Permission::NAMES),
    Nothing("those of `[security]`"),
    "What it may call.",
);
const INTERNATIONAL_HOURS: Key = key(
    "international_hours",
    Text("opening hours"),
    Nothing("always"),
    "When it may call other countries and premium numbers.",
);

const PHONE: &[Key] = &[
    key("number", Text("number"), Required, "Its number: the user part of its address."),
    key("secret", Shape::Secret(PHONE_SECRET), NONE, "The password of digest authentication."),
    key("display_name", Text("text"), NONE, "The name shown to those it calls."),
    key("contact", Text("SIP URI"), NONE, "A fixed address instead of a registration."),
    key("allow_from", List("network"), Nothing("anywhere"), "It is known from there only."),
    key("max_calls", Integer(1, COUNT_MAX), NONE, "Calls that it makes at once."),
    CALLS_PER_HOUR,
    MINUTES_PER_HOUR,
    ALLOWED_PREFIXES,
    DENIED_PREFIXES,
    PERMISSIONS,
    INTERNATIONAL_HOURS,
    key("forward", Shape::Table(FORWARD), NONE, "Where its calls go until its user sets something else."),
    key("do_not_disturb", Flag, OFF, "Refuses calls until its user sets something else."),
    key(
        "profile",
        Shape::Word(DeviceProfile::NAMES),
        Value(r#""generic""#),
        "How it is told to answer by itself.",
    ),
    key("may_intercom", Flag, ON, "Whether it may make others answer by themselves."),
    key("accepts_intercom", Flag, ON, "Whether it answers intercom calls by itself; else it rings."),
    key("speed_dial", Shape::Texts("number"), NONE, "Numbers by two digits, before those of `[features]`."),
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
    PHONE_SRTP,
];

pub(crate) const FORWARD: &[Key] = &[
    key("always", Text("number"), NONE, "All calls."),
    key("busy", Text("number"), NONE, "Calls while it is busy or wants no calls."),
    key("no_answer", Text("number"), NONE, "Calls that it does not answer."),
    key("unreachable", Text("number"), NONE, "Calls while it is not registered."),
    key("no_answer_seconds", Seconds(1, 3600), Value("20"), "After this a call counts as not answered."),
];

const FEATURES: &[Key] = &[
    key("profile", Shape::Word(CodeProfile::NAMES), Value(r#""freepbx""#), "Whose codes are dialled."),
    key(
        "codes",
        Shape::Texts("code by its action's name; empty: none"),
        NONE,
        "Codes instead of the profile's.",
    ),
    key("speed_dial", Shape::Texts("number"), NONE, "Numbers by two digits, for all phones."),
    key("follow_redirects", Flag, ON, "Whether a phone's 3xx answer forwards the call."),
];

const GROUP: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("name", Text("text"), Nothing("the id"), "Its name."),
    key("number", Text("number"), NONE, "Dial it to ring the group."),
    key("members", List("number of a phone"), Required, "The phones, in order."),
    key("strategy", Shape::Word(GroupStrategy::NAMES), Value(r#""all""#), "Which of them ring when."),
    key("ring_seconds", Seconds(1, 3600), Value("20"), "How long all ring, or each of them in turn."),
    key("no_answer", Text("destination"), NONE, "Where the call goes when nobody answers."),
    key("caller_id_prefix", Text("text"), NONE, "Put before the caller's name."),
];

const MENU: &[Key] = &[
    key("id", Text("id"), Required, "Its id."),
    key("number", Text("number"), NONE, "Dial it to enter."),
    key("prompt", Shape::TextOrList("name of a sound"), Required, "What is said."),
    key("keys", Shape::Texts("destination"), NONE, "Where the keys 0 to 9, * and # lead."),
    key("timeout_seconds", Seconds(1, 120), Value("5"), "How long a key is waited for after the prompt."),
    key("repeats", Integer(0, 10), Value("2"), "How often the prompt is said again."),
    key(
        "invalid",
        Shape::TextOrList("name of a sound"),
        Value(r#""pbx-invalid""#),
        "What is said to a wrong key.",
    ),
    key("timeout", Text("destination"), NONE, "Where the call goes in the end; without it, it ends."),
    key("direct_dial", Flag, OFF, "Whether the number of a phone, queue, group or menu may be dialled."),
];

const PHONE_RANGE: &[Key] = &[
    key("numbers", Text("range of numbers"), Required, "The first and the last number, of the same length."),
    key("secret", Shape::Secret(SECRET), NONE, "The password of them all."),
    key("allow_from", List("network"), Nothing("anywhere"), "Each is known from there only."),
    key("max_calls", Integer(1, COUNT_MAX), NONE, "Calls that each makes at once."),
    CALLS_PER_HOUR,
    MINUTES_PER_HOUR,
    ALLOWED_PREFIXES,
    DENIED_PREFIXES,
    PERMISSIONS,
    INTERNATIONAL_HOURS,
    PHONE_SRTP,
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
    key("pause_max_seconds", Seconds(0, DAY), Value("0"), "A pause ends by itself after this; 0: never."),
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
