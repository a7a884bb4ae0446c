//! Drain: calls that are up go on, new ones get 503 with Retry-After, OPTIONS too; when the time is over both sides of
//! each call get a BYE and each has its record (F03).

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let agent = world.add_phone("1001");
    let carrier = world.add_carrier();
    let (calling, called) = world.connect_by(alice, "2002", bob);
    let waiting = world.dial(carrier, "+33140000000");
    world.up(waiting);
    let ringing = world.rings(agent);
    world.switch.core.drain();
    for phone in [alice, carrier] {
        let refused = world.dial(phone, "600");
        assert_eq!(world.over(refused), Why::Refused(503));
    }
    assert_eq!(world.options(carrier), 503);
    world.talk(calling, called);
    // A caller who waits is still served.
    world.answer(ringing);
    world.talk(waiting, ringing);
    world.run(Duration::from_secs(5));
    world.stop();
    for line in [calling, called, waiting, ringing] {
        let why = world.over(line);
        world.check(matches!(why, Why::ByPeer(_)), &format!("a BYE ends each leg: {why:?}"));
    }
    assert_eq!(world.cdrs().len(), 2);
    world
}

over_networks!();
