//! An agent does not answer: after the queue's ring timeout his phone stops and the next one rings.

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;
use strowger::switch::view::OfferState;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let bruno = world.add_phone("1002");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    world.expect("an agent rings", Duration::from_secs(1), |world| {
        world.ringing(alice).is_some() || world.ringing(bruno).is_some()
    });
    let began = world.now;
    let asleep = world.ringing(alice).or_else(|| world.ringing(bruno)).expect("somebody rings");
    let next = if asleep.phone == alice { bruno } else { alice };
    let why = world.over_within(asleep, Duration::from_secs(16));
    world.check(matches!(why, Why::Cancelled(_)), "his phone gets a CANCEL");
    let rang = world.now.since(began);
    world.check(rang >= Duration::from_secs(14), &format!("it rang for {rang:?}"));
    let called = world.rings(next);
    world.check(world.offers()[0].state == OfferState::Timeout, "the first offer timed out");
    world.answer(called);
    world.talk_and_end(calling, called);
    world
}

over_networks!();
