//! The keys of `[[trunk]]`, `[emergency]`, `[[route]]` and `[[inbound]]`, as `keys` has those of the other sections.

use crate::config::keys::COUNT_MAX;
use crate::config::keys::DAY;
use crate::config::keys::EMPTY;
use crate::config::keys::NONE;
use crate::config::keys::RECORDING;
use crate::config::keys::SECRET;
use crate::config::keys::key;
use crate::config::schema::Default::Nothing;
use crate::config::schema::Default::Required;
use crate::config::schema::Default::Value;
use crate::config::schema::Key;
use crate::config::schema::Shape;
use crate::config::schema::Shape::Integer;
use crate::config::schema::Shape::List;
use crate::config::schema::Shape::Seconds;
use crate::config::schema::Shape::Text;
use crate::config::srtp::TRUNK_SRTP;
use crate::config::trunk::Identity;
use crate::config::trunk::Kind;
use crate::config::trunk::NumberFormat;
use crate::config::trunk::Transport;
use crate::config::words::Word;

pub(crate) const TRUNK: &[Key] = &[
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
    TRUNK_SRTP,
];

pub(crate) const EMERGENCY: &[Key] = &[
    key("country", Text("country, ISO 3166-1"), NONE, "Whose emergency numbers."),
    key("numbers", List("number"), EMPTY, "More of them."),
    key("trunk", List("id of a trunk"), Nothing("all trunks"), "The trunks, in order; limits do not count."),
    key("caller_id", Text("number"), Nothing("the phone's own"), "The number shown."),
    key("location", Text("URI"), NONE, "Where the phones are, for `Geolocation` (RFC 6442)."),
];

pub(crate) const ROUTE: &[Key] = &[
    key("pattern", Text("pattern"), Required, "The dialled numbers."),
    key("trunk", List("id of a trunk"), Required, "The trunks, in order."),
    key("rewrite", Text("template"), Nothing("the number as dialled"), "The number that is sent."),
];

pub(crate) const INBOUND: &[Key] = &[
    key("trunk", Text("id of a trunk"), Required, "Where the call comes from."),
    key("number", Text("number or pattern"), Required, "The called number."),
    key("to", Text("destination"), Required, "Where it goes."),
    key("recording", Shape::Table(RECORDING), NONE, "Which calls are recorded."),
];
