//! Counting what happens in queues and campaigns. A queue's counters are resolved once, by [`Metrics::queue`].

use crate::ids::QueueId;
use crate::metrics::Metrics;
use crate::metrics::Timing;
use crate::metrics::families::Families;
use crate::metrics::labels::CAMPAIGN_RULES;
use crate::metrics::labels::LeftOutcome;
use crate::metrics::labels::OfferEnd;
use crate::metrics::labels::known;
use crate::metrics::names;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct QueueFamilies {
    entered: IntCounterVec,
    left: IntCounterVec,
    wait: HistogramVec,
    within_target: IntCounterVec,
    offers: IntCounterVec,
    handle: HistogramVec,
    campaign_contacts: IntGaugeVec,
    campaign_blocked: IntCounterVec,
}

impl QueueFamilies {
    pub(crate) fn new(families: &mut Families) -> Self {
        Self {
            entered: families.counter(&names::QUEUE_ENTERED),
            left: families.counter(&names::QUEUE_LEFT),
            wait: families.histogram(&names::QUEUE_WAIT),
            within_target: families.counter(&names::QUEUE_WITHIN_TARGET),
            offers: families.counter(&names::QUEUE_OFFERS),
            handle: families.histogram(&names::QUEUE_HANDLE),
            campaign_contacts: families.gauge(&names::CAMPAIGN_CONTACTS),
            campaign_blocked: families.counter(&names::CAMPAIGN_BLOCKED),
        }
    }
}

/// One queue's counters; clones share them.
#[derive(Clone)]
pub struct QueueMetrics(Arc<Counters>);

struct Counters {
    entered: IntCounter,
    left: Vec<IntCounter>,
    wait: Timing,
    within_target: IntCounter,
    offers: Vec<IntCounter>,
    handle: Timing,
}

impl QueueMetrics {
    /// An entry joined.
    pub fn entered(&self) {
        self.0.entered.inc();
    }

    /// An entry left after `waited`.
    pub fn left(&self, outcome: LeftOutcome, waited: Duration) {
        if let Some(counter) = self.0.left.get(outcome.index()) {
            counter.inc();
        }
        self.0.wait.observe(waited);
    }

    /// An entry was handled within the service level's target.
    pub fn answered_within_target(&self) {
        self.0.within_target.inc();
    }

    /// An offer to an agent ended.
    pub fn offer_ended(&self, end: OfferEnd) {
        if let Some(counter) = self.0.offers.get(end.index()) {
            counter.inc();
        }
    }

    /// A handled entry is over: talk, hold and wrap-up together.
    pub fn handled(&self, duration: Duration) {
        self.0.handle.observe(duration);
    }
}

impl Metrics {
    /// The counters of a queue of the configuration: keep them, each call looks labels up.
    pub fn queue(&self, queue: &QueueId) -> QueueMetrics {
        let (families, id) = (&self.0.queue, queue.as_str());
        let left = |outcome: &LeftOutcome| families.left.with_label_values(&[id, outcome.as_str()]);
        let offer = |end: &OfferEnd| families.offers.with_label_values(&[id, end.as_str()]);
        QueueMetrics(Arc::new(Counters {
            entered: families.entered.with_label_values(&[id]),
            left: LeftOutcome::ALL.iter().map(left).collect(),
            wait: Timing(families.wait.with_label_values(&[id])),
            within_target: families.within_target.with_label_values(&[id]),
            offers: OfferEnd::ALL.iter().map(offer).collect(),
            handle: Timing(families.handle.with_label_values(&[id])),
        }))
    }

    /// How many contacts of a campaign of the configuration are in a state (`waiting`, `dialling`, `handled`, …: a
    /// word of the program, never of a contact).
    pub fn campaign_contacts(&self, campaign: &str, state: &'static str, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.0.queue.campaign_contacts.with_label_values(&[campaign, state]).set(count);
    }

    /// A rule kept a contact of a campaign from being dialled.
    pub fn campaign_blocked(&self, campaign: &str, rule: &str) {
        self.0.queue.campaign_blocked.with_label_values(&[campaign, known(CAMPAIGN_RULES, rule)]).inc();
    }
}
