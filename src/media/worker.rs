//! A worker: one plain thread with its own wire, ports and legs. The driver of the core with real sockets.
//!
//! ```text
//! loop: packets in batches -> mailbox -> frames and timers -> send -> sleep
//! ```
//! With much to do it sleeps to the next tick of two milliseconds, deaf to packets, because a wake-up costs as much as
//! several packets; with little to do it sleeps until a packet, a command or a deadline. Idle it does not wake.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::media::board::Board;
use crate::media::board::Meter;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::kernel;
use crate::media::outputs::Outputs;
use crate::media::port_pool::PortPool;
use crate::media::session::Core;
use crate::media::session::Input;
use crate::media::tap::Handing;
use crate::media::wire::Batch;
use crate::media::wire::Datagram;
use crate::media::wire::Wire;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Batches of packets in one turn, so that a flood of them delays no command or frame by much.
const BATCHES_MAX: usize = 16;
/// Commands in one turn, so that a flood of them delays no packet by much.
const COMMANDS_MAX: usize = 256;
/// The length of a tick where much is to do: what it adds to a packet's way is below what jitter buffers hold ready.
const TICK: Duration = Duration::from_millis(2);
/// How long packets are counted to choose the way to sleep.
const RATE_WINDOW: Duration = Duration::from_millis(100);
/// Above so many packets and frames a window, sleeping by the tick is cheaper than waking for each.
const TICKING_FROM: u64 = 80;
/// Below so many it is dearer.
const TICKING_UNTIL: u64 = 50;

/// What a worker is made of.
pub(crate) struct Parts {
    /// Its number, from 0.
    pub(crate) index: usize,
    /// Its legs.
    pub(crate) core: Core,
    /// Its ports.
    pub(crate) pool: PortPool,
    /// What it shows.
    pub(crate) board: Arc<Board>,
    /// Where commands come from.
    pub(crate) mailbox: Receiver<Command>,
    /// How its packets come and go, and what wakes it.
    pub(crate) wire: Box<dyn Wire>,
    /// The time.
    pub(crate) clock: Clock,
    /// What goes to the recorder.
    pub(crate) taps: Handing,
}

/// A worker, ready to run.
pub(crate) struct Worker<F> {
    parts: Parts,
    batch: Batch,
    out: Outputs,
    sink: F,
    meter: Meter,
    /// The pool may have something to announce.
    restock: bool,
    rate: Rate,
    /// A command that came while falling asleep.
    early: Option<Command>,
}

/// Chooses between sleeping by the tick and sleeping until something comes.
struct Rate {
    since: Instant,
    before: u64,
    ticking: bool,
}

impl<F: Fn(Event)> Worker<F> {
    /// Makes the worker and binds its first ports.
    pub(crate) fn new(parts: Parts, sink: F) -> Self {
        let now = parts.clock.instant();
        let mut worker = Self {
            parts,
            batch: Batch::new(),
            out: Outputs::default(),
            sink,
            meter: Meter::new(now),
            restock: true,
            rate: Rate { since: now, before: 0, ticking: false },
            early: None,
        };
        worker.announce(now);
        worker
    }

    /// How many pairs of ports are bound.
    pub(crate) fn bound(&self) -> usize {
        self.parts.pool.bound()
    }

    /// Why the last port could not be bound.
    pub(crate) fn last_error(&mut self) -> Option<io::Error> {
        self.parts.pool.last_error.take()
    }

    /// Works until the board says stop.
    pub(crate) fn run(mut self) {
        let mut tick_at = self.parts.clock.instant();
        while !self.parts.board.stop.load(Ordering::Relaxed) {
            let more = self.packets() | self.commands();
            let now = self.parts.clock.instant();
            self.guarded(|core, out| core.handle(now, Input::Tick, out));
            self.flush(now);
            if self.restock {
                self.announce(now);
            }
            self.rate.judge(now, self.parts.core.counters.packets_in + self.parts.core.counters.frames);
            let counters = &mut self.parts.core.counters;
            counters.ports_skipped = self.parts.pool.skipped;
            self.meter.show(now, &self.parts.board, self.parts.core.legs(), &self.parts.core.counters);
            if more {
                self.look(Some(Duration::ZERO));
                continue;
            }
            if self.rate.ticking {
                tick_at = self.sleep_tick(tick_at);
            } else {
                tick_at = self.sleep_long(now);
            }
        }
    }

    /// Sleeps to the next tick after `tick_at`, and looks what has come. The new tick.
    fn sleep_tick(&mut self, tick_at: Instant) -> Instant {
        let before = self.parts.clock.instant();
        let next = next_tick(tick_at);
        // A worker that is behind does not run after the ticks it missed; they count as late ones.
        if next > before {
            kernel::sleep(next.since(before));
        }
        let after = self.parts.clock.instant();
        self.meter.slept(after.since(before));
        self.meter.late(after.since(next));
        self.look(Some(Duration::ZERO));
        if after.since(next) > TICK { after } else { next }
    }

    /// Sleeps until a packet, a command, a frame, a timer or the end of the window that is to be shown.
    fn sleep_long(&mut self, now: Instant) -> Instant {
        self.parts.board.sleeps.store(true, Ordering::SeqCst);
        // A command sent before the flag was seen wakes nobody: so look once more.
        self.early = self.parts.mailbox.try_recv().ok();
        let due = self.parts.core.poll_timeout();
        let shown = (!self.meter.is_idle()).then(|| self.meter.window_ends());
        let taps = self.parts.taps.due_at();
        let deadline = due.into_iter().chain(shown).chain(taps).min();
        let timeout = if self.early.is_some() || self.parts.board.stop.load(Ordering::SeqCst) {
            Some(Duration::ZERO)
        } else {
            deadline.map(|at| at.since(now))
        };
        let before = self.parts.clock.instant();
        self.look(timeout);
        self.parts.board.sleeps.store(false, Ordering::SeqCst);
        let after = self.parts.clock.instant();
        self.meter.slept(after.since(before));
        if due.is_some_and(|due| due > before && after >= due) {
            self.meter.late(after.since(due.unwrap_or(after)));
        }
        after
    }

    fn look(&mut self, timeout: Option<Duration>) {
        if let Err(error) = self.parts.wire.wait(timeout) {
            tracing::error!(worker = self.parts.index, %error, "a media worker cannot wait for its packets");
        }
    }

    /// Takes the packets that are there; `true` when there may be more.
    fn packets(&mut self) -> bool {
        for _ in 0..BATCHES_MAX {
            let more = self.parts.wire.receive(&self.parts.pool, &mut self.batch);
            if !self.batch.datagrams.is_empty() {
                let now = self.parts.clock.instant();
                self.parts.core.expect(self.batch.datagrams.iter().map(|datagram| datagram.pair));
                for index in 0..self.batch.datagrams.len() {
                    self.packet(now, index);
                }
                self.flush(now);
            }
            if !more {
                return false;
            }
        }
        true
    }

    fn packet(&mut self, now: Instant, index: usize) {
        let Some(datagram) = self.batch.datagrams.get(index) else { return };
        let Datagram { pair, channel, from, .. } = *datagram;
        let bytes = self.batch.bytes(datagram);
        let (core, out) = (&mut self.parts.core, &mut self.out);
        let handle = || core.handle(now, Input::Packet { pair, channel, from, bytes }, out);
        if catch_unwind(AssertUnwindSafe(handle)).is_err() {
            self.abandon();
        }
    }

    /// Takes commands; `true` when there may be more.
    fn commands(&mut self) -> bool {
        for _ in 0..COMMANDS_MAX {
            let Some(command) = self.early.take().or_else(|| self.parts.mailbox.try_recv().ok()) else {
                return false;
            };
            self.command(command);
        }
        true
    }

    fn command(&mut self, command: Command) {
        if let Command::Open { leg, port, .. } = &command
            && !self.parts.pool.take(*port)
        {
            // A port that was never announced, or that another leg has: the leg has ended before it began.
            self.parts.core.counters.bad_commands += 1;
            (self.sink)(Event::Closed { leg: *leg, stats: Default::default() });
            return;
        }
        self.restock |= matches!(command, Command::Open { .. });
        let now = self.parts.clock.instant();
        self.guarded(|core, out| core.handle(now, Input::Command(command), out));
        self.flush(now);
    }

    /// Runs the core so that a panic ends one leg and not the worker.
    fn guarded(&mut self, run: impl FnOnce(&mut Core, &mut Outputs)) {
        let (core, out) = (&mut self.parts.core, &mut self.out);
        if catch_unwind(AssertUnwindSafe(|| run(core, out))).is_err() {
            self.abandon();
        }
    }

    fn abandon(&mut self) {
        tracing::error!(worker = self.parts.index, "handling a leg failed; the leg is ended");
        let (core, out) = (&mut self.parts.core, &mut self.out);
        let _ = catch_unwind(AssertUnwindSafe(|| core.abandon(out)));
    }

    /// Does what the core wants done.
    fn flush(&mut self, now: Instant) {
        let (pool, counters) = (&mut self.parts.pool, &mut self.parts.core.counters);
        let wire = &mut self.parts.wire;
        if !self.out.sends.is_empty() {
            let done = wire.send(pool, &mut self.out);
            counters.packets_out += done.sent;
            counters.send_errors += done.errors;
        }
        for bond in &self.out.bonds {
            wire.bond(pool, *bond);
        }
        for pair in self.out.freed.drain(..) {
            pool.release(now, pair);
            self.restock = true;
        }
        for event in self.out.events.drain(..) {
            (self.sink)(event);
        }
        let wanted = std::mem::take(&mut self.out.taps_due);
        self.parts.core.counters.taps_shed += self.parts.taps.look(now, &mut self.out.taps, wanted);
        if self.out.restock {
            let (worker, ports) = (self.parts.index, pool.announced());
            (self.sink)(Event::Ports { worker, ports });
        }
        self.out.clear();
    }

    fn announce(&mut self, now: Instant) {
        self.restock = false;
        let wire = &mut self.parts.wire;
        let ports = self.parts.pool.fill(now, |pair, rtp, rtcp| wire.adopt(pair, rtp, rtcp));
        if !ports.is_empty() {
            (self.sink)(Event::Ports { worker: self.parts.index, ports });
        }
    }
}

impl Rate {
    fn judge(&mut self, now: Instant, count: u64) {
        let window = now.since(self.since);
        let came = count.wrapping_sub(self.before);
        if window >= RATE_WINDOW {
            let a_window = u128::from(came) * RATE_WINDOW.as_micros() / window.as_micros().max(1);
            let threshold = if self.ticking { TICKING_UNTIL } else { TICKING_FROM };
            self.ticking = a_window >= u128::from(threshold);
            (self.since, self.before) = (now, count);
        }
    }
}

const fn next_tick(at: Instant) -> Instant {
    let tick = TICK.as_micros() as u64;
    Instant::from_micros((at.as_micros() / tick + 1) * tick)
}
