//! A caller who speaks PCMU only and a phone that speaks PCMA only.

use crate::harness::world::World;
use strowger::sdp::Codec;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let agent = world.add_phone("1001");
    world.phone(alice).codecs = vec![Codec::Pcmu];
    for phone in [bob, agent] {
        world.phone(phone).codecs = vec![Codec::Pcma];
    }
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.check(world.call(calling).codec() == Some(&Codec::Pcmu), "the caller has PCMU");
    world.check(world.call(called).codec() == Some(&Codec::Pcma), "the phone has PCMA");
    world.hang_up(calling);
    world.over(called);

    let calling = world.dial(alice, "600");
    let called = world.rings(agent);
    world.answer(called);
    world.talk(calling, called);
    world.hang_up(called);
    world.over(calling);

    // Where both have both, nothing is converted: the phone is offered the caller's first.
    world.phone(alice).codecs = vec![Codec::Pcmu, Codec::Pcma];
    world.phone(bob).codecs = vec![Codec::Pcma, Codec::Pcmu];
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    let same = world.call(calling).codec() == world.call(called).codec();
    world.check(same, "both sides have one codec");
    world.hang_up(calling);
    world.over(called);
    world
}

over_networks!();
