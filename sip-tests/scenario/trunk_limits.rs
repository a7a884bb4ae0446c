//! What a trunk may carry: calls at one time, calls in a second, numbers that may be called; the next trunk takes the rest.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::World;
use std::time::Duration;

const TRUNKS: &str = r#"
[[trunk]]
id = "small"
hosts = ["192.0.2.81:5060"]
options_seconds = 0
max_calls = 2
max_calls_per_second = 3
prefixes = ["+33", "+44"]
[[trunk]]
id = "large"
hosts = ["192.0.2.82:5060"]
options_seconds = 0
max_calls = 4
[[route]]
pattern = "81."
trunk = ["small", "large"]
rewrite = "+33{.}"
[[route]]
pattern = "82."
trunk = ["small"]
rewrite = "+900{.}"
"#;

#[test]
fn a_full_trunk_leads_to_the_next_and_all_full_is_congestion() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (small, large) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    let mut calls = Vec::new();
    for index in 0..6 {
        let calling = world.dial(alice, "811");
        let carrier = if index < 2 { small } else { large };
        let called = world.rings(carrier);
        world.answer(called);
        world.up(calling);
        calls.push((calling, called));
        world.run(Duration::from_secs(1));
    }
    for (calling, called) in &calls {
        world.talk(*calling, *called);
    }
    let refused = world.dial(alice, "811");
    let why = world.over(refused);
    world.check(matches!(why, Why::Refused(503)), &format!("congestion: {why:?}"));
    world.check(world.trunk("small").calls == 2 && world.trunk("large").calls == 4, "counted");
    // A call from a full trunk is refused too: the limit is for both ways.
    let inbound = world.dial(small, "811");
    world.over(inbound);
    for (calling, called) in calls {
        world.hang_up(calling);
        world.over(called);
    }
    world.check(world.trunk("small").calls == 0 && world.trunk("large").calls == 0, "none is left");
    world.finish();
}

#[test]
fn calls_above_the_rate_go_elsewhere() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 2);
    let alice = world.add_phone("2001");
    let (small, large) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.phone(small).carrier.at_once = Some((486, None));
    world.phone(large).carrier.at_once = Some((486, None));
    for _ in 0..10 {
        let calling = world.dial(alice, "811");
        world.run(Duration::from_millis(50));
        world.check(world.call(calling).state == State::Over, "it was refused");
    }
    let (at_small, at_large) = (world.invites(small).len(), world.invites(large).len());
    world.check((3..=4).contains(&at_small), &format!("{at_small} calls in half a second"));
    assert_eq!(at_small + at_large, 10);
    world.finish();
}

#[test]
fn a_barred_number_is_not_dialled() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 3);
    let alice = world.add_phone("2001");
    let small = world.carrier_at(FIRST);
    let calling = world.dial(alice, "82123");
    let why = world.over(calling);
    world.check(why == Why::Refused(403), &format!("forbidden: {why:?}"));
    world.check(world.invites(small).is_empty(), "nothing was sent");
    world.finish();
}
