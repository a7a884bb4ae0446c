//! An answer that nobody wants any more is acknowledged and hung up at every time (RFC 3261 section 13.2.2.4): after a
//! CANCEL that was lost, when 64*T1 are long over, from a second and a third fork, after the call's end.

use crate::harness::call::{State, Why};
use crate::harness::network::{Packet, Quality};
use crate::harness::world::World;
use std::time::Duration;

fn lose_cancels(world: &mut World) {
    world.network.filter = Some(Box::new(|packet: &Packet| {
        packet.bytes.starts_with(b"CANCEL ") && packet.to.ip().to_string() == "10.1.0.2"
    }));
}

/// From at once to a minute and more after the CANCEL: while the INVITE's transaction lives, and when it is forgotten.
#[test]
fn after_a_lost_cancel_at_every_time() {
    let mut known = [0_u32; 2];
    for seed in 0..1_000 {
        let mut world = World::new(Quality::CLEAN, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        lose_cancels(&mut world);
        world.hang_up(calling);
        world.over(calling);
        world.run(Duration::from_millis(1 + seed * 67));
        let forgotten = world.tables().legs == 0;
        known[usize::from(forgotten)] += 1;
        world.answer(called);
        let why = world.over(called);
        world.check(world.call(called).ack_seen, "the 200 is acknowledged");
        world.check(matches!(why, Why::ByPeer(_)), &format!("and hung up, not {why:?}"));
        assert_eq!(world.cdrs().len(), 1);
        if seed % 50 == 0 {
            world.finish();
        }
    }
    assert!(known.iter().all(|count| *count > 100), "both: {known:?}");
}

/// Two more forks answer: during the call, right after its end, and when everything was forgotten. Each has one ACK for
/// each 200 and one BYE; the call itself is not touched.
#[test]
fn forks_at_every_time() {
    for (seed, ended, wait) in [
        (1, false, 1),
        (2, false, 20),
        (3, true, 0),
        (4, true, 3),
        (5, true, 31),
        (6, true, 40),
        (7, true, 3600),
    ] {
        let mut world = World::new(Quality::CLEAN, seed);
        let alice = world.add_phone("2001");
        let carrier = world.add_carrier();
        let (calling, called) = world.connect_by(alice, "0123456789", carrier);
        world.talk(calling, called);
        if ended {
            world.hang_up(calling);
            world.over(called);
        }
        world.run(Duration::from_secs(wait));
        for fork in ["fork2", "fork3"] {
            let before = world.phones[carrier.0].seen.len();
            for _ in 0..3 {
                world.with_phone(carrier, |phone, _| phone.answer_as(called.call, fork));
                world.run(Duration::from_millis(100));
            }
            let seen: Vec<&str> = world.phones[carrier.0].seen[before..]
                .iter()
                .filter_map(|(_, line)| line.split(' ').next())
                .collect();
            world.check(seen == ["ACK", "BYE", "ACK", "ACK"], &format!("{wait} s: the fork sees {seen:?}"));
        }
        if !ended {
            world.check(world.call(called).state == State::Up, "the call goes on");
            world.talk_and_end(calling, called);
        }
        world.finish();
    }
}

/// A stranger's 200 with a tag that we did not make has us send nothing to anybody.
#[test]
fn a_forged_answer_is_not_answered() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let before = world.phones[alice.0].seen.len();
    world.with_phone(alice, |phone, _| {
        phone.send_raw(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKforged\r\n\
             From: <sip:2001@example.com>;tag=0123456789abcdef\r\nTo: <sip:x@example.com>;tag=t\r\n\
             Call-ID: forged@example.com\r\nCSeq: 1 INVITE\r\nContact: <sip:x@10.1.0.1>\r\nContent-Length: 0\r\n\r\n",
        );
    });
    world.run(Duration::from_secs(1));
    world.check(world.phones[alice.0].seen.len() == before, "nothing comes");
    world.finish();
}
