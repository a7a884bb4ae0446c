//! The phone called is busy: so is the caller told.

use crate::harness::call::Why;
use crate::harness::phone::Treatment;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::CdrOutcome;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for (status, told, outcome) in [
        (486, 486, CdrOutcome::Busy),
        (600, 486, CdrOutcome::Busy),
        (603, 603, CdrOutcome::Rejected),
        (480, 480, CdrOutcome::NoAnswer),
        (404, 404, CdrOutcome::Rejected),
        (488, 488, CdrOutcome::Failed),
        (503, 503, CdrOutcome::Failed),
        (500, 500, CdrOutcome::Failed),
    ] {
        world.treat(bob, Treatment::Refuse(status, Duration::from_millis(700)));
        let calling = world.dial(alice, "2002");
        let why = world.over_within(calling, Duration::from_secs(2));
        world.check(why == Why::Refused(told), &format!("{status} is told as {told}"));
        let last = world.cdrs().last().map(|cdr| cdr.outcome);
        world.check(last == Some(outcome), &format!("{status} is recorded as {last:?}, not {outcome:?}"));
    }
    world
}

over_networks!();
