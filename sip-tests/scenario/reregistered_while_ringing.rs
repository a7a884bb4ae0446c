//! A phone refreshes its registration, and another contact of its number registers, while it rings for a queue (R28): the
//! offer goes on and the conversation too.

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::AgentStatus;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(alice);
    world.register(alice, 3600);
    let desk = world.add_phone("1001");
    world.check(world.ringing(desk).is_none(), "one offer, one phone");
    world.check(world.agent("alice").status == AgentStatus::Ringing, "she still rings");
    world.answer(called);
    world.talk(calling, called);
    world.register(alice, 0);
    world.register(desk, 0);
    world.talk_and_end(calling, called);
    world.run(Duration::from_secs(11));
    world.check(world.agent("alice").status == AgentStatus::Unreachable, "no phone is left");
    world
}

over_networks!();
