//! An agent hands a queue's caller over: to a phone, to another queue, to a queue that is full, and in vain. Her wrap-up
//! begins when she is out of the call, the caller is handled once in each queue, and waits where he was sent (B15, E).

use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::sound::{JAZZ_HZ, MUSIC, Sound};
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::record::AgentStatus;
use strowger::sdp::Direction;

/// The customer and agent Alice, who talk.
fn talking(world: &mut World) -> (Line, Line) {
    let agent = world.add_phone("1001");
    let carrier = world.add_carrier();
    let customer = world.dial(carrier, "+33140000000");
    let called = world.rings(agent);
    world.answer(called);
    world.up(customer);
    world.talk(customer, called);
    (customer, called)
}

fn scenario(mut world: World) -> World {
    let (customer, agent) = talking(&mut world);
    let carol = world.add_phone("2003");
    world.refer(agent, "2003");
    let target = world.rings(carol);
    world.check(world.agent("alice").status == AgentStatus::Talking, "the caller may come back to her");
    world.hears(customer, MUSIC);
    world.answer(target);
    world.over(agent);
    world.talk(customer, target);
    world.check(world.agent("alice").status == AgentStatus::WrapUp, "she is out of the call");
    world.run(Duration::from_secs(11));
    world.check(world.agent("alice").status == AgentStatus::Ready, "and ready again");
    world.talk(customer, target);
    // Carol sends him back to a queue, where Alice takes him a second time.
    world.refer(target, "601");
    world.over(target);
    world.hears(customer, Sound::Tone(JAZZ_HZ));
    let again = world.rings(agent.phone);
    world.answer(again);
    world.talk(customer, again);
    world.hang_up(customer);
    world.over(again);
    let (support, sales) = (world.queue("support").today, world.queue("sales").today);
    world.check((support.entered, support.handled, sales.entered, sales.handled) == (1, 1, 1, 1), "books");
    let cdr = world.cdrs()[0].clone();
    assert_eq!(cdr.queue.as_ref().map(|queue| queue.as_str()), Some("sales"));
    assert!(cdr.talk + cdr.wait <= Duration::from_secs(40), "{:?} {:?}", cdr.talk, cdr.wait);
    world
}

over_networks!();

/// She hangs up at once after the REFER: her wrap-up begins then; her phone rings when the target refuses, and what she
/// says then is no second conversation of the queue.
#[test]
fn the_agent_leaves_at_once_and_the_target_refuses() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (customer, agent) = talking(&mut world);
    let carol = world.add_phone("2003");
    world.treat(carol, Treatment::Refuse(486, Duration::from_secs(1)));
    world.refer(agent, "2003");
    world.hang_up(agent);
    world.over(agent);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    let back = world.rings_within(agent.phone, Duration::from_secs(2));
    world.answer(back);
    world.talk(customer, back);
    world.hang_up(back);
    world.over(customer);
    assert_eq!(world.queue("support").today.handled, 1);
    world.finish();
}

/// The target refuses: the caller is back with her, and her conversation goes on.
#[test]
fn the_caller_comes_back() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (customer, agent) = talking(&mut world);
    let carol = world.add_phone("2003");
    world.treat(carol, Treatment::Refuse(486, Duration::from_secs(1)));
    world.reinvite(agent, Some(Direction::SendOnly));
    world.hears(customer, MUSIC);
    world.refer(agent, "2003");
    world.run(Duration::from_secs(2));
    assert_eq!(world.call(agent).transferred(), Some(486));
    world.reinvite(agent, Some(Direction::SendRecv));
    world.run(Duration::from_millis(100));
    world.talk(customer, agent);
    assert_eq!(world.agent("alice").status, AgentStatus::Talking);
    world.hang_up(agent);
    world.over(customer);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    let cdr = world.cdrs()[0];
    assert!(cdr.hold >= Duration::from_secs(2) && cdr.hold <= Duration::from_secs(5), "{:?}", cdr.hold);
    world.finish();
}

/// A queue that does not take him: he is back with her.
#[test]
fn a_full_queue_refuses() {
    let text =
        crate::harness::world::CONFIGURATION.replace("id = \"sales\"\n", "id = \"sales\"\nmax_length = 1\n");
    let mut world = World::with(&text, Quality::CLEAN, 1, Default::default(), 60);
    let (customer, agent) = talking(&mut world);
    let other = world.add_phone("2003");
    let waiting = world.dial(other, "601");
    world.up(waiting);
    world.refer(agent, "601");
    world.told(agent, 480);
    world.talk(customer, agent);
    assert_eq!(world.agent("alice").status, AgentStatus::Talking);
    assert_eq!(world.queue("sales").waiting, 1);
    world.finish();
}

/// The customer, a phone of ours, hands the agent over to a colleague: the agent's conversation goes on with him.
#[test]
fn the_customer_hands_the_agent_over() {
    let mut world = World::new(Quality::CLEAN, 1);
    let agent = world.add_phone("1001");
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let customer = world.dial(alice, "600");
    let called = world.rings(agent);
    world.answer(called);
    world.talk(customer, called);
    world.refer(customer, "2002");
    let target = world.rings(bob);
    world.hears(called, MUSIC);
    world.answer(target);
    world.over(customer);
    world.talk(called, target);
    assert_eq!(world.agent("alice").status, AgentStatus::Talking);
    world.hang_up(target);
    world.over(called);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    assert_eq!(world.queue("support").today.handled, 1);
    world.finish();
}
