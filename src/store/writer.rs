//! The writer's handle: takes facts and changes of bindings from anywhere and never makes anybody wait.
//!
//! What it takes goes over one bounded channel to [`WriterTask`](crate::store::WriterTask), the only owner of the
//! database's writing side. A full channel sheds and counts.

use crate::record::Fact;
use crate::store::binding::BindingChange;
use crate::store::change::Change;
use crate::store::phone_setting::PhoneChange;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// What waits in the channel.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a flush is rare, and boxing a change would allocate on the call path"
)]
pub(crate) enum Message {
    /// To be written.
    Change(Change),
    /// To be answered when all before it is durable.
    Flush(oneshot::Sender<()>),
}

/// A cheap handle; clones share the channel.
#[derive(Clone, Debug)]
pub struct Writer {
    messages: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

/// What the handle, the task and the readers see of each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Taken and not yet in the database.
    pub(crate) backlog: AtomicUsize,
    /// The part of the backlog that is in the spool.
    pub(crate) spooled: AtomicU64,
    /// Written to the database since the start.
    pub(crate) written: AtomicU64,
    /// Lost because there was no room.
    pub(crate) shed: AtomicU64,
    /// Refused by the database for good, or unreadable in the spool.
    pub(crate) refused: AtomicU64,
    /// The last attempt to write failed.
    pub(crate) away: AtomicBool,
    /// Asks the task to end.
    pub(crate) closing: Notify,
}

/// How the writer is doing, for metrics.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Changes taken and not yet in the database.
    pub backlog: usize,
    /// The part of them that is on disk in the spool.
    pub spooled: u64,
    /// Changes written to the database since the start.
    pub written: u64,
    /// Changes lost because channel, memory and spool were full; 0 below the bounds.
    pub shed: u64,
    /// Changes that the database refused for good; they are kept beside the spool.
    pub refused: u64,
    /// The database does not take writes at present.
    pub away: bool,
}

impl Writer {
    pub(crate) fn new(capacity: usize) -> (Self, mpsc::Receiver<Message>) {
        let (messages, inbox) = mpsc::channel(capacity);
        (Self { messages, shared: Arc::default() }, inbox)
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Takes a fact for the log. Never waits; facts of one thread keep their order.
    pub fn fact(&self, fact: Fact) {
        self.change(Change::Fact(fact));
    }

    /// Takes a change of the bindings. Never waits.
    pub fn binding(&self, change: BindingChange) {
        self.change(Change::Binding(change));
    }

    /// Takes a change of a phone's settings. Never waits.
    pub fn phone(&self, change: PhoneChange) {
        self.change(Change::Phone(change));
    }

    /// Waits until everything taken before is durable: in the database or, while that is away, in the spool. Without
    /// a spool it waits for the database. Returns at once after the task has ended.
    pub async fn flush(&self) {
        let (done, answer) = oneshot::channel();
        if self.messages.send(Message::Flush(done)).await.is_ok() {
            // An error means that the task has ended, and then there is nothing to wait for.
            let _ = answer.await;
        }
    }

    /// Asks the task to write everything taken so far and to end; what comes later is shed.
    pub fn close(&self) {
        self.shared.closing.notify_one();
    }

    /// Changes taken and not yet in the database.
    pub fn backlog(&self) -> usize {
        self.shared.backlog.load(Ordering::Relaxed)
    }

    /// How the writer is doing.
    pub fn stats(&self) -> WriterStats {
        let shared = &self.shared;
        WriterStats {
            backlog: self.backlog(),
            spooled: shared.spooled.load(Ordering::Relaxed),
            written: shared.written.load(Ordering::Relaxed),
            shed: shared.shed.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
            away: shared.away.load(Ordering::Relaxed),
        }
    }

    fn change(&self, change: Change) {
        // Counted before it is sent, so that the task never takes it off before it was put on.
        self.shared.backlog.fetch_add(1, Ordering::Relaxed);
        if self.messages.try_send(Message::Change(change)).is_err() {
            self.shared.backlog.fetch_sub(1, Ordering::Relaxed);
            if self.shared.shed.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!("the store has no room: facts are lost; see the metrics of the store");
            }
        }
    }
}
