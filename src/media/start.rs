//! Starting and stopping the workers, and the switch's door to them.

use crate::clock::Clock;
use crate::ids::Random;
use crate::media::board::Board;
use crate::media::board::Counters;
use crate::media::board::Load;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::each::Each;
use crate::media::kernel;
use crate::media::kernel::Waker;
use crate::media::port_pool::PortPool;
use crate::media::port_pool::STOCK;
use crate::media::session::Core;
use crate::media::shared;
use crate::media::sounds::Sounds;
use crate::media::tap::Handing;
use crate::media::tap::NoTaps;
use crate::media::tap::TapSink;
use crate::media::wire::Wire;
use crate::media::worker::Parts;
use crate::media::worker::Worker;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;

/// Commands that wait for a worker before it is full.
const MAILBOX_MAX: usize = 4096;
/// Above this lateness a worker cannot keep time any more (p99).
const LATE_MAX: Duration = Duration::from_millis(5);
/// Descriptors that the rest of the process may need: ports never take these.
const DESCRIPTORS_ELSEWHERE: u64 = 4096;

/// How a worker's sockets are arranged.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Sockets {
    /// As [`Sockets::Shared`] where that is to be had, as [`Sockets::Each`] where it is not.
    #[default]
    Auto,
    /// Each port has its own: needs no privilege.
    Each,
    /// One for all ports: needs `CAP_BPF`, `CAP_NET_ADMIN` and `CAP_NET_RAW`, Linux 5.9 and an IPv4 address.
    Shared,
}

/// How media is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that sockets are bound to.
    pub address: IpAddr,
    /// How sockets are arranged.
    pub sockets: Sockets,
    /// The ports for RTP (even) and RTCP (the next).
    pub ports: RangeInclusive<u16>,
    /// Worker threads; 0 is as many as there are processors but one, and at least one.
    pub workers: usize,
    /// Prompts and music.
    pub sounds: Sounds,
    /// Voices in a room are brought to a common level.
    pub automatic_level: bool,
    /// [`Media::is_overloaded`] above this share of a worker's time, in percent.
    pub busy_percent_max: u8,
    /// 32 bytes of the system's entropy, for nothing else than this.
    pub entropy: [u8; 32],
}

/// Why media could not be started.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The range holds no pair of an even and the next port.
    #[error("the port range {first}-{last} has no even port with its next one; widen `media.ports`")]
    NoPorts {
        /// The range's first port.
        first: u16,
        /// The range's last port.
        last: u16,
    },
    /// No port could be bound.
    #[error(
        "no port of {first}-{last} can be bound on {address}: {source}; `media.address` must be an address of this \
         machine, and the ports must be free"
    )]
    Bind {
        /// On which address.
        address: IpAddr,
        /// The slice's first port.
        first: u16,
        /// The range's last port.
        last: u16,
        /// What the system said.
        source: io::Error,
    },
    /// One socket for all ports was demanded and is not to be had.
    #[error(
        "`media.sockets` is `shared`, which is not to be had here: {0}; it needs CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, \
         Linux 5.9 and an IPv4 `media.address`; `auto` does without"
    )]
    Shared(io::Error),
    /// The system refused an epoll, an event or a thread.
    #[error("a media worker cannot be started: {0}; check the limits on threads and open files")]
    System(#[from] io::Error),
}

/// A worker's mailbox is full, or the worker has ended: the command was not taken.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Error)]
#[error("the media worker takes no more commands for now")]
pub struct Full;

/// The workers. Dropping it stops them.
#[derive(Debug)]
pub struct Media {
    doors: Vec<Door>,
    busy_percent_max: u8,
    sockets: Sockets,
}

#[derive(Debug)]
struct Door {
    mailbox: SyncSender<Command>,
    board: Arc<Board>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Media {
    /// As [`Media::start_tapped`], for a process that records nothing.
    ///
    /// # Errors
    /// [`MediaError`] says what is wrong with the settings or the system.
    pub fn start(
        settings: Settings,
        clock: Clock,
        events: impl Fn(Event) + Send + Sync + Clone + 'static,
    ) -> Result<Self, MediaError> {
        Self::start_tapped(settings, clock, Arc::new(NoTaps), events)
    }

    /// Binds the first ports and starts the threads. `events` is called on them and must not block; `taps` takes what of
    /// tapped legs is for the recorder.
    ///
    /// # Errors
    /// [`MediaError`] says what is wrong with the settings or the system.
    pub fn start_tapped(
        settings: Settings,
        clock: Clock,
        taps: Arc<dyn TapSink>,
        events: impl Fn(Event) + Send + Sync + Clone + 'static,
    ) -> Result<Self, MediaError> {
        let (first, last) = (*settings.ports.start(), *settings.ports.end());
        let workers = worker_count(settings.workers);
        let slices = slices(&settings.ports, workers);
        if slices.is_empty() {
            return Err(MediaError::NoPorts { first, last });
        }
        let pairs: u64 = slices.iter().map(|(_, pairs)| u64::from(*pairs)).sum();
        let wanted = 2 * pairs + DESCRIPTORS_ELSEWHERE;
        let limit = kernel::raise_descriptor_limit(wanted)?;
        if limit < wanted {
            tracing::warn!(
                limit,
                wanted,
                "the limit of open files is below what all media ports need: some stay unused"
            );
        }
        // Where there are few, half of them are for others: the database must open its files, the API its connections.
        let ours = limit - DESCRIPTORS_ELSEWHERE.min(limit / 2);
        let bound_max = u32::try_from(ours / 2 / slices.len() as u64).unwrap_or(u32::MAX);
        let mut random = Random::from_entropy(settings.entropy);
        let wakers = slices.iter().map(|_| Waker::new()).collect::<io::Result<Vec<_>>>()?;
        let (sockets, wires) = wires(&settings, &slices, &wakers)?;
        let mut media = Self { doors: Vec::new(), busy_percent_max: settings.busy_percent_max, sockets };
        for (index, (((first_port, pairs), waker), wire)) in
            slices.into_iter().zip(wakers).zip(wires).enumerate()
        {
            let random = Random::from_entropy(seed(&mut random));
            let mut core = Core::new(first_port, pairs, settings.sounds.clone(), random, clock.now());
            core.rooms.level = settings.automatic_level;
            let pool = PortPool::new(settings.address, first_port, pairs, bound_max);
            let (door, mailbox) = door(waker);
            let board = Arc::clone(&door.board);
            let taps = Handing::new(Arc::clone(&taps));
            let parts = Parts { index, core, pool, board, mailbox, wire, clock: clock.clone(), taps };
            let mut worker = Worker::new(parts, events.clone());
            if worker.bound() == 0 {
                let source = worker.last_error().unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
                return Err(MediaError::Bind { address: settings.address, first, last, source });
            }
            media.doors.push(door);
            let thread = thread::Builder::new().name(format!("media-{index}")).spawn(move || worker.run())?;
            if let Some(door) = media.doors.last_mut() {
                door.thread = Some(thread);
            }
        }
        Ok(media)
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.doors.len()
    }

    /// How the sockets are arranged: never [`Sockets::Auto`].
    pub fn sockets(&self) -> Sockets {
        self.sockets
    }

    /// Puts a command into a worker's mailbox; commands of one sender are done in order. Never waits.
    ///
    /// # Errors
    /// [`Full`] when the mailbox is full or there is no such worker.
    pub fn send(&self, worker: usize, command: Command) -> Result<(), Full> {
        if worker >= self.doors.len() {
            return Err(Full);
        }
        self.post(worker, command).map_err(|_| Full)?;
        self.wake(worker);
        Ok(())
    }

    /// As [`Media::send`], but a sleeping worker is left asleep: [`Media::wake`] must follow soon.
    ///
    /// # Errors
    /// The mailbox is full: the command comes back, to be posted again. For a worker that has ended it is dropped.
    pub fn post(&self, worker: usize, command: Command) -> Result<(), Command> {
        let Some(door) = self.doors.get(worker) else { return Ok(()) };
        match door.mailbox.try_send(command) {
            Err(TrySendError::Full(command)) => Err(command),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Wakes a worker that sleeps; one that is awake looks into its mailbox by itself. A wake-up costs the caller
    /// more than a hundred commands do, so those who have many post them first.
    pub fn wake(&self, worker: usize) {
        if let Some(door) = self.doors.get(worker)
            && door.board.sleeps.swap(false, Ordering::SeqCst)
        {
            door.waker.wake();
        }
    }

    /// A worker's load; nothing for a worker that does not exist.
    pub fn load(&self, worker: usize) -> Load {
        self.doors.get(worker).map_or_else(Load::default, |door| door.board.load())
    }

    /// Whether a worker should get no new calls: it is busy above the limit, or late by more than 5 ms (p99).
    pub fn is_overloaded(&self, worker: usize) -> bool {
        // 100 says that the owner wants no call refused: a load test, or a machine that he watches himself.
        if self.busy_percent_max >= 100 {
            return false;
        }
        let load = self.load(worker);
        let busy_percent = load.busy_fraction * 100.0;
        let limit = f64::from(self.busy_percent_max);
        // A worker that mostly sleeps and is late all the same is kept from running by something else on the machine:
        // to refuse calls would not help it.
        busy_percent > limit || (load.tick_late_p99 > LATE_MAX && busy_percent > limit / 2.0)
    }

    /// The counters of all workers together, at most a second old while there is traffic.
    pub fn counters(&self) -> Counters {
        self.doors.iter().map(|door| door.board.counters()).fold(Counters::default(), Counters::plus)
    }

    /// Ends the threads and closes the ports. Legs end without [`Event::Closed`].
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        for door in &self.doors {
            door.board.stop.store(true, Ordering::SeqCst);
            door.waker.wake();
        }
        for door in &mut self.doors {
            if let Some(thread) = door.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn door(waker: Waker) -> (Door, Receiver<Command>) {
    let (mailbox_tx, mailbox) = sync_channel(MAILBOX_MAX);
    (Door { mailbox: mailbox_tx, board: Arc::new(Board::default()), waker, thread: None }, mailbox)
}

/// The sockets of all workers, arranged as they are wanted or as they can be.
fn wires(
    settings: &Settings,
    slices: &[(u16, u32)],
    wakers: &[Waker],
) -> Result<(Sockets, Vec<Box<dyn Wire>>), MediaError> {
    if settings.sockets != Sockets::Each {
        match shared::all(settings.address, slices, wakers) {
            Ok(all) => {
                tracing::info!("media has one socket for all its ports");
                return Ok((Sockets::Shared, all.into_iter().map(|wire| Box::new(wire) as _).collect()));
            }
            Err(error) if settings.sockets == Sockets::Shared => return Err(MediaError::Shared(error)),
            Err(error) => tracing::info!(
                %error,
                "media has a socket for each port; one for all, at less cost, needs CAP_BPF, CAP_NET_ADMIN and \
                 CAP_NET_RAW (AmbientCapabilities= of a systemd unit), Linux 5.9 and an IPv4 media.address"
            ),
        }
    }
    let each = |waker: &Waker| Ok(Box::new(Each::new(waker.try_clone()?)?) as _);
    Ok((Sockets::Each, wakers.iter().map(each).collect::<io::Result<Vec<_>>>()?))
}

fn seed(random: &mut Random) -> [u8; 32] {
    let mut seed = [0; 32];
    for chunk in seed.chunks_exact_mut(8) {
        chunk.copy_from_slice(&random.next_u64().to_be_bytes());
    }
    seed
}

fn worker_count(asked: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if asked == 0 { processors.saturating_sub(1).max(1) } else { asked }
}

/// The range cut into one piece a worker: the first even port and the number of pairs. A range too small for a
/// stock at each worker has fewer workers.
fn slices(ports: &RangeInclusive<u16>, workers: usize) -> Vec<(u16, u32)> {
    let first = u32::from(*ports.start()).next_multiple_of(2);
    let pairs = (u32::from(*ports.end()) + 1).saturating_sub(first) / 2;
    let useful = (pairs as usize / STOCK).max(1);
    let workers = u32::try_from(workers.min(useful)).unwrap_or(1).max(1);
    let mut slices = Vec::new();
    let mut at = 0;
    for index in 0..workers {
        let end = pairs * (index + 1) / workers;
        if let Ok(port) = u16::try_from(first + 2 * at)
            && end > at
        {
            slices.push((port, end - at));
        }
        at = end;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_without_overlap() {
        assert_eq!(slices(&(20_001..=20_010), 4), [(20_002, 4)]);
        assert_eq!(slices(&(10_000..=29_999), 2), [(10_000, 5000), (20_000, 5000)]);
        assert_eq!(slices(&(65_534..=65_535), 1), [(65_534, 1)]);
        assert_eq!(slices(&(65_535..=65_535), 1), []);
        assert_eq!(slices(&(5..=5), 1), []);
        let cut = slices(&(10_000..=13_000), 3);
        assert_eq!(cut.iter().map(|(_, pairs)| pairs).sum::<u32>(), 1500);
        assert_eq!(cut[1].0, cut[0].0 + 2 * cut[0].1 as u16);
    }
}
