//! A call can be looked at afterwards: all its messages on all its legs, in order, without anything that opens an account.

use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::time::Duration;
use strowger::store::Restored;
use strowger::switch::action::{Answer, Question};
use strowger::trace;
use strowger::trace::Packet;

fn messages(packets: &[Packet]) -> Vec<String> {
    let first = |packet: &Packet| {
        let line = packet.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        let word = line.strip_prefix("SIP/2.0 ").unwrap_or(&line).split(' ').next().unwrap_or("").to_owned();
        format!("{:?} {word} {}", packet.way, packet.remote.ip())
    };
    packets.iter().map(first).collect()
}

fn trace(world: &World, call: Option<strowger::ids::CallUid>) -> Vec<Packet> {
    match world.ask(Question::Trace(call)) {
        Answer::Trace(packets) => packets,
        other => world.fail(&format!("{other:?}")),
    }
}

#[test]
fn a_call_is_kept_with_all_its_legs() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob) = (world.add_phone("2001"), world.add_phone("2002"));
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk_and_end(calling, called);
    world.run(Duration::from_secs(1));
    let call = world.cdrs()[0].call;
    let packets = trace(&world, Some(call));
    let (a, b) = ("10.1.0.1", "10.1.0.2");
    let expected = [
        format!("In INVITE {a}"),
        format!("Out 401 {a}"),
        format!("In ACK {a}"),
        format!("In INVITE {a}"),
        format!("Out 100 {a}"),
        format!("Out INVITE {b}"),
        format!("In 180 {b}"),
        format!("Out 180 {a}"),
        format!("In 200 {b}"),
        format!("Out ACK {b}"),
        format!("Out 200 {a}"),
        format!("In ACK {a}"),
        format!("In BYE {a}"),
        format!("Out 200 {a}"),
        format!("Out BYE {b}"),
        format!("In 200 {b}"),
    ];
    let mut found = messages(&packets);
    let mut wanted = expected.to_vec();
    assert_eq!(found.first(), wanted.first());
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    assert!(packets.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let ladder = trace::ladder(&packets);
    assert!(
        ladder.contains("2001") && ladder.contains("10.1.0.2:5060") && ladder.contains("180 Ringing"),
        "{ladder}"
    );
    assert!(!ladder.contains("response"));
    // It is still there after the call, and not after its time.
    world.run(Duration::from_secs(550));
    assert_eq!(trace(&world, Some(call)).len(), packets.len());
    world.run(Duration::from_secs(700));
    world.options(alice);
    assert!(trace(&world, Some(call)).is_empty());
    world.finish();
}

#[test]
fn what_never_became_a_call_is_found_by_its_number() {
    let mut world = World::new(Quality::CLEAN, 1);
    let wrong = world.add_at("2001", "10.1.0.1:5060");
    world.phone(wrong).account.password = "guess".to_owned();
    assert_eq!(world.register(wrong, 3600), 401);
    let all = trace(&world, None);
    let of_it = all.iter().filter(|packet| trace::concerns(packet, "2001")).count();
    assert_eq!((all.len(), of_it), (4, 4), "two REGISTERs and their answers");
    assert!(all.iter().all(|packet| !trace::concerns(packet, "2002")));
    world.finish();
}

#[test]
fn the_ring_is_bounded_and_can_be_off() {
    let small = format!("[trace]\nbytes = 20000\n{CONFIGURATION}");
    let mut world = World::with(&small, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    for _ in 0..100 {
        world.options(alice);
        let kept = world.switch.core.memory().trace_bytes;
        world.check(kept > 0 && kept <= 20_000, "the ring is bounded");
    }
    world.finish();
    let off = format!("[trace]\nbytes = 0\n{CONFIGURATION}");
    let mut world = World::with(&off, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    world.options(alice);
    assert!(trace(&world, None).is_empty());
    world.finish();
}
