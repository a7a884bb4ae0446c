//! Ring groups: one winner, the others are cancelled and told why; phones in turn; where the call goes that nobody takes.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::record::CdrOutcome;
use strowger::sip::msg::Name;

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

fn members(world: &mut World) -> [PhoneId; 3] {
    ["2001", "2002", "2003"].map(|number| world.add_phone(number))
}

fn scenario(mut world: World) -> World {
    let phones = members(&mut world);
    let alice = world.add_phone("1001");
    let calling = world.dial(alice, "610");
    let lines = phones.map(|phone| world.rings(phone));
    let from =
        world.call(lines[0]).invite.as_ref().and_then(|invite| invite.header(Name::From)).map(<[u8]>::to_vec);
    let from = String::from_utf8(from.unwrap_or_default()).expect("text");
    world.check(from.starts_with("\"Front: Alice\""), &format!("the prefix is shown: {from}"));
    world.answer(lines[1]);
    world.up(calling);
    for lost in [lines[0], lines[2]] {
        let why = world.over(lost);
        world.check(why == Why::Cancelled(Some(ELSEWHERE.to_owned())), &format!("told why: {why:?}"));
    }
    world.talk(calling, lines[1]);
    world.hang_up(lines[1]);
    world.over(calling);

    // Nobody answers: all stop, and another phone is rung.
    let calling = world.dial(alice, "610");
    let lines = phones.map(|phone| world.rings(phone));
    let other = world.add_phone("2004");
    let last = world.rings_within(other, Duration::from_secs(11));
    for line in lines {
        world.over(line);
    }
    world.answer(last);
    world.up(calling);
    world.talk(calling, last);
    world.hang_up(calling);
    world.over(last);
    world
}

over_networks!();

#[test]
fn a_chain_rings_one_after_the_other_and_skips_who_cannot() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let (second, third) = (world.add_phone("2002"), world.add_phone("2003"));
    // 2001 is not registered, 2002 is busy: 2003 rings at once.
    world.treat(second, Treatment::Refuse(486, Duration::ZERO));
    let calling = world.dial(alice, "611");
    let line = world.rings(third);
    world.answer(line);
    world.up(calling);
    world.talk(calling, line);
    world.hang_up(calling);
    world.over(line);
    // Each has its ten seconds.
    world.treat(second, Treatment::Ring);
    let began = world.now;
    let calling = world.dial(alice, "611");
    let line = world.rings(second);
    world.check(world.ringing(third).is_none(), "one at a time");
    let next = world.rings_within(third, Duration::from_secs(11));
    world.check(world.now.since(began) >= Duration::from_secs(10), "after its time");
    world.check(world.call(line).state == State::Over, "the one before has stopped");
    assert_eq!(world.over_within(calling, Duration::from_secs(11)), Why::Refused(480));
    world.over(next);
    assert_eq!(world.cdrs().last().map(|cdr| cdr.outcome), Some(CdrOutcome::NoAnswer));
    // A caller who gives up in the middle.
    let calling = world.dial(alice, "611");
    let line = world.rings(second);
    world.hang_up(calling);
    world.over(calling);
    world.over(line);
    world.finish();
}

#[test]
fn nobody_there_and_everybody_busy_are_told_at_once() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let line = world.dial(alice, "611");
    assert_eq!(world.over(line), Why::Refused(480));
    for phone in members(&mut world) {
        world.treat(phone, Treatment::Refuse(486, Duration::from_millis(20)));
    }
    let line = world.dial(alice, "611");
    assert_eq!(world.over(line), Why::Refused(486));
    world.finish();
}

#[test]
fn round_robin_begins_one_further_each_time() {
    let mut world = World::new(Quality::CLEAN, 1);
    let phones = members(&mut world);
    let alice = world.add_phone("1001");
    for turn in 0..6 {
        let calling = world.dial(alice, "612");
        let line = world.rings(phones[turn % 3]);
        world.answer(line);
        world.up(calling);
        world.talk(calling, line);
        world.hang_up(calling);
        world.over(line);
    }
    world.finish();
}

#[test]
fn a_cancelled_group_stops_ringing() {
    let mut world = World::new(Quality::CLEAN, 1);
    let phones = members(&mut world);
    let alice = world.add_phone("1001");
    let calling = world.dial(alice, "610");
    let lines = phones.map(|phone| world.rings(phone));
    world.hang_up(calling);
    assert_eq!(world.over(calling), Why::Refused(487));
    for line in lines {
        world.over(line);
    }
    world.finish();
}

/// Two members lift within a few milliseconds: one talks, the other's answer is acknowledged and hung up.
#[test]
fn two_members_answer_at_once() {
    let mut won = [0, 0];
    let mut crossed = 0;
    for seed in 0..1000 {
        let mut world = World::new(Quality::CLEAN, seed);
        let phones = ["2001", "2002"].map(|number| world.add_phone(number));
        let alice = world.add_phone("1001");
        let calling = world.dial(alice, "610");
        let lines = phones.map(|phone| world.rings(phone));
        // From 10 ms before to 10 ms after the other.
        let lead = Duration::from_micros((seed * 7919) % 10_000);
        let first = usize::from(seed % 2 == 1);
        world.answer(lines[first]);
        world.run(lead);
        world.answer(lines[1 - first]);
        world.up(calling);
        world.run(Duration::from_millis(100));
        let up: Vec<usize> = (0..2).filter(|one| world.call(lines[*one]).state == State::Up).collect();
        world.check(up.len() == 1, &format!("one winner, not {up:?}"));
        won[up[0]] += 1;
        let loser = world.call(lines[1 - up[0]]);
        crossed += usize::from(matches!(loser.why, Some(Why::ByPeer(_))));
        if seed % 50 == 0 {
            world.talk(calling, lines[up[0]]);
        }
        world.hang_up(calling);
        world.over(lines[up[0]]);
        world.finish();
    }
    assert!(won[0] > 200 && won[1] > 200, "each wins often: {won:?}");
    assert!((100..1000).contains(&crossed), "both orders were reached: {crossed} answers crossed a CANCEL");
}
