//! Calls from and to a carrier by its address, with its caller shown, and the number rewritten on the way out.

use crate::harness::world::World;
use std::time::Duration;
use strowger::sip::msg::Name;
use strowger::switch::view::Direction;

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140002001");
    let called = world.rings(alice);
    let from =
        world.call(called).invite.as_ref().and_then(|invite| invite.header(Name::From).map(<[u8]>::to_vec));
    let from = String::from_utf8(from.unwrap_or_default()).expect("text");
    world.check(from.contains("+33123456789"), &format!("the phone sees who calls: {from}"));
    world.answer(called);
    world.up(calling);
    world.check(world.live_calls()[0].direction == Direction::Inbound, "an inbound call");
    world.talk_and_end(calling, called);

    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let uri = String::from_utf8_lossy(invite.request_uri_raw()).into_owned();
    world.check(uri.starts_with("sip:+33123456789@192.0.2.77"), &format!("the number is rewritten: {uri}"));
    world.answer(called);
    world.up(calling);
    world.check(world.live_calls()[0].direction == Direction::Outbound, "an outbound call");
    world.talk(calling, called);
    world.run(Duration::from_secs(2));
    world.hang_up(called);
    world.over(calling);
    assert_eq!(world.cdrs().len(), 2);
    world
}

over_networks!();
