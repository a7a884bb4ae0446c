//! How an agent's state changes: log-in, pauses with their reasons, ringing, talking, wrap-up.

use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::QueueId;

/// What an agent wants in one queue; kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum QueueStatus {
    /// Not logged in to the queue.
    #[default]
    LoggedOut,
    /// Takes this queue's callers.
    Ready,
    /// Logged in, takes none; with the configured reason's id.
    Paused {
        /// The reason's id, where one was given.
        reason: Option<String>,
    },
}

/// An agent's one state as everybody sees it, derived from his queues' states and what he is doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentStatus {
    /// In no queue.
    LoggedOut,
    /// Logged in, paused in every queue he is logged in to.
    Paused,
    /// Free for an offer in at least one queue.
    Ready,
    /// Has an offer.
    Ringing,
    /// In a conversation, of a queue or not.
    Talking,
    /// After a conversation, not yet free.
    WrapUp,
    /// Would be ready, but no phone of his can be reached.
    Unreachable,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentChange {
    /// His overall state.
    Status {
        /// The new state.
        status: AgentStatus,
        /// The pause reason, when paused.
        reason: Option<String>,
    },
    /// His state in one queue: what must survive a restart.
    Queue {
        /// Which queue.
        queue: QueueId,
        /// The new state.
        status: QueueStatus,
    },
}

/// One line of the agents' log.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentEvent {
    /// When.
    pub at: Wall,
    /// Who.
    pub agent: AgentId,
    /// By whom: the agent's own id, a supervisor's, an API key's, or `None` for the switch itself.
    pub by: Option<String>,
    /// What.
    pub change: AgentChange,
}
