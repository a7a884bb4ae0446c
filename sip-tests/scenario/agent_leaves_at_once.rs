//! The agent lifts and hangs up at once (R02): the conversation is over for both, counted once, and the next caller is
//! served after the wrap-up.

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::AgentStatus;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let mut left = 0;
    for hold_on_ms in [0, 1, 5, 50] {
        let calling = world.dial(carrier, "+33140000000");
        world.up(calling);
        let called = world.rings(alice);
        world.answer(called);
        world.run(Duration::from_millis(hold_on_ms));
        world.hang_up(called);
        world.over(called);
        // Either the conversation had begun and is over, or the caller still waits, first in the queue.
        world.expect("the caller's call ends or waits", Duration::from_secs(2), |world| {
            world.call(calling).why.is_some() || world.callers("support").len() == 1
        });
        if world.call(calling).why.is_none() {
            world.hang_up(calling);
        }
        world.over(calling);
        left += 1;
        let today = world.queue("support").today;
        world.check(today.entered == left && today.handled + today.abandoned == left, &format!("{today:?}"));
        world.expect("she is ready again", Duration::from_secs(40), |world| {
            world.agent("alice").status == AgentStatus::Ready
        });
    }
    world
}

over_networks!();
