//! What a final answer to an INVITE means for the trunk's other targets (RFC 3261 section 16.7, RFC 3263 section 4.3).

use std::time::Duration;

/// The longest time for which a `Retry-After` is believed: a carrier's slip must not cost a trunk its day.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What follows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is about the called party: it goes to the caller, and no other target would say anything else.
    Final,
    /// The answer is about this target: the next one is tried.
    Next {
        /// A word for the metric.
        reason: &'static str,
        /// For how long this target is left out.
        rest: Option<Duration>,
    },
}

impl Verdict {
    /// On a final status. `rang` tells that somebody's phone was heard ringing; `retry_after` is the header's value.
    pub fn of_status(status: u16, rang: bool, retry_after: Option<Duration>) -> Self {
        match status {
            // RFC 3261 section 16.7 step 8 makes a 408 of a proxy's timer: after ringing it is nobody's answer.
            408 if !rang => Self::Next { reason: "request_timeout", rest: None },
            // RFC 3261 section 21.5.4: with Retry-After the server itself wants to be left alone.
            503 => {
                Self::Next { reason: "server_error", rest: retry_after.map(|time| time.min(RETRY_AFTER_MAX)) }
            }
            500..600 => Self::Next { reason: "server_error", rest: None },
            // 4xx and 6xx speak of the number, the caller or the called: 486, 404, 603 and all others.
            _ => Self::Final,
        }
    }
}
