//! Feature codes: each does what it says, is answered with words, and is over; what is not built is 501.

use crate::harness::call::Why;
use crate::harness::sound::{MUSIC, Sound, prompt};
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::record::{AgentStatus, QueueStatus};

/// Dials a code, waits for its end; the prompts as they were heard.
fn hear(world: &mut World, phone: PhoneId, code: &str) -> Vec<Sound> {
    let line = world.dial(phone, code);
    world.up(line);
    let why = world.over_within(line, Duration::from_secs(5));
    world.check(why == Why::ByPeer(None), &format!("{code}: the switch hangs up, {why:?}"));
    let mut heard: Vec<Sound> = Vec::new();
    for stretch in &world.call(line).heard.stretches {
        if matches!(stretch.sound, Sound::Tone(_)) && heard.last() != Some(&stretch.sound) {
            heard.push(stretch.sound);
        }
    }
    heard
}

fn check(world: &mut World, phone: PhoneId, code: &str, words: &[&str]) {
    let heard = hear(world, phone, code);
    let words: Vec<Sound> = words.iter().map(|word| prompt(word)).collect();
    // Where packets are lost, a short word may be lost with the answer.
    let right = if world.is_clean() { heard == words } else { heard.iter().all(|one| words.contains(one)) };
    world.check(right, &format!("{code}: {words:?} were to be heard, not {heard:?}"));
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let status = |world: &World, queue: &str| {
        let view = world.agent("alice");
        view.queues.iter().find(|seat| seat.id.as_str() == queue).map(|seat| seat.status.clone())
    };
    check(&mut world, alice, "*45", &["agent-loggedoff"]);
    assert_eq!(world.agent("alice").status, AgentStatus::LoggedOut);
    check(&mut world, alice, "*45601", &["agent-loginok"]);
    assert_eq!(status(&world, "sales"), Some(QueueStatus::Ready));
    assert_eq!(status(&world, "support"), Some(QueueStatus::LoggedOut));
    check(&mut world, alice, "*45601", &["agent-loggedoff"]);
    check(&mut world, alice, "*45", &["agent-loginok"]);
    assert_eq!(status(&world, "support"), Some(QueueStatus::Ready));
    check(&mut world, alice, "*45999", &["pbx-invalid"]);
    check(&mut world, alice, "*46", &["agent-paused"]);
    assert_eq!(status(&world, "support"), Some(QueueStatus::Paused { reason: None }));
    check(&mut world, alice, "*46", &["agent-ready"]);
    assert_eq!(status(&world, "support"), Some(QueueStatus::Ready));
    check(&mut world, alice, "*461", &["agent-paused"]);
    assert_eq!(status(&world, "sales"), Some(QueueStatus::Paused { reason: Some("repas".to_owned()) }));
    check(&mut world, alice, "*469", &["pbx-invalid"]);
    check(&mut world, alice, "*47", &["digits/0", "queue-callswaiting"]);
    let carrier = world.add_carrier();
    let waiting = world.dial(carrier, "+33140000000");
    world.up(waiting);
    check(&mut world, alice, "*47", &["digits/1", "queue-callswaiting"]);
    world.hang_up(waiting);
    world.over(waiting);
    check(&mut world, alice, "*48", &["pbx-invalid"]);
    check(&mut world, alice, "*65", &["vm-extension", "digits/1", "digits/0", "digits/1"]);

    let bob = world.add_phone("2001");
    check(&mut world, bob, "*45", &["pbx-invalid"]);
    let line = world.dial(bob, "*9664");
    world.up(line);
    world.hears(line, MUSIC);
    world.hang_up(line);
    world.over(line);
    world
}

over_networks!();

#[test]
fn the_wrap_up_ends_at_once() {
    let mut world = World::new(crate::harness::network::Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(alice);
    world.answer(called);
    world.talk_and_end(calling, called);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    check(&mut world, alice, "*48", &["agent-ready"]);
    assert_eq!(world.agent("alice").status, AgentStatus::Ready);
    world.finish();
}

#[test]
fn the_echo_test_gives_back_what_is_said() {
    for seed in 1..=3 {
        let mut world = World::new(crate::harness::network::Quality::CLEAN, seed);
        let bob = world.add_phone("2001");
        let line = world.dial(bob, "*43");
        world.up(line);
        world.hears(line, prompt("demo-echotest"));
        let own = world.voice(line);
        world.run(Duration::from_secs(1));
        world.hears(line, own);
        world.hang_up(line);
        world.over(line);
        world.finish();
    }
}

#[test]
fn a_speed_dial_is_a_call_to_its_number() {
    let mut world = World::new(crate::harness::network::Quality::CLEAN, 1);
    let bob = world.add_phone("2001");
    let eve = world.add_phone("2002");
    let (calling, called) = world.connect_by(bob, "*012", eve);
    world.talk_and_end(calling, called);
    check(&mut world, bob, "*099", &["pbx-invalid"]);
    world.finish();
}

#[test]
fn what_is_not_built_is_501() {
    let mut world = World::new(crate::harness::network::Quality::CLEAN, 1);
    let bob = world.add_phone("2001");
    for code in ["*68", "*97", "*98", "*981001", "##", "*2", "*3"] {
        let line = world.dial(bob, code);
        assert_eq!(world.over(line), Why::Refused(501), "{code}");
    }
    // It is pressed in a call, not dialled.
    let line = world.dial(bob, "*1");
    assert_eq!(world.over(line), Why::Refused(404));
    world.finish();
}
