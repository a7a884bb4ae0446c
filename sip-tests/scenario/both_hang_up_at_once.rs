//! Both hang up in the same moment (F22): both BYEs are answered, one record.

use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for lead_micros in [0, 1000, 2000, 3000, 4000] {
        let (calling, called) = world.connect_by(alice, "2002", bob);
        world.talk(calling, called);
        world.hang_up(calling);
        world.run(Duration::from_micros(lead_micros));
        world.hang_up(called);
        world.over(calling);
        world.over(called);
    }
    assert_eq!(world.cdrs().len(), 5);
    world
}

over_networks!();
