//! A conference: the first hears music, then all hear each other; one holds, and his music is not heard; whoever is left
//! alone hears music again; each is a call of his own.

use crate::harness::call::Why;
use crate::harness::sound::{MUSIC, Sound};
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::record::CdrOutcome;
use strowger::sdp::Direction;

fn scenario(mut world: World) -> World {
    let carrier = world.add_carrier();
    let first = world.dial(carrier, "742");
    world.up(first);
    world.hears(first, MUSIC);
    let mut lines: Vec<Line> = vec![first];
    for _ in 0..3 {
        let line = world.dial(carrier, "742");
        world.up(line);
        lines.push(line);
        world.run(Duration::from_secs(1));
    }
    // Another room is another conference.
    let elsewhere = world.dial(carrier, "743");
    world.up(elsewhere);
    world.hears(elsewhere, MUSIC);
    world.all_hear_each_other(&lines);
    world.heard_since(elsewhere, MUSIC, world.now);

    world.reinvite(lines[1], Some(Direction::SendOnly));
    world.run(Duration::from_secs(1));
    let without: Vec<Line> = [lines[0], lines[2], lines[3]].to_vec();
    world.all_hear_each_other(&without);
    world.hears(lines[1], Sound::Silence);
    world.reinvite(lines[1], Some(Direction::SendRecv));
    world.run(Duration::from_secs(1));
    world.all_hear_each_other(&lines);

    for gone in [lines[0], lines[2]] {
        world.hang_up(gone);
        assert_eq!(world.over(gone), Why::HungUp);
    }
    let left = [lines[1], lines[3]];
    world.all_hear_each_other(&left);
    world.hang_up(lines[3]);
    world.over(lines[3]);
    world.hears(lines[1], MUSIC);
    world.hang_up(lines[1]);
    world.over(lines[1]);
    world.hang_up(elsewhere);
    world.over(elsewhere);
    let cdrs = world.cdrs();
    assert_eq!(cdrs.len(), 5);
    assert!(cdrs.iter().all(|cdr| cdr.outcome == CdrOutcome::Answered));
    world
}

over_networks!();
