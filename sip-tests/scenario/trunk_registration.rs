//! A trunk where we register: through expiry, stale nonces, a carrier's restart, a 423, a wrong password; calls both ways.

use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::sip::digest::Algorithm;
use strowger::sip::msg::Name;

const TRUNKS: &str = r#"
[[trunk]]
id = "line"
kind = "register"
hosts = ["192.0.2.81:5060", "192.0.2.82:5060"]
user = "acc"
secret = "carrier-secret"
domain = "carrier.example"
country = "FR"
number_format = "e164"
options_seconds = 0
expires_seconds = 600
caller_ids = ["+33140002001"]
[[route]]
pattern = "8."
trunk = ["line"]
rewrite = "0{.}"
[[inbound]]
trunk = "line"
number = "+3314000XXXX"
to = "phone:{1}"
"#;

fn world(quality: Quality, seed: u64) -> (World, PhoneId) {
    let mut world = World::with_trunks(TRUNKS, quality, seed);
    let carrier = world.carrier_at(FIRST);
    world.phone(carrier).number = "acc".to_owned();
    world.phone(carrier).carrier.grants = Some(120);
    (world, carrier)
}

fn call_both_ways(world: &mut World, carrier: PhoneId) {
    let alice = PhoneId(1);
    // The carrier calls our contact, and says in To whom it means.
    world.phone(carrier).to_header = Some("sip:0140002001@carrier.example".to_owned());
    let calling = world.dial(carrier, "sip:acc@10.0.0.1:5060");
    let called = world.rings(alice);
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    let calling = world.dial(alice, "8123456789");
    let called = world.rings(carrier);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let uri = String::from_utf8_lossy(invite.request_uri_raw()).into_owned();
    world.check(uri == "sip:+33123456789@carrier.example", &format!("in the trunk's notation: {uri}"));
    world.check(world.invited_with(carrier, Name::From).contains("<sip:acc@carrier.example>"), "our account");
    let asserted = world.invited_with(carrier, Name::PAssertedIdentity);
    world.check(asserted.contains("<sip:+33140002001@carrier.example>"), &asserted);
    world.answer(called);
    world.up(calling);
    world.talk_and_end(called, calling);
}

#[test]
fn calls_go_both_ways_over_any_network() {
    let networks =
        [(Quality::CLEAN, 1), (Quality::lossy(1), 2), (Quality::lossy(5), 3), (Quality::lossy(5), 4)];
    for (quality, seed) in networks {
        let (mut world, carrier) = world(quality, seed);
        world.registered("line", Duration::from_secs(2));
        world.add_phone("2001");
        call_both_ways(&mut world, carrier);
        world.check(world.metric("strowger_trunk_registered{trunk=\"line\"}") == 1.0, "the gauge says so");
        // Through many refreshes, each before its end, also when a nonce grows stale or is forgotten.
        for round in 0..10 {
            if round % 3 == 1 {
                world.phone(carrier).forget_nonces();
            }
            world.run(Duration::from_secs(110));
            world.check(world.trunk("line").registered == Some(true), "it stays registered");
        }
        world.check(!world.notices.contains(&"trunk.unregistered"), "it was always registered");
        let counts = world.phone(carrier).carrier.counts.clone();
        world.check(counts.contains(&3), &format!("the nonce count grows: {counts:?}"));
        call_both_ways(&mut world, carrier);
        world.check(world.cdrs().len() == 4, "four calls, four records");
    }
}

#[test]
fn each_algorithm_is_answered() {
    for algorithm in Algorithm::STRONGEST_FIRST {
        let (mut world, carrier) = world(Quality::CLEAN, 1);
        world.phone(carrier).carrier.algorithms = vec![algorithm];
        world.registered("line", Duration::from_secs(1));
    }
}

#[test]
fn a_carrier_that_restarts_has_us_back() {
    for seed in 0..20 {
        let (mut world, carrier) = world(Quality::CLEAN, seed);
        world.registered("line", Duration::from_secs(1));
        world.phone(carrier).off = true;
        world.expect("the registration is lost", Duration::from_secs(130), |world| {
            world.trunk("line").registered == Some(false)
        });
        world.run(Duration::from_secs(600));
        world.phone(carrier).off = false;
        world.phone(carrier).forget_nonces();
        // The pause has grown to five minutes at most.
        world.registered("line", Duration::from_secs(310));
        world.check(world.notices.contains(&"trunk.unregistered"), "who watches was told");
    }
}

#[test]
fn another_registrar_takes_over() {
    let (mut world, first) = world(Quality::CLEAN, 1);
    world.registered("line", Duration::from_secs(1));
    world.phone(first).off = true;
    world.add_phone("2001");
    let second = world.carrier_at(SECOND);
    world.run(Duration::from_secs(1));
    let calling = world.dial(PhoneId(1), "8123456789");
    let called = world.rings_within(second, Duration::from_secs(4));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
}

#[test]
fn a_423_is_followed_and_a_wrong_password_does_not_lock_the_account() {
    let (mut world, carrier) = world(Quality::CLEAN, 1);
    world.phone(carrier).carrier.least = 1800;
    world.phone(carrier).carrier.grants = Some(3600);
    world.registered("line", Duration::from_secs(1));
    let asked: Vec<u32> =
        world.phone(carrier).carrier.registered.iter().map(|(_, asked, _)| *asked).collect();
    assert_eq!(asked, [1800]);
    let (mut world, carrier) = self::world(Quality::CLEAN, 2);
    world.phone(carrier).carrier.password = "another".to_owned();
    world.run(Duration::from_secs(3600));
    let told = world.phone(carrier).carrier.told.len();
    world.check((2..=30).contains(&told), &format!("{told} refusals in an hour"));
    world.check(world.trunk("line").registered == Some(false), "it is not registered");
    // No call is tried where it would be refused, and the caller is told at once.
    let alice = world.add_phone("2001");
    let calling = world.dial(alice, "8123456789");
    world.over(calling);
    world.check(world.invites(carrier).is_empty(), "no INVITE without a registration");
}

#[test]
fn the_service_route_is_taken_and_a_stop_unregisters() {
    let (mut world, carrier) = world(Quality::CLEAN, 1);
    world.phone(carrier).carrier.service_route = Some("<sip:edge.carrier.example;lr>".to_owned());
    world.registered("line", Duration::from_secs(1));
    let alice = world.add_phone("2001");
    let calling = world.dial(alice, "8123456789");
    let called = world.rings(carrier);
    assert_eq!(world.invited_with(carrier, Name::Route), "<sip:edge.carrier.example;lr>");
    world.hang_up(calling);
    world.over(called);
    let mut out = Vec::new();
    let now = world.switch.both();
    world.switch.core.stop(now, &mut out);
    world.carry_core(out);
    world.run(Duration::from_secs(1));
    let last = world.phone(carrier).carrier.registered.last().map(|(_, asked, _)| *asked);
    assert_eq!(last, Some(0));
}

/// RFC 3261 section 10.2.1: a stranger with our account in the Request-URI is no carrier.
#[test]
fn a_stranger_is_not_the_carrier() {
    let (mut world, _) = world(Quality::CLEAN, 1);
    world.registered("line", Duration::from_secs(1));
    let alice = world.add_phone("2001");
    let stranger = world.add_at("acc", "198.51.100.9:5060");
    world.phone(stranger).to_header = Some("sip:0140002001@carrier.example".to_owned());
    let calling = world.dial(stranger, "sip:acc@10.0.0.1:5060");
    world.over(calling);
    world.check(world.ringing(alice).is_none(), "nobody rings");
}
