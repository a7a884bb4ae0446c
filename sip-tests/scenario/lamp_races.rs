//! What meets on the wire while lamps change: an unsubscription and a change, a refresh and the end of a call. 1,000
//! seeds each, and both orders of each are reached.

use crate::harness::network::Quality;
use crate::harness::world::{PhoneId, World};
use std::cell::Cell;
use std::time::Duration;
use strowger::ids::Random;
use strowger::sip::msg::{Message, Name};
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

/// Worlds of the same network take turns in some seeds.
const SEEDS_PER_WORLD: u64 = 50;

/// For each seed: its random numbers, and a world that has settled after the seed before.
fn for_each_seed(round: impl Fn(&mut World, &mut Random, u64, [PhoneId; 3])) {
    for first in (1..=SEEDS).step_by(SEEDS_PER_WORLD as usize) {
        let mut world = World::new(network(first / SEEDS_PER_WORLD), first);
        let phones = ["1001", "2002", "2003"].map(|number| world.add_phone(number));
        for seed in first..first + SEEDS_PER_WORLD {
            round(&mut world, &mut Random::seeded(seed), seed, phones);
            world.run(Duration::from_secs(2));
            world.check(world.tables().subscriptions == 0, &format!("round {seed}: nothing is watched"));
        }
        assert_eq!(world.cdrs().len() as u64, SEEDS_PER_WORLD);
        world.finish();
    }
}

fn state(notify: &Message) -> State {
    reader::read(notify.body_slice()).expect("it was read when it came").info.dialogs[0].state
}

/// A phone begins to ring while the watcher lets go: the change is told before the end or with it, never after it.
#[test]
fn an_unsubscription_crosses_a_change() {
    let orders = Cell::new((0, 0));
    for_each_seed(|world, random, seed, [alice, bob, carol]| {
        let lamp = world.watch(carol, "2002", "dialog");
        world.run(Duration::from_secs(1));
        let calling = world.dial(alice, "2002");
        // Challenged, the INVITE goes two ways before the phone is asked.
        world.run(Duration::from_micros(random.below(2 * SPREAD_MICROS)));
        world.rewatch(lamp, 0);
        world.expect("the end", Duration::from_secs(2), |world| world.watching(lamp).over);
        let told = &world.watching(lamp).notifies;
        let is_last = |notify: &Message| {
            notify.header(Name::SubscriptionState).unwrap_or_default().starts_with(b"terminated")
        };
        let ends = told.iter().filter(|(_, notify)| is_last(notify)).count();
        world.check(ends == 1, &format!("round {seed}: one end"));
        let active = &told[..told.len() - 1];
        let (before, with) = orders.get();
        if active.iter().any(|(_, notify)| state(notify) == State::Early) {
            orders.set((before + 1, with));
        } else {
            orders.set((before, with + 1));
        }
        let count = told.len();
        world.run(Duration::from_secs(1));
        world.check(
            world.watching(lamp).notifies.len() == count,
            &format!("round {seed}: nothing after the end"),
        );
        let called = world.rings(bob);
        world.refuse(called, 486);
        world.over_within(calling, Duration::from_secs(1));
    });
    let (before, with) = orders.get();
    println!("the change was told before the end {before} times, with it or not at all {with} times");
    assert!(before >= 100 && with >= 100, "both orders: {before} and {with}");
}

/// A call ends while the watcher refreshes: one NOTIFY at a time, and the last one tells that it is over.
#[test]
fn a_refresh_crosses_the_end_of_a_call() {
    let orders = Cell::new((0, 0));
    for_each_seed(|world, random, seed, [alice, bob, carol]| {
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
        let told = world.watching(lamp).notifies.len();
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
        let (call_first, refresh_first) = orders.get();
        match state(&world.watching(lamp).notifies[told].1) {
            State::Terminated => orders.set((call_first + 1, refresh_first)),
            _ => orders.set((call_first, refresh_first + 1)),
        }
        world.unwatch(lamp);
    });
    let (call_first, refresh_first) = orders.get();
    println!("the call ended first {call_first} times, the refresh came first {refresh_first} times");
    assert!(call_first >= 100 && refresh_first >= 100, "both orders: {call_first} and {refresh_first}");
}
