//! Keys by INFO reach the other party as he can take them: as telephone events, or as INFO; each press once.

use crate::harness::world::World;
use std::time::Duration;

const KEYS: &str = "15*#";

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    for (events, info) in [(true, false), (false, true)] {
        world.phone(bob).takes_events = events;
        world.phone(bob).allows_info = info;
        world.phone(bob).infos.clear();
        let (calling, called) = world.connect_by(alice, "2002", bob);
        world.talk(calling, called);
        for (number, key) in KEYS.chars().enumerate() {
            world.with_phone(alice, |phone, now| phone.press_info(now, calling.call, key, number % 2 == 0));
            world.run(Duration::from_millis(300) + world.slack());
        }
        let heard: String = match events {
            true => world.call(called).digits.iter().map(|(_, key)| *key).collect(),
            false => world.phones[bob.0].infos.iter().collect(),
        };
        world.check(heard == KEYS, &format!("each key once: {heard}"));
        if !events {
            // RFC 4733 from the caller becomes INFO for the one who has no events.
            world.phone(bob).infos.clear();
            world.with_phone(alice, |phone, _| phone.press(calling.call, '7'));
            world.run(Duration::from_millis(300) + world.slack());
            let heard: String = world.phones[bob.0].infos.iter().collect();
            world.check(heard == "7", &format!("as INFO: {heard}"));
        }
        world.talk_and_end(called, calling);
    }
    world
}

over_networks!();
