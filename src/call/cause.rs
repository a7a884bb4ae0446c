//! Why a leg or a call ended, in words that are no protocol's. The switch maps SIP's status codes to these and back.

use crate::record::CdrOutcome;
use crate::record::OfferResult;

/// The cause of an end.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Somebody hung up in the ordinary way.
    Normal,
    /// The called party is busy.
    Busy,
    /// The called party refused.
    Declined,
    /// It rang, and nobody answered in time.
    NoAnswer,
    /// No phone is registered, or none answers at all.
    Unreachable,
    /// The number does not exist.
    NotFound,
    /// The other side forbids the call or wants credentials that we lack.
    Forbidden,
    /// The two sides have no codec in common.
    NotAcceptable,
    /// The other side or its network failed.
    Failed,
    /// This switch or the next has no room: no media port, a limit, a drain.
    Congestion,
    /// What was asked for is not built.
    NotBuilt,
    /// Another phone answered first.
    AnsweredElsewhere,
    /// The caller gave up before the answer.
    Cancelled,
    /// No audio came for `no_media_timeout_seconds`.
    MediaTimeout,
    /// The acknowledgement of an answer never came.
    NoAck,
    /// A supervisor or an API key ended it.
    ByRequest,
    /// The queue put the caller out: too long a wait, full, empty, closed.
    QueueLeft,
    /// The party went on in another call.
    Transferred,
    /// The switch stopped.
    Shutdown,
    /// A fault of this program ended the call.
    Fault,
}

impl Cause {
    /// A stable word for records and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::NotAcceptable => "not_acceptable",
            Self::Failed => "failed",
            Self::Congestion => "congestion",
            Self::NotBuilt => "not_built",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::Cancelled => "cancelled",
            Self::MediaTimeout => "media_timeout",
            Self::NoAck => "no_ack",
            Self::ByRequest => "by_request",
            Self::QueueLeft => "queue_left",
            Self::Transferred => "transferred",
            Self::Shutdown => "shutdown",
            Self::Fault => "fault",
        }
    }

    /// The outcome in the record of a call that ended for this cause before anybody had answered.
    pub const fn unanswered(self) -> CdrOutcome {
        match self {
            Self::Busy => CdrOutcome::Busy,
            Self::NoAnswer | Self::Unreachable => CdrOutcome::NoAnswer,
            Self::Cancelled | Self::Normal | Self::AnsweredElsewhere | Self::Transferred => {
                CdrOutcome::Cancelled
            }
            Self::Declined | Self::Forbidden | Self::NotFound | Self::NotBuilt | Self::ByRequest => {
                CdrOutcome::Rejected
            }
            Self::NotAcceptable
            | Self::Failed
            | Self::Congestion
            | Self::MediaTimeout
            | Self::NoAck
            | Self::QueueLeft
            | Self::Shutdown
            | Self::Fault => CdrOutcome::Failed,
        }
    }

    /// What the distributor is told of an agent's phone that failed with this cause.
    pub const fn offer_result(self) -> OfferResult {
        match self {
            Self::Busy => OfferResult::Busy,
            Self::Declined | Self::ByRequest | Self::Normal => OfferResult::Rejected,
            Self::NoAnswer => OfferResult::Timeout,
            Self::Cancelled | Self::AnsweredElsewhere | Self::Transferred => OfferResult::Rescinded,
            Self::Unreachable
            | Self::NotFound
            | Self::Forbidden
            | Self::NotAcceptable
            | Self::Failed
            | Self::Congestion
            | Self::NotBuilt
            | Self::MediaTimeout
            | Self::NoAck
            | Self::QueueLeft
            | Self::Shutdown
            | Self::Fault => OfferResult::Unreachable,
        }
    }

    /// Which of two phones' causes says more to the caller: busy and refusal before silence, silence before
    /// faults (RFC 3261 section 16.7 step 6 chooses the lowest class in the same spirit).
    pub const fn weight(self) -> u8 {
        match self {
            Self::Declined => 5,
            Self::Busy => 4,
            Self::NoAnswer => 3,
            Self::Unreachable | Self::NotFound => 2,
            Self::NotAcceptable | Self::Forbidden => 1,
            Self::Normal
            | Self::Failed
            | Self::Congestion
            | Self::NotBuilt
            | Self::AnsweredElsewhere
            | Self::Cancelled
            | Self::MediaTimeout
            | Self::NoAck
            | Self::ByRequest
            | Self::QueueLeft
            | Self::Transferred
            | Self::Shutdown
            | Self::Fault => 0,
        }
    }
}
