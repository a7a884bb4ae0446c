//! OPTIONS: 200 with what we can, 503 while the switch drains.

use crate::harness::world::World;
use strowger::sip::msg::Name;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    for phone in [alice, carrier] {
        assert_eq!(world.options(phone), 200);
        let answer = world.phone(phone).others.last().cloned().expect("an answer");
        for name in [Name::Allow, Name::Accept, Name::Server] {
            assert!(answer.has(name), "{}", name.as_str());
        }
    }
    world.switch.core.drain();
    assert_eq!(world.options(carrier), 503);
    world
}

over_networks!();
