//! Both send a re-INVITE at once (F23): 491 to whoever meets ours, the call stays intact, the retry succeeds, and what
//! each wanted comes true on the other side.

use crate::harness::call::State;
use crate::harness::network::Quality;
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;
use strowger::sdp::Direction;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    for lead_micros in [0, 1500, 3000] {
        // The caller holds; the called only refreshes. The hold must reach him in the end.
        world.reinvite(calling, Some(Direction::SendOnly));
        world.run(Duration::from_micros(lead_micros));
        world.reinvite(called, Some(Direction::SendRecv));
        world.run(Duration::from_secs(12));
        world.check(
            world.call(calling).state == State::Up && world.call(called).state == State::Up,
            "the call stays",
        );
        world.check(world.call(calling).reinvites.last() == Some(&200), "the caller's re-INVITE succeeds");
        world.check(world.call(called).reinvites.last() == Some(&200), "the called's re-INVITE succeeds");
        let told = world.call(called).told.last().map(|(_, direction)| *direction);
        world.check(
            told == Some("sendonly"),
            &format!("the hold is passed on after the glare, told {told:?}"),
        );
        world.hears(called, MUSIC);
        world.reinvite(calling, Some(Direction::SendRecv));
        world.run(Duration::from_secs(6));
        world.talk(calling, called);
    }
    world.hang_up(calling);
    world.over(called);
    world
}

over_networks!();

/// Both re-INVITEs at every distance, 1,000 times: ours meets the phone's before and after it has left, both are done in
/// the end, and the owner of the Call-ID waits longer than the other (RFC 3261 section 14.1).
#[test]
fn both_orders_of_the_glare() {
    let mut refused = std::collections::BTreeMap::<(bool, bool), u32>::new();
    for seed in 0..1_000 {
        let quality = Quality { delay_spread: Duration::from_millis(3), ..Quality::CLEAN };
        let mut world = World::new(quality, seed);
        let alice = world.add_phone("2001");
        let bob = world.add_phone("2002");
        let (calling, called) = world.connect_by(alice, "2002", bob);
        // Whether they hear each other is seen in every fiftieth: audio costs most of a test's time.
        for line in [calling, called] {
            world.call_mut(line).mute = seed % 50 != 0;
        }
        world.run(Duration::from_millis(20));
        let (holder, held) = if seed % 2 == 0 { (calling, called) } else { (called, calling) };
        world.reinvite(holder, Some(Direction::SendOnly));
        world.run(Duration::from_micros(seed % 16 * 700));
        world.reinvite(held, Some(Direction::SendRecv));
        world.run(Duration::from_secs(9));
        // Whose re-INVITE was refused: the phone's by us, or ours by the phone, or both.
        let by_us = world.call(held).reinvites.first() == Some(&491);
        let phone = &world.phones[held.phone.0];
        let ours = phone.seen.iter().filter(|(_, line)| line.starts_with("INVITE ")).count();
        let by_phone = ours > if held == called { 2 } else { 1 };
        *refused.entry((by_us, by_phone)).or_default() += 1;
        world.check(world.call(holder).reinvites.last() == Some(&200), "the holder's succeeds");
        world.check(world.call(held).reinvites.last() == Some(&200), "the other's succeeds");
        let told = world.call(held).told.last().map(|(_, direction)| *direction);
        world.check(told == Some("sendonly"), &format!("the hold arrives, told {told:?}"));
        if seed % 50 == 0 {
            world.hears(held, MUSIC);
            world.hang_up(holder);
            world.over(held);
            world.finish();
        }
    }
    let count = |order| refused.get(&order).copied().unwrap_or(0);
    assert!(count((true, true)) > 50, "they meet on the way: {refused:?}");
    assert!(count((false, false)) > 50, "one comes after the other: {refused:?}");
}
