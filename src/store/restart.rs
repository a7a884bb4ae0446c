//! What opening the store puts right after the last run: its spool is replayed, and what it left unfinished is closed.
//!
//! The log then balances by itself: every entry that entered has left, every offer has ended, every handled customer's
//! conversation has completed. No caller outlives the process that held his call; callbacks are closed as well, and
//! the distributor may enter them anew from what is returned here.

use crate::clock::Wall;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::store::apply;
use crate::store::apply::Author;
use crate::store::change::Change;
use crate::store::change::Numbered;
use crate::store::error::StoreError;
use crate::store::link::Link;
use crate::store::link::Row;
use crate::store::payload;
use crate::store::payload::FactRow;
use crate::store::spool;
use crate::store::spool::Spool;
use std::io;
use std::time::Duration;

/// Changes of one transaction.
const BATCH: usize = 512;

/// Writes what the last run left in its spool. Says how many changes could not be stored.
pub(crate) async fn replay(link: &mut Link, spool: &mut Spool, now: Wall) -> Result<u64, StoreError> {
    let mut lost = 0;
    loop {
        let chunk = spool.read(BATCH).map_err(|error| spool_error(spool, &error))?;
        lost += chunk.unreadable;
        if !chunk.batch.is_empty() {
            let author = Author { writer: &chunk.writer, now };
            let refused = apply::write(link, author, &chunk.batch, true).await;
            let refused = refused.map_err(|error| StoreError::database("replay the spool", error))?;
            for refusal in &refused {
                lost += 1;
                spool.set_aside(
                    spool::line(&chunk.writer, &chunk.batch[refusal.index]).trim_end(),
                    &refusal.why,
                );
            }
        }
        spool.release(chunk.end).map_err(|error| spool_error(spool, &error))?;
        if spool.is_empty() {
            return Ok(lost);
        }
    }
}

/// Closes what is unfinished and returns the closing facts in order; they are in the log.
///
/// They are stamped with the last sign of life of the last run, not with the time of this start: that is when the
/// callers were cut off, and a switch that stood still over a weekend did not let them wait so long.
pub(crate) async fn close_unfinished(
    link: &mut Link,
    author: Author<'_>,
) -> Result<Vec<QueueEvent>, StoreError> {
    let alive_at = last_alive(link, author.now).await?;
    let query = "SELECT at, change, queue, entry, agent, call, version, payload, subject FROM unfinished \
         ORDER BY CASE change WHEN 'offered' THEN 1 WHEN 'entered' THEN 2 ELSE 3 END, subject";
    let doing = "read what the last run left unfinished";
    let rows = link.rows(query, Vec::new()).await.map_err(|error| StoreError::database(doing, error))?;
    let mut closings = Vec::new();
    for row in &rows {
        let opening = opening(row).map_err(|error| StoreError::database(doing, error))?;
        let fact = payload::decode(&opening).map_err(|why| StoreError::Unreadable {
            place: format!(
                "the unfinished {} of {}",
                opening.change,
                opening.entry.as_deref().unwrap_or("?")
            ),
            why,
        })?;
        if let Fact::Queue(event) = fact {
            closings.extend(closing(event, alive_at));
        }
    }
    let numbered: Vec<Numbered> = (1..)
        .zip(&closings)
        .map(|(number, event)| Numbered { number, change: Change::Fact(Fact::Queue(event.clone())) })
        .collect();
    for batch in numbered.chunks(BATCH) {
        let refused = apply::write(link, author, batch, false).await;
        let refused =
            refused.map_err(|error| StoreError::database("close what was left unfinished", error))?;
        for refusal in refused {
            tracing::warn!(why = refusal.why, "the database refuses a closing fact");
        }
    }
    Ok(closings)
}

/// Forgets bindings that have ended.
pub(crate) async fn forget_expired(link: &mut Link, now: Wall) -> Result<(), StoreError> {
    let query = "DELETE FROM bindings WHERE expires_at <= $1";
    let done = link.execute(query, vec![now.as_micros().into()]).await;
    done.map_err(|error| StoreError::database("forget expired bindings", error))
}

async fn last_alive(link: &mut Link, now: Wall) -> Result<Wall, StoreError> {
    let doing = "read when the last run was alive";
    let queries = [
        "SELECT MAX(alive_at) FROM writers",
        "SELECT MAX(at) FROM facts WHERE topic = 'queue'",
        "SELECT MAX(at) FROM facts WHERE topic = 'agent'",
        "SELECT MAX(at) FROM facts WHERE topic = 'cdr'",
    ];
    let mut latest = None;
    for query in queries {
        let rows = link.rows(query, Vec::new()).await.map_err(|error| StoreError::database(doing, error))?;
        for row in &rows {
            latest = latest.max(row.maybe_int(0).map_err(|error| StoreError::database(doing, error))?);
        }
    }
    Ok(latest.map_or(now, Wall::from_micros).min(now))
}

fn opening(row: &Row) -> Result<FactRow, sqlx::Error> {
    Ok(FactRow {
        at: row.int(0)?,
        topic: payload::QUEUE.to_string(),
        change: row.text(1)?,
        queue: row.maybe_text(2)?,
        entry: row.maybe_text(3)?,
        agent: row.maybe_text(4)?,
        call: row.maybe_text(5)?,
        version: row.int(6)?,
        payload: row.text(7)?,
    })
}

/// The fact that closes another one, as far as it needs one.
fn closing(event: QueueEvent, alive_at: Wall) -> Option<QueueEvent> {
    let at = alive_at.max(event.at);
    let passed = Duration::from_micros(at.as_micros().abs_diff(event.at.as_micros()));
    let change = match event.change {
        QueueChange::Entered { .. } => QueueChange::Left {
            outcome: Outcome::EvictedSystem,
            reason: LeftReason::Restart,
            waited: passed,
            agent: None,
        },
        QueueChange::Offered { offer, agent } => {
            QueueChange::OfferEnded { offer, agent, result: OfferResult::Rescinded, rang: passed }
        }
        QueueChange::Left { agent, .. } => QueueChange::Completed {
            agent: agent?,
            talk: passed,
            hold: Duration::ZERO,
            wrap_up: Duration::ZERO,
        },
        QueueChange::OfferEnded { .. } | QueueChange::Completed { .. } => return None,
    };
    Some(QueueEvent { at, change, ..event })
}

fn spool_error(spool: &Spool, error: &io::Error) -> StoreError {
    StoreError::Spool {
        path: spool.path().display().to_string(),
        why: error.to_string(),
        mend: "look at the disk".to_string(),
    }
}
