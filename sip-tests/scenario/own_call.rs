//! An agent in a call of his own (R29): no offer meanwhile, from either side of such a call; afterwards he is offered
//! what waits.

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::AgentStatus;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let dan = world.add_phone("2001");
    let carrier = world.add_carrier();
    for she_calls in [true, false] {
        let (own, other) = if she_calls {
            let own = world.dial(alice, "2001");
            (own, world.rings(dan))
        } else {
            let other = world.dial(dan, "1001");
            (world.rings(alice), other)
        };
        let ringing = if she_calls { other } else { own };
        world.answer(ringing);
        world.up(if she_calls { own } else { other });
        world.talk(own, other);
        world.check(world.agent("alice").status == AgentStatus::Talking, "she talks");
        let calling = world.dial(carrier, "+33140000000");
        world.up(calling);
        world.run(Duration::from_secs(5));
        world.check(world.ringing(alice).is_none(), "no offer beside it");
        world.hang_up(own);
        world.over(other);
        let called = world.rings_within(alice, Duration::from_secs(15));
        world.answer(called);
        world.talk_and_end(calling, called);
        world.run(Duration::from_secs(12));
    }
    world
}

over_networks!();
