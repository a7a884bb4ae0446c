//! Call pickup: `*8` takes what rings in one's groups, `**<number>` what rings at that phone. The other phones get
//! CANCEL "completed elsewhere"; who comes second, or is in no group, gets nothing; a queue's offer is its agent's.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::world::{Line, World};
use std::time::Duration;

fn refused(world: &mut World, line: Line) -> u16 {
    match world.over(line) {
        Why::Refused(status) => status,
        other => world.fail(&format!("a pickup should be refused: {other:?}")),
    }
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let bobs_desk = world.add_phone("2002");
    let dave = world.add_phone("2004");
    for code in ["*8", "**2002"] {
        let calling = world.dial(alice, "2002");
        let rings = [world.rings(bob), world.rings(bobs_desk)];
        world.run(Duration::from_millis(300));
        let picking = world.dial(dave, code);
        world.up(picking);
        world.up(calling);
        for line in rings {
            let why = world.over(line);
            world.check(
                matches!(&why, Why::Cancelled(Some(reason)) if reason.contains("Call completed elsewhere")),
                &format!("{why:?}"),
            );
        }
        world.talk(calling, picking);
        let (first, second) = if code == "*8" { (calling, picking) } else { (picking, calling) };
        world.hang_up(first);
        world.over(second);
    }
    assert_eq!(world.cdrs().len(), 2);
    world
}

over_networks!();

#[test]
fn nothing_rings_and_strangers_get_nothing() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let dave = world.add_phone("2004");
    for code in ["*8", "**2002"] {
        let line = world.dial(dave, code);
        assert_eq!(refused(&mut world, line), 480);
    }
    let stranger = world.add_phone("1002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    // Another group; no group at all; and she who calls does not pick herself up.
    let line = world.dial(stranger, "*8");
    assert_eq!(refused(&mut world, line), 480);
    let line = world.dial(stranger, "**2002");
    assert_eq!(refused(&mut world, line), 403);
    let line = world.dial(alice, "*8");
    assert_eq!(refused(&mut world, line), 480);
    world.answer(called);
    world.talk(calling, called);
    let line = world.dial(dave, "*8");
    assert_eq!(refused(&mut world, line), 480);
    world.finish();
}

/// A phone that is in no group may be picked up by its number.
#[test]
fn a_phone_without_groups_is_picked_up_by_number() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1002");
    let bob = world.add_phone("2001");
    let dave = world.add_phone("2004");
    let calling = world.dial(alice, "2001");
    let called = world.rings(bob);
    let line = world.dial(dave, "*8");
    assert_eq!(refused(&mut world, line), 480);
    let picking = world.dial(dave, "**2001");
    world.over(called);
    world.talk(calling, picking);
    world.finish();
}

#[test]
fn a_queues_offer_is_its_agents() {
    let mut world = World::new(Quality::CLEAN, 1);
    let agent = world.add_phone("1001");
    let dave = world.add_phone("2004");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    let called = world.rings(agent);
    let line = world.dial(dave, "**1001");
    assert_eq!(refused(&mut world, line), 403);
    world.answer(called);
    world.talk(calling, called);
    world.finish();
}

/// A transfer's target rings, and a colleague takes it.
#[test]
fn what_rings_for_a_transfer_is_picked_up() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("1002");
    let carol = world.add_phone("2003");
    let dave = world.add_phone("2004");
    let (by, party) = world.connect(alice, bob);
    world.refer(by, "2003");
    let target = world.rings(carol);
    let picking = world.dial(dave, "*8");
    world.over(target);
    world.told(by, 200);
    world.over(by);
    world.talk(party, picking);
    world.finish();
}

/// Two pick up at once, and the phone itself is lifted: one of the three gets the call, whoever is first.
#[test]
fn only_one_gets_the_call() {
    let mut winners = [0; 3];
    for seed in 1..=1000 {
        let mut world = World::new(Quality::CLEAN, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let pickers = [world.add_phone("2003"), world.add_phone("2004")];
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        let mut random = strowger::ids::Random::seeded(seed);
        let mut when: Vec<(u64, usize)> = (0..3).map(|who| (random.below(16_000), who)).collect();
        // A pickup takes two requests, and so 8 ms; the phone's answer 2.
        when[2].0 += 6_000;
        when.sort_unstable();
        let mut lines = [None, None, Some(called)];
        let mut last = 0;
        for (at, who) in when {
            world.run(Duration::from_micros(at - last));
            last = at;
            match who {
                2 => world.answer(called),
                _ => lines[who] = Some(world.dial(pickers[who], "*8")),
            }
        }
        world.run(Duration::from_millis(200));
        let lines = lines.map(|line| line.expect("all have acted"));
        let up: Vec<usize> = (0..3).filter(|who| world.call(lines[*who]).state == State::Up).collect();
        world.check(up.len() == 1, &format!("one of three has the call: {up:?}"));
        winners[up[0]] += 1;
        for who in (0..2).filter(|who| *who != up[0]) {
            assert_eq!(world.call(lines[who]).why, Some(Why::Refused(480)), "seed {seed}");
        }
        world.talk(calling, lines[up[0]]);
        world.finish();
    }
    assert!(winners.iter().all(|count| *count > 100), "{winners:?}");
}
