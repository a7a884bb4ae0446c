//! Blind transfer by REFER, by the caller and by the called: the party hears music while the target rings, then both
//! talk; the transferor is told by NOTIFY and his call ends, whoever hangs it up. A target that is busy, refuses, does
//! not answer or does not exist: the party is back with the transferor, or his phone rings again (RFC 3515, B15).

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::sound::{MUSIC, Sound};
use crate::harness::world::{Line, PhoneId, World};
use std::time::Duration;
use strowger::record::CdrOutcome;
use strowger::sdp::Direction;
use strowger::sip::msg::Name;

fn phones(world: &mut World) -> [PhoneId; 3] {
    ["2001", "2002", "2003"].map(|number| world.add_phone(number))
}

/// The transferor and the party, who talk.
fn talking(world: &mut World, alice: PhoneId, bob: PhoneId, by_caller: bool) -> (Line, Line) {
    let (calling, called) = world.connect(alice, bob);
    world.talk(calling, called);
    if by_caller { (calling, called) } else { (called, calling) }
}

fn scenario(mut world: World) -> World {
    let [alice, bob, carol] = phones(&mut world);
    for by_caller in [true, false] {
        for (holds, leaves_first) in [(false, false), (true, true), (true, false)] {
            let (by, party) = talking(&mut world, alice, bob, by_caller);
            if holds {
                world.hold(by, party);
            }
            world.refer(by, "2003");
            assert_eq!(world.referred(by), 202);
            let target = world.rings(carol);
            let invite = world.call(target).invite.clone().expect("an INVITE");
            let text = |name| String::from_utf8_lossy(invite.header(name).unwrap_or_default()).into_owned();
            let (own, other) = if by_caller { ("2001", "2002") } else { ("2002", "2001") };
            assert_eq!(text(Name::ReferredBy), format!("<sip:{own}@example.com>"));
            assert!(text(Name::From).contains(&format!("sip:{other}@")), "{}", text(Name::From));
            world.hears(party, MUSIC);
            if leaves_first {
                world.hang_up(by);
                assert_eq!(world.over(by), Why::HungUp);
                world.hears(party, MUSIC);
            } else {
                world.hears(by, Sound::Silence);
                world.expect("a NOTIFY of the ringing", Duration::from_secs(1), |world| {
                    world.call(by).notifies.iter().any(|one| one.status == 180 && !one.last)
                });
            }
            world.answer(target);
            world.talk(party, target);
            if !leaves_first {
                world.told(by, 200);
                world.over(by);
            }
            if world.is_clean() {
                let told: Vec<u16> = world.call(by).notifies.iter().map(|one| one.status).collect();
                assert_eq!(told, [100, 180, 200]);
            }
            world.run(Duration::from_secs(3));
            world.talk(party, target);
            let (first, second) = if holds { (party, target) } else { (target, party) };
            world.hang_up(first);
            world.over(second);
        }
    }
    let cdrs = world.cdrs();
    assert_eq!(cdrs.len(), 6);
    assert!(cdrs.iter().all(|cdr| cdr.outcome == CdrOutcome::Answered && cdr.from == "2001"));
    world
}

over_networks!();

fn failure(treatment: Treatment, number: &str, status: u16, leaves_first: bool) {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    world.treat(carol, treatment);
    let (by, party) = talking(&mut world, alice, bob, false);
    world.reinvite(by, Some(Direction::SendOnly));
    world.hears(party, MUSIC);
    world.refer(by, number);
    if leaves_first {
        world.hang_up(by);
        world.over(by);
        // His phone rings again, with the party's number.
        let back = world.rings_within(bob, Duration::from_secs(65));
        world.hears(party, MUSIC);
        world.answer(back);
        world.talk(party, back);
        world.hang_up(party);
        world.over(back);
    } else {
        world.expect("the end is told", Duration::from_secs(65), |world| {
            world.call(by).transferred() == Some(status)
        });
        world.reinvite(by, Some(Direction::SendRecv));
        world.run(Duration::from_millis(100));
        world.talk(party, by);
        // And he may try again.
        world.treat(carol, Treatment::Answer(Duration::from_millis(100)));
        world.refer(by, "2003");
        world.told(by, 200);
        let events: Vec<&str> = world.call(by).notifies.iter().map(|one| one.event.as_str()).collect();
        assert!(events[0] == "refer" && events.last().is_some_and(|event| event.starts_with("refer;id=")));
        world.over(by);
        world.hang_up(party);
        world.over(Line { phone: carol, call: world.phones[carol.0].calls.len() - 1 });
    }
    world.run(Duration::from_millis(100));
    assert_eq!(world.cdrs().len(), 1);
    world.finish();
}

#[test]
fn a_failed_transfer_gives_the_party_back() {
    let soon = Duration::from_millis(500);
    for leaves_first in [false, true] {
        failure(Treatment::Refuse(486, soon), "2003", 486, leaves_first);
        failure(Treatment::Refuse(603, soon), "2003", 603, leaves_first);
        failure(Treatment::Ring, "2003", 480, leaves_first);
    }
    failure(Treatment::Ring, "4711", 404, false);
    // Nobody is registered there.
    failure(Treatment::Ring, "2004", 480, false);
}

/// Neither the target nor the transferor can be had: the party's call ends with the target's cause.
#[test]
fn nobody_is_left() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    world.treat(carol, Treatment::Refuse(486, Duration::from_millis(500)));
    let (by, party) = talking(&mut world, alice, bob, false);
    world.refer(by, "2003");
    world.hang_up(by);
    world.over(by);
    world.treat(bob, Treatment::Refuse(486, Duration::from_millis(100)));
    assert!(matches!(world.over(party), Why::ByPeer(_)));
    assert_eq!(world.cdrs()[0].cause, "busy");
    world.finish();
}

/// The party hangs up while the target rings: the target stops ringing, the transferor's call ends.
#[test]
fn the_party_hangs_up_while_the_target_rings() {
    for leaves_first in [false, true] {
        let mut world = World::new(Quality::CLEAN, 1);
        let [alice, bob, carol] = phones(&mut world);
        let (by, party) = talking(&mut world, alice, bob, true);
        world.refer(by, "2003");
        let target = world.rings(carol);
        if leaves_first {
            world.hang_up(by);
            world.over(by);
        }
        world.hang_up(party);
        assert!(matches!(world.over(target), Why::Cancelled(_)));
        world.over(by);
        world.finish();
    }
}

/// RFC 4488: no subscription, so no NOTIFY.
#[test]
fn a_transfer_without_a_subscription() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    world.treat(carol, Treatment::Answer(Duration::from_millis(300)));
    let (by, party) = talking(&mut world, alice, bob, true);
    world.refer_with(by, "<sip:2003@example.com>", &[("Refer-Sub", "false"), ("Require", "norefersub")]);
    assert_eq!(world.referred(by), 200);
    world.over(by);
    assert!(world.call(by).notifies.is_empty());
    let target = Line { phone: carol, call: 0 };
    world.talk(party, target);
    world.finish();
}

/// Early audio of the target reaches the party.
#[test]
fn the_party_hears_the_targets_early_audio() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    world.treat(carol, Treatment::EarlyMedia);
    let (by, party) = talking(&mut world, alice, bob, true);
    world.refer(by, "2003");
    let target = world.rings(carol);
    let voice = world.voice(target);
    world.hears(party, voice);
    world.answer(target);
    world.talk(party, target);
    world.over(by);
    world.finish();
}

/// The party held the transferor: who answers is held by him, and told so.
#[test]
fn a_party_who_holds_goes_on_holding() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    let (by, party) = talking(&mut world, alice, bob, true);
    world.reinvite(party, Some(Direction::SendOnly));
    world.hears(by, MUSIC);
    world.refer(by, "2003");
    let target = world.rings(carol);
    world.answer(target);
    world.over(by);
    world.hears(target, MUSIC);
    assert_eq!(world.call(target).told.last().map(|(_, direction)| *direction), Some("sendonly"));
    world.reinvite(party, Some(Direction::SendRecv));
    world.talk(party, target);
    world.finish();
}

/// A call on a trunk: its phone hands the carrier's caller over, to a phone and to the outside.
#[test]
fn a_trunk_call_is_transferred() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, _] = phones(&mut world);
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140002001");
    let by = world.rings(alice);
    world.answer(by);
    world.talk(calling, by);
    world.refer(by, "2002");
    let target = world.rings(bob);
    world.answer(target);
    world.over(by);
    world.talk(calling, target);
    world.refer(target, "0123456789");
    let outside = world.rings(carrier);
    let invite = world.call(outside).invite.clone().expect("an INVITE");
    assert!(!invite.has(Name::ReferredBy), "a carrier is told no number of ours");
    world.answer(outside);
    world.over(target);
    world.talk(calling, outside);
    assert_eq!(world.call(calling).state, State::Up);
    world.hang_up(calling);
    world.over(outside);
    assert_eq!(world.cdrs().len(), 1);
    world.finish();
}
