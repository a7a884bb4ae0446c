//! A phone is gone and never answers the BYE (F28): the call, its record and its audio end at once all the same, and
//! after 32 s nothing is left of it.

use crate::harness::call::Why;
use crate::harness::network::{Packet, Quality};
use crate::harness::world::World;
use std::time::Duration;

#[test]
fn the_call_ends_without_an_answer_to_bye() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    world.network.filter = Some(Box::new(|packet: &Packet| packet.bytes.starts_with(b"BYE sip:2001")));
    world.hang_up(called);
    assert_eq!(world.over(called), Why::HungUp);
    world.check(world.cdrs().len() == 1, "the record is written at once");
    world.check(world.tables().calls == 0 && world.media.legs() == 0, "the call is over at once");
    world.run(Duration::from_secs(33));
    world.check(world.tables().client_transactions == 0, "timer F has ended the BYE");
    // The phone comes back and hangs up by itself.
    world.hang_up(calling);
    assert_eq!(world.over(calling), Why::HungUp);
    world.finish();
}

/// The other way round: the phone's BYE is lost and comes again.
#[test]
fn a_bye_that_is_lost_comes_again() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    let mut lost = 0;
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let bye = packet.bytes.starts_with(b"BYE ") && lost < 3;
        lost += u32::from(bye);
        bye
    }));
    world.hang_up(calling);
    world.over_within(calling, Duration::from_secs(8));
    world.over_within(called, Duration::from_secs(8));
    world.finish();
}
