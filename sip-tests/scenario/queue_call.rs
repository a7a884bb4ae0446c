//! A caller in a queue: music within 100 ms, an agent's phone rings and says which queue, audio both ways within 100 ms of
//! the agent's answer, the music stops, wrap-up follows, the books say so (B3, B4, B7, E).

use crate::harness::call::Why;
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;
use strowger::record::{AgentStatus, CdrOutcome};
use strowger::sip::msg::Name;
use strowger::switch::view::OfferState;

fn scenario(mut world: World) -> World {
    let agent = world.add_phone("1001");
    let carrier = world.add_carrier();
    world.check(world.agent("alice").status == AgentStatus::Ready, "the agent is ready");
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(agent);
    let answered_at = world.call(calling).up_at.expect("answered");
    world.run(Duration::from_millis(200));
    if world.is_clean() {
        let first = world.call(calling).heard.first(MUSIC, answered_at).map(|at| at.since(answered_at));
        world.check(
            first.is_some_and(|time| time <= Duration::from_millis(100)),
            &format!("music after {first:?}"),
        );
    }
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let from = String::from_utf8_lossy(invite.header(Name::From).expect("From")).into_owned();
    world.check(from.starts_with("\"Support"), &format!("the phone shows the queue: {from}"));
    world.check(from.contains("+33123456789"), &format!("the phone shows who calls: {from}"));
    world.check(world.agent("alice").status == AgentStatus::Ringing, "the agent rings");
    world.check(world.queue("support").waiting == 1, "who rings still waits");
    world.hears(calling, MUSIC);

    world.answer(called);
    let lifted_at = world.now;
    world.run(Duration::from_millis(300));
    let (hers, his) = (world.voice(called), world.voice(calling));
    if world.is_clean() {
        let caller = world.call(calling).heard.first(hers, lifted_at).map(|at| at.since(lifted_at));
        let callee = world.call(called).heard.first(his, lifted_at).map(|at| at.since(lifted_at));
        for time in [caller, callee] {
            world.check(
                time.is_some_and(|time| time <= Duration::from_millis(100)),
                &format!("audio after {time:?}"),
            );
        }
        let music = world.call(calling).heard.last(MUSIC).map(|at| at.since(lifted_at));
        world.check(
            music.is_none_or(|time| time <= Duration::from_millis(50)),
            &format!("music until {music:?}"),
        );
    }
    world.talk(calling, called);
    world.check(world.agent("alice").status == AgentStatus::Talking, "the agent talks");
    world.check(world.offers().last().is_some_and(|offer| offer.state == OfferState::Accepted), "accepted");
    world.run(Duration::from_secs(20));
    world.talk(calling, called);
    world.hang_up(calling);
    let why = world.over(called);
    world.check(matches!(why, Why::ByPeer(_)), "the agent's leg ends");
    world.check(world.agent("alice").status == AgentStatus::WrapUp, "wrap-up follows");
    world.run(Duration::from_secs(11));
    world.check(world.agent("alice").status == AgentStatus::Ready, "then she is ready");
    let today = world.queue("support").today;
    world.check((today.entered, today.handled, today.abandoned) == (1, 1, 0), &format!("{today:?}"));
    let cdr = world.cdrs()[0].clone();
    assert_eq!(cdr.outcome, CdrOutcome::Answered);
    assert_eq!(cdr.queue.as_ref().map(|queue| queue.as_str()), Some("support"));
    assert_eq!(cdr.agent.as_ref().map(|agent| agent.as_str()), Some("alice"));
    world
}

over_networks!();
