//! A seeded simulation: callers, agents, phones and a shell that is late, forgetful and repeats itself.
//!
//! Each step is checked against all invariants by the rig; the callers count for themselves how they left.

use crate::acd::Input;
use crate::acd::Output;
use crate::acd::RetrySettings;
use crate::acd::Strategy;
use crate::acd::rig::Rig;
use crate::acd::rig::agent;
use crate::acd::rig::millis;
use crate::acd::rig::queue;
use crate::acd::rig::seconds;
use crate::ids::AgentId;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::record::AgentStatus;
use crate::record::EntryKind;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::QueueCounts;
use crate::record::QueueStatus;
use std::collections::BTreeMap;
use std::time::Duration;

const SEEDS: u64 = 2000;
const STEPS: u32 = 120;

const STRATEGIES: [Strategy; 8] = [
    Strategy::LongestIdle,
    Strategy::RingAll,
    Strategy::RoundRobin,
    Strategy::Linear,
    Strategy::Random,
    Strategy::WeightedRandom,
    Strategy::FewestCalls,
    Strategy::LeastTalkTime,
];

/// What the simulated shell and callers know.
struct World {
    rig: Rig,
    random: Random,
    queues: Vec<String>,
    agents: Vec<String>,
    /// Who waits, as the callers see it, and in which queue.
    waiting: BTreeMap<EntryUid, String>,
    /// How they left, by queue: entered, then each way.
    counted: BTreeMap<String, Tally>,
    /// Offers that ring or rang; kept after their end for late inputs.
    offers: Vec<OfferUid>,
    /// Conversations that go on.
    talking: Vec<OfferUid>,
    seen: usize,
}

#[derive(Debug, Default, PartialEq)]
struct Tally {
    entered: u64,
    handled: u64,
    abandoned: u64,
    put_out: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let mut below = |end| random.below(end);
        let queues: Vec<_> = (0..1 + below(3)).map(|n| format!("q{n}")).collect();
        let mut make_queue = |id: &String| {
            queue(id, |q| {
                q.strategy = STRATEGIES[usize::try_from(below(8)).expect("small")];
                q.ring_timeout = seconds(5 + below(15));
                q.wrap_up = seconds(below(3) * 5);
                q.max_wait = (below(3) > 0).then_some(seconds(10 + below(60)));
                q.max_length = u32::try_from(2 + below(8)).expect("small");
                q.priority_aging = (below(2) > 0).then_some(seconds(1 + below(100)));
                q.join_when_empty = below(2) > 0;
                q.leave_when_empty = below(2) > 0;
            })
        };
        let settings = queues.iter().map(&mut make_queue).collect();
        let agents: Vec<_> = (0..below(6)).map(|n| format!("a{n}")).collect();
        let make_agent = |id: &String| {
            let own: Vec<_> = queues.iter().filter(|_| below(3) > 0).map(String::as_str).collect();
            let mut settings = agent(id, &own);
            for assignment in &mut settings.queues {
                assignment.level = u32::try_from(1 + below(2)).expect("small");
                assignment.position = u32::try_from(below(3)).expect("small");
                assignment.penalty = u32::try_from(below(3)).expect("small");
            }
            settings
        };
        let team = agents.iter().map(make_agent).collect();
        let retry = RetrySettings {
            max_no_answer: (below(3) == 0).then_some(2),
            reject_delay: seconds(below(6)),
            ..RetrySettings::default()
        };
        let mut rig = Rig::with_retry(settings, team, retry);
        rig.label = format!("seed {seed}");
        let counted = queues.iter().map(|id| (id.clone(), Tally::default())).collect();
        let (waiting, offers, talking) = Default::default();
        Self { rig, random, queues, agents, waiting, counted, offers, talking, seen: 0 }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("small")
    }

    fn step(&mut self, input: Input) {
        self.rig.step(input);
        self.digest();
    }

    /// Reads what was said since the last time, as a shell would.
    fn digest(&mut self) {
        while let Some((_, output)) = self.rig.log.get(self.seen) {
            self.seen += 1;
            match output {
                Output::Offer { offer, entry, .. } => {
                    assert!(self.waiting.contains_key(entry), "{}: nobody waits as {entry}", self.rig.label);
                    self.offers.push(*offer);
                }
                Output::Evict { entry, .. } => {
                    let queue = self.waiting.remove(entry).expect("he waits, so he can be put out");
                    self.counted.get_mut(&queue).expect("his queue").put_out += 1;
                }
                Output::Moved { entry, into, queue, .. } => {
                    let from = self.waiting.remove(entry).expect("he waits, so he can be moved");
                    self.counted.get_mut(&from).expect("his queue").put_out += 1;
                    self.counted.get_mut(queue.as_str()).expect("a queue").entered += 1;
                    self.waiting.insert(*into, queue.as_str().to_string());
                }
                Output::Connect { offer, entry, .. } => {
                    assert!(self.waiting.contains_key(entry), "{}: connected with nobody", self.rig.label);
                    assert!(!self.talking.contains(offer), "{}: connected twice", self.rig.label);
                }
                Output::Rescind { .. } | Output::Fact(_) | Output::Changed(_) => {}
            }
        }
    }

    fn join(&mut self) {
        let queue = self.random_queue();
        let priority =
            (self.below(4) == 0).then_some(i32::try_from(self.random.below(7)).expect("small") - 3);
        // The join itself may be answered by an eviction: the caller must be known before.
        let id = EntryUid::from_u128(self.rig.entries_so_far() + 1);
        self.waiting.insert(id, queue.clone());
        self.counted.get_mut(&queue).expect("a queue").entered += 1;
        assert_eq!(self.rig.join_with(&queue, priority), id);
        self.digest();
    }

    fn random_queue(&mut self) -> String {
        let turn = self.below(self.queues.len());
        self.queues[turn].clone()
    }

    fn random_caller(&mut self) -> Option<EntryUid> {
        if self.waiting.is_empty() {
            return None;
        }
        let turn = self.below(self.waiting.len());
        self.waiting.keys().nth(turn).copied()
    }

    /// An offer, mostly a recent one, sometimes long over.
    fn random_offer(&mut self) -> Option<OfferUid> {
        let len = self.offers.len();
        let back = if self.below(5) == 0 { self.below(len.max(1)) } else { self.below(len.clamp(1, 6)) };
        len.checked_sub(1 + back).map(|index| self.offers[index])
    }

    fn random_agent(&mut self) -> Option<AgentId> {
        let turn = self.below(self.agents.len().max(1));
        self.agents.get(turn).map(|id| AgentId::new(id))
    }

    fn hang_up(&mut self) {
        let Some(entry) = self.random_caller() else { return };
        let queue = self.waiting.remove(&entry).expect("chosen among them");
        let tally = self.counted.get_mut(&queue).expect("his queue");
        let input = match self.random.below(6) {
            0 => Input::Failed { entry },
            1 => Input::Exit { entry, reason: LeftReason::Key },
            _ => Input::HungUp { entry },
        };
        if matches!(input, Input::HungUp { .. }) {
            tally.abandoned += 1;
        } else {
            tally.put_out += 1;
        }
        self.step(input.clone());
        self.step(input);
    }

    fn answer(&mut self) {
        let Some(offer) = self.random_offer() else { return };
        let before = self.rig.log.len();
        self.step(Input::Answered { offer });
        let connect = self.rig.log[before..].iter().find_map(|(_, output)| match output {
            Output::Connect { entry, .. } => Some(*entry),
            Output::Offer { .. }
            | Output::Rescind { .. }
            | Output::Evict { .. }
            | Output::Moved { .. }
            | Output::Fact(_)
            | Output::Changed(_) => None,
        });
        let Some(entry) = connect else { return };
        match self.below(6) {
            0 => self.step(Input::Refused { offer, why: OfferResult::Unreachable }),
            1 => {}
            _ => {
                let queue = self.waiting.remove(&entry).expect("checked in digest");
                self.counted.get_mut(&queue).expect("his queue").handled += 1;
                self.talking.push(offer);
                self.step(Input::Connected { offer });
            }
        }
    }

    fn report_of_phone(&mut self) {
        let Some(offer) = self.random_offer() else { return };
        let input = match self.below(6) {
            0 => Input::Refused { offer, why: OfferResult::Busy },
            1 => Input::Refused { offer, why: OfferResult::Rejected },
            2 => Input::Refused { offer, why: OfferResult::Timeout },
            3 => Input::Held { offer, held: self.random.below(2) == 0 },
            _ => Input::Ringing { offer },
        };
        self.step(input);
    }

    fn end_conversation(&mut self) {
        if self.talking.is_empty() {
            return;
        }
        let turn = self.below(self.talking.len());
        let offer = self.talking.swap_remove(turn);
        self.step(Input::ConversationEnded { offer });
        self.step(Input::ConversationEnded { offer });
    }

    fn change_status(&mut self) {
        let Some(agent) = self.random_agent() else { return };
        let status = match self.below(4) {
            0 => QueueStatus::LoggedOut,
            1 => QueueStatus::Paused { reason: Some("repas".into()) },
            _ => QueueStatus::Ready,
        };
        let one = QueueId::new(&self.random_queue());
        let queues = (self.below(2) == 0).then(|| vec![one]);
        self.step(Input::SetStatus { agent, status, queues, by: None });
    }

    fn change_phone(&mut self) {
        let Some(agent) = self.random_agent() else { return };
        let on = self.below(3) > 0;
        let input = match self.below(3) {
            0 => Input::Busy { agent, busy: !on },
            1 => Input::EndWrapUp { agent, by: None },
            _ => Input::Reachable { agent, reachable: on },
        };
        self.step(input);
    }

    fn supervise(&mut self) {
        let Some(entry) = self.random_caller() else { return };
        let to_queue = (self.below(2) == 0).then(|| QueueId::new(&self.random_queue()));
        let position = (self.below(2) == 0).then_some(u32::try_from(self.random.below(6)).expect("small"));
        let priority = (self.below(3) == 0).then_some(2);
        if self.below(4) == 0 && self.rig.acd.validate(&Input::Remove { entry, by: None }).is_ok() {
            self.step(Input::Remove { entry, by: None });
        } else {
            self.step(Input::Move { entry, to_queue, position, priority, by: None });
        }
    }

    fn random_step(&mut self) {
        match self.below(24) {
            0..=4 => self.join(),
            5..=6 => self.hang_up(),
            7..=10 => self.answer(),
            11..=13 => self.report_of_phone(),
            14..=15 => self.end_conversation(),
            16..=17 => self.change_status(),
            18 => self.change_phone(),
            19 => self.supervise(),
            20 => {
                // A late timer, over midnight sometimes.
                let late = if self.below(20) == 0 { seconds(40_000) } else { seconds(7) };
                self.rig.now += late;
                self.step(Input::Timeout);
            }
            _ => {
                let time = millis(self.random.below(4000));
                self.rig.pass(time);
                self.digest();
            }
        }
    }

    /// Everybody hangs up: then nobody may be busy, and the books agree with the callers'.
    fn quiet_end(mut self) {
        while !self.waiting.is_empty() {
            self.hang_up();
        }
        while !self.talking.is_empty() {
            self.end_conversation();
        }
        for agent in self.agents.clone() {
            self.step(Input::Busy { agent: AgentId::new(&agent), busy: false });
        }
        self.rig.pass(seconds(120));
        assert_eq!(self.rig.acd.poll_timeout(), None, "{}: a timer of nobody", self.rig.label);
        for name in &self.agents {
            let card = self.rig.acd.agent(&AgentId::new(name)).expect("an agent");
            let quiet = matches!(
                card.status,
                AgentStatus::LoggedOut | AgentStatus::Paused | AgentStatus::Ready | AgentStatus::Unreachable
            );
            assert!(quiet && card.pending.is_none(), "{}: {card:?}", self.rig.label);
        }
        for (queue, tally) in &self.counted {
            let fold = &self.rig.folds[&QueueId::new(queue)];
            let counts = fold.lifetime(EntryKind::Call);
            let put_out = counts.evicted_customer + counts.evicted_system + counts.evicted_user;
            let booked = Tally {
                entered: counts.entered,
                handled: counts.handled,
                abandoned: counts.abandoned,
                put_out,
            };
            assert_eq!(&booked, tally, "{}: {queue}", self.rig.label);
            assert_eq!(counts.handled, counts.completed, "{}: {queue}", self.rig.label);
            let outcomes = QueueCounts { entered: 0, ..*counts }.outcomes();
            assert_eq!(counts.entered, outcomes, "{}: everybody has left", self.rig.label);
        }
        self.check_storm();
    }

    /// No agent is offered two callers within a second, unless he took the first.
    fn check_storm(&self) {
        let mut last: BTreeMap<&str, (Duration, OfferUid)> = BTreeMap::new();
        for seen in &self.rig.offers {
            let before = last.insert(&seen.agent, (seen.at, seen.offer));
            let Some((at, offer)) = before else { continue };
            let took = self.rig.log.iter().any(|(_, output)| {
                matches!(output, Output::Connect { offer: connected, .. } if *connected == offer)
            });
            assert!(took || seen.at >= at + seconds(1), "{}: {} is stormed", self.rig.label, seen.agent);
        }
    }
}

#[test]
fn whatever_happens_the_invariants_hold() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.random_step();
        }
        world.quiet_end();
    }
}

#[test]
fn a_seed_replays_to_the_letter() {
    let run = || {
        let mut world = World::new(4711);
        for _ in 0..STEPS {
            world.random_step();
        }
        world.rig.log
    };
    assert!(run() == run(), "the same seed, another run");
}
