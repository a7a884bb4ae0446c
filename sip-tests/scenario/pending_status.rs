//! Pause and logout asked for during a call (A6): pending, the call is untouched, it comes true after the wrap-up. A5: an
//! unknown agent or queue is refused.

use crate::harness::world::World;
use std::time::Duration;
use strowger::record::{AgentStatus, QueueStatus};
use strowger::switch::action::{Action, Refusal};

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    for (status, after) in [
        (QueueStatus::Paused { reason: Some("repas".to_owned()) }, AgentStatus::Paused),
        (QueueStatus::LoggedOut, AgentStatus::LoggedOut),
    ] {
        let set = |status: &QueueStatus| Action::SetAgentStatus {
            agent: "alice".into(),
            status: status.clone(),
            queues: None,
            by: "alice".to_owned(),
        };
        world.act(set(&QueueStatus::Ready)).expect("she gets ready");
        let calling = world.dial(carrier, "+33140000000");
        world.up(calling);
        let called = world.rings(alice);
        world.answer(called);
        world.talk(calling, called);
        world.act(set(&status)).expect("it is accepted");
        let view = world.agent("alice");
        world.check(
            view.status == AgentStatus::Talking && view.pending == Some(status.clone()),
            &format!("{view:?}"),
        );
        world.run(Duration::from_secs(3));
        world.talk_and_end(calling, called);
        world.run(Duration::from_secs(5));
        world.check(world.agent("alice").status == AgentStatus::WrapUp, "first the wrap-up");
        world.run(Duration::from_secs(7));
        let view = world.agent("alice");
        world.check(view.status == after && view.pending.is_none(), &format!("{view:?}"));
        // Nobody rings her now.
        let calling = world.dial(carrier, "+33140000000");
        world.up(calling);
        world.run(Duration::from_secs(5));
        world.check(world.ringing(alice).is_none(), "she is not offered anything");
        world.hang_up(calling);
        world.over(calling);
    }
    let unknown = world.act(Action::SetAgentStatus {
        agent: "nobody".into(),
        status: QueueStatus::Ready,
        queues: None,
        by: "ops".to_owned(),
    });
    assert!(matches!(unknown, Err(Refusal::NotFound { what: "agent", .. })), "{unknown:?}");
    let foreign = world.act(Action::SetAgentStatus {
        agent: "bruno".into(),
        status: QueueStatus::Ready,
        queues: Some(vec!["sales".into()]),
        by: "ops".to_owned(),
    });
    assert!(matches!(foreign, Err(Refusal::Invalid { .. })), "{foreign:?}");
    world
}

over_networks!();
