//! Nobody answers: after three minutes the caller is told and the phone stops ringing.

use crate::harness::call::{State, Why};
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::CdrOutcome;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.run(Duration::from_secs(170));
    world.check(world.call(calling).state == State::Calling, "it rings for three minutes");
    world.check(world.call(called).state == State::Ringing, "it rings for three minutes");
    let why = world.over_within(calling, Duration::from_secs(11));
    world.check(why == Why::Refused(480), "the caller is told");
    let why = world.over(called);
    world.check(matches!(why, Why::Cancelled(_)), "the phone gets a CANCEL");
    assert_eq!(world.cdrs()[0].outcome, CdrOutcome::NoAnswer);
    world
}

over_networks!();
