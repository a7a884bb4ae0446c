//! What a phone may call and spend: kinds of numbers, calls and minutes an hour. A stolen password is worth no more.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, Line, PhoneId, World};
use std::time::Duration;
use strowger::store::Restored;

fn world(limits: &str) -> (World, PhoneId, PhoneId) {
    let text = CONFIGURATION
        .replace("number = \"2001\"\n", &format!("number = \"2001\"\n{limits}\n"))
        .replace("pattern = \"0XXXXXXXXX\"", "pattern = \"0.\"");
    let text = text.replace("rewrite = \"+33{1}\"\n", "");
    let text = format!("[security]\ncountry_code = \"33\"\npremium_prefixes = [\"089\"]\n{text}");
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    (world, alice, carrier)
}

/// A call that is answered, with audio both ways.
fn talk(world: &mut World, from: PhoneId, to: PhoneId, number: &str) -> (Line, Line) {
    let (calling, called) = world.connect_by(from, number, to);
    world.talk(calling, called);
    (calling, called)
}

fn refused(world: &mut World, from: PhoneId, number: &str) {
    let calling = world.dial(from, number);
    let why = world.over(calling);
    world.check(why == Why::Refused(403), &format!("{number}: {why:?}"));
}

#[test]
fn a_phone_calls_what_it_may() {
    let limits = "permissions = [\"internal\", \"national\"]\ndenied_prefixes = [\"+339\"]";
    let (mut world, alice, carrier) = world(limits);
    let bob = world.add_phone("2002");
    for number in ["004930123456", "0899123456", "0912345678"] {
        refused(&mut world, alice, number);
    }
    // Premium numbers are for nobody who is not given them.
    refused(&mut world, bob, "0899123456");
    for (from, to, number) in
        [(alice, carrier, "0123456789"), (bob, carrier, "004930123456"), (alice, bob, "2002")]
    {
        let (calling, called) = talk(&mut world, from, to, number);
        world.hang_up(calling);
        world.over(called);
    }
    assert_eq!(world.switch.metric("strowger_toll_refused_total{reason=\"permission\"}"), 3.0);
    assert_eq!(world.switch.metric("strowger_toll_refused_total{reason=\"prefix\"}"), 1.0);
    assert_eq!(world.cdrs().len(), 3, "what is barred is no call");
    world.finish();
}

#[test]
fn an_hour_has_so_many_calls() {
    let (mut world, alice, carrier) = world("calls_per_hour = 2\nmax_calls = 1");
    for _ in 0..2 {
        let (calling, called) = talk(&mut world, alice, carrier, "0123456789");
        refused(&mut world, alice, "2002");
        world.hang_up(calling);
        world.over(called);
    }
    refused(&mut world, alice, "0123456789");
    let inside = world.dial(alice, "600");
    world.up(inside);
    world.hang_up(inside);
    world.run(Duration::from_secs(3700));
    assert_eq!(world.register(alice, 3600), 200);
    let (calling, called) = talk(&mut world, alice, carrier, "0123456789");
    world.hang_up(calling);
    world.over(called);
    world.finish();
}

#[test]
fn a_call_that_uses_up_the_minutes_is_ended_on_both_sides() {
    let (mut world, alice, carrier) = world("minutes_per_hour = 3");
    let (calling, called) = talk(&mut world, alice, carrier, "0123456789");
    let began = world.now;
    world.expect("both are hung up", Duration::from_secs(200), |world| {
        [calling, called].iter().all(|line| world.call(*line).state == State::Over)
    });
    let lasted = world.now.since(began);
    world.check(lasted >= Duration::from_secs(175), &format!("{lasted:?}"));
    refused(&mut world, alice, "0123456789");
    let ended = world.switch.metric("strowger_toll_refused_total{reason=\"minutes_per_hour\"}");
    assert_eq!(ended, 2.0, "the call that ran, and the one after it");
    world.run(Duration::from_secs(3800));
    assert_eq!(world.switch.core.memory().charged, (0, 0));
    world.finish();
}

/// The transferor pays for what he sends outside: the party is back with him where he may not.
#[test]
fn a_transfer_to_the_outside_is_the_transferors() {
    let (mut world, alice, carrier) = world("denied_prefixes = [\"+339\"]\ncalls_per_hour = 1");
    let bob = world.add_phone("2002");
    let (calling, called) = talk(&mut world, bob, alice, "2001");
    world.refer(called, "0912345678");
    world.run(Duration::from_millis(200));
    world.check(world.call(called).transferred() == Some(403), "NOTIFY 403");
    world.talk(calling, called);
    world.refer(called, "0123456789");
    let outside = world.rings(carrier);
    world.answer(outside);
    world.over(called);
    world.hear_each_other(calling, outside);
    // That was her call of this hour.
    refused(&mut world, alice, "0123456789");
    world.hang_up(calling);
    world.over(outside);
    assert_eq!(world.switch.metric("strowger_toll_refused_total{reason=\"prefix\"}"), 1.0);
    world.run(Duration::from_secs(3800));
    assert_eq!(world.switch.core.memory().charged, (0, 0));
    world.finish();
}

/// The phone that forwards pays: where it may not call, the forwarding is not followed, nor is its 302.
#[test]
fn a_forwarding_to_the_outside_is_the_phones() {
    let (mut world, alice, carrier) = world("denied_prefixes = [\"+339\"]");
    let bob = world.add_phone("2002");
    for (number, allowed) in [("0912345678", false), ("0123456789", true)] {
        let calling = world.dial(bob, "2001");
        let ringing = world.rings(alice);
        let contact = format!("<sip:{number}@example.com>");
        world.with_phone(alice, |phone, now| phone.redirect(now, ringing.call, &[&contact]));
        if allowed {
            let outside = world.rings(carrier);
            world.answer(outside);
            world.up(calling);
            world.talk(calling, outside);
            world.hang_up(calling);
            world.over(outside);
        } else {
            let why = world.over(calling);
            world.check(why == Why::Refused(403), &format!("{why:?}"));
            world.check(world.ringing(carrier).is_none(), "nobody outside is rung");
        }
    }
    assert_eq!(world.switch.metric("strowger_toll_refused_total{reason=\"prefix\"}"), 1.0);
    world.finish();
}
