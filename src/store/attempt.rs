//! One attempt to write a batch: connects where there is no connection, and gives up after a while.
//!
//! It runs as a future beside the writer's intake, so that a slow database stops nobody.

use crate::clock::Clock;
use crate::store::address::Address;
use crate::store::apply;
use crate::store::apply::Author;
use crate::store::apply::Refused;
use crate::store::change::Numbered;
use crate::store::link::Link;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// An attempt that takes longer has failed; its connection is dropped.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// A batch on its way.
pub(crate) struct Attempt {
    /// What is written.
    pub(crate) batch: Arc<Vec<Numbered>>,
    /// How many of the batch, from its beginning, are in the spool.
    pub(crate) spooled: usize,
    /// Where the spool goes on after this batch, when it was read from there.
    pub(crate) spool_end: Option<u64>,
    /// Ticks since it began.
    pub(crate) ticks: u32,
    future: Pin<Box<dyn Future<Output = Done> + Send>>,
}

/// What came of it.
pub(crate) struct Done {
    /// The connection, where it is still good.
    pub(crate) link: Option<Link>,
    /// What was refused for good, or why nothing is known of the batch.
    pub(crate) result: Result<Vec<Refused>, String>,
}

/// What an attempt needs besides the batch.
pub(crate) struct Means {
    pub(crate) address: Address,
    pub(crate) clock: Clock,
    pub(crate) writer: Arc<str>,
    pub(crate) link: Option<Link>,
    /// The batch may be in the database already.
    pub(crate) again: bool,
}

impl Attempt {
    /// Begins to write; nothing happens before [`Attempt::done`] is polled.
    pub(crate) fn new(batch: Vec<Numbered>, spool_end: Option<u64>, means: Means) -> Self {
        let batch = Arc::new(batch);
        let spooled = if spool_end.is_some() { batch.len() } else { 0 };
        let future = Box::pin(attempt(batch.clone(), means));
        Self { batch, spooled, spool_end, ticks: 0, future }
    }

    /// Waits for its end. Dropping this and calling it again goes on where it was.
    pub(crate) async fn done(&mut self) -> Done {
        (&mut self.future).await
    }
}

async fn attempt(batch: Arc<Vec<Numbered>>, means: Means) -> Done {
    match tokio::time::timeout(ATTEMPT_MAX, write(&batch, means)).await {
        Ok(Ok((link, refused))) => Done { link: Some(link), result: Ok(refused) },
        Ok(Err(error)) => Done { link: None, result: Err(error.to_string()) },
        Err(_) => Done { link: None, result: Err("it does not answer".to_string()) },
    }
}

async fn write(batch: &[Numbered], means: Means) -> Result<(Link, Vec<Refused>), sqlx::Error> {
    let mut link = match means.link {
        Some(link) => link,
        None => Link::connect(&means.address).await?,
    };
    let author = Author { writer: &means.writer, now: means.clock.now().wall };
    let refused = apply::write(&mut link, author, batch, means.again).await?;
    Ok((link, refused))
}
