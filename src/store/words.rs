//! The stable words under which closed sets are stored.
//!
//! A stored word is never changed: renaming a variant in `record` does not rename what lies in a database.

use crate::record::AgentStatus;
use crate::record::CdrOutcome;
use crate::record::EntryKind;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;

/// A value that is stored as one word.
pub(crate) trait Word: Copy + Sized {
    /// The word.
    fn word(self) -> &'static str;
    /// The value of a stored word; `None` for one that this release does not know.
    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl Word for $type {
            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

words! { EntryKind { Call = "call", Callback = "callback" } }

words! {
    Outcome {
        Handled = "handled",
        Abandoned = "abandoned",
        Pending = "pending",
        EvictedCustomer = "evicted_customer",
        EvictedSystem = "evicted_system",
        EvictedUser = "evicted_user",
    }
}

words! {
    LeftReason {
        Answered = "answered",
        HungUp = "hung_up",
        Callback = "callback",
        Key = "key",
        Timeout = "timeout",
        Full = "full",
        JoinedEmpty = "joined_empty",
        LeftEmpty = "left_empty",
        Closed = "closed",
        Removed = "removed",
        Moved = "moved",
        Restart = "restart",
        Failed = "failed",
    }
}

words! {
    OfferResult {
        Accepted = "accepted",
        Rejected = "rejected",
        Busy = "busy",
        Timeout = "timeout",
        Unreachable = "unreachable",
        Cancelled = "cancelled",
        Rescinded = "rescinded",
    }
}

words! {
    AgentStatus {
        LoggedOut = "logged_out",
        Paused = "paused",
        Ready = "ready",
        Ringing = "ringing",
        Talking = "talking",
        WrapUp = "wrap_up",
        Unreachable = "unreachable",
    }
}

words! {
    CdrOutcome {
        Answered = "answered",
        Abandoned = "abandoned",
        Busy = "busy",
        NoAnswer = "no_answer",
        Cancelled = "cancelled",
        Rejected = "rejected",
        Failed = "failed",
    }
}
