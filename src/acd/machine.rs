//! The distributor itself: its state, one step, and what is told at the end of a step.
//!
//! A step is: apply the input, fire what is due, look which queues lost their last agent, bring the sets of free agents
//! up to date, serve, publish. Decisions are made once a step, on the state after the whole change (FEATURES A2).

use crate::acd::agent::Agent;
use crate::acd::agent::AgentNo;
use crate::acd::agent::Seat;
use crate::acd::caller::Caller;
use crate::acd::command::Input;
use crate::acd::event::Changed;
use crate::acd::event::Output;
use crate::acd::queue::Queue;
use crate::acd::queue::QueueNo;
use crate::acd::reservation::Reservations;
use crate::acd::settings::AgentSettings;
use crate::acd::settings::RetrySettings;
use crate::acd::settings::Settings;
use crate::acd::timers::Timer;
use crate::acd::timers::Timers;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::record::AgentChange;
use crate::record::AgentEvent;
use crate::record::EntryKind;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::record::QueueStatus;
use std::collections::BTreeMap;

/// The distributor. One task owns it; everything it decides comes out of [`Acd::handle`].
#[derive(Debug)]
pub struct Acd {
    pub(crate) queues: Vec<Queue>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) queue_nos: BTreeMap<QueueId, QueueNo>,
    pub(crate) agent_nos: BTreeMap<AgentId, AgentNo>,
    pub(crate) callers: BTreeMap<EntryUid, Caller>,
    pub(crate) reservations: Reservations,
    pub(crate) timers: Timers,
    pub(crate) retry: RetrySettings,
    pub(crate) random: Random,
    pub(crate) now: Now,
    pub(crate) stopped: bool,
    /// Numbers those who join or become free in the same microsecond.
    turn: u64,
    pub(crate) started: bool,
    breaches: u64,
    /// Queues whose strategy counts by the day.
    counting: Vec<QueueNo>,
    pub(crate) touched: Touched,
    pub(crate) out: Vec<Output>,
}

/// What a step has changed so far.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) agents: Vec<AgentNo>,
    pub(crate) queues: Vec<QueueNo>,
    pub(crate) offers: Vec<OfferUid>,
    pub(crate) callers: Vec<EntryUid>,
    /// Queues with a new open caller or a new free agent.
    pub(crate) to_serve: Vec<QueueNo>,
    /// Queues that lost their last agent at some moment of the step.
    pub(crate) emptied: Vec<QueueNo>,
}

impl Acd {
    /// A distributor without callers. The first step, whatever it is, tells every agent's state.
    pub fn new(settings: Settings, random: Random) -> Self {
        let Settings { queues, agents, retry } = settings;
        let queues: Vec<_> = queues.into_iter().map(Queue::new).collect();
        let nos = || (0..queues.len()).map(QueueNo);
        let mut acd = Self {
            queue_nos: nos().map(|no| (queues[no.0].settings.id.clone(), no)).collect(),
            counting: nos().filter(|no| queues[no.0].settings.strategy.counts_today()).collect(),
            queues,
            agents: Vec::with_capacity(agents.len()),
            agent_nos: BTreeMap::new(),
            callers: BTreeMap::new(),
            reservations: Reservations::default(),
            timers: Timers::default(),
            retry,
            random,
            now: Now::default(),
            stopped: false,
            turn: 0,
            started: false,
            breaches: 0,
            touched: Touched::default(),
            out: Vec::new(),
        };
        agents.into_iter().for_each(|agent| acd.add_agent(agent));
        acd
    }

    /// One step. Time does not go back: an older `now` counts as the last one.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        self.now = Now { instant: self.now.instant.max(now.instant), wall: now.wall };
        if !self.started {
            self.start();
        }
        self.turn_days();
        self.apply(input);
        while let Some(timer) = self.timers.pop_due(self.now.instant) {
            self.fire(timer);
        }
        self.evict_from_emptied();
        self.settle();
        self.serve();
        self.publish();
        out.append(&mut self.out);
    }

    /// When [`Input::Timeout`] is wanted at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// How often a step ended against an invariant that is cheap to check. It must be 0: to be exported and alarmed.
    pub const fn breaches(&self) -> u64 {
        self.breaches
    }

    fn add_agent(&mut self, settings: AgentSettings) {
        let no = AgentNo(self.agents.len());
        let mut seats = Vec::with_capacity(settings.queues.len());
        for assignment in &settings.queues {
            // Settings::new found every assignment's queue.
            let Some(queue) = self.queue_nos.get(&assignment.queue).copied() else { continue };
            let status = settings.initial.get(&assignment.queue).cloned().unwrap_or_default();
            self.queues[queue.0].members.push(no);
            self.queues[queue.0].logged_in += u32::from(status != QueueStatus::LoggedOut);
            seats.push(Seat {
                queue,
                level: assignment.level,
                position: assignment.position,
                penalty: assignment.penalty,
                status,
                since: Wall::default(),
                taken_today: 0,
                talked_today_us: 0,
                free: None,
                class: None,
            });
        }
        self.agent_nos.insert(settings.id.clone(), no);
        let turn = self.next_turn();
        self.agents.push(Agent::new(settings, seats, turn));
    }

    fn start(&mut self) {
        self.started = true;
        for (index, agent) in self.agents.iter_mut().enumerate() {
            agent.seats.iter_mut().for_each(|seat| seat.since = self.now.wall);
            self.touched.agents.push(AgentNo(index));
        }
    }

    fn apply(&mut self, input: Input) {
        match input {
            Input::Join { entry, call, queue, number, name, priority } => {
                self.join(entry, call, &queue, number, name, priority);
            }
            Input::HungUp { entry } => {
                self.leave(entry, Outcome::Abandoned, LeftReason::HungUp, OfferResult::Cancelled);
            }
            Input::Failed { entry } => {
                self.leave(entry, Outcome::EvictedSystem, LeftReason::Failed, OfferResult::Cancelled);
            }
            Input::Exit { entry, reason } => self.exit(entry, reason),
            Input::Remove { entry, by: _ } => self.evict(entry, Outcome::EvictedUser, LeftReason::Removed),
            Input::Move { entry, to_queue, position, priority, by: _ } => {
                self.move_caller(entry, to_queue, position, priority);
            }
            Input::Ringing { offer } => self.ringing(offer),
            Input::Answered { offer } => self.answered(offer),
            Input::Connected { offer } => self.connected(offer),
            Input::Refused { offer, why } => self.refused(offer, why),
            Input::Held { offer, held } => self.held(offer, held),
            Input::ConversationEnded { offer } => self.conversation_ended(offer),
            Input::SetStatus { agent, status, queues, by } => self.set_status(&agent, &status, queues, by),
            Input::EndWrapUp { agent, by } => {
                if let Some(no) = self.agent_nos.get(&agent).copied() {
                    self.end_wrap_up(no, by);
                }
            }
            Input::Reachable { agent, reachable } => self.set_reachable(&agent, reachable),
            Input::Busy { agent, busy } => self.set_busy(&agent, busy),
            Input::Stop => self.stop(),
            Input::Timeout => {}
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::WrapUp(agent) => self.end_wrap_up(agent, None),
            Timer::Rest(agent) => {
                self.agents[agent.0].rest = None;
                self.touched.agents.push(agent);
            }
            Timer::Ring(offer) => self.end_offer(offer, OfferResult::Timeout),
            Timer::Connect(offer) => self.end_offer(offer, OfferResult::Unreachable),
            Timer::MaxWait(entry) => self.wait_is_over(entry),
        }
    }

    /// Brings the sets of free agents up to date.
    fn settle(&mut self) {
        self.touched.agents.sort_unstable();
        self.touched.agents.dedup();
        for index in 0..self.touched.agents.len() {
            self.refresh_free(self.touched.agents[index]);
        }
    }

    pub(crate) fn refresh_free(&mut self, no: AgentNo) {
        let agent = &mut self.agents[no.0];
        let free = agent.is_free() && !self.stopped;
        for seat in &mut agent.seats {
            let queue = &mut self.queues[seat.queue.0];
            let wanted = (free && seat.status == QueueStatus::Ready)
                .then(|| queue.settings.strategy.rank(seat, agent.idle_turn, no));
            if seat.free == wanted {
                continue;
            }
            if let Some(old) = seat.free {
                queue.free.remove(&old);
            }
            if let Some(new) = wanted {
                queue.free.insert(new);
                self.touched.to_serve.push(seat.queue);
            }
            seat.free = wanted;
        }
    }

    /// Starts the counts of a new day where the strategy uses them.
    fn turn_days(&mut self) {
        for no in &self.counting {
            let queue = &mut self.queues[no.0];
            let day = queue.local_day.of(self.now.wall);
            if queue.day.is_some_and(|known| day <= known) {
                continue;
            }
            queue.day = Some(day);
            for member in &queue.members {
                if let Some(seat) = self.agents[member.0].seat_mut(*no) {
                    (seat.taken_today, seat.talked_today_us) = (0, 0);
                    self.touched.agents.push(*member);
                }
            }
        }
    }

    fn publish(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.agents.sort_unstable();
        touched.agents.dedup();
        for no in touched.agents.drain(..) {
            self.publish_agent(no, &mut touched.queues);
        }
        touched.queues.sort_unstable();
        touched.queues.dedup();
        for no in touched.queues.drain(..) {
            let queue = &self.queues[no.0];
            self.breaches += u64::from(!queue.is_balanced() || queue.can_serve());
            self.out.push(Output::Changed(Changed::Queue(queue.settings.id.clone())));
        }
        touched.offers.sort_unstable();
        touched.offers.dedup();
        self.out.extend(touched.offers.drain(..).map(|offer| Output::Changed(Changed::Offer(offer))));
        touched.callers.sort_unstable();
        touched.callers.dedup();
        self.out.extend(touched.callers.drain(..).map(|entry| Output::Changed(Changed::Caller(entry))));
        self.touched = touched;
    }

    fn publish_agent(&mut self, no: AgentNo, queues: &mut Vec<QueueNo>) {
        let agent = &mut self.agents[no.0];
        let (status, reason) = agent.status();
        let by = agent.by.take();
        if agent.published.as_ref().is_none_or(|(known, why)| (*known, why) != (status, &reason)) {
            agent.published = Some((status, reason.clone()));
            agent.since = self.now.wall;
            self.out.push(Output::Fact(Fact::Agent(AgentEvent {
                at: self.now.wall,
                agent: agent.id.clone(),
                by,
                change: AgentChange::Status { status, reason },
            })));
        }
        for index in 0..agent.seats.len() {
            let class = agent.class(&agent.seats[index]);
            let seat = &mut agent.seats[index];
            if seat.class != class {
                self.queues[seat.queue.0].recount(seat.class, class);
                seat.class = class;
                queues.push(seat.queue);
            }
        }
        self.out.push(Output::Changed(Changed::Agent(agent.id.clone())));
    }

    /// Logs what happened to a caller.
    pub(crate) fn log(&mut self, queue: QueueNo, entry: EntryUid, call: CallUid, change: QueueChange) {
        self.out.push(Output::Fact(Fact::Queue(QueueEvent {
            at: self.now.wall,
            queue: self.queues[queue.0].settings.id.clone(),
            entry,
            kind: EntryKind::Call,
            call: Some(call),
            change,
        })));
    }

    pub(crate) const fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}
