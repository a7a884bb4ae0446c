//! A call detail record, as JSON and as a line of CSV.

use crate::http::dto::CdrOutcome;
use crate::http::dto::Seconds;
use crate::http::dto::Time;
use crate::record;
use serde::Serialize;
use utoipa::ToSchema;

/// One ended call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cdr {
    id: String,
    from: String,
    to: String,
    started_at: Time,
    /// When a person answered.
    answered_at: Option<Time>,
    ended_at: Time,
    outcome: CdrOutcome,
    /// The finer cause: `normal`, `media_timeout`, `restart`, …
    cause: String,
    queue: Option<String>,
    agent: Option<String>,
    wait_seconds: Seconds,
    talk_seconds: Seconds,
    hold_seconds: Seconds,
    wrap_up_seconds: Seconds,
    disposition: Option<String>,
}

impl From<record::Cdr> for Cdr {
    fn from(cdr: record::Cdr) -> Self {
        Self {
            id: cdr.call.to_string(),
            from: cdr.from,
            to: cdr.to,
            started_at: cdr.started_at.into(),
            answered_at: cdr.answered_at.map(Time),
            ended_at: cdr.ended_at.into(),
            outcome: cdr.outcome.into(),
            cause: cdr.cause,
            queue: cdr.queue.map(|id| id.to_string()),
            agent: cdr.agent.map(|id| id.to_string()),
            wait_seconds: cdr.wait.into(),
            talk_seconds: cdr.talk.into(),
            hold_seconds: cdr.hold.into(),
            wrap_up_seconds: cdr.wrap_up.into(),
            disposition: None,
        }
    }
}

impl Cdr {
    /// The columns of the CSV form: the fields of the JSON form in the same order.
    pub(crate) const COLUMNS: [&'static str; 15] = [
        "id",
        "from",
        "to",
        "started_at",
        "answered_at",
        "ended_at",
        "outcome",
        "cause",
        "queue",
        "agent",
        "wait_seconds",
        "talk_seconds",
        "hold_seconds",
        "wrap_up_seconds",
        "disposition",
    ];

    /// Its cells.
    pub(crate) fn cells(self) -> [String; 15] {
        [
            self.id,
            self.from,
            self.to,
            self.started_at.0.to_string(),
            self.answered_at.map(|at| at.0.to_string()).unwrap_or_default(),
            self.ended_at.0.to_string(),
            self.outcome.as_str().to_string(),
            self.cause,
            self.queue.unwrap_or_default(),
            self.agent.unwrap_or_default(),
            self.wait_seconds.text(),
            self.talk_seconds.text(),
            self.hold_seconds.text(),
            self.wrap_up_seconds.text(),
            self.disposition.unwrap_or_default(),
        ]
    }
}
