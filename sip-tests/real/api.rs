//! The HTTP interface while calls run: status, offers, callers, calls, events, rights, figures.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::CALLER_HZ;
use crate::real::baresip::Account;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::hears;
use crate::real::http::Event;
use crate::real::party::Party;
use crate::real::sipp_address;
use crate::real::sound;
use crate::real::switch::READ_KEY;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use crate::real::wait;
use serde_json::Value;
use serde_json::json;

fn set(switch: &Switch, body: &Value) -> (u16, Value) {
    let answer = switch.api.request("PUT", "/api/v1/agents/alice/status", Some(body));
    (answer.status, answer.json())
}

#[test]
fn an_agents_calls_by_http() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let mut alice = Baresip::registered(&switch, &Account { answers: false, ..ALICE });
    switch.agent_is("alice", "ready");

    // A pause: no offer comes. A reason that is not configured is refused.
    let (status, agent) = set(&switch, &json!({"status": "paused", "reason": "repas"}));
    assert_eq!((status, &agent["status"], &agent["reason"]), (200, &json!("paused"), &json!("repas")));
    assert!((400..500).contains(&set(&switch, &json!({"status": "paused", "reason": "sieste"})).0));
    let voice = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "600", &voice, 2);
    wait::until_true("both wait", || switch.api.list("/queues/support/callers").len() == 2);
    assert!(switch.api.list("/offers").is_empty());
    for call in callers.calls() {
        voice.speak_to(call.port);
    }

    // The second is removed by a supervisor: his call ends.
    let waiting = switch.api.list("/queues/support/callers");
    assert_eq!((&waiting[0]["position"], &waiting[0]["kind"]), (&json!(1), &json!("call")), "{waiting:?}");
    let path = format!("/api/v1/queues/support/callers/{}", waiting[1]["id"].as_str().expect("an id"));
    assert_eq!(switch.api.request("DELETE", &path, None).status, 204);
    assert_eq!(switch.api.request("DELETE", &path, None).status, 404);
    wait::until_true("he was hung up on", || callers.logged("was_hung_up") == 1);

    // Ready: the first is offered to her, and she lifts the receiver.
    assert_eq!(set(&switch, &json!({"status": "ready"})).0, 200);
    alice.wait_for("CALL_INCOMING", 1);
    let offer = wait::until("the offer is listed", || {
        switch.api.list("/offers").into_iter().find(|offer| offer["state"] == "pending")
    });
    let said = json!([offer["agent"], offer["queue"], offer["type"], offer["caller"]["number"]]);
    assert_eq!(said, json!(["alice", "support", "inbound_queue", "+33140000001"]), "{offer}");
    alice.accept();
    alice.hears(CALLER_HZ);
    let hears_her = |heard: &Vec<i16>| sound::ends_with(heard, ALICE_HZ);
    wait::until_true("the caller hears her", || voice.all_heard().values().any(hears_her));
    let state = switch.api.get(&format!("/offers/{}", offer["id"].as_str().expect("an id")));
    assert_eq!(state["state"], "accepted", "{state}");

    // A pause asked for in the call waits for its end; the call is ended by the interface.
    let (status, agent) = set(&switch, &json!({"status": "paused", "reason": "repas"}));
    assert_eq!((status, &agent["status"]), (202, &json!("talking")), "{agent}");
    assert!(!agent["pending"].is_null(), "{agent}");
    let call = offer["call"].as_str().expect("an offer has a call");
    assert_eq!(switch.api.request("POST", &format!("/api/v1/calls/{call}/hangup"), None).status, 200);
    callers.finish_well(2);
    assert_eq!(callers.logged("was_hung_up"), 2);
    alice.wait_for("CALL_CLOSED", 1);
    switch.calls_end();
    switch.agent_is("alice", "paused");
    switch.today_is("support", &[("entered", 2), ("handled", 1), ("evicted_user", 1), ("abandoned", 0)]);
    switch.stop();
}

#[test]
fn an_offer_is_rejected_by_http() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let alice = Baresip::registered(&switch, &Account { answers: false, ..ALICE });
    let voice = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = callers.call();
    alice.wait_for("CALL_INCOMING", 1);
    let pending = || switch.api.list("/offers").into_iter().find(|offer| offer["state"] == "pending");
    let offer = wait::until("the offer is listed", pending);
    let path = format!("/api/v1/offers/{}", offer["id"].as_str().expect("an id"));
    let answer = switch.api.request("POST", &format!("{path}/reject"), None);
    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("rejected")), "{answer:?}");
    let again = switch.api.request("POST", &format!("{path}/reject"), None);
    assert_eq!(again.status, 409, "{again:?}");
    alice.wait_for("CALL_CLOSED", 1);
    // A pause while it rings, if it rings again, takes the offer away; the caller waits on.
    assert_eq!(set(&switch, &json!({"status": "paused", "reason": "repas"})).0, 200);
    wait::until_true("no phone rings", || alice.count("CALL_INCOMING") == alice.count("CALL_CLOSED"));
    assert_eq!(switch.api.list("/queues/support/callers").len(), 1);
    callers.hang_up(&call);
    callers.finish_well(1);
    switch.calls_end();
    switch.today_is("support", &[("entered", 1), ("abandoned", 1)]);
    switch.stop();
}

#[test]
fn events_come_in_order_and_go_on_after_the_last_one_seen() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let mut events = switch.api.events(None);
    let snapshot = events.next();
    assert_eq!(
        (snapshot.name.as_str(), snapshot.data["calls"].as_array().map(Vec::len)),
        ("snapshot", Some(0))
    );
    let alice = Baresip::registered(&switch, &ALICE);
    let voice = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = callers.call();
    voice.speak_to(call.port);
    alice.hears(CALLER_HZ);
    hears(&voice, call.port, ALICE_HZ);
    let begun = events.until("she talks", |event| event.kind() == "agent.talking");
    drop(events);
    callers.hang_up(&call);
    callers.finish_well(1);
    switch.calls_end();

    // What happened while nobody watched is told after the last event seen.
    let last = &begun.last().expect("there was an event").id;
    let mut rest = switch.api.events(Some(last));
    let ended = rest.until("she is ready again", |event| event.kind() == "agent.ready");
    assert!(ended.iter().all(|event| event.name != "snapshot"), "resumed without a snapshot");
    let all: Vec<&Event> = begun.iter().chain(&ended).collect();
    let sequences: Vec<_> =
        all.iter().map(|event| event.data["sequence"].as_u64().expect("a number")).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    assert!(all.iter().all(|event| event.data["sequence"].as_u64() == event.id.parse().ok()));
    assert!(all.iter().all(|event| event.kind().starts_with(&format!("{}.", event.name))));
    assert!(all.iter().all(|event| event.data[&event.name].is_object()), "each holds its thing");
    in_order(&all, &["registration.", "agent.ready", "call.queued", "offer.pending", "agent.ringing"]);
    in_order(&all, &["offer.pending", "offer.accepted", "offer.completed"]);
    in_order(&all, &["call.queued", "call.talking", "call.ended"]);
    in_order(&all, &["agent.ready", "agent.ringing", "agent.talking", "agent.ready"]);
    switch.stop();
}

/// Events of these kinds (or beginnings of kinds) come in this order, others between them.
fn in_order(all: &[&Event], kinds: &[&str]) {
    let mut rest = all.iter();
    for kind in kinds {
        let seen: Vec<_> = all.iter().map(|event| event.kind()).collect();
        assert!(
            rest.any(|event| event.kind().starts_with(kind)),
            "no {kind} in its place of {kinds:?}: {seen:?}"
        );
    }
}

#[test]
fn rights_documents_and_figures() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let status = |key: &str, verb: &str, path: &str, body: Option<&Value>| {
        let answer = switch.api.with_key(key).request(verb, path, body);
        if answer.status >= 400 {
            assert!(answer.head.to_lowercase().contains("application/problem+json"), "{answer:?}");
            assert!(
                answer.json()["code"].is_string() && answer.json()["status"] == answer.status,
                "{answer:?}"
            );
        }
        answer.status
    };
    let pause = json!({"status": "paused", "reason": "repas"});
    assert_eq!(status("", "GET", "/api/v1/queues", None), 401);
    assert_eq!(status("nobody's key", "GET", "/api/v1/queues", None), 401);
    assert_eq!(status(READ_KEY, "GET", "/api/v1/queues", None), 200);
    assert_eq!(status(READ_KEY, "PUT", "/api/v1/agents/alice/status", Some(&pause)), 403);
    assert_eq!(status(READ_KEY, "POST", "/api/v1/calls/01M826XJFCNKDKRZ18H3PV2208/hangup", None), 403);
    let ops = crate::real::switch::OPS_KEY;
    assert_eq!(status(ops, "GET", "/api/v1/calls/01M826XJFCNKDKRZ18H3PV2208", None), 404);
    assert_eq!(status(ops, "PUT", "/api/v1/agents/nobody/status", Some(&pause)), 404);
    assert_eq!(status(ops, "GET", "/api/v1/nothing", None), 404);
    assert_eq!(status("", "GET", "/healthz", None), 200);
    assert_eq!(status("", "GET", "/readyz", None), 200);

    let document = switch.api.get("/openapi.json");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(
        document["paths"].as_object().is_some_and(|paths| paths.contains_key("/api/v1/queues/{id}/callers"))
    );

    // Three callers come and go: the card, the metrics and SIPp agree.
    let voice = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "600", &voice, 3);
    wait::until_true("three wait", || switch.api.list("/queues/support/callers").len() == 3);
    assert!(switch.api.metric("strowger_queue_waiting{kind=\"call\",queue=\"support\"}") == 3.0);
    for call in callers.calls() {
        callers.hang_up(&call);
    }
    let (gone, failed) = callers.finish();
    assert_eq!((gone, failed), (3, 0));
    switch.calls_end();
    switch.today_is("support", &[("entered", gone), ("abandoned", gone)]);
    let counts = [
        ("strowger_queue_entered_total{queue=\"support\"}", gone),
        ("strowger_queue_left_total{outcome=\"abandoned\",queue=\"support\"}", gone),
        ("strowger_queue_waiting{kind=\"call\",queue=\"support\"}", 0),
        ("strowger_queue_unbalanced{queue=\"support\"}", 0),
        ("strowger_calls_started_total{direction=\"inbound\"}", gone),
        ("strowger_calls_total{direction=\"inbound\",outcome=\"abandoned\"}", gone),
    ];
    for (line, count) in counts {
        assert_eq!(switch.api.metric(line) as u64, count, "{line}");
    }
    let text = switch.api.request("GET", "/metrics", None).body;
    assert!(!text.contains("+33140000001"), "a number is no label");
    assert!(text.contains("strowger_queue_unbalanced{queue=\"support\"} 0"), "the balance is exported");
    switch.stop();
}
