//! An agent takes a third party into her conversation: all three hear each other; any of them goes, and the other two talk
//! on; when one of the last two goes, the call ends (B14).

use crate::harness::call::Why;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::ids::CallUid;
use strowger::switch::action::{Action, PartyChange, Refusal};

fn change(world: &mut World, call: CallUid, change: PartyChange) -> Result<(), Refusal> {
    world.act(Action::Parties { call, change, by: "ops".to_owned() }).map(|_| ())
}

/// A customer in conversation with Alice.
fn served(world: &mut World, alice: crate::harness::world::PhoneId) -> (CallUid, Line, Line) {
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    let called = world.rings_within(alice, Duration::from_secs(30));
    world.answer(called);
    world.talk(calling, called);
    (world.live_calls()[0].id, calling, called)
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let third = world.add_phone("2001");
    let (call, customer, agent) = served(&mut world, alice);
    let nobody = change(&mut world, call, PartyChange::Add { to: "600".to_owned() });
    assert!(matches!(nobody, Err(Refusal::Invalid { field: "to", .. })), "{nobody:?}");
    let nobody = change(&mut world, call, PartyChange::Add { to: "2002".to_owned() });
    assert!(matches!(nobody, Err(Refusal::Conflict { code: "unreachable", .. })), "{nobody:?}");

    // He refuses, and the two talk on.
    change(&mut world, call, PartyChange::Add { to: "2001".to_owned() }).expect("she may");
    let ringing = world.rings(third);
    world.refuse(ringing, 486);
    world.over(ringing);
    world.talk(customer, agent);

    // He comes, is put out, comes again.
    change(&mut world, call, PartyChange::Add { to: "2001".to_owned() }).expect("she may");
    let ringing = world.rings(third);
    world.talk(customer, agent);
    world.answer(ringing);
    world.run(Duration::from_secs(1));
    world.all_hear_each_other(&[customer, agent, ringing]);
    let leg = world.live_calls()[0].legs.iter().rfind(|leg| leg.party == "2001").map(|leg| leg.id);
    change(&mut world, call, PartyChange::Remove { leg: leg.expect("he is there") }).expect("he is there");
    assert!(matches!(world.over(ringing), Why::ByPeer(_)));
    world.talk(customer, agent);
    change(&mut world, call, PartyChange::Add { to: "2001".to_owned() }).expect("she may");
    let ringing = world.rings(third);
    world.answer(ringing);
    world.run(Duration::from_secs(1));
    world.all_hear_each_other(&[customer, agent, ringing]);

    // The agent goes; her queue conversation is over, and the other two talk on.
    world.hang_up(agent);
    world.over(agent);
    world.talk(customer, ringing);
    world.check(world.agent("alice").status == strowger::record::AgentStatus::WrapUp, "wrap-up begins");
    world.hang_up(ringing);
    assert!(matches!(world.over(customer), Why::ByPeer(_)));
    assert_eq!(world.cdrs().len(), 1);
    world
}

over_networks!();

fn customer_goes(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let third = world.add_phone("2001");
    let (call, customer, agent) = served(&mut world, alice);
    change(&mut world, call, PartyChange::Add { to: "2001".to_owned() }).expect("she may");
    let ringing = world.rings(third);
    world.answer(ringing);
    world.run(Duration::from_secs(1));
    world.hang_up(customer);
    world.over(customer);
    world.talk(agent, ringing);
    world.check(world.agent("alice").status == strowger::record::AgentStatus::Talking, "she talks still");
    world.hang_up(agent);
    assert!(matches!(world.over(ringing), Why::ByPeer(_)));
    world
}

over_networks_of!(customer_goes, the_customer_goes_and_the_agent_talks_on);

fn mute_hold_and_keys(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let (call, customer, agent) = served(&mut world, alice);
    change(&mut world, call, PartyChange::Mute(true)).expect("she talks");
    world.run(Duration::from_secs(1));
    let both = [customer, agent];
    let heard = world.heard_by(agent, &both);
    world.check(heard.is_empty(), "she is mute");
    let heard = world.heard_by(customer, &both);
    world.check(heard == [agent], "and hears");
    change(&mut world, call, PartyChange::Mute(false)).expect("she talks");
    world.talk(customer, agent);
    change(&mut world, call, PartyChange::Hold(true)).expect("she talks");
    world.hears(customer, crate::harness::sound::MUSIC);
    change(&mut world, call, PartyChange::Hold(false)).expect("she talks");
    world.talk(customer, agent);
    change(&mut world, call, PartyChange::Press("1#".to_owned())).expect("she talks");
    world.run(Duration::from_secs(2));
    let keys: Vec<char> = world.call(customer).digits.iter().map(|(_, key)| *key).collect();
    world.check(!world.is_clean() || keys == ['1', '#'], &format!("{keys:?}"));
    world.hang_up(customer);
    world.over(agent);
    let late = change(&mut world, call, PartyChange::Mute(true));
    assert!(matches!(late, Err(Refusal::Conflict { code: "call_ended", .. })), "{late:?}");
    world
}

over_networks_of!(mute_hold_and_keys, mute_hold_and_keys_by_the_api);
