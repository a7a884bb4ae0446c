//! The phone called declines after it rang, and so does a phone with two contacts, one of which is busy: the caller is
//! told the better reason, once, when both have answered.

use crate::harness::call::{State, Why};
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.refuse(called, 603);
    let why = world.over(calling);
    world.check(why == Why::Refused(603), "declined");

    let desk = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let (one, other) = (world.rings(bob), world.rings(desk));
    world.refuse(one, 486);
    world.run(Duration::from_secs(3));
    world.check(world.call(calling).state == State::Calling, "one phone still rings");
    world.refuse(other, 603);
    world.over(calling);
    world
}

over_networks!();
