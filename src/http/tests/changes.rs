//! Asking the switch for changes: what reaches it, and how its refusals are told.

use crate::http::tests::client::Ask;
use crate::http::tests::client::Reply;
use crate::http::tests::fake::*;
use crate::ids::*;
use crate::record::AgentStatus;
use crate::record::QueueStatus;
use crate::switch::action::Action;
use crate::switch::action::RecordingAction;
use crate::switch::view::CallState;
use serde_json::json;

const ONE: &str = "00000000000000000000000001";

async fn put_status(bench: &Bench, key: &str, body: &str) -> Reply {
    bench.ask(Ask::new("PUT", "agents/alice/status").key(key).body(body)).await
}

async fn post(bench: &Bench, path: &str) -> Reply {
    bench.ask(Ask::new("POST", path).key("ops")).await
}

#[tokio::test]
async fn a_status_reaches_the_switch_as_it_was_asked() {
    let bench = Bench::new().await;
    let paused = |reason: Option<&str>| QueueStatus::Paused { reason: reason.map(str::to_string) };
    for (body, status, queues) in [
        (r#"{"status":"ready"}"#, QueueStatus::Ready, None),
        (r#"{"status":"logged_out","reason":null,"queues":null}"#, QueueStatus::LoggedOut, None),
        (r#"{"status":"paused","reason":"repas"}"#, paused(Some("repas")), None),
        (
            r#"{"status":"paused","queues":["support"],"campaigns":[]}"#,
            paused(None),
            Some(vec!["support".into()]),
        ),
    ] {
        let reply = put_status(&bench, "ops", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["id"], "alice");
        let agent = AgentId::new("alice");
        let expected = Action::SetAgentStatus { agent, status, queues, by: "ops".to_string() };
        assert_eq!(bench.last_action(), Some(expected));
    }
    put_status(&bench, "agent-alice", r#"{"status":"ready"}"#).await;
    assert!(matches!(bench.last_action(), Some(Action::SetAgentStatus { by, .. }) if by == "alice"));
}

#[tokio::test]
async fn a_status_that_waits_for_the_calls_end_is_202() {
    let bench = Bench::new().await;
    bench.world.lock().unwrap().agents[0].status = AgentStatus::Talking;
    let reply = put_status(&bench, "ops", r#"{"status":"paused","reason":"repas"}"#).await;
    assert_eq!(reply.status, 202);
    assert_eq!((&reply.json()["pending"], &reply.json()["status"]), (&json!("paused"), &json!("talking")));
}

#[tokio::test]
async fn a_wrong_status_points_at_the_field() {
    let bench = Bench::new().await;
    for (body, status, pointers) in [
        (r#"{"status":"busy"}"#, 422, vec!["/status"]),
        (r#"{}"#, 422, vec!["/status"]),
        (r#"{"status":"ready","reason":"repas"}"#, 422, vec!["/reason"]),
        (r#"{"status":"paused","reason":"sieste"}"#, 422, vec!["/reason"]),
        (r#"{"status":"ready","queues":[]}"#, 422, vec!["/queues"]),
        (r#"{"status":"ready","campaigns":[]}"#, 422, vec!["/campaigns"]),
        (r#"{"status":"ready","queues":["support",3]}"#, 422, vec!["/queues/1"]),
        (r#"{"status":"ready","queus":["support"]}"#, 422, vec!["/queus"]),
        (r#"{"status":1,"reason":2}"#, 422, vec!["/status", "/reason"]),
        (r#"["ready"]"#, 422, vec![""]),
        (r#"{"status":"#, 400, vec![""]),
        ("", 400, vec![""]),
    ] {
        let reply = put_status(&bench, "ops", body).await;
        reply.problem(status);
        assert_eq!(reply.pointers(), pointers, "{body}");
    }
    let form =
        Ask::new("PUT", "agents/alice/status").key("ops").header("Content-Type", "text/plain").body("{}");
    assert_eq!(bench.ask(form).await.problem(415), "unsupported_media_type");
    let campaign = put_status(&bench, "ops", r#"{"status":"ready","campaigns":["rappels"]}"#).await;
    assert_eq!(campaign.problem(501), "not_built");
    let body = r#"{"status":"ready"}"#;
    let nobody = bench.ask(Ask::new("PUT", "agents/nobody/status").key("ops").body(body)).await;
    assert_eq!(nobody.problem(404), "not_found");
}

#[tokio::test]
async fn refusals_of_the_switch_are_told() {
    let bench = Bench::new().await;
    assert_eq!(post(&bench, "agents/alice/end-wrap-up").await.problem(409), "not_in_wrap_up");
    bench.world.lock().unwrap().agents[0].status = AgentStatus::WrapUp;
    assert_eq!(post(&bench, "agents/alice/end-wrap-up").await.json()["status"], "wrap_up");
    let offer = |action: &str| format!("offers/{ONE}/{action}");
    assert_eq!(post(&bench, &offer("accept")).await.json()["state"], "accepted");
    assert_eq!(post(&bench, &offer("accept")).await.problem(409), "offer_not_pending");
    assert_eq!(post(&bench, &offer("reject")).await.problem(409), "offer_not_pending");
    for path in ["offers/none/accept", "offers/7ZZZZZZZZZZZZZZZZZZZZZZZZZ/reject", "calls/none/hangup"] {
        assert_eq!(post(&bench, path).await.problem(404), "not_found", "{path}");
    }
}

#[tokio::test]
async fn a_call_is_hung_up() {
    let bench = Bench::new().await;
    let reply = post(&bench, &format!("calls/{ONE}/hangup")).await;
    assert_eq!((reply.status, &reply.json()["state"]), (200, &json!("ended")));
    let expected = Action::HangUp { call: call_id(1), by: "ops".to_string() };
    assert_eq!(bench.last_action(), Some(expected));
    assert_eq!(bench.world.lock().unwrap().calls[0].state, CallState::Ended);
}

#[tokio::test]
async fn a_recording_is_paused_by_who_may() {
    let bench = Bench::new().await;
    let path = format!("calls/{ONE}/recording");
    let ask = |key: &str, action: &str| {
        Ask::new("POST", &path).key(key).body(&format!(r#"{{"action":"{action}"}}"#))
    };
    let reply = bench.ask(ask("ops", "pause")).await;
    assert_eq!((reply.status, &reply.json()["recording"]), (200, &json!("paused")));
    assert_eq!(bench.ask(ask("agent-alice", "resume")).await.json()["recording"], "on");
    // Who has no right over calls as such is bound to what the configuration lets agents do.
    let expected = Action::Record {
        call: call_id(1),
        what: RecordingAction::Resume,
        is_agent: true,
        by: "alice".to_string(),
    };
    assert_eq!(bench.last_action(), Some(expected));
    assert_eq!(bench.ask(ask("ops", "rewind")).await.problem(422), "invalid");
}

#[tokio::test]
async fn a_caller_is_moved_and_removed() {
    let bench = Bench::new().await;
    let path = format!("queues/support/callers/{ONE}");
    let patch = |body: &str| Ask::new("PATCH", &path).key("ops").body(body);
    let reply = bench.ask(patch(r#"{"queue":"sales","position":3,"priority":-2}"#)).await;
    assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(ONE)));
    let expected = Action::MoveCaller {
        queue: "support".into(),
        caller: EntryUid::from_u128(1),
        to_queue: Some("sales".into()),
        position: Some(3),
        priority: Some(-2),
        by: "ops".to_string(),
    };
    assert_eq!(bench.last_action(), Some(expected));
    for (body, pointer) in [
        ("{}", ""),
        (r#"{"position":0}"#, "/position"),
        (r#"{"position":1.5}"#, "/position"),
        (r#"{"position":4294967296}"#, "/position"),
        (r#"{"priority":"high"}"#, "/priority"),
        (r#"{"priority":99999999999999999999}"#, "/priority"),
        (r#"{"queue":""}"#, "/queue"),
    ] {
        let reply = bench.ask(patch(body)).await;
        reply.problem(422);
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    let removed = bench.ask(Ask::new("DELETE", &path).key("ops")).await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    let none =
        bench.ask(Ask::new("DELETE", &format!("queues/support/callers/{}", call_id(9))).key("ops")).await;
    assert_eq!(none.problem(404), "not_found");
    assert_eq!(bench.get("queues/support/callers", "ops").await.ids("id"), [ONE]);
    assert_eq!(bench.get("queues/none/callers", "ops").await.problem(404), "not_found");
}

#[tokio::test]
async fn a_repeated_post_does_nothing_again() {
    let bench = Bench::new().await;
    let accept = |key: &str, body: &str| {
        Ask::new("POST", &format!("offers/{ONE}/accept")).key(key).header("Idempotency-Key", "one").body(body)
    };
    let first = bench.ask(accept("ops", "{}")).await;
    let again = bench.ask(accept("ops", "{}")).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(again.header("cache-control"), "no-store");
    assert_eq!(bench.actions(), 1);
    assert_eq!(bench.ask(accept("ops", "{ }")).await.problem(422), "idempotency_key_reused");
    assert_eq!(
        bench.ask(accept("only-call:control", "{}")).await.problem(409),
        "offer_not_pending",
        "another client"
    );
    let again = bench.ask(accept("only-call:control", "{}")).await;
    assert_eq!(
        (again.problem(409).as_str(), again.header("idempotent-replayed")),
        ("offer_not_pending", "true")
    );
    for bad in ["", "é", &"x".repeat(256)] {
        let ask = Ask::new("POST", &format!("offers/{ONE}/reject")).key("ops").header("Idempotency-Key", bad);
        assert_eq!(bench.ask(ask).await.problem(400), "bad_idempotency_key", "{bad:?}");
    }
}

#[tokio::test]
async fn a_busy_switch_frees_the_idempotency_key() {
    let bench = Bench::new().await;
    let ask = || Ask::new("POST", &format!("calls/{ONE}/hangup")).key("ops").header("Idempotency-Key", "k");
    bench.world.lock().unwrap().calls.clear();
    assert_eq!(bench.ask(ask()).await.problem(404), "not_found");
    assert_eq!(bench.ask(ask()).await.header("idempotent-replayed"), "true", "a refusal is an answer");
    bench.switch.abort();
    let other = Ask::new("POST", "agents/alice/end-wrap-up").key("ops").header("Idempotency-Key", "k");
    for _ in 0..2 {
        let reply = bench.ask(other.clone()).await;
        assert_eq!((reply.problem(503).as_str(), reply.header("idempotent-replayed")), ("busy", ""));
        assert_eq!(reply.header("retry-after"), "1");
    }
}
