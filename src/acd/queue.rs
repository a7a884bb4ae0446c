//! A queue: its callers in order of service, its free agents in order of choice, and its counts.
//!
//! The two orders are kept, not computed: the next caller and the next agent are the firsts of two ordered sets.

use crate::acd::agent::AgentNo;
use crate::acd::agent::Class;
use crate::acd::order::Order;
use crate::acd::pace::Pace;
use crate::acd::reading::ClassCounts;
use crate::acd::settings::QueueSettings;
use crate::acd::strategy::Rank;
use crate::acd::strategy::Strategy;
use crate::clock::Instant;
use crate::ids::EntryUid;
use crate::record::LocalDay;
use crate::record::QueueCounts;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A queue's index in the distributor.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueNo(pub(crate) usize);

/// One queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) settings: QueueSettings,
    /// All who wait, the ringing ones included.
    pub(crate) waiting: BTreeMap<Order, EntryUid>,
    /// Those of them who may be offered to a free agent.
    pub(crate) open: BTreeMap<Order, EntryUid>,
    /// All who wait, by when they entered.
    pub(crate) by_age: BTreeSet<(Instant, EntryUid)>,
    /// The agents who may be offered a caller.
    pub(crate) free: BTreeSet<Rank>,
    /// All who are assigned.
    pub(crate) members: Vec<AgentNo>,
    /// How many of them are logged in, exact within a step.
    pub(crate) logged_in: u32,
    /// Members by what they do, as of the end of the last step.
    pub(crate) classes: ClassCounts,
    /// Since the start of the switch.
    pub(crate) totals: QueueCounts,
    pub(crate) pace: Pace,
    /// Who was offered a caller last.
    pub(crate) last_offered: Option<Rank>,
    pub(crate) local_day: LocalDay,
    pub(crate) day: Option<i32>,
}

impl Queue {
    pub(crate) fn new(settings: QueueSettings) -> Self {
        Self {
            local_day: LocalDay::new(settings.zone.clone()),
            settings,
            waiting: BTreeMap::new(),
            open: BTreeMap::new(),
            by_age: BTreeSet::new(),
            free: BTreeSet::new(),
            members: Vec::new(),
            logged_in: 0,
            classes: ClassCounts::default(),
            totals: QueueCounts::default(),
            pace: Pace::default(),
            last_offered: None,
            day: None,
        }
    }

    /// Whether a caller is offered to several agents at once.
    pub(crate) fn rings_all(&self) -> bool {
        self.settings.strategy == Strategy::RingAll
    }

    /// Whether a caller waits who could be offered now: never true after a step.
    pub(crate) fn can_serve(&self) -> bool {
        !self.open.is_empty() && !self.free.is_empty()
    }

    /// The law of conservation.
    pub(crate) fn is_balanced(&self) -> bool {
        self.totals.entered == self.waiting.len() as u64 + self.totals.outcomes()
    }

    /// Corrects the card when an agent changes from one class to another.
    pub(crate) fn recount(&mut self, from: Option<Class>, to: Option<Class>) {
        if let Some(class) = from {
            *self.classes.of(class) -= 1;
            self.classes.logged_in -= 1;
        }
        if let Some(class) = to {
            *self.classes.of(class) += 1;
            self.classes.logged_in += 1;
        }
    }
}
