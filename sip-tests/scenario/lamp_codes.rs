//! Lamps have the codes of the configuration: where a profile or a line of it moves a code, its lamp goes with it, and nothing
//! is left at the old place.

use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::time::Duration;
use strowger::record::QueueStatus;
use strowger::store::Restored;
use strowger::subscription::dialog_info::State;
use strowger::switch::action::Action;

fn world(features: &str) -> World {
    let text = CONFIGURATION.replace("[features]\n", &format!("[features]\n{features}\n"));
    World::with(&text, Quality::CLEAN, 1, Restored::default(), 60)
}

/// The codes of log-in, pause, callers waiting and wrap-up, each lit when it should be; the others are nobody's.
fn check(features: &str, [login, pause, waiting, wrap_up]: [&str; 4], nobodys: &[&str]) {
    let mut world = world(features);
    let alice = world.add_phone("1001");
    let dan = world.add_phone("2001");
    for code in nobodys {
        let lamp = world.ask_to_watch(alice, code, "dialog", 3600, &[]);
        world.check(
            world.watching(lamp).statuses == [404],
            &format!("{code}: {:?}", world.watching(lamp).statuses),
        );
    }
    let with_queue = format!("{waiting}600");
    let lamps = [login, pause, waiting, &with_queue, wrap_up].map(|code| world.watch(alice, code, "dialog"));
    let lit = |world: &mut World, expected: [bool; 5]| {
        for (lamp, lit) in lamps.into_iter().zip(expected) {
            world.shows(lamp, if lit { State::Confirmed } else { State::Terminated });
        }
    };
    lit(&mut world, [true, false, false, false, false]);
    // The key that has the lamp is what one dials.
    let pausing = world.dial(alice, pause);
    world.up(pausing);
    world.over_within(pausing, Duration::from_secs(10));
    lit(&mut world, [true, true, false, false, false]);
    let calling = world.dial(dan, "600");
    world.up(calling);
    lit(&mut world, [true, true, true, true, false]);
    let by = "alice".to_owned();
    let ready =
        Action::SetAgentStatus { agent: "alice".into(), status: QueueStatus::Ready, queues: None, by };
    world.act(ready).expect("she may");
    let called = world.rings(alice);
    world.answer(called);
    world.talk_and_end(calling, called);
    lit(&mut world, [true, false, false, false, true]);
    for lamp in lamps {
        world.unwatch(lamp);
    }
    world.finish();
}

#[test]
fn the_default_profile() {
    check("", ["*45", "*46", "*47", "*48"], &["*22", "*7"]);
}

#[test]
fn another_profile_moves_them() {
    check("profile = \"fusionpbx\"", ["*22", "*24", "*47", "*48"], &["*45", "*46", "*45600"]);
    check("profile = \"yeastar\"", ["*7", "*07", "*47", "*48"], &["*45", "*46", "*45600"]);
}

#[test]
fn a_line_of_the_configuration_moves_one_and_takes_one_away() {
    let codes = "codes = { queue_login = \"*145\", end_wrap_up = \"*99\", who_am_i = \"\" }";
    check(codes, ["*145", "*46", "*47", "*99"], &["*45", "*48", "*65"]);
}

/// One's own mailbox, by the code with which one hears it.
#[test]
fn the_mailbox_has_the_profiles_code() {
    for (profile, code, other) in [("freepbx", "*97", "*2"), ("yeastar", "*2", "*97")] {
        let mut world = world(&format!("profile = \"{profile}\""));
        let alice = world.add_phone("1001");
        let own = world.watch(alice, code, "message-summary");
        let lamp = world.ask_to_watch(alice, other, "message-summary", 3600, &[]);
        world.check(world.watching(lamp).statuses == [404], "not the other profile's");
        world.unwatch(own);
        world.finish();
    }
}
