//! The recorder's thread, and the doors to it: one bounded channel for what workers have tapped and what others want.
//!
//! Workers and the signalling thread never wait for it. It sleeps while nothing is recorded.

use crate::clock::Clock;
use crate::clock::Now;
use crate::ids::RecordingUid;
use crate::media::tap::Block;
use crate::media::tap::TapSink;
use crate::media::tap::Waiting;
use crate::metrics::Metrics;
use crate::recording::disk::Disk;
use crate::recording::keeper::Keeper;
use crate::recording::keeper::Settings;
use crate::recording::library::Entry;
use crate::recording::order::Order;
use crate::recording::order::Report;
use crate::recording::order::Trouble;
use std::fmt;
use std::io;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Blocks of workers that may wait: some seconds of a disk that stands still.
const BLOCKS_MAX: usize = 256;
/// Everything that may wait; blocks leave room for the rest.
const WORDS_MAX: usize = BLOCKS_MAX + 4096;
/// Words taken between two looks at what is due.
const WORDS_A_TURN: usize = 64;
/// The longest sleep: what is too old is looked for once a day.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

enum Word {
    Block(Block),
    Order(Now, Order),
    Listen(RecordingUid, String, oneshot::Sender<Result<Entry, Trouble>>),
    Erase(RecordingUid, String, oneshot::Sender<Result<(), Trouble>>),
    Stop,
}

/// The thread. Dropping it ends every recording and writes it.
#[derive(Debug)]
pub struct Recorder {
    door: Door,
    thread: Option<JoinHandle<()>>,
}

/// A way to the thread; clones lead to the same one.
#[derive(Clone)]
pub struct Door {
    words: SyncSender<Word>,
    blocks: Waiting,
    metrics: Metrics,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

impl Recorder {
    /// Starts the thread. `reports` is called on it and must not block.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        disk: Box<dyn Disk>,
        settings: Settings,
        metrics: Metrics,
        clock: Clock,
        reports: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Self> {
        let (words, words_rx) = sync_channel(WORDS_MAX);
        let door = Door { words, blocks: Waiting::default(), metrics: metrics.clone() };
        let blocks = door.blocks.clone();
        let run = move || {
            let keeper = Keeper::new(disk, settings, metrics, clock.now());
            Running { keeper, blocks, clock, reports }.run(&words_rx);
        };
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(run)?;
        Ok(Self { door, thread: Some(thread) })
    }

    /// A way to it.
    pub fn door(&self) -> Door {
        self.door.clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.door.words.send(Word::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recorder ended by a fault of this program; please report it");
        }
    }
}

impl Door {
    /// Gives an order of the switch, in order. Never waits.
    ///
    /// # Errors
    /// There is no room: the order comes back, to be given again. To a recorder that has ended it is given in vain.
    pub fn order(&self, now: Now, order: Order) -> Result<(), Order> {
        match self.words.try_send(Word::Order(now, order)) {
            Err(TrySendError::Full(Word::Order(_, order))) => Err(order),
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Writes down that somebody listens; then the recording.
    ///
    /// # Errors
    /// There is nothing to listen to, or it can't be written down.
    pub async fn listen(&self, id: RecordingUid, by: String) -> Result<Entry, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.words.try_send(Word::Listen(id, by, answer)).map_err(|_| Trouble::Away)?;
        answered.await.unwrap_or(Err(Trouble::Away))
    }

    /// Erases a recording.
    ///
    /// # Errors
    /// There is nothing to erase, or the disk refuses.
    pub async fn erase(&self, id: RecordingUid, by: String) -> Result<(), Trouble> {
        let (answer, answered) = oneshot::channel();
        self.words.try_send(Word::Erase(id, by, answer)).map_err(|_| Trouble::Away)?;
        answered.await.unwrap_or(Err(Trouble::Away))
    }
}

impl TapSink for Door {
    fn take(&self, block: Block) -> Result<(), Block> {
        if !self.blocks.claim(BLOCKS_MAX) {
            self.metrics.recording_shed(block.len() as u64);
            return Err(block);
        }
        match self.words.try_send(Word::Block(block)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(word) | TrySendError::Disconnected(word)) => {
                self.blocks.taken();
                match word {
                    Word::Block(block) => Err(block),
                    Word::Order(..) | Word::Listen(..) | Word::Erase(..) | Word::Stop => Ok(()),
                }
            }
        }
    }
}

struct Running<F> {
    keeper: Keeper,
    blocks: Waiting,
    clock: Clock,
    reports: F,
}

impl<F: Fn(Report)> Running<F> {
    fn run(mut self, words: &Receiver<Word>) {
        loop {
            let due = self.keeper.poll_timeout().map(|at| at.since(self.clock.instant()));
            match words.recv_timeout(due.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)) {
                Ok(word) => {
                    let more = words.try_iter().take(WORDS_A_TURN);
                    let goes_on = std::iter::once(word).chain(more).all(|word| self.word(word));
                    if !goes_on {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.keeper.tick(self.clock.now());
            self.report();
        }
        self.keeper.stop(self.clock.now());
        self.report();
    }

    /// Does what a word says; false at the end.
    fn word(&mut self, word: Word) -> bool {
        match word {
            Word::Block(block) => {
                self.blocks.taken();
                self.keeper.block(&block);
            }
            Word::Order(now, order) => self.keeper.order(now, order),
            // A client that went away while waiting is nobody's fault.
            Word::Listen(id, by, answer) => drop(answer.send(self.keeper.listen(self.clock.now(), id, &by))),
            Word::Erase(id, by, answer) => drop(answer.send(self.keeper.erase(self.clock.now(), id, &by))),
            Word::Stop => return false,
        }
        true
    }

    fn report(&mut self) {
        self.keeper.reports.drain(..).for_each(&self.reports);
    }
}
