//! Encrypted legs under virtual time: beside plain ones, with loss, replay, new keys, and somebody who knows the ports.

use super::*;
use crate::srtp::Fault;
use crate::srtp::KeyPair;
use crate::srtp::MasterKey;
use crate::srtp::Receiver;
use crate::srtp::Sender;
use crate::srtp::Suite;

/// A phone's end of its keys.
pub(super) struct Keys {
    sender: Sender,
    receiver: Receiver,
    /// The packets of the switch that were not authentic.
    refused: Vec<Fault>,
    /// What it sent, sealed.
    sent: Vec<Vec<u8>>,
}

impl Phone {
    /// The packet as it goes on the wire.
    pub(super) fn sealed(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(keys) = &mut self.srtp {
            assert!(keys.sender.seal_rtp(&mut bytes, 0), "a phone numbers its packets");
            keys.sent.push(bytes.clone());
        }
        bytes
    }

    /// The switch's packet as it was before it was sealed; `None` for one that is not authentic.
    pub(super) fn opened(&mut self, channel: Channel, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let Some(keys) = &mut self.srtp else { return Some(bytes) };
        let mut out = Vec::new();
        let opened = match channel {
            Channel::Rtp => keys.receiver.open_rtp(&bytes, &mut out),
            Channel::Rtcp => keys.receiver.open_control(&bytes, &mut out),
        };
        opened.map_err(|fault| keys.refused.push(fault)).ok()?;
        Some(out)
    }
}

fn keys(suite: Suite, seed: u64) -> KeyPair {
    let mut random = Random::seeded(seed);
    KeyPair { ours: MasterKey::draw(suite, &mut random), theirs: MasterKey::draw(suite, &mut random) }
}

impl Net {
    /// Both ends of a leg get these keys.
    fn encrypt(&mut self, index: usize, keys: &KeyPair) {
        self.secure(index, keys);
        self.phones[index].srtp = Some(Keys {
            sender: Sender::new(&keys.theirs),
            receiver: Receiver::new(&keys.ours),
            refused: Vec::new(),
            sent: Vec::new(),
        });
    }

    /// The switch's end alone.
    fn secure(&mut self, index: usize, keys: &KeyPair) {
        let keys = Some(Box::new(keys.clone()));
        self.command(Command::Secure { leg: LegKey(index as u64), keys });
        self.describe(index, |_| {});
    }

    fn refused(&self, index: usize) -> &[Fault] {
        &self.phones[index].srtp.as_ref().unwrap().refused
    }
}

#[test]
fn every_pair_of_suites_and_plain_hears_each_other() {
    let mut all: Vec<Option<Suite>> = Suite::ALL.into_iter().map(Some).collect();
    all.push(None);
    for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (*one, *other))) {
        let mut net = Net::two(Codec::Pcmu, Codec::Pcma);
        for (index, suite) in [(ALICE, one), (BOB, other)] {
            if let Some(suite) = suite {
                net.encrypt(index, &keys(suite, index as u64));
            }
        }
        net.bridge();
        net.ms(500);
        let from = net.now;
        net.ms(6000);
        for (index, hz) in [(ALICE, BOB_HZ), (BOB, ALICE_HZ)] {
            assert_eq!(net.phones[index].hears(from), Some(hz), "{one:?} {other:?}");
            assert!(!net.phones[index].reports.is_empty(), "reports are sealed too: {one:?} {other:?}");
        }
        for index in [ALICE, BOB].into_iter().filter(|index| net.phones[*index].srtp.is_some()) {
            assert_eq!(net.refused(index), [], "{one:?} {other:?}");
        }
        for index in [ALICE, BOB] {
            let stats = net.close(index);
            assert_eq!((stats.unauthenticated_dropped, stats.replayed_dropped), (0, 0));
            assert!(stats.packets_in > 300 && stats.packets_out > 290, "{stats:?}");
        }
    }
}

#[test]
fn music_prompts_and_keys_are_sealed() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    net.encrypt(ALICE, &keys(Suite::AesGcm128, 1));
    net.music(ALICE);
    net.ms(1000);
    let from = net.now;
    net.ms(1000);
    assert_eq!(net.phones[ALICE].hears(from), Some(MUSIC_HZ));
    net.command(Command::Press { leg: LegKey(0), key: '5' });
    net.ms(300);
    let events = net.phones[ALICE].headers().iter().filter(|(_, header)| header.payload_type == 101).count();
    assert!(events >= 5, "{events}");
    assert_eq!(net.refused(ALICE), []);
}

#[test]
fn a_bad_network_with_wraps_loses_nothing_more() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    net.encrypt(ALICE, &keys(Suite::AesCm80, 1));
    net.encrypt(BOB, &keys(Suite::AesCm32, 2));
    net.weather = Weather { lost_percent: 5, doubled_percent: 5, late_ms_max: 60 };
    net.bridge();
    // The phones' numbers wrap after 36 packets.
    net.ms(20_000);
    let from = net.now;
    net.ms(5000);
    assert_eq!(net.phones[BOB].hears(from), Some(ALICE_HZ));
    assert_eq!(net.refused(BOB), [], "no number is used twice for what came twice");
    let stats = net.close(ALICE);
    assert_eq!(stats.unauthenticated_dropped, 0, "{stats:?}");
    assert!(stats.replayed_dropped > 20, "doubles: {stats:?}");
    assert!(stats.packets_in > 1100, "{stats:?}");
}

/// RTP from strangers: none with SRTP. He knows the ports, speaks RTP well, and comes before the phone.
#[test]
fn a_stranger_who_knows_the_ports_is_never_heard_and_never_learnt() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    net.encrypt(ALICE, &keys(Suite::AesCm80, 1));
    net.bridge();
    net.phones[ALICE].speaks = false;
    let stranger = SocketAddr::from(([198, 51, 100, 66], 6666));
    let his = keys(Suite::AesCm80, 66);
    let mut sealing = Sender::new(&his.theirs);
    for n in 0..200u16 {
        let header = Outgoing {
            marker: false,
            payload_type: 0,
            sequence: n,
            timestamp: u32::from(n) * 160,
            ssrc: 0x1000,
        };
        let mut plain = header.to_bytes().to_vec();
        plain.extend([0x55; 160]);
        net.deliver(ALICE, Channel::Rtp, stranger, &plain);
        // With the phone's own address too, as who is on its network can.
        net.deliver(ALICE, Channel::Rtp, net.phones[ALICE].address, &plain);
        assert!(sealing.seal_rtp(&mut plain, 0));
        net.deliver(ALICE, Channel::Rtp, stranger, &plain);
        net.ms(20);
    }
    assert!(net.phones[BOB].heard.is_empty(), "not one packet");
    assert!(!net.events.iter().any(|(_, event)| matches!(event, Event::Latched { leg: LegKey(0), .. })));
    let mut report = Vec::new();
    rtcp::write(&mut report, &Report { ssrc: 0x1000, sender: None, block: None, cname: b"x", bye: true });
    net.deliver(ALICE, Channel::Rtcp, stranger, &report);
    // Then the phone speaks, and all is as if nobody had been there.
    net.phones[ALICE].speaks = true;
    let from = net.now;
    net.ms(1000);
    assert_eq!(net.phones[BOB].hears(from), Some(ALICE_HZ));
    let stats = net.close(ALICE);
    assert_eq!(stats.unauthenticated_dropped, 601, "{stats:?}");
    assert_eq!((stats.packets_in, stats.strangers_dropped), (50, 0), "{stats:?}");
}

/// Who records a call's packets and sends them again, from elsewhere or as the phone.
#[test]
fn what_was_recorded_on_the_way_is_not_heard_again() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    net.encrypt(ALICE, &keys(Suite::AesGcm128, 1));
    net.bridge();
    net.ms(2000);
    let recorded = net.phones[ALICE].srtp.as_ref().unwrap().sent.clone();
    net.phones[ALICE].speaks = false;
    net.ms(2000);
    let (heard, thief) = (net.phones[BOB].heard.len(), SocketAddr::from(([198, 51, 100, 66], 6666)));
    for bytes in &recorded {
        net.deliver(ALICE, Channel::Rtp, thief, bytes);
        net.deliver(ALICE, Channel::Rtp, net.phones[ALICE].address, bytes);
    }
    assert_eq!(net.phones[BOB].heard.len(), heard, "nothing of it");
    let stats = net.close(ALICE);
    assert_eq!(stats.replayed_dropped, 2 * recorded.len() as u64, "{stats:?}");
}

#[test]
fn a_new_key_by_a_new_offer_takes_over_and_the_old_one_is_over() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    let old = keys(Suite::AesCm80, 1);
    net.encrypt(ALICE, &old);
    net.bridge();
    net.ms(2000);
    let old_sender = net.phones[ALICE].srtp.take().unwrap();
    let new = KeyPair { theirs: keys(Suite::AesCm80, 2).theirs, ours: old.ours.clone() };
    net.secure(ALICE, &new);
    net.phones[ALICE].srtp = Some(Keys { sender: Sender::new(&new.theirs), ..old_sender });
    let from = net.now;
    net.ms(2000);
    assert_eq!(net.phones[BOB].hears(from), Some(ALICE_HZ));
    assert_eq!(net.phones[ALICE].hears(from), Some(BOB_HZ), "our key stayed, and our numbers went on");
    assert_eq!(net.refused(ALICE), []);
    // Both ends plain, and back.
    let keyed = net.phones[ALICE].srtp.take();
    net.command(Command::Secure { leg: LegKey(0), keys: None });
    net.ms(500);
    let from = net.now;
    net.ms(1000);
    assert_eq!(net.phones[BOB].hears(from), Some(ALICE_HZ));
    net.phones[ALICE].srtp = keyed;
    net.secure(ALICE, &new);
    let from = net.now;
    net.ms(1000);
    assert_eq!((net.phones[BOB].hears(from), net.phones[ALICE].hears(from)), (Some(ALICE_HZ), Some(BOB_HZ)));
    let stats = net.close(ALICE);
    assert_eq!((stats.unauthenticated_dropped, stats.replayed_dropped), (0, 0), "{stats:?}");
}

#[test]
fn the_same_keys_again_change_nothing() {
    let mut net = Net::two(Codec::Pcmu, Codec::Pcmu);
    let pair = keys(Suite::AesCm80, 1);
    net.encrypt(ALICE, &pair);
    net.bridge();
    net.ms(1000);
    let recorded = net.phones[ALICE].srtp.as_ref().unwrap().sent.clone();
    net.secure(ALICE, &pair);
    net.deliver(ALICE, Channel::Rtp, net.phones[ALICE].address, &recorded[10]);
    net.ms(1000);
    assert_eq!(net.refused(ALICE), []);
    assert_eq!(net.close(ALICE).replayed_dropped, 1, "what was heard is still known");
}
