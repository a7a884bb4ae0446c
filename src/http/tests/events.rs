//! The event stream: snapshot, order, resumption, gaps, what narrowed keys see, and its end.

use crate::http::Limits;
use crate::http::Scope;
use crate::http::tests::client::Ask;
use crate::http::tests::client::Events;
use crate::http::tests::fake::*;
use crate::record::EntryKind;
use crate::switch::view::CallerView;
use crate::switch::view::OfferState;
use crate::switch::view::OfferView;
use crate::switch::view::Subject;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

async fn open(bench: &Bench, key: &str) -> Events {
    Events::open(bench.server, Ask::new("GET", "events").key(key)).await
}

async fn resume(bench: &Bench, last: &str) -> Events {
    Events::open(bench.server, Ask::new("GET", "events").key("ops").header("Last-Event-ID", last)).await
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn about(agent: &str, queue: &str) -> Subject {
    Subject::Offer(offer(7, agent, queue))
}

#[tokio::test]
async fn first_the_snapshot_then_every_change() {
    let bench = Bench::new().await;
    let over = OfferView { state: OfferState::Completed, ..offer(9, "alice", "support") };
    bench.world.lock().unwrap().offers.push(over);
    let mut events = open(&bench, "ops").await;
    assert_eq!(events.headers["cache-control"], "no-store");
    let snapshot = events.next().await.unwrap();
    assert_eq!((snapshot.name.as_str(), snapshot.id), ("snapshot", Some(100)));
    assert_eq!(snapshot.data["sequence"], 100);
    assert_eq!(snapshot.data["at"], "2026-11-22T09:00:00.000Z");
    assert_eq!(ids(&snapshot.data["agents"]), ["alice", "bruno", "carla"]);
    assert_eq!(ids(&snapshot.data["queues"]), ["support", "sales"]);
    assert_eq!(snapshot.data["offers"].as_array().unwrap().len(), 2, "an offer that is over is none");
    assert_eq!(snapshot.data["calls"].as_array().unwrap().len(), 3);

    let callback = CallerView { kind: EntryKind::Callback, call: None, ..caller(2) };
    for (kind, subject, name) in [
        ("offer.accepted", about("alice", "support"), "offer"),
        ("agent.status", Subject::Agent(agent("alice", &["support"])), "agent"),
        ("queue.card", Subject::Queue(queue("support", &[])), "queue"),
        ("call.talking", Subject::Call(call(1, None, None)), "call"),
        ("caller.entered", Subject::Caller("support".into(), caller(1)), "caller"),
        ("callback.entered", Subject::Caller("support".into(), callback), "callback"),
        ("registration.added", Subject::Registration(registration("1001")), "registration"),
        ("strange", Subject::Registration(registration("1001")), "registration"),
    ] {
        let sequence = bench.tell(kind, subject);
        let event = events.next().await.unwrap();
        assert_eq!((event.name.as_str(), event.id), (name, Some(sequence)));
        assert_eq!((&event.data["sequence"], &event.data["type"]), (&json!(sequence), &json!(kind)));
        assert_eq!(event.data["at"], "2026-11-22T09:00:00.000Z");
        assert!(event.data[name].is_object(), "{event:?}");
        if matches!(name, "caller" | "callback") {
            assert_eq!(event.data["queue"], "support");
        }
    }
}

#[tokio::test]
async fn a_stream_that_comes_back_goes_on_where_it_was() {
    let bench = Bench::new().await;
    let mut events = open(&bench, "ops").await;
    assert_eq!(events.next().await.unwrap().name, "snapshot");
    let first = bench.tell("offer.made", about("alice", "support"));
    assert_eq!(events.next().await.unwrap().id, Some(first));
    drop(events);
    let missed = bench.tell("offer.rejected", about("alice", "support"));
    let mut events = resume(&bench, &first.to_string()).await;
    assert_eq!(events.next().await.unwrap().id, Some(missed), "no snapshot, nothing twice");
    let next = bench.tell("offer.made", about("alice", "support"));
    assert_eq!(events.next().await.unwrap().id, Some(next));
}

#[tokio::test]
async fn where_events_are_gone_the_snapshot_comes_again() {
    let bench = Bench::with(Limits { notices_max: 3, ..unlimited() }, true).await;
    let mut events = open(&bench, "ops").await;
    events.next_of("snapshot").await;
    for _ in 0..5 {
        let sequence = bench.tell("offer.made", about("alice", "support"));
        assert_eq!(events.next().await.unwrap().id, Some(sequence));
    }
    for last in ["101", "0", "999", "-1", "x", "99999999999999999999"] {
        let mut events = resume(&bench, last).await;
        let first = events.next().await.unwrap();
        assert_eq!((first.name.as_str(), first.id), ("snapshot", Some(105)), "after {last}");
    }
    let mut events = resume(&bench, " 102 ").await;
    assert_eq!(events.next().await.unwrap().id, Some(103), "the ring still has three");
}

#[tokio::test]
async fn a_reader_who_falls_behind_is_dropped() {
    let bench = Bench::with(Limits { notices_max: 4, ..unlimited() }, true).await;
    let mut events = open(&bench, "ops").await;
    events.next_of("snapshot").await;
    // Told in one go: the stream cannot read in between.
    for _ in 0..100 {
        bench.tell("offer.made", about("alice", "support"));
    }
    let mut last = 100;
    while let Some(event) = events.next().await {
        assert_eq!(event.id, Some(last + 1), "what is sent has no gap");
        last += 1;
    }
    assert!(last < 200, "he was not dropped");
    let mut again = resume(&bench, &last.to_string()).await;
    assert_eq!(again.next().await.unwrap().name, "snapshot");
}

#[tokio::test]
async fn a_silent_stream_beats() {
    let bench = Bench::with(Limits { heartbeat: Duration::from_millis(10), ..unlimited() }, true).await;
    let mut events = open(&bench, "agent-alice").await;
    events.next_of("snapshot").await;
    for _ in 0..3 {
        let beat = events.next().await.unwrap();
        assert_eq!((beat.comment.as_str(), beat.id), ("heartbeat", None));
        // What is not for this key does not count as a sign of life.
        bench.tell("offer.made", about("carla", "sales"));
    }
}

#[tokio::test]
async fn a_narrowed_key_hears_of_its_own_things_only() {
    let bench = Bench::new().await;
    for (key, agents, queues, offers, calls, heard) in [
        ("agent-alice", vec!["alice"], vec![], 1, 1, "offer/1 agent"),
        ("alice-all", vec!["alice"], vec!["support"], 1, 1, "offer/1 queue/support caller agent"),
        (
            "support-all",
            vec!["alice", "bruno"],
            vec!["support"],
            1,
            1,
            "offer/1 queue/support caller agent agent",
        ),
        ("only-call:control", vec![], vec![], 0, 3, "call"),
        (
            "only-queue:read",
            vec!["alice", "bruno", "carla"],
            vec!["support", "sales"],
            2,
            3,
            "all but registrations",
        ),
    ] {
        let mut events = open(&bench, key).await;
        let snapshot = events.next_of("snapshot").await.data;
        assert_eq!(ids(&snapshot["agents"]), agents, "{key}");
        assert_eq!(ids(&snapshot["queues"]), queues, "{key}");
        assert_eq!(snapshot["offers"].as_array().unwrap().len(), offers, "{key}");
        assert_eq!(snapshot["calls"].as_array().unwrap().len(), calls, "{key}");
        bench.tell("offer.made", Subject::Offer(offer(1, "alice", "support")));
        bench.tell("offer.made", Subject::Offer(offer(2, "carla", "sales")));
        bench.tell("queue.card", Subject::Queue(queue("support", &["alice"])));
        bench.tell("queue.card", Subject::Queue(queue("sales", &["carla"])));
        bench.tell("caller.entered", Subject::Caller("support".into(), caller(1)));
        bench.tell("caller.entered", Subject::Caller("sales".into(), caller(2)));
        bench.tell("agent.status", Subject::Agent(agent("alice", &["support"])));
        bench.tell("agent.status", Subject::Agent(agent("bruno", &["support", "sales"])));
        bench.tell("registration.added", Subject::Registration(registration("1001")));
        let end = bench.tell("call.talking", Subject::Call(call(1, Some("alice"), Some("support"))));
        let mut names = Vec::new();
        loop {
            let event = events.next().await.unwrap();
            assert!(
                !event.data.to_string().contains("carla") || key == "only-queue:read",
                "{key}: {event:?}"
            );
            if event.id == Some(end) {
                break;
            }
            names.push(match event.name.as_str() {
                "offer" => {
                    format!("offer/{}", event.data["offer"]["id"].as_str().unwrap().trim_start_matches('0'))
                }
                "queue" => format!("queue/{}", event.data["queue"]["id"].as_str().unwrap()),
                name => name.to_string(),
            });
            if key == "support-all" && event.name == "agent" {
                assert_eq!(event.data["agent"]["queues"].as_array().unwrap().len(), 1, "{event:?}");
            }
        }
        match key {
            "only-call:control" => assert_eq!(names, [""; 0]),
            "only-queue:read" => assert_eq!(names.len(), 8),
            _ => assert_eq!(names.join(" "), heard, "{key}"),
        }
    }
}

#[tokio::test]
async fn streams_end_when_the_keys_change_and_when_the_server_stops() {
    let bench = Bench::new().await;
    let mut events = open(&bench, "ops").await;
    events.next_of("snapshot").await;
    bench.keys.replace(vec![key("new", Scope::ALL, None, None)]);
    assert_eq!(events.next().await, None);
    assert_eq!(bench.get("agents", "ops").await.status, 401);
    let mut events = open(&bench, "new").await;
    events.next_of("snapshot").await;
    bench.stop().await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn streams_are_counted() {
    let bench = Bench::with(Limits { streams_max: 1, ..unlimited() }, true).await;
    let mut first = open(&bench, "ops").await;
    first.next_of("snapshot").await;
    assert_eq!(bench.get("events", "ops").await.problem(503), "too_many_streams");
    assert_eq!(bench.get("agents", "ops").await.status, 200);
}
