//! The caller's ACK never comes (F27): the 200 is sent again for 32 s, then both sides get a BYE that says why, and the
//! record too.

use crate::harness::call::Why;
use crate::harness::network::{Packet, Quality};
use crate::harness::world::World;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn the_answer_is_sent_again_and_then_both_are_hung_up() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    let answers = Rc::new(Cell::new(0));
    let count = Rc::clone(&answers);
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let to_alice = packet.to.ip().to_string() == "10.1.0.1";
        if to_alice
            && packet.bytes.starts_with(b"SIP/2.0 200")
            && packet.bytes.windows(8).any(|w| w == b"1 INVITE" || w == b"2 INVITE")
        {
            count.set(count.get() + 1);
        }
        packet.from.ip().to_string() == "10.1.0.1" && packet.bytes.starts_with(b"ACK ")
    }));
    world.answer(called);
    world.up(calling);
    let answered_at = world.now;
    world.talk(calling, called);
    let why = world.over_within(calling, Duration::from_secs(40));
    world.check(
        why == Why::ByPeer(Some("SIP;cause=408;text=\"No ACK\"".to_owned())),
        &format!("the caller is told why, not {why:?}"),
    );
    let after = world.now.since(answered_at);
    world.check((31_900..32_100).contains(&after.as_millis()), &format!("after 32 s, not {after:?}"));
    world.over(called);
    // RFC 3261 section 13.3.1.4: after 0.5, 1, 2, then every 4 s: eleven in all.
    assert_eq!(answers.get(), 11, "transmissions of the 200");
    assert_eq!(world.cdrs()[0].cause, "no_ack");
    world.finish();
}

/// A first ACK that is lost is sent again for the next 200: nobody notices.
#[test]
fn one_lost_ack_is_no_matter() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    let mut lost = 0;
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let ack = packet.bytes.starts_with(b"ACK ") && lost < 2;
        lost += u32::from(ack);
        ack
    }));
    world.answer(called);
    world.up(calling);
    world.run(Duration::from_secs(40));
    world.talk_and_end(called, calling);
    world.finish();
}
