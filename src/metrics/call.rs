//! Counting calls, their audio, trunks and recordings.

use crate::ids::TrunkId;
use crate::metrics::Metrics;
use crate::metrics::Timing;
use crate::metrics::families::Cells;
use crate::metrics::families::Families;
use crate::metrics::families::plain_counter;
use crate::metrics::families::plain_histogram;
use crate::metrics::labels::CallDirection;
use crate::metrics::labels::CallOutcome;
use crate::metrics::labels::FAILOVER_REASONS;
use crate::metrics::labels::REPAIR_REASONS;
use crate::metrics::labels::RecordingResult;
use crate::metrics::labels::Side;
use crate::metrics::labels::known;
use crate::metrics::names;
use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};
use std::time::Duration;

pub(crate) struct CallFamilies {
    started: Cells,
    ended: Cells,
    post_dial_delay: HistogramVec,
    duration: Timing,
    trunk_up: IntGaugeVec,
    trunk_registered: IntGaugeVec,
    trunk_rtt: GaugeVec,
    trunk_failovers: IntCounterVec,
    emergency: IntCounter,
    rtp_packets: IntCounter,
    rtp_lost: IntCounter,
    srtp_unauthenticated: IntCounter,
    srtp_replayed: IntCounter,
    rtp_jitter: Timing,
    mos: prometheus::Histogram,
    without_media: Cells,
    tick_lag: Timing,
    recordings: Cells,
    recording_shed: IntCounter,
    agent_repairs: IntCounterVec,
}

impl CallFamilies {
    pub(crate) fn new(families: &mut Families) -> Self {
        let started = families.counter(&names::CALLS_STARTED);
        let ended = families.counter(&names::CALLS_TOTAL);
        let without_media = families.counter(&names::CALLS_WITHOUT_MEDIA);
        let recordings = families.counter(&names::RECORDINGS);
        let agent_repairs = families.counter(&names::AGENT_STATE_REPAIRS);
        // An alert on "must stay 0" needs the series to exist before the first repair.
        for reason in REPAIR_REASONS {
            let _ = agent_repairs.with_label_values(&[*reason]);
        }
        for side in Side::ALL {
            let _ = without_media.with_label_values(&[side.as_str()]);
        }
        Self {
            started: Cells::new(started, CallDirection::ALL.len()),
            ended: Cells::new(ended, CallDirection::ALL.len() * CallOutcome::ALL.len()),
            post_dial_delay: families.histogram(&names::POST_DIAL_DELAY),
            duration: Timing(plain_histogram(&families.histogram(&names::CALL_DURATION))),
            trunk_up: families.gauge(&names::TRUNK_UP),
            trunk_registered: families.gauge(&names::TRUNK_REGISTERED),
            trunk_rtt: families.seconds_gauge(&names::TRUNK_RTT),
            trunk_failovers: families.counter(&names::TRUNK_FAILOVERS),
            emergency: plain_counter(&families.counter(&names::EMERGENCY_CALLS)),
            rtp_packets: plain_counter(&families.counter(&names::RTP_PACKETS)),
            rtp_lost: plain_counter(&families.counter(&names::RTP_LOST)),
            srtp_unauthenticated: plain_counter(&families.counter(&names::SRTP_UNAUTHENTICATED)),
            srtp_replayed: plain_counter(&families.counter(&names::SRTP_REPLAYED)),
            rtp_jitter: Timing(plain_histogram(&families.histogram(&names::RTP_JITTER))),
            mos: plain_histogram(&families.histogram(&names::CALL_MOS)),
            without_media: Cells::new(without_media, Side::ALL.len()),
            tick_lag: Timing(plain_histogram(&families.histogram(&names::MEDIA_TICK_LAG))),
            recordings: Cells::new(recordings, RecordingResult::ALL.len()),
            recording_shed: plain_counter(&families.counter(&names::RECORDING_SHED)),
            agent_repairs,
        }
    }
}

impl Metrics {
    /// A call began.
    pub fn call_started(&self, direction: CallDirection) {
        self.0.call.started.add(direction.index(), || [direction.as_str()], 1);
    }

    /// A call's last leg ended.
    pub fn call_ended(&self, direction: CallDirection, outcome: CallOutcome) {
        let index = direction.index() * CallOutcome::ALL.len() + outcome.index();
        self.0.call.ended.add(index, || [direction.as_str(), outcome.as_str()], 1);
    }

    /// Time from the answer to the end of an answered call.
    pub fn call_duration(&self, duration: Duration) {
        self.0.call.duration.observe(duration);
    }

    /// Time from an INVITE to a trunk until its first ringing or answer.
    pub fn post_dial_delay(&self, trunk: &TrunkId, delay: Duration) {
        self.0.call.post_dial_delay.with_label_values(&[trunk.as_str()]).observe(delay.as_secs_f64());
    }

    /// Whether the trunk answers.
    pub fn trunk_up(&self, trunk: &TrunkId, up: bool) {
        self.0.call.trunk_up.with_label_values(&[trunk.as_str()]).set(i64::from(up));
    }

    /// Whether our registration at the trunk holds.
    pub fn trunk_registered(&self, trunk: &TrunkId, registered: bool) {
        self.0.call.trunk_registered.with_label_values(&[trunk.as_str()]).set(i64::from(registered));
    }

    /// Round trip of an OPTIONS to the trunk.
    pub fn trunk_options_rtt(&self, trunk: &TrunkId, rtt: Duration) {
        self.0.call.trunk_rtt.with_label_values(&[trunk.as_str()]).set(rtt.as_secs_f64());
    }

    /// A call went on to the trunk's next target.
    pub fn trunk_failover(&self, trunk: &TrunkId, reason: &str) {
        let labels = [trunk.as_str(), known(FAILOVER_REASONS, reason)];
        self.0.call.trunk_failovers.with_label_values(&labels).inc();
    }

    /// An emergency call began.
    pub fn emergency_call(&self) {
        self.0.call.emergency.inc();
    }

    /// Packets received and packets missed since the last report: media workers report in batches.
    pub fn rtp_packets(&self, received: u64, lost: u64) {
        self.0.call.rtp_packets.inc_by(received);
        self.0.call.rtp_lost.inc_by(lost);
    }

    /// Packets of encrypted streams that were not taken: they were not authentic, or had come before.
    pub fn srtp_dropped(&self, unauthenticated: u64, replayed: u64) {
        self.0.call.srtp_unauthenticated.inc_by(unauthenticated);
        self.0.call.srtp_replayed.inc_by(replayed);
    }

    /// A received stream's jitter, once for each stream.
    pub fn rtp_jitter(&self, jitter: Duration) {
        self.0.call.rtp_jitter.observe(jitter);
    }

    /// A received stream's estimated opinion score (1 to 4.5), once for each stream.
    pub fn call_mos(&self, score: f64) {
        if score.is_finite() {
            self.0.call.mos.observe(score);
        }
    }

    /// An answered call ended in which `side` never sent audio.
    pub fn call_without_media(&self, side: Side) {
        self.0.call.without_media.add(side.index(), || [side.as_str()], 1);
    }

    /// How late a media worker's tick came.
    pub fn media_tick_lag(&self, lag: Duration) {
        self.0.call.tick_lag.observe(lag);
    }

    /// A recording ended.
    pub fn recording(&self, result: RecordingResult) {
        self.0.call.recordings.add(result.index(), || [result.as_str()], 1);
    }

    /// Packets that the recorder had no room for.
    pub fn recording_shed(&self, packets: u64) {
        self.0.call.recording_shed.inc_by(packets);
    }

    /// An agent was found in a state without a cause and set free.
    pub fn agent_state_repair(&self, reason: &str) {
        self.0.call.agent_repairs.with_label_values(&[known(REPAIR_REASONS, reason)]).inc();
    }
}
