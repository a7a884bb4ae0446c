//! The writer's task: the only owner of the database's writing side and of the spool.
//!
//! ```text
//!   channel -> pending (memory) -> attempt (one transaction) -> database
//!                   |                   |
//!                   +----> spool <------+     when the database is away, or slower than what comes
//!                            |
//!                            +-> attempt      from the spool first, until it is empty
//! ```
//!
//! The order is always: batch on its way, spool, pending. It never waits for the database while it takes what comes.
//! Below the bounds nothing is lost; a tick after the database went away everything taken is on disk.

use crate::clock::Clock;
use crate::store::address::Address;
use crate::store::attempt::Attempt;
use crate::store::attempt::Done;
use crate::store::attempt::Means;
use crate::store::change::Numbered;
use crate::store::link::Link;
use crate::store::spool;
use crate::store::spool::Chunk;
use crate::store::spool::Spool;
use crate::store::writer::Message;
use crate::store::writer::Shared;
use std::collections::VecDeque;
use std::future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;

/// Half of the 50 ms that a fact may be short of durable: one tick to begin a batch, one to find it slow.
const TICK: Duration = Duration::from_millis(25);
/// Changes of one transaction; a full batch does not wait for its tick.
const BATCH_MAX: usize = 512;
/// Changes taken from the channel at once.
const TAKE_MAX: usize = 256;
/// Pending changes beyond this go to the spool though the database answers: it is too slow for what comes.
const PENDING_FOR_SPOOL: usize = 4096;
/// Ticks of an attempt after which what it writes goes to the spool as well.
const SLOW_TICKS: u32 = 2;
/// Ticks between attempts while the database is away: from 100 ms, doubling, to 5 s.
const RETRY_TICKS_MIN: u32 = 4;
const RETRY_TICKS_MAX: u32 = 200;
/// How often an idle writer leaves a sign of life, by which a restart dates what it closes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Writes until it is closed. Made by [`open`](crate::store::open), run by the application.
pub struct WriterTask {
    pub(crate) inbox: mpsc::Receiver<Message>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: Address,
    pub(crate) clock: Clock,
    /// The id of this run, to which the numbers belong.
    pub(crate) writer: Arc<str>,
    pub(crate) link: Option<Link>,
    pub(crate) spool: Option<Spool>,
    pub(crate) pending_max: usize,
    pub(crate) close_max: Duration,
    pub(crate) state: State,
}

/// What changes while the task runs.
#[derive(Default)]
pub(crate) struct State {
    pending: VecDeque<Numbered>,
    attempt: Option<Attempt>,
    /// The number last given.
    numbered: u64,
    /// All up to this number are in the database.
    written: u64,
    /// All up to this number are in the database or in the spool.
    spooled: u64,
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    /// The last attempt failed: its batch may be in the database.
    away: bool,
    retry_ticks: u32,
    retry_in: u32,
    /// The channel gives nothing any more.
    closed: bool,
    /// Ticks since then without a batch written.
    closed_ticks: u32,
    spool_fault_told: bool,
}

impl State {
    /// Goes on after the facts that opening the store wrote under this run's numbers.
    pub(crate) fn after(numbered: u64) -> Self {
        Self { numbered, written: numbered, ..Self::default() }
    }
}

/// How a writer ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct WriterEnd {
    /// Changes written to the database in this run.
    pub written: u64,
    /// Changes that wait in the spool for the next run, because the database was away.
    pub left_in_spool: u64,
    /// Changes lost.
    pub lost: u64,
}

impl WriterTask {
    /// Writes what comes until [`Writer::close`](crate::store::Writer::close), then the rest, then ends. With the
    /// database away it leaves the rest in the spool after [`Settings::close_max`](crate::store::Settings).
    pub async fn run(mut self) -> WriterEnd {
        let shared = self.shared.clone();
        let mut taken = Vec::with_capacity(TAKE_MAX);
        let mut tick = interval(TICK);
        let mut sign_of_life = interval(SIGN_OF_LIFE);
        while !self.ended() {
            tokio::select! {
                count = self.inbox.recv_many(&mut taken, TAKE_MAX), if self.takes() => {
                    self.state.closed = count == 0;
                    for message in taken.drain(..) {
                        self.take(message).await;
                    }
                    self.after_taking().await;
                }
                done = finished(&mut self.state.attempt) => self.finish(done).await,
                _ = tick.tick(), if self.unsettled() => self.tick().await,
                _ = sign_of_life.tick() => self.sign_of_life(),
                () = shared.closing.notified() => self.inbox.close(),
            }
        }
        self.end().await
    }

    fn takes(&self) -> bool {
        !self.state.closed && self.state.pending.len() < self.pending_max
    }

    fn unsettled(&self) -> bool {
        self.state.attempt.is_some() || self.state.closed || self.has_work()
    }

    fn has_work(&self) -> bool {
        !self.state.pending.is_empty() || self.spool_holds()
    }

    fn spool_holds(&self) -> bool {
        self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    fn ended(&self) -> bool {
        let settled = self.state.attempt.is_none() && !self.has_work();
        self.state.closed && (settled || TICK * self.state.closed_ticks >= self.close_max)
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Change(change) => {
                self.state.numbered += 1;
                self.state.pending.push_back(Numbered { number: self.state.numbered, change });
            }
            Message::Flush(done) => {
                self.state.flushes.push((self.state.numbered, done));
                self.answer_flushes();
                if self.state.away {
                    self.spool_all().await;
                }
            }
        }
    }

    async fn after_taking(&mut self) {
        if self.hurries() {
            self.start().await;
        }
        if self.state.pending.len() >= PENDING_FOR_SPOOL {
            self.spool_all().await;
        }
    }

    /// Whether to begin the next batch without waiting for the tick.
    fn hurries(&self) -> bool {
        let state = &self.state;
        let reason = state.pending.len() >= BATCH_MAX || !state.flushes.is_empty() || state.closed;
        !state.away && (reason || self.spool_holds())
    }

    async fn tick(&mut self) {
        if self.state.closed {
            self.state.closed_ticks += 1;
            self.state.retry_in = self.state.retry_in.min(RETRY_TICKS_MIN);
        }
        if let Some(attempt) = &mut self.state.attempt {
            attempt.ticks += 1;
            if attempt.ticks >= SLOW_TICKS || self.spool_holds() {
                self.spool_all().await;
            }
            return;
        }
        if self.state.away {
            self.spool_all().await;
            self.state.retry_in = self.state.retry_in.saturating_sub(1);
        }
        if self.state.retry_in == 0 {
            self.start().await;
        }
    }

    /// An idle writer writes an empty batch: its mark, with the time.
    fn sign_of_life(&mut self) {
        if self.state.attempt.is_none() && !self.has_work() {
            self.attempt(Vec::new(), None);
        }
    }

    /// Begins the next batch, if there is one and none is on its way: from the spool first.
    async fn start(&mut self) {
        if self.state.attempt.is_some() {
            return;
        }
        while self.spool_holds() {
            let Some(chunk) = self.read_spool().await else { return };
            if !chunk.batch.is_empty() {
                return self.attempt(chunk.batch, Some(chunk.end));
            }
            self.with_spool(move |spool| spool.release(chunk.end)).await;
        }
        let count = self.state.pending.len().min(BATCH_MAX);
        if count > 0 {
            let batch = self.state.pending.drain(..count).collect();
            self.attempt(batch, None);
        }
    }

    fn attempt(&mut self, batch: Vec<Numbered>, spool_end: Option<u64>) {
        let means = Means {
            address: self.address.clone(),
            clock: self.clock.clone(),
            writer: self.writer.clone(),
            link: self.link.take(),
            again: self.state.away,
        };
        self.state.attempt = Some(Attempt::new(batch, spool_end, means));
    }

    /// The next batch of the spool, without what was written while it was spooled.
    async fn read_spool(&mut self) -> Option<Chunk> {
        let mut chunk = self.with_spool(|spool| spool.read(BATCH_MAX)).await?;
        self.shared.refused.fetch_add(chunk.unreadable, Ordering::Relaxed);
        let written = self.state.written;
        chunk.batch.retain(|numbered| numbered.number > written);
        Some(chunk)
    }

    async fn finish(&mut self, done: Done) {
        let Some(attempt) = self.state.attempt.take() else { return };
        self.link = done.link;
        match done.result {
            Ok(refused) => {
                for refusal in &refused {
                    self.shared.refused.fetch_add(1, Ordering::Relaxed);
                    let line = spool::line(&self.writer, &attempt.batch[refusal.index]);
                    let why = refusal.why.clone();
                    self.with_spool(move |spool| {
                        spool.set_aside(line.trim_end(), &why);
                        Ok(())
                    })
                    .await;
                }
                self.settle(attempt, refused.len()).await;
            }
            Err(why) => self.fail(attempt, &why).await,
        }
    }

    async fn settle(&mut self, attempt: Attempt, refused: usize) {
        let state = &mut self.state;
        if state.away {
            tracing::warn!(database = self.address.shown(), "the database takes writes again");
        }
        state.away = false;
        state.retry_ticks = 0;
        state.retry_in = 0;
        state.closed_ticks = 0;
        if let Some(last) = attempt.batch.last() {
            state.written = state.written.max(last.number);
        }
        let count = attempt.batch.len();
        self.shared.backlog.fetch_sub(count, Ordering::Relaxed);
        self.shared.written.fetch_add((count - refused) as u64, Ordering::Relaxed);
        if let Some(end) = attempt.spool_end {
            self.with_spool(move |spool| spool.release(end)).await;
        } else if self.spool_holds() && self.state.written >= self.state.spooled {
            self.with_spool(Spool::clear).await;
        }
        self.tell_shared();
        self.answer_flushes();
        if self.hurries() {
            self.start().await;
        }
    }

    async fn fail(&mut self, attempt: Attempt, why: &str) {
        let state = &mut self.state;
        if !state.away {
            tracing::warn!(database = self.address.shown(), why, "the database does not take writes");
        }
        state.away = true;
        state.retry_ticks = (state.retry_ticks * 2).clamp(RETRY_TICKS_MIN, RETRY_TICKS_MAX);
        state.retry_in = state.retry_ticks;
        for numbered in attempt.batch.iter().skip(attempt.spooled).rev() {
            state.pending.push_front(numbered.clone());
        }
        self.tell_shared();
        self.spool_all().await;
    }

    /// Puts on disk, in order, all that is not there and not in the database: first the rest of the batch on its way.
    async fn spool_all(&mut self) {
        let Some(bound) = self.spool.as_ref().map(Spool::room) else { return };
        let attempt =
            self.state.attempt.iter().flat_map(|attempt| attempt.batch.iter().skip(attempt.spooled));
        let mut lines = Vec::new();
        let mut bytes = 0;
        for numbered in attempt.chain(&self.state.pending) {
            let line = spool::line(&self.writer, numbered);
            bytes += line.len() as u64;
            if bytes > bound {
                self.tell_spool_fault("it is full");
                break;
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return;
        }
        let count = self.with_spool(move |spool| spool.append(&lines)).await.unwrap_or(0);
        self.note_spooled(count);
    }

    fn note_spooled(&mut self, mut count: usize) {
        let state = &mut self.state;
        if let Some(attempt) = &mut state.attempt {
            let rest = (attempt.batch.len() - attempt.spooled).min(count);
            attempt.spooled += rest;
            count -= rest;
            let last = attempt.spooled.checked_sub(1).and_then(|index| attempt.batch.get(index));
            state.spooled = state.spooled.max(last.map_or(0, |numbered| numbered.number));
        }
        if let Some(last) = state.pending.drain(..count).next_back() {
            state.spooled = last.number;
        }
        self.tell_shared();
        self.answer_flushes();
    }

    fn answer_flushes(&mut self) {
        let durable = self.state.written.max(self.state.spooled);
        for (number, done) in std::mem::take(&mut self.state.flushes) {
            if number <= durable {
                // Nobody waits any more, where sending fails.
                let _ = done.send(());
            } else {
                self.state.flushes.push((number, done));
            }
        }
    }

    fn tell_shared(&self) {
        let spooled = self.state.spooled.saturating_sub(self.state.written);
        self.shared.spooled.store(spooled, Ordering::Relaxed);
        self.shared.away.store(self.state.away, Ordering::Relaxed);
    }

    fn tell_spool_fault(&mut self, why: &str) {
        if !self.state.spool_fault_told {
            self.state.spool_fault_told = true;
            tracing::warn!(
                why,
                "the spool takes no more; the rest waits in memory and is lost when that is full"
            );
        }
    }

    /// Works on the spool's file on a thread that may block. `None` when there is no spool or the work failed.
    async fn with_spool<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        let mut spool = self.spool.take()?;
        let work = tokio::task::spawn_blocking(move || {
            let result = work(&mut spool);
            (spool, result)
        });
        // A failure to join means that the runtime is being torn down.
        let (spool, result) = work.await.ok()?;
        self.spool = Some(spool);
        result.map_err(|error| self.tell_spool_fault(&error.to_string())).ok()
    }

    async fn end(mut self) -> WriterEnd {
        self.spool_all().await;
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        let state = &self.state;
        let unsaved = state.numbered.saturating_sub(state.written.max(state.spooled));
        let shed = self.shared.shed.load(Ordering::Relaxed);
        WriterEnd {
            written: self.shared.written.load(Ordering::Relaxed),
            left_in_spool: state.spooled.saturating_sub(state.written),
            lost: shed + unsaved,
        }
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Waits for the attempt on its way, for ever where there is none.
async fn finished(attempt: &mut Option<Attempt>) -> Done {
    match attempt {
        Some(attempt) => attempt.done().await,
        None => future::pending().await,
    }
}
