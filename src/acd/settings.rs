//! What the distributor is told at its start: queues, agents and how patient it is with agents who don't answer.
//!
//! Not the configuration file: the shell turns that into these. Owned by the distributor afterwards.

use crate::acd::strategy::Strategy;
use crate::clock::Zone;
use crate::ids::AgentId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::QueueStatus;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

/// One queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSettings {
    /// Its id.
    pub id: QueueId,
    /// Its name as shown.
    pub name: String,
    /// How an agent is chosen.
    pub strategy: Strategy,
    /// How long an agent's phone rings, from its first sign of ringing.
    pub ring_timeout: Duration,
    /// Time for notes after a conversation; zero is none.
    pub wrap_up: Duration,
    /// How long a caller waits before he is put out.
    pub max_wait: Option<Duration>,
    /// How many may wait, the ringing ones included.
    pub max_length: u32,
    /// The target of the service levels.
    pub service_level: Duration,
    /// The priority of callers who come without one.
    pub priority: i32,
    /// Waiting this long is worth one step of priority; `None`: waiting is worth none, only order counts.
    pub priority_aging: Option<Duration>,
    /// Whether callers may join while nobody is logged in.
    pub join_when_empty: bool,
    /// Whether callers are put out when the last agent logs out.
    pub leave_when_empty: bool,
    /// Where "today" turns.
    pub zone: Zone,
}

impl QueueSettings {
    /// A queue with the defaults of the configuration, named after its id.
    pub fn named(id: &str) -> Self {
        Self {
            id: QueueId::new(id),
            name: id.to_string(),
            strategy: Strategy::LongestIdle,
            ring_timeout: Duration::from_secs(15),
            wrap_up: Duration::from_secs(10),
            max_wait: Some(Duration::from_secs(600)),
            max_length: 100,
            service_level: Duration::from_secs(20),
            priority: 0,
            priority_aging: Some(Duration::from_secs(300)),
            join_when_empty: true,
            leave_when_empty: false,
            zone: Zone::utc(),
        }
    }
}

/// That an agent serves a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The queue.
    pub queue: QueueId,
    /// Lower levels are offered callers first; a higher one only while nobody below is free.
    pub level: u32,
    /// Place in the order of `linear` and `round-robin`.
    pub position: u32,
    /// Inside a level, lower penalties first; for `weighted-random`, the chance is as 1 / (1 + penalty).
    pub penalty: u32,
}

impl Assignment {
    /// First level, first position, no penalty.
    pub fn to(queue: &str) -> Self {
        Self { queue: QueueId::new(queue), level: 1, position: 1, penalty: 0 }
    }
}

/// One agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSettings {
    /// His id.
    pub id: AgentId,
    /// His name as shown.
    pub name: String,
    /// The phone that rings.
    pub phone: PhoneNumber,
    /// The queues he may log in to.
    pub queues: Vec<Assignment>,
    /// His status in each at the start, as it was stored or as configured; logged out where missing.
    pub initial: BTreeMap<QueueId, QueueStatus>,
}

/// How long an agent is left in peace after an offer that he did not take.
///
/// Whatever the values, an agent gets at most one offer a second until he takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// After he refused: long enough for another agent to be tried first.
    pub reject_delay: Duration,
    /// After his phone was busy with something the switch does not see.
    pub busy_delay: Duration,
    /// After he let it ring; doubles with each further time in a row.
    pub no_answer_delay: Duration,
    /// After his phone could not be reached; doubles likewise, ends when it registers again.
    pub unreachable_delay: Duration,
    /// The doubling ends here.
    pub delay_max: Duration,
    /// So many offers in a row left to ring pause him in all his queues, with the reason `no_answer`.
    pub max_no_answer: Option<u32>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            reject_delay: Duration::from_secs(5),
            busy_delay: Duration::from_secs(5),
            no_answer_delay: Duration::from_secs(5),
            unreachable_delay: Duration::from_secs(5),
            delay_max: Duration::from_secs(60),
            max_no_answer: None,
        }
    }
}

/// All of it, found consistent.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub(crate) queues: Vec<QueueSettings>,
    pub(crate) agents: Vec<AgentSettings>,
    pub(crate) retry: RetrySettings,
}

/// Why settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Two queues with one id.
    #[error("there are two queues `{0}`")]
    TwoQueues(QueueId),
    /// Two agents with one id.
    #[error("there are two agents `{0}`")]
    TwoAgents(AgentId),
    /// An assignment to a queue that is not there.
    #[error("agent `{agent}` is assigned to `{queue}`, which is no queue")]
    NoSuchQueue {
        /// Whose.
        agent: AgentId,
        /// The unknown queue.
        queue: QueueId,
    },
    /// Two assignments of one agent to one queue.
    #[error("agent `{agent}` is assigned to `{queue}` twice")]
    AssignedTwice {
        /// Whose.
        agent: AgentId,
        /// To which queue.
        queue: QueueId,
    },
}

impl Settings {
    /// Checks that ids are unique and assignments lead somewhere.
    pub fn new(
        queues: Vec<QueueSettings>,
        agents: Vec<AgentSettings>,
        retry: RetrySettings,
    ) -> Result<Self, SettingsError> {
        let mut queue_ids = BTreeSet::new();
        for queue in &queues {
            if !queue_ids.insert(&queue.id) {
                return Err(SettingsError::TwoQueues(queue.id.clone()));
            }
        }
        let mut agent_ids = BTreeSet::new();
        for agent in &agents {
            if !agent_ids.insert(&agent.id) {
                return Err(SettingsError::TwoAgents(agent.id.clone()));
            }
            let mut assigned = BTreeSet::new();
            for Assignment { queue, .. } in &agent.queues {
                if !queue_ids.contains(queue) {
                    return Err(SettingsError::NoSuchQueue { agent: agent.id.clone(), queue: queue.clone() });
                }
                if !assigned.insert(queue) {
                    return Err(SettingsError::AssignedTwice {
                        agent: agent.id.clone(),
                        queue: queue.clone(),
                    });
                }
            }
        }
        Ok(Self { queues, agents, retry })
    }
}
