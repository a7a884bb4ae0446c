//! An INVITE without SDP, and a re-INVITE without: the offer is ours, the answer comes in the ACK.

use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial_offerless(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    for line in [calling, called] {
        let answered = world.call(line).reinvites.len();
        world.reinvite(line, None);
        world.expect("the re-INVITE is answered", Duration::from_secs(1), |world| {
            world.call(line).reinvites.get(answered..) == Some(&[200])
        });
        world.talk(calling, called);
    }
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks!();
