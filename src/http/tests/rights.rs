//! Who may ask what: each route against no key, a strange key, each scope alone, and keys narrowed to an agent or a queue.

use crate::http::Scope;
use crate::http::route::Access;
use crate::http::route::Gives;
use crate::http::route::Route;
use crate::http::route::Verb;
use crate::http::routes::ROUTES;
use crate::http::tests::client::Ask;
use crate::http::tests::client::Events;
use crate::http::tests::fake::*;
use crate::switch::action::Action;

/// The contract's table, route by route.
const CONTRACT: &str = "
    GET /healthz
    GET /readyz
    GET /metrics
    POST session
    DELETE session
    POST session/phone
    GET agents
    GET agents/{id}
    GET agents/me
    PUT agents/{id}/status
    POST agents/{id}/end-wrap-up
    GET queues
    GET queues/{id}
    GET queues/{id}/callers
    PATCH queues/{id}/callers/{caller}
    DELETE queues/{id}/callers/{caller}
    GET offers
    GET offers/{id}
    POST offers/{id}/accept
    POST offers/{id}/reject
    GET calls
    GET calls/{id}
    GET calls/{id}/trace
    GET trace
    POST calls
    POST calls/{id}/hold
    POST calls/{id}/resume
    POST calls/{id}/mute
    POST calls/{id}/unmute
    POST calls/{id}/dtmf
    POST calls/{id}/hangup
    POST calls/{id}/transfer
    POST calls/{id}/transfer/complete
    POST calls/{id}/transfer/cancel
    POST calls/{id}/parties
    DELETE calls/{id}/parties/{leg}
    POST calls/{id}/park
    GET parking
    POST parking/{slot}/retrieve
    POST calls/{id}/clip
    POST calls/{id}/recording
    POST calls/{id}/supervise
    PATCH calls/{id}
    GET contacts
    POST contacts
    GET contacts/{id}
    PATCH contacts/{id}
    DELETE contacts/{id}
    GET contacts/{id}/history
    GET clips
    POST clips
    GET clips/{id}
    PATCH clips/{id}
    DELETE clips/{id}
    GET clips/{id}/audio
    PUT clips/{id}/audio
    POST clips/{id}/record
    GET speed-dials
    POST speed-dials
    DELETE speed-dials
    GET canned-texts
    POST canned-texts
    DELETE canned-texts
    POST queues/{id}/callbacks
    GET callbacks
    DELETE callbacks/{id}
    GET campaigns
    POST campaigns
    GET campaigns/{id}
    GET campaigns/{id}/entries
    POST campaigns/{id}/start
    POST campaigns/{id}/pause
    POST campaigns/{id}/stop
    GET agents/{id}/activity
    GET recordings
    GET recordings/{id}/audio
    DELETE recordings/{id}
    GET cdrs
    GET reports/queues
    GET reports/agents
    GET registrations
    GET trunks
    GET decisions/{offer}
    GET events
    GET openapi.json
";

const ONE: &str = "00000000000000000000000001";

/// A request to the route about things that the fixtures have, and that alice may touch.
fn example(route: &Route) -> Ask {
    let path = route.path.replace("agents/{id}", "agents/alice").replace("queues/{id}", "queues/support");
    let path = path
        .split('/')
        .map(|part| if part.starts_with('{') { ONE } else { part })
        .collect::<Vec<_>>()
        .join("/");
    let ask = Ask::new(route.verb.as_str(), &path);
    match route.takes {
        Some("StatusChange") => ask.body(r#"{"status":"ready"}"#),
        Some("NewParty") => ask.body(r#"{"to":"1003"}"#),
        Some("Supervise") => ask.body(r#"{"phone":"1004","mode":"whisper"}"#),
        Some("Digits") => ask.body(r#"{"digits":"12#"}"#),
        Some("CallerChange") => ask.body(r#"{"position":1}"#),
        Some("RecordingChange") => ask.body(r#"{"action":"pause"}"#),
        _ if route.verb.has_body() => ask.body("{}"),
        _ => ask,
    }
}

/// The status of the request; of an event stream, only that it began.
async fn status(bench: &Bench, route: &Route, ask: Ask, expects_stream: bool) -> u16 {
    if route.streams && expects_stream {
        Events::open(bench.server, ask).await;
        return 200;
    }
    bench.ask(ask).await.status
}

fn scopes(access: Access) -> &'static [Scope] {
    match access {
        Access::Open => &[],
        Access::OpenOnLoopback(scopes) | Access::AnyOf(scopes) => scopes,
    }
}

fn success(route: &Route) -> &'static [u16] {
    if route.gives == Gives::NotBuilt {
        return &[501];
    }
    // The fixtures' alice is not in wrap-up, and her offer can be taken only once.
    if route.path.ends_with("wrap-up") {
        return &[409];
    }
    if route.path.contains("/offers/") {
        return &[200, 409];
    }
    // There are no recordings here.
    if route.path.contains("/recordings/") {
        return &[404];
    }
    if route.gives == Gives::Nothing { &[204] } else { &[200] }
}

#[test]
fn every_route_of_the_contract_is_in_the_table() {
    for line in CONTRACT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (verb, path) = line.split_once(' ').unwrap();
        let path = if path.starts_with('/') { path.to_string() } else { format!("/api/v1/{path}") };
        let found = ROUTES.iter().filter(|route| route.verb.as_str() == verb && route.path == path).count();
        assert_eq!(found, 1, "{line}");
    }
}

#[test]
fn the_table_is_sound() {
    for route in ROUTES {
        let twins = ROUTES.iter().filter(|other| other.path == route.path && other.verb == route.verb);
        assert_eq!(twins.count(), 1, "{} twice", route.label());
        assert!(route.what.ends_with('.'), "{}", route.label());
        if let Access::AnyOf(scopes) = route.access {
            assert!(!scopes.is_empty(), "{}", route.label());
        }
        let is_open = route.access == Access::Open;
        let open = ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/v1/session"];
        assert_eq!(is_open, open.contains(&route.path) && route.verb != Verb::Delete, "{}", route.label());
        let reads = scopes(route.access).iter().any(|s| matches!(s, Scope::QueueRead | Scope::RecordingRead));
        assert!(
            !reads || route.verb == Verb::Get || scopes(route.access).len() == Scope::ALL.len(),
            "{}",
            route.label()
        );
    }
}

#[tokio::test]
async fn a_key_opens_the_routes_of_its_scopes_and_no_other() {
    let bench = Bench::with(unlimited(), false).await;
    for route in ROUTES {
        let ask = example(route);
        let label = route.label();
        if route.access == Access::Open {
            assert!(success(route).contains(&bench.ask(ask).await.status), "{label}");
            continue;
        }
        let nobody = bench.ask(ask.clone()).await;
        assert_eq!(nobody.problem(401), "unauthorized", "{label}");
        assert_eq!(nobody.header("www-authenticate"), r#"Bearer realm="strowger""#, "{label}");
        let stranger = bench.ask(ask.clone().key("guess")).await;
        assert_eq!(stranger.problem(401), "unauthorized", "{label}");
        assert!(stranger.header("www-authenticate").contains("invalid_token"), "{label}");
        assert_eq!(bench.ask(ask.clone().key("nothing")).await.problem(403), "forbidden", "{label}");
        for scope in Scope::ALL {
            let may = scopes(route.access).contains(scope);
            let status =
                status(&bench, route, ask.clone().key(&format!("only-{}", scope.as_str())), may).await;
            if may {
                assert!(success(route).contains(&status), "{label} with {scope:?}: {status}");
            } else {
                assert_eq!(status, 403, "{label} with {scope:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_bearer_scheme_is_read_by_the_rules() {
    let bench = Bench::new().await;
    for (value, status) in [
        ("Bearer ops", 200),
        ("bearer  ops ", 200),
        ("ops", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic b3BzOg==", 401),
        ("Bearer ops,ops", 401),
        ("Bearer \u{ff}", 401),
    ] {
        let ask = Ask::new("GET", "agents").header("Authorization", value);
        assert_eq!(bench.ask(ask).await.status, status, "{value:?}");
    }
}

#[tokio::test]
async fn a_key_of_an_agent_sees_him_alone() {
    let bench = Bench::new().await;
    for key in ["agent-alice", "alice-all"] {
        assert_eq!(bench.get("agents", key).await.ids("id"), ["alice"]);
        assert_eq!(bench.get("agents/me", key).await.json()["id"], "alice");
        assert_eq!(bench.get("agents/bruno", key).await.problem(404), "not_found");
        assert_eq!(bench.get("agents/nobody", key).await.problem(404), "not_found");
        assert_eq!(bench.get("offers", key).await.ids("agent"), ["alice"]);
        assert_eq!(bench.get(&format!("offers/{}", ulid(2)), key).await.problem(404), "not_found");
        assert_eq!(bench.get("calls", key).await.ids("agent"), ["alice"]);
        assert_eq!(bench.get(&format!("calls/{}", ulid(2)), key).await.problem(404), "not_found");
        assert_eq!(bench.get(&format!("calls/{}", ulid(3)), key).await.problem(404), "not_found");
        for (verb, path) in [
            ("PUT", "agents/bruno/status".to_string()),
            ("POST", "agents/bruno/end-wrap-up".to_string()),
            ("POST", format!("offers/{}/accept", ulid(2))),
            ("POST", format!("offers/{}/reject", ulid(2))),
            ("POST", format!("calls/{}/hangup", ulid(2))),
        ] {
            let ask = Ask::new(verb, &path).key(key).body(r#"{"status":"ready"}"#);
            assert_eq!(bench.ask(ask).await.problem(404), "not_found", "{verb} {path}");
        }
    }
    assert_eq!(bench.get("queues", "agent-alice").await.problem(403), "forbidden");
    assert_eq!(bench.get("queues", "alice-all").await.ids("id"), ["support"], "the queues that she works in");
    assert_eq!(bench.get("queues/sales", "alice-all").await.problem(404), "not_found");
    assert_eq!(bench.get("queues/sales/callers", "alice-all").await.problem(404), "not_found");
    assert_eq!(bench.get("registrations", "alice-all").await.ids("number"), ["1001"]);
    assert_eq!(bench.get("trunks", "alice-all").await.ids("id"), [""; 0]);
    assert_eq!(
        bench.get("agents/me", "ops").await.problem(403),
        "forbidden",
        "worth nothing without an agent"
    );
    assert_eq!(bench.actions(), 0, "nothing reached the switch");
}

#[tokio::test]
async fn a_key_of_a_queue_sees_what_belongs_to_it() {
    let bench = Bench::new().await;
    let key = "support-all";
    assert_eq!(bench.get("agents", key).await.ids("id"), ["alice", "bruno"]);
    let bruno = bench.get("agents/bruno", key).await.json();
    assert_eq!(bruno["queues"].as_array().unwrap().len(), 1, "his state in sales is not shown: {bruno}");
    assert_eq!(bench.get("queues", key).await.ids("id"), ["support"]);
    assert_eq!(bench.get("offers", key).await.ids("queue"), ["support"]);
    assert_eq!(bench.get("calls", key).await.ids("queue"), ["support"]);
    assert_eq!(bench.get("registrations", key).await.ids("number"), ["1001"]);
    assert_eq!(bench.get("trunks", key).await.ids("id"), [""; 0]);
    for (verb, path) in [
        ("GET", "agents/carla".to_string()),
        ("PUT", "agents/carla/status".to_string()),
        ("POST", "agents/carla/end-wrap-up".to_string()),
        ("GET", "queues/sales".to_string()),
        ("GET", "queues/sales/callers".to_string()),
        ("PATCH", format!("queues/sales/callers/{}", ulid(1))),
        ("DELETE", format!("queues/sales/callers/{}", ulid(1))),
        ("GET", format!("offers/{}", ulid(2))),
        ("POST", format!("offers/{}/accept", ulid(2))),
        ("POST", format!("offers/{}/reject", ulid(2))),
        ("GET", format!("calls/{}", ulid(2))),
        ("GET", format!("calls/{}", ulid(3))),
        ("POST", format!("calls/{}/hangup", ulid(2))),
    ] {
        let ask = Ask::new(verb, &path).key(key).body("{}");
        assert_eq!(bench.ask(ask).await.problem(404), "not_found", "{verb} {path}");
    }
    assert_eq!(bench.actions(), 0, "nothing reached the switch");
}

#[tokio::test]
async fn everywhere_ends_where_a_key_of_a_queue_sees_nothing() {
    let bench = Bench::new().await;
    let put = |body: &str| Ask::new("PUT", "agents/bruno/status").key("support-all").body(body);
    assert_eq!(bench.ask(put(r#"{"status":"logged_out"}"#)).await.status, 200);
    let Some(Action::SetAgentStatus { queues, by, .. }) = bench.last_action() else { panic!("no action") };
    assert_eq!(queues, Some(vec!["support".into()]), "sales is another supervisor's matter");
    assert_eq!(by, "support-all");
    let refused = bench.ask(put(r#"{"status":"ready","queues":["support","sales"]}"#)).await;
    assert_eq!(refused.problem(422), "invalid");
    assert_eq!(refused.pointers(), ["/queues/1"]);
    let path = format!("queues/support/callers/{}", ulid(1));
    let moved = bench.ask(Ask::new("PATCH", &path).key("support-all").body(r#"{"queue":"sales"}"#)).await;
    assert_eq!((moved.problem(422).as_str(), moved.pointers()), ("invalid", vec!["/queue".to_string()]));
    assert_eq!(bench.actions(), 1);
}

fn ulid(number: u128) -> String {
    call_id(number).to_string()
}
