//! Both send a re-INVITE at once (F23): 491 to whoever meets ours, the call stays intact, the retry succeeds, and what
//! each wanted comes true on the other side.

use crate::harness::call::State;
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;
use strowger::sdp::Direction;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    for lead_micros in [0, 1500, 3000] {
        // The caller holds; the called only refreshes. The hold must reach him in the end.
        world.reinvite(calling, Some(Direction::SendOnly));
        world.run(Duration::from_micros(lead_micros));
        world.reinvite(called, Some(Direction::SendRecv));
        world.run(Duration::from_secs(12));
        world.check(
            world.call(calling).state == State::Up && world.call(called).state == State::Up,
            "the call stays",
        );
        world.check(world.call(calling).reinvites.last() == Some(&200), "the caller's re-INVITE succeeds");
        world.check(world.call(called).reinvites.last() == Some(&200), "the called's re-INVITE succeeds");
        let told = world.call(called).told.last().map(|(_, direction)| *direction);
        world.check(
            told == Some("sendonly"),
            &format!("the hold is passed on after the glare, told {told:?}"),
        );
        world.hears(called, MUSIC);
        world.reinvite(calling, Some(Direction::SendRecv));
        world.run(Duration::from_secs(6));
        world.talk(calling, called);
    }
    world.hang_up(calling);
    world.over(called);
    world
}

over_networks!();
