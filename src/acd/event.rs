//! What the distributor wants done and told.
//!
//! In one step's outputs commands and queue facts stand in the order in which they happened, then come the agents'
//! new states, then what changed, each thing once.

use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use std::time::Duration;

/// One thing for the shell to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ring the agent's phone.
    Offer {
        /// The offer's new id.
        offer: OfferUid,
        /// To whom.
        agent: AgentId,
        /// His phone.
        phone: PhoneNumber,
        /// Which caller.
        entry: EntryUid,
        /// The caller's call.
        call: CallUid,
        /// From which queue.
        queue: QueueId,
        /// How long it rings; the distributor takes the time itself.
        ring_timeout: Duration,
    },
    /// Stop ringing, or hang up the agent's leg if it was answered meanwhile. Each offer that did not come to
    /// `Connected` gets it, also one that the phone refused (then there is nothing left to do), and again each
    /// late answer.
    Rescind {
        /// Which offer.
        offer: OfferUid,
        /// How it ended.
        why: OfferResult,
    },
    /// Bridge the two now, then say [`Input::Connected`](crate::acd::Input::Connected), or
    /// [`Input::Refused`](crate::acd::Input::Refused) when it can't be done.
    Connect {
        /// For which offer.
        offer: OfferUid,
        /// Which caller.
        entry: EntryUid,
        /// The caller's call.
        call: CallUid,
        /// With whom.
        agent: AgentId,
        /// From which queue.
        queue: QueueId,
    },
    /// The caller is out by a decision of the distributor or of a supervisor: his call goes to the overflow or ends.
    Evict {
        /// Who.
        entry: EntryUid,
        /// His call.
        call: CallUid,
        /// From which queue.
        queue: QueueId,
        /// Why.
        reason: LeftReason,
    },
    /// A supervisor moved the caller into another queue: the old stay has ended, this is the new one.
    Moved {
        /// The stay that ended.
        entry: EntryUid,
        /// The new stay's id.
        into: EntryUid,
        /// The call, still the same.
        call: CallUid,
        /// The new queue.
        queue: QueueId,
    },
    /// A line for the log.
    Fact(Fact),
    /// Something looks different now.
    Changed(Changed),
}

/// What looks different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// An agent.
    Agent(AgentId),
    /// A queue's card.
    Queue(QueueId),
    /// An offer.
    Offer(OfferUid),
    /// A caller, waiting or just gone.
    Caller(EntryUid),
}
