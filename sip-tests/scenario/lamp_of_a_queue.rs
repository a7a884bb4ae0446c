//! Lamps of a queue and of an agent: callers waiting, log-in, pause with its reason, wrap-up (INTEROP, feature codes).

use crate::harness::watcher::Lamp;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::QueueStatus;
use strowger::subscription::dialog_info::State;
use strowger::switch::action::Action;

fn set(world: &mut World, status: QueueStatus, queues: Option<&[&str]>) {
    let queues = queues.map(|ids| ids.iter().map(|id| (*id).into()).collect());
    let action = Action::SetAgentStatus { agent: "alice".into(), status, queues, by: "alice".to_owned() };
    world.act(action).expect("she may");
}

fn lit(world: &mut World, lamps: &[(Lamp, bool)]) {
    for (lamp, lit) in lamps {
        world.shows(*lamp, if *lit { State::Confirmed } else { State::Terminated });
    }
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let dan = world.add_phone("2001");
    let queue = world.watch(dan, "600", "dialog");
    let slot = world.watch(dan, "701", "dialog");
    let [waiting, here, there, any, login, sales, pause, meal, wrap_up] =
        ["*47", "*47600", "*47601", "*45600", "*45", "*45601", "*46", "*461", "*48"]
            .map(|code| world.watch(alice, code, "dialog"));
    lit(&mut world, &[(any, true), (login, true), (sales, true), (pause, false), (meal, false)]);
    lit(&mut world, &[(waiting, false), (here, false), (there, false), (wrap_up, false), (slot, false)]);

    // Log-in and pause, queue by queue.
    set(&mut world, QueueStatus::LoggedOut, Some(&["sales"]));
    lit(&mut world, &[(sales, false), (login, true), (pause, false)]);
    set(&mut world, QueueStatus::Paused { reason: Some("repas".to_owned()) }, Some(&["support"]));
    lit(&mut world, &[(pause, true), (meal, true), (login, true)]);
    set(&mut world, QueueStatus::Paused { reason: None }, Some(&["support"]));
    lit(&mut world, &[(pause, true), (meal, false)]);

    // A caller waits, for she is in pause and Bruno is not there.
    let calling = world.dial(dan, "600");
    world.up(calling);
    world.shows(queue, State::Early);
    lit(&mut world, &[(waiting, true), (here, true), (there, false)]);
    set(&mut world, QueueStatus::Ready, Some(&["support"]));
    lit(&mut world, &[(pause, false)]);
    let called = world.rings(alice);
    world.answer(called);
    world.talk(calling, called);
    lit(&mut world, &[(queue, false), (waiting, false), (here, false), (wrap_up, false)]);

    // Wrap-up, until its time is over.
    world.hang_up(calling);
    world.over(called);
    lit(&mut world, &[(wrap_up, true)]);
    world.expect("its time is over", Duration::from_secs(11), |world| {
        world.watching(wrap_up).lamp() == Some(State::Terminated)
    });
    set(&mut world, QueueStatus::LoggedOut, None);
    lit(&mut world, &[(login, false), (any, false), (slot, false)]);
    assert_eq!(world.cdrs().len(), 1);
    for lamp in [queue, slot, waiting, here, there, any, login, sales, pause, meal, wrap_up] {
        world.unwatch(lamp);
    }
    world
}

over_networks!();
