//! The closed sets of words in the bodies, each made from the switch's own enum.

use crate::record;
use crate::switch::action;
use crate::switch::view;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident from $source:ty { $($case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub(crate) enum $name { $(#[serde(rename = $text)] $case,)* }

        #[allow(dead_code, reason = "not every set of words is written outside of JSON")]
        impl $name {
            /// The word.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $text,)* }
            }

            /// All words.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$case),*];
        }

        impl From<$source> for $name {
            fn from(source: $source) -> Self {
                match source { $(<$source>::$case => Self::$case,)* }
            }
        }
    };
}

words! {
    /// An agent's overall state.
    AgentStatus from record::AgentStatus {
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
    /// A live caller or a callback.
    EntryKind from record::EntryKind {
        Call = "call",
        Callback = "callback",
    }
}
words! {
    /// What kind of work an offer is.
    OfferType from view::OfferKind {
        InboundQueue = "inbound_queue",
        CallbackRequest = "callback_request",
        Campaign = "campaign",
    }
}
words! {
    /// Where an offer stands.
    OfferState from view::OfferState {
        Pending = "pending",
        Accepted = "accepted",
        Rejected = "rejected",
        Timeout = "timeout",
        Cancelled = "cancelled",
        Rescinded = "rescinded",
        Wrapping = "wrapping",
        Completed = "completed",
    }
}
words! {
    /// Where a call stands.
    CallState from view::CallState {
        Ringing = "ringing",
        Queued = "queued",
        Talking = "talking",
        Held = "held",
        Parked = "parked",
        Ended = "ended",
    }
}
words! {
    /// Which way a call goes.
    Direction from view::Direction {
        Inbound = "inbound",
        Outbound = "outbound",
        Internal = "internal",
    }
}
words! {
    /// What a leg is to its call.
    LegRole from view::LegRole {
        Caller = "caller",
        Agent = "agent",
        Party = "party",
        Supervisor = "supervisor",
    }
}
words! {
    /// What a supervisor does in a call.
    SuperviseMode from action::Supervision {
        Listen = "listen",
        Whisper = "whisper",
        Barge = "barge",
        TakeOver = "take_over",
    }
}
words! {
    /// Where a leg stands.
    LegState from view::LegState {
        Ringing = "ringing",
        Up = "up",
        Held = "held",
        Ended = "ended",
    }
}
words! {
    /// Whether a call is being recorded.
    Recording from view::RecordingState {
        Off = "off",
        On = "on",
        Paused = "paused",
    }
}
words! {
    /// How a call ended, from the caller's side.
    CdrOutcome from record::CdrOutcome {
        Answered = "answered",
        Abandoned = "abandoned",
        Busy = "busy",
        NoAnswer = "no_answer",
        Cancelled = "cancelled",
        Rejected = "rejected",
        Failed = "failed",
    }
}

/// An agent's state in one queue, and what he may be asked to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) enum QueueStatus {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "paused")]
    Paused,
    #[serde(rename = "logged_out")]
    LoggedOut,
}

impl QueueStatus {
    /// The word and the pause reason of the switch's status.
    pub(crate) fn split(status: record::QueueStatus) -> (Self, Option<String>) {
        match status {
            record::QueueStatus::LoggedOut => (Self::LoggedOut, None),
            record::QueueStatus::Ready => (Self::Ready, None),
            record::QueueStatus::Paused { reason } => (Self::Paused, reason),
        }
    }
}
