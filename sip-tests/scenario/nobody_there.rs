//! Numbers that lead nowhere: unknown, not registered, not built, without a rule.

use crate::harness::call::Why;
use crate::harness::world::World;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    for (phone, number, status) in [
        (alice, "4711", 404),
        (alice, "2002", 480),
        (alice, "701", 501),
        (carrier, "+33199999999", 404),
        (carrier, "+33140002002", 480),
        (carrier, "+33140004711", 404),
        (carrier, "95", 501),
    ] {
        let calling = world.dial(phone, number);
        let why = world.over(calling);
        world.check(why == Why::Refused(status), &format!("{number} is answered {why:?}, not {status}"));
    }
    let tables = world.tables();
    world.check(
        tables.calls == 0 && tables.legs == 0 && world.media.legs() == 0,
        "a refused call keeps nothing",
    );
    world
}

over_networks!();
