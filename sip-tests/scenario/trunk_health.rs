//! OPTIONS both ways: any answer is life, silence and 503 are not, each target on its own, with hysteresis.

use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::World;
use std::time::Duration;

const TRUNKS: &str = r#"
[[trunk]]
id = "twin"
hosts = ["192.0.2.81:5060", "192.0.2.82:5060"]
options_seconds = 30
max_calls = 5
[[route]]
pattern = "8."
trunk = ["twin"]
"#;

#[test]
fn each_target_has_its_own_health() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    // A carrier that knows no OPTIONS lives all the same.
    world.phone(first).carrier.options = Some(405);
    world.phone(second).carrier.options = Some(404);
    world.run(Duration::from_secs(120));
    let trunk = world.trunk("twin");
    world.check(trunk.up && trunk.targets.iter().all(|target| target.up), "both live");
    let rtt = trunk.targets[0].round_trip.expect("a round trip");
    world.check((4..10).contains(&rtt.as_millis()), &format!("a round trip of {rtt:?}"));
    world.check(world.metric("strowger_trunk_up{trunk=\"twin\"}") == 1.0, "the gauge says so");
    world.check(world.metric("strowger_trunk_options_rtt_seconds{trunk=\"twin\"}") > 0.003, "the round trip");
    for dead in [None, Some(503)] {
        world.phone(first).carrier.options = dead;
        world.run(Duration::from_secs(60));
        let trunk = world.trunk("twin");
        world.check(!trunk.targets[0].up && trunk.targets[1].up && trunk.up, "the first is down");
        let calling = world.dial(alice, "81");
        let called = world.rings_within(second, Duration::from_millis(100));
        world.answer(called);
        world.up(calling);
        world.talk_and_end(calling, called);
        world.phone(first).carrier.options = Some(481);
        world.run(Duration::from_secs(30));
        world.check(world.trunk("twin").targets[0].up, "it is up again");
    }
    world.phone(first).off = true;
    world.phone(second).off = true;
    world.run(Duration::from_secs(90));
    world.check(!world.trunk("twin").up, "none is up");
    world.check(world.metric("strowger_trunk_up{trunk=\"twin\"}") == 0.0, "the gauge says so");
    world.check(world.notices.contains(&"trunk.down"), "and who watches is told");
    finish_without_options(world);
}

/// A world whose OPTIONS never end: nothing but their transactions may be left.
fn finish_without_options(world: World) {
    let tables = world.tables();
    world.check(tables.calls == 0 && tables.legs == 0 && tables.trunk_attempts == 0, "something is left");
}

/// One lost answer is no reason: over a network that loses a twentieth, nothing flaps.
#[test]
fn a_lossy_network_does_not_flap() {
    for seed in 0..20 {
        let mut world = World::with_trunks(TRUNKS, Quality::lossy(5), seed);
        world.carrier_at(FIRST);
        world.carrier_at(SECOND);
        world.run(Duration::from_secs(1800));
        let trunk = world.trunk("twin");
        world.check(trunk.targets.iter().all(|target| target.up), "both live");
        world.check(!world.notices.contains(&"trunk.down"), "and always did");
    }
}

#[test]
fn their_options_is_answered_and_503_while_draining() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let carrier = world.carrier_at(FIRST);
    assert_eq!(world.options(carrier), 200);
    world.switch.core.drain();
    assert_eq!(world.options(carrier), 503);
}
