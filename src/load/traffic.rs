//! The script of a load of calls: places them at a steady rate, answers them on the far side, counts what comes.
//!
//! An open loop: a call is placed when its time has come, however the server fares. In two phases, so that the
//! figures of calls that are held can be taken apart from those of their set-up.

use crate::clock::Instant;
use crate::load::options::Options;
use crate::load::options::Rtp;
use crate::load::options::seconds;
use crate::sim::histogram::Histogram;
use crate::sim::party::CallKey;
use crate::sim::party::CallOrder;
use crate::sim::party::CallReport;
use crate::sim::party::End;
use crate::sim::party::Event;
use crate::sim::party::Order;
use crate::sim::party::Reaction;
use crate::sim::party::Treatment;
use crate::sim::script::Orders;
use crate::sim::script::Script;
use crate::sim::voice::Voice;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

/// The seat of the callers.
pub(in crate::load) const CALLERS: usize = 0;
/// The seat of the called side.
pub(in crate::load) const FAR: usize = 1;
/// A call's number begins with this, so that it is known again on the far side.
const CALLER_PREFIX: &str = "700";
/// Calls placed in one go after a stall.
const BURST_MAX: usize = 500;
/// After the last call should have ended: a BYE and all its retransmissions.
const GRACE: Duration = Duration::from_secs(40);

/// How far the run is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::load) enum Phase {
    /// Calls are placed, and end after their talk; with `--hold` until all are up.
    Placing,
    /// `--hold`: all are up, until then.
    Holding(Instant),
    /// The last calls end.
    Ending,
}

/// What was counted.
#[derive(Debug, Default)]
pub(in crate::load) struct Tally {
    pub(in crate::load) placed: u64,
    pub(in crate::load) answered: u64,
    /// Answered, talked and ended as they should.
    pub(in crate::load) well: u64,
    pub(in crate::load) failed_by_code: BTreeMap<u16, u64>,
    /// Ended by the server before their time.
    pub(in crate::load) dropped: u64,
    /// Waited for an agent in vain.
    pub(in crate::load) unserved: u64,
    /// Should have heard something and did not.
    pub(in crate::load) silent: u64,
    pub(in crate::load) far_calls: u64,
    pub(in crate::load) far_failed: u64,
    pub(in crate::load) agents_busy_rung: u64,
    pub(in crate::load) set_up: Histogram,
    pub(in crate::load) to_far: Histogram,
    pub(in crate::load) join_to_ring: Histogram,
    pub(in crate::load) jitter: Histogram,
    pub(in crate::load) gap: Histogram,
    pub(in crate::load) lost: u64,
    pub(in crate::load) late: u64,
    pub(in crate::load) duplicates: u64,
    pub(in crate::load) malformed: u64,
    pub(in crate::load) last_placed: Option<Instant>,
}

#[derive(Debug)]
struct Live {
    placed: Instant,
    answered: Option<Instant>,
    served: bool,
}

/// The script.
#[derive(Debug)]
pub(in crate::load) struct Calls<'o> {
    options: &'o Options,
    total: u64,
    begun: Option<Instant>,
    phase: Phase,
    live: BTreeMap<u64, Live>,
    up: u64,
    far_live: u64,
    agents_busy: BTreeSet<String>,
    over_by: Option<Instant>,
    time_is_up: bool,
    pub(in crate::load) tally: Tally,
}

impl<'o> Calls<'o> {
    pub(in crate::load) fn new(options: &'o Options) -> Self {
        Self {
            options,
            total: options.calls(),
            begun: None,
            phase: Phase::Placing,
            live: BTreeMap::new(),
            up: 0,
            far_live: 0,
            agents_busy: BTreeSet::new(),
            over_by: None,
            time_is_up: false,
            tally: Tally::default(),
        }
    }

    /// How far it is; a change of it ends [`crate::sim::drive::Drive::run`] once.
    pub(in crate::load) fn phase(&self) -> Phase {
        self.phase
    }

    /// When the first call was placed.
    pub(in crate::load) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// Goes on to the next phase, after the figures of this one were taken.
    pub(in crate::load) fn next_phase(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::Placing if self.options.hold.is_some() => {
                Phase::Holding(now + seconds(self.options.seconds))
            }
            Phase::Placing | Phase::Holding(_) | Phase::Ending => Phase::Ending,
        };
        self.over_by = None;
        self.time_is_up = false;
    }

    /// Calls that did not end although their time was over.
    pub(in crate::load) fn unfinished(&self) -> u64 {
        self.live.len() as u64 + self.far_live
    }

    fn interval(&self, calls: u64) -> Duration {
        seconds(calls as f64 / self.options.rate)
    }

    fn place(&mut self, now: Instant, orders: &mut Orders) {
        let begun = *self.begun.get_or_insert(now);
        for _ in 0..BURST_MAX {
            let label = self.tally.placed;
            if label >= self.total || begun + self.interval(label) > now {
                return;
            }
            self.tally.placed += 1;
            self.tally.last_placed = Some(now);
            self.live.insert(label, Live { placed: now, answered: None, served: false });
            let (talk, patience) =
                (seconds(self.options.talk_seconds), seconds(self.options.patience_seconds));
            orders.push((
                CALLERS,
                Order::Call(Box::new(CallOrder {
                    label,
                    from: format!("{CALLER_PREFIX}{label}"),
                    to: self.options.number_called(label),
                    login: None,
                    voice: self.voice(Rtp::CallerOnly),
                    ring_longest: patience,
                    talk: match (self.options.hold, self.options.agents) {
                        (Some(_), _) => None,
                        // The agent ends the call; the caller waits for one no longer than his patience.
                        (None, true) => Some(patience + talk + Duration::from_secs(1)),
                        (None, false) => Some(talk),
                    },
                })),
            ));
        }
    }

    fn voice(&self, side: Rtp) -> Voice {
        if self.options.rtp == Rtp::Yes || self.options.rtp == side { Voice::Stamped } else { Voice::Mute }
    }

    /// The called side is rung.
    fn invited(&mut self, now: Instant, call: CallKey, from: &str, to: String, orders: &mut Orders) {
        self.tally.far_calls += 1;
        self.far_live += 1;
        let label = from.strip_prefix(CALLER_PREFIX).and_then(|label| label.parse().ok());
        if let Some(live) = label.and_then(|label: u64| self.live.get_mut(&label)) {
            self.tally.to_far.add(now.since(live.placed));
            if self.options.agents {
                self.tally.join_to_ring.add(now.since(live.answered.unwrap_or(live.placed)));
            }
            live.served = true;
        }
        let is_free = !self.options.agents || self.agents_busy.insert(to);
        let then = if is_free {
            Reaction::Answer(Duration::ZERO)
        } else {
            self.tally.agents_busy_rung += 1;
            Reaction::Refuse(486, Duration::ZERO)
        };
        let talk = seconds(self.options.talk_seconds);
        let treatment = Treatment {
            ring_after: self.options.agents.then_some(Duration::ZERO),
            then,
            voice: self.voice(Rtp::FarOnly),
            talk: (self.options.agents && self.options.hold.is_none()).then_some(talk),
        };
        orders.push((FAR, Order::Treat(call, treatment)));
    }

    fn caller_ended(&mut self, report: &CallReport) {
        let label = report.call.label();
        let Some(live) = label.and_then(|label| self.live.remove(&label)) else { return };
        if report.answered.is_none() {
            *self.tally.failed_by_code.entry(report.code).or_default() += 1;
            return;
        }
        self.up = self.up.saturating_sub(1);
        self.listened(report);
        let agent_ends = self.options.agents && self.options.hold.is_none();
        let is_well = match report.end {
            End::HungUp => !agent_ends,
            End::ByPeer => agent_ends && live.served,
            End::Refused
            | End::Cancelled
            | End::TimedOut
            | End::Unreachable
            | End::NoAck
            | End::NoMedia
            | End::ByeUnanswered => false,
        };
        if is_well {
            self.tally.well += 1;
        } else if agent_ends && !live.served {
            self.tally.unserved += 1;
        } else {
            self.tally.dropped += 1;
        }
    }

    fn far_ended(&mut self, report: &CallReport) {
        self.far_live = self.far_live.saturating_sub(1);
        if report.answered.is_some() {
            self.agents_busy.remove(&report.to);
            self.listened(report);
        }
        if !matches!(report.end, End::HungUp | End::ByPeer) {
            self.tally.far_failed += 1;
        }
    }

    fn listened(&mut self, report: &CallReport) {
        let (hearing, tally) = (&report.hearing, &mut self.tally);
        tally.lost += hearing.lost;
        tally.late += hearing.late;
        tally.duplicates += hearing.duplicates;
        tally.malformed += hearing.malformed;
        if hearing.packets > 0 {
            tally.jitter.add(hearing.jitter);
            tally.gap.add(hearing.gap_max);
        }
        let is_caller = report.call.label().is_some();
        let other_speaks = match self.options.rtp {
            Rtp::Yes => true,
            Rtp::No => false,
            Rtp::CallerOnly => !is_caller,
            Rtp::FarOnly => is_caller,
        };
        let lasted = report.answered.map_or(Duration::ZERO, |answered| report.ended.since(answered));
        if other_speaks
            && self.options.far.is_some()
            && hearing.packets == 0
            && lasted > Duration::from_secs(1)
        {
            tally.silent += 1;
        }
    }
}

impl Script for Calls<'_> {
    fn event(&mut self, now: Instant, party: usize, event: Event, orders: &mut Orders) {
        match event {
            Event::Invited { call, from, to } => self.invited(now, call, &from, to, orders),
            Event::Answered { call, took } => {
                if let Some(live) = call.label().and_then(|label| self.live.get_mut(&label)) {
                    live.answered = Some(now);
                    self.up += 1;
                    self.tally.answered += 1;
                    self.tally.set_up.add(took);
                }
            }
            Event::Ended(report) if party == CALLERS && report.call.label().is_some() => {
                self.caller_ended(&report);
            }
            Event::Ended(report) => self.far_ended(&report),
            Event::Ringing { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::RegistrationFailed { .. } => {}
        }
    }

    fn timeout(&mut self, now: Instant, orders: &mut Orders) {
        match self.phase {
            Phase::Placing => self.place(now, orders),
            Phase::Holding(_) => {}
            Phase::Ending => {
                if self.over_by.is_none() && self.options.hold.is_some() {
                    orders.extend(
                        self.live.keys().map(|label| (CALLERS, Order::HangUp(CallKey::placed(*label)))),
                    );
                }
            }
        }
        if self.over_by.is_none() {
            let last = self.begun.unwrap_or(now) + self.interval(self.total);
            let longest = seconds(self.options.talk_seconds) + seconds(self.options.patience_seconds);
            self.over_by = Some(match self.phase {
                Phase::Placing => last + longest + GRACE,
                Phase::Holding(until) => until,
                Phase::Ending => now + GRACE,
            });
        }
        self.time_is_up = self.over_by.is_some_and(|at| at <= now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let next = match (self.phase, self.begun) {
            (Phase::Placing, Some(begun)) if self.tally.placed < self.total => {
                Some(begun + self.interval(self.tally.placed))
            }
            (Phase::Placing | Phase::Holding(_) | Phase::Ending, _) => None,
        };
        [next, self.over_by].into_iter().flatten().min()
    }

    fn is_over(&self) -> bool {
        if self.time_is_up {
            return true;
        }
        let placed_all = self.tally.placed >= self.total;
        match self.phase {
            Phase::Placing if self.options.hold.is_some() => placed_all && self.up >= self.live.len() as u64,
            Phase::Placing | Phase::Ending => placed_all && self.live.is_empty() && self.far_live == 0,
            Phase::Holding(_) => false,
        }
    }
}
