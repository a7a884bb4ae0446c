//! Feeding the metrics: the switch's words become the bounded labels of `metrics`.

use crate::ids::QueueId;
use crate::metrics::Metrics;
use crate::metrics::QueueMetrics;
use crate::metrics::labels::CallDirection;
use crate::metrics::labels::CallOutcome;
use crate::metrics::labels::LeftOutcome;
use crate::metrics::labels::Method as Label;
use crate::metrics::labels::OfferEnd;
use crate::metrics::labels::Transport as Via;
use crate::metrics::labels::Way;
use crate::record::Cdr;
use crate::record::CdrOutcome;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::sip::endpoint::Counters;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::switch::core::Core;
use crate::switch::view::Direction;
use std::collections::BTreeMap;
use std::time::Duration;

/// The counters of each queue, looked up once, and its service level's target.
pub(crate) type QueueCounters = BTreeMap<QueueId, (QueueMetrics, Duration)>;

/// What was counted at the endpoint so far, for the difference at the next look.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    counters: Counters,
}

impl Core {
    /// Counts a request that came in.
    pub(crate) fn count_request_in(&self, message: &Message, transport: Transport) {
        self.metrics.sip_request(Way::In, label(message.method()), via(transport));
    }

    /// Counts a request of ours.
    pub(crate) fn count_request_out(&self, method: Method<'_>, transport: Transport) {
        self.metrics.sip_request(Way::Out, label(method), via(transport));
    }

    /// Counts a response that came in.
    pub(crate) fn count_response_in(&self, method: Method<'_>, status: u16) {
        self.metrics.sip_response(Way::In, label(method), status);
    }

    /// Counts a response of ours.
    pub(crate) fn count_response_out(&self, method: Method<'_>, status: u16) {
        self.metrics.sip_response(Way::Out, label(method), status);
    }

    /// Counts a message that broke the grammar.
    pub(crate) fn count_malformed(&self, transport: Transport, reason: &str) {
        self.metrics.sip_parse_error(via(transport), reason);
    }

    /// Takes over what the endpoint has counted by itself.
    pub(crate) fn count_endpoint(&mut self) {
        let now = self.endpoint.counters();
        let before = std::mem::replace(&mut self.seen.counters, now);
        let repeated =
            |counters: &Counters| counters.retransmissions_sent + counters.retransmissions_received;
        for _ in 0..repeated(&now).saturating_sub(repeated(&before)) {
            self.metrics.sip_retransmission();
        }
    }

    /// Counts a queue's event.
    pub(crate) fn count_queue_event(&self, event: &QueueEvent) {
        let Some((metrics, target)) = self.queue_counters.get(&event.queue) else { return };
        match &event.change {
            QueueChange::Entered { .. } => metrics.entered(),
            QueueChange::Offered { .. } => {}
            QueueChange::OfferEnded { result, .. } => metrics.offer_ended(offer_end(*result)),
            QueueChange::Left { outcome, waited, .. } => {
                metrics.left(left(*outcome), *waited);
                if *outcome == Outcome::Handled && waited <= target {
                    metrics.answered_within_target();
                }
            }
            QueueChange::Completed { talk, wrap_up, .. } => metrics.handled(*talk + *wrap_up),
        }
    }

    /// Counts a call that ended.
    pub(crate) fn count_call(&self, direction: Direction, cdr: &Cdr) {
        self.metrics.call_ended(call_direction(direction), outcome(cdr.outcome));
        if cdr.answered_at.is_some() {
            self.metrics.call_duration(cdr.talk);
        }
    }

    /// Counts a call that began.
    pub(crate) fn count_call_start(&self, direction: Direction) {
        self.metrics.call_started(call_direction(direction));
    }
}

/// The counters of these queues.
pub(crate) fn queue_counters(metrics: &Metrics, queues: &[crate::config::Queue]) -> QueueCounters {
    queues.iter().map(|queue| (queue.id.clone(), (metrics.queue(&queue.id), queue.service_level))).collect()
}

fn label(method: Method<'_>) -> Label {
    match method {
        Method::Invite => Label::Invite,
        Method::Ack => Label::Ack,
        Method::Bye => Label::Bye,
        Method::Cancel => Label::Cancel,
        Method::Register => Label::Register,
        Method::Options => Label::Options,
        Method::Prack => Label::Prack,
        Method::Subscribe => Label::Subscribe,
        Method::Notify => Label::Notify,
        Method::Publish => Label::Publish,
        Method::Info => Label::Info,
        Method::Refer => Label::Refer,
        Method::Message => Label::Message,
        Method::Update => Label::Update,
        Method::Other(_) => Label::Other,
    }
}

const fn via(transport: Transport) -> Via {
    match transport {
        Transport::Udp => Via::Udp,
        Transport::Tcp => Via::Tcp,
        Transport::Tls => Via::Tls,
        Transport::Ws => Via::Ws,
        Transport::Wss => Via::Wss,
    }
}

const fn call_direction(direction: Direction) -> CallDirection {
    match direction {
        Direction::Inbound => CallDirection::Inbound,
        Direction::Outbound => CallDirection::Outbound,
        Direction::Internal => CallDirection::Internal,
    }
}

const fn outcome(outcome: CdrOutcome) -> CallOutcome {
    match outcome {
        CdrOutcome::Answered => CallOutcome::Answered,
        CdrOutcome::Abandoned => CallOutcome::Abandoned,
        CdrOutcome::Busy => CallOutcome::Busy,
        CdrOutcome::NoAnswer => CallOutcome::NoAnswer,
        CdrOutcome::Cancelled => CallOutcome::Cancelled,
        CdrOutcome::Rejected => CallOutcome::Rejected,
        CdrOutcome::Failed => CallOutcome::Failed,
    }
}

const fn left(outcome: Outcome) -> LeftOutcome {
    match outcome {
        Outcome::Handled => LeftOutcome::Handled,
        Outcome::Abandoned => LeftOutcome::Abandoned,
        Outcome::Pending => LeftOutcome::Pending,
        Outcome::EvictedCustomer => LeftOutcome::EvictedCustomer,
        Outcome::EvictedSystem => LeftOutcome::EvictedSystem,
        Outcome::EvictedUser => LeftOutcome::EvictedUser,
    }
}

const fn offer_end(result: OfferResult) -> OfferEnd {
    match result {
        OfferResult::Accepted => OfferEnd::Accepted,
        OfferResult::Rejected => OfferEnd::Rejected,
        OfferResult::Busy => OfferEnd::Busy,
        OfferResult::Timeout => OfferEnd::Timeout,
        OfferResult::Unreachable => OfferEnd::Unreachable,
        OfferResult::Cancelled => OfferEnd::Cancelled,
        OfferResult::Rescinded => OfferEnd::Rescinded,
    }
}
