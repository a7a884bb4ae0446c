//! RFC 4733 keys pass both ways, each once, with the payload number that each side has given to them.

use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.phone(alice).event_payload = 96;
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    for digit in "159*0#".chars() {
        for line in [calling, called] {
            world.with_phone(line.phone, |phone, _| phone.press(line.call, digit));
        }
        world.run(Duration::from_millis(300));
    }
    let pressed = |payload: u8| "159*0#".chars().map(|digit| (payload, digit)).collect::<Vec<_>>();
    let (at_called, at_caller) = (world.call(called).digits.clone(), world.call(calling).digits.clone());
    world.check(at_called == pressed(101), &format!("the called gets the keys as 101: {at_called:?}"));
    world.check(at_caller == pressed(96), &format!("the caller gets the keys as 96: {at_caller:?}"));
    world.talk(calling, called);
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks!();
