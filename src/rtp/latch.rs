//! Which address a leg's audio really comes from: learnt from the first consistent packets, then guarded.
//!
//! ```text
//!             consistent packets              silent, then the same source elsewhere
//!  Expecting ---------------------> Latched ------------------------------------------> Latched
//!      ^                               |    silent for long, then consistent packets
//!      +------------- reset -----------+
//! ```
//! A stranger never takes a stream whose source is alive. Not a socket: the owner connects it when we say so.

use crate::clock::Instant;
use crate::rtp::sequence;
use std::net::SocketAddr;
use std::time::Duration;

/// A source that has been silent for so long may go on from another address (a NAT's new mapping).
pub const REBIND_AFTER: Duration = Duration::from_millis(300);
/// A source that has been silent for so long may be replaced by another one.
pub const REPLACE_AFTER: Duration = Duration::from_millis(1000);
/// Packets in a row that an unannounced address must send.
const CONSISTENT_UNKNOWN: u8 = 3;
/// The same where only the port differs from the announced one.
const CONSISTENT_SAME_HOST: u8 = 2;
/// A packet further ahead of its predecessor is not consistent with it.
const STEP_MAX: i32 = 20;

/// From where a leg may be spoken to.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Guard {
    /// From anywhere, if consistent: phones behind NAT.
    #[default]
    Learn,
    /// From any port of the announced host.
    SameHost,
    /// From the announced address alone: trunks.
    Signalled,
}

/// What becomes of a packet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the source's.
    Accept,
    /// It is, and from now on the source is at this packet's address.
    Latched,
    /// It is not: drop and count.
    Stranger,
}

/// A packet as far as the latch cares: sane RTP of a payload type that was agreed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Where it came from.
    pub from: SocketAddr,
    /// Its synchronisation source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
}

/// The latch of one leg.
#[derive(Clone, Debug)]
pub struct Latch {
    guard: Guard,
    signalled: Option<SocketAddr>,
    source: Option<Source>,
    candidate: Option<Candidate>,
}

#[derive(Copy, Clone, Debug)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
    since: Instant,
    heard_at: Instant,
}

#[derive(Copy, Clone, Debug)]
struct Candidate {
    seen: Seen,
    count: u8,
}

impl Latch {
    /// A latch that has seen nothing.
    pub const fn new(guard: Guard) -> Self {
        Self { guard, signalled: None, source: None, candidate: None }
    }

    /// The signalling names the peer's address, or none. A changed address unlatches; `true` then.
    pub fn announce(&mut self, signalled: Option<SocketAddr>) -> bool {
        if self.signalled == signalled {
            return false;
        }
        self.signalled = signalled;
        self.candidate = None;
        self.source.take().is_some()
    }

    /// Where the source is, once latched.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source.map(|source| source.address)
    }

    /// Where to send: the latched address, until then the announced one.
    pub fn target(&self) -> Option<SocketAddr> {
        self.source().or(self.signalled)
    }

    /// When the latched source was last heard.
    pub fn heard_at(&self) -> Option<Instant> {
        self.source.map(|source| source.heard_at)
    }

    /// Whether the source is beyond doubt, so that the kernel may keep strangers away: it is where the
    /// signalling said, or has been the same for `settled`.
    pub fn settled(&self, now: Instant, settled: Duration) -> Option<SocketAddr> {
        let source = self.source?;
        let sure = self.signalled == Some(source.address) || now.since(source.since) >= settled;
        sure.then_some(source.address)
    }

    /// Judges one packet.
    pub fn see(&mut self, now: Instant, seen: Seen) -> Verdict {
        let signalled = self.signalled == Some(seen.from);
        if let Some(source) = &mut self.source {
            if source.address == seen.from {
                source.heard_at = now;
                source.ssrc = seen.ssrc;
                return Verdict::Accept;
            }
            let silence = now.since(source.heard_at);
            if source.ssrc == seen.ssrc && silence >= REBIND_AFTER && self.admits(seen.from) {
                return self.latch(now, seen);
            }
            // The announced address outranks one that was only learnt.
            if !signalled && silence < REPLACE_AFTER {
                return Verdict::Stranger;
            }
        } else if signalled {
            return self.latch(now, seen);
        }
        if self.admits(seen.from) && self.consistent(seen) >= self.required(seen.from) {
            return self.latch(now, seen);
        }
        Verdict::Stranger
    }

    fn latch(&mut self, now: Instant, seen: Seen) -> Verdict {
        self.candidate = None;
        self.source = Some(Source { address: seen.from, ssrc: seen.ssrc, since: now, heard_at: now });
        Verdict::Latched
    }

    fn admits(&self, from: SocketAddr) -> bool {
        match self.guard {
            Guard::Learn => true,
            Guard::SameHost => self.signalled.is_some_and(|signalled| signalled.ip() == from.ip()),
            Guard::Signalled => self.signalled == Some(from),
        }
    }

    fn required(&self, from: SocketAddr) -> u8 {
        let near = self.signalled.is_some_and(|signalled| signalled.ip() == from.ip());
        if near { CONSISTENT_SAME_HOST } else { CONSISTENT_UNKNOWN }
    }

    fn consistent(&mut self, seen: Seen) -> u8 {
        let count = match self.candidate {
            Some(before) if before.seen.from == seen.from && before.seen.ssrc == seen.ssrc => {
                match sequence::distance(before.seen.sequence, seen.sequence) {
                    1..=STEP_MAX => before.count.saturating_add(1),
                    _ => 1,
                }
            }
            _ => 1,
        };
        self.candidate = Some(Candidate { seen, count });
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn elsewhere() -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 7], 4000))
    }

    const fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    const fn seen(from: SocketAddr, ssrc: u32, sequence: u16) -> Seen {
        Seen { from, ssrc, sequence }
    }

    fn announced(guard: Guard) -> Latch {
        let mut latch = Latch::new(guard);
        latch.announce(Some(at(1000)));
        latch
    }

    #[test]
    fn the_announced_address_latches_at_once() {
        let mut latch = announced(Guard::Signalled);
        assert_eq!(latch.see(ms(0), seen(at(1000), 1, 1)), Verdict::Latched);
        assert_eq!(latch.see(ms(20), seen(at(1000), 1, 2)), Verdict::Accept);
        assert_eq!(latch.settled(ms(20), REPLACE_AFTER), Some(at(1000)));
    }

    #[test]
    fn another_address_needs_consistent_packets() {
        let mut latch = announced(Guard::Learn);
        let verdicts: Vec<_> = (1..=4).map(|n| latch.see(ms(n), seen(elsewhere(), 1, n as u16))).collect();
        assert_eq!(verdicts, [Verdict::Stranger, Verdict::Stranger, Verdict::Latched, Verdict::Accept]);
        assert_eq!(latch.target(), Some(elsewhere()));
        assert_eq!(latch.settled(ms(20), REPLACE_AFTER), None);
        assert_eq!(latch.settled(ms(2000), REPLACE_AFTER), Some(elsewhere()));

        let mut noise = announced(Guard::Learn);
        for n in 0..50u16 {
            assert_eq!(noise.see(ms(1), seen(elsewhere(), u32::from(n), n)), Verdict::Stranger);
            assert_eq!(noise.see(ms(1), seen(elsewhere(), 7, n.wrapping_mul(999))), Verdict::Stranger);
        }
    }

    #[test]
    fn a_guard_keeps_to_the_host_or_to_the_address() {
        let mut host = announced(Guard::SameHost);
        let mut strict = announced(Guard::Signalled);
        for n in 1..9u16 {
            assert_eq!(host.see(ms(1), seen(elsewhere(), 1, n)), Verdict::Stranger);
            assert_eq!(strict.see(ms(1), seen(at(1001), 1, n)), Verdict::Stranger);
        }
        assert_eq!(host.see(ms(1), seen(at(1001), 1, 1)), Verdict::Stranger);
        assert_eq!(host.see(ms(1), seen(at(1001), 1, 2)), Verdict::Latched);
    }

    #[test]
    fn a_nat_may_move_a_silent_source_but_no_stranger_takes_a_live_one() {
        let mut latch = announced(Guard::Learn);
        latch.see(ms(0), seen(at(1000), 1, 1));
        for n in 0..40u16 {
            let now = ms(u64::from(n) * 20);
            assert_eq!(latch.see(now, seen(at(1000), 1, n)), Verdict::Accept);
            assert_eq!(latch.see(now, seen(elsewhere(), 66, n)), Verdict::Stranger);
            assert_eq!(latch.see(now, seen(elsewhere(), 1, n)), Verdict::Stranger);
        }
        assert_eq!(
            latch.see(ms(1100), seen(at(2222), 1, 60)),
            Verdict::Latched,
            "same source, after silence"
        );
        assert_eq!(latch.see(ms(1150), seen(at(1000), 66, 1)), Verdict::Stranger);
    }

    #[test]
    fn another_source_may_follow_a_dead_one() {
        let mut latch = announced(Guard::Learn);
        latch.see(ms(0), seen(at(1000), 1, 1));
        let verdicts: Vec<_> =
            (1..=3).map(|n| latch.see(ms(1200 + n), seen(elsewhere(), 2, n as u16))).collect();
        assert_eq!(verdicts, [Verdict::Stranger, Verdict::Stranger, Verdict::Latched]);
    }

    #[test]
    fn the_announced_address_outranks_a_learnt_one_and_a_new_announcement_unlatches() {
        let mut latch = announced(Guard::Learn);
        (1..=3).for_each(|n| _ = latch.see(ms(0), seen(elsewhere(), 66, n)));
        assert_eq!(latch.source(), Some(elsewhere()));
        latch.see(ms(20), seen(at(1000), 1, 1));
        assert_eq!(latch.see(ms(40), seen(at(1000), 1, 2)), Verdict::Latched);
        assert!(!latch.announce(Some(at(1000))));
        assert!(latch.announce(Some(at(3000))));
        assert_eq!((latch.source(), latch.target()), (None, Some(at(3000))));
    }
}
