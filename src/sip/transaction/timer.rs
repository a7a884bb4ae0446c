//! The timers of RFC 3261 section 17 by their letters, and the three values they are all computed from.
//!
//! Not a clock and not a queue: each machine keeps its own deadlines, [`crate::sip::transaction::schedule`] knows
//! which machine is next.

use crate::clock::Instant;
use std::time::Duration;

/// RFC 3261 section 17.1.1.2: "at least 32 seconds for unreliable transports", however small T1 is.
const D_MS_MIN: u32 = 32_000;

/// RFC 3261 section 17.2.1: the user has 200 ms to answer before the transaction itself says 100 Trying.
const TRYING_MS: u32 = 200;

/// Which timer of a machine is due. The letters are those of RFC 3261, table 4, and of RFC 6026.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The INVITE is sent again (unreliable transports): T1, doubling.
    A,
    /// The INVITE found no answer: 64*T1.
    B,
    /// Retransmitted final answers to our INVITE are acknowledged until then: at least 32 s, 0 when reliable.
    D,
    /// The request is sent again (unreliable transports): T1, doubling up to T2.
    E,
    /// The request found no final answer: 64*T1.
    F,
    /// The final answer to an INVITE is sent again (unreliable transports): T1, doubling up to T2.
    G,
    /// The final answer to an INVITE found no ACK: 64*T1.
    H,
    /// Retransmitted ACKs are absorbed until then: T4, 0 when reliable.
    I,
    /// Retransmitted requests are absorbed until then: 64*T1, 0 when reliable.
    J,
    /// Retransmitted answers are absorbed until then: T4, 0 when reliable.
    K,
    /// RFC 6026: retransmitted INVITEs are absorbed after a 2xx: 64*T1.
    L,
    /// RFC 6026: retransmitted and forked 2xx are accepted: 64*T1.
    M,
    /// No letter; RFC 3261 section 17.2.1: 100 Trying is due, 200 ms after the INVITE.
    Trying,
    /// No letter; RFC 3261 section 9.1: the cancelled INVITE found no final answer, 64*T1 after the CANCEL.
    Cancel,
    /// No letter; RFC 3261 section 13.3.1.4: the 2xx is sent again, T1 doubling up to T2, also when reliable.
    Answer,
    /// No letter; RFC 3261 section 13.3.1.4: the 2xx found no ACK: 64*T1.
    AnswerEnd,
    /// No letter; RFC 4320 section 4.2: after 64*T1 nobody waits for the answer to a plain request any more.
    Abandoned,
}

/// The values that all timers follow from (RFC 3261 section 17.1.1.1). Small, for every machine has a copy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// T1, an estimate of the round trip.
    pub t1_ms: u32,
    /// T2, the longest interval between two retransmissions of a plain request or of an answer to an INVITE.
    pub t2_ms: u32,
    /// T4, how long a message lives in the network.
    pub t4_ms: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self { t1_ms: 500, t2_ms: 4_000, t4_ms: 5_000 }
    }
}

impl Timing {
    /// T4: timers I and K.
    pub fn t4(&self) -> Duration {
        millis(self.t4_ms)
    }

    /// 64*T1: timers B, F, H, J, L and M.
    pub fn long(&self) -> Duration {
        millis(self.long_ms())
    }

    /// Timer D on an unreliable transport.
    pub fn d(&self) -> Duration {
        millis(self.long_ms().max(D_MS_MIN))
    }

    /// The wait before the automatic 100 Trying.
    pub fn trying(&self) -> Duration {
        millis(TRYING_MS)
    }

    fn long_ms(&self) -> u32 {
        self.t1_ms.saturating_mul(64)
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

/// A deadline that moves away by doubling steps: timers A, E, G and the retransmission of a 2xx.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    at: Instant,
    interval_ms: u32,
}

impl Backoff {
    /// First due `first_ms` after `now`.
    pub fn start(now: Instant, first_ms: u32) -> Self {
        Self { at: now + millis(first_ms), interval_ms: first_ms }
    }

    /// When it is due.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Doubles the interval, up to `interval_ms_max`, and counts it from `now`: a machine that was served late does
    /// not send a burst.
    pub fn next(&mut self, now: Instant, interval_ms_max: u32) {
        self.interval_ms = self.interval_ms.saturating_mul(2).min(interval_ms_max);
        self.at = now + millis(self.interval_ms);
    }
}

/// The earlier of two deadlines; on a tie the first, so name the retransmission after the end.
pub fn earlier(
    first: Option<(Instant, Timer)>,
    second: Option<(Instant, Timer)>,
) -> Option<(Instant, Timer)> {
    match (first, second) {
        (Some(one), Some(two)) => Some(if two.0 < one.0 { two } else { one }),
        (one, two) => one.or(two),
    }
}
