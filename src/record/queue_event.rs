//! What happens to an entry (a caller or a callback) of a queue, from entering to leaving.
//!
//! Conservation rests on two rules: every entry has exactly one `Entered` and exactly one `Left`.

use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use std::time::Duration;

/// A live caller or a callback; conservation holds for each kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A caller on the line.
    Call,
    /// A promise to ring a customer back.
    Callback,
}

/// How an entry left its queue: the classes of FEATURES section E.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// An agent talked with the customer.
    Handled,
    /// The caller hung up while waiting.
    Abandoned,
    /// The caller asked to be called back.
    Pending,
    /// The caller left by a key.
    EvictedCustomer,
    /// The switch put the caller out: see [`LeftReason`].
    EvictedSystem,
    /// A supervisor removed or moved the entry.
    EvictedUser,
}

/// Why an entry left, finer than its outcome.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftReason {
    /// An agent answered.
    Answered,
    /// The caller hung up.
    HungUp,
    /// A callback was asked for.
    Callback,
    /// The caller pressed the exit key.
    Key,
    /// `max_wait_seconds` passed.
    Timeout,
    /// The queue was at `max_length`.
    Full,
    /// Nobody was logged in when the caller came.
    JoinedEmpty,
    /// The last agent left while the caller waited.
    LeftEmpty,
    /// Outside the opening hours.
    Closed,
    /// A supervisor or an API key removed the entry.
    Removed,
    /// A supervisor or an API key moved it to another queue.
    Moved,
    /// The switch was stopped or restarted.
    Restart,
    /// The switch could not go on with the call (no media, an internal fault).
    Failed,
}

/// How one offer to an agent ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferResult {
    /// The agent answered and got the caller.
    Accepted,
    /// The agent refused (reject button, 603, 486 by hand).
    Rejected,
    /// The agent's phone was busy.
    Busy,
    /// The ring timeout passed.
    Timeout,
    /// No phone of the agent could be reached.
    Unreachable,
    /// The caller left first.
    Cancelled,
    /// The switch took the offer back (answered elsewhere, agent logged out by force).
    Rescinded,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueChange {
    /// The entry joined the queue.
    Entered {
        /// The customer's number as shown.
        number: String,
        /// The customer's name as shown.
        name: Option<String>,
        /// Priority at entry.
        priority: i32,
    },
    /// The entry was offered to an agent.
    Offered {
        /// The offer.
        offer: OfferUid,
        /// To whom.
        agent: AgentId,
    },
    /// That offer ended; `Accepted` is followed by `Left`.
    OfferEnded {
        /// The offer.
        offer: OfferUid,
        /// Whose.
        agent: AgentId,
        /// How.
        result: OfferResult,
        /// How long the agent's phone rang.
        rang: Duration,
    },
    /// The entry left the queue.
    Left {
        /// The class it is counted under.
        outcome: Outcome,
        /// The finer reason.
        reason: LeftReason,
        /// Time in the queue.
        waited: Duration,
        /// Who took it, for `Handled`.
        agent: Option<AgentId>,
    },
    /// A handled customer's conversation ended, and then the agent's wrap-up: once for each `Handled`.
    Completed {
        /// Who handled it.
        agent: AgentId,
        /// From the connection to the end of the conversation, hold included.
        talk: Duration,
        /// The part of `talk` on hold.
        hold: Duration,
        /// Wrap-up that followed.
        wrap_up: Duration,
    },
}

/// One line of the queue's log.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueEvent {
    /// When.
    pub at: Wall,
    /// In which queue.
    pub queue: QueueId,
    /// Which entry.
    pub entry: EntryUid,
    /// Its kind.
    pub kind: EntryKind,
    /// The customer's call, for a live caller.
    pub call: Option<CallUid>,
    /// What happened.
    pub change: QueueChange,
}
