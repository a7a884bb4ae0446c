//! What meets on the wire while lamps change: an unsubscription and a change, a refresh and the end of a call. 1,000
//! seeds each, and both orders of each are reached.

use crate::harness::network::Quality;
use crate::harness::world::World;
use std::time::Duration;
use strowger::ids::Random;
use strowger::subscription::dialog_info::State;
use strowger::subscription::dialog_info_reader as reader;

const SEEDS: u64 = 1000;
/// Round a network of 2 ms a way: from long before to long after.
const SPREAD_MICROS: u64 = 12_000;

/// Packets that overtake each other, and now and then one that is lost.
fn network(seed: u64) -> Quality {
    match seed % 4 {
        0 => Quality::CLEAN,
        1 | 2 => Quality { delay_spread: Duration::from_millis(5), ..Quality::CLEAN },
        _ => Quality { delay_spread: Duration::from_millis(5), loss_percent: 3, ..Quality::CLEAN },
    }
}

/// A phone begins to ring while the watcher lets go: the change is told before the end or with it, never after it.
#[test]
fn an_unsubscription_crosses_a_change() {
    let (mut before, mut with) = (0, 0);
    for seed in 1..=SEEDS {
        let mut random = Random::seeded(seed);
        let mut world = World::new(network(seed), seed);
        let (alice, bob, carol) = (world.add_phone("1001"), world.add_phone("2002"), world.add_phone("2003"));
        let lamp = world.watch(carol, "2002", "dialog");
        world.run(Duration::from_secs(1));
        let calling = world.dial(alice, "2002");
        world.run(Duration::from_micros(random.below(SPREAD_MICROS)));
        world.rewatch(lamp, 0);
        world.expect("the end", Duration::from_secs(2), |world| world.watching(lamp).over);
        let told = &world.watching(lamp).notifies;
        let last = told.iter().filter(|(_, notify)| {
            let value = notify.header(strowger::sip::msg::Name::SubscriptionState).unwrap_or_default();
            value.starts_with(b"terminated")
        });
        world.check(last.count() == 1, "one end");
        let active = &told[..told.len() - 1];
        let rang = |message: &strowger::sip::msg::Message| {
            let document = reader::read(message.body_slice()).expect("it was read when it came");
            document.info.dialogs[0].state == State::Early
        };
        if active.iter().any(|(_, notify)| rang(notify)) {
            before += 1;
        } else {
            with += 1;
        }
        let count = told.len();
        world.run(Duration::from_secs(1));
        world.check(world.watching(lamp).notifies.len() == count, "nothing after the end");
        let called = world.rings(bob);
        world.refuse(called, 486);
        world.over_within(calling, Duration::from_secs(1));
        world.finish();
    }
    println!("the change was told before the end {before} times, with it or not at all {with} times");
    assert!(before >= 100 && with >= 100, "both orders: {before} and {with}");
}

/// A call ends while the watcher refreshes: one NOTIFY at a time, and the last one tells that it is over.
#[test]
fn a_refresh_crosses_the_end_of_a_call() {
    let (mut call_first, mut refresh_first) = (0, 0);
    for seed in 1..=SEEDS {
        let mut random = Random::seeded(seed);
        let mut world = World::new(network(seed), seed);
        let (alice, bob, carol) = (world.add_phone("1001"), world.add_phone("2002"), world.add_phone("2003"));
        let lamp = world.watch(carol, "2002", "dialog");
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        // With audio every so often: it is the same machine, and takes a second of packets.
        let talks = seed % 50 == 0;
        if talks {
            world.answer(called);
            world.up(calling);
            world.talk(calling, called);
        }
        world.shows(lamp, if talks { State::Confirmed } else { State::Early });
        world.run(Duration::from_secs(1));
        let versions = world.watching(lamp).notifies.len();
        let gap = Duration::from_micros(random.below(SPREAD_MICROS));
        if random.below(2) == 0 {
            world.hang_up(called);
            world.run(gap);
            world.rewatch(lamp, 1800);
        } else {
            world.rewatch(lamp, 1800);
            world.run(gap);
            world.hang_up(called);
        }
        world.over_within(calling, Duration::from_secs(2));
        world.shows(lamp, State::Terminated);
        world.expect("the answer to the refresh", Duration::from_secs(2), |world| {
            world.watching(lamp).statuses.len() == 2
        });
        let first = &world.watching(lamp).notifies[versions].1;
        let document = reader::read(first.body_slice()).expect("it was read when it came");
        match document.info.dialogs[0].state {
            State::Terminated => call_first += 1,
            _ => refresh_first += 1,
        }
        assert_eq!(world.cdrs().len(), 1);
        world.unwatch(lamp);
        world.finish();
    }
    println!("the call ended first {call_first} times, the refresh came first {refresh_first} times");
    assert!(call_first >= 100 && refresh_first >= 100, "both orders: {call_first} and {refresh_first}");
}
