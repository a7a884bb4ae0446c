//! The caller hangs up while it rings.

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::CdrOutcome;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for after in [0, 1, 20, 3000] {
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.run(Duration::from_millis(after));
        world.hang_up(calling);
        let why = world.over(calling);
        world.check(why == Why::Refused(487), "the caller gets 487");
        let why = world.over(called);
        world.check(matches!(why, Why::Cancelled(_)), "the phone gets a CANCEL");
        world.run(Duration::from_secs(1));
    }
    assert_eq!(world.cdrs().len(), 4);
    assert!(world.cdrs().iter().all(|cdr| cdr.outcome == CdrOutcome::Cancelled));
    world
}

over_networks!();
