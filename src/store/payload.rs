//! How a fact lies in the log: a few columns to search by, and the rest as versioned JSON.
//!
//! The same row is a line of the spool. Encoding and decoding are pure; what cannot be decoded says why.

use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::record::AgentChange;
use crate::record::AgentEvent;
use crate::record::Cdr;
use crate::record::Fact;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::record::QueueStatus;
use crate::store::words::Word;
use serde::Deserialize;
use serde::Serialize;
use std::time::Duration;

/// The encoding that this release writes. A payload of an older version stays readable; one of a newer is refused.
pub(crate) const VERSION: i64 = 1;

/// The topic of queue events.
pub(crate) const QUEUE: &str = "queue";
/// The topic of agent events.
pub(crate) const AGENT: &str = "agent";
/// The topic of call detail records.
pub(crate) const CDR: &str = "cdr";

/// A fact as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FactRow {
    pub(crate) at: i64,
    pub(crate) topic: String,
    pub(crate) change: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<String>,
    pub(crate) version: i64,
    pub(crate) payload: String,
}

/// Version 1 of the payload: one flat object for all facts, absent fields left out.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rang_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    talk_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_up_us: Option<i64>,
}

/// Encodes a fact.
pub(crate) fn encode(fact: &Fact) -> FactRow {
    match fact {
        Fact::Queue(event) => encode_queue_event(event),
        Fact::Agent(event) => encode_agent_event(event),
        Fact::Cdr(cdr) => encode_cdr(cdr),
    }
}

/// Decodes a fact; the error says what is wrong with the row.
pub(crate) fn decode(row: &FactRow) -> Result<Fact, String> {
    if row.version != VERSION {
        return Err(format!("its encoding has version {}, this release knows {VERSION}", row.version));
    }
    let payload: Payload = serde_json::from_str(&row.payload).map_err(|error| error.to_string())?;
    match row.topic.as_str() {
        QUEUE => decode_queue_event(row, payload).map(Fact::Queue),
        AGENT => decode_agent_event(row, payload).map(Fact::Agent),
        CDR => decode_cdr(row, payload).map(Fact::Cdr),
        topic => Err(format!("its topic `{topic}` is unknown")),
    }
}

/// A duration as microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A duration of stored microseconds; a negative one is none.
pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// The word and the pause reason of an agent's state in a queue.
pub(crate) fn status_words(status: &QueueStatus) -> (&'static str, Option<String>) {
    match status {
        QueueStatus::LoggedOut => ("logged_out", None),
        QueueStatus::Ready => ("ready", None),
        QueueStatus::Paused { reason } => ("paused", reason.clone()),
    }
}

/// An agent's state in a queue by its stored words.
pub(crate) fn status_of(word: &str, reason: Option<String>) -> Result<QueueStatus, String> {
    match word {
        "logged_out" => Ok(QueueStatus::LoggedOut),
        "ready" => Ok(QueueStatus::Ready),
        "paused" => Ok(QueueStatus::Paused { reason }),
        _ => Err(format!("the status `{word}` is unknown")),
    }
}

/// The value of a stored word, or what is wrong with it.
pub(crate) fn known<T: Word>(word: &str) -> Result<T, String> {
    T::from_word(word).ok_or_else(|| format!("the word `{word}` is unknown"))
}

fn row(at: Wall, topic: &str, change: &str, payload: &Payload) -> FactRow {
    FactRow {
        at: at.as_micros(),
        topic: topic.to_string(),
        change: change.to_string(),
        queue: None,
        entry: None,
        agent: None,
        call: None,
        version: VERSION,
        payload: serde_json::to_string(payload).expect("a flat object of texts and numbers is JSON"),
    }
}

fn encode_queue_event(event: &QueueEvent) -> FactRow {
    let kind = Some(event.kind.word().to_string());
    let mut agent_of_row = None;
    let (change, payload) = match &event.change {
        QueueChange::Entered { number, name, priority } => (
            "entered",
            Payload {
                number: Some(number.clone()),
                name: name.clone(),
                priority: Some(*priority),
                ..Payload::default()
            },
        ),
        QueueChange::Offered { offer, agent } => {
            agent_of_row = Some(agent);
            ("offered", Payload { offer: Some(offer.to_string()), ..Payload::default() })
        }
        QueueChange::OfferEnded { offer, agent, result, rang } => {
            agent_of_row = Some(agent);
            let payload = Payload {
                offer: Some(offer.to_string()),
                result: Some(result.word().to_string()),
                rang_us: Some(micros(*rang)),
                ..Payload::default()
            };
            ("offer_ended", payload)
        }
        QueueChange::Left { outcome, reason, waited, agent } => {
            agent_of_row = agent.as_ref();
            let payload = Payload {
                outcome: Some(outcome.word().to_string()),
                reason: Some(reason.word().to_string()),
                wait_us: Some(micros(*waited)),
                ..Payload::default()
            };
            ("left", payload)
        }
        QueueChange::Completed { agent, talk, hold, wrap_up } => {
            agent_of_row = Some(agent);
            let payload = Payload {
                talk_us: Some(micros(*talk)),
                hold_us: Some(micros(*hold)),
                wrap_up_us: Some(micros(*wrap_up)),
                ..Payload::default()
            };
            ("completed", payload)
        }
    };
    FactRow {
        queue: Some(event.queue.to_string()),
        entry: Some(event.entry.to_string()),
        agent: agent_of_row.map(ToString::to_string),
        call: event.call.map(|call| call.to_string()),
        ..row(event.at, QUEUE, change, &Payload { kind, ..payload })
    }
}

fn encode_agent_event(event: &AgentEvent) -> FactRow {
    let agent = Some(event.agent.to_string());
    let by = event.by.clone();
    match &event.change {
        AgentChange::Status { status, reason } => {
            let status = Some(status.word().to_string());
            let payload = Payload { status, reason: reason.clone(), by, ..Payload::default() };
            FactRow { agent, ..row(event.at, AGENT, "status", &payload) }
        }
        AgentChange::Queue { queue, status } => {
            let (status, reason) = status_words(status);
            let payload = Payload { status: Some(status.to_string()), reason, by, ..Payload::default() };
            FactRow { agent, queue: Some(queue.to_string()), ..row(event.at, AGENT, "queue", &payload) }
        }
    }
}

fn encode_cdr(cdr: &Cdr) -> FactRow {
    let payload = Payload {
        from: Some(cdr.from.clone()),
        to: Some(cdr.to.clone()),
        started_at: Some(cdr.started_at.as_micros()),
        answered_at: cdr.answered_at.map(Wall::as_micros),
        outcome: Some(cdr.outcome.word().to_string()),
        cause: Some(cdr.cause.clone()),
        wait_us: Some(micros(cdr.wait)),
        talk_us: Some(micros(cdr.talk)),
        hold_us: Some(micros(cdr.hold)),
        wrap_up_us: Some(micros(cdr.wrap_up)),
        ..Payload::default()
    };
    FactRow {
        queue: cdr.queue.as_ref().map(ToString::to_string),
        agent: cdr.agent.as_ref().map(ToString::to_string),
        call: Some(cdr.call.to_string()),
        ..row(cdr.ended_at, CDR, "ended", &payload)
    }
}

fn decode_queue_event(row: &FactRow, payload: Payload) -> Result<QueueEvent, String> {
    let agent = || text(&row.agent, "agent").map(AgentId::new);
    let offer = || text(&payload.offer, "offer").and_then(|id| unique(id, OfferUid::parse));
    let change = match row.change.as_str() {
        "entered" => QueueChange::Entered {
            number: text(&payload.number, "number")?.to_string(),
            name: payload.name.clone(),
            priority: payload.priority.unwrap_or(0),
        },
        "offered" => QueueChange::Offered { offer: offer()?, agent: agent()? },
        "offer_ended" => QueueChange::OfferEnded {
            offer: offer()?,
            agent: agent()?,
            result: known(text(&payload.result, "result")?)?,
            rang: length(payload.rang_us),
        },
        "left" => QueueChange::Left {
            outcome: known(text(&payload.outcome, "outcome")?)?,
            reason: known(text(&payload.reason, "reason")?)?,
            waited: length(payload.wait_us),
            agent: row.agent.as_deref().map(AgentId::new),
        },
        "completed" => QueueChange::Completed {
            agent: agent()?,
            talk: length(payload.talk_us),
            hold: length(payload.hold_us),
            wrap_up: length(payload.wrap_up_us),
        },
        change => return Err(format!("its change `{change}` is unknown")),
    };
    Ok(QueueEvent {
        at: Wall::from_micros(row.at),
        queue: QueueId::new(text(&row.queue, "queue")?),
        entry: unique(text(&row.entry, "entry")?, EntryUid::parse)?,
        kind: known(text(&payload.kind, "kind")?)?,
        call: row.call.as_deref().map(|id| unique(id, CallUid::parse)).transpose()?,
        change,
    })
}

fn decode_agent_event(row: &FactRow, payload: Payload) -> Result<AgentEvent, String> {
    let status = text(&payload.status, "status")?;
    let change = match row.change.as_str() {
        "status" => AgentChange::Status { status: known(status)?, reason: payload.reason.clone() },
        "queue" => AgentChange::Queue {
            queue: QueueId::new(text(&row.queue, "queue")?),
            status: status_of(status, payload.reason.clone())?,
        },
        change => return Err(format!("its change `{change}` is unknown")),
    };
    let agent = AgentId::new(text(&row.agent, "agent")?);
    Ok(AgentEvent { at: Wall::from_micros(row.at), agent, by: payload.by, change })
}

fn decode_cdr(row: &FactRow, payload: Payload) -> Result<Cdr, String> {
    Ok(Cdr {
        call: unique(text(&row.call, "call")?, CallUid::parse)?,
        from: text(&payload.from, "from")?.to_string(),
        to: text(&payload.to, "to")?.to_string(),
        started_at: Wall::from_micros(payload.started_at.ok_or("it has no started_at")?),
        answered_at: payload.answered_at.map(Wall::from_micros),
        ended_at: Wall::from_micros(row.at),
        outcome: known(text(&payload.outcome, "outcome")?)?,
        cause: text(&payload.cause, "cause")?.to_string(),
        queue: row.queue.as_deref().map(QueueId::new),
        agent: row.agent.as_deref().map(AgentId::new),
        wait: length(payload.wait_us),
        talk: length(payload.talk_us),
        hold: length(payload.hold_us),
        wrap_up: length(payload.wrap_up_us),
    })
}

fn text<'a>(field: &'a Option<String>, name: &str) -> Result<&'a str, String> {
    field.as_deref().ok_or_else(|| format!("it has no {name}"))
}

fn length(field: Option<i64>) -> Duration {
    duration(field.unwrap_or(0))
}

/// Reads one of the switch's own ids.
pub(crate) fn unique<T>(text: &str, parse: fn(&str) -> Option<T>) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("`{text}` is no id"))
}
