//! The bodies of the API, field by field as the contract names them: made from the switch's views, never read back.
//!
//! The only place that knows the JSON of things. Owned by `http`.

mod agent;
mod alarm;
mod call;
mod cdr;
mod event;
mod line;
mod number;
mod offer;
mod queue;
mod recording;
mod request;
mod system;
mod trace;
mod words;

pub(crate) use agent::Agent;
pub(crate) use alarm::Alarm;
pub(crate) use call::Call;
pub(crate) use cdr::Cdr;
pub(crate) use event::Snapshot;
pub(crate) use event::notice_json;
pub(crate) use line::Registration;
pub(crate) use line::Trunk;
pub(crate) use number::Ratio;
pub(crate) use number::Seconds;
pub(crate) use number::Time;
pub(crate) use offer::Offer;
pub(crate) use queue::Caller;
pub(crate) use queue::Queue;
pub(crate) use recording::RecordingFile;
pub(crate) use request::CallerChange;
pub(crate) use request::Digits;
pub(crate) use request::NewParty;
pub(crate) use request::RecordingChange;
pub(crate) use request::StatusChange;
pub(crate) use request::Supervise;
pub(crate) use system::Health;
pub(crate) use trace::TraceMessage;
pub(crate) use trace::way;
pub(crate) use words::*;

use serde::Serialize;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; null on the last.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A list that is always whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}
