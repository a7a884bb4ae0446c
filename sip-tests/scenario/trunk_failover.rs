//! The next target on silence, 408, 5xx and an unreachable port; never on an answer about the called party. A target that
//! was given up and answers late is acknowledged and hung up.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND, THIRD};
use crate::harness::world::World;
use std::time::Duration;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::switch::core::Input;

/// Two targets of one trunk, and a second trunk.
const TRUNKS: &str = r#"
[[trunk]]
id = "twin"
hosts = ["192.0.2.81:5060", "192.0.2.82:5060"]
options_seconds = 0
max_calls = 5
[[trunk]]
id = "spare"
hosts = ["192.0.2.83:5060"]
options_seconds = 0
[[route]]
pattern = "8."
trunk = ["twin", "spare"]
rewrite = "+44{.}"
"#;

fn world(seed: u64) -> World {
    World::with_trunks(TRUNKS, Quality::CLEAN, seed)
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let first = world.carrier_at(FIRST);
    let second = world.carrier_at(SECOND);
    world.phone(first).carrier.silent = true;
    let calling = world.dial(alice, "8207946000");
    let began = world.now;
    let called = world.rings_within(second, Duration::from_secs(4));
    if world.is_clean() {
        let after = world.now.since(began);
        let in_time = (Duration::from_secs(2)..Duration::from_secs(4)).contains(&after);
        world.check(in_time, &format!("the next target after 2 to 4 s, not {after:?}"));
    }
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.check(world.trunk("twin").calls == 1, "one call is counted");
    world.hang_up(calling);
    world.over(called);
    // The dead target is remembered: the next call does not wait for it.
    let calling = world.dial(alice, "8207946000");
    let called = world.rings_within(second, Duration::from_secs(1));
    world.answer(called);
    world.up(calling);
    world.talk_and_end(called, calling);
    world.check(world.trunk("twin").calls == 0, "no call is counted");
    world
}

#[test]
fn silence_leads_to_the_next_target_over_any_network() {
    scenario(world(1)).finish();
    for percent in [1, 5] {
        for seed in 1..=3 {
            scenario(World::with_trunks(TRUNKS, Quality::lossy(percent), seed)).finish();
        }
    }
}

#[test]
fn server_errors_lead_to_the_next_target_at_once() {
    for status in [408, 500, 502, 503, 504] {
        let mut world = world(status.into());
        let alice = world.add_phone("2001");
        let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
        world.phone(first).carrier.at_once = Some((status, None));
        let calling = world.dial(alice, "8207946000");
        let called = world.rings_within(second, Duration::from_millis(50));
        world.answer(called);
        world.up(calling);
        world.talk(calling, called);
        let reason = if status == 408 { "request_timeout" } else { "server_error" };
        let series = format!("strowger_trunk_failovers_total{{reason=\"{reason}\",trunk=\"twin\"}}");
        world.check(world.metric(&series) == 1.0, "it is counted");
        world.hang_up(calling);
        world.over(called);
        world.finish();
    }
}

#[test]
fn an_answer_about_the_called_party_is_final() {
    for status in [302, 404, 480, 484, 486, 488, 600, 603] {
        let mut world = world(status.into());
        let alice = world.add_phone("2001");
        let (first, second, third) =
            (world.carrier_at(FIRST), world.carrier_at(SECOND), world.carrier_at(THIRD));
        world.phone(first).carrier.at_once = Some((status, None));
        let calling = world.dial(alice, "8207946000");
        let why = world.over(calling);
        world.check(matches!(why, Why::Refused(_)), "the caller is refused");
        world.run(Duration::from_secs(5));
        world.check(
            world.invites(second).is_empty() && world.invites(third).is_empty(),
            "nobody else is asked",
        );
        world.finish();
    }
}

#[test]
fn an_unreachable_port_leads_on_at_once_and_then_to_the_next_trunk() {
    let mut world = world(3);
    let alice = world.add_phone("2001");
    let (first, second, third) = (world.carrier_at(FIRST), world.carrier_at(SECOND), world.carrier_at(THIRD));
    world.phone(first).off = true;
    world.phone(second).carrier.at_once = Some((503, Some(20)));
    let calling = world.dial(alice, "8207946000");
    world.run(Duration::from_millis(10));
    let local = crate::harness::exchange::SWITCH.parse().expect("an address");
    let remote = FIRST.parse().expect("an address");
    let dead = Flow { transport: Transport::Udp, local, remote, connection: 0 };
    world.core(Input::FlowFailed(dead));
    let called = world.rings_within(third, Duration::from_millis(50));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.check(world.trunk("twin").calls == 0 && world.trunk("spare").calls == 1, "counted where it is");
    world.check(!world.trunk("twin").targets[0].up, "the dead target is remembered");
    world.check(!world.trunk("twin").targets[1].up, "and the one that wants to be left alone");
    world.hang_up(calling);
    world.over(called);
    world.run(Duration::from_secs(61));
    world.check(world.trunk("twin").targets.iter().all(|target| target.up), "for a minute, or as it asked");
    world.finish();
}

#[test]
fn when_all_are_silent_the_caller_is_told_and_does_not_wait_for_half_a_minute() {
    let mut world = world(4);
    let alice = world.add_phone("2001");
    for address in [FIRST, SECOND, THIRD] {
        let carrier = world.carrier_at(address);
        world.phone(carrier).carrier.silent = true;
    }
    let calling = world.dial(alice, "8207946000");
    world.over_within(calling, Duration::from_secs(20));
    world.check(
        world.metric("strowger_trunk_failovers_total{reason=\"timeout\",trunk=\"twin\"}") == 2.0,
        "both",
    );
    world.finish();
}

/// A hung target wakes up around the moment at which it is given up, and answers. Whoever is first: one call, and the
/// other target's answer is acknowledged and hung up.
#[test]
fn a_late_answer_and_the_timeout_cross() {
    let (mut before, mut after, mut late_hung_up) = (0, 0, 0);
    for seed in 0..1000_u64 {
        let mut world = world(seed);
        let alice = world.add_phone("2001");
        let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
        world.phone(first).carrier.silent = true;
        let calling = world.dial(alice, "8207946000");
        // From 20 ms before the end of its patience until 20 ms after it.
        world.run(Duration::from_micros(2_980_000 + 40 * seed));
        world.with_phone(first, |phone, now| phone.wake(now));
        let slow = world.ringing(first);
        if let Some(line) = slow {
            world.answer(line);
        }
        world.run(Duration::from_millis(200));
        let is_up = |world: &World, line| world.call(line).state == State::Up;
        let late = slow.expect("it rang when it woke");
        if is_up(&world, late) {
            before += 1;
            world.check(world.ringing(second).is_none(), "nobody else rings");
            world.up(calling);
            if seed % 20 == 0 {
                world.talk(calling, late);
            }
            world.hang_up(calling);
            world.over(late);
        } else {
            after += 1;
            let why = world.over(late);
            if matches!(why, Why::ByPeer(_)) {
                late_hung_up += 1;
                world.check(world.call(late).ack_seen, "the late 200 is acknowledged");
            }
            let called = world.rings_within(second, Duration::from_secs(1));
            world.answer(called);
            world.up(calling);
            if seed % 20 == 0 {
                world.talk(calling, called);
            }
            world.hang_up(called);
            world.over(calling);
        }
        world.check(world.cdrs().len() == 1 && world.trunk("twin").calls == 0, "one call, and it is over");
        if seed % 50 == 0 {
            world.finish();
        }
    }
    println!("answered before: {before}, after: {after}, of these hung up: {late_hung_up}");
    assert!(before > 100 && after > 100 && late_hung_up > 100, "{before} {after} {late_hung_up}");
}

/// CANCEL to a target that was given up and only then says that it rings.
#[test]
fn a_late_ringing_is_cancelled() {
    let mut world = world(5);
    let alice = world.add_phone("2001");
    let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.phone(first).carrier.silent = true;
    let calling = world.dial(alice, "8207946000");
    let called = world.rings_within(second, Duration::from_secs(4));
    world.with_phone(first, |phone, now| phone.wake(now));
    let late = world.rings(first);
    let why = world.over(late);
    world.check(matches!(why, Why::Cancelled(_)), "it is cancelled");
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
    world.finish();
}

/// The caller hangs up in the moment of the change: nobody rings for nothing.
#[test]
fn the_caller_hangs_up_while_the_target_changes() {
    let (mut first_only, mut both) = (0, 0);
    for seed in 0..300_u64 {
        let mut world = world(seed);
        let alice = world.add_phone("2001");
        let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
        world.phone(first).carrier.silent = true;
        let calling = world.dial(alice, "8207946000");
        world.run(Duration::from_micros(2_990_000 + 100 * seed));
        world.hang_up(calling);
        world.over(calling);
        world.run(Duration::from_secs(2));
        world.check(world.ringing(second).is_none(), "nobody rings for nothing");
        if world.invites(second).is_empty() {
            first_only += 1
        } else {
            both += 1
        }
        world.check(world.trunk("twin").calls == 0 || world.invites(second).is_empty(), "no call is counted");
        if seed % 30 == 0 {
            world.finish();
        }
    }
    assert!(first_only > 30 && both > 30, "{first_only} {both}");
}
