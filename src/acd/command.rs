//! What the distributor is told: by the callers' calls, by the agents' phones, by people, and by the clock.
//!
//! Events race by nature: an input about something that is already over is ignored. What a person asks for can be
//! checked first with [`Acd::validate`](crate::acd::Acd::validate).

use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::QueueStatus;

/// One thing that happened or is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A caller enters a queue.
    Join {
        /// A new id for this stay.
        entry: EntryUid,
        /// His call.
        call: CallUid,
        /// Which queue.
        queue: QueueId,
        /// His number as shown.
        number: String,
        /// His name as shown.
        name: Option<String>,
        /// His priority; the queue's where `None`.
        priority: Option<i32>,
    },
    /// The caller hung up while he waited. After `Connected` it is [`Input::ConversationEnded`] that counts.
    HungUp {
        /// Who.
        entry: EntryUid,
    },
    /// The switch lost the waiting call (no media, an internal fault).
    Failed {
        /// Whose.
        entry: EntryUid,
    },
    /// The caller leaves by a rule that the shell knows: a key, a callback asked for, closing time.
    Exit {
        /// Who.
        entry: EntryUid,
        /// `Key`, `Callback` or `Closed`; other reasons have inputs of their own and are ignored here.
        reason: LeftReason,
    },
    /// A supervisor puts the caller out.
    Remove {
        /// Whom.
        entry: EntryUid,
        /// Who asked; the shell keeps the audit trail.
        by: Option<String>,
    },
    /// A supervisor changes the caller's place. Into another queue it is a new stay: see
    /// [`Output::Moved`](crate::acd::Output::Moved).
    Move {
        /// Whom.
        entry: EntryUid,
        /// Into which queue; `None` or his own: he stays in his.
        to_queue: Option<QueueId>,
        /// To which place, from 1; beyond the end is the end. `None`: where his priority and waiting time put him.
        position: Option<u32>,
        /// With which priority.
        priority: Option<i32>,
        /// Who asked; the shell keeps the audit trail.
        by: Option<String>,
    },
    /// The agent's phone rings.
    Ringing {
        /// For which offer.
        offer: OfferUid,
    },
    /// The agent's phone was answered. `Connect` follows, or `Rescind` when the caller is gone.
    Answered {
        /// For which offer.
        offer: OfferUid,
    },
    /// Agent and caller are bridged, as `Connect` asked: now the caller is handled. If this does not come in
    /// 10 s the connection counts as failed.
    Connected {
        /// For which offer.
        offer: OfferUid,
    },
    /// The offer came to nothing on the agent's side: his phone refused, could not be reached, was rejected by API, or
    /// hung up or failed before `Connected`. The caller keeps his place and goes to the next agent.
    Refused {
        /// Which offer.
        offer: OfferUid,
        /// `Rejected`, `Busy`, `Timeout` or `Unreachable`; others count as `Rejected`.
        why: OfferResult,
    },
    /// The customer was put on hold or taken back.
    Held {
        /// In which conversation.
        offer: OfferUid,
        /// Whether he is on hold now.
        held: bool,
    },
    /// The customer's conversation with the agent ended: wrap-up starts.
    ConversationEnded {
        /// Which conversation.
        offer: OfferUid,
    },
    /// An agent's status in the named queues or everywhere: all at once, or pending until his call is over.
    SetStatus {
        /// Whose.
        agent: AgentId,
        /// The status wanted.
        status: QueueStatus,
        /// Where; `None` is everywhere (FEATURES A2, A3).
        queues: Option<Vec<QueueId>>,
        /// Who asked.
        by: Option<String>,
    },
    /// Ends an agent's wrap-up.
    EndWrapUp {
        /// Whose.
        agent: AgentId,
        /// Who asked.
        by: Option<String>,
    },
    /// Whether a phone of the agent can be reached. Agents are not reachable until this says so.
    Reachable {
        /// Whose.
        agent: AgentId,
        /// Whether it can.
        reachable: bool,
    },
    /// Whether the agent's phone is in a call that is not of a queue. Never for the legs of offers.
    Busy {
        /// Whose.
        agent: AgentId,
        /// Whether it is.
        busy: bool,
    },
    /// The switch ends: who waits is put out, nobody is offered anything any more, wrap-ups end.
    Stop,
    /// The time that `poll_timeout` named has come.
    Timeout,
}
