//! What one source's packets look like on arrival: counted, lost, jitter (RFC 3550 appendices A.1, A.3, A.8).
//!
//! One value per synchronisation source. Knows no addresses and drops nothing: it only counts.

use crate::clock::Instant;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::sequence;

/// A forward jump of fewer packets is a loss, of more a restart (RFC 3550 section A.1, `MAX_DROPOUT`).
pub const DROPOUT_MAX: u16 = 3000;
/// A packet that is late by fewer is reordered (`MAX_MISORDER`).
const MISORDER_MAX: u16 = 100;

/// The running figures of one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reception {
    ssrc: u32,
    base: u32,
    highest: u32,
    received: u32,
    expected_prior: u32,
    received_prior: u32,
    restart: Option<u16>,
    transit: Option<u32>,
    jitter_sixteenths: u32,
}

impl Reception {
    /// The figures before the first packet, whose sequence number is `first`.
    pub const fn new(ssrc: u32, first: u16) -> Self {
        Self {
            ssrc,
            base: first as u32,
            highest: first as u32,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            restart: None,
            transit: None,
            jitter_sixteenths: 0,
        }
    }

    /// Whose packets these are.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts one packet. `true` when the source restarted its numbering: the figures began anew.
    pub fn count(&mut self, sequence: u16) -> bool {
        // RFC 3550 section A.1, update_seq; probation is the latch's business.
        let current = self.highest as u16;
        let ahead = sequence.wrapping_sub(current);
        if ahead < DROPOUT_MAX {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            self.restart = None;
        } else if ahead <= 0u16.wrapping_sub(MISORDER_MAX) {
            if self.restart == Some(sequence) {
                *self = Self { received: 1, ..Self::new(self.ssrc, sequence) };
                return true;
            }
            self.restart = Some(sequence.wrapping_add(1));
            return false;
        }
        self.received = self.received.wrapping_add(1);
        false
    }

    /// Takes an audio packet's timestamp and arrival into the jitter.
    pub fn time(&mut self, timestamp: u32, arrival: Instant) {
        // RFC 3550 section A.8, with the sixteenths kept so that rounding does not drift.
        let transit = ((arrival.as_micros() / SAMPLE_MICROS) as u32).wrapping_sub(timestamp);
        if let Some(before) = self.transit {
            let off = sequence::samples_between(before, transit).unsigned_abs().min(1 << 20);
            self.jitter_sixteenths =
                (self.jitter_sixteenths + off).saturating_sub((self.jitter_sixteenths + 8) >> 4);
        }
        self.transit = Some(transit);
    }

    /// The highest sequence number with its cycles in the upper half.
    pub const fn highest(&self) -> u32 {
        self.highest.wrapping_sub(self.base & 0xffff_0000)
    }

    /// Packets that came, doubles included.
    pub const fn received(&self) -> u32 {
        self.received
    }

    /// Packets that should have come and did not; negative when there were doubles.
    pub const fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received).cast_signed()
    }

    /// Interarrival jitter in samples.
    pub const fn jitter(&self) -> u32 {
        self.jitter_sixteenths >> 4
    }

    const fn expected(&self) -> u32 {
        if self.received == 0 { 0 } else { self.highest.wrapping_sub(self.base).wrapping_add(1) }
    }

    /// The share lost since the last call, in 256ths: what a report block carries (RFC 3550 section A.3).
    pub fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected().wrapping_sub(self.expected_prior);
        let received = self.received.wrapping_sub(self.received_prior);
        self.expected_prior = self.expected();
        self.received_prior = self.received;
        let lost = i64::from(expected) - i64::from(received);
        if expected == 0 || lost <= 0 {
            return 0;
        }
        u8::try_from((lost << 8) / i64::from(expected)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sequences: &[u16]) -> Reception {
        let mut reception = Reception::new(1, sequences[0]);
        for sequence in sequences {
            reception.count(*sequence);
        }
        reception
    }

    #[test]
    fn loss_counts_across_the_wrap() {
        let mut reception = after(&[0xfffd, 0xfffe, 1, 2, 4]);
        assert_eq!((reception.received(), reception.lost()), (5, 3));
        assert_eq!(reception.highest(), 0x1_0004);
        assert_eq!(reception.fraction_lost(), (3 * 256 / 8) as u8);
        assert_eq!(reception.fraction_lost(), 0);
    }

    #[test]
    fn a_reordered_packet_is_not_lost_and_a_double_counts_against() {
        assert_eq!(after(&[1, 3, 2, 4]).lost(), 0);
        assert_eq!(after(&[1, 2, 2, 3]).lost(), -1);
    }

    #[test]
    fn a_source_that_restarts_begins_anew_at_its_second_packet() {
        let mut reception = after(&[1, 2, 3]);
        assert!(!reception.count(40_000));
        assert!(reception.count(40_001));
        assert_eq!((reception.lost(), reception.received()), (0, 1));
    }

    #[test]
    fn jitter_follows_the_rfc_on_a_hand_made_stream() {
        let mut reception = Reception::new(1, 0);
        // Every second packet is 10 ms (80 samples) late, so that D is always 80.
        for n in 0..200u32 {
            let late = if n % 2 == 0 { 0 } else { 10_000 };
            reception.time(n * 160, Instant::from_micros(u64::from(n) * 20_000 + late));
        }
        assert!((79..=80).contains(&reception.jitter()), "{}", reception.jitter());
        let mut even = Reception::new(1, 0);
        for n in 0..200u32 {
            even.time(n.wrapping_mul(160), Instant::from_micros(u64::from(n) * 20_000));
        }
        assert_eq!(even.jitter(), 0);
    }
}
