//! Reliable provisional responses (RFC 3262) in both roles, with offer and answer in PRACK, and with everything that can
//! be missing.

use crate::harness::call::{State, Why};
use crate::harness::network::{Packet, Quality};
use crate::harness::phone::Treatment;
use crate::harness::sound::RINGBACK;
use crate::harness::world::{Line, World};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

fn provisional(world: &mut World, line: Line, status: u16, with_sdp: bool) {
    world.with_phone(line.phone, |phone, now| phone.provisional(now, line.call, status, with_sdp));
}

/// A softphone requires 100rel; a carrier sends reliably: each 1xx is numbered and acknowledged on its own leg.
fn both(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    world.phone(alice).skills.reliable = true;
    world.phone(carrier).skills.reliable = true;
    world.treat(carrier, Treatment::Wait);
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    provisional(&mut world, called, 180, false);
    world.expect("the 180 comes", Duration::from_secs(1), |world| world.call(calling).status() == 180);
    world.call_mut(called).mute = true;
    provisional(&mut world, called, 183, true);
    world.expect("the 183 comes", Duration::from_secs(1), |world| world.call(calling).status() == 183);
    world.expect("all are acknowledged", Duration::from_secs(1), |world| {
        world.call(calling).extended.pracks == [200, 200] && world.call(called).extended.pracked.len() == 2
    });
    world.hears(calling, RINGBACK);
    world.call_mut(called).mute = false;
    let voice = world.voice(called);
    world.hears(calling, voice);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    let seen = &world.call(calling).extended.reliable_seen;
    world.check(
        seen.iter().map(|(status, _, sdp)| (*status, *sdp)).eq([(180, false), (183, true)]),
        &format!("{seen:?}"),
    );
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks_of!(both, in_both_roles);

/// RFC 3262 section 5: no offer in the INVITE, ours in the first reliable response, the answer in its PRACK.
fn offer_in_the_response(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.phone(alice).skills.reliable = true;
    let calling = world.dial_offerless(alice, "2002");
    let called = world.rings(bob);
    world.expect("the offer comes", Duration::from_secs(1), |world| {
        world.call(calling).extended.pracks == [200]
    });
    let seen = world.call(calling).extended.reliable_seen.clone();
    world.check(seen.len() == 1 && seen[0].2, &format!("the 180 has the offer: {seen:?}"));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    world
}

over_networks_of!(offer_in_the_response, with_the_offer_in_the_response);

/// The PRACK of the 183 with SDP and the answer race each other: the 200 never overtakes the PRACK, both orders come.
#[test]
fn the_answer_waits_for_the_prack() {
    let mut orders = [0_u32; 2];
    for seed in 0..1_000 {
        let quality = Quality { delay_spread: Duration::from_millis(6), ..Quality::CLEAN };
        let mut world = World::new(quality, seed);
        let alice = world.add_phone("2001");
        let carrier = world.add_carrier();
        world.phone(alice).skills.reliable = true;
        world.treat(carrier, Treatment::EarlyMedia);
        let sent = Rc::new(RefCell::new(Vec::new()));
        let story = Rc::clone(&sent);
        world.network.filter = Some(Box::new(move |packet: &Packet| {
            let text = String::from_utf8_lossy(&packet.bytes);
            let from_switch =
                packet.from.ip().to_string() == "10.0.0.1" && packet.to.ip().to_string() == "10.1.0.1";
            if from_switch && text.starts_with("SIP/2.0 200 ") {
                story.borrow_mut().push(if text.contains(" PRACK\r\n") { "PRACK" } else { "INVITE" });
            }
            false
        }));
        let calling = world.dial(alice, "0123456789");
        let called = world.rings(carrier);
        world.run(Duration::from_micros(seed % 25 * 1000));
        let prack_first = sent.borrow().first() == Some(&"PRACK");
        world.answer(called);
        world.up(calling);
        if world.call(calling).extended.reliable_seen.is_empty() {
            // The carrier's 200 has overtaken its 183: nothing was to be acknowledged.
            continue;
        }
        orders[usize::from(prack_first)] += 1;
        world.check(sent.borrow().starts_with(&["PRACK", "INVITE"]), &format!("{:?}", sent.borrow()));
        if seed % 50 == 0 {
            world.talk_and_end(calling, called);
            world.finish();
        }
    }
    assert!(orders.iter().all(|count| *count > 100), "both orders: {orders:?}");
}

/// Without a PRACK the response is sent again for 64*T1, then the INVITE is refused, and the callee is let go.
#[test]
fn without_a_prack_the_call_ends() {
    for answered in [false, true] {
        let mut world = World::new(Quality::CLEAN, 1);
        let alice = world.add_phone("2001");
        let carrier = world.add_carrier();
        world.phone(alice).skills.reliable = true;
        world.phone(alice).skills.no_prack = true;
        world.treat(carrier, Treatment::EarlyMedia);
        let calling = world.dial(alice, "0123456789");
        let called = world.rings(carrier);
        world.run(Duration::from_secs(1));
        if answered {
            world.answer(called);
        }
        world.run(Duration::from_secs(20));
        world.check(world.call(calling).state == State::Calling, "no 200 without the PRACK");
        let why = world.over_within(calling, Duration::from_secs(14));
        world.check(why == Why::Refused(504), &format!("{why:?}"));
        world.over(called);
        let came = world.phones[alice.0].seen.iter().filter(|(_, line)| line.contains(" 183 ")).count();
        assert_eq!(came, 7, "transmissions of the 183");
        assert_eq!(world.cdrs().len(), 1);
        world.finish();
    }
}

/// CANCEL while a reliable response waits for its PRACK, and the PRACK races the CANCEL.
#[test]
fn a_cancel_races_the_prack() {
    let mut orders = [0_u32; 2];
    for seed in 0..1_000 {
        let quality = Quality { delay_spread: Duration::from_millis(6), ..Quality::CLEAN };
        let mut world = World::new(quality, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        world.phone(alice).skills.reliable = true;
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.run(Duration::from_micros(seed % 25 * 1000));
        world.hang_up(calling);
        world.over(calling);
        let why = world.over(called);
        world.check(matches!(why, Why::Cancelled(_)), &format!("{why:?}"));
        world.run(Duration::from_millis(50));
        let first = world.call(calling).extended.pracks.first() == Some(&200);
        orders[usize::from(first)] += 1;
        assert_eq!(world.cdrs().len(), 1);
        if seed % 50 == 0 {
            world.finish();
        }
    }
    assert!(orders.iter().all(|count| *count > 50), "both orders: {orders:?}");
}

/// The carrier's reliable 183 is lost twice, and our first PRACK too: all comes in the end, in order.
#[test]
fn what_is_lost_is_sent_again() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    world.phone(carrier).skills.reliable = true;
    world.treat(carrier, Treatment::Wait);
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    let (mut responses, mut pracks) = (0, 0);
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let response =
            packet.bytes.starts_with(b"SIP/2.0 183") && packet.from.ip().to_string() == "192.0.2.77";
        let prack = packet.bytes.starts_with(b"PRACK ");
        responses += u32::from(response);
        pracks += u32::from(prack);
        (response && responses <= 2) || (prack && pracks <= 1)
    }));
    provisional(&mut world, called, 183, true);
    provisional(&mut world, called, 180, false);
    world.expect("both are acknowledged", Duration::from_secs(8), |world| {
        world.call(called).extended.pracked.len() == 2
    });
    let voice = world.voice(called);
    world.hears(calling, voice);
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    world.finish();
}

/// Two phones behind the carrier's proxy send reliably: each has its numbers and its PRACKs, a number too high has none;
/// the one that answers has the call.
#[test]
fn forks_are_acknowledged_each_for_itself() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    world.treat(carrier, Treatment::Wait);
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    let before = world.phones[carrier.0].seen.len();
    for (tag, rseq) in [("one", 7), ("fork", 90), ("one", 8), ("fork", 92), ("fork", 91), ("one", 8)] {
        world.with_phone(carrier, |phone, _| phone.provisional_as(called.call, tag, rseq));
        world.run(Duration::from_millis(50));
    }
    let seen = |world: &World, before: usize| -> Vec<String> {
        let part = |(_, line): &(_, String)| line.split('@').next().unwrap_or_default().to_owned();
        world.phones[carrier.0].seen[before..].iter().map(part).collect()
    };
    let pracks = ["PRACK sip:one", "PRACK sip:fork", "PRACK sip:one", "PRACK sip:fork"];
    world.check(seen(&world, before) == pracks, &format!("{:?}", seen(&world, before)));
    let before = world.phones[carrier.0].seen.len();
    world.with_phone(carrier, |phone, _| phone.answer_as(called.call, "fork"));
    world.up(calling);
    world.hang_up(calling);
    world.over(calling);
    world.run(Duration::from_millis(50));
    let ends = ["ACK sip:fork", "BYE sip:fork"];
    world.check(seen(&world, before) == ends, &format!("{:?}", seen(&world, before)));
    world.finish();
}
