//! The test rig: a distributor in virtual time whose every step is checked, with what it said so far.
//!
//! It keeps its own books from the outputs alone, so that the distributor's counts are compared with somebody else's.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for the one output it is about")]

use crate::acd::Acd;
use crate::acd::AgentSettings;
use crate::acd::Assignment;
use crate::acd::Changed;
use crate::acd::Input;
use crate::acd::Output;
use crate::acd::QueueSettings;
use crate::acd::RetrySettings;
use crate::acd::Settings;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::record::AgentChange;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::QueueChange;
use crate::record::QueueFold;
use crate::record::QueueStatus;
use std::collections::BTreeMap;
use std::time::Duration;

/// An offer as the shell saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeenOffer {
    pub(crate) offer: OfferUid,
    pub(crate) agent: String,
    pub(crate) entry: EntryUid,
    pub(crate) queue: String,
    pub(crate) at: Duration,
}

/// The distributor and its surroundings.
pub(crate) struct Rig {
    pub(crate) acd: Acd,
    pub(crate) now: Duration,
    epoch: Wall,
    next_entry: u128,
    /// All outputs so far, with their time.
    pub(crate) log: Vec<(Duration, Output)>,
    pub(crate) offers: Vec<SeenOffer>,
    pub(crate) folds: BTreeMap<QueueId, QueueFold>,
    /// Shown when a step is found wrong.
    pub(crate) label: String,
    /// `check` after each step; off where thousands of callers wait.
    pub(crate) checks: bool,
}

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An agent ready in all the queues.
pub(crate) fn agent(id: &str, queues: &[&str]) -> AgentSettings {
    AgentSettings {
        id: AgentId::new(id),
        name: id.to_uppercase(),
        phone: PhoneNumber::new(&format!("phone-{id}")),
        queues: queues.iter().map(|queue| Assignment::to(queue)).collect(),
        initial: queues.iter().map(|queue| (QueueId::new(queue), QueueStatus::Ready)).collect(),
    }
}

pub(crate) fn queue(id: &str, change: impl FnOnce(&mut QueueSettings)) -> QueueSettings {
    let mut settings = QueueSettings::named(id);
    change(&mut settings);
    settings
}

pub(crate) fn one(change: impl FnOnce(&mut QueueSettings)) -> Vec<QueueSettings> {
    vec![queue("support", change)]
}

pub(crate) fn plain() -> Vec<QueueSettings> {
    one(|_| {})
}

pub(crate) fn team(names: &[&str]) -> Vec<AgentSettings> {
    names.iter().map(|name| agent(name, &["support"])).collect()
}

pub(crate) fn paused(reason: &str) -> QueueStatus {
    QueueStatus::Paused { reason: Some(reason.to_string()) }
}

pub(crate) fn agent_id(name: &str) -> AgentId {
    AgentId::new(name)
}

pub(crate) fn rescinded(out: &[Output]) -> Vec<(OfferUid, OfferResult)> {
    out.iter()
        .filter_map(|output| match output {
            Output::Rescind { offer, why } => Some((*offer, *why)),
            _ => None,
        })
        .collect()
}

pub(crate) fn evicted(out: &[Output]) -> Vec<LeftReason> {
    out.iter()
        .filter_map(|output| match output {
            Output::Evict { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect()
}

impl Rig {
    /// Agents whose phones can be reached, at a quiet moment of a morning.
    pub(crate) fn new(queues: Vec<QueueSettings>, agents: Vec<AgentSettings>) -> Self {
        Self::with_retry(queues, agents, RetrySettings::default())
    }

    pub(crate) fn with_retry(
        queues: Vec<QueueSettings>,
        agents: Vec<AgentSettings>,
        retry: RetrySettings,
    ) -> Self {
        let fold = |queue: &QueueSettings| QueueFold::new(queue.zone.clone(), queue.service_level);
        let folds = queues.iter().map(|queue| (queue.id.clone(), fold(queue))).collect();
        let ids: Vec<_> = agents.iter().map(|agent| agent.id.clone()).collect();
        let settings = Settings::new(queues, agents, retry).expect("consistent settings");
        let mut rig = Self {
            acd: Acd::new(settings, Random::seeded(1)),
            now: seconds(1000),
            epoch: Wall::parse("2026-11-22T09:00:00Z").expect("a time"),
            next_entry: 1,
            log: Vec::new(),
            offers: Vec::new(),
            folds,
            label: String::new(),
            checks: true,
        };
        for agent in ids {
            rig.step(Input::Reachable { agent, reachable: true });
        }
        rig
    }

    pub(crate) fn instant(&self) -> Instant {
        Instant::from_micros(0) + self.now
    }

    fn wall(&self) -> Wall {
        Wall::from_micros(self.epoch.as_micros() + i64::try_from(self.now.as_micros()).expect("no eon"))
    }

    /// One checked step; returns its outputs.
    pub(crate) fn step(&mut self, input: Input) -> Vec<Output> {
        let now = Now { instant: self.instant(), wall: self.wall() };
        let mut out = Vec::new();
        self.acd.handle(now, input.clone(), &mut out);
        for output in &out {
            self.keep_books(output);
        }
        if self.checks {
            if let Err(breach) = self.acd.check() {
                panic!("{}: after {input:?} at {:?}: {breach}", self.label, self.now);
            }
            self.compare_books();
        }
        self.log.extend(out.iter().map(|output| (self.now, output.clone())));
        out
    }

    fn keep_books(&mut self, output: &Output) {
        match output {
            Output::Offer { offer, agent, entry, queue, .. } => self.offers.push(SeenOffer {
                offer: *offer,
                agent: agent.as_str().to_string(),
                entry: *entry,
                queue: queue.as_str().to_string(),
                at: self.now,
            }),
            Output::Fact(Fact::Queue(event)) => {
                self.folds.get_mut(&event.queue).expect("a known queue").add(event);
            }
            Output::Fact(Fact::Agent(_) | Fact::Cdr(_))
            | Output::Rescind { .. }
            | Output::Connect { .. }
            | Output::Evict { .. }
            | Output::Moved { .. }
            | Output::Changed(_) => {}
        }
    }

    /// The fold of the log and the distributor's own counts agree, for ever and today.
    fn compare_books(&mut self) {
        let wall = self.wall();
        for (id, fold) in &mut self.folds {
            fold.roll(wall);
            assert_eq!((fold.unbalanced(), fold.unbalanced_today()), (0, 0), "{}: {id}", self.label);
            let card = self.acd.queue(id, Instant::from_micros(0) + self.now).expect("a known queue");
            assert_eq!(fold.waiting(EntryKind::Call), card.waiting as usize, "{}: {id}", self.label);
            let mut counted = *fold.lifetime(EntryKind::Call);
            (counted.completed, counted.handle_time) = (0, Duration::ZERO);
            assert_eq!(counted, card.totals, "{}: {id}", self.label);
        }
    }

    /// Lets time pass, waking the distributor whenever it asks to be.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.acd.poll_timeout() {
            let at = Duration::from_micros(at.as_micros());
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.step(Input::Timeout);
        }
        self.now = end;
    }

    pub(crate) fn join(&mut self, queue: &str) -> EntryUid {
        self.join_with(queue, None)
    }

    pub(crate) fn join_with(&mut self, queue: &str, priority: Option<i32>) -> EntryUid {
        let entry = EntryUid::from_u128(self.next_entry);
        let call = CallUid::from_u128(self.next_entry);
        self.next_entry += 1;
        let number = format!("+33{}", self.next_entry);
        self.step(Input::Join { entry, call, queue: QueueId::new(queue), number, name: None, priority });
        entry
    }

    /// How many callers joined; their ids count from 1.
    pub(crate) const fn entries_so_far(&self) -> u128 {
        self.next_entry - 1
    }

    pub(crate) fn status(&mut self, agent: &str, status: QueueStatus, queues: Option<&[&str]>) {
        let queues = queues.map(|ids| ids.iter().map(|id| QueueId::new(id)).collect());
        let input = Input::SetStatus { agent: AgentId::new(agent), status, queues, by: Some("sup".into()) };
        self.acd.validate(&input).expect("a status that can be set");
        self.step(input);
    }

    /// The last offer made, if it is still pending.
    pub(crate) fn ringing(&self) -> SeenOffer {
        let last = self.offers.last().expect("there was an offer").clone();
        self.acd.validate(&Input::Refused { offer: last.offer, why: OfferResult::Busy }).expect("it rings");
        last
    }

    /// Who is rung for a caller now, by name.
    pub(crate) fn rung_for(&self, entry: EntryUid) -> Vec<String> {
        let pending = |seen: &&SeenOffer| {
            let input = Input::Refused { offer: seen.offer, why: OfferResult::Busy };
            seen.entry == entry && self.acd.validate(&input).is_ok()
        };
        self.offers.iter().filter(pending).map(|seen| seen.agent.clone()).collect()
    }

    pub(crate) fn answer(&mut self, offer: OfferUid) {
        let out = self.step(Input::Answered { offer });
        assert!(
            out.iter().any(|o| matches!(o, Output::Connect { offer: of, .. } if *of == offer)),
            "{out:?}"
        );
        self.step(Input::Connected { offer });
    }

    pub(crate) fn refuse(&mut self, offer: OfferUid, why: OfferResult) -> Vec<Output> {
        self.step(Input::Refused { offer, why })
    }

    pub(crate) fn end(&mut self, offer: OfferUid) {
        self.step(Input::ConversationEnded { offer });
    }

    pub(crate) fn state(&self, agent: &str) -> AgentStatus {
        self.acd.agent(&AgentId::new(agent)).expect("a known agent").status
    }

    /// The callers of a queue in order of service.
    pub(crate) fn line(&self, queue: &str) -> Vec<EntryUid> {
        self.acd.callers(&QueueId::new(queue), self.instant()).iter().map(|caller| caller.id).collect()
    }

    /// How a caller left, as logged: exactly once, or not at all.
    pub(crate) fn left(&self, entry: EntryUid) -> Option<LeftReason> {
        let left: Vec<_> = self
            .changes(entry)
            .into_iter()
            .filter_map(|change| match change {
                QueueChange::Left { reason, .. } => Some(reason),
                QueueChange::Entered { .. }
                | QueueChange::Offered { .. }
                | QueueChange::OfferEnded { .. }
                | QueueChange::Completed { .. } => None,
            })
            .collect();
        assert!(left.len() <= 1, "{entry} left {left:?}");
        left.first().copied()
    }

    /// All that was logged of a caller.
    pub(crate) fn changes(&self, entry: EntryUid) -> Vec<QueueChange> {
        self.facts()
            .filter_map(|fact| match fact {
                Fact::Queue(event) if event.entry == entry => Some(event.change.clone()),
                Fact::Queue(_) | Fact::Agent(_) | Fact::Cdr(_) => None,
            })
            .collect()
    }

    /// The overall states of an agent that were told, in order.
    pub(crate) fn told(&self, agent: &str) -> Vec<AgentStatus> {
        self.facts()
            .filter_map(|fact| match fact {
                Fact::Agent(event) if event.agent.as_str() == agent => match &event.change {
                    AgentChange::Status { status, .. } => Some(*status),
                    AgentChange::Queue { .. } => None,
                },
                Fact::Queue(_) | Fact::Agent(_) | Fact::Cdr(_) => None,
            })
            .collect()
    }

    pub(crate) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.log.iter().filter_map(|(_, output)| match output {
            Output::Fact(fact) => Some(fact),
            Output::Offer { .. }
            | Output::Rescind { .. }
            | Output::Connect { .. }
            | Output::Evict { .. }
            | Output::Moved { .. }
            | Output::Changed(_) => None,
        })
    }

    /// How often a thing was told to look different, over the whole run.
    pub(crate) fn notices(outputs: &[Output], of: &Changed) -> usize {
        outputs.iter().filter(|output| matches!(output, Output::Changed(changed) if changed == of)).count()
    }
}
