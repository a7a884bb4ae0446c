//! Emergency calls pass the drain, full trunks, dead trunks, barred numbers and refusals; they are told of loudly, and no
//! route stands in their way.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::World;
use std::time::Duration;
use strowger::sip::msg::Name;

const TRUNKS: &str = r#"
[emergency]
country = "FR"
numbers = ["3114"]
trunk = ["one", "two"]
caller_id = "+33140000001"
location = "https://lis.example.com/site1"
[[trunk]]
id = "one"
hosts = ["192.0.2.81:5060"]
options_seconds = 0
max_calls = 1
max_calls_per_second = 1
prefixes = ["+33"]
caller_ids = ["+33140000000"]
country = "FR"
number_format = "e164"
[[trunk]]
id = "two"
hosts = ["192.0.2.82:5060"]
options_seconds = 0
max_calls = 1
[[route]]
pattern = "1X"
trunk = ["carrier"]
[[route]]
pattern = "112"
trunk = ["carrier"]
rewrite = "999"
[[route]]
pattern = "9."
trunk = ["carrier"]
rewrite = "{.}"
[[route]]
pattern = "8."
trunk = ["one"]
rewrite = "+33{.}"
"#;

fn scenario(mut world: World) -> World {
    let (alice, bob) = (world.add_phone("2001"), world.add_phone("2002"));
    let (one, two) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    // The first trunk is full.
    let busy = world.dial(bob, "8123");
    let far = world.rings(one);
    world.answer(far);
    world.up(busy);
    let calling = world.dial(alice, "112");
    let called = world.rings(one);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let uri = String::from_utf8_lossy(invite.request_uri_raw()).into_owned();
    world.check(uri.starts_with("sip:112@"), &format!("as it was dialled: {uri}"));
    let from = world.invited_with(one, Name::From);
    world.check(from.starts_with("<sip:+33140000001@"), &format!("with the site's number: {from}"));
    let place = invite.header_by_name(b"Geolocation").map(<[u8]>::to_vec);
    world.check(place.as_deref() == Some(b"<https://lis.example.com/site1>"), "with the place");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.talk(busy, far);
    world.check(world.trunk("one").calls == 2, "it is counted above the limit");
    world.check(world.metric("strowger_emergency_calls_total") == 1.0, "and counted");
    world.check(world.notices.contains(&"call.emergency"), "and told of");
    world.hang_up(calling);
    world.over(called);
    world.hang_up(busy);
    world.over(far);
    // A first trunk that refuses, and then one that is silent: the second takes the call.
    world.phone(one).carrier.at_once = Some((403, None));
    let calling = world.dial(alice, "3114");
    let called = world.rings_within(two, Duration::from_secs(1));
    world.hang_up(calling);
    world.over(called);
    world.phone(one).carrier.at_once = None;
    world.phone(one).carrier.silent = true;
    let calling = world.dial(alice, "18");
    let called = world.rings_within(two, Duration::from_secs(4));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(called, calling);
    world
}

#[test]
fn an_emergency_call_gets_through_over_any_network() {
    scenario(World::with_trunks(TRUNKS, Quality::CLEAN, 1)).finish();
    for percent in [1, 5] {
        for seed in 1..=3 {
            scenario(World::with_trunks(TRUNKS, Quality::lossy(percent), seed)).finish();
        }
    }
}

#[test]
fn neither_a_drain_nor_a_busy_switch_keeps_it_out() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (one, _) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.core(strowger::switch::core::Input::MediaBusy(true));
    world.switch.core.drain();
    let refused = world.dial(alice, "8123");
    assert_eq!(world.over(refused), Why::Refused(503));
    let (calling, called) = world.connect_by(alice, "15", one);
    world.talk_and_end(calling, called);
    world.finish();
}

#[test]
fn an_outside_line_before_it_and_a_withheld_number_change_nothing() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (one, _) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.phone(alice).extra = vec!["Privacy: id".to_owned()];
    let calling = world.dial(alice, "9112");
    let called = world.rings(one);
    let from = world.invited_with(one, Name::From);
    world.check(from.starts_with("<sip:+33140000001@"), &format!("those who help see who calls: {from}"));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    world.finish();
}

/// All trunks silent for a while: the last is waited for as long as SIP allows.
#[test]
fn the_last_trunk_is_not_given_up() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (one, two) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.phone(one).carrier.silent = true;
    world.phone(two).carrier.silent = true;
    let calling = world.dial(alice, "112");
    world.run(Duration::from_secs(25));
    world.phone(two).carrier.silent = false;
    let called = world.rings_within(two, Duration::from_secs(12));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    world.finish();
}
