//! Calls that are always recorded: the caller is told before he enters, both are in the file on their own sides from the first
//! word to the last, through hold, transfers and the pauses of an agent's code; a full disk costs the recording alone (B17).

use crate::harness::network::Quality;
use crate::harness::sound::{MUSIC, Sound, prompt};
use crate::harness::tape::Side;
use crate::harness::world::{CONFIGURATION, Line, PhoneId, World};
use std::time::Duration;
use strowger::recording::Ending;
use strowger::store::Restored;
use strowger::switch::action::{Action, RecordingAction};
use strowger::switch::view::RecordingState;

const RECORDED: &str = r#"
[[agent]]
id = "rita"
phone = "1003"
queues = ["taped", "wish"]
initial_status = "ready"

[[queue]]
id = "taped"
number = "602"
wrap_up_seconds = 1
recording = { mode = "always", pause_max_seconds = 30 }
record_notice = true

[[queue]]
id = "wish"
number = "603"
wrap_up_seconds = 1
recording = { mode = "on_demand", agent_may_stop = true }

[[inbound]]
trunk = "carrier"
number = "+33150000602"
to = "queue:taped"

[[inbound]]
trunk = "carrier"
number = "+33150000603"
to = "queue:wish"

[[inbound]]
trunk = "carrier"
number = "+3315000XXXX"
to = "phone:{1}"
recording = { mode = "always" }
"#;

pub(super) fn world(quality: Quality, seed: u64) -> World {
    World::with(&format!("{CONFIGURATION}{RECORDED}"), quality, seed, Restored::default(), 60)
}

/// A caller whom the agent has just answered, in a queue.
pub(super) fn connected(world: &mut World, number: &str) -> (Line, Line, PhoneId) {
    let rita = world.add_phone("1003");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, number);
    world.up(calling);
    let called = world.rings(rita);
    world.answer(called);
    (calling, called, rita)
}

pub(super) fn state(world: &World) -> RecordingState {
    world.live_calls().first().map_or(RecordingState::Off, |call| call.recording)
}

pub(super) fn press(world: &mut World, line: Line, keys: &str) {
    for key in keys.chars() {
        world.with_phone(line.phone, |phone, _| phone.press(line.call, key));
        world.run(Duration::from_millis(400));
    }
}

fn over_networks_with_recordings(scenario: fn(World) -> World) {
    scenario(world(Quality::CLEAN, 1)).finish();
    for seed in 1..=3 {
        scenario(world(Quality::lossy(3), seed)).finish();
    }
}

#[test]
fn from_the_first_word_to_the_last() {
    over_networks_with_recordings(|mut world| {
        let began = world.now;
        let (calling, called, _) = connected(&mut world, "+33150000602");
        let heard = &world.call(calling).heard;
        let (notice, music) = (heard.last(prompt("this-call-may-be-recorded")), heard.first(MUSIC, began));
        let told = heard.time_of(prompt("this-call-may-be-recorded"), began, world.now);
        world.check(told >= Duration::from_millis(700), &format!("the caller is told: {told:?}"));
        world.check(notice.is_some() && music.is_none_or(|music| Some(music) > notice), "before the music");
        let lifted = world.now;
        world.talk(calling, called);
        world.check(state(&world) == RecordingState::On, "the API says that it is recorded");
        world.run(Duration::from_secs(10));
        let end = world.now;
        world.hang_up(calling);
        world.over(called);
        let entry = world.recording();
        let (hers, his) = (world.voice(called), world.voice(calling));
        let settled = lifted + Duration::from_millis(300);
        world.recorded_only(&entry, Side::Left, hers, settled, end);
        world.recorded_only(&entry, Side::Right, his, settled, end);
        assert_eq!((entry.left.as_str(), entry.right.as_str()), ("rita", "+33123456789"));
        assert_eq!((entry.queue.as_deref(), entry.agent.as_deref()), (Some("taped"), Some("rita")));
        assert_eq!(entry.ended.map(|(_, why)| why), Some(Ending::CallEnded));
        let talk = world.cdrs()[0].talk;
        let off = talk.abs_diff(entry.length);
        world.check(
            off <= Duration::from_millis(20),
            &format!("{talk:?} of talk, {:?} recorded", entry.length),
        );
        world
    });
}

/// What one says and the other hears at the same moment lies at the same place of the file.
#[test]
fn both_channels_are_aligned_within_a_frame() {
    let mut world = world(Quality::CLEAN, 1);
    let (calling, called, _) = connected(&mut world, "+33150000602");
    world.talk(calling, called);
    world.run(Duration::from_secs(300));
    // Both stop to send at one moment.
    for line in [calling, called] {
        world.call_mut(line).mute = true;
    }
    world.run(Duration::from_secs(1));
    world.hang_up(called);
    world.over(calling);
    let entry = world.recording();
    let last = [Side::Left, Side::Right].map(|side| {
        let samples = world.channel(&entry, side);
        samples.iter().rposition(|byte| !matches!(byte, 0xFF | 0x7F)).expect("somebody has spoken")
    });
    assert!(last[0].abs_diff(last[1]) <= 160, "the last words are apart: {last:?}");
    world.finish();
}

#[test]
fn through_hold_and_transfer() {
    over_networks_with_recordings(|mut world| {
        let bob = world.add_phone("2001");
        let (calling, called, _) = connected(&mut world, "+33150000602");
        world.talk(calling, called);
        let settle = Duration::from_millis(if world.is_clean() { 200 } else { 1500 });
        world.hold(called, calling);
        world.run(settle);
        let held = world.now;
        world.run(Duration::from_secs(2));
        let resumed = world.now;
        world.reinvite(called, Some(strowger::sdp::Direction::SendRecv));
        world.talk(calling, called);
        world.refer(called, "2001");
        assert_eq!(world.referred(called), 202);
        let target = world.rings(bob);
        world.answer(target);
        world.talk(calling, target);
        world.check(state(&world) == RecordingState::On, "still recorded");
        world.run(settle);
        let handed = world.now;
        world.run(Duration::from_secs(2));
        let end = world.now;
        world.hang_up(target);
        world.over(calling);
        let entry = world.recording();
        let (bobs, his) = (world.voice(target), world.voice(calling));
        world.recorded_only(&entry, Side::Left, MUSIC, held, resumed);
        world.recorded_only(&entry, Side::Left, bobs, handed, end);
        world.recorded_only(&entry, Side::Right, his, handed, end);
        world
    });
}

#[test]
fn with_the_pauses_of_the_agents_code_and_their_limit() {
    over_networks_with_recordings(|mut world| {
        let (calling, called, _) = connected(&mut world, "+33150000602");
        world.talk(calling, called);
        press(&mut world, called, "*1");
        world.expect("paused", Duration::from_secs(1), |world| state(world) == RecordingState::Paused);
        let paused = world.now;
        world.talk(calling, called);
        world.run(Duration::from_secs(2));
        let until = world.now;
        press(&mut world, called, "*1");
        world.expect("goes on", Duration::from_secs(1), |world| state(world) == RecordingState::On);
        let on = world.now + Duration::from_millis(if world.is_clean() { 100 } else { 1000 });
        world.run(Duration::from_secs(3));
        let call = world.live_calls()[0].id;
        let pause = |what| Action::Record { call, what, is_agent: true, by: "rita".to_owned() };
        let still = world.now;
        world.act(pause(RecordingAction::Pause)).expect("she may");
        world.act(pause(RecordingAction::Pause)).expect("twice is once");
        let denied = world.act(pause(RecordingAction::Stop));
        world.check(denied.is_err(), "this agent may not stop it");
        world.run(Duration::from_secs(29));
        world.check(state(&world) == RecordingState::Paused, "the limit is 30 s");
        world.run(Duration::from_secs(2));
        world.check(state(&world) == RecordingState::On, "a pause ends by itself");
        world.run(Duration::from_secs(2));
        world.hang_up(called);
        world.over(calling);
        let entry = world.recording();
        let (hers, his) = (world.voice(called), world.voice(calling));
        for (side, voice) in [(Side::Left, hers), (Side::Right, his)] {
            world.recorded_only(&entry, side, Sound::Silence, paused, until);
            world.recorded_only(&entry, side, voice, on, still);
        }
        let who: Vec<_> = entry.pauses.iter().map(|pause| pause.by.as_str()).collect();
        let by = entry.pauses.last().and_then(|pause| pause.until.clone()).map(|(_, by)| by);
        assert_eq!((who, by.as_deref()), (vec!["rita", "rita"], Some("limit")));
        world
    });
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let mut world = world(Quality::CLEAN, 1);
    let (calling, called, _) = connected(&mut world, "+33150000602");
    world.talk(calling, called);
    world.run(Duration::from_secs(3));
    world.tape.shelf.fill_up();
    world.run(Duration::from_secs(2));
    world.check(state(&world) == RecordingState::Off, "it is not recorded any more");
    world.check(world.notices.contains(&"alarm.raised"), "somebody is told");
    world.talk(calling, called);
    let note = world.live_calls()[0].timeline.iter().any(|(_, what)| what.contains("disk_full"));
    world.check(note, "the call's timeline says why");
    world.hang_up(called);
    world.over(calling);
    let entry = world.recording();
    assert_eq!(entry.ended.map(|(_, why)| why), Some(Ending::DiskFull));
    world.check(entry.length >= Duration::from_secs(3), "what was written stays");
    assert_eq!(world.switch.metric("strowger_recordings_total{result=\"failed\"}"), 1.0);
    world.finish();
}

#[test]
fn an_attended_transfer_into_another_call_takes_the_recording_along() {
    let mut world = world(Quality::CLEAN, 1);
    let [alice, bob] = ["2001", "2002"].map(|number| world.add_phone(number));
    let carrier = world.add_carrier();
    // The older call goes on, and it is not the customer's.
    let (to_bob, at_bob) = world.connect(alice, bob);
    world.talk(to_bob, at_bob);
    world.hold(to_bob, at_bob);
    let calling = world.dial(carrier, "+33150002001");
    let at_alice = world.rings(alice);
    world.answer(at_alice);
    world.up(calling);
    world.talk(calling, at_alice);
    world.refer_attended(at_alice, to_bob);
    world.talk(calling, at_bob);
    let joined = world.now;
    world.run(Duration::from_secs(2));
    let end = world.now;
    let states: Vec<_> = world.live_calls().iter().map(|call| call.recording).collect();
    assert_eq!(states, [RecordingState::On]);
    world.hang_up(at_bob);
    world.over(calling);
    let entry = world.recording();
    world.recorded_only(&entry, Side::Left, world.voice(at_bob), joined, end);
    world.recorded_only(&entry, Side::Right, world.voice(calling), joined, end);
    world.finish();
}
