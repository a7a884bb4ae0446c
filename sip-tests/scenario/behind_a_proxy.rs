//! A carrier behind a proxy that stays in the way (Record-Route): requests of the dialog carry its Route, whichever side
//! called.

use crate::harness::world::World;
use strowger::sip::msg::Name;

const PROXY: &str = "<sip:192.0.2.77;lr>";

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    world.phone(carrier).record_route = Some(PROXY.to_owned());
    for inbound in [true, false] {
        let (theirs, ours) = if inbound {
            let calling = world.dial(carrier, "+33140002001");
            (calling, world.rings(alice))
        } else {
            let calling = world.dial(alice, "0123456789");
            (world.rings(carrier), calling)
        };
        world.answer(if inbound { ours } else { theirs });
        world.up(if inbound { theirs } else { ours });
        world.talk(theirs, ours);
        world.hang_up(ours);
        world.over(theirs);
        let bye = world.phone(carrier).bye.take().expect("a BYE");
        let route = bye.header(Name::Route).map(|value| String::from_utf8_lossy(value).into_owned());
        world.check(route.as_deref() == Some(PROXY), &format!("the BYE's Route is {route:?}"));
        let uri = String::from_utf8_lossy(bye.request_uri_raw()).into_owned();
        world.check(uri.starts_with("sip:+33123456789@192.0.2.77:5060"), &format!("the BYE goes to {uri}"));
    }
    world
}

over_networks!();
