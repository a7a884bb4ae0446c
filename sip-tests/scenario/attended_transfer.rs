//! Attended transfer: REFER with Replaces makes one call of the transferor's two, whichever of them he asks in; the far
//! parties talk, both of his legs end, the older call goes on and both have true records. Also while the second call
//! still rings, and into a queue where he waits (RFC 3891, RFC 5589 section 7).

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::sound::{MUSIC, Sound};
use crate::harness::world::{Line, PhoneId, World};
use std::time::Duration;
use strowger::record::{AgentStatus, CdrOutcome};
use strowger::sdp::Direction;

fn phones(world: &mut World) -> [PhoneId; 3] {
    ["2001", "2002", "2003"].map(|number| world.add_phone(number))
}

/// Alice talks with Bob, holds him and talks with Carol: her two lines, and theirs.
fn consulting(world: &mut World, [alice, bob, carol]: [PhoneId; 3], by_caller: bool) -> [Line; 4] {
    let (first, party) = if by_caller {
        world.connect(alice, bob)
    } else {
        let (calling, called) = world.connect(bob, alice);
        (called, calling)
    };
    world.hold(first, party);
    world.run(Duration::from_secs(1));
    let (second, target) = world.connect(alice, carol);
    world.talk(second, target);
    world.hears(party, MUSIC);
    [first, party, second, target]
}

fn scenario(mut world: World) -> World {
    let phones = phones(&mut world);
    for by_caller in [true, false] {
        for in_first in [true, false] {
            let [first, party, second, target] = consulting(&mut world, phones, by_caller);
            let (asks, other) = if in_first { (first, second) } else { (second, first) };
            world.refer_attended(asks, other);
            assert_eq!(world.referred(asks), 202);
            world.told(asks, 200);
            world.over(first);
            world.over(second);
            world.talk(party, target);
            world.run(Duration::from_secs(2));
            world.talk(party, target);
            assert_eq!(world.live_calls().len(), 1, "one call goes on");
            let live = world.live_calls()[0].clone();
            let from = if by_caller { "2001" } else { "2002" };
            assert_eq!(
                (live.from.as_str(), live.to.as_str()),
                (from, if by_caller { "2002" } else { "2001" })
            );
            let (first, second) = if in_first { (party, target) } else { (target, party) };
            world.hang_up(first);
            world.over(second);
        }
    }
    let cdrs = world.cdrs();
    assert_eq!(cdrs.len(), 8);
    assert!(cdrs.iter().all(|cdr| cdr.outcome == CdrOutcome::Answered));
    assert_eq!(cdrs.iter().filter(|cdr| cdr.cause == "transferred" && cdr.to == "2003").count(), 4);
    world
}

over_networks!();

/// The second call still rings: its phone rings for the party then, who hears music until it is lifted.
#[test]
fn while_the_second_call_rings() {
    for answered in [true, false] {
        let mut world = World::new(Quality::CLEAN, 1);
        let [alice, bob, carol] = phones(&mut world);
        let (first, party) = world.connect(alice, bob);
        world.reinvite(first, Some(Direction::SendOnly));
        world.hears(party, MUSIC);
        let second = world.dial(alice, "2003");
        let target = world.rings(carol);
        world.run(Duration::from_millis(200));
        world.refer_attended(first, second);
        assert_eq!(world.referred(first), 202);
        assert_eq!(world.over(second), Why::Refused(487));
        world.hears(party, MUSIC);
        world.hears(first, Sound::Silence);
        if answered {
            world.answer(target);
            world.told(first, 200);
            world.over(first);
            world.talk(party, target);
        } else {
            world.refuse(target, 486);
            world.told(first, 486);
            world.reinvite(first, Some(Direction::SendRecv));
            world.run(Duration::from_millis(100));
            world.talk(party, first);
        }
        world.finish();
    }
}

/// An agent consults a colleague and hands the customer over: the customer's call and record go on, the agent's
/// conversation ends and her wrap-up begins.
#[test]
fn an_agent_hands_her_customer_over() {
    let mut world = World::new(Quality::CLEAN, 1);
    let agent = world.add_phone("1001");
    let carol = world.add_phone("2003");
    let carrier = world.add_carrier();
    let customer = world.dial(carrier, "+33140000000");
    let first = world.rings(agent);
    world.answer(first);
    world.talk(customer, first);
    world.reinvite(first, Some(Direction::SendOnly));
    world.hears(customer, MUSIC);
    let (second, target) = world.connect(agent, carol);
    world.talk(second, target);
    world.refer_attended(first, second);
    world.told(first, 200);
    world.over(first);
    world.over(second);
    world.talk(customer, target);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    world.run(Duration::from_secs(12));
    assert_eq!(world.agent("alice").status, AgentStatus::Ready);
    world.talk(customer, target);
    world.hang_up(target);
    world.over(customer);
    let today = world.queue("support").today;
    assert_eq!((today.entered, today.handled), (1, 1));
    let cdr =
        world.cdrs().into_iter().find(|cdr| cdr.queue.is_some()).expect("the customer's record").clone();
    assert_eq!(cdr.agent.as_ref().map(|agent| agent.as_str()), Some("alice"));
    assert!(cdr.talk >= Duration::from_secs(12), "{:?}", cdr.talk);
    world.finish();
}

/// She consults a queue, waits there and hands the party over: he takes her place.
#[test]
fn into_a_queue_where_the_transferor_waits() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, _] = phones(&mut world);
    let (first, party) = world.connect(alice, bob);
    world.talk(first, party);
    let second = world.dial(alice, "600");
    world.up(second);
    world.hears(second, MUSIC);
    world.refer_attended(first, second);
    world.told(first, 200);
    world.over(first);
    world.over(second);
    world.hears(party, MUSIC);
    assert_eq!(world.queue("support").waiting, 1);
    let agent = world.add_phone("1001");
    let called = world.rings(agent);
    world.answer(called);
    world.talk(party, called);
    world.hang_up(party);
    world.over(called);
    assert_eq!(world.queue("support").today.handled, 1);
    world.finish();
}

/// She talks with the agent of another queue and hands the party over: the agent's conversation goes on with him.
#[test]
fn to_an_agent_whose_conversation_goes_on() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, _] = phones(&mut world);
    let agent = world.add_phone("1001");
    let (first, party) = world.connect(bob, alice);
    let (first, party) = (party, first);
    let second = world.dial(alice, "600");
    let called = world.rings(agent);
    world.answer(called);
    world.talk(second, called);
    world.refer_attended(first, second);
    world.told(first, 200);
    world.over(first);
    world.over(second);
    world.talk(party, called);
    assert_eq!(world.agent("alice").status, AgentStatus::Talking);
    world.hang_up(called);
    world.over(party);
    assert_eq!(world.agent("alice").status, AgentStatus::WrapUp);
    world.finish();
}

/// What can't be joined: the two go on talking, and the transferor is told why.
#[test]
fn what_can_not_be_joined() {
    let mut world = World::new(Quality::CLEAN, 1);
    let [alice, bob, carol] = phones(&mut world);
    let (first, party) = world.connect(alice, bob);
    let dave = world.add_phone("2004");
    let (_, others) = world.connect(carol, dave);
    let check = |world: &mut World, to: &str, status: u16| {
        let before = world.call(first).notifies.len();
        world.refer_with(first, to, &[]);
        world.expect("the end is told", Duration::from_secs(1), |world| {
            world.call(first).notifies.iter().skip(before).any(|one| one.last && one.status == status)
        });
        world.talk(first, party);
    };
    check(&mut world, "<sip:x@example.com?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>", 481);
    // Somebody else's call, however well its tags are known.
    let strangers = world.attended(others);
    check(&mut world, &strangers, 403);
    let own = world.attended(first);
    check(&mut world, &own, 403);
    // The second call has ended.
    let second = world.dial(alice, "600");
    world.up(second);
    let ended = world.attended(second);
    let early = ended.replace('>', "%3Bearly-only>");
    check(&mut world, &early, 486);
    world.hang_up(second);
    world.over(second);
    check(&mut world, &ended, 603);
    // A call that rings at his own phone was not begun by him.
    let bruno = world.add_phone("1002");
    world.dial(bruno, "2001");
    let ringing = world.rings(alice);
    let to = world.attended(ringing);
    check(&mut world, &to, 481);
    world.finish();
}
