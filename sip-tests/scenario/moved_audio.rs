//! A phone's audio comes from another port in mid-call, as after a NAT's rebinding (F20): it is heard again within a second,
//! and gets what it should hear there.

use crate::harness::network::Quality;
use crate::harness::world::World;
use std::time::Duration;

#[test]
fn audio_is_back_within_a_second() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.run(Duration::from_secs(10));
    world.call_mut(called).rtp.set_port(51_234);
    let moved_at = world.now;
    let voice = world.voice(called);
    world.run(Duration::from_secs(2));
    let first = world.call(calling).heard.first(voice, moved_at + Duration::from_millis(25));
    let after = first.map(|at| at.since(moved_at));
    world.check(
        after.is_some_and(|time| time <= Duration::from_secs(1)),
        &format!("audio is back after {after:?}"),
    );
    world.talk(calling, called);
    world.hang_up(calling);
    world.over(called);
    world.finish();
}
