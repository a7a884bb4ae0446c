//! Reads what was written: call detail records by page, the log in order, and what a restart begins from.
//!
//! A cheap handle; it never touches the writing side. What it reads may be a tick older than what was taken.

use crate::clock::Clock;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::record::AgentEvent;
use crate::record::Cdr;
use crate::record::Fact;
use crate::record::QueueEvent;
use crate::record::QueueStatus;
use crate::store::address::Address;
use crate::store::binding::Binding;
use crate::store::error::StoreError;
use crate::store::link::Pool;
use crate::store::link::Row;
use crate::store::link::Value;
use crate::store::payload;
use crate::store::payload::FactRow;
use crate::store::payload::duration;
use crate::store::payload::known;
use crate::store::payload::unique;
use crate::store::phone_setting::PhoneChange;
use crate::store::phone_setting::PhoneSetting;
use crate::store::writer::Shared;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Rows of one query of the log.
const LOG_PAGE: i64 = 5000;
/// A page of call detail records is never longer.
const CDRS_MAX: u32 = 10_000;
/// Reaches back to the last local midnight of every time zone, on the day of 25 hours too.
const TODAY: Duration = Duration::from_secs(26 * 3600);
/// A database that does not answer a trivial question in this time is not healthy.
const HEALTHY_MAX: Duration = Duration::from_secs(2);

/// A handle to read with; clones share the connections.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: Pool,
    address: Address,
    clock: Clock,
    shared: Arc<Shared>,
    closed: Arc<[QueueEvent]>,
}

/// Which call detail records are wanted: the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CdrPage {
    /// The last call of the page before; `None` begins at the newest.
    pub before: Option<CallUid>,
    /// How many at most; never more than 10,000.
    pub limit: u32,
    /// Calls that started at this moment or later.
    pub from: Option<Wall>,
    /// Calls that started before this moment.
    pub to: Option<Wall>,
    /// Calls that were in this queue last.
    pub queue: Option<QueueId>,
    /// Calls with this agent last.
    pub agent: Option<AgentId>,
}

/// What a restarted switch begins from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restored {
    /// What each agent last wanted in each queue.
    pub agent_queue_states: Vec<(AgentId, QueueId, QueueStatus)>,
    /// Since when, by the same two ids.
    pub agent_queue_since: BTreeMap<(AgentId, QueueId), Wall>,
    /// Bindings that have not ended, the closest to their end first.
    pub bindings: Vec<Binding>,
    /// What the users of phones have set, in order.
    pub phone_settings: Vec<PhoneChange>,
    /// Queue events of the last 26 hours in the order of the log: all of today in every time zone, the closing ones
    /// of the restart included. The folds pick their queue's day.
    pub queue_events_today: Vec<QueueEvent>,
    /// The events that closed what the last run left unfinished, in order; they are in the log.
    pub closed_by_restart: Vec<QueueEvent>,
}

impl Reader {
    pub(crate) fn new(
        pool: Pool,
        address: Address,
        clock: Clock,
        shared: Arc<Shared>,
        closed: Vec<QueueEvent>,
    ) -> Self {
        Self { pool, address, clock, shared, closed: closed.into() }
    }

    /// A page of call detail records, the newest call first.
    pub async fn cdrs(&self, page: CdrPage) -> Result<Vec<Cdr>, StoreError> {
        let mut values = Vec::new();
        let mut conditions = Vec::new();
        let mut condition = |left: &str, value: Option<Value>| {
            if let Some(value) = value {
                values.push(value);
                conditions.push(format!("{left} ${}", values.len()));
            }
        };
        condition("call <", page.before.map(|call| call.to_string().as_str().into()));
        condition("started_at >=", page.from.map(|at| at.as_micros().into()));
        condition("started_at <", page.to.map(|at| at.as_micros().into()));
        condition("queue =", page.queue.as_ref().map(|queue| queue.as_str().into()));
        condition("agent =", page.agent.as_ref().map(|agent| agent.as_str().into()));
        let filter =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        values.push(i64::from(page.limit.min(CDRS_MAX)).into());
        // Safe: the conditions above and placeholders.
        let query = AssertSqlSafe(format!(
            "SELECT call, caller, callee, started_at, answered_at, ended_at, outcome, cause, queue, agent, wait_us, \
             talk_us, hold_us, wrap_up_us FROM cdrs {filter} ORDER BY call DESC LIMIT ${}",
            values.len()
        ));
        let doing = "read call detail records";
        let rows = self.pool.rows(query, values).await.map_err(|error| StoreError::database(doing, error))?;
        rows.iter().map(|row| cdr(row).map_err(|error| error.told(doing))).collect()
    }

    /// All queue events since a moment, in the order of the log.
    pub async fn queue_events(&self, since: Wall) -> Result<Vec<QueueEvent>, StoreError> {
        self.queue_events_between(since, Wall::from_micros(i64::MAX)).await
    }

    /// The queue events from a moment up to, not including, another, in the order of the log.
    pub async fn queue_events_between(&self, from: Wall, to: Wall) -> Result<Vec<QueueEvent>, StoreError> {
        let mut events = Vec::new();
        self.log(payload::QUEUE, from, to, |fact| {
            if let Fact::Queue(event) = fact {
                events.push(event);
            }
        })
        .await?;
        Ok(events)
    }

    /// The agents' events from a moment up to, not including, another, in the order of the log.
    pub async fn agent_events_between(&self, from: Wall, to: Wall) -> Result<Vec<AgentEvent>, StoreError> {
        let mut events = Vec::new();
        self.log(payload::AGENT, from, to, |fact| {
            if let Fact::Agent(event) = fact {
                events.push(event);
            }
        })
        .await?;
        Ok(events)
    }

    /// The facts after a place in the log, in order, with their places: for folds that go on where they were. Zero is
    /// before the first.
    pub async fn facts_after(&self, sequence: i64, limit: u32) -> Result<Vec<(i64, Fact)>, StoreError> {
        let query = "SELECT sequence, at, topic, change, queue, entry, agent, call, version, payload FROM facts \
             WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let values = vec![sequence.into(), i64::from(limit).into()];
        self.facts(query, values).await
    }

    /// What a restarted switch begins from. To be called before the first fact of this run.
    pub async fn restore(&self) -> Result<Restored, StoreError> {
        let now = self.clock.now().wall;
        let today = i64::try_from(TODAY.as_micros()).unwrap_or(i64::MAX);
        let since = Wall::from_micros(now.as_micros().saturating_sub(today));
        let mut restored = Restored {
            bindings: self.bindings(now).await?,
            phone_settings: self.phone_settings().await?,
            queue_events_today: self.queue_events(since).await?,
            closed_by_restart: self.closed.to_vec(),
            ..Restored::default()
        };
        for (agent, queue, status, since) in self.agent_queue_states().await? {
            restored.agent_queue_since.insert((agent.clone(), queue.clone()), since);
            restored.agent_queue_states.push((agent, queue, status));
        }
        Ok(restored)
    }

    /// Whether the database answers and takes writes.
    pub async fn healthy(&self) -> bool {
        if self.shared.away.load(Ordering::Relaxed) || self.address.file().is_some_and(|file| !file.exists())
        {
            return false;
        }
        let asked = tokio::time::timeout(HEALTHY_MAX, self.pool.rows("SELECT 1", Vec::new())).await;
        matches!(asked, Ok(Ok(_)))
    }

    /// Closes the connections; what is asked afterwards fails.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn bindings(&self, now: Wall) -> Result<Vec<Binding>, StoreError> {
        let query = "SELECT aor, contact, flow, call_id, cseq, expires_at, registered_at, user_agent, path, instance, \
             q FROM bindings WHERE expires_at > $1 ORDER BY expires_at, aor, contact";
        let doing = "read bindings";
        let rows = self.pool.rows(query, vec![now.as_micros().into()]).await;
        let rows = rows.map_err(|error| StoreError::database(doing, error))?;
        rows.iter().map(|row| binding(row).map_err(|error| StoreError::database(doing, error))).collect()
    }

    /// A setting of a newer release that this one does not know is left alone.
    async fn phone_settings(&self) -> Result<Vec<PhoneChange>, StoreError> {
        let query = "SELECT phone, setting, value FROM phone_settings ORDER BY phone, setting";
        let fault = |error| StoreError::database("read the phones' settings", error);
        let mut settings = Vec::new();
        for row in &self.pool.rows(query, Vec::new()).await.map_err(fault)? {
            let (phone, word) = (row.text(0).map_err(fault)?, row.text(1).map_err(fault)?);
            let value = Some(row.text(2).map_err(fault)?);
            settings.extend(PhoneSetting::named(&word).map(|setting| PhoneChange { phone, setting, value }));
        }
        Ok(settings)
    }

    async fn agent_queue_states(&self) -> Result<Vec<(AgentId, QueueId, QueueStatus, Wall)>, StoreError> {
        let query =
            "SELECT agent, queue, status, reason, since FROM agent_queue_states ORDER BY agent, queue";
        let doing = "read the agents' states";
        let rows =
            self.pool.rows(query, Vec::new()).await.map_err(|error| StoreError::database(doing, error))?;
        rows.iter().map(|row| agent_queue_state(row).map_err(|error| error.told(doing))).collect()
    }

    /// Hands out a topic's facts between two moments in the order of the log, page by page.
    async fn log(
        &self,
        topic: &str,
        from: Wall,
        to: Wall,
        mut each: impl FnMut(Fact),
    ) -> Result<(), StoreError> {
        // `+ 0` keeps the planner from walking the whole log in the order of its key to find the least one.
        let query = "SELECT MIN(sequence + 0) FROM facts WHERE topic = $1 AND at >= $2 AND at < $3";
        let span: Vec<Value> = vec![topic.into(), from.as_micros().into(), to.as_micros().into()];
        let doing = "read the log";
        let rows =
            self.pool.rows(query, span.clone()).await.map_err(|error| StoreError::database(doing, error))?;
        let first = rows.first().map(|row| row.maybe_int(0)).transpose();
        let Some(first) = first.map_err(|error| StoreError::database(doing, error))?.flatten() else {
            return Ok(());
        };
        let mut next = first;
        loop {
            let query = "SELECT sequence, at, topic, change, queue, entry, agent, call, version, payload FROM facts \
                 WHERE topic = $1 AND at >= $2 AND at < $3 AND sequence >= $4 ORDER BY sequence LIMIT $5";
            let mut values = span.clone();
            values.extend([next.into(), LOG_PAGE.into()]);
            let page = self.facts(query, values).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            next = last + 1;
            page.into_iter().for_each(|(_, fact)| each(fact));
        }
    }

    async fn facts(&self, query: &'static str, values: Vec<Value>) -> Result<Vec<(i64, Fact)>, StoreError> {
        let doing = "read the log";
        let rows = self.pool.rows(query, values).await.map_err(|error| StoreError::database(doing, error))?;
        rows.iter().map(|row| fact(row).map_err(|error| error.told(doing))).collect()
    }
}

/// Why a row could not be read.
enum RowError {
    Database(sqlx::Error),
    Unreadable { place: String, why: String },
}

impl From<sqlx::Error> for RowError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl RowError {
    fn told(self, doing: &'static str) -> StoreError {
        match self {
            Self::Database(error) => StoreError::database(doing, error),
            Self::Unreadable { place, why } => StoreError::Unreadable { place, why },
        }
    }
}

fn fact(row: &Row) -> Result<(i64, Fact), RowError> {
    let sequence = row.int(0)?;
    let stored = FactRow {
        at: row.int(1)?,
        topic: row.text(2)?,
        change: row.text(3)?,
        queue: row.maybe_text(4)?,
        entry: row.maybe_text(5)?,
        agent: row.maybe_text(6)?,
        call: row.maybe_text(7)?,
        version: row.int(8)?,
        payload: row.text(9)?,
    };
    let decoded = payload::decode(&stored);
    let fact = decoded.map_err(|why| RowError::Unreadable { place: format!("fact {sequence}"), why })?;
    Ok((sequence, fact))
}

fn cdr(row: &Row) -> Result<Cdr, RowError> {
    let id = row.text(0)?;
    let unreadable = |why| RowError::Unreadable { place: format!("call detail record {id}"), why };
    Ok(Cdr {
        call: unique(&id, CallUid::parse).map_err(unreadable)?,
        from: row.text(1)?,
        to: row.text(2)?,
        started_at: Wall::from_micros(row.int(3)?),
        answered_at: row.maybe_int(4)?.map(Wall::from_micros),
        ended_at: Wall::from_micros(row.int(5)?),
        outcome: known(&row.text(6)?).map_err(unreadable)?,
        cause: row.text(7)?,
        queue: row.maybe_text(8)?.as_deref().map(QueueId::new),
        agent: row.maybe_text(9)?.as_deref().map(AgentId::new),
        wait: duration(row.int(10)?),
        talk: duration(row.int(11)?),
        hold: duration(row.int(12)?),
        wrap_up: duration(row.int(13)?),
    })
}

fn agent_queue_state(row: &Row) -> Result<(AgentId, QueueId, QueueStatus, Wall), RowError> {
    let (agent, queue) = (row.text(0)?, row.text(1)?);
    let status = payload::status_of(&row.text(2)?, row.maybe_text(3)?);
    let place = || format!("the state of agent {agent} in queue {queue}");
    let status = status.map_err(|why| RowError::Unreadable { place: place(), why })?;
    Ok((AgentId::new(&agent), QueueId::new(&queue), status, Wall::from_micros(row.int(4)?)))
}

fn binding(row: &Row) -> Result<Binding, sqlx::Error> {
    Ok(Binding {
        aor: row.text(0)?,
        contact: row.text(1)?,
        flow: row.text(2)?,
        call_id: row.text(3)?,
        cseq: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
        expires_at: Wall::from_micros(row.int(5)?),
        registered_at: Wall::from_micros(row.int(6)?),
        user_agent: row.maybe_text(7)?,
        path: row.maybe_text(8)?,
        instance: row.maybe_text(9)?,
        q: row.maybe_real(10)?.map(narrow),
    })
}

/// A preference is stored as it came, in single precision.
#[expect(clippy::cast_possible_truncation, reason = "it was widened from f32")]
fn narrow(q: f64) -> f32 {
    q as f32
}
