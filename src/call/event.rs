//! What a call is told.

use crate::call::cause::Cause;
use crate::call::menu::Script;
use crate::ids::AgentId;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use std::time::Duration;

/// A leg: one party's connection with the switch. Unique within the process.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

/// How a key came.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a telephone event (RFC 4733).
    Event,
    /// As an INFO request.
    Info,
}

/// What the dial plan wants done with the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Ring these legs at once; the first that answers gets the caller.
    Ring(Vec<LegId>),
    /// Join the queue.
    Queue {
        /// Which.
        queue: QueueId,
        /// Its music's class.
        music: String,
    },
    /// Answer and play music of that class until the caller hangs up.
    Music(String),
    /// Ring these legs for so long; when none of them answers, ask where next.
    Attempt {
        /// The legs; at least one.
        legs: Vec<LegId>,
        /// How long.
        ring: Duration,
    },
    /// Answer and say something.
    Say {
        /// Names of sounds.
        sounds: Vec<String>,
        /// What follows.
        then: Afterwards,
    },
    /// Answer with a menu.
    Menu(Script),
    /// Answer, and be in a conference.
    Meeting {
        /// What is heard while nobody else is there; `None` is silence.
        music: Option<String>,
        /// Others are there.
        company: bool,
    },
}

/// What a supervisor does in a call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// He hears, and is not heard.
    Listen,
    /// He is heard by the one whom he supervises.
    Whisper,
    /// He is heard by all.
    Barge,
    /// He takes the place of the one whom he supervises.
    TakeOver,
}

/// As what somebody comes into a conversation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum GuestRole {
    /// As a party like the others.
    Party,
    /// As a supervisor of the party of that leg.
    Supervisor(Supervision, LegId),
}

/// What follows words that are said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The call ends.
    HangUp(Cause),
    /// The caller hears himself.
    Echo,
    /// He joins the queue.
    Join {
        /// Which.
        queue: QueueId,
        /// Its music's class.
        music: String,
    },
}

/// Where a party is transferred to.
#[derive(Clone, Debug, PartialEq)]
pub enum TransferTo {
    /// Ring these legs at once; the first that answers gets him.
    Dial(Vec<LegId>),
    /// These legs, which another call has dialled, ring already.
    Ringing(Vec<LegId>),
    /// Into the queue.
    Queue {
        /// Which.
        queue: QueueId,
        /// Its music's class.
        music: String,
    },
    /// To music of that class.
    Music(String),
}

/// What happened to a leg.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// The phone rings.
    Ringing,
    /// The far side sends audio before the answer.
    EarlyMedia,
    /// Its first audio has come: heard at last, whatever was said of audio before.
    Speaks,
    /// Answered.
    Answered,
    /// Ended before the answer.
    Failed(Cause),
    /// Ended: hung up by the party, or lost. The caller's CANCEL too.
    Ended(Cause),
    /// The party put the other on hold, or took him back.
    Held(bool),
}

/// An input of the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Carry out the plan; the first input.
    Begin(Plan),
    /// Something happened to a leg.
    Leg(LegId, LegEvent),
    /// The distributor took the caller in.
    Joined,
    /// The distributor put the caller out.
    Evicted(Cause),
    /// The distributor moved the caller to another queue.
    Moved {
        /// Which.
        queue: QueueId,
        /// Its music's class.
        music: String,
    },
    /// The distributor wants an agent's phones rung.
    RingAgent {
        /// The offer.
        offer: OfferUid,
        /// Whose phones.
        agent: AgentId,
        /// A leg for each of them.
        legs: Vec<LegId>,
    },
    /// The distributor takes an offer back.
    Rescind(OfferUid),
    /// The distributor gives the caller to the agent who answered this offer.
    Connect(OfferUid),
    /// A party has pressed a key: once for each press.
    Key {
        /// Whose.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
        /// How it came.
        way: Way,
    },
    /// Sounds have ended.
    Said {
        /// To whom they were said.
        leg: LegId,
        /// Their number, from `Hear::Sounds`.
        number: u32,
    },
    /// Rings somebody who is to come into the conversation.
    Invite {
        /// The legs of his phones.
        legs: Vec<LegId>,
        /// As what.
        role: GuestRole,
    },
    /// Somebody has called to come into the conversation.
    Arrive {
        /// His leg, an INVITE that is to be answered now.
        leg: LegId,
        /// As what.
        role: GuestRole,
    },
    /// A supervisor who is there does something else.
    Supervise {
        /// His leg.
        leg: LegId,
        /// What.
        mode: Supervision,
    },
    /// Puts somebody out of the conversation. Where no third party takes his place, the call ends.
    PutOut(LegId),
    /// Whether a party is kept from being heard.
    Mute {
        /// His leg.
        leg: LegId,
        /// Kept so?
        muted: bool,
    },
    /// A party puts the other on hold, or takes him back, not by his phone.
    Hold {
        /// His leg.
        leg: LegId,
        /// On hold?
        held: bool,
    },
    /// Whether anybody else is in the caller's conference.
    Company(bool),
    /// What the caller has chosen in a menu leads nowhere.
    NotChosen,
    /// A party hands the other one over. What the switch does by REFER, by the API and by a feature code is this.
    Transfer {
        /// The leg of the party that asks and leaves.
        by: LegId,
        /// Where the other one goes.
        to: TransferTo,
    },
    /// The legs of the phone that `Command::Recall` wanted rung; none when it can't be reached.
    Recall(Vec<LegId>),
    /// A leg takes the place of another one: a pickup (`out` rings), an INVITE with Replaces, the end of an attended
    /// transfer.
    TakeOver {
        /// The leg that goes.
        out: LegId,
        /// The leg that comes: answered, or an INVITE that is to be answered now.
        by: LegId,
    },
    /// Other legs than the transferor's belong to another call from now on; this one ends.
    GivenAway(Vec<LegId>),
    /// End everything.
    HangUp(Cause),
    /// The time of `poll_timeout` has come.
    Timeout,
}
