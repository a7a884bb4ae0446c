//! A supervisor listens to an agent's conversation, whispers to the agent, barges in, and goes; by the API and by codes; an
//! agent who is no supervisor may not; a supervisor takes a call over (G, A8).

use crate::harness::call::{State, Why};
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::ids::CallUid;
use strowger::switch::action::{Action, PartyChange, Refusal, Supervision};

fn supervise(world: &mut World, call: CallUid, phone: &str, mode: Supervision) -> Result<(), Refusal> {
    let change = PartyChange::Supervise { phone: phone.to_owned(), mode };
    world.act(Action::Parties { call, change, by: "ops".to_owned() }).map(|_| ())
}

fn served(world: &mut World) -> (CallUid, Line, Line) {
    let alice = world.add_phone("1001");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    let called = world.rings_within(alice, Duration::from_secs(30));
    world.answer(called);
    world.talk(calling, called);
    (world.live_calls()[0].id, calling, called)
}

/// Who hears the supervisor, and that he hears both.
fn check_mode(world: &mut World, [customer, agent, boss]: [Line; 3], heard_by: &[Line]) {
    let all = [customer, agent, boss];
    let heard = world.heard_by(boss, &all);
    world.check(heard == heard_by, &format!("the supervisor is heard by {heard:?}"));
    let heard = world.heard_by(customer, &all);
    world.check(heard == [agent, boss], &format!("the customer is heard by {heard:?}"));
    let heard = world.heard_by(agent, &all);
    world.check(heard == [customer, boss], &format!("the agent is heard by {heard:?}"));
}

fn scenario(mut world: World) -> World {
    let (call, customer, agent) = served(&mut world);
    let phone = world.add_phone("1004");
    let nobody = supervise(&mut world, call, "77", Supervision::Listen);
    assert!(matches!(nobody, Err(Refusal::Invalid { field: "phone", .. })), "{nobody:?}");
    supervise(&mut world, call, "1004", Supervision::Listen).expect("his phone is there");
    let boss = world.rings(phone);
    world.answer(boss);
    world.run(Duration::from_secs(1));
    let all = [customer, agent, boss];
    check_mode(&mut world, all, &[]);
    supervise(&mut world, call, "1004", Supervision::Whisper).expect("he is there");
    check_mode(&mut world, all, &[agent]);
    supervise(&mut world, call, "1004", Supervision::Barge).expect("he is there");
    check_mode(&mut world, all, &[customer, agent]);
    world.hang_up(boss);
    world.over(boss);
    world.talk(customer, agent);

    // By code: listening, and out again as the call ends.
    let boss = world.dial(phone, "*511001");
    world.up(boss);
    world.run(Duration::from_secs(1));
    check_mode(&mut world, [customer, agent, boss], &[]);
    world.hang_up(customer);
    assert!(matches!(world.over(agent), Why::ByPeer(_)));
    assert!(matches!(world.over(boss), Why::ByPeer(_)));
    assert_eq!(world.cdrs().len(), 1, "a supervisor makes no call of his own");
    world
}

over_networks!();

fn whisper_and_barge_by_code(mut world: World) -> World {
    let (_, customer, agent) = served(&mut world);
    let (phone, other) = (world.add_phone("1004"), world.add_phone("1002"));
    for (code, heard_by) in [("*521001", vec![agent]), ("*531001", vec![customer, agent])] {
        let boss = world.dial(phone, code);
        world.up(boss);
        world.run(Duration::from_secs(1));
        check_mode(&mut world, [customer, agent, boss], &heard_by);
        world.hang_up(boss);
        world.over(boss);
        world.talk(customer, agent);
    }
    // An agent may not, a phone that talks to nobody can't be listened to.
    for (phone, code, status) in [(other, "*511001", 403), (phone, "*511002", 480), (phone, "*512001", 403)] {
        let refused = world.dial(phone, code);
        world.over_within(refused, Duration::from_secs(5));
        world.check(world.call(refused).status() == status, &format!("{code}: {status}"));
    }
    world.check(world.call(customer).state == State::Up, "nobody was disturbed");
    world.hang_up(agent);
    world.over(customer);
    world
}

over_networks_of!(whisper_and_barge_by_code, by_code_and_not_by_everybody);

fn take_over(mut world: World) -> World {
    let (call, customer, agent) = served(&mut world);
    let phone = world.add_phone("1004");
    supervise(&mut world, call, "1004", Supervision::TakeOver).expect("his phone is there");
    let boss = world.rings(phone);
    world.talk(customer, agent);
    world.answer(boss);
    assert!(matches!(world.over(agent), Why::ByPeer(_)));
    world.talk(customer, boss);
    world.check(world.agent("alice").status == strowger::record::AgentStatus::WrapUp, "wrap-up begins");
    world.hang_up(boss);
    world.over(customer);
    world
}

over_networks_of!(take_over, a_supervisor_takes_a_call_over);
