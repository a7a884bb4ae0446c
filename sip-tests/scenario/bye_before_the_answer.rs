//! A called phone hangs up by a BYE in its early dialog, against RFC 3261 section 15: it counts as a refusal, our INVITE
//! is cancelled and nothing is left; also when the caller gives up in the same moment.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::world::{Line, World};
use std::time::Duration;

fn rings(world: &mut World) -> (Line, Line) {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.treat(bob, Treatment::Wait);
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.with_phone(bob, |phone, now| phone.provisional(now, called.call, 180, false));
    world.expect("it rings", Duration::from_secs(1), |world| world.call(calling).status() == 180);
    (calling, called)
}

#[test]
fn it_is_a_refusal() {
    for seed in 1..=3 {
        for quality in [Quality::CLEAN, Quality::lossy(3)] {
            let mut world = World::new(quality, seed);
            let (calling, called) = rings(&mut world);
            world.with_phone(called.phone, |phone, now| phone.bye_early(now, called.call));
            assert_eq!(world.over(calling), Why::Refused(603));
            world.over(called);
            world.run(Duration::from_secs(40));
            let again = world.dial(calling.phone, "2002");
            let called = world.rings(called.phone);
            world.answer(called);
            world.up(again);
            world.talk(again, called);
            world.hang_up(again);
            world.over(called);
            world.finish();
        }
    }
}

#[test]
fn it_races_the_cancel() {
    let mut orders = [0_u32; 2];
    for seed in 0..1_000 {
        let quality = Quality { delay_spread: Duration::from_millis(4), ..Quality::CLEAN };
        let mut world = World::new(quality, seed);
        let (calling, called) = rings(&mut world);
        if seed % 2 == 0 {
            world.hang_up(calling);
            world.run(Duration::from_micros(seed % 30 * 200));
            world.with_phone(called.phone, |phone, now| phone.bye_early(now, called.call));
        } else {
            world.with_phone(called.phone, |phone, now| phone.bye_early(now, called.call));
            world.run(Duration::from_micros(seed % 30 * 200));
            world.hang_up(calling);
        }
        let why = world.over(calling);
        world.check(matches!(why, Why::Refused(487 | 603)), &format!("{why:?}"));
        orders[usize::from(why == Why::Refused(487))] += 1;
        world.over(called);
        assert_eq!(world.cdrs().len(), 1);
        if seed % 50 == 0 {
            world.finish();
        }
    }
    assert!(orders.iter().all(|count| *count > 50), "both orders: {orders:?}");
}
