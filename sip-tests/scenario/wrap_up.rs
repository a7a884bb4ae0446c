//! Wrap-up (B7, R04): no offer inside it from any queue; it ends by its timer or by request, and then the next caller
//! rings at once.

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::AgentStatus;
use strowger::switch::action::Action;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let dan = world.add_phone("2001");
    for by_request in [false, true] {
        let first = world.dial(carrier, "+33140000000");
        world.up(first);
        let called = world.rings(alice);
        world.answer(called);
        world.talk(first, called);
        let other = world.dial(dan, "601");
        world.up(other);
        let next = world.dial(carrier, "+33140000000");
        world.up(next);
        world.hang_up(called);
        world.over(first);
        let ended = world.now;
        world.run(Duration::from_secs(5));
        world.check(world.ringing(alice).is_none(), "no offer inside wrap-up");
        world.check(world.agent("alice").status == AgentStatus::WrapUp, "she wraps up");
        world.check(world.agent("alice").wrap_up_ends_at.is_some(), "and it is known until when");
        if by_request {
            let done = world.act(Action::EndWrapUp { agent: "alice".into(), by: "alice".to_owned() });
            world.check(done.is_ok(), &format!("{done:?}"));
        }
        let second = world.rings_within(alice, Duration::from_secs(6));
        let rested = world.now.since(ended);
        let well =
            if by_request { rested <= Duration::from_secs(6) } else { rested >= Duration::from_secs(9) };
        world.check(well || !world.is_clean(), &format!("she rested for {rested:?}"));
        world.answer(second);
        let taken =
            if world.call(other).heard.last_at > world.call(next).heard.last_at { other } else { next };
        let _ = taken;
        world.run(Duration::from_secs(3));
        // True order of arrival over both queues: who came first is served first.
        world.talk(other, second);
        for line in [other, next] {
            world.hang_up(line);
            world.over(line);
        }
        world.run(Duration::from_secs(15));
    }
    world
}

over_networks!();
