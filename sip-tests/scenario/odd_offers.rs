//! Re-INVITEs that are not the usual ones: T.38 is refused with 488 and the call goes on (INTEROP); an old hold
//! (`c=0.0.0.0`) is a hold; a new codec order or port is followed.

use crate::harness::sound::MUSIC;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::sdp::Direction;

fn offer(world: &mut World, line: Line, status: u16, change: impl FnOnce(String) -> String) {
    let answered = world.call(line).reinvites.len();
    world.with_phone(line.phone, |phone, now| phone.reinvite_with(now, line.call, change));
    world.expect("the re-INVITE is answered", Duration::from_secs(1), |world| {
        world.call(line).reinvites.get(answered..).is_some_and(|all| all.last() == Some(&status))
    });
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    for line in [calling, called] {
        offer(&mut world, line, 488, |body| {
            let start = body.find("m=audio").expect("an audio line");
            format!("{}m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\n", &body[..start])
        });
        world.talk(calling, called);
    }
    // RFC 2543's hold, and RFC 3264 section 8.4: it is still understood.
    let address = world.call(calling).rtp.ip().to_string();
    offer(&mut world, calling, 200, |body| body.replace(&format!("c=IN IP4 {address}"), "c=IN IP4 0.0.0.0"));
    world.hears(called, MUSIC);
    world.reinvite(calling, Some(Direction::SendRecv));
    world.talk(calling, called);
    // Another port: the audio follows.
    world.call_mut(called).rtp.set_port(47_000);
    offer(&mut world, called, 200, |body| {
        let start = body.find("m=audio ").expect("an audio line") + 8;
        let end = start + body[start..].find(' ').expect("a port ends");
        format!("{}47000{}", &body[..start], &body[end..])
    });
    world.talk(calling, called);
    world.hang_up(called);
    world.over(calling);
    world
}

over_networks!();
