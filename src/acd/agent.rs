//! An agent: his seats in the queues, what he is doing, and the state that follows from both.
//!
//! Plain data with derivations; the changes are made by `status` and `offering`.

use crate::acd::queue::QueueNo;
use crate::acd::settings::AgentSettings;
use crate::acd::strategy::Rank;
use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::record::AgentStatus;
use crate::record::QueueStatus;
use std::collections::BTreeMap;

/// An agent's index in the distributor.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentNo(pub(crate) usize);

/// What an agent does for the queues: one thing at a time, which is what makes double offers impossible.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing.
    Free,
    /// His phone rings.
    Offered(OfferUid),
    /// He answered and is not connected yet.
    Answered(OfferUid),
    /// He talks with the customer.
    Talking(OfferUid),
    /// He writes his notes.
    WrapUp { offer: OfferUid, until: Instant, until_wall: Wall },
}

/// An agent's place in one queue.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) queue: QueueNo,
    pub(crate) level: u32,
    pub(crate) position: u32,
    pub(crate) penalty: u32,
    pub(crate) status: QueueStatus,
    pub(crate) since: Wall,
    /// Callers of this queue answered today.
    pub(crate) taken_today: u64,
    /// Time talked with them, in microseconds.
    pub(crate) talked_today_us: u64,
    /// His place among the queue's free agents, while he is one.
    pub(crate) free: Option<Rank>,
    /// As what the queue's card counts him.
    pub(crate) class: Option<Class>,
}

/// As what a queue's card counts an agent who is logged in to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Ready,
    Ringing,
    Talking,
    WrapUp,
    Paused,
    Unreachable,
}

/// A status that waits for the end of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) status: QueueStatus,
    pub(crate) by: Option<String>,
}

/// One agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) name: String,
    pub(crate) phone: PhoneNumber,
    pub(crate) seats: Vec<Seat>,
    pub(crate) work: Work,
    /// A phone of his can be reached.
    pub(crate) reachable: bool,
    /// His phone is in a call that is not of a queue.
    pub(crate) busy: bool,
    /// No offer before, after one that came to nothing.
    pub(crate) rest: Option<Instant>,
    /// When his last offer was made.
    pub(crate) last_offer: Option<Instant>,
    /// Offers in a row that he was not there for; decides how long he is left in peace.
    pub(crate) misses: u32,
    /// Offers in a row that rang out.
    pub(crate) unanswered: u32,
    /// Grows over all agents with each one who becomes free: the order of longest idle.
    pub(crate) idle_turn: u64,
    /// Statuses that wait for the end of his call.
    pub(crate) pending: BTreeMap<QueueNo, Pending>,
    /// Where he was logged in before he logged out everywhere.
    pub(crate) remembered: Vec<QueueNo>,
    /// The state that was told last, and since when.
    pub(crate) published: Option<(AgentStatus, Option<String>)>,
    pub(crate) since: Wall,
    /// Who caused this step's change.
    pub(crate) by: Option<String>,
}

impl Agent {
    pub(crate) fn new(settings: AgentSettings, seats: Vec<Seat>, idle_turn: u64) -> Self {
        Self {
            id: settings.id,
            name: settings.name,
            phone: settings.phone,
            seats,
            work: Work::Free,
            reachable: false,
            busy: false,
            rest: None,
            last_offer: None,
            misses: 0,
            unanswered: 0,
            idle_turn,
            pending: BTreeMap::new(),
            remembered: Vec::new(),
            published: None,
            since: Wall::default(),
            by: None,
        }
    }

    /// His seat in a queue.
    pub(crate) fn seat(&self, queue: QueueNo) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.queue == queue)
    }

    /// The same, to change it.
    pub(crate) fn seat_mut(&mut self, queue: QueueNo) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.queue == queue)
    }

    /// Whether he may be offered a caller, seen from his side alone.
    pub(crate) fn is_free(&self) -> bool {
        self.work == Work::Free && !self.busy && self.reachable && self.rest.is_none()
    }

    /// Whether a pause must wait: he is with a customer, in another call or in wrap-up.
    pub(crate) const fn in_call(&self) -> bool {
        self.busy || matches!(self.work, Work::Answered(_) | Work::Talking(_) | Work::WrapUp { .. })
    }

    /// Whether he takes callers of any queue.
    pub(crate) fn ready_anywhere(&self) -> bool {
        self.seats.iter().any(|seat| seat.status == QueueStatus::Ready)
    }

    /// The offer, conversation or wrap-up that he is in.
    pub(crate) const fn engagement(&self) -> Option<OfferUid> {
        match self.work {
            Work::Free => None,
            Work::Offered(offer) | Work::Answered(offer) | Work::Talking(offer) => Some(offer),
            Work::WrapUp { offer, .. } => Some(offer),
        }
    }

    /// His one state, with the reason when paused: that of the first of his queues that has one.
    pub(crate) fn status(&self) -> (AgentStatus, Option<String>) {
        let logged_in = self.seats.iter().any(|seat| seat.status != QueueStatus::LoggedOut);
        let status = match self.work {
            Work::Offered(_) => AgentStatus::Ringing,
            Work::Answered(_) | Work::Talking(_) => AgentStatus::Talking,
            Work::WrapUp { .. } => AgentStatus::WrapUp,
            Work::Free if !logged_in => AgentStatus::LoggedOut,
            Work::Free if self.busy => AgentStatus::Talking,
            Work::Free if !self.ready_anywhere() => {
                let reason = self.seats.iter().find_map(|seat| match &seat.status {
                    QueueStatus::Paused { reason } => reason.clone(),
                    QueueStatus::LoggedOut | QueueStatus::Ready => None,
                });
                return (AgentStatus::Paused, reason);
            }
            Work::Free if !self.reachable => AgentStatus::Unreachable,
            Work::Free => AgentStatus::Ready,
        };
        (status, None)
    }

    /// As what a queue counts him. Who is paused in it is not available to it after his call either, so the pause
    /// goes before what he does.
    pub(crate) const fn class(&self, seat: &Seat) -> Option<Class> {
        let class = match (&seat.status, self.work) {
            (QueueStatus::LoggedOut, _) => return None,
            (QueueStatus::Paused { .. }, _) => Class::Paused,
            (QueueStatus::Ready, Work::Offered(_)) => Class::Ringing,
            (QueueStatus::Ready, Work::Answered(_) | Work::Talking(_)) => Class::Talking,
            (QueueStatus::Ready, Work::WrapUp { .. }) => Class::WrapUp,
            (QueueStatus::Ready, Work::Free) if self.busy => Class::Talking,
            (QueueStatus::Ready, Work::Free) if !self.reachable => Class::Unreachable,
            (QueueStatus::Ready, Work::Free) => Class::Ready,
        };
        Some(class)
    }
}
