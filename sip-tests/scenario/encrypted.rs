//! Encrypted audio (SRTP, RFC 4568) on each leg by itself: who offers it, who gets it, who is refused, what becomes of the
//! keys over holds, and that nobody is shown them.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, Line, World};
use std::time::Duration;
use strowger::sdp::{Direction, Security};
use strowger::srtp::Fault;
use strowger::store::Restored;
use strowger::switch::action::{Answer, Question};
use strowger::trace;

/// The world with these lines at the phone 2002.
fn world(line: &str) -> World {
    let number = "number = \"2002\"\n";
    let text = CONFIGURATION.replace(number, &format!("{number}{line}\n"));
    World::with(&text, Quality::CLEAN, 1, Restored::default(), 60)
}

fn is_encrypted(world: &World, line: Line) -> bool {
    let encrypted = &world.call(line).encrypted;
    // A network that doubles packets is no attacker.
    let forged = encrypted.refused.iter().filter(|fault| **fault != Fault::Replayed).count();
    assert_eq!(forged, 0, "{:?}", encrypted.refused);
    encrypted.opened > 0
}

/// Holds, and talks again: the other hears music meanwhile, and the keys stay.
fn hold(world: &mut World, holder: Line, held: Line) {
    world.reinvite(holder, Some(Direction::SendOnly));
    world.hears(held, crate::harness::sound::MUSIC);
    world.reinvite(holder, Some(Direction::SendRecv));
    world.talk(holder, held);
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.phone(alice).skills.security = Security::Required;
    world.phone(bob).skills.security = Security::Accepted;
    for (from, to, number) in [(alice, bob, "2002"), (bob, alice, "2001")] {
        // A phone that must encrypt takes no plain offer.
        world.phone(alice).skills.security =
            if from == alice { Security::Required } else { Security::Accepted };
        let calling = world.dial(from, number);
        let called = world.rings(to);
        world.answer(called);
        world.up(calling);
        world.talk(calling, called);
        hold(&mut world, calling, called);
        hold(&mut world, called, calling);
        let secure = if from == alice { calling } else { called };
        assert_eq!(is_encrypted(&world, secure), from == alice, "we offer it to nobody over UDP on our own");
        let plain = if from == alice { called } else { calling };
        assert!(!is_encrypted(&world, plain), "each leg by itself");
        assert!(world.call(secure).encrypted.changes <= 1, "the keys stay over holds");
        world.hang_up(called);
        world.over(calling);
    }
    world
}

over_networks!();

#[test]
fn a_phone_that_requires_it_is_offered_it_and_gets_it_from_a_plain_caller() {
    for security in [Security::Accepted, Security::Required] {
        let mut world = world("srtp = \"required\"");
        let (alice, bob) = (world.add_phone("2001"), world.add_phone("2002"));
        world.phone(bob).skills.security = security;
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.answer(called);
        world.up(calling);
        world.talk(calling, called);
        // The switch passes the hold on with an offer of its own.
        hold(&mut world, calling, called);
        assert!(is_encrypted(&world, called) && !is_encrypted(&world, calling));
        assert_eq!(world.call(called).encrypted.changes, 1);
        world.hang_up(calling);
        world.over(called);
        world.finish();
    }
}

#[test]
fn who_does_not_fit_is_refused() {
    // Required, and the phone has none: its 488 is the caller's.
    let mut required = world("srtp = \"required\"");
    let (alice, bob) = (required.add_phone("2001"), required.add_phone("2002"));
    let calling = required.dial(alice, "2002");
    let called = required.rings(bob);
    required.answer(called);
    assert_eq!(required.over(calling), Why::Refused(488));
    // And it does not get through with plain audio either.
    let calling = required.dial(bob, "2001");
    assert_eq!(required.over(calling), Why::Refused(488));
    assert!(required.phone(alice).calls.len() == 1, "nobody was rung");
    required.finish();

    let mut off = world("srtp = \"off\"");
    let (_, bob) = (off.add_phone("2001"), off.add_phone("2002"));
    off.phone(bob).skills.security = Security::Required;
    let calling = off.dial(bob, "2001");
    assert_eq!(off.over(calling), Why::Refused(488));
    off.finish();
}

#[test]
fn new_keys_of_a_new_offer_are_followed() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob) = (world.add_phone("2001"), world.add_phone("2002"));
    world.phone(alice).skills.security = Security::Required;
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.new_keys(calling);
    world.reinvite(calling, Some(Direction::SendRecv));
    world.expect("it is answered", Duration::from_secs(1), |world| world.call(calling).reinvites == [200]);
    world.run(Duration::from_secs(1));
    world.talk(calling, called);
    assert_eq!(world.call(calling).encrypted.changes, 2);
    world.hang_up(called);
    world.over(calling);
    world.finish();
}

#[test]
fn queue_music_and_an_agent_are_encrypted_for_a_caller_who_encrypts() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (caller, agent) = (world.add_phone("2001"), world.add_phone("1001"));
    world.phone(caller).skills.security = Security::Required;
    let calling = world.dial(caller, "600");
    let called = world.rings(agent);
    world.hears(calling, crate::harness::sound::MUSIC);
    world.answer(called);
    world.talk(calling, called);
    assert!(is_encrypted(&world, calling));
    world.hang_up(calling);
    world.over(called);
    world.finish();
}

#[test]
fn a_trace_shows_no_keys() {
    let mut world = world("srtp = \"required\"");
    let (alice, bob) = (world.add_phone("2001"), world.add_phone("2002"));
    world.phone(alice).skills.security = Security::Required;
    world.phone(bob).skills.security = Security::Required;
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    assert!(is_encrypted(&world, called) && is_encrypted(&world, calling));
    world.hang_up(calling);
    world.over(called);
    let Answer::Trace(packets) = world.ask(Question::Trace(None)) else { panic!("a trace was asked for") };
    let shown: String = packets
        .iter()
        .map(|packet| String::from_utf8_lossy(&trace::redacted(&packet.bytes)).into_owned())
        .collect();
    assert!(shown.contains("RTP/SAVP") && shown.contains("a=crypto:[hidden]"), "{shown}");
    assert!(!shown.contains("inline:"), "{shown}");
    world.finish();
}
