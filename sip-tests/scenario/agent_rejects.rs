//! An agent's phone refuses, in every way that phones do (R25): the caller knows nothing of it, keeps his place and goes
//! to the next agent.

use crate::harness::call::State;
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    for status in [486, 603, 480, 408, 500] {
        let alice =
            if world.phones.is_empty() { world.add_phone("1001") } else { crate::harness::world::PhoneId(0) };
        let bruno =
            if world.phones.len() < 2 { world.add_phone("1002") } else { crate::harness::world::PhoneId(1) };
        let carrier =
            if world.phones.len() < 3 { world.add_carrier() } else { crate::harness::world::PhoneId(2) };
        let first = world.dial(carrier, "+33140000000");
        world.up(first);
        world.expect("an agent rings", Duration::from_secs(5), |world| {
            world.ringing(alice).is_some() || world.ringing(bruno).is_some()
        });
        let refusing = world.ringing(alice).or_else(|| world.ringing(bruno)).expect("somebody rings");
        let next = if refusing.phone == alice { bruno } else { alice };
        let entry = world.callers("support")[0].id;
        world.refuse(refusing, status);
        let called = world.rings(next);
        let callers = world.callers("support");
        world.check(
            callers.len() == 1 && callers[0].id == entry && callers[0].position == 1,
            "his place is kept",
        );
        world.check(world.call(first).state == State::Up, "the caller knows nothing");
        world.hears(first, MUSIC);
        world.answer(called);
        world.talk(first, called);
        world.hang_up(called);
        world.over(first);
        // Both rest: wrap-up, and whatever a refusal costs.
        world.run(Duration::from_secs(40));
    }
    let today = world.queue("support").today;
    world.check((today.entered, today.handled) == (5, 5), &format!("{today:?}"));
    world
}

over_networks!();
