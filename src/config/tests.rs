//! The configuration through its front door: texts in, values or faults out.

use crate::config::Sockets;
use crate::config::Strategy;
use crate::config::keys::SECTIONS;
use crate::config::load::read_sources;
use crate::config::schema::Default;
use crate::config::schema::Key;
use crate::config::*;
use crate::ids::AgentId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::TrunkId;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

const CALL_CENTRE: &str = include_str!("../../config/callcentre.toml");
const LOAD: &str = include_str!("../../config/load.toml");
/// Three lines: what a snippet in a test says begins at line 4.
const HEAD: &str = "[sip]\ndomain = \"example.com\"\nudp = [\"127.0.0.1:5060\"]\n";

fn no_env(_: &str) -> Option<String> {
    None
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn load_well(text: &str) -> Loaded {
    let result = parse("t.toml", text, &no_env);
    assert!(result.is_ok(), "{}", report(&result).0);
    result.unwrap()
}

/// Faults of a snippet below `HEAD`, each without its `t.toml:`.
fn check(snippet: &str, faults: &[&str]) {
    let result = parse("t.toml", &format!("{HEAD}{snippet}"), &no_env);
    let (text, status) = report(&result);
    let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix("t.toml:").unwrap_or(line)).collect();
    assert_eq!(lines, faults, "{snippet}");
    assert_eq!(status, 1, "{snippet}");
}

/// Warnings of a snippet below `HEAD`.
fn check_warnings(snippet: &str, warnings: &[&str]) {
    let result = parse("t.toml", &format!("{HEAD}{snippet}"), &no_env);
    let (text, status) = report(&result);
    let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix("t.toml:").unwrap_or(line)).collect();
    assert_eq!(lines, warnings, "{snippet}");
    assert_eq!(status, 0, "{snippet}");
}

#[test]
fn the_call_centre_loads_with_its_values() {
    let loaded = load_well(CALL_CENTRE);
    let config = &loaded.config;
    assert_eq!(config.sip.domain, "example.com");
    assert_eq!(config.sip.udp, ["127.0.0.1:5060".parse().unwrap()]);
    assert_eq!(config.sip.tcp, config.sip.udp);
    assert!(config.sip.tls.is_empty() && config.sip.ws.is_empty() && config.sip.wss.is_empty());
    assert_eq!(config.sip.advertised, None);
    assert!(config.sip.is_local("10.1.2.3".parse().unwrap()));
    assert!(!config.sip.is_local("192.168.1.1".parse().unwrap()));
    assert_eq!((config.sip.registration_min, config.sip.registration_max), (seconds(60), seconds(3600)));
    assert_eq!(config.sip.user_agent, "Strowger");
    assert_eq!(config.tls, None);
    assert_eq!(config.media.address, "127.0.0.1".parse::<std::net::IpAddr>().unwrap());
    assert_eq!(config.media.ports, PortRange { first: 20000, last: 29999 });
    assert_eq!(config.media.sockets, Sockets::Auto);
    assert_eq!(config.media.codecs, [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu]);
    assert_eq!(config.media.no_media_timeout, Some(seconds(30)));
    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.http.tls_listen, None);
    assert_eq!(config.store.url.as_str(), "sqlite:strowger.db");
    assert_eq!(config.store.recordings, Path::new("recordings"));
    assert_eq!(config.sounds.directory, Path::new("sounds"));
    assert_eq!(config.sounds.language, Language::French);
    let limits = Limits { media_busy_percent: 75, calls_per_second: 50, requests_per_second: 500 };
    assert_eq!(config.limits, limits);
}

#[test]
fn the_call_centre_has_its_people() {
    let config = load_well(CALL_CENTRE).config;
    let key = &config.api_keys[0];
    assert_eq!(key.id.as_str(), "ops");
    assert!(!key.secret.is_set());
    assert_eq!(key.scopes.len(), 7);
    assert!(!key.scopes.contains(&Scope::AgentSelf));
    assert_eq!((&key.agent, &key.queues), (&None, &None));
    let alice = config.agent(&AgentId::new("alice")).unwrap();
    assert_eq!((alice.name.as_str(), alice.role), ("Alice Martin", Role::Agent));
    assert_eq!(alice.phone, Some(PhoneNumber::new("1001")));
    assert!(!alice.password.as_ref().unwrap().is_set());
    let support = QueueId::new("support");
    let membership = Membership { queue: support.clone(), level: 1, position: None, penalty: 0 };
    assert_eq!(alice.queues, std::slice::from_ref(&membership));
    assert_eq!(alice.campaigns, ["rappels"]);
    assert_eq!(alice.skills["french"], 90);
    assert_eq!(alice.initial_status, InitialStatus::LoggedOut);
    let bruno = config.agent_of_phone("1002").unwrap();
    assert_eq!((bruno.id.as_str(), bruno.role), ("bruno", Role::Supervisor));
    assert_eq!((&bruno.queues[..], &bruno.supervises[..]), (&[membership][..], &[support][..]));
    assert_eq!(bruno.password, None);
    assert_eq!(config.phone("1001").unwrap().display_name.as_deref(), Some("Alice"));
    assert_eq!(config.phone("1002").unwrap().secret, PhoneSecret::Plain(Secret::plain("pw")));
    assert_eq!(config.phone("1003"), None);
    let reasons: Vec<_> =
        config.pause_reasons.iter().map(|reason| (reason.id.as_str(), reason.code.as_deref())).collect();
    assert_eq!(reasons, [("repas", Some("1")), ("formation", Some("2"))]);
    assert_eq!(config.pause_reasons[0].name.in_language("fr"), "Repas");
    assert_eq!(config.pause_reasons[0].name.in_language("en"), "Meal");
    assert_eq!((config.dispositions.enabled, config.dispositions.mandatory), (true, false));
    assert_eq!(config.dispositions.values[0].id, "resolu");
    assert_eq!(config.dispositions.values[0].name.in_language("fr"), "Résolu");
}

#[test]
fn the_call_centre_has_its_queue() {
    let config = load_well(CALL_CENTRE).config;
    let queue = config.queue(&QueueId::new("support")).unwrap();
    assert_eq!((queue.name.as_str(), queue.number.as_deref()), ("Support", Some("600")));
    assert_eq!(queue.strategy, Strategy::LongestIdle);
    assert_eq!((queue.ring_timeout, queue.wrap_up), (seconds(15), seconds(10)));
    assert_eq!((queue.max_wait, queue.max_length), (Some(seconds(600)), 100));
    assert_eq!((queue.service_level, queue.music.as_str()), (seconds(20), "default"));
    assert_eq!(queue.recording, Recording { mode: RecordingMode::Always, ..Recording::NEVER });
    assert!(queue.record_notice && queue.join_when_empty && !queue.leave_when_empty);
    assert_eq!((queue.priority, queue.priority_aging), (0, Some(seconds(300))));
    assert_eq!(queue.open_hours.as_ref().unwrap().as_str(), "Mo-Fr 09:00-18:00; PH off");
    assert_eq!((queue.holidays.as_deref(), queue.time_zone.name.as_str()), (Some("FR"), "Europe/Paris"));
    assert_eq!(queue.skills["french"], 50);
    assert_eq!(queue.callback, Some(Callback { key: '1', attempts: 1, customer_first: false }));
    assert_eq!(queue.overflow.len(), 1);
    assert_eq!(queue.overflow[0].when.len(), 4);
    assert_eq!(queue.overflow[0].to.scheme, Scheme::Phone);
    assert_eq!(queue.overflow[0].to.name.as_ref().unwrap().as_str(), "1002");
    let announce = queue.announce.as_ref().unwrap();
    assert_eq!((announce.welcome.as_deref(), announce.every), (Some("bienvenue"), seconds(45)));
    assert!(announce.position && announce.wait);
}

#[test]
fn the_call_centre_has_its_ways() {
    let config = load_well(CALL_CENTRE).config;
    let parking = config.parking.as_ref().unwrap();
    assert!(parking.has_slot("701") && parking.has_slot("720") && !parking.has_slot("721"));
    assert_eq!((parking.slots().count(), parking.timeout), (20, seconds(120)));
    assert_eq!(parking.fallback.as_ref().unwrap().scheme, Scheme::Queue);
    let trunk = config.trunk(&TrunkId::new("carrier")).unwrap();
    assert_eq!((trunk.kind, trunk.transport), (Kind::Ip, Transport::Udp));
    assert_eq!(trunk.hosts, [Host::Address("127.0.0.1:5090".parse().unwrap())]);
    assert_eq!((trunk.options, trunk.max_calls), (Some(seconds(30)), 30));
    assert_eq!((&trunk.caller_ids[..], &trunk.credentials), (&["+33140000000".to_string()][..], &None));
    let route = &config.routes[0];
    assert_eq!((route.pattern.as_str(), &route.trunks[..]), ("0XXXXXXXXX", &[TrunkId::new("carrier")][..]));
    assert_eq!(route.rewrite.as_ref().unwrap().as_str(), "+33{1}");
    let inbound = &config.inbound[0];
    assert_eq!((inbound.trunk.as_str(), inbound.number.as_str()), ("carrier", "+33140000000"));
    assert_eq!((inbound.to.scheme, inbound.recording), (Scheme::Queue, None));
    let campaign = &config.campaigns[0];
    assert_eq!((campaign.id.as_str(), campaign.name.as_str()), ("rappels", "Appels manqués"));
    assert_eq!((campaign.mode, campaign.agents_first), (Mode::Progressive, true));
    assert_eq!(campaign.from_abandoned, [QueueId::new("support")]);
    assert_eq!(campaign.trunks, [TrunkId::new("carrier")]);
    assert_eq!(campaign.caller_id.as_deref(), Some("+33140000000"));
    assert_eq!(campaign.open_hours.as_ref().unwrap().rules.len(), 2);
    assert_eq!(campaign.time_zone.name, "UTC");
}

#[test]
fn the_call_centre_warns_of_what_is_unset() {
    let loaded = load_well(CALL_CENTRE);
    let keys: Vec<_> = loaded.unset().map(|warning| warning.to_string()).collect();
    assert_eq!(
        keys,
        [
            "t.toml:47:10: warning: `api_key.secret` has no value: environment variable STROWGER_OPS_KEY is not set",
            "t.toml:53:10: warning: `phone.secret` has no value: environment variable PHONE_1001 is not set",
            "t.toml:65:12: warning: `agent.password` has no value: environment variable ALICE_PASSWORD is not set",
        ]
    );
    let set =
        parse("t.toml", CALL_CENTRE, &|name| (!name.contains("__")).then(|| format!("the {name}"))).unwrap();
    assert_eq!(set.unset().count(), 0);
    assert!(set.config.api_keys[0].secret.matches("the STROWGER_OPS_KEY"));
    assert!(!format!("{:?}", set.config).contains("the "), "a secret in the debug output");
}

#[test]
fn the_load_contract_loads_with_its_values() {
    let loaded = load_well(LOAD);
    let config = &loaded.config;
    assert_eq!(config.sip.domain, "127.0.0.1");
    assert_eq!(config.sip.udp, ["127.0.0.1:45060".parse().unwrap()]);
    assert_eq!(config.sip.registration_min, seconds(30));
    assert_eq!(config.media.ports, PortRange { first: 10000, last: 29999 });
    assert_eq!(config.media.codecs, [Codec::Pcmu, Codec::Pcma]);
    assert_eq!(config.media.no_media_timeout, None);
    assert_eq!(config.http.listen, "127.0.0.1:48080".parse().unwrap());
    assert_eq!(config.store.url.as_str(), "sqlite:load.db");
    assert_eq!(config.sounds.language, Language::English);
    let limits =
        Limits { media_busy_percent: 100, calls_per_second: 1_000_000, requests_per_second: 1_000_000 };
    assert_eq!(config.limits, limits);
    assert!(config.api_keys[0].secret.matches("load-key-for-tests"));
    assert_eq!(config.api_keys[0].scopes, [Scope::QueueRead, Scope::MetricsRead].into());
    assert_eq!(config.trunks.len(), 2);
    assert_eq!(config.trunks[1].hosts, [Host::Address("127.0.0.3:5070".parse().unwrap())]);
    assert_eq!((config.trunks[0].max_calls, config.trunks[0].options), (100_000, None));
    assert_eq!(config.inbound.len(), 6);
    assert_eq!(config.inbound[1].recording.unwrap().mode, RecordingMode::Always);
    let waiting = config.queue(&QueueId::new("waiting")).unwrap();
    assert_eq!((waiting.max_wait, waiting.max_length), (Some(seconds(36000)), 100_000));
    assert!(waiting.join_when_empty);
    let agents = config.queue(&QueueId::new("agents")).unwrap();
    assert_eq!((agents.wrap_up, agents.ring_timeout), (Duration::ZERO, seconds(15)));
    assert_eq!((config.phones.len(), config.agents.len(), config.phone_ranges.len()), (50, 50, 1));
    assert!(config.agents.iter().all(|agent| agent.initial_status == InitialStatus::Ready));
    let fixed = config.phone("a49").unwrap();
    assert_eq!(fixed.contact.as_deref(), Some("sip:a49@127.0.0.3:5070"));
    assert_eq!(fixed.secret, PhoneSecret::None);
    let ranged = config.phone("u4711").unwrap();
    assert_eq!(
        (ranged.number.as_str(), ranged.secret),
        ("u4711", PhoneSecret::Plain(Secret::plain("secret")))
    );
    assert_eq!(config.phone("u10000"), None);
    assert_eq!(loaded.unset().count(), 0);
}

#[test]
fn everything_but_domain_and_udp_has_a_default() {
    let config = load_well(HEAD).config;
    assert_eq!(config.media.address, "127.0.0.1".parse::<std::net::IpAddr>().unwrap());
    assert_eq!(config.media.codecs, [Codec::Pcma, Codec::Pcmu]);
    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.limits.calls_per_second, 50);
    assert_eq!(config.sip.local_networks.len(), 7);
    assert_eq!((config.parking, config.dispositions), (None, Dispositions::default()));
    let queue = load_well(&format!("{HEAD}[[queue]]\nid = \"q\"\n")).config.queues.remove(0);
    assert_eq!((queue.name.as_str(), queue.number, queue.max_length), ("q", None, 100));
    assert_eq!((queue.max_wait, queue.priority_aging), (Some(seconds(600)), Some(seconds(300))));
    assert_eq!((queue.wrap_up, queue.service_level), (seconds(10), seconds(20)));
    assert_eq!((queue.recording, queue.time_zone.name.as_str()), (Recording::NEVER, "UTC"));
    assert!(queue.join_when_empty && !queue.leave_when_empty && !queue.record_notice);
    let media = load_well("[sip]\ndomain = \"a\"\nudp = [\"[::1]:5060\"]\n").config.media;
    assert_eq!(media.address, "::1".parse::<std::net::IpAddr>().unwrap());
}

#[test]
fn nothing_at_all_lacks_the_two_keys() {
    let (text, status) = report(&parse("t.toml", "", &no_env));
    assert_eq!(text, "t.toml:1:1: `sip` needs a `domain`\nt.toml:1:1: `sip` needs a `udp`\n");
    assert_eq!(status, 1);
    let (text, _) = report(&load(Path::new("/nonexistent/strowger.toml")));
    assert!(text.starts_with("/nonexistent/strowger.toml: cannot be read: "), "{text}");
}

#[test]
fn keys_and_sections_are_known() {
    check("tpc = []\n", &["4:1: unknown key `tpc` in `sip`; did you mean `tcp`?"]);
    check("colour = 1\n", &["4:1: unknown key `colour` in `sip`"]);
    check("[meida]\n", &["4:2: unknown section `meida`; did you mean `media`?"]);
    check("[[queues]]\nid = \"q\"\n", &["4:3: unknown section `queues`; did you mean `queue`?"]);
    check("[queue]\nid = \"q\"\n", &["4:2: there can be many of `queue`: write [[queue]]"]);
    check("[[http]]\n", &["4:1: `http` must be a section [http], not a list"]);
    check(
        "[[queue]]\nid = \"q\"\nrecording = { mod = \"never\", agent_may_stopp = 1 }\n",
        &[
            "6:15: unknown key `mod` in `queue.recording`; did you mean `mode`?",
            "6:30: unknown key `agent_may_stopp` in `queue.recording`; did you mean `agent_may_stop`?",
        ],
    );
    check("[[queue]]\nname = \"é\"; id = 1\n", &["5:11: unexpected key or value, expected newline, `#`"]);
}

#[test]
fn values_have_their_kinds_and_ranges() {
    check("tcp = \"127.0.0.1:5060\"\n", &["4:7: `tcp` must be a list of texts, not a text"]);
    check("tcp = [5060]\n", &["4:8: `tcp` must be a list of texts, not a whole number"]);
    check("user_agent = 1.5\n", &["4:14: `user_agent` must be a text, not a fraction"]);
    check("user_agent = \"a\\r\\nb\"\n", &["4:14: `user_agent`: must be one line of at most 128 characters"]);
    check(
        "[limits]\nmedia_busy_percent = 120\ncalls_per_second = -1\nrequests_per_second = \"many\"\n",
        &[
            "5:22: `media_busy_percent` must be from 1 to 100, not 120",
            "6:20: `calls_per_second` must be from 1 to 10000000, not -1",
            "7:23: `requests_per_second` must be a whole number, not a text",
        ],
    );
    check(
        "[[queue]]\nid = \"q\"\nstrategy = \"longest-idel\"\njoin_when_empty = \"yes\"\nskills = { french = 101, german = \"a\" }\n",
        &[
            "6:12: `strategy` cannot be `longest-idel`, only `longest-idle`, `ring-all`, `round-robin`, `linear`, \
             `random`, `weighted-random`, `fewest-calls`, `least-talk-time`; did you mean `longest-idle`?",
            "7:19: `join_when_empty` must be true or false, not a text",
            "8:21: `french` must be from 0 to 100, not 101",
            "8:35: `german` must be a whole number, not a text",
        ],
    );
    check(
        "[[queue]]\nid = \"a b\"\n",
        &["5:6: `id`: `a b` is not an id: 1 to 64 letters without accents, digits, `-`, `_` and `.`"],
    );
    check("[[queue]]\nname = \"q\"\n", &["4:1: `queue` needs a `id`"]);
    check(
        "[[pause_reason]]\nid = \"p\"\ncode = \"1a\"\nname = { french = \"Repas\" }\n",
        &["6:8: `code` must be 1 to 8 digits", "7:10: `name`: `french` is not a language such as `fr`"],
    );
}

#[test]
fn addresses_are_checked() {
    check(
        "tcp = [\"127.0.0.1\"]\n",
        &["4:8: `tcp`: `127.0.0.1` is not an address and port such as 192.0.2.7:5060"],
    );
    check("advertised = \"home\"\n", &["4:14: `advertised`: `home` is not an IP address"]);
    check(
        "local_networks = [\"10.0.0.0/8\", \"10.0.0.0/40\"]\n",
        &["4:33: `local_networks`: `10.0.0.0/40` is not a network such as 10.0.0.0/8"],
    );
    check(
        "tls = [\"127.0.0.1:5061\"]\n",
        &["1:1: `sip.tls` and `sip.wss` need a section [tls] with `certificate` and `key`"],
    );
    check("[tls]\ncertificate = \"a.pem\"\n", &["4:1: `tls` needs a `key`"]);
    check(
        "[http]\ntls_listen = \"0.0.0.0:8443\"\n",
        &["5:14: `tls_listen` needs a section [tls] with `certificate` and `key`"],
    );
    check("[media]\nports = \"5000-6000\"\n", &["5:9: `ports` 5000-6000 overlaps `sip.udp` 127.0.0.1:5060"]);
    check(
        "[media]\nports = \"6000\"\ncodecs = [\"pcma\", \"pcma\", \"g729\"]\n",
        &[
            "5:9: `ports`: `6000` is not a range of ports such as 20000-29999",
            "6:19: `pcma` is there twice in `codecs`",
            "6:27: `codecs` cannot be `g729`, only `opus`, `g722`, `pcma`, `pcmu`; did you mean `g722`?",
        ],
    );
    check(
        "[media]\nsockets = \"one\"\n",
        &["5:11: `sockets` cannot be `one`, only `auto`, `each`, `shared`"],
    );
    check(
        "[media]\naddress = \"::1\"\nsockets = \"shared\"\n",
        &["6:11: `sockets` can be `shared` with one IPv4 address alone, and `address` is ::1"],
    );
    check("[media]\ncodecs = []\n", &["5:10: `codecs` must name at least one codec"]);
    check(
        "tcp = [\"127.0.0.1:8080\"]\nws = [\"0.0.0.0:8080\"]\n[http]\nlisten = \"127.0.0.1:8080\"\n",
        &[
            "7:10: `http.listen` 127.0.0.1:8080 takes the port of `sip.tcp` 127.0.0.1:8080 at t.toml:4:8",
            "5:7: `sip.ws` 0.0.0.0:8080 takes the port of `sip.tcp` 127.0.0.1:8080 at t.toml:4:8",
        ]
        .iter()
        .rev()
        .copied()
        .collect::<Vec<_>>(),
    );
    check(
        "[store]\nurl = \"mysql://user:pw@host/db\"\n",
        &["5:7: `url`: must begin with `sqlite:` or `postgres://`"],
    );
    check(
        "registration_min_seconds = 7200\n",
        &["4:28: `registration_min_seconds` is above `registration_max_seconds`"],
    );
}

#[test]
fn names_must_exist_and_be_there_once() {
    check(
        "[[queue]]\nid = \"support\"\n[[agent]]\nid = \"a\"\nqueues = [\"suport\"]\nphone = \"1001\"\ncampaigns = [\"c\"]\n",
        &[
            "8:11: there is no queue `suport`; did you mean `support`?",
            "9:9: there is no phone `1001`",
            "10:14: there is no campaign `c`",
        ],
    );
    check(
        "[[queue]]\nid = \"q\"\nnumber = \"600\"\n[[queue]]\nid = \"q\"\nnumber = \"600\"\n",
        &[
            "8:6: queue `q` is there twice, first at t.toml:5:6",
            "9:10: number `600` is taken twice, first by queue `q` at t.toml:6:10",
        ],
    );
    check(
        "[[phone]]\nnumber = \"u05\"\nsecret = \"x\"\n[[phone_range]]\nnumbers = \"u00-u09\"\nsecret = \"x\"\n[[phone_range]]\nnumbers = \"u08-u20\"\nsecret = \"x\"\n",
        &[
            "8:11: range `u00-u09` covers number `u05` of a phone at t.toml:5:10",
            "11:11: range `u08-u20` overlaps range `u00-u09` at t.toml:8:11",
        ],
    );
    check(
        "[parking]\nslots = \"700-799\"\n[[queue]]\nid = \"q\"\nnumber = \"750\"\n",
        &["5:9: range `700-799` covers number `750` of queue `q` at t.toml:8:10"],
    );
    check(
        "[[phone]]\nnumber = \"1\"\nsecret = \"x\"\n[[agent]]\nid = \"a\"\nphone = \"1\"\n[[agent]]\nid = \"b\"\nphone = \"1\"\n",
        &["12:9: phone `1` is already agent `a`'s at t.toml:9:9"],
    );
    check(
        "[[api_key]]\nid = \"k\"\nscopes = [\"queue:raed\"]\nagent = \"bob\"\n",
        &[
            "4:1: `api_key` needs a `secret`",
            "6:11: `scopes` cannot be `queue:raed`, only `agent:self`, `queue:read`, `queue:supervise`, `call:control`, \
         `campaign:write`, `recording:read`, `config:write`, `metrics:read`; did you mean `queue:read`?",
            "7:9: there is no agent `bob`",
        ],
    );
    check(
        "[[pause_reason]]\nid = \"a\"\ncode = \"1\"\n[[pause_reason]]\nid = \"b\"\ncode = \"1\"\n",
        &["9:8: pause code `1` is there twice, first at t.toml:6:8"],
    );
    check(
        "[[queue]]\nid = \"q\"\n[[agent]]\nid = \"a\"\nqueues = [\"q\", { id = \"q\", levle = 2 }]\n",
        &[
            "8:16: `q` is there twice in `queues`",
            "8:28: unknown key `levle` in `agent.queues`; did you mean `level`?",
        ],
    );
}

#[test]
fn patterns_hours_zones_and_destinations_are_checked() {
    let trunk = "[[trunk]]\nid = \"t\"\nhosts = [\"192.0.2.1:5060\"]\n";
    check(
        &format!(
            "{trunk}[[route]]\npattern = \"0.1\"\ntrunk = [\"x\"]\n[[route]]\npattern = \"0X.\"\ntrunk = []\nrewrite = \"{{2}}\"\n"
        ),
        &[
            "8:11: `pattern`: `.` takes the rest of a number: it must stand last in `0.1`",
            "9:10: there is no trunk `x`",
            "12:9: `trunk` must name at least one trunk",
            "13:11: `rewrite`: `{2}` has nothing to stand for in pattern `0X.`",
        ],
    );
    check(
        &format!(
            "{trunk}[[inbound]]\ntrunk = \"t\"\nnumber = \"1\"\nto = \"quue:q\"\n[[inbound]]\ntrunk = \"t\"\nnumber = \"1\"\nto = \"queue:q\"\n[[inbound]]\ntrunk = \"t\"\nnumber = \"2\"\nto = \"conference:{{.}}\"\n[[inbound]]\ntrunk = \"t\"\nnumber = \"3\"\nto = \"queue\"\n"
        ),
        &[
            "10:6: `quue:q` is not a destination (`phone`, `queue`, `menu`, `group`, `voicemail`, `conference`, `music`, \
         `trunk`, `park`); did you mean `queue:q`?",
            "13:10: number `1` of trunk `t` is there twice, first at t.toml:9:10",
            "14:6: there is no queue `q`",
            "18:6: `{.}` has nothing to stand for in pattern `2`",
            "22:6: `queue` does not say which: write `queue:…`",
        ],
    );
    check(
        "[[queue]]\nid = \"q\"\nopen_hours = \"Mo-Fri 09:00-18:00\"\ntime_zone = \"Europe/Pari\"\nholidays = \"France\"\ncallback = { key = \"12\" }\nmusic = \"../x\"\n",
        &[
            "6:14: `open_hours`: opening hours: `Fri` is not a day (Mo Tu We Th Fr Sa Su, PH)",
            "7:13: `time_zone`: there is no time zone `Europe/Pari`",
            "8:12: `holidays`: `France` is not a country such as FR",
            "9:20: `key`: `12` is not a key of a phone: 0 to 9, * or #",
            "10:9: `music`: `../x` is not the name of a sound such as queue-youarenext",
        ],
    );
    check(
        "[[queue]]\nid = \"q\"\noverflow = [{ when = [\"full\"], to = \"queue:q\" }, { when = [\"full\"], to = \"trunk:{.}\" }]\n",
        &[
            "6:12: `overflow` has two places for `full`",
            "6:74: `{.}` has nothing to stand for: there is no pattern here",
        ],
    );
    check(
        "[[trunk]]\nid = \"t\"\nkind = \"register\"\nuser = \"u\"\n",
        &["4:1: a trunk of kind `register` or `digest` needs a `secret`", "4:1: trunk `t` needs `hosts`"],
    );
    check(
        "[[phone]]\nnumber = \"10 01\"\nsecret = { ha1_md5 = \"abc\", env = \"X\" }\ncontact = \"1001\"\n",
        &[
            "5:10: `number`: `10 01` is not a number: 1 to 64 digits, letters and + * # . _ -",
            "6:12: `ha1_md5` cannot stand beside `env` or `file`",
            "7:11: `contact`: `1001` is not a SIP URI such as sip:1002@192.0.2.7:5060",
        ],
    );
}

#[test]
fn what_is_not_built_warns_once() {
    check_warnings(
        "tls = [\"127.0.0.1:5061\"]\n[tls]\ncertificate = \"c\"\nkey = \"k\"\n[media]\ncodecs = [\"opus\", \"pcma\"]\n\
         [[queue]]\nid = \"q\"\nstrategy = \"ring-all\"\n[[queue]]\nid = \"r\"\nstrategy = \"ring-all\"\n\
         [[queue]]\nid = \"s\"\nstrategy = \"linear\"\nrecording = { mode = \"never\" }\n\
         overflow = [{ when = [\"full\"], to = \"voicemail:1\" }]\n[[phone]]\nnumber = \"1\"\nsecret = \"x\"\n",
        &[
            "9:11: warning: `media.codecs = opus` is not built yet: it is neither offered nor accepted",
            "12:12: warning: `queue.strategy = ring-all` is not built yet: longest-idle is used",
            "18:12: warning: `queue.strategy = linear` is not built yet: longest-idle is used",
            "20:1: warning: `queue.overflow` is not built yet: the caller is told that nobody can answer",
            "20:37: warning: `destination = voicemail` is not built yet: calls to it are answered with 501",
        ],
    );
}

#[test]
fn what_is_doubtful_warns() {
    check_warnings(
        "[media]\naddress = \"0.0.0.0\"\n[[phone]]\nnumber = \"1\"\n[[api_key]]\nid = \"k\"\nsecret = \"s\"\nscopes = [\"agent:self\"]\n\
         [[trunk]]\nid = \"t\"\nhosts = [\"192.0.2.1\"]\nuser = \"u\"\n[[trunk]]\nid = \"v\"\nhosts = [\"192.0.2.1\"]\n",
        &[
            "5:11: warning: RTP is received at 0.0.0.0 and `sip.advertised` is not set: peers have no address to send to",
            "6:1: warning: phone `1` has neither `secret` nor `contact`: it cannot register",
            "11:10: warning: scope `agent:self` does nothing in a key without `agent`",
            "15:8: warning: `user` does nothing in a trunk of kind `ip`",
            "18:10: warning: `192.0.2.1` is also trunk `t`'s (t.toml:14:10): calls from there are its",
        ],
    );
}

#[test]
fn the_environment_stands_above_the_file() {
    let env = |name: &str| {
        let value = match name {
            "STROWGER__SIP__DOMAIN" => "pbx.example.org",
            "STROWGER__SIP__TCP" => "127.0.0.1:5060, [::1]:5060",
            "STROWGER__MEDIA__NO_MEDIA_TIMEOUT_SECONDS" => "0",
            "STROWGER__DISPOSITIONS__ENABLED" => "true",
            _ => return None,
        };
        Some(value.to_string())
    };
    let config = parse("t.toml", HEAD, &env).unwrap().config;
    assert_eq!(config.sip.domain, "pbx.example.org");
    assert_eq!(config.sip.tcp, ["127.0.0.1:5060".parse().unwrap(), "[::1]:5060".parse().unwrap()]);
    assert_eq!(config.media.no_media_timeout, None);
    assert!(config.dispositions.enabled);
    let wrong = |name: &str| (name == "STROWGER__LIMITS__CALLS_PER_SECOND").then(|| "lots".to_string());
    assert_eq!(
        report(&parse("t.toml", HEAD, &wrong)).0,
        "STROWGER__LIMITS__CALLS_PER_SECOND: `calls_per_second` must be a whole number, not a text\n"
    );
}

#[test]
fn secrets_come_from_files_and_variables() {
    let text = format!(
        "{HEAD}[store]\nurl = {{ file = \"url\" }}\n[[phone]]\nnumber = \"1\"\nsecret = {{ file = \"one\" }}\n\
         [[phone]]\nnumber = \"2\"\nsecret = {{ file = \"gone\" }}\n\
         [[phone]]\nnumber = \"3\"\nsecret = {{ ha1_md5 = \"0123456789ABCDEF0123456789abcdef\", ha1_sha256 = {{ env = \"SHA\" }} }}\n\
         [limits]\ncalls_per_second = {{ env = \"CPS\" }}\nrequests_per_second = {{ env = \"NONE\" }}\n"
    );
    let sha = "ab".repeat(32);
    let env = |name: &str| match name {
        "SHA" => Some(sha.clone()),
        "CPS" => Some("7".to_string()),
        _ => None,
    };
    let file = |path: &Path| match path.to_str() {
        Some("one") => Ok("uno\n".to_string()),
        Some("url") => Ok("postgres://me:pw@db/x\r\n".to_string()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    let source = Source { name: "t.toml", text: &text };
    let loaded = parse_sources(&[source], &Outside { env: &env, file: &file }).unwrap();
    let secret = |number| loaded.config.phone(number).unwrap().secret;
    assert_eq!(secret("1"), PhoneSecret::Plain(Secret::plain("uno")));
    assert_eq!(secret("2"), PhoneSecret::Plain(Secret::unset()));
    let hash = |text: &str| Some(Secret::plain(text));
    assert_eq!(
        secret("3"),
        PhoneSecret::Ha1 { md5: hash("0123456789abcdef0123456789abcdef"), sha256: hash(&sha) }
    );
    assert_eq!(loaded.config.store.url.as_str(), "postgres://me:pw@db/x");
    assert_eq!((loaded.config.limits.calls_per_second, loaded.config.limits.requests_per_second), (7, 500));
    let unset: Vec<_> = loaded.unset().map(Warning::to_string).collect();
    assert_eq!(
        unset,
        [
            "t.toml:11:10: warning: `phone.secret` has no value: file gone cannot be read: no such file",
            "t.toml:17:23: warning: `limits.requests_per_second` has no value: environment variable NONE is not set",
        ]
    );
}

#[test]
fn whatever_is_unset_warns_and_is_no_fault() {
    let text = "[sip]\ndomain = { env = \"D\" }\nudp = [\"127.0.0.1:5060\"]\nws = []\n\
                [[api_key]]\nid = \"k\"\nsecret = { sha256 = { env = \"H\" } }\nscopes = [\"queue:read\"]\n";
    let loaded = load_well(text);
    let keys: Vec<_> = loaded.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        keys,
        [
            "t.toml:2:10: warning: `sip.domain` has no value: environment variable D is not set",
            "t.toml:7:21: warning: `api_key.secret.sha256` has no value: environment variable H is not set",
        ]
    );
    assert!(!loaded.config.api_keys[0].secret.is_set());
}

#[test]
fn later_files_add_and_replace() {
    let sources = [
        Source { name: "main.toml", text: &format!("{HEAD}[[queue]]\nid = \"a\"\n") },
        Source { name: "conf.d/10.toml", text: "[sip]\ndomain = \"b.example\"\n[[queue]]\nid = \"b\"\n" },
        Source { name: "conf.d/20.toml", text: "[[queue]]\nid = \"a\"\n[limits]\ncals_per_second = 1\n" },
    ];
    let file = |_: &Path| Ok(String::new());
    let outside = Outside { env: &no_env, file: &file };
    let config = parse_sources(&sources[..2], &outside).unwrap().config;
    assert_eq!(config.sip.domain, "b.example");
    assert_eq!(config.sip.udp.len(), 1);
    assert_eq!(config.queues.iter().map(|queue| queue.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        report(&parse_sources(&sources, &outside)).0,
        "conf.d/20.toml:2:6: queue `a` is there twice, first at main.toml:5:6\n\
         conf.d/20.toml:4:1: unknown key `cals_per_second` in `limits`; did you mean `calls_per_second`?\n"
    );
}

#[test]
fn load_reads_the_folder_beside_the_file() {
    let folder = std::env::temp_dir().join(format!("strowger-config-{}", std::process::id()));
    let conf_d = folder.join("conf.d");
    std::fs::create_dir_all(&conf_d).unwrap();
    let main = folder.join("strowger.toml");
    std::fs::write(&main, HEAD).unwrap();
    std::fs::write(conf_d.join("b.toml"), "[[queue]]\nid = \"b\"\n").unwrap();
    std::fs::write(conf_d.join("a.toml"), "[[queue]]\nid = \"a\"\n").unwrap();
    std::fs::write(conf_d.join("c.txt"), "not ours").unwrap();
    let loaded = load(&main);
    std::fs::write(conf_d.join("d.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
    let broken = load(&main);
    std::fs::remove_dir_all(&folder).unwrap();
    let queues = loaded.unwrap().config.queues;
    assert_eq!(queues.iter().map(|queue| queue.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(
        report(&broken).0.ends_with("d.toml: cannot be read: line 2 is not UTF-8\n"),
        "{}",
        report(&broken).0
    );
}

#[test]
fn every_fault_is_reported_and_not_only_the_first() {
    let text = CALL_CENTRE
        .replace("domain = ", "domian = ")
        .replace("\"sqlite:strowger.db\"", "5")
        .replace("strategy = \"longest-idle\"", "strategy = \"x\"")
        .replace("to = \"queue:support\"", "to = \"queue:sales\"");
    let (text, status) = report(&parse("t.toml", &text, &no_env));
    let lines: Vec<_> = text.lines().map(|line| line.split(':').nth(1).unwrap()).collect();
    assert_eq!((lines, status), (vec!["6", "7", "33", "104", "142"], 1), "{text}");
}

/// Every key of the table with some value, so that all readers run.
const ALL_TABLES: &str = r#"
[tls]
certificate = "c"
key = "k"
[dispositions]
values = [{ id = "d" }]
[parking]
[[api_key]]
id = "k"
secret = { sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
[[phone]]
number = "1"
secret = { ha1_md5 = "00000000000000000000000000000000" }
forward = {}
[[phone_range]]
numbers = "20-29"
[[agent]]
id = "a"
queues = [{ id = "q" }]
[[pause_reason]]
id = "p"
[[queue]]
id = "q"
recording = {}
callback = {}
overflow = [{ when = [], to = "park" }]
announce = {}
[[trunk]]
id = "t"
hosts = ["192.0.2.1:5060"]
[[route]]
pattern = "0."
trunk = ["t"]
[[inbound]]
trunk = "t"
number = "1"
to = "trunk:t"
recording = {}
[[campaign]]
id = "c"
[emergency]
country = "FR"
[[group]]
id = "g"
members = ["1"]
[[menu]]
id = "m"
prompt = "p"
keys = { 1 = "group:g" }
"#;

#[test]
fn every_key_of_the_table_is_read() {
    let file = |_: &Path| Ok(String::new());
    let outside = Outside { env: &no_env, file: &file };
    let mut cx = crate::config::context::Context::new(&outside);
    let text = format!("{HEAD}{ALL_TABLES}");
    let result = read_sources(&[Source { name: "t.toml", text: &text }], &mut cx);
    assert!(result.is_ok(), "{}", report(&result).0);
    let mut keys = BTreeSet::new();
    for section in SECTIONS {
        paths_of(section.name, section.keys, &mut keys);
    }
    assert_eq!(cx.keys_read, keys);
}

fn paths_of(path: &str, keys: &[Key], paths: &mut BTreeSet<String>) {
    for key in keys {
        // `env` and `file` are taken before the table of a secret is read.
        if !matches!(key.name, "env" | "file") {
            paths.insert(format!("{path}.{}", key.name));
        }
        paths_of(&format!("{path}.{}", key.name), key.shape.inner(), paths);
    }
}

#[test]
fn every_default_is_a_value() {
    fn check(keys: &[Key]) {
        let at = Place { order: 0, file: "t".into(), line: 1, column: 1 };
        for key in keys {
            if let Default::Value(text) = key.default {
                assert!(crate::config::tree::parse_value(text, &at).is_some(), "{}", key.name);
            }
            check(key.shape.inner());
        }
    }
    SECTIONS.iter().for_each(|section| check(section.keys));
}

#[test]
fn every_gap_is_a_key_and_its_values_exist() {
    let mut keys: BTreeSet<String> = SECTIONS.iter().map(|section| section.name.to_string()).collect();
    for section in SECTIONS {
        paths_of(section.name, section.keys, &mut keys);
    }
    keys.insert(crate::config::gaps::DESTINATION.to_string());
    for gap in crate::config::gaps::GAPS {
        assert!(keys.contains(gap.key), "{}", gap.key);
    }
}

#[test]
fn the_reference_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == reference(), "docs/configuration.md is stale: BLESS=1 cargo test --lib config::");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = report(&parse("t.toml", &text, &no_env));
    }

    #[test]
    fn a_mutated_file_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
    ) {
        let mut bytes = CALL_CENTRE.as_bytes().to_vec();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => _ = bytes.remove(at),
                // A piece of the file moves: right words in wrong places.
                _ => {
                    let piece: Vec<u8> = bytes[at..(at + usize::from(byte)).min(bytes.len())].to_vec();
                    let to = bytes.len() - 1 - at;
                    bytes.splice(to..to, piece);
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ = report(&parse("t.toml", &text, &no_env));
    }

    #[test]
    fn any_value_in_any_key_never_panics(key in 0_usize..400, value in "[ -~é\\n]{0,12}") {
        let lines: Vec<&str> = CALL_CENTRE.lines().collect();
        let at = key % lines.len();
        let quoted = format!("{value:?}");
        for value in [&value, &quoted] {
            let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            if let Some((name, _)) = lines[at].split_once('=') {
                lines[at] = format!("{name}= {value}");
            }
            let _ = report(&parse("t.toml", &lines.join("\n"), &no_env));
        }
    }
}

#[test]
fn groups_menus_and_codes_are_checked() {
    check(
        "[[group]]\nid = \"g\"\nmembers = []\n[[menu]]\nid = \"m\"\nprompt = [\"a\", \"../b\"]\n\
         keys = { 12 = \"group:g\", 1 = \"group:x\" }\ntimeout = \"menu:n\"\n",
        &[
            "6:11: `members` must be 1 to 50 phones",
            "9:16: `prompt`: `../b` is not the name of a sound such as queue-youarenext",
            "10:10: `keys`: `12` is not a key of a phone: 0 to 9, * or #",
            "10:30: there is no group `x`",
            "11:11: there is no menu `n`",
        ],
    );
    check(
        "[features]\nprofile = \"freepbx\"\nspeed_dial = { 1 = \"100\", 12 = \"a b\" }\n\
         codes = { ecko = \"*1\", echo = \"*x\", dnd_on = \"*5\", dnd_off = \"*5\" }\n",
        &[
            "6:16: `speed_dial`: `1` is not two digits",
            "6:32: `speed_dial`: `a b` is not a number: 1 to 64 digits, letters and + * # . _ -",
            "7:11: `codes`: there is no action `ecko`; did you mean `echo`?",
            "7:31: `echo` must be up to 8 of 0 to 9, * and #",
            "7:46: code `*5` is already `dnd_off`'s",
        ],
    );
    check_warnings(
        "[features]\ncodes = { park = \"*70\" }\n[[menu]]\nid = \"m\"\nprompt = \"a\"\n",
        &[
            "5:11: warning: `features.codes = park` is not built yet: the code is answered with 501",
            "6:1: warning: a menu without `keys` and `direct_dial` leads nowhere",
        ],
    );
}
