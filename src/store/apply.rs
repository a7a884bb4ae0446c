//! Writes a batch of changes in one transaction: the log, and what is derived from it.
//!
//! Each writer's mark moves in the same transaction, so that a batch which is tried again after a lost answer, or
//! replayed from the spool after a crash, is written exactly once.

use crate::clock::Wall;
use crate::ids::CallUid;
use crate::record::AgentChange;
use crate::record::Cdr;
use crate::record::Fact;
use crate::record::Outcome;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::record::QueueStatus;
use crate::store::binding::Binding;
use crate::store::binding::BindingChange;
use crate::store::change::Change;
use crate::store::change::Numbered;
use crate::store::link::Link;
use crate::store::link::Value;
use crate::store::link::is_refusal;
use crate::store::payload;
use crate::store::payload::FactRow;
use crate::store::payload::micros;
use crate::store::payload::status_words;
use crate::store::words::Word;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// Rows of one statement, largest first: any number takes few statements, each of which costs a wake-up there and back. Few
/// sizes, so that the databases' caches of statements hold them all.
const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// A change that the database refuses for good, by its place in the batch.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) index: usize,
    pub(crate) why: String,
}

/// Who writes, and when it is.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Author<'a> {
    /// The id of this run of the writer.
    pub(crate) writer: &'a str,
    /// The time, as a sign of life.
    pub(crate) now: Wall,
}

/// Writes a batch. With `again` the batch may be in the database already, in part or wholly, and what is there is
/// passed over. An error means that nothing is known of the batch; what the database refuses for good is returned, and
/// the rest is written.
pub(crate) async fn write(
    link: &mut Link,
    author: Author<'_>,
    batch: &[Numbered],
    again: bool,
) -> Result<Vec<Refused>, sqlx::Error> {
    let error = match transaction(link, author, batch, again).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error) => error,
    };
    if !is_refusal(&error) {
        return Err(error);
    }
    link.roll_back().await?;
    let mut refused = Vec::new();
    for (index, numbered) in batch.iter().enumerate() {
        match transaction(link, author, std::slice::from_ref(numbered), true).await {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => {
                link.roll_back().await?;
                refused.push(Refused { index, why: error.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

async fn transaction(
    link: &mut Link,
    author: Author<'_>,
    batch: &[Numbered],
    again: bool,
) -> Result<(), sqlx::Error> {
    link.begin().await?;
    let applied = if again { applied(link, author.writer).await? } else { 0 };
    let mut facts = Vec::new();
    let mut derived = Derived::default();
    for numbered in batch.iter().filter(|numbered| numbered.number > applied) {
        match &numbered.change {
            Change::Fact(fact) => {
                let row = payload::encode(fact);
                derived.note_fact(fact, &row);
                facts.push(fact_values(row));
            }
            Change::Binding(change) => derived.note_binding(change),
            Change::Phone(change) => {
                derived.phones.insert((&change.phone, change.setting.word()), change.value.as_deref());
            }
        }
    }
    put_rows(link, INSERT_FACTS, "", facts).await?;
    derived.store(link).await?;
    let last = batch.last().map_or(0, |numbered| numbered.number).max(applied);
    let mark = vec![author.writer.into(), number(last), author.now.as_micros().into()];
    link.execute(MARK, mark).await?;
    link.commit().await
}

/// How far a writer has written.
pub(crate) async fn applied(link: &mut Link, writer: &str) -> Result<u64, sqlx::Error> {
    let rows = link.rows("SELECT applied FROM writers WHERE writer = $1", vec![writer.into()]).await?;
    let applied = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(applied).unwrap_or(0))
}

const INSERT_FACTS: &str =
    "INSERT INTO facts (at, topic, change, queue, entry, agent, call, version, payload) VALUES ";
const MARK: &str = "INSERT INTO writers (writer, applied, alive_at) VALUES ($1, $2, $3) ON CONFLICT (writer) \
     DO UPDATE SET applied = CASE WHEN excluded.applied > writers.applied THEN excluded.applied ELSE writers.applied \
     END, alive_at = excluded.alive_at";
const INSERT_CDRS: &str = "INSERT INTO cdrs (call, caller, callee, started_at, answered_at, ended_at, outcome, cause, \
     queue, agent, wait_us, talk_us, hold_us, wrap_up_us) VALUES ";
const UPDATE_CDRS: &str = " ON CONFLICT (call) DO UPDATE SET caller = excluded.caller, callee = excluded.callee, \
     started_at = excluded.started_at, answered_at = excluded.answered_at, ended_at = excluded.ended_at, \
     outcome = excluded.outcome, cause = excluded.cause, queue = excluded.queue, agent = excluded.agent, \
     wait_us = excluded.wait_us, talk_us = excluded.talk_us, hold_us = excluded.hold_us, \
     wrap_up_us = excluded.wrap_up_us";
const INSERT_STATES: &str = "INSERT INTO agent_queue_states (agent, queue, status, reason, since) VALUES ";
const UPDATE_STATES: &str = " ON CONFLICT (agent, queue) DO UPDATE SET status = excluded.status, \
     reason = excluded.reason, since = excluded.since";
const INSERT_UNFINISHED: &str =
    "INSERT INTO unfinished (subject, at, change, queue, entry, agent, call, version, payload) VALUES ";
const UPDATE_UNFINISHED: &str = " ON CONFLICT (subject) DO UPDATE SET at = excluded.at, change = excluded.change, \
     queue = excluded.queue, entry = excluded.entry, agent = excluded.agent, call = excluded.call, \
     version = excluded.version, payload = excluded.payload";
const INSERT_BINDINGS: &str = "INSERT INTO bindings (aor, contact, flow, call_id, cseq, expires_at, registered_at, \
     user_agent, path, instance, q) VALUES ";

const SET_PHONE: &str = "INSERT INTO phone_settings (phone, setting, value) VALUES ($1, $2, $3) \
     ON CONFLICT (phone, setting) DO UPDATE SET value = excluded.value";

/// What a batch does to the derived tables: for each key the last word counts, so each row is written once.
#[derive(Default)]
struct Derived<'a> {
    cdrs: BTreeMap<u128, &'a Cdr>,
    wrap_ups: BTreeMap<u128, i64>,
    states: BTreeMap<(&'a str, &'a str), (&'a QueueStatus, Wall)>,
    unfinished: BTreeMap<String, Option<FactRow>>,
    bindings: BTreeMap<(&'a str, &'a str), Option<&'a Binding>>,
    phones: BTreeMap<(&'a str, &'a str), Option<&'a str>>,
}

impl<'a> Derived<'a> {
    fn note_fact(&mut self, fact: &'a Fact, row: &FactRow) {
        match fact {
            Fact::Queue(event) => {
                for (subject, opens) in subjects(event) {
                    self.unfinished.insert(subject, opens.then(|| row.clone()));
                }
                if let (QueueChange::Completed { wrap_up, .. }, Some(call)) = (&event.change, event.call) {
                    self.wrap_ups.insert(call.as_u128(), payload::micros(*wrap_up));
                }
            }
            Fact::Agent(event) => match &event.change {
                AgentChange::Queue { queue, status } => {
                    self.states.insert((event.agent.as_str(), queue.as_str()), (status, event.at));
                }
                AgentChange::Status { .. } => {}
            },
            Fact::Cdr(cdr) => {
                self.cdrs.insert(cdr.call.as_u128(), cdr);
            }
        }
    }

    fn note_binding(&mut self, change: &'a BindingChange) {
        match change {
            BindingChange::Set(binding) => {
                self.bindings.insert((&binding.aor, &binding.contact), Some(binding))
            }
            BindingChange::Removed { aor, contact } => self.bindings.insert((aor, contact), None),
        };
    }

    async fn store(self, link: &mut Link) -> Result<(), sqlx::Error> {
        put_rows(link, INSERT_CDRS, UPDATE_CDRS, self.cdrs.values().map(|cdr| cdr_values(cdr)).collect())
            .await?;
        // The wrap-up follows the call, so its record was written without it.
        for (call, wrap_up) in self.wrap_ups {
            let values = vec![wrap_up.into(), CallUid::from_u128(call).to_string().as_str().into()];
            link.execute("UPDATE cdrs SET wrap_up_us = $1 WHERE call = $2", values).await?;
        }
        let states = self.states.into_iter().map(|((agent, queue), (status, since))| {
            let (status, reason) = status_words(status);
            let reason = Value::text(reason.as_deref());
            vec![agent.into(), queue.into(), status.into(), reason, since.as_micros().into()]
        });
        put_rows(link, INSERT_STATES, UPDATE_STATES, states.collect()).await?;
        let mut opened = Vec::new();
        let mut closed = Vec::new();
        for (subject, row) in self.unfinished {
            match row {
                Some(row) => opened.push(unfinished_values(&subject, row)),
                None => closed.push(vec![Value::Text(Some(subject))]),
            }
        }
        put_rows(link, INSERT_UNFINISHED, UPDATE_UNFINISHED, opened).await?;
        delete(link, "DELETE FROM unfinished WHERE subject IN (VALUES ", closed).await?;
        for ((phone, setting), value) in self.phones {
            let mut key = vec![phone.into(), setting.into()];
            match value {
                Some(value) => {
                    key.push(value.into());
                    link.execute(SET_PHONE, key).await?;
                }
                None => {
                    let query = "DELETE FROM phone_settings WHERE phone = $1 AND setting = $2";
                    link.execute(query, key).await?;
                }
            }
        }
        let keys = self.bindings.keys().map(|(aor, contact)| vec![(*aor).into(), (*contact).into()]);
        delete(link, "DELETE FROM bindings WHERE (aor, contact) IN (VALUES ", keys.collect()).await?;
        let bindings = self.bindings.into_values().flatten().map(binding_values).collect();
        put_rows(link, INSERT_BINDINGS, "", bindings).await
    }
}

/// Which pairs of facts an event begins (`true`) or ends: every entry that entered leaves, every offer ends, every
/// handled customer's conversation completes.
fn subjects(event: &QueueEvent) -> Vec<(String, bool)> {
    let entry = || format!("entry/{}", event.entry);
    let talk = || format!("talk/{}", event.entry);
    match &event.change {
        QueueChange::Entered { .. } => vec![(entry(), true)],
        QueueChange::Offered { offer, .. } => vec![(format!("offer/{offer}"), true)],
        QueueChange::OfferEnded { offer, .. } => vec![(format!("offer/{offer}"), false)],
        QueueChange::Left { outcome: Outcome::Handled, agent: Some(_), .. } => {
            vec![(entry(), false), (talk(), true)]
        }
        QueueChange::Left { .. } => vec![(entry(), false)],
        QueueChange::Completed { .. } => vec![(talk(), false)],
    }
}

fn fact_values(row: FactRow) -> Vec<Value> {
    vec![
        row.at.into(),
        Value::Text(Some(row.topic)),
        Value::Text(Some(row.change)),
        Value::text(row.queue.as_deref()),
        Value::Text(row.entry),
        Value::text(row.agent.as_deref()),
        Value::Text(row.call),
        row.version.into(),
        Value::Text(Some(row.payload)),
    ]
}

fn unfinished_values(subject: &str, row: FactRow) -> Vec<Value> {
    // The topic of what is unfinished is always the queue's: the table has the subject in its place.
    let mut values = fact_values(row);
    values.remove(1);
    values.insert(0, subject.into());
    values
}

fn cdr_values(cdr: &Cdr) -> Vec<Value> {
    vec![
        Value::Text(Some(cdr.call.to_string())),
        cdr.from.as_str().into(),
        cdr.to.as_str().into(),
        cdr.started_at.as_micros().into(),
        Value::Int(cdr.answered_at.map(Wall::as_micros)),
        cdr.ended_at.as_micros().into(),
        cdr.outcome.word().into(),
        cdr.cause.as_str().into(),
        Value::text(cdr.queue.as_ref().map(|queue| queue.as_str())),
        Value::text(cdr.agent.as_ref().map(|agent| agent.as_str())),
        micros(cdr.wait).into(),
        micros(cdr.talk).into(),
        micros(cdr.hold).into(),
        micros(cdr.wrap_up).into(),
    ]
}

fn binding_values(binding: &Binding) -> Vec<Value> {
    vec![
        binding.aor.as_str().into(),
        binding.contact.as_str().into(),
        binding.flow.as_str().into(),
        binding.call_id.as_str().into(),
        i64::from(binding.cseq).into(),
        binding.expires_at.as_micros().into(),
        binding.registered_at.as_micros().into(),
        Value::text(binding.user_agent.as_deref()),
        Value::text(binding.path.as_deref()),
        Value::text(binding.instance.as_deref()),
        Value::Real(binding.q.map(f64::from)),
    ]
}

fn number(value: u64) -> Value {
    Value::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// Writes rows of one width behind `head`, many a statement; inserted ones get their sequence in order.
async fn put_rows(link: &mut Link, head: &str, tail: &str, rows: Vec<Vec<Value>>) -> Result<(), sqlx::Error> {
    let width = rows.first().map_or(0, Vec::len);
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let count = chunk(rows.len());
        let groups: Vec<String> =
            (0..count).map(|row| format!("({})", places(row * width + 1, width))).collect();
        let values = rows.by_ref().take(count).flatten().collect();
        // Safe: constants of this file and placeholders.
        link.execute(AssertSqlSafe(format!("{head}{}{tail}", groups.join(", "))), values).await?;
    }
    Ok(())
}

/// Deletes rows by keys of one width, many a statement.
async fn delete(link: &mut Link, head: &str, keys: Vec<Vec<Value>>) -> Result<(), sqlx::Error> {
    put_rows(link, head, ")", keys).await
}

fn chunk(left: usize) -> usize {
    ROWS.into_iter().find(|&rows| rows <= left).unwrap_or(1)
}

/// `$first, $first+1, …`.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}
