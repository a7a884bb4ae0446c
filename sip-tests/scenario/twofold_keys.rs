//! Phones that tell each key twice, by INFO and as a telephone event (RFC 4733): each press comes once, whichever of its
//! two is first; different presses of the same key stay two. The two of one press are those that come within 2 s.

use crate::harness::network::Quality;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::media::Event;
use strowger::media::command::KeyWay;

/// Packets overtake each other by up to 25 ms, and some come twice.
const UNEVEN: Quality = Quality::lossy(0);

/// One press, told both ways: the INFO so many milliseconds after the first packet is due, or before it.
fn press(world: &mut World, line: Line, key: char, info_after_ms: i64) {
    let wait = Duration::from_millis(info_after_ms.unsigned_abs());
    let by_event = |world: &mut World| world.with_phone(line.phone, |phone, _| phone.press(line.call, key));
    let by_info = |world: &mut World| {
        world.with_phone(line.phone, |phone, now| phone.press_info(now, line.call, key, true));
    };
    if info_after_ms < 0 {
        by_info(world);
        world.run(wait);
        by_event(world);
    } else {
        by_event(world);
        world.run(wait);
        by_info(world);
    }
    world.run(Duration::from_millis(300) - wait);
}

/// The ways by which the presses came first.
fn firsts(world: &World) -> Vec<KeyWay> {
    let way = |event: &Event| if let Event::Digit { by, .. } = event { Some(*by) } else { None };
    world.media_events.iter().filter_map(|(_, event)| way(event)).collect()
}

#[test]
fn each_press_reaches_the_other_party_once_in_either_order() {
    let (mut event_first, mut info_first, mut crossed) = (0, 0, 0);
    for seed in 0..1000_u64 {
        let mut world = World::new(UNEVEN, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let (calling, called) = world.connect_by(alice, "2002", bob);
        // Two presses of one key, and one of another.
        for (key, at) in [('5', 7), ('5', 13), ('#', 31)] {
            press(&mut world, calling, key, i64::try_from(seed * at % 90).expect("small") - 45);
        }
        world.run(Duration::from_millis(200));
        let keys: String = world.call(called).digits.iter().map(|(_, key)| *key).collect();
        world.check(keys == "55#", &format!("each press once: {keys}"));
        world.check(world.phones[bob.0].infos.is_empty(), "by one way");
        let firsts = firsts(&world);
        world.check(firsts.len() == 3, &format!("each press is told once: {firsts:?}"));
        let by_info = firsts.iter().filter(|way| **way == KeyWay::Info).count();
        info_first += by_info;
        event_first += firsts.len() - by_info;
        crossed += usize::from(by_info == 1 || by_info == 2);
        if seed % 20 == 0 {
            world.talk(calling, called);
        }
        world.hang_up(calling);
        world.over(called);
        if seed % 50 == 0 {
            world.finish();
        }
    }
    println!("event first: {event_first}, INFO first: {info_first}, both in one call: {crossed}");
    assert!(event_first > 300 && info_first > 300 && crossed > 100, "{event_first} {info_first} {crossed}");
}

/// `2002` has a key twice in a row.
#[test]
fn a_number_dialled_in_a_menu_has_each_key_once() {
    for seed in 0..60_u64 {
        let mut world = World::new(UNEVEN, seed);
        let bob = world.add_phone("2002");
        let eve = world.add_phone("2003");
        let calling = world.dial(eve, "620");
        world.up(calling);
        for (key, at) in "2002".chars().zip([7_u64, 13, 31, 43]) {
            press(&mut world, calling, key, i64::try_from((seed + 1) * at % 90).expect("small") - 45);
        }
        let called = world.rings_within(bob, Duration::from_secs(3));
        world.answer(called);
        world.talk_and_end(called, calling);
        world.finish();
    }
}

#[test]
fn what_comes_later_than_the_window_is_another_press() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    for (wait_ms, expected) in [(1900, "5"), (2100, "555")] {
        world.with_phone(alice, |phone, _| phone.press(calling.call, '5'));
        world.run(Duration::from_millis(wait_ms));
        world.with_phone(alice, |phone, now| phone.press_info(now, calling.call, '5', false));
        world.run(Duration::from_millis(2500));
        let keys: String = world.call(called).digits.iter().map(|(_, key)| *key).collect();
        world.check(keys == expected, &format!("after {wait_ms} ms: {keys}"));
    }
    world.talk_and_end(calling, called);
    world.finish();
}
