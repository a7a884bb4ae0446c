//! Packets of every codec: no bytes break a decoder, and none makes more sound than a packet may have.
//!
//! The first byte says which codec and rate; then packets, each after a byte with its length; length 0 is a loss.

use strowger::codec::Coding;
use strowger::codec::Decoder;
use strowger::codec::Rate;

pub fn run(data: &[u8]) {
    let Some((choice, mut rest)) = data.split_first() else { return };
    let coding = Coding::ALL[usize::from(choice & 3)];
    let rate = Rate::ALL[usize::from(choice >> 2) % 3];
    let mut decoder = Decoder::new(coding, rate);
    let mut out = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (packet, after) = after.split_at(after.len().min(usize::from(*length)));
        out.clear();
        if packet.is_empty() {
            decoder.conceal(rate.per_ms() * 20, (!after.is_empty()).then_some(after), &mut out);
        } else if decoder.decode(packet, &mut out).is_err() {
            assert!(out.is_empty(), "what cannot be read makes no sound");
        }
        assert!(out.len() <= rate.per_ms() * 120, "no packet lasts longer");
        rest = after;
    }
}
