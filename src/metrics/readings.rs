//! Gauges that the switch owns: read from it at each scrape, never kept in step by hand.

use crate::metrics::families::Families;
use crate::metrics::names;
use prometheus::{GaugeVec, IntGaugeVec};
use std::time::Duration;

/// What the switch said at a scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// No new calls are taken.
    pub draining: bool,
    /// Registered contacts by transport.
    pub registrations: Vec<(&'static str, u64)>,
    /// Live calls by direction and state.
    pub calls: Vec<(&'static str, &'static str, u64)>,
    /// Subscriptions by event.
    pub subscriptions: Vec<(&'static str, u64)>,
    /// Agents by status.
    pub agents: Vec<(&'static str, u64)>,
    /// Each queue's figures.
    pub queues: Vec<QueueReading>,
}

/// One queue's figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueReading {
    /// The queue's id.
    pub queue: String,
    /// Live callers waiting.
    pub calls_waiting: u64,
    /// Callbacks waiting.
    pub callbacks_waiting: u64,
    /// The longest present wait of a live caller.
    pub longest_wait: Duration,
    /// Agents by status in this queue.
    pub agents: Vec<(&'static str, u64)>,
    /// Entered − waiting − outcomes.
    pub unbalanced: i64,
}

pub(crate) struct Gauges {
    draining: IntGaugeVec,
    registrations: IntGaugeVec,
    calls: IntGaugeVec,
    subscriptions: IntGaugeVec,
    agents: IntGaugeVec,
    waiting: IntGaugeVec,
    longest_wait: GaugeVec,
    queue_agents: IntGaugeVec,
    unbalanced: IntGaugeVec,
    callbacks: IntGaugeVec,
}

impl Gauges {
    pub(crate) fn new(families: &mut Families) -> Self {
        Self {
            draining: families.gauge(&names::DRAINING),
            registrations: families.gauge(&names::REGISTRATIONS),
            calls: families.gauge(&names::CALLS),
            subscriptions: families.gauge(&names::SUBSCRIPTIONS),
            agents: families.gauge(&names::AGENTS),
            waiting: families.gauge(&names::QUEUE_WAITING),
            longest_wait: families.seconds_gauge(&names::QUEUE_LONGEST_WAIT),
            queue_agents: families.gauge(&names::QUEUE_AGENTS),
            unbalanced: families.gauge(&names::QUEUE_UNBALANCED),
            callbacks: families.gauge(&names::CALLBACKS),
        }
    }

    /// Forgets the last scrape's readings (a queue may be gone) and sets the new ones.
    pub(crate) fn fill(&self, readings: Option<&Readings>) {
        let whole = [
            &self.draining,
            &self.registrations,
            &self.calls,
            &self.subscriptions,
            &self.agents,
            &self.waiting,
            &self.queue_agents,
        ];
        for family in whole.into_iter().chain([&self.unbalanced, &self.callbacks]) {
            family.reset();
        }
        self.longest_wait.reset();
        let Some(readings) = readings else { return };
        self.draining.with_label_values::<&str>(&[]).set(i64::from(readings.draining));
        for (transport, count) in &readings.registrations {
            self.registrations.with_label_values(&[*transport]).set(whole_number(*count));
        }
        for (direction, state, count) in &readings.calls {
            self.calls.with_label_values(&[*direction, *state]).set(whole_number(*count));
        }
        for (event, count) in &readings.subscriptions {
            self.subscriptions.with_label_values(&[*event]).set(whole_number(*count));
        }
        for (status, count) in &readings.agents {
            self.agents.with_label_values(&[*status]).set(whole_number(*count));
        }
        for queue in &readings.queues {
            self.fill_queue(queue);
        }
    }

    fn fill_queue(&self, reading: &QueueReading) {
        let id = reading.queue.as_str();
        self.waiting.with_label_values(&[id, "call"]).set(whole_number(reading.calls_waiting));
        self.waiting.with_label_values(&[id, "callback"]).set(whole_number(reading.callbacks_waiting));
        self.callbacks.with_label_values(&[id, "pending"]).set(whole_number(reading.callbacks_waiting));
        self.longest_wait.with_label_values(&[id]).set(reading.longest_wait.as_secs_f64());
        for (status, count) in &reading.agents {
            self.queue_agents.with_label_values(&[id, *status]).set(whole_number(*count));
        }
        self.unbalanced.with_label_values(&[id]).set(reading.unbalanced);
    }
}

fn whole_number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
