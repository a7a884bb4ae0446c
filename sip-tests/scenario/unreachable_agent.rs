//! An agent without a phone (A9): shown unreachable, never offered; as soon as it registers the waiting caller rings. A
//! phone that is dead costs one ring, not a loop of offers (F21).

use crate::harness::network::Quality;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::AgentStatus;

fn scenario(mut world: World) -> World {
    let carrier = world.add_carrier();
    world.check(world.agent("alice").status == AgentStatus::Unreachable, "no phone is registered");
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    world.run(Duration::from_secs(20));
    world.check(world.offers().is_empty(), "nothing was offered");
    let alice = world.add_phone("1001");
    let called = world.rings(alice);
    world.answer(called);
    world.talk_and_end(called, calling);
    world.register(alice, 0);
    world.run(Duration::from_secs(11));
    world.check(world.agent("alice").status == AgentStatus::Unreachable, "unregistered is unreachable");
    world
}

over_networks!();

#[test]
fn a_dead_phone_is_offered_a_bounded_number_of_times() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let bruno = world.add_phone("1002");
    let carrier = world.add_carrier();
    world.phone(alice).off = true;
    // Bruno is busy with a call of his own, so that she is the only one.
    let own = world.dial(bruno, "2001");
    world.over(own);
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    if world.run_until(Duration::from_secs(60), |world| world.ringing(bruno).is_some()) {
        let called = world.ringing(bruno).expect("he rings");
        world.answer(called);
        world.talk_and_end(called, calling);
    } else {
        world.fail("the caller never reached the agent who is there");
    }
    let offers = world.offers().iter().filter(|offer| offer.agent.as_str() == "alice").count();
    world.check(offers <= 3, &format!("{offers} offers to a dead phone in a minute"));
    world.phone(alice).off = false;
    world.finish();
}
