//! The call ends before the caller's ACK has come (RFC 3261 section 15): the BYE waits for it, so that it can't overtake the
//! 200, and comes all the same when the ACK never does.

use crate::harness::call::{State, Why};
use crate::harness::network::{Packet, Quality};
use crate::harness::world::World;
use std::time::Duration;

fn run(ack_comes_after: Option<Duration>) {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    let from_alice =
        |packet: &Packet| packet.from.ip().to_string() == "10.1.0.1" && packet.bytes.starts_with(b"ACK ");
    world.network.filter = Some(Box::new(from_alice));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    let answered_at = world.call(called).up_at.expect("answered");
    world.hang_up(called);
    assert_eq!(world.over(called), Why::HungUp);
    world
        .check(world.cdrs().len() == 1 && world.media.legs() == 0, "the call is over at once, its audio too");
    world.run(Duration::from_millis(100));
    world.check(world.call(calling).state == State::Up, "no BYE before the ACK");
    match ack_comes_after {
        Some(after) => {
            world.run(after);
            world.network.filter = None;
            let why = world.over_within(calling, Duration::from_secs(4));
            world.check(why == Why::ByPeer(None), &format!("{why:?}"));
        }
        None => {
            let why = world.over_within(calling, Duration::from_secs(33));
            world.check(matches!(why, Why::ByPeer(_)), &format!("{why:?}"));
            let after = world.now.since(answered_at);
            world.check(after >= Duration::from_millis(31_900), &format!("{after:?}"));
        }
    }
    world.finish();
}

#[test]
fn the_bye_waits_for_the_ack() {
    run(Some(Duration::from_secs(2)));
}

#[test]
fn the_bye_comes_without_an_ack_too() {
    run(None);
}
