//! After a restart (F01): agents' states and registrations are there, phones are rung without registering anew, what was
//! up is over for good.

use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::collections::BTreeMap;
use std::time::Duration;
use strowger::record::{AgentChange, AgentStatus, Fact, QueueStatus};
use strowger::store::{BindingChange, Restored};
use strowger::switch::action::Action;

/// What the store would give back: the fold of what the switch told it.
fn kept(world: &World) -> Restored {
    let mut bindings = BTreeMap::new();
    for change in &world.bindings {
        match change {
            BindingChange::Set(binding) => {
                bindings.insert((binding.aor.clone(), binding.contact.clone()), binding.clone());
            }
            BindingChange::Removed { aor, contact } => drop(bindings.remove(&(aor.clone(), contact.clone()))),
        }
    }
    let mut states = BTreeMap::new();
    for fact in &world.facts {
        if let Fact::Agent(event) = fact
            && let AgentChange::Queue { queue, status } = &event.change
        {
            states.insert((event.agent.clone(), queue.clone()), status.clone());
        }
    }
    let queue_events_today = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Queue(event) => Some(event.clone()),
            _ => None,
        })
        .collect();
    Restored {
        bindings: bindings.into_values().collect(),
        agent_queue_states: states
            .into_iter()
            .map(|((agent, queue), status)| (agent, queue, status))
            .collect(),
        queue_events_today,
        ..Restored::default()
    }
}

#[test]
fn agents_and_registrations_come_back() {
    let mut before = World::new(Quality::CLEAN, 1);
    let alice = before.add_phone("1001");
    before.add_phone("1002");
    let gone = before.add_phone("2003");
    before.register(gone, 0);
    let carrier = before.add_carrier();
    let calling = before.dial(carrier, "+33140000000");
    before.up(calling);
    let called = before.rings(alice);
    before.answer(called);
    before.talk(calling, called);
    before.hang_up(calling);
    before.over(called);
    before.run(Duration::from_secs(11));
    for (agent, status) in
        [("alice", QueueStatus::Paused { reason: Some("repas".to_owned()) }), ("bruno", QueueStatus::Ready)]
    {
        let action =
            Action::SetAgentStatus { agent: agent.into(), status, queues: None, by: agent.to_owned() };
        before.act(action).expect("they may");
    }
    let today = before.queue("support").today;
    let restored = kept(&before);
    assert_eq!(restored.bindings.len(), 2, "{:?}", restored.bindings);
    before.finish();

    let mut world = World::with(CONFIGURATION, Quality::CLEAN, 2, restored, 60);
    let alice = world.add_at("1001", "10.1.0.1:5060");
    let bruno = world.add_at("1002", "10.1.0.2:5060");
    let carrier = world.add_carrier();
    let view = world.agent("alice");
    assert_eq!((view.status, view.reason.as_deref()), (AgentStatus::Paused, Some("repas")));
    assert_eq!(world.agent("bruno").status, AgentStatus::Ready);
    assert_eq!(world.queue("support").today, today, "today's figures go on");
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(bruno);
    assert!(world.ringing(alice).is_none(), "she is still paused");
    world.answer(called);
    world.talk_and_end(called, calling);
    // What a phone of the former life still sends is answered 481: it ends there too.
    world.finish();
}
