//! What a call wants done.

use crate::call::cause::Cause;
use crate::call::event::LegId;
use crate::call::event::Way;
use crate::call::menu::Choice;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::record::Cdr;
use crate::record::OfferResult;

/// What a leg's party hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hear {
    /// Nothing.
    Silence,
    /// The party of another leg.
    Leg(LegId),
    /// Music of a class.
    Music(String),
    /// Sounds, once; the switch answers with `Said`.
    Sounds {
        /// Their names.
        names: Vec<String>,
        /// Their number in this call.
        number: u32,
    },
    /// The tone of a phone that rings.
    Ringback,
    /// The others in the room of this call, who hear him as the audience says.
    Room(Audience),
}

/// Who hears a party of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody else in it.
    All,
    /// The parties of these legs alone.
    Only(Vec<LegId>),
}

/// Word for the distributor about this call's caller.
#[derive(Clone, Debug, PartialEq)]
pub enum ToQueue {
    /// Take the caller in; the switch answers with `Joined` or `Evicted`.
    Join(QueueId),
    /// The caller hung up while waiting.
    HungUp,
    /// A person ended the call while the caller waited.
    Removed,
    /// The switch lost the call while the caller waited.
    Failed,
    /// The agent's phone rings.
    Ringing(OfferUid),
    /// The agent's phone was answered; the switch answers with `Connect` or `Rescind`.
    Answered(OfferUid),
    /// Agent and caller hear each other, as `Connect` asked.
    Connected(OfferUid),
    /// The agent's phones failed or refused.
    Refused(OfferUid, OfferResult),
    /// The customer was put on hold, or taken back.
    Held(OfferUid, bool),
    /// The customer's conversation with the agent ended.
    ConversationEnded(OfferUid),
}

/// How far a transfer is, for the party that asked for it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TransferStep {
    /// The target rings.
    Ringing,
    /// Done: the party's leg ends.
    Done,
    /// It came to nothing; who is still there has the other party back.
    Failed(Cause),
}

/// A command to the switch.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Tell the caller that it rings, or (`media`) that audio comes before the answer.
    Progress {
        /// The caller's leg.
        leg: LegId,
        /// With audio: the leg whose party is heard.
        media: Option<LegId>,
    },
    /// Answer the caller; `like` is the leg whose codec is wished.
    Answer {
        /// The caller's leg.
        leg: LegId,
        /// The other leg.
        like: Option<LegId>,
    },
    /// Refuse the caller, who was not answered yet.
    Refuse {
        /// The caller's leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// Ring that leg's phone.
    Dial {
        /// The leg; the switch knows whose it is.
        leg: LegId,
        /// The leg whose codec is wished.
        like: LegId,
    },
    /// End a leg, answered or not.
    HangUp {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// From now on the leg's party hears this.
    Hear {
        /// The leg.
        leg: LegId,
        /// What.
        what: Hear,
    },
    /// Tell the party that it was put on hold, or taken back.
    PassHold {
        /// The leg of the party that is told.
        leg: LegId,
        /// On hold?
        held: bool,
    },
    /// Tell who asked for a transfer how far it is.
    Transfer {
        /// His leg, which may be over.
        by: LegId,
        /// How far.
        step: TransferStep,
    },
    /// Ring the phone of the transferor, who has hung up: the transfer failed. The switch answers with `Recall`.
    Recall {
        /// His leg, which is over.
        by: LegId,
    },
    /// Tell the distributor.
    Queue(ToQueue),
    /// Nobody has answered, for that cause: the switch answers with `Begin` or `HangUp`.
    Next(Cause),
    /// The caller has chosen in a menu: the switch answers with `Begin`, `HangUp` or `NotChosen`.
    Chosen(Choice),
    /// Pass a key on to a party, as he can take it.
    PassKey {
        /// To whom.
        leg: LegId,
        /// Which.
        key: char,
        /// How it came.
        way: Way,
    },
    /// For the call's timeline.
    Note(&'static str),
    /// All is over: the last command of a call.
    Finished(Box<Cdr>),
}
