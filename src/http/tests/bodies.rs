//! Golden bodies: every field of the contract, by name, with its form.

use crate::clock::Wall;
use crate::http::dto;
use crate::http::tests::fake::*;
use crate::ids::*;
use crate::record::*;
use crate::switch::view::*;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

const AT: &str = "2026-11-22T09:00:00.000Z";
const ONE: &str = "00000000000000000000000001";

fn check(body: impl serde::Serialize, expected: Value) {
    let body = serde_json::to_value(body).unwrap();
    assert_eq!(body, expected, "\nis:       {body:#}\nexpected: {expected:#}");
}

#[test]
fn an_agent() {
    let mut view = agent("alice", &["support"]);
    check(
        dto::Agent::from(view.clone()),
        json!({
            "id": "alice", "name": "alice <b>", "phone": "1001", "status": "ready", "reason": null, "since": AT,
            "pending": null, "pending_reason": null,
            "queues": [{"id": "support", "status": "ready", "reason": null, "since": AT}],
            "offer": null, "call": null, "wrap_up_ends_at": null
        }),
    );
    view.status = AgentStatus::WrapUp;
    view.reason = Some("repas".to_string());
    view.pending = Some(QueueStatus::Paused { reason: Some("repas".to_string()) });
    view.queues[0].status = QueueStatus::Paused { reason: Some("formation".to_string()) };
    view.offer = Some(OfferUid::from_u128(1));
    view.call = Some(CallUid::from_u128(1));
    view.wrap_up_ends_at = Some(wall(NOW));
    check(
        dto::Agent::from(view),
        json!({
            "id": "alice", "name": "alice <b>", "phone": "1001", "status": "wrap_up", "reason": "repas", "since": AT,
            "pending": "paused", "pending_reason": "repas",
            "queues": [{"id": "support", "status": "paused", "reason": "formation", "since": AT}],
            "offer": ONE, "call": ONE, "wrap_up_ends_at": AT
        }),
    );
}

#[test]
fn a_queue() {
    check(
        dto::Queue::from(queue("support", &["alice", "bruno"])),
        json!({
            "id": "support", "name": "support", "waiting": 2, "callbacks_pending": 1, "longest_wait_seconds": 41.2,
            "agents": {"logged_in": 3, "ready": 1, "ringing": 0, "talking": 1, "wrap_up": 0, "paused": 1, "unreachable": 0},
            "average_handle_seconds": 182,
            "today": {"entered": 120, "handled": 96, "abandoned": 12, "pending": 5, "evicted_customer": 1,
                      "evicted_system": 4, "evicted_user": 0, "timed_out": 3},
            "service_level": {"a": 0.9123, "b": 1, "c": null, "d": null},
            "unbalanced": 0, "members": ["alice", "bruno"]
        }),
    );
    let fresh = QueueView { average_handle: None, unbalanced: -1, ..queue("support", &[]) };
    let body = serde_json::to_value(dto::Queue::from(fresh)).unwrap();
    assert_eq!((&body["average_handle_seconds"], &body["unbalanced"]), (&Value::Null, &json!(-1)));
}

#[test]
fn a_caller() {
    check(
        dto::Caller::from(caller(1)),
        json!({
            "id": ONE, "kind": "call", "call": ONE, "number": "+33140000001", "name": null, "priority": 0,
            "entered_at": AT, "waited_seconds": 41.2, "position": 1, "estimated_wait_seconds": 60,
            "why": "no agent ready"
        }),
    );
    let view = CallerView { kind: EntryKind::Callback, call: None, estimated_wait: None, ..caller(1) };
    let body = serde_json::to_value(dto::Caller::from(view)).unwrap();
    assert_eq!((&body["kind"], &body["estimated_wait_seconds"]), (&json!("callback"), &Value::Null));
}

#[test]
fn an_offer() {
    check(
        dto::Offer::from(offer(1, "alice", "support")),
        json!({
            "id": ONE, "agent": "alice", "type": "inbound_queue", "queue": "support", "campaign": null,
            "caller": {"number": "+33140000001", "name": "Zoë \"<script>\"", "contact": null},
            "state": "pending", "created_at": AT, "call": ONE
        }),
    );
}

#[test]
fn a_call() {
    let leg = |id: &str, role: &str| json!({"id": id, "party": "+33140000001", "role": role, "state": "up", "codec": "pcma"});
    check(
        dto::Call::from(call(1, Some("alice"), Some("support"))),
        json!({
            "id": ONE, "state": "talking", "direction": "inbound", "from": "+33140000001", "to": "600",
            "queue": "support", "agent": "alice", "started_at": AT, "answered_at": AT, "ended_at": null,
            "legs": [leg("1", "caller"), leg("2", "agent")], "recording": "off",
            "timeline": [{"at": AT, "what": "answered"}]
        }),
    );
}

#[test]
fn a_cdr() {
    check(
        dto::Cdr::from(cdr(1, Some("alice"), None)),
        json!({
            "id": ONE, "from": "+33140000001", "to": "600", "started_at": AT, "answered_at": null,
            "ended_at": "2026-11-22T09:01:00.000Z", "outcome": "no_answer", "cause": "normal", "queue": null,
            "agent": "alice", "wait_seconds": 1.5, "talk_seconds": 60, "hold_seconds": 0, "wrap_up_seconds": 0,
            "disposition": null
        }),
    );
}

#[test]
fn lines() {
    check(
        dto::Registration::from(registration("1001")),
        json!({"number": "1001", "contact": "sip:1001@192.0.2.7", "flow": "udp:192.0.2.7:5060", "user_agent": null,
               "registered_at": AT, "expires_at": "2026-11-22T10:00:00.000Z"}),
    );
    let trunk = TrunkView {
        id: "carrier".to_string(),
        kind: "ip".to_string(),
        calls: 1,
        max_calls: 30,
        up: true,
        registered: Some(false),
        targets: vec![TargetView {
            address: "udp:192.0.2.77:5060".to_string(),
            up: true,
            round_trip: Some(std::time::Duration::from_millis(20)),
        }],
    };
    check(
        dto::Trunk::from(trunk),
        json!({"id": "carrier", "kind": "ip", "calls": 1, "max_calls": 30, "up": true, "registered": false,
               "targets": [{"address": "udp:192.0.2.77:5060", "up": true, "round_trip_seconds": 0.02}]}),
    );
}

fn words(words: &[impl serde::Serialize]) -> String {
    let texts: Vec<_> = words.iter().map(|word| serde_json::to_value(word).unwrap()).collect();
    texts.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_word_is_the_contracts() {
    assert_eq!(words(dto::AgentStatus::ALL), "logged_out paused ready ringing talking wrap_up unreachable");
    assert_eq!(
        words(dto::OfferState::ALL),
        "pending accepted rejected timeout cancelled rescinded wrapping completed"
    );
    assert_eq!(words(dto::OfferType::ALL), "inbound_queue callback_request campaign");
    assert_eq!(words(dto::CallState::ALL), "ringing queued talking held parked ended");
    assert_eq!(words(dto::Direction::ALL), "inbound outbound internal");
    assert_eq!(words(dto::LegRole::ALL), "caller agent party supervisor");
    assert_eq!(words(dto::LegState::ALL), "ringing up held ended");
    assert_eq!(words(dto::CdrOutcome::ALL), "answered abandoned busy no_answer cancelled rejected failed");
    assert_eq!(words(dto::EntryKind::ALL), "call callback");
}

#[test]
fn numbers_are_sane() {
    let seconds = |micros| serde_json::to_string(&dto::Seconds::from(Duration::from_micros(micros))).unwrap();
    assert_eq!(seconds(0), "0");
    assert_eq!(seconds(60_000_000), "60");
    assert_eq!(seconds(41_200_400), "41.2");
    assert_eq!(seconds(499), "0");
    assert_eq!(seconds(1_999_999_999), "2000");
    assert_eq!(seconds(100_001_000), "100.001");
    assert_eq!(
        serde_json::to_string(&dto::Seconds::from(Duration::MAX)).unwrap().parse::<f64>().unwrap().signum(),
        1.0
    );
    let ratio = |share| serde_json::to_string(&dto::Ratio::of(share)).unwrap();
    assert_eq!(ratio(Some(2.0 / 3.0)), "0.6667");
    assert_eq!(ratio(Some(0.0)), "0");
    assert_eq!(ratio(Some(1.0)), "1");
    assert_eq!(ratio(Some(f64::INFINITY)), "null");
    assert_eq!(serde_json::to_string(&dto::Time(Wall::from_micros(i64::MAX))).unwrap().len(), AT.len() + 2);
}

#[test]
fn hostile_names_stay_inside_their_strings() {
    let name = "\"},{\"id\":\"x\u{0}\u{1f}\r\n\ndata: x</script>\u{202e}";
    let body = serde_json::to_string(&dto::Offer::from(OfferView {
        name: Some(name.to_string()),
        ..offer(1, "alice", "support")
    }))
    .unwrap();
    assert!(!body.contains(['\r', '\n', '\0']));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["caller"]["name"], name);
}
