//! The dial plan through its front door.

use crate::config;
use crate::config::Pattern;
use crate::config::RecordingMode;
use crate::config::Template;
use crate::dialplan::Destination;
use crate::dialplan::Dialplan;
use crate::dialplan::captures;
use crate::dialplan::fill;
use crate::ids::TrunkId;
use proptest::prelude::*;
use std::sync::LazyLock;

fn plan(text: &str) -> Dialplan {
    let loaded = config::parse("t.toml", text, &|_| None).expect("the test's configuration loads");
    Dialplan::from(&loaded.config)
}

fn load_plan() -> Dialplan {
    plan(include_str!("../../config/load.toml"))
}

fn to_trunk(trunk: &str, number: &str) -> Destination {
    Destination::Trunk { trunks: vec![TrunkId::new(trunk)], number: number.to_string() }
}

/// What a rewrite makes of a number; `None` when the pattern does not fit.
fn rewrite(pattern: &str, template: &str, number: &str) -> Option<String> {
    let (pattern, template) = (Pattern::parse(pattern).unwrap(), Template::parse(template).unwrap());
    captures(&pattern, number).map(|taken| fill(&template, &taken))
}

#[test]
fn patterns_match_whole_numbers() {
    let check = |pattern, template, number, result: Option<&str>| {
        assert_eq!(rewrite(pattern, template, number).as_deref(), result, "{pattern} {template} {number}");
    };
    check("0XXXXXXXXX", "+33{1}", "0140000000", Some("+33140000000"));
    check("0XXXXXXXXX", "+33{1}", "014000000", None);
    check("0XXXXXXXXX", "+33{1}", "01400000000", None);
    check("0XXXXXXXXX", "+33{1}", "014000000a", None);
    check("Z", "{1}", "0", None);
    check("Z", "{1}", "1", Some("1"));
    check("N", "{1}", "1", None);
    check("N", "{1}", "2", Some("2"));
    check("00ZX5NX.", "{2}-{1}-{.}", "004153678", Some("36-41-78"));
    check("00ZX5NX.", "{2}-{1}-{.}", "0041536", None);
    check("0X.", "{1}{.}", "012é+x", Some("12é+x"));
    check(".", "{.}", "", None);
    check(".", "{.}", "a", Some("a"));
    check("600", "x", "600", Some("x"));
    check("600", "x", "6000", None);
    check("é*", "x", "é*", Some("x"));
}

#[test]
fn the_load_contract_goes_where_it_says() {
    let plan = load_plan();
    let callers = TrunkId::new("callers");
    let check = |number, destination| assert_eq!(plan.inbound(&callers, number), destination, "{number}");
    check("1042", Some(to_trunk("far", "1042")));
    check("2042", Some(to_trunk("far", "2042")));
    check("3042", Some(Destination::Conference("042".to_string())));
    check("41", Some(Destination::Queue("waiting".into())));
    check("51", Some(Destination::Queue("agents".into())));
    check("61", Some(Destination::Music("default".to_string())));
    check("1", None);
    check("71", None);
    check("", None);
    assert_eq!(plan.inbound(&TrunkId::new("far"), "1042"), None);
    let recorded = |number| plan.inbound_rule(&callers, number).unwrap().1.map(|recording| recording.mode);
    assert_eq!((recorded("1042"), recorded("2042")), (None, Some(RecordingMode::Always)));
    assert_eq!(plan.from_phone("u9999"), Destination::Phone("u9999".into()));
    assert_eq!(plan.from_phone("a07"), Destination::Phone("a07".into()));
    assert_eq!(plan.from_phone("u10000"), Destination::NotFound);
    assert!(plan.is_phone("u0000") && !plan.is_phone("waiting"));
}

#[test]
fn the_call_centre_goes_where_it_says() {
    let plan = plan(include_str!("../../config/callcentre.toml"));
    assert_eq!(plan.from_phone("1002"), Destination::Phone("1002".into()));
    assert_eq!(plan.from_phone("600"), Destination::Queue("support".into()));
    assert_eq!(plan.from_phone("0140000000"), to_trunk("carrier", "+33140000000"));
    assert_eq!(plan.from_phone("701"), Destination::NotBuilt { what: "parking slot 701".to_string() });
    assert_eq!(plan.from_phone("1003"), Destination::NotFound);
    assert_eq!(plan.from_phone("*8"), Destination::PickupGroup);
    assert_eq!(plan.from_phone("**1002"), Destination::PickupDirected("1002".into()));
    assert_eq!(plan.from_phone("**1003"), Destination::NotFound);
    let carrier = TrunkId::new("carrier");
    assert_eq!(plan.inbound(&carrier, "+33140000000"), Some(Destination::Queue("support".into())));
    assert_eq!(plan.inbound(&carrier, "+33140000001"), None);
}

#[test]
fn the_first_match_wins_and_what_the_number_names_must_exist() {
    let plan = plan(
        r#"
        sip = { domain = "a", udp = ["127.0.0.1:5060"] }
        phone_range = [{ numbers = "100-199", secret = "x" }]
        trunk = [{ id = "a", hosts = ["192.0.2.1:5060"] }, { id = "b", hosts = ["192.0.2.2:5060"] }]
        route = [
            { pattern = "15", trunk = ["b"] },
            { pattern = "1.", trunk = ["a", "b"], rewrite = "9{.}" },
            { pattern = "XX", trunk = ["b"] },
        ]
        inbound = [
            { trunk = "a", number = "5XXX", to = "phone:{1}" },
            { trunk = "a", number = "5.", to = "park" },
            { trunk = "a", number = "6.", to = "queue:{.}" },
            { trunk = "a", number = "7.", to = "trunk:{.}" },
        ]
        "#,
    );
    let trunks = vec![TrunkId::new("a"), TrunkId::new("b")];
    assert_eq!(plan.from_phone("15"), to_trunk("b", "15"));
    assert_eq!(plan.from_phone("16"), Destination::Trunk { trunks, number: "96".to_string() });
    assert_eq!(plan.from_phone("26"), to_trunk("b", "26"));
    assert_eq!(plan.from_phone("150"), Destination::Phone("150".into()));
    let inbound = |number| plan.inbound(&TrunkId::new("a"), number).unwrap();
    assert_eq!(inbound("5150"), Destination::Phone("150".into()));
    assert_eq!(inbound("5200"), Destination::NotFound);
    assert_eq!(inbound("51"), Destination::NotBuilt { what: "park".to_string() });
    assert_eq!(inbound("6x"), Destination::NotFound);
    assert_eq!(inbound("7b"), to_trunk("b", "7b"));
    assert_eq!(inbound("7c"), Destination::NotFound);
}

#[test]
fn codes_groups_and_menus_have_their_numbers() {
    let plan = plan(
        r#"
        sip = { domain = "a", udp = ["127.0.0.1:5060"] }
        phone = [{ number = "100", secret = "x" }, { number = "*43", secret = "x" }]
        phone_range = [{ numbers = "3000-4999", secret = "x" }]
        group = [{ id = "g", number = "600", members = ["100"] }]
        menu = [{ id = "m", number = "700", prompt = "hello", keys = { 1 = "group:g" }, timeout = "menu:m" }]
        trunk = [{ id = "t", hosts = ["192.0.2.1:5060"] }]
        route = [{ pattern = "*.", trunk = ["t"] }]
        inbound = [{ trunk = "t", number = "1", to = "menu:m" }, { trunk = "t", number = "2.", to = "group:{.}" }]
        "#,
    );
    assert_eq!(plan.from_phone("600"), Destination::Group("g".into()));
    assert_eq!(plan.from_phone("700"), Destination::Menu("m".into()));
    assert_eq!(plan.from_phone("*43"), Destination::Phone("*43".into()), "a phone's own number first");
    assert_eq!(plan.from_phone("*9664"), Destination::Music("default".to_owned()));
    assert!(matches!(plan.from_phone("*78"), Destination::Feature(_)));
    assert_eq!(
        plan.from_phone("*97"),
        Destination::NotBuilt { what: "feature code voicemail".to_owned() },
        "a known code never leaves by a route"
    );
    assert_eq!(plan.from_phone("*99"), to_trunk("t", "*99"));
    let trunk = TrunkId::new("t");
    assert_eq!(plan.inbound(&trunk, "1"), Some(Destination::Menu("m".into())));
    assert_eq!(plan.inbound(&trunk, "2g"), Some(Destination::Group("g".into())));
    assert_eq!(plan.inbound(&trunk, "2x"), Some(Destination::NotFound));
    assert_eq!(plan.own_number("*78"), None, "nobody dials codes from a menu");
    let first: String = plan.reach().first.iter().collect();
    assert_eq!((first.as_str(), plan.reach().digits_max), ("*13467", 4));
}

#[test]
fn ten_thousand_phones_are_one_range() {
    let plan = load_plan();
    let all = (0..10_000).all(|counter| plan.is_phone(&format!("u{counter:04}")));
    assert!(all);
    // Whoever turns ranges into single phones makes this a list.
    assert!(format!("{plan:?}").len() < 20_000);
}

static LOAD: LazyLock<Dialplan> = LazyLock::new(load_plan);

proptest! {
    #[test]
    fn any_number_has_an_answer(number in any::<String>(), pattern in "[0-9XZN.+é]{1,8}") {
        let _ = LOAD.from_phone(&number);
        let _ = LOAD.inbound(&TrunkId::new("callers"), &number);
        if let Ok(pattern) = Pattern::parse(&pattern) {
            let taken = captures(&pattern, &number);
            // The literals, the runs and the rest together are the number.
            if let Some(taken) = taken && pattern.has_rest() {
                prop_assert!(number.ends_with(taken.rest().unwrap()));
            }
        }
    }
}
