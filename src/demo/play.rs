//! The script of the demo: callers who come and go, agents who take their calls.
//!
//! What each one does is drawn from his own random source, seeded, in an order that does not depend on the clock:
//! the same seed gives the same arrivals, patience and talks.

use crate::clock::Instant;
use crate::demo::cast;
use crate::demo::ledger::Ledger;
use crate::ids::Random;
use crate::sim::party::CallKey;
use crate::sim::party::CallOrder;
use crate::sim::party::CallReport;
use crate::sim::party::Event;
use crate::sim::party::Order;
use crate::sim::party::Reaction;
use crate::sim::party::Registration;
use crate::sim::party::Treatment;
use crate::sim::script::Orders;
use crate::sim::script::Script;
use crate::sim::voice::Voice;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The callers' seat; the agents' follow.
pub(in crate::demo) const CALLERS: usize = 0;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Nobody's patience is longer.
const PATIENCE_MAX: Duration = Duration::from_secs(90);
/// After the end of the play: waiting callers may still be served, then they go.
const LAST_WAIT: Duration = Duration::from_secs(8);
/// And then every leg is ended.
const LAST_CALL: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(3);
const RING_LONGEST: Duration = Duration::from_secs(20);
const EXPIRES: Duration = Duration::from_secs(120);

/// What passes between the play's thread and the one that shows it.
#[derive(Debug, Default)]
pub(in crate::demo) struct Wings {
    /// 0 goes on, 1 takes no new calls, 2 ends the live ones too.
    stop: AtomicU8,
    counts: Mutex<Counts>,
}

/// What the screen shows of the parties' own counts.
#[derive(Copy, Clone, Debug, Default)]
pub(in crate::demo) struct Counts {
    pub(in crate::demo) wait_mean: Duration,
    pub(in crate::demo) wait_max: Duration,
    pub(in crate::demo) closing: bool,
}

impl Wings {
    /// Ends the play: softly at first, at once when asked again.
    pub(in crate::demo) fn stop(&self) {
        let before = self.stop.load(Ordering::Relaxed);
        self.stop.store(before.saturating_add(1).min(2), Ordering::Relaxed);
    }

    /// The latest counts.
    pub(in crate::demo) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens when.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    Dial(usize),
    GiveUp(u64),
    HangUp(u64),
    Look,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Playing,
    Closing { since: Instant, hard: bool },
    Leaving { since: Instant },
    Over,
}

/// One call's plan, drawn before it begins.
#[derive(Debug)]
struct Plan {
    caller: usize,
    patience: Duration,
    talk: Duration,
    caller_hangs_up: bool,
    /// Agents' phones that ring for it now.
    ringing: u32,
}

/// The script.
#[derive(Debug)]
pub(in crate::demo) struct Play {
    callers: Vec<Random>,
    agents: Vec<Random>,
    secrets: Vec<String>,
    mute: bool,
    wings: Arc<Wings>,
    cues: BTreeSet<(Instant, Cue)>,
    plans: BTreeMap<u64, Plan>,
    /// Which call an agent's leg belongs to, by seat and leg.
    legs: BTreeMap<(usize, CallKey), u64>,
    next_call: u64,
    registered: BTreeSet<usize>,
    phase: Phase,
    begun: bool,
    pub(in crate::demo) ledger: Ledger,
}

impl Play {
    /// A play of so many callers; `secrets` are the agents' passwords.
    pub(in crate::demo) fn new(
        seed: u64,
        callers: u16,
        secrets: Vec<String>,
        mute: bool,
        wings: Arc<Wings>,
    ) -> Self {
        let mut random = Random::seeded(seed);
        Self {
            callers: (0..callers).map(|_| random.fork()).collect(),
            agents: secrets.iter().map(|_| random.fork()).collect(),
            secrets,
            mute,
            wings,
            cues: BTreeSet::new(),
            plans: BTreeMap::new(),
            legs: BTreeMap::new(),
            next_call: 1,
            registered: BTreeSet::new(),
            phase: Phase::Playing,
            begun: false,
            ledger: Ledger::default(),
        }
    }

    fn begin(&mut self, now: Instant, orders: &mut Orders) {
        for (agent, secret) in self.secrets.iter().enumerate() {
            let registration = Registration {
                label: 0,
                user: cast::agent_phone(agent),
                password: secret.clone(),
                expires: EXPIRES,
                keep: true,
            };
            orders.push((agent + 1, Order::Register(Box::new(registration))));
        }
        for caller in 0..self.callers.len() {
            // The first one comes soon, the others within some seconds.
            let delay = if caller == 0 { 700 } else { 1000 + self.draw(caller, 6000) };
            self.cues.insert((now + Duration::from_millis(delay), Cue::Dial(caller)));
        }
        self.cues.insert((now, Cue::Look));
    }

    fn draw(&mut self, caller: usize, end: u64) -> u64 {
        self.callers.get_mut(caller).map_or(0, |random| random.below(end))
    }

    fn dial(&mut self, caller: usize, orders: &mut Orders) {
        if self.phase != Phase::Playing {
            return;
        }
        let call = self.next_call;
        self.next_call += 1;
        let gives_up = self.draw(caller, 100) < 20;
        let patience = Duration::from_millis(2500 + self.draw(caller, 6000));
        let plan = Plan {
            caller,
            patience: if gives_up { patience } else { PATIENCE_MAX },
            talk: Duration::from_millis(4000 + self.draw(caller, 8000)),
            caller_hangs_up: self.draw(caller, 2) == 0,
            ringing: 0,
        };
        self.plans.insert(call, plan);
        self.ledger.placed(call, caller);
        orders.push((
            CALLERS,
            Order::Call(Box::new(CallOrder {
                label: call,
                from: cast::caller_number(call),
                to: cast::QUEUE_NUMBER.to_owned(),
                login: None,
                voice: Voice::Tone(cast::caller_tone_hz(caller)),
                ring_longest: RING_LONGEST,
                talk: None,
            })),
        ));
    }

    /// A caller has had enough; not while a phone rings for him, so that both sides count the same.
    fn give_up(&mut self, now: Instant, call: u64, orders: &mut Orders) {
        let Some(plan) = self.plans.get(&call) else { return };
        if self.ledger.is_served(call) {
            return;
        }
        if plan.ringing > 0 {
            self.cues.insert((now + LOOK_EVERY, Cue::GiveUp(call)));
            return;
        }
        orders.push((CALLERS, Order::HangUp(CallKey::placed(call))));
    }

    fn invited(&mut self, seat: usize, leg: CallKey, from: &str, orders: &mut Orders) {
        let agent = seat.saturating_sub(1);
        let Some(random) = self.agents.get_mut(agent) else { return };
        let after = Duration::from_millis(1000 + random.below(2000));
        let refuses = random.below(100) < 8;
        let call = cast::call_of(from);
        let plan = call.and_then(|call| self.plans.get_mut(&call));
        // Somebody else's call, from the newcomer's phone: it is answered for half a minute.
        let mut talk = Some(Duration::from_secs(30));
        if let Some(plan) = plan {
            plan.ringing += 1;
            talk = (!plan.caller_hangs_up).then_some(plan.talk);
        }
        if let Some(call) = call {
            self.legs.insert((seat, leg), call);
        }
        let treatment = Treatment {
            ring_after: Some(Duration::ZERO),
            then: if refuses { Reaction::Refuse(486, after) } else { Reaction::Answer(after) },
            voice: if self.mute { Voice::Mute } else { Voice::Tone(cast::agent_tone_hz(agent)) },
            talk,
        };
        orders.push((seat, Order::Treat(leg, treatment)));
    }

    fn answered(&mut self, now: Instant, seat: usize, leg: CallKey) {
        if seat == CALLERS {
            let Some(call) = leg.label() else { return };
            self.ledger.joined(now, call);
            if let Some(plan) = self.plans.get(&call) {
                self.cues.insert((now + plan.patience, Cue::GiveUp(call)));
            }
            return;
        }
        let Some(call) = self.legs.get(&(seat, leg)).copied() else { return };
        self.ledger.served(now, call, seat - 1);
        if let Some(plan) = self.plans.get_mut(&call) {
            plan.ringing = plan.ringing.saturating_sub(1);
            if plan.caller_hangs_up {
                self.cues.insert((now + plan.talk, Cue::HangUp(call)));
            }
        }
    }

    fn ended(&mut self, now: Instant, seat: usize, report: CallReport) {
        if seat == CALLERS {
            let Some(call) = report.call.label() else { return };
            if let Some(plan) = self.plans.remove(&call) {
                let pause = Duration::from_millis(1500 + self.draw(plan.caller, 6000));
                self.cues.insert((now + pause, Cue::Dial(plan.caller)));
            }
            self.ledger.caller_ended(call, report);
            return;
        }
        let Some(call) = self.legs.remove(&(seat, report.call)) else { return };
        if report.answered.is_some() {
            self.ledger.agent_ended(call, report);
            return;
        }
        if report.code == 486 {
            self.ledger.rejected += 1;
        }
        if let Some(plan) = self.plans.get_mut(&call) {
            plan.ringing = plan.ringing.saturating_sub(1);
        }
    }

    fn look(&mut self, now: Instant, orders: &mut Orders) {
        let wanted = self.wings.stop.load(Ordering::Relaxed);
        match self.phase {
            Phase::Playing if wanted > 0 => {
                self.phase = Phase::Closing { since: now, hard: false };
                let waiting: Vec<u64> = self.ledger.live().collect();
                self.cues.extend(waiting.into_iter().map(|call| (now + LAST_WAIT, Cue::GiveUp(call))));
            }
            Phase::Closing { since, hard } => {
                if !hard && (wanted > 1 || now.since(since) > LAST_CALL) {
                    self.phase = Phase::Closing { since: now, hard: true };
                    let calls = self.ledger.live().map(CallKey::placed);
                    orders.extend(calls.map(|call| (CALLERS, Order::HangUp(call))));
                } else if self.is_quiet() || hard && now.since(since) > FAREWELL {
                    self.phase = Phase::Leaving { since: now };
                    orders.extend((0..self.agents.len()).map(|agent| (agent + 1, Order::Unregister(0))));
                }
            }
            Phase::Leaving { since } if self.registered.is_empty() || now.since(since) > FAREWELL => {
                self.phase = Phase::Over;
            }
            Phase::Playing | Phase::Leaving { .. } | Phase::Over => {}
        }
        let counts = Counts {
            wait_mean: self.ledger.wait_mean(),
            wait_max: self.ledger.wait_max,
            closing: self.phase != Phase::Playing,
        };
        *self.wings.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    fn is_quiet(&self) -> bool {
        self.plans.is_empty() && self.legs.is_empty() && self.ledger.live().next().is_none()
    }
}

impl Script for Play {
    fn event(&mut self, now: Instant, party: usize, event: Event, orders: &mut Orders) {
        match event {
            Event::Registered { .. } => {
                self.registered.insert(party);
            }
            Event::Unregistered { .. } | Event::RegistrationFailed { .. } => {
                self.registered.remove(&party);
            }
            Event::Invited { call, from, .. } if party != CALLERS => {
                self.invited(party, call, &from, orders);
            }
            // Nobody calls the callers.
            Event::Invited { call, .. } => orders.push((party, Order::HangUp(call))),
            Event::Ringing { .. } => {}
            Event::Answered { call, .. } => self.answered(now, party, call),
            Event::Ended(report) => self.ended(now, party, *report),
        }
    }

    fn timeout(&mut self, now: Instant, orders: &mut Orders) {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin(now, orders);
        }
        while let Some((_, cue)) = self.cues.first().copied().filter(|(at, _)| *at <= now) {
            self.cues.pop_first();
            match cue {
                Cue::Dial(caller) => self.dial(caller, orders),
                Cue::GiveUp(call) => self.give_up(now, call, orders),
                Cue::HangUp(call) => orders.push((CALLERS, Order::HangUp(CallKey::placed(call)))),
                Cue::Look => {
                    self.look(now, orders);
                    self.cues.insert((now + LOOK_EVERY, Cue::Look));
                }
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.cues.first().map(|(at, _)| *at)
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}
