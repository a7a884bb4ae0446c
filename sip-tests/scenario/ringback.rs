//! The ringing tone is decided by packets (INTEROP): carriers announce audio and send none. The caller hears our tone from
//! the 183 with SDP on until the callee's first packet, and not a moment longer.

use crate::harness::call::State;
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::sound::{RINGBACK, Sound};
use crate::harness::world::{Line, PhoneId, World};
use std::time::Duration;
use strowger::clock::Instant;

fn status(world: &mut World, line: Line, status: u16) {
    world.expect("the caller is told", Duration::from_secs(1), |world| world.call(line).status() == status);
}

fn provisional(world: &mut World, line: Line, status: u16, with_sdp: bool) {
    world.with_phone(line.phone, |phone, now| phone.provisional(now, line.call, status, with_sdp));
}

/// A call to the carrier, which has said nothing yet.
fn dialled(world: &mut World, alice: PhoneId, carrier: PhoneId) -> (Line, Line) {
    world.treat(carrier, Treatment::Wait);
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    world.call_mut(called).mute = true;
    (calling, called)
}

fn tone_between(world: &World, line: Line, from: Instant, to: Instant) -> Duration {
    world.call(line).heard.time_of(RINGBACK, from, to)
}

/// An empty 183, then 180: a plain 180 goes to the caller, whose phone rings by itself; we send nothing.
fn empty(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let (calling, called) = dialled(&mut world, alice, carrier);
    provisional(&mut world, called, 183, false);
    status(&mut world, calling, 180);
    provisional(&mut world, called, 180, false);
    world.run(Duration::from_secs(2));
    world.check(world.call(calling).heard.packets == 0, "no audio before the answer");
    world.call_mut(called).mute = false;
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.hang_up(called);
    world.over(calling);
    world
}

/// 183 with SDP and nothing behind it, then 180, then the answer: tone until the answer.
fn announced_in_vain(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let (calling, called) = dialled(&mut world, alice, carrier);
    provisional(&mut world, called, 183, true);
    status(&mut world, calling, 183);
    let from = world.now;
    world.run(Duration::from_secs(3));
    provisional(&mut world, called, 180, false);
    world.run(Duration::from_secs(8));
    // 1.5 s on, 3.5 s off: three turns begun, the third just.
    let tone = tone_between(&world, calling, from, world.now);
    world.check(
        (Duration::from_millis(2500)..Duration::from_millis(5000)).contains(&tone),
        &format!("the tone was heard for {tone:?} of 11 s"),
    );
    world.check(world.call(calling).status() == 183, "a 180 after early audio tells the caller nothing new");
    world.call_mut(called).mute = false;
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.hang_up(calling);
    world.over(called);
    world
}

/// The first packet comes while the tone sounds: it stops at once.
fn until_the_first_packet(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    for millis in [300, 1490, 2600, 5200] {
        let (calling, called) = dialled(&mut world, alice, carrier);
        provisional(&mut world, called, 183, true);
        status(&mut world, calling, 183);
        let from = world.now;
        world.run(Duration::from_millis(millis));
        let tone = tone_between(&world, calling, from, world.now);
        world.check(tone >= Duration::from_millis(100), &format!("the tone was heard: {tone:?}"));
        world.call_mut(called).mute = false;
        let voice = world.voice(called);
        world.expect("his audio comes", Duration::from_millis(200), |world| {
            world.call(calling).heard.first(voice, from).is_some()
        });
        let first = world.call(calling).heard.first(voice, from).expect("it came");
        world.hears(calling, voice);
        let last = world.call(calling).heard.last(RINGBACK).expect("the tone was heard");
        let late = Duration::from_millis(if world.is_clean() { 0 } else { 100 });
        world.check(last <= first + late, "no tone once his audio is there");
        world.check(world.call(calling).state == State::Calling, "not answered yet");
        // Another 183 does not bring the tone back.
        provisional(&mut world, called, 183, true);
        world.hears(calling, voice);
        world.answer(called);
        world.up(calling);
        world.talk(calling, called);
        world.hang_up(calling);
        world.over(called);
        world.run(Duration::from_secs(3));
    }
    world
}

#[test]
fn an_empty_183_is_ringing() {
    for seed in 1..=3 {
        empty(World::new(Quality::CLEAN, seed)).finish();
        empty(World::new(Quality::lossy(2), seed)).finish();
    }
}

#[test]
fn audio_that_is_announced_and_never_comes() {
    for seed in 1..=3 {
        announced_in_vain(World::new(Quality::CLEAN, seed)).finish();
    }
}

#[test]
fn the_tone_stops_at_the_first_packet() {
    for seed in 1..=3 {
        until_the_first_packet(World::new(Quality::CLEAN, seed)).finish();
    }
}

/// The answer and the first packet race each other, 1,000 times: in either order they talk, and no tone is left.
#[test]
fn the_answer_races_the_first_packet() {
    let mut orders = [0_u32; 2];
    for seed in 0..1_000 {
        let mut world = World::new(Quality::CLEAN, seed);
        let alice = world.add_phone("2001");
        let carrier = world.add_carrier();
        let (calling, called) = dialled(&mut world, alice, carrier);
        provisional(&mut world, called, 183, true);
        status(&mut world, calling, 183);
        world.run(Duration::from_millis(100));
        let lead = Duration::from_millis(seed % 80);
        if seed % 2 == 0 {
            world.call_mut(called).mute = false;
            world.run(lead);
            world.answer(called);
        } else {
            world.answer(called);
            world.run(lead);
            world.call_mut(called).mute = false;
        }
        let before = world.now;
        world.up(calling);
        let voice = world.voice(called);
        let heard_early =
            world.call(calling).heard.first(voice, Instant::from_micros(0)).is_some_and(|at| at <= before);
        orders[usize::from(heard_early)] += 1;
        world.talk(calling, called);
        world.hang_up(called);
        world.over(calling);
        world.check(
            !world.call(calling).heard.tones().is_empty()
                && world.call(calling).heard.time_of(Sound::Other, before, world.now) == Duration::ZERO,
            "the audio is whole",
        );
        if seed % 100 == 0 {
            world.finish();
        }
    }
    assert!(orders.iter().all(|count| *count > 100), "both orders: {orders:?}");
}
