//! The port range is used up (F31): 503 and no port twice; afterwards all of them can be had again.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, World};
use std::time::Duration;
use strowger::store::Restored;

#[test]
fn the_call_too_many_is_refused_and_the_ports_come_back() {
    for ports in [4, 5] {
        let mut world = World::with(CONFIGURATION, Quality::CLEAN, 1, Restored::default(), ports);
        let callers: Vec<_> = (0..3).map(|_| world.add_phone("2001")).collect();
        let called = [world.add_phone("2002"), world.add_phone("2003")];
        for _ in 0..3 {
            let first = world.dial(callers[0], "2002");
            let second = world.dial(callers[1], "2003");
            let lines = [world.rings(called[0]), world.rings(called[1])];
            for line in lines {
                world.answer(line);
            }
            world.up(first);
            world.up(second);
            let third = world.dial(callers[2], "2004");
            let none = world.over(third);
            world.check(matches!(none, Why::Refused(503 | 480)), &format!("no room: {none:?}"));
            // Its port rests before it is used again.
            world.run(Duration::from_secs(3));
            let third = world.dial(callers[2], "600");
            if ports == 4 {
                assert_eq!(world.over(third), Why::Refused(503), "no port for the caller");
            } else {
                // One port is left: enough to wait in a queue.
                world.up(third);
                world.hang_up(third);
                world.over(third);
                world.run(Duration::from_secs(3));
            }
            let third = world.dial(callers[2], "2002");
            assert_eq!(world.over(third), Why::Refused(503), "no port for the called");
            world.talk(first, lines[0]);
            world.talk(second, lines[1]);
            world.hang_up(first);
            world.hang_up(second);
            world.over(lines[0]);
            world.over(lines[1]);
            // Ports rest before they are used again.
            world.run(Duration::from_secs(3));
        }
        world.finish();
    }
}
