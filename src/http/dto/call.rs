//! A call with its legs.

use crate::clock::Wall;
use crate::http::dto::CallState;
use crate::http::dto::Direction;
use crate::http::dto::LegRole;
use crate::http::dto::LegState;
use crate::http::dto::Recording;
use crate::http::dto::Time;
use crate::switch::view::CallView;
use crate::switch::view::LegView;
use serde::Serialize;
use utoipa::ToSchema;

/// A call, live or lately ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Call {
    id: String,
    state: CallState,
    direction: Direction,
    /// Who called.
    from: String,
    /// What was dialled.
    to: String,
    /// The queue it is or was in.
    queue: Option<String>,
    /// The agent who talks or talked.
    agent: Option<String>,
    started_at: Time,
    /// When a person answered.
    answered_at: Option<Time>,
    ended_at: Option<Time>,
    legs: Vec<Leg>,
    recording: Recording,
    /// What happened, in order.
    timeline: Vec<Moment>,
}

/// One party's leg.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Leg {
    id: String,
    /// The party's number as shown.
    party: String,
    role: LegRole,
    state: LegState,
    /// The codec in use, lower case.
    codec: Option<String>,
}

/// Something that happened to a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moment {
    at: Time,
    what: String,
}

impl From<CallView> for Call {
    fn from(view: CallView) -> Self {
        Self {
            id: view.id.to_string(),
            state: view.state.into(),
            direction: view.direction.into(),
            from: view.from,
            to: view.to,
            queue: view.queue.map(|id| id.to_string()),
            agent: view.agent.map(|id| id.to_string()),
            started_at: view.started_at.into(),
            answered_at: view.answered_at.map(Time),
            ended_at: view.ended_at.map(Time),
            legs: view.legs.into_iter().map(Leg::from).collect(),
            recording: view.recording.into(),
            timeline: view.timeline.into_iter().map(Moment::from).collect(),
        }
    }
}

impl From<LegView> for Leg {
    fn from(view: LegView) -> Self {
        let id = view.id.to_string();
        Self { id, party: view.party, role: view.role.into(), state: view.state.into(), codec: view.codec }
    }
}

impl From<(Wall, String)> for Moment {
    fn from((at, what): (Wall, String)) -> Self {
        Self { at: at.into(), what }
    }
}
