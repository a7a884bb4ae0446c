//! Two queues share an agent (B1): one offer at a time, never two phones ringing for one caller, each caller hears his
//! queue's own music.

use crate::harness::call::State;
use crate::harness::sound::{JAZZ_HZ, MUSIC, Sound};
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let dan = world.add_phone("2001");
    let support = world.dial(carrier, "+33140000000");
    world.up(support);
    let sales = world.dial(dan, "601");
    world.up(sales);
    let called = world.rings(alice);
    world.run(Duration::from_secs(2));
    let ringing = world.phones[alice.0].calls.iter().filter(|call| call.state == State::Ringing).count();
    assert_eq!(ringing, 1, "one offer at a time");
    world.hears(support, MUSIC);
    world.hears(sales, Sound::Tone(JAZZ_HZ));
    world.answer(called);
    world.talk(support, called);
    world.check(world.ringing(alice).is_none(), "nothing rings beside a conversation");
    world.hang_up(support);
    world.over(called);
    let next = world.rings_within(alice, Duration::from_secs(12));
    world.answer(next);
    world.talk(sales, next);
    world.hang_up(next);
    world.over(sales);
    assert_eq!(world.queue("support").today.handled, 1);
    assert_eq!(world.queue("sales").today.handled, 1);
    world
}

over_networks!();
