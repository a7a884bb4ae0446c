//! The call detail record: one for each call, written when its last leg has ended.

use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use std::time::Duration;

/// How the call ended, from the caller's side.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CdrOutcome {
    /// Somebody talked with the caller.
    Answered,
    /// The caller hung up in a queue.
    Abandoned,
    /// The called party was busy.
    Busy,
    /// The called party did not answer in time.
    NoAnswer,
    /// The caller hung up before the answer.
    Cancelled,
    /// The called party or the switch refused.
    Rejected,
    /// It could not be done.
    Failed,
}

/// The record.
#[derive(Clone, Debug, PartialEq)]
pub struct Cdr {
    /// The call.
    pub call: CallUid,
    /// Who called: the number as shown.
    pub from: String,
    /// What was dialled.
    pub to: String,
    /// First INVITE.
    pub started_at: Wall,
    /// When a person answered (not the queue's music).
    pub answered_at: Option<Wall>,
    /// Last leg's end.
    pub ended_at: Wall,
    /// How it ended.
    pub outcome: CdrOutcome,
    /// The finer cause, a stable word such as `normal`, `media_timeout`, `restart`, `no_ack`.
    pub cause: String,
    /// The last queue it was in.
    pub queue: Option<QueueId>,
    /// The last agent who talked.
    pub agent: Option<AgentId>,
    /// Time in queues.
    pub wait: Duration,
    /// Time talking, hold included.
    pub talk: Duration,
    /// Time on hold.
    pub hold: Duration,
    /// The agent's wrap-up.
    pub wrap_up: Duration,
}
