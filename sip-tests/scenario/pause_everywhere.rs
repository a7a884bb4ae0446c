//! Status in one queue and in all (A1 to A4).

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::{AgentStatus, QueueStatus};
use strowger::switch::action::Action;

fn set(world: &mut World, status: QueueStatus, queues: Option<&[&str]>) {
    let queues = queues.map(|ids| ids.iter().map(|id| (*id).into()).collect());
    let action = Action::SetAgentStatus { agent: "alice".into(), status, queues, by: "alice".to_owned() };
    world.act(action).expect("she may");
}

fn offered(world: &mut World, number: &str) -> bool {
    let (alice, dan) = (crate::harness::world::PhoneId(0), crate::harness::world::PhoneId(1));
    let calling = world.dial(dan, number);
    world.up(calling);
    world.run(Duration::from_secs(2));
    let rang = world.ringing(alice).is_some();
    world.hang_up(calling);
    world.over(calling);
    world.run(Duration::from_secs(1));
    rang
}

fn scenario(mut world: World) -> World {
    world.add_phone("1001");
    world.add_phone("2001");
    let pause = || QueueStatus::Paused { reason: Some("repas".to_owned()) };
    assert!(offered(&mut world, "600") && offered(&mut world, "601"), "ready in both");
    // A4: paused in one, she is still offered the other.
    set(&mut world, pause(), Some(&["support"]));
    assert!(!offered(&mut world, "600") && offered(&mut world, "601"));
    world.check(world.agent("alice").status == AgentStatus::Ready, "ready in one is ready");
    // A2: paused everywhere.
    set(&mut world, pause(), None);
    assert!(!offered(&mut world, "600") && !offered(&mut world, "601"));
    let view = world.agent("alice");
    world.check(
        view.status == AgentStatus::Paused && view.reason.as_deref() == Some("repas"),
        &format!("{view:?}"),
    );
    // A3: ready again in every queue that she had not logged out of.
    set(&mut world, QueueStatus::LoggedOut, Some(&["sales"]));
    set(&mut world, QueueStatus::Ready, None);
    assert!(offered(&mut world, "600") && !offered(&mut world, "601"));
    set(&mut world, QueueStatus::LoggedOut, None);
    assert!(!offered(&mut world, "600") && !offered(&mut world, "601"));
    world.check(world.agent("alice").status == AgentStatus::LoggedOut, "logged out");
    // A1: exactly those.
    set(&mut world, QueueStatus::Ready, Some(&["sales"]));
    assert!(!offered(&mut world, "600") && offered(&mut world, "601"));
    world
}

over_networks!();
