//! A queue's real-time card, and its waiting callers.

use crate::http::dto::EntryKind;
use crate::http::dto::Ratio;
use crate::http::dto::Seconds;
use crate::http::dto::Time;
use crate::switch::view;
use crate::switch::view::CallerView;
use crate::switch::view::QueueView;
use serde::Serialize;
use utoipa::ToSchema;

/// A queue's real-time card.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queue {
    id: String,
    name: String,
    /// Live callers waiting, the ringing ones included.
    waiting: u32,
    callbacks_pending: u32,
    /// The longest present wait of a live caller.
    longest_wait_seconds: Seconds,
    agents: AgentCounts,
    /// Today's mean of talk, hold and wrap-up; null before the first.
    average_handle_seconds: Option<Seconds>,
    today: Today,
    service_level: ServiceLevel,
    /// Entered − waiting − outcomes since the start: must be 0.
    unbalanced: i64,
    /// Its agents' ids.
    members: Vec<String>,
}

/// How many agents of a queue are in each state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentCounts {
    /// All that are not logged out of the queue.
    logged_in: u32,
    ready: u32,
    ringing: u32,
    talking: u32,
    wrap_up: u32,
    paused: u32,
    unreachable: u32,
}

/// Totals since midnight in the queue's time zone: entered = waiting + the sum of the outcomes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Today {
    entered: u64,
    handled: u64,
    abandoned: u64,
    /// Asked for a callback.
    pending: u64,
    /// Left by key.
    evicted_customer: u64,
    /// Put out by the switch.
    evicted_system: u64,
    /// Removed or moved by a person.
    evicted_user: u64,
    /// The part of `evicted_system` that waited too long.
    timed_out: u64,
}

/// Today's service level by four formulas; null while nothing was counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceLevel {
    /// Answered within the target / answered.
    a: Option<Ratio>,
    /// (Answered + abandoned, within the target) / (answered + abandoned).
    b: Option<Ratio>,
    /// Answered within the target / (answered + abandoned): the one to show.
    c: Option<Ratio>,
    /// Left within the target in any way / entered.
    d: Option<Ratio>,
}

impl From<QueueView> for Queue {
    fn from(view: QueueView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            waiting: view.waiting,
            callbacks_pending: view.callbacks_pending,
            longest_wait_seconds: view.longest_wait.into(),
            agents: view.agents.into(),
            average_handle_seconds: view.average_handle.map(Seconds::from),
            today: view.today.into(),
            service_level: view.service_level.into(),
            unbalanced: view.unbalanced,
            members: view.members.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<view::AgentCounts> for AgentCounts {
    fn from(counts: view::AgentCounts) -> Self {
        let view::AgentCounts { logged_in, ready, ringing, talking, wrap_up, paused, unreachable } = counts;
        Self { logged_in, ready, ringing, talking, wrap_up, paused, unreachable }
    }
}

impl From<view::TodayCounts> for Today {
    fn from(counts: view::TodayCounts) -> Self {
        Self {
            entered: counts.entered,
            handled: counts.handled,
            abandoned: counts.abandoned,
            pending: counts.pending,
            evicted_customer: counts.evicted_customer,
            evicted_system: counts.evicted_system,
            evicted_user: counts.evicted_user,
            timed_out: counts.timed_out,
        }
    }
}

impl From<view::ServiceLevels> for ServiceLevel {
    fn from(levels: view::ServiceLevels) -> Self {
        Self {
            a: Ratio::of(levels.a),
            b: Ratio::of(levels.b),
            c: Ratio::of(levels.c),
            d: Ratio::of(levels.d),
        }
    }
}

/// A waiting caller or callback.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Caller {
    id: String,
    kind: EntryKind,
    /// The customer's call, for a live caller.
    call: Option<String>,
    number: String,
    name: Option<String>,
    priority: i32,
    entered_at: Time,
    waited_seconds: Seconds,
    /// Place in the order of service, from 1.
    position: u32,
    /// Null where too little is known for an estimate.
    estimated_wait_seconds: Option<Seconds>,
    /// Why it is still waiting.
    why: String,
}

impl From<CallerView> for Caller {
    fn from(view: CallerView) -> Self {
        Self {
            id: view.id.to_string(),
            kind: view.kind.into(),
            call: view.call.map(|id| id.to_string()),
            number: view.number,
            name: view.name,
            priority: view.priority,
            entered_at: view.entered_at.into(),
            waited_seconds: view.waited.into(),
            position: view.position,
            estimated_wait_seconds: view.estimated_wait.map(Seconds::from),
            why: view.why,
        }
    }
}
