//! Who calls, both ways: where a trunk reads and writes the number, which numbers it may show, privacy, the way a call
//! has taken.

use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::Name;

fn trunks(preset: &str) -> String {
    format!(
        r#"
[[trunk]]
id = "in"
hosts = ["192.0.2.81:5060"]
options_seconds = 0
country = "FR"
[[inbound]]
trunk = "in"
number = "+33140002001"
to = "phone:2001"
[[inbound]]
trunk = "in"
number = "+44."
to = "trunk:out"
[[trunk]]
id = "out"
hosts = ["192.0.2.82:5060"]
options_seconds = 0
identity = "{preset}"
country = "FR"
number_format = "national"
caller_ids = ["+33140000000", "+33123456789"]
[[route]]
pattern = "8."
trunk = ["out"]
rewrite = "+33{{.}}"
"#
    )
}

fn world(preset: &str) -> (World, PhoneId, PhoneId, PhoneId) {
    let mut world = World::with_trunks(&trunks(preset), Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    (world, alice, first, second)
}

fn shown(world: &mut World, alice: PhoneId, carrier: PhoneId, extra: &[&str]) -> String {
    world.phone(carrier).extra = extra.iter().map(ToString::to_string).collect();
    let calling = world.dial(carrier, "0140002001");
    let called = world.rings(alice);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let from = String::from_utf8_lossy(invite.header(Name::From).unwrap_or_default()).into_owned();
    world.check(invite.header(Name::PAssertedIdentity).is_none(), "a phone is told in From alone");
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    from
}

#[test]
fn the_caller_is_who_the_carrier_asserts() {
    let (mut world, alice, carrier, _) = world("from");
    let pai = "P-Asserted-Identity: \"Jean\" <sip:0145678901@carrier>";
    let rpid = "Remote-Party-ID: <sip:0033145678902@carrier>;party=calling";
    let check = |from: String, part: &str| assert!(from.contains(part), "{from}");
    check(shown(&mut world, alice, carrier, &[]), "<sip:+33123456789@");
    check(shown(&mut world, alice, carrier, &[rpid]), "<sip:+33145678902@");
    check(shown(&mut world, alice, carrier, &[rpid, pai]), "\"Jean\" <sip:+33145678901@");
    let hidden = shown(&mut world, alice, carrier, &[pai, "Privacy: id"]);
    assert!(hidden.contains("<sip:anonymous@") && !hidden.contains("45678901"), "{hidden}");
    let records = format!("{:?}", world.cdrs().last());
    assert!(!records.contains("45678901"), "nor in the record: {records}");
    world.finish();
}

/// From, P-Asserted-Identity and Remote-Party-ID as the carrier saw them.
fn written(world: &mut World, from: PhoneId, dialled: &str, carrier: PhoneId) -> (String, String, String) {
    let calling = world.dial(from, dialled);
    let called = world.rings(carrier);
    let header = |name| world.invited_with(carrier, name);
    let all = (header(Name::From), header(Name::PAssertedIdentity), header(Name::RemotePartyId));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(called, calling);
    all
}

#[test]
fn each_preset_writes_the_number_where_it_says() {
    // 2001 is not on the list: the first number of the list is shown, in the trunk's notation.
    for preset in ["from", "pai", "rpid", "pai_and_from"] {
        let (mut world, alice, _, carrier) = world(preset);
        let (from, pai, rpid) = written(&mut world, alice, "8123456780", carrier);
        assert!(from.starts_with("<sip:0140000000@"), "{preset}: {from}");
        assert_eq!(pai.contains("sip:0140000000@"), preset.contains("pai"), "{preset}: {pai}");
        assert_eq!(rpid.contains("sip:0140000000@"), preset == "rpid", "{preset}: {rpid}");
        let invite = world.invites(carrier).last().map(|invite| (*invite).clone()).expect("an INVITE");
        assert!(invite.request_uri_raw().starts_with(b"sip:0123456780@"), "in the national form");
        assert!(invite.header(Name::Privacy).is_none());
        world.finish();
    }
}

#[test]
fn who_withholds_his_number_is_not_shown_to_the_next_carrier() {
    let (mut world, alice, _, carrier) = world("pai_and_from");
    world.phone(alice).extra = vec!["Privacy: id".to_owned()];
    let (from, pai, _) = written(&mut world, alice, "8123456780", carrier);
    assert!(from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), "{from}");
    assert!(pai.contains("sip:0140000000@"), "the trusted carrier knows who it is: {pai}");
    assert_eq!(world.invited_with(carrier, Name::Privacy), "id");
    world.finish();
}

/// From one carrier to another: Diversion and History-Info go on, and the number where it is on the list.
#[test]
fn the_way_of_a_call_goes_on_with_it() {
    let (mut world, _, first, second) = world("from");
    world.phone(first).extra = vec![
        "Diversion: <sip:0140000000@carrier>;reason=no-answer".to_owned(),
        "History-Info: <sip:0140000000@carrier>;index=1, <sip:x@y>;index=1.1;mp=1".to_owned(),
    ];
    let (from, ..) = written(&mut world, first, "0044207946000", second);
    assert!(from.starts_with("<sip:0123456789@"), "{from}");
    assert_eq!(world.invited_with(second, Name::Diversion), "<sip:0140000000@carrier>;reason=no-answer");
    assert_eq!(world.invited_with(second, Name::HistoryInfo), "<sip:0140000000@carrier>;index=1");
    let invite = world.invites(second).last().map(|invite| (*invite).clone()).expect("an INVITE");
    assert!(invite.request_uri_raw().starts_with(b"sip:0044207946000@"), "abroad, in the national form");
    world.run(Duration::from_secs(1));
    world.finish();
}
