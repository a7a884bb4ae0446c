//! The keys of `[security]` and `[trace]`, as `keys` has those of the other sections.

use crate::config::keys::key;
use crate::config::schema::Default::Value;
use crate::config::schema::Key;
use crate::config::schema::Shape;
use crate::config::schema::Shape::Integer;
use crate::config::schema::Shape::List;
use crate::config::schema::Shape::Seconds;
use crate::config::schema::Shape::Text;
use crate::config::security::Permission;
use crate::config::words::Word;

/// Programs that look for switches to break into, as they name themselves in `User-Agent`.
pub(crate) const SCANNERS: &str = r#"["friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sundayddr", "VaxSIPUserAgent", "VaxIPUserAgent", "sip-scan", "sipscan", "siparmyknife", "SIVuS", "iWar", "pplsip", "smap", "Nmap"]"#;

pub(crate) const SECURITY: &[Key] = &[
    key(
        "auth_failures",
        Integer(1, 1000),
        Value("5"),
        "Wrong passwords of one account from one address before that pair is blocked.",
    ),
    key(
        "auth_accounts",
        Integer(2, 1000),
        Value("10"),
        "Accounts that one address may fail at before it is blocked but for phones that are known there.",
    ),
    key(
        "auth_block_seconds",
        Seconds(1, 3600),
        Value("60"),
        "The first block; each further failure's is twice as long, up to an hour.",
    ),
    key(
        "country_code",
        Text("calling code"),
        Value(r#""""#),
        "The own country, such as `33`; without it every number with `+` is international.",
    ),
    key(
        "international_prefixes",
        List("beginning of a number"),
        Value(r#"["00"]"#),
        "What stands for `+` in a number.",
    ),
    key(
        "premium_prefixes",
        List("beginning of a number"),
        Value("[]"),
        "Numbers that cost more, such as `+3389` or `0899`.",
    ),
    key(
        "permissions",
        Shape::Words(Permission::NAMES),
        Value(r#"["internal", "national", "international"]"#),
        "What phones may call that don't say it themselves. Emergency numbers are never barred.",
    ),
    key("time_zone", Text("IANA time zone"), Value(r#""UTC""#), "Of phones' `international_hours`."),
];

pub(crate) const TRACE: &[Key] = &[
    key("bytes", Integer(0, 1 << 32), Value("16777216"), "How many bytes of messages are kept; 0: none."),
    key("seconds", Seconds(1, 86_400), Value("600"), "For how long."),
];
