//! REFERs that can't be followed, each with the answer that says why; the call goes on as it was.

use crate::harness::network::Quality;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::sip::msg::{Method, Name};

fn answered(world: &mut World, line: Line, to: &str, headers: &[(&str, &str)]) -> u16 {
    let before = world.call(line).refers.len();
    world.refer_with(line, to, headers);
    world
        .expect("an answer to REFER", Duration::from_secs(1), |world| world.call(line).refers.len() > before);
    world.call(line).refers[before]
}

#[test]
fn each_is_told_why() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect(alice, bob);
    let carol = "<sip:2003@example.com>";
    for (to, headers, status) in [
        ("nonsense", &[][..], 400),
        (carol, &[("Refer-To", carol)], 400),
        ("<sip:2003@example.com?Replaces=x>", &[], 400),
        ("<https://example.com>", &[], 416),
        ("<sip:2003@example.com;method=BYE>", &[], 501),
        (carol, &[("Require", "teleport")], 420),
        // Parking slots come with parking.
        ("<sip:701@example.com>", &[], 501),
        ("<sip:*8@example.com>", &[], 403),
    ] {
        let got = answered(&mut world, calling, to, headers);
        world.check(got == status, &format!("{to} {headers:?}: {got}, not {status}"));
    }
    assert!(world.call(calling).notifies.is_empty(), "a refused REFER makes no subscription");
    world.talk(calling, called);
    world.finish();
}

#[test]
fn only_who_is_connected_with_somebody_hands_over() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let waiting = world.dial(alice, "600");
    world.up(waiting);
    assert_eq!(answered(&mut world, waiting, "<sip:2002@example.com>", &[]), 403);
    world.phone(alice).others.clear();
    world.with_phone(alice, |phone, now| phone.request(now, Method::Refer, "sip:2002@example.com"));
    world.run(Duration::from_millis(10));
    let answer = world.phones[alice.0].others.last().expect("an answer").clone();
    assert_eq!(answer.status(), Some(403), "outside of a dialog");
    assert!(answer.has(Name::Warning));
    world.finish();
}

/// The transferor unsubscribes (RFC 6665 section 4.1.2.3): one last NOTIFY, and the transfer goes on.
#[test]
fn the_transferor_unsubscribes() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    let (by, party) = world.connect(alice, bob);
    world.refer(by, "2003");
    let target = world.rings(carol);
    world.run(Duration::from_millis(20));
    world.with_phone(by.phone, |phone, now| phone.subscribe_to_transfer(now, by.call, 600));
    world.run(Duration::from_millis(20));
    let told = world.call(by).notifies.last().cloned().expect("a NOTIFY");
    assert_eq!((told.status, told.last), (180, false), "a refreshed subscription is told the state at once");
    world.with_phone(by.phone, |phone, now| phone.subscribe_to_transfer(now, by.call, 0));
    world.run(Duration::from_millis(20));
    let count = world.call(by).notifies.len();
    assert!(world.call(by).notifies[count - 1].last);
    world.answer(target);
    world.over(by);
    assert_eq!(world.call(by).notifies.len(), count);
    world.talk(party, target);
    world.finish();
}
