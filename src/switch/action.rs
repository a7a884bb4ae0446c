//! What the API may ask of the switch: actions that change something, questions that do not, and their answers.
//!
//! They travel over one bounded channel to the owner of the state; a full channel is answered with `Busy`, at once.

use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::QueueStatus;
use crate::store::PhoneSetting;
use crate::switch::forwarding::PhoneSettings;
use crate::switch::view::AgentView;
use crate::switch::view::CallView;
use crate::switch::view::CallerView;
use crate::switch::view::OfferView;
use crate::switch::view::QueueView;
use crate::switch::view::RegistrationView;
use crate::switch::view::TrunkView;
use crate::trace::Packet;

pub use crate::call::Supervision;

/// A change that somebody asks for. Rights were checked before it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sets an agent's status in the named queues, or in all of them at once.
    SetAgentStatus {
        /// Whose.
        agent: AgentId,
        /// The status wanted.
        status: QueueStatus,
        /// In which queues; `None` is everywhere (FEATURES A2, A3).
        queues: Option<Vec<QueueId>>,
        /// Who asked: an agent's or an API key's id.
        by: String,
    },
    /// Ends an agent's wrap-up now.
    EndWrapUp {
        /// Whose.
        agent: AgentId,
        /// Who asked.
        by: String,
    },
    /// Changes a waiting caller's place.
    MoveCaller {
        /// In which queue he is.
        queue: QueueId,
        /// Who.
        caller: EntryUid,
        /// To which queue.
        to_queue: Option<QueueId>,
        /// To which position, from 1.
        position: Option<u32>,
        /// To which priority.
        priority: Option<i32>,
        /// Who asked.
        by: String,
    },
    /// Removes a waiting caller: his call ends.
    RemoveCaller {
        /// From which queue.
        queue: QueueId,
        /// Who.
        caller: EntryUid,
        /// Who asked.
        by: String,
    },
    /// Answers the agent's phone from outside, where the phone can do that.
    AcceptOffer(OfferUid),
    /// Refuses an offer; the caller goes to the next agent.
    RejectOffer(OfferUid),
    /// Sets something of a phone: do not disturb or a forwarding.
    SetPhone {
        /// Whose.
        phone: PhoneNumber,
        /// What.
        setting: PhoneSetting,
        /// A number, or `on`; empty is off, `None` is what the file says.
        value: Option<String>,
        /// Who asked.
        by: String,
    },
    /// Changes a conversation.
    Parties {
        /// Which call.
        call: CallUid,
        /// How.
        change: PartyChange,
        /// Who asked.
        by: String,
    },
    /// Starts, pauses, resumes or stops a call's recording.
    Record {
        /// Which call.
        call: CallUid,
        /// What.
        what: RecordingAction,
        /// An agent asks for himself: the configuration says how far he may go.
        is_agent: bool,
        /// Who asked.
        by: String,
    },
    /// Ends all legs of a call.
    HangUp {
        /// Which call.
        call: CallUid,
        /// Who asked.
        by: String,
    },
}

/// A change of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum PartyChange {
    /// Rings somebody who is to come in as a party like the others.
    Add {
        /// The number, as a phone of ours would dial it.
        to: String,
    },
    /// Puts a leg out; where nobody takes its place, the call ends.
    Remove {
        /// The leg's id.
        leg: u64,
    },
    /// Rings a supervisor's phone, or has him do something else where he is there.
    Supervise {
        /// His phone's number.
        phone: String,
        /// What he does.
        mode: Supervision,
    },
    /// Keeps the agent from being heard, or lets him be heard again.
    Mute(bool),
    /// The agent puts the others on hold, or takes them back.
    Hold(bool),
    /// Sends keys to whom the agent talks with.
    Press(String),
}

/// What is to become of a call's recording.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RecordingAction {
    /// One begins.
    Start,
    /// It is silent.
    Pause,
    /// It has sound again.
    Resume,
    /// It ends.
    Stop,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The agent's new state; `pending` in it says whether it waits for the end of a call.
    Agent(Box<AgentView>),
    /// The caller's new place.
    Caller(CallerView),
    /// The caller has left.
    Removed,
    /// The offer's new state.
    Offer(OfferView),
    /// The call's new state.
    Call(Box<CallView>),
    /// What holds for the phone now.
    Phone(Box<PhoneSettings>),
}

/// Why an action was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// The kind of thing: `agent`, `queue`, `caller`, `offer`, `call`.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// The state of the thing forbids it.
    #[error("{detail}")]
    Conflict {
        /// A stable word for programs: `offer_not_pending`.
        code: &'static str,
        /// What the state is and what would be needed.
        detail: String,
    },
    /// A field's value is not acceptable.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field's name in the request.
        field: &'static str,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// Who asks may not do that here.
    #[error("{detail}")]
    Denied {
        /// What he may not, and what he may.
        detail: String,
    },
    /// The switch has too much to do, or is ending.
    #[error("the switch is busy; try again")]
    Busy,
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// All agents.
    Agents,
    /// One agent.
    Agent(AgentId),
    /// All queues.
    Queues,
    /// One queue.
    Queue(QueueId),
    /// A queue's waiting callers in order of service.
    Callers(QueueId),
    /// Offers: the live ones and a short tail of ended ones.
    Offers,
    /// One offer.
    Offer(OfferUid),
    /// The live calls.
    Calls,
    /// One call, live or in the short tail of ended ones.
    Call(CallUid),
    /// Registered contacts.
    Registrations,
    /// Trunks.
    Trunks,
    /// Everything that an event stream starts from.
    Snapshot,
    /// Gauges for Prometheus.
    Gauges,
    /// The SIP messages of a call that are still kept; of all calls and registrations without one.
    Trace(Option<CallUid>),
}

/// Its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `Agents`.
    Agents(Vec<AgentView>),
    /// To `Agent`.
    Agent(Box<AgentView>),
    /// To `Queues`.
    Queues(Vec<QueueView>),
    /// To `Queue`.
    Queue(Box<QueueView>),
    /// To `Callers`.
    Callers(Vec<CallerView>),
    /// To `Offers`.
    Offers(Vec<OfferView>),
    /// To `Offer`.
    Offer(OfferView),
    /// To `Calls`.
    Calls(Vec<CallView>),
    /// To `Call`.
    Call(Box<CallView>),
    /// To `Registrations`.
    Registrations(Vec<RegistrationView>),
    /// To `Trunks`.
    Trunks(Vec<TrunkView>),
    /// To `Snapshot`.
    Snapshot(Box<Snapshot>),
    /// To `Gauges`.
    Gauges(Box<Gauges>),
    /// To `Trace`: the oldest first, as they were on the wire.
    Trace(Vec<Packet>),
}

/// All that an event stream starts from, and the sequence of the last notice in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Notices after this one are not yet in the snapshot.
    pub sequence: u64,
    /// All agents.
    pub agents: Vec<AgentView>,
    /// All queues.
    pub queues: Vec<QueueView>,
    /// The live offers.
    pub offers: Vec<OfferView>,
    /// The live calls.
    pub calls: Vec<CallView>,
}

/// What Prometheus reads at a scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gauges {
    /// All queues' cards.
    pub queues: Vec<QueueView>,
    /// Number of agents in each state.
    pub agents: Vec<(crate::record::AgentStatus, u64)>,
    /// Registered contacts by transport.
    pub registrations: Vec<(&'static str, u64)>,
    /// Live calls by direction and state.
    pub calls: Vec<(&'static str, &'static str, u64)>,
    /// Subscriptions by event.
    pub subscriptions: Vec<(&'static str, u64)>,
    /// No new calls are taken.
    pub draining: bool,
}
