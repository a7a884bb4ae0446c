//! SIP's status codes and the call's causes, each way. RFC 3398's tables and what phones send in practice.

use crate::call::Cause;

/// The cause that a final response to our INVITE gives.
pub(crate) fn of_status(status: u16, rang: bool) -> Cause {
    match status {
        486 | 600 => Cause::Busy,
        603 | 607 | 608 => Cause::Declined,
        404 | 410 | 484 | 604 => Cause::NotFound,
        480 | 408 | 430 if rang => Cause::NoAnswer,
        480 | 408 | 430 => Cause::Unreachable,
        401 | 403 | 407 => Cause::Forbidden,
        487 => Cause::Cancelled,
        406 | 415 | 488 | 606 => Cause::NotAcceptable,
        503 => Cause::Congestion,
        _ => Cause::Failed,
    }
}

/// The status and reason phrase that refuse a caller for that cause.
pub(crate) const fn refusal(cause: Cause) -> (u16, &'static str) {
    match cause {
        Cause::Busy => (486, "Busy Here"),
        Cause::Declined => (603, "Decline"),
        Cause::NotFound => (404, "Not Found"),
        Cause::Forbidden => (403, "Forbidden"),
        Cause::NotAcceptable => (488, "Not Acceptable Here"),
        Cause::Congestion | Cause::Shutdown => (503, "Service Unavailable"),
        Cause::NotBuilt => (501, "Not Implemented"),
        Cause::Cancelled | Cause::Transferred => (487, "Request Terminated"),
        Cause::Failed | Cause::Fault => (500, "Server Internal Error"),
        Cause::Normal
        | Cause::NoAnswer
        | Cause::Unreachable
        | Cause::AnsweredElsewhere
        | Cause::MediaTimeout
        | Cause::NoAck
        | Cause::ByRequest
        | Cause::QueueLeft => (480, "Temporarily Unavailable"),
    }
}

/// The `Reason` header (RFC 3326) of a BYE or CANCEL for that cause; an ordinary hang-up needs none.
pub(crate) const fn reason(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::AnsweredElsewhere => Some("SIP;cause=200;text=\"Call completed elsewhere\""),
        Cause::MediaTimeout => Some("Q.850;cause=31;text=\"No media\""),
        Cause::NoAck => Some("SIP;cause=408;text=\"No ACK\""),
        Cause::QueueLeft => Some("Q.850;cause=19;text=\"Left the queue\""),
        Cause::Shutdown => Some("Q.850;cause=41;text=\"Switch stopped\""),
        Cause::Fault => Some("Q.850;cause=41;text=\"Internal fault\""),
        Cause::Normal
        | Cause::Busy
        | Cause::Declined
        | Cause::NoAnswer
        | Cause::Unreachable
        | Cause::NotFound
        | Cause::Forbidden
        | Cause::NotAcceptable
        | Cause::Failed
        | Cause::Congestion
        | Cause::NotBuilt
        | Cause::Cancelled
        | Cause::Transferred
        | Cause::ByRequest => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_reject_button_is_a_refusal_and_silence_is_not() {
        assert_eq!(of_status(603, true), Cause::Declined);
        assert_eq!(of_status(486, true), Cause::Busy);
        assert_eq!(of_status(480, true), Cause::NoAnswer);
        assert_eq!(of_status(408, false), Cause::Unreachable);
        assert_eq!(refusal(Cause::Busy).0, 486);
        assert_eq!(refusal(Cause::Unreachable).0, 480);
    }
}
