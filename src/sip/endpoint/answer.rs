//! A 2xx to an INVITE on its way to the caller: sent again until its ACK comes.
//!
//! Not part of the INVITE server transaction, which hands this to the user agent core (RFC 3261 section 13.3.1.4); it
//! runs on reliable transports too, because a proxy behind one may lose what it forwards.

use crate::clock::Instant;
use crate::sip::transaction::timer::Backoff;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use crate::sip::transaction::timer::earlier;
use bytes::Bytes;

/// A 2xx without an ACK.
#[derive(Debug)]
pub(in crate::sip::endpoint) struct Answer {
    response: Bytes,
    again: Backoff,
    end: Instant,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sip::endpoint) enum Due {
    /// Nothing yet.
    Nothing,
    /// Send this again.
    Resend(Bytes),
    /// Nobody acknowledged: the dialog is to be ended by a BYE.
    Missing,
}

impl Answer {
    /// The 2xx was sent for the first time.
    pub(in crate::sip::endpoint) fn start(now: Instant, response: Bytes, timing: &Timing) -> Self {
        Self { response, again: Backoff::start(now, timing.t1_ms), end: now + timing.long() }
    }

    /// The next deadline and whose it is.
    pub(in crate::sip::endpoint) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        earlier(Some((self.end, Timer::AnswerEnd)), Some((self.again.at(), Timer::Answer)))
    }

    /// Time has passed.
    pub(in crate::sip::endpoint) fn timeout(&mut self, now: Instant, timing: &Timing) -> Due {
        if self.end <= now {
            Due::Missing
        } else if self.again.at() <= now {
            // RFC 3261 section 13.3.1.4: "an interval that starts at T1 seconds and doubles for each retransmission
            // until it reaches T2 seconds".
            self.again.next(now, timing.t2_ms);
            Due::Resend(self.response.clone())
        } else {
            Due::Nothing
        }
    }
}
