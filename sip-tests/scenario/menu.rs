//! Menus: a prompt, a key that cuts it off, wrong keys, silence, numbers dialled directly, and hang-ups at each step.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::sound::{MUSIC, prompt};
use crate::harness::world::{Line, World};
use std::time::Duration;

fn press(world: &mut World, line: Line, keys: &str) {
    for key in keys.chars() {
        world.with_phone(line.phone, |phone, _| phone.press(line.call, key));
        world.run(Duration::from_millis(200));
    }
}

fn scenario(mut world: World) -> World {
    let bob = world.add_phone("2001");
    let carrier = world.add_carrier();
    // From outside, into the second menu, to a phone.
    let calling = world.dial(carrier, "+33140000620");
    world.up(calling);
    world.hears(calling, prompt("welcome"));
    press(&mut world, calling, "3");
    world.hears(calling, prompt("welcome"));
    press(&mut world, calling, "1");
    let called = world.rings_within(bob, Duration::from_secs(2));
    world.answer(called);
    world.talk_and_end(called, calling);

    // Into a queue.
    let calling = world.dial(carrier, "+33140000620");
    world.up(calling);
    press(&mut world, calling, "2#");
    world.hears(calling, MUSIC);
    world.check(world.queue("support").waiting == 1, "he waits");
    let alice = world.add_phone("1001");
    let called = world.rings_within(alice, Duration::from_secs(2));
    world.answer(called);
    world.talk_and_end(calling, called);
    world
}

over_networks!();

fn world() -> World {
    World::new(Quality::CLEAN, 1)
}

#[test]
fn a_number_is_dialled_directly_and_a_wrong_one_is_told() {
    let mut world = world();
    let bob = world.add_phone("2002");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000620");
    world.up(calling);
    press(&mut world, calling, "2999");
    world.hears(calling, prompt("pbx-invalid"));
    press(&mut world, calling, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.talk_and_end(calling, called);
    world.finish();
}

#[test]
fn silence_leads_to_the_timeout_and_a_wrong_key_to_the_prompt_again() {
    let mut world = world();
    let last = world.add_phone("2004");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000620");
    world.up(calling);
    press(&mut world, calling, "9");
    world.hears(calling, prompt("pbx-invalid"));
    world.run(Duration::from_millis(400));
    world.hears(calling, prompt("welcome"));
    let called = world.rings_within(last, Duration::from_secs(10));
    world.answer(called);
    world.talk_and_end(calling, called);
    // Without a destination it says goodbye.
    let calling = world.dial(last, "621");
    world.up(calling);
    world.run(Duration::from_millis(4100));
    world.hears(calling, prompt("vm-goodbye"));
    let why = world.over(calling);
    world.check(matches!(why, Why::ByPeer(_)), "hung up");
    world.finish();
}

#[test]
fn keys_come_by_info_too_and_lost_ends_do_no_harm() {
    for way in ["relay", "dtmf", "both", "no ends"] {
        let mut world = world();
        let bob = world.add_phone("2001");
        let eve = world.add_phone("2003");
        let calling = world.dial(eve, "621");
        world.up(calling);
        if way == "no ends" {
            // The packets of the end are lost, and so are two at the beginning.
            let mut count = 0;
            world.network.filter = Some(Box::new(move |packet| {
                let is_key = packet.bytes.len() == 16 && packet.to.ip().to_string() == "10.0.0.1";
                count += u32::from(is_key);
                is_key && (count <= 2 || count >= 4)
            }));
        }
        if matches!(way, "both" | "no ends") {
            world.with_phone(eve, |phone, _| phone.press(calling.call, '1'));
        }
        if way != "no ends" {
            world.with_phone(eve, |phone, now| phone.press_info(now, calling.call, '1', way != "dtmf"));
        }
        let called = world.rings(bob);
        world.run(Duration::from_millis(300));
        world.answer(called);
        world.talk(calling, called);
        world.check(world.call(called).digits.is_empty(), "the key was the menu's");
        world.hang_up(calling);
        world.over(called);
        world.finish();
    }
}

#[test]
fn a_busy_phone_behind_a_key_is_told_in_words() {
    let mut world = world();
    let bob = world.add_phone("2001");
    world.treat(bob, crate::harness::phone::Treatment::Refuse(486, Duration::from_millis(50)));
    let eve = world.add_phone("2003");
    let calling = world.dial(eve, "621");
    world.up(calling);
    press(&mut world, calling, "1");
    world.hears(calling, prompt("all-circuits-busy-now"));
    world.over(calling);
    world.finish();
}

/// The caller hangs up at each moment of a menu's life; nothing is left, and no phone rings on.
#[test]
fn a_hang_up_at_every_step_leaves_nothing() {
    let mut ringing = 0;
    for step_ms in (0..9000).step_by(90) {
        let mut world = World::new(Quality::CLEAN, step_ms);
        let bob = world.add_phone("2001");
        let last = world.add_phone("2004");
        let carrier = world.add_carrier();
        let calling = world.dial(carrier, "+33140000620");
        let end = world.now + Duration::from_millis(step_ms);
        let keys = [(300, '9'), (1500, '3'), (2000, '1')];
        let began = world.now;
        for (at, key) in keys.into_iter().filter(|_| step_ms % 180 == 0) {
            let at = began + Duration::from_millis(at);
            if at < end {
                world.run(at.since(world.now));
                world.with_phone(calling.phone, |phone, _| phone.press(calling.call, key));
            }
        }
        world.run(end.since(world.now));
        ringing += usize::from(world.ringing(bob).is_some() || world.ringing(last).is_some());
        world.hang_up(calling);
        world.over(calling);
        world.run(Duration::from_millis(50));
        world.check(world.ringing(bob).is_none() && world.ringing(last).is_none(), "a phone rings on");
        world.finish();
    }
    assert!(ringing > 10, "steps beyond the menu were reached: {ringing}");
}

/// The key comes in the moment in which the time is up: either way is right, and both were seen.
#[test]
fn a_key_meets_the_timeout() {
    let (mut by_key, mut by_time) = (0, 0);
    for seed in 0..1000 {
        let mut world = World::new(Quality::CLEAN, seed);
        let bob = world.add_phone("2001");
        let eve = world.add_phone("2003");
        let calling = world.dial(eve, "621");
        world.up(calling);
        // The prompt ends a second after the answer, the time three seconds later; a key needs some 20 ms.
        world.run(Duration::from_micros(3_950_000 + (seed * 7919) % 80_000));
        world.with_phone(eve, |phone, _| phone.press(calling.call, '1'));
        world.run(Duration::from_millis(120));
        match world.ringing(bob) {
            Some(called) => {
                by_key += 1;
                world.answer(called);
                world.run(Duration::from_millis(100));
                world.check(world.call(called).state == State::Up, "answered");
                if seed % 50 == 0 {
                    world.talk(calling, called);
                }
                world.hang_up(calling);
                world.over(called);
            }
            None => {
                by_time += 1;
                world.over_within(calling, Duration::from_secs(2));
            }
        }
        world.finish();
    }
    assert!(by_key > 100 && by_time > 100, "both orders: {by_key} by key, {by_time} by time");
}
