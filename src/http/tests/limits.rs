//! What bounds the server: bodies, rates, time, connections, readers who do not read.

use crate::http::Limits;
use crate::http::Rate;
use crate::http::guarded::Guarded;
use crate::http::tests::client::Ask;
use crate::http::tests::client::raw;
use crate::http::tests::fake::*;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn put(body: &str) -> Ask {
    Ask::new("PUT", "agents/alice/status").key("ops").body(body)
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let bench = Bench::new().await;
    let padded = |len: usize| {
        let body = r#"{"status":"ready"}"#;
        format!("{}{body}", " ".repeat(len - body.len()))
    };
    assert_eq!(bench.ask(put(&padded(64 * 1024))).await.status, 200);
    assert_eq!(bench.ask(put(&padded(64 * 1024 + 1))).await.problem(413), "body_too_large");
    for (claim, status) in [("99999999999", 413), ("18446744073709551615", 431), ("-1", 400)] {
        let claims = put("").header("Content-Length", claim).bytes("close");
        assert_eq!(raw(bench.server, claims.as_bytes()).await.status, status, "{claim}");
    }
    let chunked = put("").header("Transfer-Encoding", "chunked").bytes("close");
    let body = format!("{chunked}20000\r\n{}\r\n0\r\n\r\n", " ".repeat(0x20000));
    assert_eq!(raw(bench.server, body.as_bytes()).await.problem(413), "body_too_large");
}

#[tokio::test]
async fn a_key_that_asks_too_often_waits() {
    let bench =
        Bench::with(Limits { rate: Rate { per_second: 1, burst: 3 }, ..Limits::default() }, true).await;
    for _ in 0..3 {
        assert_eq!(bench.get("agents", "ops").await.status, 200);
    }
    let refused = bench.get("agents", "ops").await;
    assert_eq!((refused.problem(429).as_str(), refused.header("retry-after")), ("too_many_requests", "1"));
    assert_eq!(bench.get("agents", "alice-all").await.status, 200, "another key");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.get("agents", "ops").await.status, 200);
    for _ in 0..3 {
        assert_eq!(bench.get("agents", "guess").await.status, 401);
    }
    assert_eq!(bench.get("agents", "another guess").await.problem(429), "too_many_requests");
    assert_eq!(bench.ask(Ask::new("GET", "/healthz")).await.status, 200, "health is free");
}

#[tokio::test]
async fn a_switch_that_does_not_answer_is_told_in_time() {
    let limits = Limits { request_timeout: Duration::from_millis(20), ..unlimited() };
    let bench = Bench::with(limits, true).await;
    bench.world.lock().unwrap().is_mute = true;
    let reply = bench.get("agents", "ops").await;
    assert_eq!((reply.problem(503).as_str(), reply.header("retry-after")), ("timeout", "1"));
    let slow = put("").header("Content-Length", "10").bytes("close");
    assert_eq!(raw(bench.server, slow.as_bytes()).await.problem(408), "body_timeout");
}

#[tokio::test]
async fn a_switch_that_is_gone_is_busy() {
    let bench = Bench::new().await;
    bench.switch.abort();
    for path in
        ["agents", "queues", "calls", "offers", "registrations", "trunks", "events", "queues/support/callers"]
    {
        let reply = bench.get(path, "ops").await;
        assert_eq!((reply.problem(503).as_str(), reply.header("retry-after")), ("busy", "1"), "{path}");
    }
}

#[tokio::test]
async fn connections_wait_for_their_turn() {
    let limits = Limits { connections_max: 2, header_timeout: Duration::from_millis(50), ..unlimited() };
    let bench = Bench::with(limits, true).await;
    let mut idle = TcpStream::connect(bench.server).await.unwrap();
    let mut slow = TcpStream::connect(bench.server).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    assert_eq!(bench.ask(Ask::new("GET", "/healthz")).await.status, 200, "those two were closed");
    for stream in [&mut idle, &mut slow] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn a_reader_who_does_not_read_is_given_up() {
    let (server, client) = tokio::io::duplex(16);
    let mut server = Guarded::new(server, Duration::from_millis(10));
    let error = server.write_all(&[0; 100]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    drop(client);
    let (server, mut client) = tokio::io::duplex(16);
    let mut server = Guarded::new(server, Duration::from_secs(60));
    let mut read = vec![0; 100];
    let (written, read) = tokio::join!(server.write_all(&[7; 100]), client.read_exact(&mut read));
    assert!(written.is_ok() && read.is_ok());
}

#[tokio::test]
async fn headers_have_a_limit() {
    let bench = Bench::new().await;
    let long = Ask::new("GET", "/healthz").header("X-Long", &"x".repeat(100_000));
    assert_eq!(bench.ask(long).await.status, 431);
    let mut many = Ask::new("GET", "/healthz");
    for index in 0..200 {
        many = many.header(&format!("X-{index}"), "y");
    }
    assert_eq!(bench.ask(many).await.status, 431);
}

#[tokio::test]
async fn open_requests_end_before_the_server_does() {
    let limits = Limits { shutdown_within: Duration::from_millis(50), ..unlimited() };
    let bench = Bench::with(limits, true).await;
    bench.world.lock().unwrap().is_mute = true;
    let server = bench.server;
    let stuck = tokio::spawn(async move { TcpStream::connect(server).await });
    let _idle = stuck.await.unwrap().unwrap();
    let mut hanging = TcpStream::connect(server).await.unwrap();
    hanging.write_all(Ask::new("GET", "agents").key("ops").bytes("close").as_bytes()).await.unwrap();
    bench.stop().await;
    let mut rest = Vec::new();
    let _ = hanging.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "it was cut off after the grace");
}
