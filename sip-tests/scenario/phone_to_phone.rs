//! One phone calls another by its number, they talk, either hangs up.

use crate::harness::call::{State, Why};
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::CdrOutcome;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for caller_hangs_up in [true, false] {
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.expect("the caller hears that it rings", Duration::from_secs(1), |world| {
            world.call(calling).status() == 180
        });
        world.run(Duration::from_secs(2));
        world.check(world.call(calling).state == State::Calling, "nobody has answered yet");
        world.answer(called);
        world.up(calling);
        world.talk(calling, called);
        world.run(Duration::from_secs(5));
        world.talk(calling, called);
        let (first, second) = if caller_hangs_up { (calling, called) } else { (called, calling) };
        world.hang_up(first);
        let why = world.over(second);
        world.check(matches!(why, Why::ByPeer(_)), "the other side gets a BYE");
        assert_eq!(world.over(first), Why::HungUp);
    }
    let cdrs = world.cdrs();
    assert_eq!(cdrs.len(), 2);
    for cdr in cdrs {
        assert_eq!((cdr.from.as_str(), cdr.to.as_str()), ("2001", "2002"));
        assert_eq!(cdr.outcome, CdrOutcome::Answered);
        assert!(cdr.talk >= Duration::from_secs(6), "{:?}", cdr.talk);
    }
    world
}

over_networks!();
