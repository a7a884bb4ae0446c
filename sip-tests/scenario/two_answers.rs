//! A proxy behind the trunk forks and both its phones answer (F26): the first has the caller, the second is acknowledged and
//! hung up, also when its 200 is sent again.

use crate::harness::network::Quality;
use crate::harness::world::World;
use std::time::Duration;

#[test]
fn the_second_answer_is_acknowledged_and_hung_up() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let (calling, called) = world.connect_by(alice, "0123456789", carrier);
    world.run(Duration::from_millis(100));
    let before = world.phones[carrier.0].seen.len();
    for _ in 0..2 {
        world.with_phone(carrier, |phone, _| phone.answer_as(called.call, "fork2"));
        world.run(Duration::from_millis(100));
    }
    let seen: Vec<&str> = world.phones[carrier.0].seen[before..]
        .iter()
        .filter_map(|(_, line)| line.split(' ').next())
        .collect();
    world.check(seen == ["ACK", "BYE", "ACK"], &format!("the fork sees {seen:?}"));
    let uris = &world.phones[carrier.0].seen[before..];
    world.check(uris.iter().all(|(_, line)| line.contains("sip:fork@")), &format!("{uris:?}"));
    world.talk_and_end(calling, called);
    world.finish();
}
