//! The data of the event stream: the snapshot at its start, and each notice after it.

use crate::http::dto::Agent;
use crate::http::dto::Alarm;
use crate::http::dto::Call;
use crate::http::dto::Caller;
use crate::http::dto::Offer;
use crate::http::dto::Queue;
use crate::http::dto::Registration;
use crate::http::dto::Time;
use crate::http::dto::Trunk;
use crate::switch::view::Notice;
use crate::switch::view::Subject;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use utoipa::ToSchema;

/// Everything that a stream starts from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Snapshot {
    /// Events after this one are not yet in the snapshot.
    pub(crate) sequence: u64,
    pub(crate) at: Time,
    pub(crate) agents: Vec<Agent>,
    pub(crate) queues: Vec<Queue>,
    /// The live offers.
    pub(crate) offers: Vec<Offer>,
    /// The live calls.
    pub(crate) calls: Vec<Call>,
}

/// The data of one event: `{"sequence", "at", "type", "<name>": {…}}`, and for a caller his queue.
pub(crate) fn notice_json(notice: &Notice, name: &str, subject: Subject) -> String {
    let mut data = Map::new();
    data.insert("sequence".to_string(), notice.sequence.into());
    data.insert("at".to_string(), notice.at.to_string().into());
    data.insert("type".to_string(), notice.kind.into());
    let body = match subject {
        Subject::Agent(view) => json(Agent::from(view)),
        Subject::Queue(view) => json(Queue::from(view)),
        Subject::Offer(view) => json(Offer::from(view)),
        Subject::Call(view) => json(Call::from(view)),
        Subject::Caller(queue, view) => {
            data.insert("queue".to_string(), queue.as_str().into());
            json(Caller::from(view))
        }
        Subject::Registration(view) => json(Registration::from(view)),
        Subject::Alarm(view) => json(Alarm::from(view)),
        Subject::Trunk(view) => json(Trunk::from(view)),
    };
    data.insert(name.to_string(), body);
    Value::Object(data).to_string()
}

fn json(body: impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}
