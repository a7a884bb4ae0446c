//! Health, readiness, figures, the OpenAPI document, and what every answer has.

use crate::http::openapi;
use crate::http::routes::ROUTES;
use crate::http::tests::client::Ask;
use crate::http::tests::client::raw;
use crate::http::tests::fake::*;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

async fn open(bench: &Bench, path: &str) -> crate::http::tests::client::Reply {
    bench.ask(Ask::new("GET", path)).await
}

#[tokio::test]
async fn health_is_told_and_readiness_ends_with_draining() {
    let bench = Bench::new().await;
    assert_eq!(open(&bench, "/healthz").await.json(), json!({"status": "ok", "store": "up"}));
    assert_eq!(open(&bench, "/readyz").await.status, 200);
    bench.world.lock().unwrap().store_is_up = false;
    let degraded = open(&bench, "/healthz").await;
    assert_eq!((degraded.status, degraded.json()), (200, json!({"status": "degraded", "store": "down"})));
    assert_eq!(open(&bench, "/readyz").await.status, 200, "calls don't wait for the store");
    bench.drain();
    assert_eq!(open(&bench, "/readyz").await.problem(503), "draining");
    assert_eq!(open(&bench, "/healthz").await.status, 200);
}

#[tokio::test]
async fn figures_are_open_here_and_need_a_key_elsewhere() {
    let bench = Bench::new().await;
    let reply = open(&bench, "/metrics").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "# HELP strowger_queue_unbalanced ",
        "# TYPE strowger_queue_unbalanced gauge",
        r#"strowger_queue_unbalanced{queue="support"} 0"#,
        r#"strowger_queue_waiting{kind="call",queue="sales"} 2"#,
        r#"strowger_queue_agents{queue="support",status="talking"} 1"#,
        r#"strowger_queue_longest_wait_seconds{queue="support"} 41.2"#,
        r#"strowger_agents{status="ready"} 3"#,
        r#"strowger_agents{status="unreachable"} 0"#,
        r#"strowger_registrations{transport="udp"} 2"#,
        r#"strowger_calls{direction="inbound",state="talking"} 3"#,
        "strowger_draining 0",
        "strowger_build_info{version=",
    ] {
        assert!(reply.body.contains(line), "{line} is missing in:\n{}", reply.body);
    }
    assert!(!reply.body.contains("+3314"), "no number is a label");
    let closed = Bench::with(unlimited(), false).await;
    assert_eq!(open(&closed, "/metrics").await.problem(401), "unauthorized");
    assert_eq!(closed.get("/metrics", "only-queue:read").await.problem(403), "forbidden");
    assert_eq!(closed.get("/metrics", "only-metrics:read").await.status, 200);
}

#[tokio::test]
async fn counters_are_served_while_the_switch_is_busy() {
    let bench = Bench::new().await;
    bench.metrics.sip_retransmission();
    bench.switch.abort();
    let reply = open(&bench, "/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("strowger_sip_retransmissions_total 1"));
    assert!(!reply.body.contains("strowger_queue_unbalanced{"), "a gauge that is not known is not shown");
}

#[tokio::test]
async fn requests_are_timed_by_route_not_by_path() {
    let bench = Bench::new().await;
    for path in ["agents/alice", "agents/nobody", "agents/%2e%2e", "strange/path"] {
        bench.get(path, "ops").await;
    }
    let text = open(&bench, "/metrics").await.body;
    let count = r#"strowger_http_request_duration_seconds_count{route="GET /api/v1/agents/{id}"} 3"#;
    assert!(text.contains(count), "{text}");
    assert!(!text.contains("alice") && !text.contains("nobody") && !text.contains("strange"));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let bench = Bench::new().await;
    for path in ["/", "/api", "/api/v1", "/api/v1/", "/api/v2/agents", "agents/", "/metrics/x"] {
        assert_eq!(bench.get(path, "ops").await.problem(404), "unknown_path", "{path}");
    }
    for path in ["agents/%ff", "agents/%00", "agents/a%2Fb", "queues/%22", "calls/..", "offers/1"] {
        let reply = bench.get(path, "ops").await;
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
    }
    let long = bench.get(&format!("agents/{}", "é".repeat(5000).replace('é', "%C3%A9")), "ops").await;
    assert_eq!(long.problem(404), "not_found");
    assert!(long.body.len() < 500, "what was asked is not sent back in full");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let bench = Bench::new().await;
    for (verb, path, allow) in [
        ("POST", "agents", "GET, HEAD"),
        ("GET", "agents/alice/status", "PUT"),
        ("OPTIONS", "calls", "GET, POST, HEAD"),
        ("PUT", "queues/support/callers/x", "PATCH, DELETE"),
        ("BREW", "/healthz", "GET, HEAD"),
        ("TRACE", "trunks", "GET, HEAD"),
    ] {
        let reply = bench.ask(Ask::new(verb, path).key("ops")).await;
        assert_eq!(reply.problem(405), "method_not_allowed", "{verb} {path}");
        assert_eq!(reply.header("allow"), allow, "{verb} {path}");
    }
    let head = bench.ask(Ask::new("HEAD", "agents").key("ops")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.header("content-length").parse::<usize>().unwrap() > 100);
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let bench = Bench::new().await;
    for (path, origin) in
        [("agents", "https://evil"), ("none", "null"), ("/healthz", "https://evil"), ("openapi.json", "x")]
    {
        let reply = bench.ask(Ask::new("GET", path).key("ops").header("Origin", origin)).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!reply.headers.keys().any(|name| name.starts_with("access-control")), "{path}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    let bench = Bench::new().await;
    for bytes in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "INVITE sip:600@example.com SIP/2.0\r\n\r\n"] {
        assert_eq!(raw(bench.server, bytes.as_bytes()).await.status, 400, "{bytes:?}");
    }
    assert_eq!(open(&bench, "/healthz").await.status, 200);
}

fn document() -> Value {
    serde_json::to_value(openapi::document()).unwrap()
}

#[tokio::test]
async fn the_document_is_served() {
    let bench = Bench::new().await;
    let served = open(&bench, "/api/v1/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    assert_eq!(served.json(), document());
}

#[test]
fn the_document_is_whole() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.verb.as_str().to_ascii_lowercase()];
        assert!(operation.is_object(), "{}", route.label());
        assert!(ids.insert(operation["operationId"].to_string()), "{} has a twin", route.label());
        let no_parameters = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&no_parameters);
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, route.path.matches('{').count(), "{}", route.label());
    }
    let text = document.to_string();
    let references: BTreeSet<_> =
        text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 10);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    for schema in
        ["Agent", "Queue", "Caller", "Offer", "Call", "Cdr", "Registration", "Trunk", "Problem", "Snapshot"]
    {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

#[test]
fn the_committed_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/openapi.json is stale: run UPDATE_DOCS=1 cargo test --lib http::");
}
