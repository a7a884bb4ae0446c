//! The exposition: names and labels as documented, nothing unbounded, gauges of the last scrape only.

use crate::ids::QueueId;
use crate::ids::TrunkId;
use crate::metrics::labels::*;
use crate::metrics::*;
use std::path::Path;
use std::time::Duration;

fn lines(text: &str, name: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with(name)).map(str::to_string).collect()
}

#[test]
fn every_family_of_the_table_is_registered_once() {
    let metrics = Metrics::new();
    let mut registered = metrics.0.registered.clone();
    let mut table: Vec<_> = names::FAMILIES.iter().map(|family| family.name).collect();
    registered.sort_unstable();
    table.sort_unstable();
    assert_eq!(registered, table);
}

#[test]
fn names_follow_the_conventions() {
    for family in names::FAMILIES {
        assert!(family.name.starts_with("strowger_"), "{}", family.name);
        assert_eq!(family.name.ends_with("_total"), family.kind == names::Kind::Counter, "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains('|'), "{}", family.name);
        for label in family.labels {
            assert!(
                !["number", "address", "call", "caller", "uri", "user"].contains(label),
                "{}",
                family.name
            );
        }
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, names::markdown()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == names::markdown(),
        "docs/metrics.md is stale: run UPDATE_DOCS=1 cargo test --lib metrics::"
    );
}

#[test]
fn a_peer_cannot_make_the_set_of_series_grow() {
    let metrics = Metrics::new();
    for code in 0..=999 {
        metrics.sip_response(Way::In, Method::of("INVITE"), code);
    }
    for name in ["invite", "FOO", "INVITE\r\nX: y", "", "🦀"] {
        metrics.sip_request(Way::In, Method::of(name), Transport::Udp);
        metrics.sip_dropped(name);
        metrics.sip_auth_failure(name);
        metrics.sip_parse_error(Transport::Tcp, name);
        metrics.agent_state_repair(name);
        metrics.db_query(name, Duration::ZERO);
    }
    let text = metrics.render(None);
    let responses = lines(&text, "strowger_sip_responses_total{");
    assert_eq!(responses.len(), CODES.len() + CODE_CLASSES.len());
    assert!(responses.iter().any(|line| line.contains(r#"code="486""#) && line.ends_with(" 1")));
    assert!(responses.iter().any(|line| line.contains(r#"code="4xx""#)));
    let other = r#"strowger_sip_requests_total{direction="in",method="other",transport="udp"} 5"#;
    assert_eq!(lines(&text, "strowger_sip_requests_total{"), [other]);
    assert!(text.contains(r#"strowger_sip_dropped_total{reason="other"} 5"#));
    assert!(text.contains(r#"strowger_sip_parse_errors_total{reason="other",transport="tcp"} 5"#));
    assert!(!text.contains("FOO") && !text.contains("🦀"));
}

#[test]
fn codes_are_sorted_for_the_search() {
    assert!(CODES.is_sorted());
    let metrics = Metrics::new();
    metrics.sip_response(Way::Out, Method::Bye, 200);
    assert_eq!(
        lines(&metrics.render(None), "strowger_sip_responses_total{"),
        [r#"strowger_sip_responses_total{code="200",direction="out",method="BYE"} 1"#]
    );
}

#[test]
fn queues_count_by_outcome() {
    let metrics = Metrics::new();
    let support = metrics.queue(&QueueId::new("support"));
    support.entered();
    support.left(LeftOutcome::Handled, Duration::from_millis(7500));
    support.answered_within_target();
    support.offer_ended(OfferEnd::Accepted);
    support.handled(Duration::from_secs(182));
    metrics.queue(&QueueId::new("support")).entered();
    let text = metrics.render(None);
    for line in [
        r#"strowger_queue_entered_total{queue="support"} 2"#,
        r#"strowger_queue_left_total{outcome="handled",queue="support"} 1"#,
        r#"strowger_queue_left_total{outcome="abandoned",queue="support"} 0"#,
        r#"strowger_queue_wait_seconds_bucket{queue="support",le="5"} 0"#,
        r#"strowger_queue_wait_seconds_bucket{queue="support",le="10"} 1"#,
        r#"strowger_queue_wait_seconds_sum{queue="support"} 7.5"#,
        r#"strowger_queue_answered_within_target_total{queue="support"} 1"#,
        r#"strowger_queue_offers_total{queue="support",result="accepted"} 1"#,
        r#"strowger_queue_handle_seconds_count{queue="support"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}

#[test]
fn calls_trunks_and_audio_are_counted() {
    let metrics = Metrics::new();
    let carrier = TrunkId::new("carrier");
    metrics.call_started(CallDirection::Inbound);
    metrics.call_ended(CallDirection::Inbound, CallOutcome::NoAnswer);
    metrics.call_duration(Duration::from_secs(60));
    metrics.post_dial_delay(&carrier, Duration::from_millis(900));
    metrics.trunk_up(&carrier, true);
    metrics.trunk_registered(&carrier, false);
    metrics.trunk_options_rtt(&carrier, Duration::from_millis(20));
    metrics.trunk_failover(&carrier, "timeout");
    metrics.rtp_packets(50, 2);
    metrics.rtp_jitter(Duration::from_millis(3));
    metrics.call_mos(4.1);
    metrics.call_mos(f64::NAN);
    metrics.call_without_media(Side::Callee);
    metrics.media_tick_lag(Duration::from_micros(300));
    metrics.recording(RecordingResult::Stored);
    metrics.recording_shed(7);
    metrics.campaign_contacts("rappels", "waiting", 4);
    metrics.campaign_blocked("rappels", "hours");
    metrics.tls_certificate_expiry("sip", 1_800_000_000);
    metrics.sip_retransmission();
    let text = metrics.render(None);
    for line in [
        r#"strowger_calls_started_total{direction="inbound"} 1"#,
        r#"strowger_calls_total{direction="inbound",outcome="no_answer"} 1"#,
        r#"strowger_trunk_up{trunk="carrier"} 1"#,
        r#"strowger_trunk_registered{trunk="carrier"} 0"#,
        r#"strowger_trunk_options_rtt_seconds{trunk="carrier"} 0.02"#,
        r#"strowger_trunk_failovers_total{reason="timeout",trunk="carrier"} 1"#,
        "strowger_rtp_packets_total 50",
        "strowger_rtp_lost_packets_total 2",
        "strowger_call_mos_count 1",
        r#"strowger_calls_without_media_total{side="callee"} 1"#,
        r#"strowger_calls_without_media_total{side="caller"} 0"#,
        r#"strowger_recordings_total{result="stored"} 1"#,
        "strowger_recording_packets_shed_total 7",
        r#"strowger_campaign_contacts{campaign="rappels",state="waiting"} 4"#,
        r#"strowger_campaign_blocked_total{campaign="rappels",rule="hours"} 1"#,
        r#"strowger_tls_certificate_expiry_timestamp_seconds{name="sip"} 1800000000"#,
        "strowger_sip_retransmissions_total 1",
        r#"strowger_agent_state_repairs_total{reason="busy_without_call"} 0"#,
        "strowger_media_tick_lag_seconds_count 1",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}

#[test]
fn gauges_show_the_last_reading_only() {
    let metrics = Metrics::new();
    let queue = QueueReading {
        queue: "support".to_string(),
        calls_waiting: 2,
        callbacks_waiting: 1,
        longest_wait: Duration::from_millis(41_200),
        agents: vec![("ready", 1)],
        unbalanced: 0,
    };
    let readings = Readings {
        subscriptions: vec![("dialog", 2)],
        draining: true,
        registrations: vec![("udp", 3)],
        calls: vec![("inbound", "queued", 2)],
        agents: vec![("ready", 1)],
        queues: vec![queue],
    };
    let text = metrics.render(Some(&readings));
    for line in [
        "strowger_draining 1",
        r#"strowger_registrations{transport="udp"} 3"#,
        r#"strowger_calls{direction="inbound",state="queued"} 2"#,
        r#"strowger_agents{status="ready"} 1"#,
        r#"strowger_queue_waiting{kind="call",queue="support"} 2"#,
        r#"strowger_queue_waiting{kind="callback",queue="support"} 1"#,
        r#"strowger_callbacks{queue="support",state="pending"} 1"#,
        r#"strowger_queue_longest_wait_seconds{queue="support"} 41.2"#,
        r#"strowger_queue_agents{queue="support",status="ready"} 1"#,
        r#"strowger_queue_unbalanced{queue="support"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert!(!metrics.render(None).contains("strowger_queue_unbalanced{"), "a stale reading is shown");
    let gone = metrics.render(Some(&Readings::default()));
    assert!(gone.contains("strowger_draining 0") && !gone.contains("support"));
}

#[test]
fn hostile_ids_are_escaped() {
    let metrics = Metrics::new();
    metrics.queue(&QueueId::new("a\"b\\c\nd")).entered();
    assert!(metrics.render(None).contains(r#"strowger_queue_entered_total{queue="a\"b\\c\nd"} 1"#));
}
