//! Facts that are kept: what the append-only log holds and every figure is folded from.
//!
//! A fact is made by the distributor or by a call, stamped once, never changed. Storing is `store`'s work, adding up
//! is the folds' below, JSON is `http`'s.

pub mod agent_event;
pub mod cdr;
pub mod local_day;
pub mod queue_event;
pub mod queue_fold;

pub use agent_event::{AgentChange, AgentEvent, AgentStatus, QueueStatus};
pub use cdr::{Cdr, CdrOutcome};
pub use local_day::LocalDay;
pub use queue_event::{EntryKind, LeftReason, OfferResult, Outcome, QueueChange, QueueEvent};
pub use queue_fold::{QueueCounts, QueueFold};

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Something happened to an entry of a queue.
    Queue(QueueEvent),
    /// An agent's state changed.
    Agent(AgentEvent),
    /// A call ended.
    Cdr(Cdr),
}
