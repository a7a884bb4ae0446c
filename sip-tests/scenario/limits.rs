//! Limits: a full trunk, busy media workers, a source that calls too often. Each is 503 with Retry-After, and ends when its
//! cause ends.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::time::Duration;
use strowger::store::Restored;
use strowger::switch::core::Input;

#[test]
fn a_full_trunk_takes_no_more() {
    let text = CONFIGURATION.replace("max_calls = 20", "max_calls = 2");
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    for _ in 0..3 {
        let inbound = world.dial(carrier, "+33140000000");
        world.up(inbound);
        let outbound = world.dial(alice, "0123456789");
        let called = world.rings(carrier);
        world.answer(called);
        world.up(outbound);
        let refused = [world.dial(carrier, "+33140000000"), world.dial(alice, "0123456780")];
        for line in refused {
            assert_eq!(world.over(line), Why::Refused(503));
        }
        world.talk(outbound, called);
        for line in [inbound, outbound] {
            world.hang_up(line);
            world.over(line);
        }
        world.over(called);
    }
    world.finish();
}

#[test]
fn busy_media_workers_take_no_new_calls() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.core(Input::MediaBusy(true));
    let refused = world.dial(bob, "600");
    assert_eq!(world.over(refused), Why::Refused(503));
    world.talk(calling, called);
    world.core(Input::MediaBusy(false));
    let taken = world.dial(bob, "600");
    world.up(taken);
    for line in [calling, taken] {
        world.hang_up(line);
        world.over(line);
    }
    world.over(called);
    world.finish();
}

#[test]
fn a_source_that_calls_too_often_is_slowed_down_and_no_other() {
    let text = CONFIGURATION.replace("calls_per_second = 1000000", "calls_per_second = 3");
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let lines: Vec<_> = (0..10).map(|_| world.dial(carrier, "+33140000000")).collect();
    world.run(Duration::from_millis(200));
    let refused = lines.iter().filter(|line| world.call(**line).why == Some(Why::Refused(503))).count();
    assert_eq!(refused, 7);
    let other = world.dial(alice, "600");
    world.up(other);
    world.run(Duration::from_secs(2));
    let again = world.dial(carrier, "+33140000000");
    world.up(again);
    assert_eq!(world.queue("support").today.entered, 5);
    world.finish();
}
