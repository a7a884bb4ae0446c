//! The store: one append-only log of facts, what is derived from it in the same transaction, and the phones' bindings.
//!
//! SQLite by default, PostgreSQL by URL; only this module knows SQL. One [`WriterTask`] writes in batches and no call
//! ever waits for it; [`Reader`] reads beside it. One switch owns a database: at the start it closes what the last run
//! left unfinished. Adding up figures is the folds' work, pruning the log is not done yet.

mod address;
mod apply;
mod attempt;
pub mod binding;
mod change;
pub mod error;
mod link;
mod payload;
pub mod phone_setting;
pub mod reader;
mod restart;
mod schema;
mod spool;
pub mod task;
#[cfg(test)]
mod tests;
mod words;
pub mod writer;

pub use binding::Binding;
pub use binding::BindingChange;
pub use error::StoreError;
pub use phone_setting::PhoneChange;
pub use phone_setting::PhoneSetting;
pub use reader::CdrPage;
pub use reader::Reader;
pub use reader::Restored;
pub use task::WriterEnd;
pub use task::WriterTask;
pub use writer::Writer;
pub use writer::WriterStats;

use crate::clock::Clock;
use crate::clock::Wall;
use crate::ids::CallUid;
use crate::ids::Random;
use crate::store::address::Address;
use crate::store::apply::Author;
use crate::store::link::Link;
use crate::store::link::Pool;
use crate::store::spool::Spool;
use crate::store::task::State;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The store's two handles; both are cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// Takes facts and changes of bindings.
    pub writer: Writer,
    /// Reads what was written.
    pub reader: Reader,
}

/// The bounds of the store, and its clock.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time for signs of life and for "unexpired".
    pub clock: Clock,
    /// Changes that wait in the channel; more are shed.
    pub channel_max: usize,
    /// Changes that wait in memory besides, while database and spool take none.
    pub pending_max: usize,
    /// The greatest size of the spool's file: a million facts take about 300 MB.
    pub spool_bytes_max: u64,
    /// How long a closed writer waits for a database that is away before it leaves the rest in the spool.
    pub close_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::machine(),
            channel_max: 16_384,
            pending_max: 65_536,
            spool_bytes_max: 1 << 30,
            close_max: Duration::from_secs(5),
        }
    }
}

/// Opens the database, makes or updates its tables, replays the last run's spool and closes what it left unfinished.
///
/// Nothing is started: the application awaits [`WriterTask::run`] on its runtime. Errors say how to mend them.
pub async fn open(url: &str, spool: Option<PathBuf>) -> Result<(Store, WriterTask), StoreError> {
    open_with(url, spool, Settings::default()).await
}

/// [`open`] with bounds and a clock.
pub async fn open_with(
    url: &str,
    spool: Option<PathBuf>,
    settings: Settings,
) -> Result<(Store, WriterTask), StoreError> {
    let now = settings.clock.now().wall;
    let address = Address::parse(url)?;
    let mut spool = spool.map(|path| Spool::open(&path, settings.spool_bytes_max)).transpose()?;
    let mut link = Link::connect(&address).await.map_err(|error| address.open_error(&error))?;
    schema::migrate(&mut link, &address).await?;
    let lost = match &mut spool {
        Some(spool) => restart::replay(&mut link, spool, now).await?,
        None => 0,
    };
    let writer_id: Arc<str> = run_id(now).into();
    let closed = restart::close_unfinished(&mut link, Author { writer: &writer_id, now }).await?;
    restart::forget_expired(&mut link, now).await?;
    let pool = Pool::open(&address).await.map_err(|error| address.open_error(&error))?;

    let (writer, inbox) = Writer::new(settings.channel_max);
    let shared = writer.shared();
    shared.refused.fetch_add(lost, Ordering::Relaxed);
    let task = WriterTask {
        inbox,
        shared: shared.clone(),
        address: address.clone(),
        clock: settings.clock.clone(),
        writer: writer_id,
        link: Some(link),
        spool,
        pending_max: settings.pending_max,
        close_max: settings.close_max,
        state: State::after(closed.len() as u64),
    };
    let reader = Reader::new(pool, address, settings.clock, shared, closed);
    Ok((Store { writer, reader }, task))
}

/// A fresh id for this run of the writer. It must differ from all earlier ones, and need not be secret: the standard
/// library's hash seed is the system's entropy.
fn run_id(now: Wall) -> String {
    let mut random = Random::seeded(RandomState::new().hash_one(std::process::id()));
    CallUid::draw(now, &mut random).to_string()
}
