//! The caller hangs up while an agent's phone rings: that stops within 200 ms (R14), he is counted once (R10), the agent is
//! free at once and rested: no wrap-up.

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::{AgentStatus, CdrOutcome};

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    for turn in 1..=3_u64 {
        let calling = world.dial(carrier, "+33140000000");
        world.up(calling);
        let called = world.rings(alice);
        world.run(Duration::from_secs(2));
        world.hang_up(calling);
        let left_at = world.now;
        let why = world.over(called);
        world.check(matches!(why, Why::Cancelled(_)), "the agent's phone gets a CANCEL");
        if world.is_clean() {
            let after = world.now.since(left_at);
            world.check(after <= Duration::from_millis(200), &format!("it stops after {after:?}"));
        }
        world.over(calling);
        world.expect("the agent is free", Duration::from_secs(2), |world| {
            world.agent("alice").status == AgentStatus::Ready
        });
        let today = world.queue("support").today;
        world
            .check((today.entered, today.abandoned, today.handled) == (turn, turn, 0), &format!("{today:?}"));
    }
    assert!(world.cdrs().iter().all(|cdr| cdr.outcome == CdrOutcome::Abandoned));
    world
}

over_networks!();

/// He hangs up in the moment the agent lifts: whatever comes first, nobody talks to nobody.
#[test]
fn in_the_moment_of_the_answer() {
    for lead_micros in [0_u64, 1000, 2000, 2100, 3900, 4000, 4100, 6000, 8000] {
        for agent_first in [true, false] {
            let mut world = World::new(crate::harness::network::Quality::CLEAN, lead_micros);
            let alice = world.add_phone("1001");
            let carrier = world.add_carrier();
            let calling = world.dial(carrier, "+33140000000");
            world.up(calling);
            let called = world.rings(alice);
            world.run(Duration::from_secs(2));
            if agent_first {
                world.answer(called)
            } else {
                world.hang_up(calling)
            }
            world.run(Duration::from_micros(lead_micros));
            if agent_first {
                world.hang_up(calling)
            } else {
                world.answer(called)
            }
            world.over(calling);
            let why = world.over(called);
            world.check(
                matches!(why, Why::Cancelled(_)) || world.call(called).ack_seen,
                "an answered phone's 200 is acknowledged",
            );
            let today = world.queue("support").today;
            world.check(today.handled + today.abandoned == 1, &format!("{today:?}"));
            world.run(Duration::from_secs(11));
            world.check(world.agent("alice").status == AgentStatus::Ready, "the agent is free in the end");
            world.finish();
        }
    }
}
