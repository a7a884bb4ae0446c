//! INVITE with Replaces (RFC 3891): another device of the same account takes a call over; strangers don't. 481 for what
//! is not there, 486 with early-only and an answered call, 603 for a call that has ended.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::sound::MUSIC;
use crate::harness::world::{Line, World};
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    // Bob's second device, and Alice's.
    let desk = world.add_phone("2002");
    let mobile = world.add_phone("2001");
    let replaces = world.replaces(called);
    let taken = world.dial_replacing(desk, &replaces);
    world.up(taken);
    world.over(called);
    world.talk(calling, taken);
    // She holds meanwhile: the device that comes is held.
    world.hold(calling, taken);
    let replaces = world.replaces(taken);
    let again = world.dial_replacing(bob, &replaces);
    world.up(again);
    world.over(taken);
    world.hears(again, MUSIC);
    let replaces = world.replaces(calling);
    let hers = world.dial_replacing(mobile, &replaces);
    world.up(hers);
    world.over(calling);
    world.talk(hers, again);
    world.hang_up(hers);
    world.over(again);
    assert_eq!(world.cdrs().len(), 1);
    world
}

over_networks!();

#[test]
fn what_is_refused() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect(alice, bob);
    let stranger = world.add_phone("2003");
    let desk = world.add_phone("2002");
    let refused = |world: &mut World, phone, replaces: &str| {
        let line = world.dial_replacing(phone, replaces);
        match world.over(line) {
            Why::Refused(status) => status,
            other => panic!("{other:?}"),
        }
    };
    let replaces = world.replaces(called);
    assert_eq!(refused(&mut world, stranger, &replaces), 403);
    assert_eq!(refused(&mut world, desk, &format!("{replaces};early-only")), 486);
    assert_eq!(refused(&mut world, desk, "nobody;to-tag=a;from-tag=b"), 481);
    assert_eq!(refused(&mut world, desk, "nobody;to-tag=a"), 400);
    world.talk_and_end(called, calling);
    assert_eq!(refused(&mut world, desk, &replaces), 603);
    world.finish();
}

/// A ringing leg: its own account's other device takes the call, and a device that shares no codec with us takes nothing.
#[test]
fn a_ringing_leg_is_replaced() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let desk = world.add_at("2002", "10.2.0.9:5060");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    let replaces = world.replaces(called);
    world.phone(desk).codecs = vec![strowger::sdp::Codec::named("opus", 48_000, 2)];
    let deaf = world.dial_replacing(desk, &replaces);
    assert_eq!(world.over(deaf), Why::Refused(488));
    assert!(world.ringing(bob).is_some(), "it still rings");
    world.phone(desk).codecs = vec![strowger::sdp::Codec::Pcmu];
    let taken: Line = world.dial_replacing(desk, &format!("{replaces};early-only"));
    world.up(taken);
    let why = world.over(called);
    assert!(matches!(&why, Why::Cancelled(Some(reason)) if reason.contains("elsewhere")), "{why:?}");
    world.talk(calling, taken);
    world.run(Duration::from_secs(1));
    world.finish();
}
