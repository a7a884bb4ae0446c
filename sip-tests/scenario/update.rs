//! UPDATE (RFC 3311): a hold by it reaches the other party, in a call and before its answer; it is refused where an offer
//! is out already; without SDP it changes nothing.

use crate::harness::call::State;
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::sound::MUSIC;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::sdp::Direction;

fn update(world: &mut World, line: Line, direction: Option<Direction>) -> u16 {
    let before = world.call(line).extended.updates.len();
    world.with_phone(line.phone, |phone, now| phone.update(now, line.call, direction, None));
    world.expect("the UPDATE is answered", Duration::from_secs(1), |world| {
        world.call(line).extended.updates.len() > before
    });
    world.call(line).extended.updates.last().copied().unwrap_or(0)
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    for (holder, held) in [(calling, called), (called, calling)] {
        assert_eq!(update(&mut world, holder, None), 200);
        world.talk(calling, called);
        let told = world.call(held).told.len();
        assert_eq!(update(&mut world, holder, Some(Direction::SendOnly)), 200);
        world.expect("the other is told", Duration::from_secs(1), |world| {
            world.call(held).told.get(told).is_some_and(|(_, direction)| *direction == "sendonly")
        });
        world.hears(held, MUSIC);
        assert_eq!(update(&mut world, holder, Some(Direction::SendRecv)), 200);
        world.talk(calling, called);
    }
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks!();

/// Before the answer: an offer meets the caller's own, which is not answered for good (500), or ours (491); after a
/// reliable answer it is taken.
#[test]
fn before_the_answer() {
    for reliable in [false, true] {
        let mut world = World::new(Quality::CLEAN, 1);
        let alice = world.add_phone("2001");
        let carrier = world.add_carrier();
        for phone in [alice, carrier] {
            world.phone(phone).skills.reliable = reliable;
            world.phone(phone).skills.update = true;
        }
        world.treat(carrier, Treatment::Wait);
        let calling = world.dial(alice, "0123456789");
        let called = world.rings(carrier);
        world.with_phone(carrier, |phone, now| phone.provisional(now, called.call, 183, true));
        let voice = world.voice(called);
        world.hears(calling, voice);
        assert_eq!(update(&mut world, called, None), 200);
        let want = if reliable { 200 } else { 491 };
        assert_eq!(update(&mut world, called, Some(Direction::SendRecv)), want, "reliable {reliable}");
        if reliable {
            assert_eq!(update(&mut world, calling, None), 200);
            assert_eq!(update(&mut world, calling, Some(Direction::SendRecv)), 200);
        }
        world.hears(calling, voice);
        world.answer(called);
        world.up(calling);
        world.talk_and_end(calling, called);
        world.finish();
    }
}

/// An UPDATE with an offer races our re-INVITE that passes the other's hold on: 491 or 200, and the call goes on; both
/// orders come.
#[test]
fn it_races_a_reinvite() {
    let mut orders = [0_u32; 2];
    for seed in 0..1_000 {
        let quality = Quality { delay_spread: Duration::from_millis(4), ..Quality::CLEAN };
        let mut world = World::new(quality, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let (calling, called) = world.connect_by(alice, "2002", bob);
        // Whether they hear each other is seen in every fiftieth: audio costs most of a test's time.
        for line in [calling, called] {
            world.call_mut(line).mute = seed % 50 != 0;
        }
        world.run(Duration::from_millis(50));
        world.reinvite(calling, Some(Direction::SendOnly));
        world.run(Duration::from_micros(seed % 20 * 500));
        let status = update(&mut world, called, Some(Direction::SendRecv));
        world.check(matches!(status, 200 | 491), &format!("{status}"));
        orders[usize::from(status == 491)] += 1;
        world.run(Duration::from_secs(5));
        world.check(
            world.call(calling).state == State::Up && world.call(called).state == State::Up,
            "they talk",
        );
        if seed % 50 == 0 {
            world.hears(called, MUSIC);
            world.reinvite(calling, Some(Direction::SendRecv));
            world.talk_and_end(calling, called);
            world.finish();
        }
    }
    assert!(orders.iter().all(|count| *count > 50), "both orders: {orders:?}");
}
