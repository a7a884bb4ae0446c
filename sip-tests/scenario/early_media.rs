//! The far side sends audio before the answer (183 with SDP): the caller hears it, then they talk.

use crate::harness::call::State;
use crate::harness::phone::Treatment;
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    world.treat(carrier, Treatment::EarlyMedia);
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    world.expect("the caller is told", Duration::from_secs(1), |world| world.call(calling).status() == 183);
    let voice = world.voice(called);
    world.hears(calling, voice);
    world.check(world.call(calling).state == State::Calling, "not answered yet");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks!();
