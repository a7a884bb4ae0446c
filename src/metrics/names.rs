//! Every metric of the switch by name: the one table that registration, `docs/metrics.md` and the tests read.
//!
//! Names are fixed (dashboards and alerts rest on them). A label's values are bounded by the configuration or by
//! [`crate::metrics::labels`]: never a number, an address or a call id. Owned by `metrics`.

/// What kind of figure a family holds.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets, whose upper bounds these are.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word of the exposition format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A family of metrics: one name, one help text, one set of labels.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Family {
    /// The name, unit last.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// What it tells, in one sentence.
    pub help: &'static str,
    /// The labels' names, in the order of their values.
    pub labels: &'static [&'static str],
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Counter, help, labels }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, help, labels }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Histogram(buckets), help, labels }
}

/// Waits and handle times: from a second to an hour.
const WAITS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1200.0,
    1800.0, 3600.0,
];
/// Calls: from a second to four hours.
const CALLS_LENGTH: &[f64] =
    &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0];
/// From the INVITE to the first ringing: what a caller feels.
const POST_DIAL: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 32.0];
/// Requests and statements: from half a millisecond to the time-out.
const ANSWERS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Jitter that a phone's buffer hides, and beyond.
const JITTER: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// Opinion scores: 4.0 is good, below 3.1 nearly all are dissatisfied (ITU-T G.107 annex B).
const SCORES: &[f64] = &[1.0, 2.0, 2.5, 3.1, 3.6, 4.0, 4.2, 4.3, 4.5];
/// Lateness of the media clock: new calls are refused past 5 ms.
const LAGS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05];

macro_rules! families {
    ($($(#[$doc:meta])* $id:ident = $family:expr;)*) => {
        $($(#[$doc])* pub const $id: Family = $family;)*
        /// All families, in the order of the documentation.
        pub const FAMILIES: &[&Family] = &[$(&$id),*];
    };
}

families! {
    /// The build.
    BUILD_INFO = gauge("strowger_build_info", &["version"], "Always 1; the label tells the version.");
    /// Draining.
    DRAINING = gauge("strowger_draining", &[], "1 while no new calls are taken.");
    /// Certificates.
    TLS_EXPIRY = gauge("strowger_tls_certificate_expiry_timestamp_seconds", &["name"],
        "When the certificate ends, in seconds since 1970.");

    /// Requests on the wire.
    SIP_REQUESTS = counter("strowger_sip_requests_total", &["direction", "method", "transport"],
        "SIP requests received (in) and sent (out), retransmissions not counted.");
    /// Responses on the wire.
    SIP_RESPONSES = counter("strowger_sip_responses_total", &["direction", "method", "code"],
        "SIP responses received (in) and sent (out); rare codes are counted under their class, such as 4xx.");
    /// Repeated messages.
    SIP_RETRANSMISSIONS = counter("strowger_sip_retransmissions_total", &[],
        "Messages that the switch repeated because no answer came.");
    /// Unreadable messages.
    SIP_PARSE_ERRORS = counter("strowger_sip_parse_errors_total", &["transport", "reason"],
        "Messages that could not be read.");
    /// Refused credentials.
    SIP_AUTH_FAILURES = counter("strowger_sip_auth_failures_total", &["reason"],
        "Requests whose credentials were refused.");
    /// Blocks after wrong passwords.
    SIP_AUTH_BLOCKS = counter("strowger_sip_auth_blocks_total", &["reason"],
        "Blocks after wrong passwords: of an account at one address, of an address, of an account.");
    /// Calls that a phone may not make.
    TOLL_REFUSED = counter("strowger_toll_refused_total", &["reason"],
        "Calls of phones that were refused or ended by a limit on what they may call.");
    /// Messages put away.
    SIP_DROPPED = counter("strowger_sip_dropped_total", &["reason"],
        "Messages put away without an answer.");

    /// Registered contacts.
    REGISTRATIONS = gauge("strowger_registrations", &["transport"], "Registered contacts.");

    /// Subscriptions.
    SUBSCRIPTIONS = gauge("strowger_subscriptions", &["event"], "Subscriptions of phones, by event.");
    /// Failed notifications.
    NOTIFY_FAILURES = counter("strowger_notify_failures_total", &["reason"],
        "NOTIFYs that were refused, not answered or could not be sent; each but a postponed one ends its subscription.");

    /// Live calls.
    CALLS = gauge("strowger_calls", &["direction", "state"], "Live calls.");
    /// Ended calls.
    CALLS_TOTAL = counter("strowger_calls_total", &["direction", "outcome"], "Ended calls.");
    /// Started calls.
    CALLS_STARTED = counter("strowger_calls_started_total", &["direction"], "Calls begun.");
    /// Post-dial delay.
    POST_DIAL_DELAY = histogram("strowger_call_post_dial_delay_seconds", POST_DIAL, &["trunk"],
        "From the INVITE sent to a trunk to its first ringing or answer.");
    /// Durations of calls.
    CALL_DURATION = histogram("strowger_call_duration_seconds", CALLS_LENGTH, &[],
        "From the answer to the end, of answered calls.");

    /// Trunks up.
    TRUNK_UP = gauge("strowger_trunk_up", &["trunk"], "1 while the trunk answers.");
    /// Trunks registered.
    TRUNK_REGISTERED = gauge("strowger_trunk_registered", &["trunk"], "1 while our registration at the trunk holds.");
    /// OPTIONS round trip.
    TRUNK_RTT = gauge("strowger_trunk_options_rtt_seconds", &["trunk"], "Round trip of the last OPTIONS.");
    /// Failovers.
    TRUNK_FAILOVERS = counter("strowger_trunk_failovers_total", &["trunk", "reason"],
        "Calls that went on to the trunk's next target.");
    /// Emergency calls.
    EMERGENCY_CALLS = counter("strowger_emergency_calls_total", &[], "Emergency calls begun.");

    /// Waiting now.
    QUEUE_WAITING = gauge("strowger_queue_waiting", &["queue", "kind"], "Entries waiting, by kind: call or callback.");
    /// Longest wait now.
    QUEUE_LONGEST_WAIT = gauge("strowger_queue_longest_wait_seconds", &["queue"],
        "The longest present wait of a live caller.");
    /// Agents of a queue.
    QUEUE_AGENTS = gauge("strowger_queue_agents", &["queue", "status"], "Agents logged in to the queue, by status.");
    /// Entered.
    QUEUE_ENTERED = counter("strowger_queue_entered_total", &["queue"], "Entries that joined the queue.");
    /// Left.
    QUEUE_LEFT = counter("strowger_queue_left_total", &["queue", "outcome"], "Entries that left the queue.");
    /// Waits.
    QUEUE_WAIT = histogram("strowger_queue_wait_seconds", WAITS, &["queue"],
        "Time in the queue, of all entries that left it.");
    /// Answered in time.
    QUEUE_WITHIN_TARGET = counter("strowger_queue_answered_within_target_total", &["queue"],
        "Entries handled after no more than service_level_seconds.");
    /// Offers.
    QUEUE_OFFERS = counter("strowger_queue_offers_total", &["queue", "result"], "Offers to agents that ended.");
    /// Handle times.
    QUEUE_HANDLE = histogram("strowger_queue_handle_seconds", WAITS, &["queue"],
        "Talk, hold and wrap-up of handled entries.");
    /// Conservation.
    QUEUE_UNBALANCED = gauge("strowger_queue_unbalanced", &["queue"],
        "Entered - waiting - outcomes: must be 0 at every instant.");

    /// Callbacks.
    CALLBACKS = gauge("strowger_callbacks", &["queue", "state"], "Callbacks that are not over.");
    /// Campaign contacts.
    CAMPAIGN_CONTACTS = gauge("strowger_campaign_contacts", &["campaign", "state"], "Contacts of a campaign.");
    /// Campaign rules.
    CAMPAIGN_BLOCKED = counter("strowger_campaign_blocked_total", &["campaign", "rule"],
        "Contacts that a rule kept from being dialled.");
    /// Agents.
    AGENTS = gauge("strowger_agents", &["status"], "Agents, by status.");
    /// Repairs.
    AGENT_STATE_REPAIRS = counter("strowger_agent_state_repairs_total", &["reason"],
        "Agents found busy without a live call or timer and set free: must stay 0.");

    /// Packets.
    RTP_PACKETS = counter("strowger_rtp_packets_total", &[], "RTP packets received.");
    /// Lost packets.
    RTP_LOST = counter("strowger_rtp_lost_packets_total", &[], "RTP packets that never came, by their sequence numbers.");
    /// Strangers' packets.
    SRTP_UNAUTHENTICATED = counter("strowger_srtp_unauthenticated_packets_total", &[],
        "Packets of encrypted calls that were not sealed with the party's key.");
    /// Packets that came again.
    SRTP_REPLAYED = counter("strowger_srtp_replayed_packets_total", &[],
        "Packets of encrypted calls that had come before.");
    /// Jitter.
    RTP_JITTER = histogram("strowger_rtp_jitter_seconds", JITTER, &[],
        "Interarrival jitter of a received stream (RFC 3550 section 6.4.1), once for each stream.");
    /// Opinion scores.
    CALL_MOS = histogram("strowger_call_mos", SCORES, &[],
        "Estimated mean opinion score of a received stream, once for each stream.");
    /// One-way audio.
    CALLS_WITHOUT_MEDIA = counter("strowger_calls_without_media_total", &["side"],
        "Answered calls in which this side never sent audio.");
    /// The media clock.
    MEDIA_TICK_LAG = histogram("strowger_media_tick_lag_seconds", LAGS, &[],
        "How late a media worker's clock tick came.");

    /// Recordings.
    RECORDINGS = counter("strowger_recordings_total", &["result"], "Recordings that ended.");
    /// Packets of recordings.
    RECORDING_SHED = counter("strowger_recording_packets_shed_total", &[],
        "Packets that are missing in recordings because the recorder had no room for them.");
    /// HTTP.
    HTTP_DURATION = histogram("strowger_http_request_duration_seconds", ANSWERS, &["route"],
        "From the request's header to the response's, by route of the API.");
    /// Database.
    DB_DURATION = histogram("strowger_db_query_duration_seconds", ANSWERS, &["op"], "Work of the store, by operation.");
}

/// The reference page, as Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\nServed at `/metrics` in Prometheus' text format. Labels are bounded by the configuration: never a number, \
         an address or a call id.\nGenerated from `src/metrics/names.rs`; `UPDATE_DOCS=1 cargo test --lib metrics::` \
         writes it anew.\n\n| name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        page.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.kind.as_str(),
            labels.join(", "),
            family.help
        ));
    }
    page
}
