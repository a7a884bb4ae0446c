//! The caller hangs up in the moment the phone is lifted: whoever comes first, both end, the phone's 200 is
//! acknowledged and there is one record (F24, F25).

use crate::harness::call::Why;
use crate::harness::network::{Packet, Quality};
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for lead_micros in [0_u64, 500, 1900, 2000, 2100, 3900, 4000, 4100, 6000] {
        for phone_first in [true, false] {
            let calling = world.dial(alice, "2002");
            let called = world.rings(bob);
            world.run(Duration::from_millis(500));
            if phone_first {
                world.answer(called);
            } else {
                world.hang_up(calling);
            }
            world.run(Duration::from_micros(lead_micros));
            if phone_first {
                world.hang_up(calling);
            } else {
                world.answer(called);
            }
            world.over(calling);
            let why = world.over(called);
            let cancelled = matches!(why, Why::Cancelled(_));
            world.expect("the phone's 200 is acknowledged", Duration::from_millis(10), |world| {
                cancelled || world.call(called).ack_seen
            });
            world.run(Duration::from_secs(1));
        }
    }
    assert_eq!(world.cdrs().len(), 18);
    world
}

over_networks!();

/// The phone has not heard of the CANCEL and answers after so long: the 200 is acknowledged at once, and hung up.
fn answers_after(time: Duration) {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.network.filter = Some(Box::new(|packet: &Packet| {
        packet.bytes.starts_with(b"CANCEL ") && packet.to.ip().to_string() == "10.1.0.2"
    }));
    world.hang_up(calling);
    assert_eq!(world.over(calling), Why::Refused(487));
    world.run(time);
    world.answer(called);
    world.run(Duration::from_millis(4));
    world.check(world.call(called).ack_seen, "the late 200 is acknowledged at once");
    let why = world.over(called);
    world.check(matches!(why, Why::ByPeer(_)), "and hung up");
    world.finish();
}

/// RFC 3261 section 9.1 and 13.2.2.4.
#[test]
fn a_late_answer_is_acknowledged_and_hung_up() {
    answers_after(Duration::from_secs(5));
}

/// The same when the answer comes after everything was given up: 64*T1 after the CANCEL nobody waits any more, and
/// still the phone must not believe in a call.
#[test]
fn a_very_late_answer_does_not_hang() {
    answers_after(Duration::from_secs(60));
}
