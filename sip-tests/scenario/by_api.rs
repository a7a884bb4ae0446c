//! What the API does to calls: a waiting caller is removed, a call is hung up, an offer is rejected, a caller moves to
//! another queue; what is not there is refused.

use crate::harness::call::{State, Why};
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;
use strowger::switch::action::{Action, Refusal};

fn scenario(mut world: World) -> World {
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    world.hears(calling, MUSIC);
    let caller = world.callers("support")[0].id;
    let wrong = world.act(Action::RemoveCaller { queue: "sales".into(), caller, by: "ops".to_owned() });
    assert!(matches!(wrong, Err(Refusal::NotFound { .. })), "{wrong:?}");
    world
        .act(Action::RemoveCaller { queue: "support".into(), caller, by: "ops".to_owned() })
        .expect("he waits");
    let why = world.over(calling);
    world.check(matches!(why, Why::ByPeer(_)), "his call ends");
    let today = world.queue("support").today;
    world.check((today.evicted_user, today.entered) == (1, 1), &format!("{today:?}"));

    // Moved: out of one queue, into the other, served there.
    let alice = world.add_phone("1001");
    world
        .act(Action::SetAgentStatus {
            agent: "alice".into(),
            status: strowger::record::QueueStatus::LoggedOut,
            queues: Some(vec!["support".into()]),
            by: "ops".to_owned(),
        })
        .expect("she may");
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    world.run(Duration::from_secs(3));
    world.check(world.ringing(alice).is_none(), "nobody serves this queue");
    let caller = world.callers("support")[0].id;
    world
        .act(Action::MoveCaller {
            queue: "support".into(),
            caller,
            to_queue: Some("sales".into()),
            position: None,
            priority: None,
            by: "ops".to_owned(),
        })
        .expect("he waits");
    let called = world.rings(alice);
    world.check(world.callers("support").is_empty(), "he has left the first queue");
    // The offer is rejected by API: her phone stops; the caller waits on.
    let offer = world.agent("alice").offer.expect("an offer");
    world.act(Action::RejectOffer(offer)).expect("it rings");
    let why = world.over(called);
    world.check(matches!(why, Why::Cancelled(_)), "her phone stops ringing");
    let again = world.act(Action::RejectOffer(offer));
    assert!(matches!(again, Err(Refusal::Conflict { .. })), "{again:?}");
    world.check(world.call(calling).state == State::Up, "he waits on");
    let called = world.rings_within(alice, Duration::from_secs(40));
    world.answer(called);
    world.talk(calling, called);

    // Hung up by API: both legs.
    let call = world.live_calls()[0].id;
    world.act(Action::HangUp { call, by: "ops".to_owned() }).expect("it is live");
    for line in [calling, called] {
        let why = world.over(line);
        world.check(matches!(why, Why::ByPeer(_)), "each leg gets a BYE");
    }
    let again = world.act(Action::HangUp { call, by: "ops".to_owned() });
    assert!(matches!(again, Err(Refusal::Conflict { .. })), "{again:?}");
    world
}

over_networks!();
