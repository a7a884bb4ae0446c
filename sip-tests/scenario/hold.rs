//! Hold by a re-INVITE, by the caller and by the called, `sendonly` and `inactive`: the other hears music and is told by
//! a re-INVITE `sendonly`, the holder hears silence; then both talk again (B12, INTEROP).

use crate::harness::sound::{MUSIC, Sound};
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::sdp::Direction;

fn hold(world: &mut World, holder: Line, held: Line, direction: Direction) {
    let told = world.call(held).told.len();
    let answered = world.call(holder).reinvites.len();
    world.reinvite(holder, Some(direction));
    world.expect("the hold is answered 200", Duration::from_secs(1), |world| {
        world.call(holder).reinvites.get(answered..) == Some(&[200])
    });
    world.expect("the other is told", Duration::from_secs(1), |world| {
        world.call(held).told.get(told).is_some_and(|(_, direction)| *direction == "sendonly")
    });
    world.hears(held, MUSIC);
    let from = world.now;
    world.run(Duration::from_secs(2));
    world.heard_since(held, MUSIC, from);
    world.heard_since(holder, Sound::Silence, from);
    world.reinvite(holder, Some(Direction::SendRecv));
    world.expect("the other is told again", Duration::from_secs(1), |world| {
        world.call(held).told.get(told + 1).is_some_and(|(_, direction)| *direction == "sendrecv")
    });
    world.talk(holder, held);
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    hold(&mut world, calling, called, Direction::SendOnly);
    hold(&mut world, called, calling, Direction::SendOnly);
    hold(&mut world, calling, called, Direction::Inactive);

    // Both hold: nobody hears the other; music for neither while he holds himself.
    world.reinvite(calling, Some(Direction::SendOnly));
    world.hears(called, MUSIC);
    world.reinvite(called, Some(Direction::SendOnly));
    world.hears(called, Sound::Silence);
    world.reinvite(calling, Some(Direction::SendRecv));
    world.hears(calling, MUSIC);
    world.reinvite(called, Some(Direction::SendRecv));
    world.talk(calling, called);

    // He who is held hangs up.
    world.reinvite(calling, Some(Direction::SendOnly));
    world.hears(called, MUSIC);
    world.hang_up(called);
    world.over(calling);
    let hold = world.cdrs()[0].hold;
    world.check(hold >= Duration::from_secs(8), &format!("hold time is counted: {hold:?}"));
    world
}

over_networks!();

/// Carriers end calls that are `inactive` (INTEROP): a trunk is told `sendonly`, also while both sides hold.
#[test]
fn a_trunk_is_never_told_that_nothing_passes() {
    let mut world = World::new(crate::harness::network::Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let (calling, called) = world.connect_by(alice, "0123456789", carrier);
    world.talk(calling, called);
    for direction in [Direction::SendOnly, Direction::Inactive] {
        hold(&mut world, calling, called, direction);
    }
    world.reinvite(called, Some(Direction::SendOnly));
    world.hears(calling, MUSIC);
    world.reinvite(calling, Some(Direction::Inactive));
    world.run(Duration::from_secs(1));
    world.reinvite(called, Some(Direction::SendRecv));
    world.run(Duration::from_secs(1));
    world.reinvite(calling, Some(Direction::SendRecv));
    world.talk(calling, called);
    let told = &world.call(called).told;
    world.check(told.len() >= 4, "it is told of each hold");
    world.check(told.iter().all(|(_, direction)| *direction != "inactive"), &format!("{told:?}"));
    world.hang_up(calling);
    world.over(called);
    world.finish();
}
