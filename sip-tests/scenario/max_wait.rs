//! Nobody serves the queue: after the longest wait the caller is let go and told why; a full queue takes nobody.

use crate::harness::call::Why;
use crate::harness::sound::MUSIC;
use crate::harness::world::World;
use std::time::Duration;

fn scenario(mut world: World) -> World {
    let carrier = world.add_carrier();
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let entered = world.now;
    world.hears(calling, MUSIC);
    let why = world.over_within(calling, Duration::from_secs(122));
    world.check(
        matches!(&why, Why::ByPeer(Some(text)) if text.contains("Left the queue")),
        &format!("{why:?}"),
    );
    let waited = world.now.since(entered);
    world.check(waited >= Duration::from_secs(118), &format!("after {waited:?}"));
    let today = world.queue("support").today;
    world.check((today.evicted_system, today.timed_out, today.abandoned) == (1, 1, 0), &format!("{today:?}"));

    let lines: Vec<_> = (0..10).map(|_| world.dial(carrier, "+33140000000")).collect();
    for line in &lines {
        world.up(*line);
    }
    let full = world.dial(carrier, "+33140000000");
    let why = world.over(full);
    world.check(matches!(why, Why::Refused(480 | 486 | 503)), &format!("a full queue: {why:?}"));
    let places: Vec<u32> = world.callers("support").iter().map(|caller| caller.position).collect();
    assert_eq!(places, (1..=10).collect::<Vec<_>>());
    for line in lines {
        world.hang_up(line);
        world.over(line);
    }
    world
}

over_networks!();
