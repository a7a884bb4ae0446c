//! A phone vanishes without a BYE (F29): 30 s after its last packet the call ends on both sides, and the record says why.
//! A party on hold may be silent.

use crate::harness::call::{State, Why};
use crate::harness::world::World;
use std::time::Duration;
use strowger::sdp::Direction;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);

    // Silent, but rightly: his own hold says that he sends and wants nothing; the switch keeps the call.
    world.reinvite(called, Some(Direction::Inactive));
    world.expect("the hold is answered", Duration::from_secs(1), |world| {
        world.call(called).reinvites == [200]
    });
    world.run(Duration::from_secs(90));
    world.check(world.call(calling).state == State::Up, "a held call outlives the timeout");
    world.reinvite(called, Some(Direction::SendRecv));
    world.talk(calling, called);

    world.call_mut(called).mute = true;
    let silent_since = world.now;
    let why = world.over_within(calling, Duration::from_secs(32));
    let after = world.now.since(silent_since);
    world.check(
        matches!(&why, Why::ByPeer(Some(text)) if text.contains("No media")),
        &format!("told {why:?}"),
    );
    world.check(after >= Duration::from_millis(29_900), &format!("not before 30 s, but after {after:?}"));
    world.over(called);
    assert_eq!(world.cdrs()[0].cause, "media_timeout");
    world
}

over_networks!();

/// Who was answered, heard the other and was never heard himself is counted, by his side: one-way audio.
#[test]
fn a_party_that_was_never_heard_is_counted() {
    for (caller, callee) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)] {
        let mut world = World::new(crate::harness::network::Quality::CLEAN, 1);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        for (line, silent) in [(calling, caller > 0.0), (called, callee > 0.0)] {
            world.call_mut(line).mute = silent;
        }
        world.answer(called);
        world.up(calling);
        world.run(Duration::from_secs(5));
        world.hang_up(calling);
        world.over(called);
        world.run(Duration::from_secs(1));
        let counted =
            |side: &str| world.metric(&format!("strowger_calls_without_media_total{{side=\"{side}\"}}"));
        assert_eq!((counted("caller"), counted("callee")), (caller, callee));
        world.finish();
    }
}
