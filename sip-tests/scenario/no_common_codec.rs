//! A caller with nothing that we speak is refused before anybody rings; a phone whose answer fits nothing ends the call.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::World;
use strowger::sdp::Codec;

#[test]
fn a_caller_without_a_codec_of_ours_gets_488() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.phone(alice).codecs = vec![Codec::named("opus", 48_000, 2)];
    for number in ["2002", "600"] {
        let calling = world.dial(alice, number);
        assert_eq!(world.over(calling), Why::Refused(488), "{number}");
    }
    assert!(world.phone(bob).calls.is_empty(), "nobody was rung");
    assert_eq!(world.queue("support").today.entered, 0);
    // And the phone that has none of what is offered says so itself.
    world.phone(alice).codecs = vec![Codec::Pcma];
    world.phone(bob).codecs = vec![Codec::named("opus", 48_000, 2)];
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    assert_eq!(world.over(calling), Why::Refused(488));
    world.finish();
}
