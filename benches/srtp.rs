//! What SRTP costs a packet of 160 bytes: sealing and opening, each suite. `cargo bench --bench srtp -- [packets]`
//! (1,000,000 a suite).

use std::hint::black_box;
use strowger::clock::Clock;
use strowger::ids::Random;
use strowger::rtp::packet::Outgoing;
use strowger::srtp::MasterKey;
use strowger::srtp::Receiver;
use strowger::srtp::Sender;
use strowger::srtp::Suite;

/// Packets that are sealed before they are opened, so that each figure is of one of the two alone.
const BATCH: u64 = 1000;

fn main() {
    let packets = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000u64);
    let clock = Clock::machine();
    for suite in Suite::ALL {
        let key = MasterKey::draw(suite, &mut Random::seeded(1));
        let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key));
        let mut batch: Vec<Vec<u8>> = (0..BATCH).map(|_| Vec::with_capacity(256)).collect();
        let (mut sealing, mut opening, mut out) = (0, 0, Vec::with_capacity(256));
        for first in (0..packets).step_by(BATCH as usize) {
            let began = clock.instant();
            for (number, packet) in (first..).zip(&mut batch) {
                fill(packet, number as u16);
                assert!(sender.seal_rtp(packet, 0), "each number is new");
            }
            let sealed = clock.instant();
            for packet in &batch {
                receiver.open_rtp(packet, &mut out).expect("sealed with the key");
                black_box(&out);
            }
            sealing += sealed.since(began).as_nanos();
            opening += clock.instant().since(sealed).as_nanos();
        }
        let each = |nanos: u128| nanos / u128::from(packets.max(1));
        println!("{:24} sealed in {:4} ns, opened in {:4} ns", suite.name(), each(sealing), each(opening));
    }
}

fn fill(packet: &mut Vec<u8>, sequence: u16) {
    let header =
        Outgoing { marker: false, payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, ssrc: 7 };
    packet.clear();
    packet.extend_from_slice(&header.to_bytes());
    packet.extend_from_slice(&[0x5a; 160]);
}
