//! The signalling thread: a current-thread runtime that owns the core, its sockets and its timers.
//!
//! Everything here is glue. One input at a time goes into the core; what comes out is sent at once. More shards are
//! more of these threads.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::clock::Now;
use crate::media::Media;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::metrics::Metrics;
use crate::net::Sink;
use crate::net::connections;
use crate::net::connections::Connections;
use crate::net::connections::Listener;
use crate::net::resolve::Resolver;
use crate::net::udp::Udp;
use crate::record::Fact;
use crate::recording::Door;
use crate::recording::Order;
use crate::recording::Report;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::store::BindingChange;
use crate::store::PhoneChange;
use crate::store::Writer;
use crate::switch::core::Core;
use crate::switch::core::Input;
use crate::switch::core::Output;
use crate::switch::handle::Ends;
use crate::switch::handle::Notices;
use crate::switch::handle::Request;
use crate::switch::view::Notice;
use crate::trunk::Question;
use bytes::Bytes;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// How often the media workers' load is looked at, and the store's backlog counted.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So many looks in a row must find a worker over its limit before calls are refused: one late second is the machine's.
const BUSY_LOOKS: u32 = 3;

/// What the shard works with.
pub struct Parts {
    /// The pure core.
    pub core: Core,
    /// The clock.
    pub clock: Clock,
    /// The UDP sockets.
    pub udp: Vec<Udp>,
    /// The listeners of every other transport.
    pub listeners: Vec<Listener>,
    /// What connections are made with.
    pub connections: connections::Settings,
    /// The media workers.
    pub media: Arc<Media>,
    /// Their events.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// The recorder.
    pub recorder: Door,
    /// Its reports.
    pub reports: mpsc::Receiver<Report>,
    /// The log's writer.
    pub writer: Writer,
    /// The API's requests.
    pub ends: Ends,
    /// Counters.
    pub metrics: Metrics,
}

/// The shard's state, shared by its tasks on one thread.
struct Shard {
    core: RefCell<Core>,
    outputs: RefCell<Vec<Output>>,
    clock: Clock,
    udp: Vec<Rc<Udp>>,
    connections: Rc<Connections>,
    /// Made with the first name that is asked for.
    resolver: OnceCell<Resolver>,
    media: Arc<Media>,
    recorder: Door,
    writer: Writer,
    notices: tokio::sync::broadcast::Sender<Notices>,
    metrics: Metrics,
    later: RefCell<Later>,
    armed: Cell<Option<Instant>>,
    rearm: Notify,
    /// Looks in a row that found a worker over its limit.
    busy_looks: Cell<u32>,
    this: Weak<Shard>,
}

/// What need not be done at once: waking another thread costs 25 to 50 us, so it is done for many things together.
#[derive(Default)]
struct Later {
    facts: Vec<Fact>,
    bindings: Vec<BindingChange>,
    phones: Vec<PhoneChange>,
    notices: Vec<Arc<Notice>>,
    log_at: Option<Instant>,
    /// Commands that found a worker's mailbox full; while there are any, all others wait behind them.
    backlog: VecDeque<(usize, MediaCommand)>,
    /// Orders that found the recorder's channel full.
    orders: VecDeque<(Now, Order)>,
    /// Workers with posted commands.
    workers: BTreeSet<usize>,
    wake_at: Option<Instant>,
}

impl Later {
    fn deadline(&self) -> Option<Instant> {
        self.log_at.into_iter().chain(self.wake_at).min()
    }
}

/// How long facts and notices may wait. The store's writer adds its own 25 ms; both together stay below the 50 ms that
/// a crash may cost.
const LOG_WITHIN: Duration = Duration::from_millis(20);
/// How long a media command may wait for its sleeping worker.
const WAKE_WITHIN: Duration = Duration::from_millis(2);

/// Runs until `stop` is told or its sender is gone; then live calls have `drain` to end by themselves.
pub async fn run(parts: Parts, mut stop: oneshot::Receiver<Duration>) {
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async move {
            let (shard, mut inbox) = start(parts);
            let mut look = tokio::time::interval(LOOK_EVERY);
            let drain = loop {
                tokio::select! {
                    biased;
                    drain = &mut stop => break drain.unwrap_or_default(),
                    () = shard.timer() => shard.on_time(),
                    Some(event) = inbox.media.recv() => {
                        shard.input(Input::Media(event));
                        while let Ok(event) = inbox.media.try_recv() {
                            shard.input(Input::Media(event));
                        }
                    }
                    Some(request) = inbox.requests.recv() => shard.serve(request),
                    Some(report) = inbox.reports.recv() => shard.input(Input::Recorder(report)),
                    _ = look.tick() => shard.look(),
                }
                shard.flush();
            };
            shard.drain(drain, &mut inbox).await;
        })
        .await;
}

/// What comes in beside the sockets.
struct Inbox {
    requests: mpsc::Receiver<Request>,
    media: mpsc::Receiver<MediaEvent>,
    reports: mpsc::Receiver<Report>,
}

fn start(parts: Parts) -> (Rc<Shard>, Inbox) {
    let Parts {
        core, clock, udp, listeners, connections, media, media_events, writer, ends, metrics, ..
    } = parts;
    let (recorder, reports) = (parts.recorder, parts.reports);
    let shard = Rc::new_cyclic(|this| Shard {
        core: RefCell::new(core),
        outputs: RefCell::default(),
        clock,
        udp: udp.into_iter().map(Rc::new).collect(),
        connections: Rc::new(Connections::new(connections)),
        resolver: OnceCell::new(),
        media,
        recorder,
        writer,
        notices: ends.notices,
        metrics,
        later: RefCell::default(),
        armed: Cell::new(None),
        rearm: Notify::new(),
        busy_looks: Cell::new(0),
        this: this.clone(),
    });
    let sink: Rc<dyn Sink> = Rc::<Shard>::clone(&shard);
    for udp in &shard.udp {
        tokio::task::spawn_local(Rc::clone(udp).receive(shard.clock.clone(), Rc::clone(&sink)));
    }
    for listener in listeners {
        tokio::task::spawn_local(Rc::clone(&shard.connections).accept(listener, Rc::clone(&sink)));
    }
    (shard, Inbox { requests: ends.requests, media: media_events, reports })
}

impl Shard {
    fn input(&self, input: Input) {
        let now = self.clock.now();
        let mut outputs = self.outputs.borrow_mut();
        self.core.borrow_mut().handle(now, input, &mut outputs);
    }

    fn serve(&self, request: Request) {
        let now = self.clock.now();
        let mut outputs = self.outputs.borrow_mut();
        let mut core = self.core.borrow_mut();
        match request {
            // A client that went away while waiting is nobody's fault.
            Request::Act(action, answer) => drop(answer.send(core.act(now, action, &mut outputs))),
            Request::Ask(question, answer) => drop(answer.send(core.ask(now, question))),
            Request::Drain => core.drain(),
        }
    }

    /// Sleeps until the core's next deadline; starts over when that has come nearer.
    async fn timer(&self) {
        loop {
            let next = self.next();
            self.armed.set(next);
            let deadline = next.and_then(|at| self.clock.deadline(at));
            match deadline {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => return,
                    () = self.rearm.notified() => {}
                },
                None => self.rearm.notified().await,
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let core = self.core.borrow().poll_timeout();
        core.into_iter().chain(self.later.borrow().deadline()).min()
    }

    /// A deadline has come: the core's, or that of what was put off.
    fn on_time(&self) {
        let now = self.clock.instant();
        if self.core.borrow().poll_timeout().is_some_and(|at| at <= now) {
            self.input(Input::Timeout);
        }
        self.hand_over(now);
    }

    /// Does what was put off and is due.
    fn hand_over(&self, now: Instant) {
        let mut later = self.later.borrow_mut();
        if later.wake_at.is_some_and(|at| at <= now) {
            later.wake_at = None;
            self.post_backlog(&mut later);
            let workers = std::mem::take(&mut later.workers);
            workers.iter().for_each(|worker| self.media.wake(*worker));
            if !later.backlog.is_empty() {
                later.workers = workers;
                later.wake_at = Some(now + WAKE_WITHIN);
            }
        }
        if later.log_at.is_some_and(|at| at <= now) {
            later.log_at = None;
            later.facts.drain(..).for_each(|fact| self.writer.fact(fact));
            later.bindings.drain(..).for_each(|change| self.writer.binding(change));
            later.phones.drain(..).for_each(|change| self.writer.phone(change));
            if !later.notices.is_empty() {
                // Nobody watches: nobody is told.
                let _ = self.notices.send(later.notices.drain(..).collect());
            }
        }
    }

    fn look(&self) {
        self.post_orders(&mut self.later.borrow_mut());
        // A worker that is over its limit takes no calls; the others may, but a call is placed before that is known.
        let over = (0..self.media.workers()).any(|worker| self.media.is_overloaded(worker));
        self.busy_looks.set(if over { self.busy_looks.get().saturating_add(1) } else { 0 });
        self.input(Input::MediaBusy(self.busy_looks.get() >= BUSY_LOOKS));
        for worker in 0..self.media.workers() {
            self.metrics.media_tick_lag(self.media.load(worker).tick_late_p99);
        }
    }

    fn send(&self, flow: Flow, bytes: Bytes) {
        if flow.transport == Transport::Udp {
            let socket =
                self.udp.iter().find(|socket| socket.local() == flow.local).or_else(|| {
                    self.udp.iter().find(|socket| socket.local().is_ipv4() == flow.remote.is_ipv4())
                });
            match socket {
                Some(socket) => socket.post(flow.remote, bytes),
                None => self.metrics.sip_dropped("queue_full"),
            }
        } else if let Some(this) = self.this.upgrade() {
            let sink: Rc<dyn Sink> = this;
            self.connections.send(flow, bytes, &sink);
        }
    }

    /// Asks the DNS beside everything else; the answer comes as an input.
    fn resolve(&self, question: Question) {
        let Some(this) = self.this.upgrade() else { return };
        tokio::task::spawn_local(async move {
            let resolver = this.resolver.get_or_init(Resolver::of_system).clone();
            let answer = resolver.ask(&question).await;
            this.input(Input::Resolved { question, answer });
            this.flush();
        });
    }

    /// Posts what waits, in order, until a mailbox is full: a lost command would be a silent call or a lost port.
    fn post_backlog(&self, later: &mut Later) {
        while let Some((worker, command)) = later.backlog.pop_front() {
            if let Err(command) = self.media.post(worker, command) {
                later.backlog.push_front((worker, command));
                return;
            }
        }
    }

    /// Gives an order to the recorder, behind those that wait: one that is lost may be a pause.
    fn order(&self, now: Now, order: Order) {
        let mut later = self.later.borrow_mut();
        later.orders.push_back((now, order));
        self.post_orders(&mut later);
    }

    fn post_orders(&self, later: &mut Later) {
        while let Some((now, order)) = later.orders.pop_front() {
            if let Err(order) = self.recorder.order(now, order) {
                later.orders.push_front((now, order));
                return;
            }
        }
    }

    fn put_off(&self, now: Instant, add: impl FnOnce(&mut Later)) {
        let mut later = self.later.borrow_mut();
        add(&mut later);
        later.log_at.get_or_insert(now + LOG_WITHIN);
    }

    /// Waits for the calls to end, at most `patience`, then ends them.
    async fn drain(&self, patience: Duration, inbox: &mut Inbox) {
        self.core.borrow_mut().drain();
        let end = tokio::time::sleep(patience);
        tokio::pin!(end);
        while self.core.borrow().calls_live() > 0 {
            tokio::select! {
                () = &mut end => break,
                () = self.timer() => self.on_time(),
                Some(event) = inbox.media.recv() => self.input(Input::Media(event)),
                Some(report) = inbox.reports.recv() => self.input(Input::Recorder(report)),
                Some(request) = inbox.requests.recv() => self.serve(request),
            }
            self.flush();
        }
        let now = self.clock.now();
        self.core.borrow_mut().stop(now, &mut self.outputs.borrow_mut());
        self.flush();
        self.hand_over(self.clock.instant() + LOG_WITHIN);
        // The last BYEs and the answers to them.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Sink for Shard {
    fn received(&self, flow: Flow, bytes: Bytes) {
        self.input(Input::Received { flow, bytes });
    }

    fn failed(&self, flow: Flow) {
        self.input(Input::FlowFailed(flow));
    }

    fn flush(&self) {
        let mut outputs = self.outputs.take();
        let now = self.clock.instant();
        for output in outputs.drain(..) {
            match output {
                Output::Send { flow, bytes } => self.send(flow, bytes),
                Output::Resolve(question) => self.resolve(question),
                Output::PeerName { remote, name } => self.connections.expect_name(remote, &name),
                Output::Media { worker, command } => {
                    let mut later = self.later.borrow_mut();
                    later.backlog.push_back((worker, command));
                    self.post_backlog(&mut later);
                    later.workers.insert(worker);
                    later.wake_at.get_or_insert(now + WAKE_WITHIN);
                }
                Output::Recorder(now, order) => self.order(now, order),
                Output::Fact(fact) => self.put_off(now, |later| later.facts.push(fact)),
                Output::Binding(change) => self.put_off(now, |later| later.bindings.push(change)),
                Output::Phone(change) => self.put_off(now, |later| later.phones.push(change)),
                Output::Notice(notice) => self.put_off(now, |later| later.notices.push(Arc::from(notice))),
            }
        }
        let unsent: usize = self.udp.iter().map(|socket| socket.flush()).sum();
        (0..unsent).for_each(|_| self.metrics.sip_dropped("queue_full"));
        // The buffer is kept for the next batch.
        if self.outputs.borrow().is_empty() {
            *self.outputs.borrow_mut() = outputs;
        }
        let next = self.next();
        if next.is_some_and(|at| self.armed.get().is_none_or(|armed| at < armed)) {
            self.armed.set(next);
            self.rearm.notify_one();
        }
    }
}
