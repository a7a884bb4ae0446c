//! Recordings that somebody begins: an agent by his code where the queue lets him, who controls calls by the API; `never` is
//! never (B17).

use super::recorded::{connected, press, state, world};
use crate::harness::network::Quality;
use crate::harness::tape::Side;
use crate::harness::world::World;
use std::time::Duration;
use strowger::recording::Ending;
use strowger::switch::action::{Action, Done, RecordingAction, Refusal};
use strowger::switch::view::RecordingState;

fn act(world: &mut World, what: RecordingAction, is_agent: bool) -> Result<RecordingState, Refusal> {
    let call = world.live_calls()[0].id;
    let by = if is_agent { "rita" } else { "ops" }.to_owned();
    world.act(Action::Record { call, what, is_agent, by }).map(|done| match done {
        Done::Call(view) => view.recording,
        other => panic!("{other:?}"),
    })
}

#[test]
fn by_an_agents_code_and_until_he_stops_it() {
    let mut world = world(Quality::CLEAN, 1);
    let (calling, called, _) = connected(&mut world, "+33150000603");
    world.talk(calling, called);
    world.check(state(&world) == RecordingState::Off, "not by itself");
    press(&mut world, calling, "*1");
    world.check(state(&world) == RecordingState::Off, "a customer's keys are his own");
    press(&mut world, called, "*1");
    world.check(state(&world) == RecordingState::On, "by her code");
    let from = world.now;
    world.run(Duration::from_secs(3));
    let until = world.now;
    assert!(matches!(
        act(&mut world, RecordingAction::Start, true),
        Err(Refusal::Conflict { code: "recording_runs", .. })
    ));
    assert_eq!(act(&mut world, RecordingAction::Stop, true), Ok(RecordingState::Off));
    assert!(matches!(
        act(&mut world, RecordingAction::Pause, true),
        Err(Refusal::Conflict { code: "not_recording", .. })
    ));
    world.run(Duration::from_secs(2));
    // A second one has a file of its own.
    assert_eq!(act(&mut world, RecordingAction::Start, true), Ok(RecordingState::On));
    world.run(Duration::from_secs(1));
    world.talk(calling, called);
    world.hang_up(calling);
    world.over(called);
    world.run(Duration::from_secs(2));
    let entries = world.recordings();
    let ends: Vec<_> = entries.iter().filter_map(|entry| entry.ended).map(|(_, why)| why).collect();
    assert_eq!(ends, [Ending::Stopped, Ending::CallEnded]);
    assert_ne!(entries[0].file, entries[1].file);
    world.recorded_only(
        &entries[0],
        Side::Left,
        world.voice(called),
        from + Duration::from_millis(100),
        until,
    );
    world.finish();
}

#[test]
fn by_the_api_between_phones_and_never_where_never_is_said() {
    let mut world = world(Quality::CLEAN, 1);
    let [alice, bob] = ["2001", "2002"].map(|number| world.add_phone(number));
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    assert!(matches!(
        act(&mut world, RecordingAction::Start, false),
        Err(Refusal::Conflict { code: "call_not_talking", .. })
    ));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    assert!(matches!(act(&mut world, RecordingAction::Start, true), Err(Refusal::Denied { .. })));
    assert_eq!(act(&mut world, RecordingAction::Start, false), Ok(RecordingState::On));
    let from = world.now + Duration::from_millis(100);
    world.run(Duration::from_secs(2));
    let until = world.now;
    world.hang_up(calling);
    world.over(called);
    let entry = world.recording();
    world.recorded_only(&entry, Side::Left, world.voice(called), from, until);
    world.recorded_only(&entry, Side::Right, world.voice(calling), from, until);
    assert_eq!((entry.left.as_str(), entry.right.as_str()), ("2002", "2001"));

    let agent = world.add_phone("1001");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(agent);
    world.answer(called);
    world.talk(calling, called);
    for is_agent in [true, false] {
        assert!(matches!(act(&mut world, RecordingAction::Start, is_agent), Err(Refusal::Denied { .. })));
    }
    world.hang_up(calling);
    world.over(called);
    assert_eq!(world.recordings().len(), 1);
    world.finish();
}
