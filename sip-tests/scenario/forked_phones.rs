//! A number with two phones: both ring, the first that answers has the caller, the other is told that the call was
//! completed elsewhere; also when both are lifted in the same moment.

use crate::harness::call::Why;
use crate::harness::world::World;
use std::time::Duration;

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let desk = world.add_phone("2002");
    for turn in 0..2 {
        let calling = world.dial(alice, "2002");
        let (one, other) = (world.rings(bob), world.rings(desk));
        world.run(Duration::from_secs(1));
        let (winner, loser) = if turn == 0 { (one, other) } else { (other, one) };
        world.answer(winner);
        world.up(calling);
        let why = world.over(loser);
        world.check(why == Why::Cancelled(Some(ELSEWHERE.to_owned())), "the loser is told where the call is");
        world.talk(calling, winner);
        world.hang_up(winner);
        world.over(calling);
    }
    for lead_micros in [0, 700, 2000, 4000] {
        let calling = world.dial(alice, "2002");
        let (one, other) = (world.rings(bob), world.rings(desk));
        world.run(Duration::from_secs(1));
        world.answer(one);
        world.run(Duration::from_micros(lead_micros));
        world.answer(other);
        world.up(calling);
        world.expect("one phone is let go", Duration::from_secs(2), |world| {
            world.call(one).why.is_some() != world.call(other).why.is_some()
        });
        let (winner, loser) = if world.call(one).why.is_none() { (one, other) } else { (other, one) };
        let why = world.over(loser);
        let told = matches!(&why, Why::Cancelled(Some(text)) | Why::ByPeer(Some(text)) if text == ELSEWHERE);
        world.check(told, &format!("the loser is told where the call is, not {why:?}"));
        world.expect("the loser's 200 is acknowledged", Duration::from_millis(10), |world| {
            matches!(why, Why::Cancelled(_)) || world.call(loser).ack_seen
        });
        world.talk(calling, winner);
        world.hang_up(calling);
        let why = world.over(winner);
        world.check(matches!(why, Why::ByPeer(_)), "the winner gets the caller's BYE");
    }
    assert_eq!(world.cdrs().len(), 6);
    world
}

over_networks!();
