//! What the distributor shows of itself: copies, taken on request, for the API and the page.
//!
//! Not today's figures: those are a [`QueueFold`](crate::record::QueueFold) of the facts.

use crate::acd::agent::Agent;
use crate::acd::agent::AgentNo;
use crate::acd::agent::Class;
use crate::acd::agent::Work;
use crate::acd::caller::Caller;
use crate::acd::machine::Acd;
use crate::acd::queue::Queue;
use crate::acd::reservation::Reservation;
use crate::acd::reservation::Stage;
use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::OfferResult;
use crate::record::QueueCounts;
use crate::record::QueueStatus;
use std::fmt;
use std::time::Duration;

/// An agent as he is now.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCard {
    /// His id.
    pub id: AgentId,
    /// His name.
    pub name: String,
    /// His phone.
    pub phone: PhoneNumber,
    /// His overall state.
    pub status: AgentStatus,
    /// The pause reason, when paused.
    pub reason: Option<String>,
    /// Since when he is in that state.
    pub since: Wall,
    /// A status that waits for the end of his call and wrap-up.
    pub pending: Option<QueueStatus>,
    /// His state in each of his queues.
    pub queues: Vec<SeatCard>,
    /// The offer that rings at his phone.
    pub offer: Option<OfferUid>,
    /// The customer's call that he answered.
    pub call: Option<CallUid>,
    /// When his wrap-up ends by itself.
    pub wrap_up_ends_at: Option<Wall>,
}

/// An agent's state in one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct SeatCard {
    /// The queue.
    pub queue: QueueId,
    /// The state.
    pub status: QueueStatus,
    /// Since when.
    pub since: Wall,
}

/// A queue's agents by what they do; each who is logged in is in exactly one class. Who is paused in this queue counts
/// as paused also while another queue rings him.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// All of the below.
    pub logged_in: u32,
    /// Free, or resting for some seconds after an offer that came to nothing.
    pub ready: u32,
    /// With an offer, of any queue.
    pub ringing: u32,
    /// In a call, of any queue or of none.
    pub talking: u32,
    /// In wrap-up.
    pub wrap_up: u32,
    /// Paused in this queue.
    pub paused: u32,
    /// Without a phone that can be reached.
    pub unreachable: u32,
}

impl ClassCounts {
    pub(crate) const fn of(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Ready => &mut self.ready,
            Class::Ringing => &mut self.ringing,
            Class::Talking => &mut self.talking,
            Class::WrapUp => &mut self.wrap_up,
            Class::Paused => &mut self.paused,
            Class::Unreachable => &mut self.unreachable,
        }
    }
}

/// A queue as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueCard {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Callers who wait, the ringing ones included.
    pub waiting: u32,
    /// The longest present wait in this queue.
    pub longest_wait: Duration,
    /// Its agents by what they do.
    pub agents: ClassCounts,
    /// Its agents, in the order of the settings.
    pub members: Vec<AgentId>,
    /// Counts since the start of the switch, by the distributor itself and not by the log.
    pub totals: QueueCounts,
}

/// Why a caller is still waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingReason {
    /// An agent has answered, the bridge is being made.
    Connecting,
    /// The phones of so many agents ring for him.
    Ringing(u32),
    /// Nobody is logged in to the queue.
    NobodyLoggedIn,
    /// All who are logged in are paused.
    AllPaused,
    /// No phone of those who would be ready can be reached.
    NobodyReachable,
    /// Those who are ready did not take their last offer and are left in peace for some seconds.
    Resting,
    /// All who would be ready have other callers.
    AllBusy,
}

impl fmt::Display for WaitingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("an agent has answered"),
            Self::Ringing(1) => f.write_str("an agent's phone rings"),
            Self::Ringing(phones) => write!(f, "the phones of {phones} agents ring"),
            Self::NobodyLoggedIn => f.write_str("no agent logged in"),
            Self::AllPaused => f.write_str("all agents paused"),
            Self::NobodyReachable => f.write_str("no agent's phone reachable"),
            Self::Resting => f.write_str("no agent ready: the last offer was not taken"),
            Self::AllBusy => f.write_str("no agent ready"),
        }
    }
}

/// A waiting caller.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerCard {
    /// His stay.
    pub id: EntryUid,
    /// What kind of entry he is.
    pub kind: EntryKind,
    /// His call.
    pub call: CallUid,
    /// His queue.
    pub queue: QueueId,
    /// His number as shown.
    pub number: String,
    /// His name as shown.
    pub name: Option<String>,
    /// His priority.
    pub priority: i32,
    /// When he entered this queue.
    pub entered_at: Wall,
    /// Time in this queue so far.
    pub waited: Duration,
    /// Time since he first began to wait, before he was moved here.
    pub waited_in_all: Duration,
    /// Place in the order of service, from 1.
    pub position: u32,
    /// The wait still before him at the queue's recent pace; `None` while that is not known or nobody is logged in.
    pub estimated_wait: Option<Duration>,
    /// Why he is still waiting.
    pub why: WaitingReason,
}

/// Where an offer stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OfferPhase {
    /// The agent's phone rings.
    Pending,
    /// He took it: he is being connected or talks.
    Accepted,
    /// He wraps up.
    Wrapping,
    /// Over; `Accepted` when it was completed.
    Ended(OfferResult),
}

/// An offer, live or just over.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferCard {
    /// Its id.
    pub id: OfferUid,
    /// To whom.
    pub agent: AgentId,
    /// From which queue.
    pub queue: QueueId,
    /// Which caller.
    pub entry: EntryUid,
    /// His call.
    pub call: CallUid,
    /// His number as shown.
    pub number: String,
    /// His name as shown.
    pub name: Option<String>,
    /// Where it stands.
    pub phase: OfferPhase,
    /// When it was made.
    pub created_at: Wall,
}

impl Acd {
    /// All agents, in the order of the settings.
    pub fn agents(&self) -> Vec<AgentCard> {
        self.agents.iter().map(|agent| self.agent_card(agent)).collect()
    }

    /// One agent.
    pub fn agent(&self, id: &AgentId) -> Option<AgentCard> {
        self.agent_nos.get(id).map(|no| self.agent_card(&self.agents[no.0]))
    }

    /// All queues, in the order of the settings, as of `now`.
    pub fn queues(&self, now: Instant) -> Vec<QueueCard> {
        self.queues.iter().map(|queue| self.queue_card(queue, now)).collect()
    }

    /// One queue, as of `now`.
    pub fn queue(&self, id: &QueueId, now: Instant) -> Option<QueueCard> {
        self.queue_nos.get(id).map(|no| self.queue_card(&self.queues[no.0], now))
    }

    /// A queue's callers in order of service, as of `now`; empty for an unknown queue.
    pub fn callers(&self, queue: &QueueId, now: Instant) -> Vec<CallerCard> {
        let Some(no) = self.queue_nos.get(queue) else { return Vec::new() };
        let waiting = self.queues[no.0].waiting.values();
        waiting.zip(1..).filter_map(|(entry, position)| self.caller_card(*entry, position, now)).collect()
    }

    /// One waiting caller, as of `now`. Finding his position walks over those before him.
    pub fn caller(&self, entry: EntryUid, now: Instant) -> Option<CallerCard> {
        let caller = self.callers.get(&entry)?;
        let before = self.queues[caller.queue.0].waiting.range(..caller.order).count();
        self.caller_card(entry, u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1), now)
    }

    /// Live offers and a short tail of ended ones, in the order in which they were made.
    pub fn offers(&self) -> Vec<OfferCard> {
        self.reservations.iter().map(|(id, reservation)| self.offer_card(id, reservation)).collect()
    }

    /// One offer, live or in the tail.
    pub fn offer(&self, id: OfferUid) -> Option<OfferCard> {
        self.reservations.find(id).map(|reservation| self.offer_card(id, reservation))
    }

    fn agent_card(&self, agent: &Agent) -> AgentCard {
        let (status, reason) = agent.status();
        let seats = agent.seats.iter().map(|seat| SeatCard {
            queue: self.queues[seat.queue.0].settings.id.clone(),
            status: seat.status.clone(),
            since: seat.since,
        });
        let call_of = |offer| self.reservations.find(offer).map(|reservation| reservation.call);
        let (offer, call, wrap_up_ends_at) = match agent.work {
            Work::Free => (None, None, None),
            Work::Offered(offer) => (Some(offer), None, None),
            Work::Answered(offer) | Work::Talking(offer) => (None, call_of(offer), None),
            Work::WrapUp { until_wall, .. } => (None, None, Some(until_wall)),
        };
        AgentCard {
            id: agent.id.clone(),
            name: agent.name.clone(),
            phone: agent.phone.clone(),
            status,
            reason,
            since: agent.since,
            pending: agent.pending.values().next_back().map(|pending| pending.status.clone()),
            queues: seats.collect(),
            offer,
            call,
            wrap_up_ends_at,
        }
    }

    fn queue_card(&self, queue: &Queue, now: Instant) -> QueueCard {
        let oldest = queue.by_age.first().map(|(entered, _)| now.since(*entered));
        QueueCard {
            id: queue.settings.id.clone(),
            name: queue.settings.name.clone(),
            waiting: u32::try_from(queue.waiting.len()).unwrap_or(u32::MAX),
            longest_wait: oldest.unwrap_or_default(),
            agents: queue.classes,
            members: queue.members.iter().map(|no| self.agents[no.0].id.clone()).collect(),
            totals: queue.totals,
        }
    }

    fn caller_card(&self, entry: EntryUid, position: u32, now: Instant) -> Option<CallerCard> {
        let caller = self.callers.get(&entry)?;
        let queue = &self.queues[caller.queue.0];
        let estimate = queue.pace.estimate(position, now);
        Some(CallerCard {
            id: entry,
            kind: EntryKind::Call,
            call: caller.call,
            queue: queue.settings.id.clone(),
            number: caller.number.clone(),
            name: caller.name.clone(),
            priority: caller.priority,
            entered_at: caller.entered.wall,
            waited: now.since(caller.entered.instant),
            waited_in_all: now.since(caller.enqueued),
            position,
            estimated_wait: estimate.filter(|_| queue.logged_in > 0),
            why: waiting_reason(caller, queue),
        })
    }

    fn offer_card(&self, id: OfferUid, reservation: &Reservation) -> OfferCard {
        let AgentNo(agent) = reservation.agent;
        OfferCard {
            id,
            agent: self.agents[agent].id.clone(),
            queue: self.queues[reservation.queue.0].settings.id.clone(),
            entry: reservation.entry,
            call: reservation.call,
            number: reservation.number.clone(),
            name: reservation.name.clone(),
            phase: match reservation.stage {
                Stage::Sent { .. } | Stage::Ringing { .. } => OfferPhase::Pending,
                Stage::Connecting { .. } | Stage::Talking { .. } => OfferPhase::Accepted,
                Stage::WrapUp { .. } => OfferPhase::Wrapping,
                Stage::Ended(result) => OfferPhase::Ended(result),
            },
            created_at: reservation.created_at,
        }
    }
}

fn waiting_reason(caller: &Caller, queue: &Queue) -> WaitingReason {
    let agents = &queue.classes;
    if caller.connecting {
        WaitingReason::Connecting
    } else if !caller.offers.is_empty() {
        WaitingReason::Ringing(u32::try_from(caller.offers.len()).unwrap_or(u32::MAX))
    } else if agents.logged_in == 0 {
        WaitingReason::NobodyLoggedIn
    } else if agents.paused == agents.logged_in {
        WaitingReason::AllPaused
    } else if agents.paused + agents.unreachable == agents.logged_in {
        WaitingReason::NobodyReachable
    } else if agents.ready > 0 {
        WaitingReason::Resting
    } else {
        WaitingReason::AllBusy
    }
}
