//! An agent.

use crate::http::dto::AgentStatus;
use crate::http::dto::QueueStatus;
use crate::http::dto::Time;
use crate::switch::view::AgentQueueView;
use crate::switch::view::AgentView;
use serde::Serialize;
use utoipa::ToSchema;

/// An agent: a person, not a phone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Agent {
    id: String,
    name: String,
    /// His phone's number.
    phone: String,
    status: AgentStatus,
    /// The pause reason's id, when paused.
    reason: Option<String>,
    /// Since when he is in that state.
    since: Time,
    /// A status asked for during a call: it takes effect after the call and its wrap-up.
    pending: Option<QueueStatus>,
    /// The pause reason of `pending`.
    pending_reason: Option<String>,
    queues: Vec<AgentQueue>,
    /// The offer that rings at his phone.
    offer: Option<String>,
    /// The call he is in.
    call: Option<String>,
    /// When his wrap-up ends by itself.
    wrap_up_ends_at: Option<Time>,
}

/// An agent's state in one queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentQueue {
    id: String,
    status: QueueStatus,
    /// The pause reason's id, when paused.
    reason: Option<String>,
    since: Time,
}

impl From<AgentView> for Agent {
    fn from(view: AgentView) -> Self {
        let (pending, pending_reason) = match view.pending.map(QueueStatus::split) {
            Some((status, reason)) => (Some(status), reason),
            None => (None, None),
        };
        Self {
            id: view.id.to_string(),
            name: view.name,
            phone: view.phone,
            status: view.status.into(),
            reason: view.reason,
            since: view.since.into(),
            pending,
            pending_reason,
            queues: view.queues.into_iter().map(AgentQueue::from).collect(),
            offer: view.offer.map(|id| id.to_string()),
            call: view.call.map(|id| id.to_string()),
            wrap_up_ends_at: view.wrap_up_ends_at.map(Time),
        }
    }
}

impl From<AgentQueueView> for AgentQueue {
    fn from(view: AgentQueueView) -> Self {
        let (status, reason) = QueueStatus::split(view.status);
        Self { id: view.id.to_string(), status, reason, since: view.since.into() }
    }
}
