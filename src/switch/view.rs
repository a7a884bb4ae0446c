//! What the switch shows of itself: plain snapshots, copied out by the owner of the state on request.
//!
//! No JSON here (that is `http`'s) and no references into live state.

use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::QueueStatus;
use std::time::Duration;

/// An agent as the API and the page show him.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentView {
    /// His id.
    pub id: AgentId,
    /// His name.
    pub name: String,
    /// His phone's number.
    pub phone: String,
    /// His overall state.
    pub status: AgentStatus,
    /// The pause reason, when paused.
    pub reason: Option<String>,
    /// Since when he is in that state.
    pub since: Wall,
    /// A status asked for during a call, which takes effect after it and its wrap-up.
    pub pending: Option<QueueStatus>,
    /// His state in each queue.
    pub queues: Vec<AgentQueueView>,
    /// The offer that rings at his phone.
    pub offer: Option<OfferUid>,
    /// The call he is in.
    pub call: Option<CallUid>,
    /// When his wrap-up ends by itself.
    pub wrap_up_ends_at: Option<Wall>,
}

/// An agent's state in one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentQueueView {
    /// The queue.
    pub id: QueueId,
    /// His state there.
    pub status: QueueStatus,
    /// Since when.
    pub since: Wall,
}

/// How many agents of a queue are in each state.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentCounts {
    /// All that are not logged out of the queue.
    pub logged_in: u32,
    /// Free for an offer.
    pub ready: u32,
    /// With an offer.
    pub ringing: u32,
    /// In a conversation.
    pub talking: u32,
    /// After one.
    pub wrap_up: u32,
    /// Paused in this queue.
    pub paused: u32,
    /// Without a reachable phone.
    pub unreachable: u32,
}

/// Today's totals of a queue: a fold over its events since local midnight.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct TodayCounts {
    /// Entries that joined.
    pub entered: u64,
    /// Talked with an agent.
    pub handled: u64,
    /// Hung up waiting.
    pub abandoned: u64,
    /// Asked for a callback.
    pub pending: u64,
    /// Left by key.
    pub evicted_customer: u64,
    /// Put out by the switch.
    pub evicted_system: u64,
    /// Removed or moved by a person.
    pub evicted_user: u64,
    /// The part of `evicted_system` that waited `max_wait_seconds`.
    pub timed_out: u64,
}

/// The four service levels of FEATURES section E, each from 0 to 1; `None` while nothing was counted.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct ServiceLevels {
    /// Answered within the target / answered.
    pub a: Option<f64>,
    /// (Answered + abandoned within the target) / (answered + abandoned).
    pub b: Option<f64>,
    /// Answered within the target / (answered + abandoned).
    pub c: Option<f64>,
    /// Left within the target in any way / entered.
    pub d: Option<f64>,
}

/// A queue's real-time card.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueView {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Live callers waiting, the ringing ones included.
    pub waiting: u32,
    /// Callbacks waiting.
    pub callbacks_pending: u32,
    /// The longest present wait of a live caller.
    pub longest_wait: Duration,
    /// Its agents by state.
    pub agents: AgentCounts,
    /// Today's mean of talk + hold + wrap-up; `None` before the first.
    pub average_handle: Option<Duration>,
    /// Today's totals.
    pub today: TodayCounts,
    /// Today's service levels.
    pub service_level: ServiceLevels,
    /// Entered − waiting − outcomes since the start: must be 0.
    pub unbalanced: i64,
    /// Its agents' ids, in order.
    pub members: Vec<AgentId>,
}

/// A waiting entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerView {
    /// The entry.
    pub id: EntryUid,
    /// Live caller or callback.
    pub kind: EntryKind,
    /// The customer's call.
    pub call: Option<CallUid>,
    /// The number as shown.
    pub number: String,
    /// The name as shown.
    pub name: Option<String>,
    /// Priority.
    pub priority: i32,
    /// When it joined.
    pub entered_at: Wall,
    /// Time waited so far.
    pub waited: Duration,
    /// Place in the order of service, from 1.
    pub position: u32,
    /// Estimated wait, where enough is known.
    pub estimated_wait: Option<Duration>,
    /// Why it is still waiting, in words: "no agent ready".
    pub why: String,
}

/// What kind of work an offer is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OfferKind {
    /// A live caller.
    InboundQueue,
    /// A callback.
    CallbackRequest,
    /// A campaign contact.
    Campaign,
}

/// Where an offer stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// The agent's phone rings.
    Pending,
    /// The agent took it and talks.
    Accepted,
    /// The agent refused.
    Rejected,
    /// Not answered in time.
    Timeout,
    /// The caller left first.
    Cancelled,
    /// Taken back by the switch.
    Rescinded,
    /// The conversation is over, the agent wraps up.
    Wrapping,
    /// All over.
    Completed,
}

/// An offer as the API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferView {
    /// Its id.
    pub id: OfferUid,
    /// To whom.
    pub agent: AgentId,
    /// What it is.
    pub kind: OfferKind,
    /// From which queue.
    pub queue: QueueId,
    /// The customer's number.
    pub number: String,
    /// The customer's name.
    pub name: Option<String>,
    /// Where it stands.
    pub state: OfferState,
    /// When it was made.
    pub created_at: Wall,
    /// The customer's call.
    pub call: Option<CallUid>,
}

/// Where a call stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Somebody's phone rings.
    Ringing,
    /// The caller waits in a queue.
    Queued,
    /// Two parties talk (or one listens to music it dialled).
    Talking,
    /// One side put the other on hold.
    Held,
    /// In a parking slot.
    Parked,
    /// Over.
    Ended,
}

/// Which way a call goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a trunk.
    Inbound,
    /// To a trunk.
    Outbound,
    /// Between phones and queues of this switch.
    Internal,
}

impl Direction {
    /// The word that the API and the metrics use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
        }
    }
}

/// What a leg is to its call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LegRole {
    /// Who called.
    Caller,
    /// An agent who takes a queue's caller.
    Agent,
    /// Anybody else who was dialled.
    Party,
    /// A listening supervisor.
    Supervisor,
}

/// Where a leg stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum LegState {
    /// Not answered yet.
    Ringing,
    /// Answered.
    Up,
    /// On hold.
    Held,
    /// Over.
    Ended,
}

/// One leg of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct LegView {
    /// Its id within the process.
    pub id: u64,
    /// The party's number as shown.
    pub party: String,
    /// What it is to the call.
    pub role: LegRole,
    /// Where it stands.
    pub state: LegState,
    /// The codec in use, lower case (`pcma`).
    pub codec: Option<String>,
}

/// Whether a call is recorded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum RecordingState {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On,
    /// It is, with silence for now.
    Paused,
}

/// A call as the API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallView {
    /// Its id.
    pub id: CallUid,
    /// Where it stands.
    pub state: CallState,
    /// Which way it goes.
    pub direction: Direction,
    /// Who called.
    pub from: String,
    /// What was dialled.
    pub to: String,
    /// The queue it is or was in.
    pub queue: Option<QueueId>,
    /// The agent who talks or talked.
    pub agent: Option<AgentId>,
    /// First INVITE.
    pub started_at: Wall,
    /// When a person answered.
    pub answered_at: Option<Wall>,
    /// When its last leg ended.
    pub ended_at: Option<Wall>,
    /// Its legs.
    pub legs: Vec<LegView>,
    /// Whether it is recorded.
    pub recording: RecordingState,
    /// What happened, in order.
    pub timeline: Vec<(Wall, String)>,
}

/// A registered contact.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistrationView {
    /// The phone's number.
    pub number: String,
    /// Its Contact URI.
    pub contact: String,
    /// Where requests are sent: `udp:192.0.2.1:5060`.
    pub flow: String,
    /// What it said it is.
    pub user_agent: Option<String>,
    /// When it last registered.
    pub registered_at: Wall,
    /// When the binding ends.
    pub expires_at: Wall,
}

/// A trunk.
#[derive(Clone, Debug, PartialEq)]
pub struct TrunkView {
    /// Its id.
    pub id: String,
    /// `ip`, `register` or `digest`.
    pub kind: String,
    /// Calls up on it.
    pub calls: u32,
    /// Its limit of calls.
    pub max_calls: u32,
    /// Whether calls can be sent to one of its targets.
    pub up: bool,
    /// Whether our registration there holds; `None` where we don't register.
    pub registered: Option<bool>,
    /// Where calls can go, in the order of the configuration.
    pub targets: Vec<TargetView>,
}

/// A target of a trunk.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetView {
    /// Where: `udp:192.0.2.1:5060`.
    pub address: String,
    /// Whether calls are sent there.
    pub up: bool,
    /// The round trip of its last OPTIONS.
    pub round_trip: Option<Duration>,
}

/// Something that changed, for those who watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Grows by one with each notice of this process.
    pub sequence: u64,
    /// When.
    pub at: Wall,
    /// A stable word such as `offer.accepted`; the part before the dot names the kind of thing.
    pub kind: &'static str,
    /// The thing as it is now.
    pub subject: Subject,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// An agent.
    Agent(AgentView),
    /// A queue's card.
    Queue(QueueView),
    /// An offer.
    Offer(OfferView),
    /// A call.
    Call(CallView),
    /// A waiting caller, with his queue.
    Caller(QueueId, CallerView),
    /// A registration.
    Registration(RegistrationView),
    /// Something that somebody should look at.
    Alarm(AlarmView),
    /// A trunk.
    Trunk(TrunkView),
}

/// Something that somebody should look at: passwords are guessed at, or a phone spends too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmView {
    /// What kind: `auth_blocked`, `toll`.
    pub kind: &'static str,
    /// Which limit was met: `source`, `calls_per_hour`.
    pub reason: &'static str,
    /// The account, as it was claimed.
    pub account: String,
    /// From where, when it is of one address.
    pub source: Option<std::net::IpAddr>,
}

impl AlarmView {
    /// An alarm.
    pub fn new(
        kind: &'static str,
        reason: &'static str,
        account: &str,
        source: Option<std::net::IpAddr>,
    ) -> Self {
        Self { kind, reason, account: account.to_owned(), source }
    }
}
