//! A stranger sends RTP to the ports of a call (F20): nobody hears him, and the call hears each other as before.

use crate::harness::network::{Packet, Quality};
use crate::harness::sound::frame;
use crate::harness::world::World;
use bytes::Bytes;
use std::time::Duration;
use strowger::rtp::packet::Outgoing;
use strowger::sdp::Codec;

#[test]
fn a_stranger_is_not_heard() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    let from_start = world.now;
    let targets = [calling, called].map(|line| world.call(line).remote().expect("a port of the switch"));
    for step in 0..150_u16 {
        for (index, to) in targets.into_iter().enumerate() {
            for (from, ssrc) in [("203.0.113.66:4444", 666), ("10.1.0.1:9999", 667)] {
                let header = Outgoing {
                    marker: false,
                    payload_type: 8,
                    sequence: 5000 + step,
                    timestamp: 160 * u32::from(step),
                    ssrc: ssrc + index as u32,
                };
                let mut bytes = header.to_bytes().to_vec();
                bytes.extend(frame(3350, &Codec::Pcma));
                let from = from.parse().expect("an address");
                world.network.send(world.now, Packet { from, to, bytes: Bytes::from(bytes) });
            }
        }
        world.run(Duration::from_millis(20));
    }
    let (a, b) = (world.voice(calling), world.voice(called));
    world.heard_since(calling, b, from_start);
    world.heard_since(called, a, from_start);
    world.talk_and_end(calling, called);
    world.finish();
}
