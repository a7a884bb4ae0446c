//! The `Reason` (RFC 3326) of who ends a call reaches the other party, and ours says where the call went.

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";
const CLEARED: &str = "Q.850;cause=16;text=\"Normal call clearing\"";

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    world.phone(alice).skills.reason = Some(ELSEWHERE);
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.hang_up(calling);
    assert_eq!(world.over(called), Why::Cancelled(Some(ELSEWHERE.to_owned())));
    world.over(calling);

    world.phone(bob).skills.reason = Some(CLEARED);
    for by_bob in [true, false] {
        let (calling, called) = world.connect_by(alice, "2002", bob);
        world.talk(calling, called);
        let (leaves, stays, reason) =
            if by_bob { (called, calling, CLEARED) } else { (calling, called, ELSEWHERE) };
        world.hang_up(leaves);
        assert_eq!(world.over(stays), Why::ByPeer(Some(reason.to_owned())));
        world.run(Duration::from_secs(1));
    }
    // The next call, ended without a reason, has none.
    world.phone(alice).skills.reason = None;
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.hang_up(calling);
    assert_eq!(world.over(called), Why::Cancelled(None));
    world.over(calling);
    world
}

over_networks!();
