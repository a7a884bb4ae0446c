//! What one step of the distributor costs with 1,000 agents and 10,000 waiting callers: `cargo bench --bench acd`.
//!
//! Virtual time, a fixed seed, no harness: each step is timed alone; the median is the figure that a busy machine
//! disturbs least.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;
use strowger::acd::Acd;
use strowger::acd::AgentSettings;
use strowger::acd::Assignment;
use strowger::acd::Input;
use strowger::acd::Output;
use strowger::acd::QueueSettings;
use strowger::acd::RetrySettings;
use strowger::acd::Settings;
use strowger::clock::Instant;
use strowger::clock::Now;
use strowger::clock::Wall;
use strowger::ids::AgentId;
use strowger::ids::CallUid;
use strowger::ids::EntryUid;
use strowger::ids::OfferUid;
use strowger::ids::PhoneNumber;
use strowger::ids::QueueId;
use strowger::ids::Random;
use strowger::record::QueueStatus;

const QUEUES: usize = 10;
const AGENTS: usize = 1000;
const WAITING: u64 = 10_000;
const ROUNDS: u64 = 20_000;

struct Bench {
    acd: Acd,
    micros: u64,
    joined: u64,
    random: Random,
    out: Vec<Output>,
    /// Offers that ring.
    ringing: Vec<OfferUid>,
    /// Nanoseconds of each step, by its kind.
    spent: BTreeMap<&'static str, Vec<u128>>,
}

fn main() {
    let mut bench = Bench::new();
    (0..AGENTS).for_each(|n| bench.step("reachable", Input::Reachable { agent: agent(n), reachable: true }));
    (0..WAITING + AGENTS as u64).for_each(|_| bench.join("join, filling"));
    for round in 0..ROUNDS {
        bench.join("join");
        bench.serve_one();
        // Ten agents toggle: pending ones do nothing, ringing ones are rescinded and offered again later.
        let who = agent(usize::try_from(round).unwrap_or(0) % AGENTS);
        for status in [QueueStatus::Paused { reason: None }, QueueStatus::Ready] {
            let input = Input::SetStatus { agent: who.clone(), status, queues: None, by: None };
            bench.step("status change", input);
        }
        bench.micros += 10_000;
        bench.step("timeout", Input::Timeout);
    }
    bench.acd.check().expect("the invariants hold after the benchmark");
    println!("{AGENTS} agents, {WAITING} waiting, {QUEUES} queues, 3 queues an agent");
    println!("{:<14} {:>7} {:>9} {:>9} {:>9}", "step", "count", "p50 ns", "p99 ns", "mean ns");
    for (name, spent) in &mut bench.spent {
        spent.sort_unstable();
        let (count, at) = (spent.len(), |percent: usize| spent[(spent.len() - 1) * percent / 100]);
        let mean = spent.iter().sum::<u128>() / count as u128;
        println!("{name:<14} {count:>7} {:>9} {:>9} {mean:>9}", at(50), at(99));
    }
}

fn agent(n: usize) -> AgentId {
    AgentId::new(&format!("agent{n:04}"))
}

fn queue(n: usize) -> QueueId {
    QueueId::new(&format!("queue{:02}", n % QUEUES))
}

impl Bench {
    fn new() -> Self {
        let settings = |n: usize| QueueSettings {
            max_length: 100_000,
            max_wait: Some(Duration::from_secs(36_000)),
            ring_timeout: Duration::from_secs(36_000),
            wrap_up: Duration::ZERO,
            priority_aging: Some(Duration::from_secs(60 + 10 * n as u64)),
            ..QueueSettings::named(queue(n).as_str())
        };
        let queues_of = |n: usize| [n, n + 1, n + 5].map(queue);
        let team = (0..AGENTS).map(|n| AgentSettings {
            id: agent(n),
            name: format!("Agent {n}"),
            phone: PhoneNumber::new(&format!("{n}")),
            queues: queues_of(n).map(|id| Assignment::to(id.as_str())).to_vec(),
            initial: queues_of(n).map(|id| (id, QueueStatus::Ready)).into_iter().collect(),
        });
        let settings =
            Settings::new((0..QUEUES).map(settings).collect(), team.collect(), RetrySettings::default());
        Self {
            acd: Acd::new(settings.expect("consistent settings"), Random::seeded(1)),
            micros: 1_000_000,
            joined: 0,
            random: Random::seeded(2),
            out: Vec::new(),
            ringing: Vec::new(),
            spent: BTreeMap::new(),
        }
    }

    fn step(&mut self, name: &'static str, input: Input) {
        self.micros += 1;
        let now = Now {
            instant: Instant::from_micros(self.micros),
            wall: Wall::from_micros(1_795_000_000_000_000 + i64::try_from(self.micros).unwrap_or(0)),
        };
        self.out.clear();
        let start = std::time::Instant::now();
        self.acd.handle(now, black_box(input), &mut self.out);
        let spent = start.elapsed();
        self.spent.entry(name).or_default().push(spent.as_nanos());
        for output in &self.out {
            match output {
                Output::Offer { offer, .. } => self.ringing.push(*offer),
                Output::Rescind { offer, .. } => self.ringing.retain(|other| other != offer),
                Output::Connect { .. }
                | Output::Evict { .. }
                | Output::Moved { .. }
                | Output::Fact(_)
                | Output::Changed(_) => {}
            }
        }
    }

    fn join(&mut self, name: &'static str) {
        self.joined += 1;
        let input = Input::Join {
            entry: EntryUid::from_u128(u128::from(self.joined)),
            call: CallUid::from_u128(u128::from(self.joined)),
            queue: queue(usize::try_from(self.joined).unwrap_or(0)),
            number: "+33140000000".to_string(),
            name: None,
            priority: Some(i32::try_from(self.random.below(5)).unwrap_or(0)),
        };
        self.step(name, input);
    }

    /// One phone is answered, the conversation ends, and the agent is offered the next caller in the same step.
    fn serve_one(&mut self) {
        let turn = usize::try_from(self.random.below(self.ringing.len() as u64)).unwrap_or(0);
        let Some(offer) = self.ringing.get(turn).copied() else { return };
        self.ringing.swap_remove(turn);
        self.step("answered", Input::Answered { offer });
        self.step("connected", Input::Connected { offer });
        self.step("ended, next", Input::ConversationEnded { offer });
    }
}
