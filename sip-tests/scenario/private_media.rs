//! A phone behind a NAT names a private address for its audio (INTEROP): the call carries a warning, and is heard all the
//! same once the phone speaks.

use crate::harness::network::Quality;
use crate::harness::world::World;

#[test]
fn the_call_says_so() {
    let mut world = World::new(Quality::CLEAN, 1);
    let bob = world.add_phone("2002");
    let alice = world.add_at("2001", "203.0.113.5:5060");
    world.register(alice, 3600);
    for private in [false, true] {
        world.phone(alice).skills.private_address =
            private.then(|| "192.168.1.20".parse().expect("an address"));
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.answer(called);
        world.up(calling);
        world.run(std::time::Duration::from_millis(200));
        world.talk(calling, called);
        let timeline = world.live_calls()[0].timeline.clone();
        let warned = timeline.iter().any(|(_, line)| line.contains("private address"));
        world.check(warned == private, &format!("private {private}: {timeline:?}"));
        world.hang_up(calling);
        world.over(called);
    }
    world.finish();
}
