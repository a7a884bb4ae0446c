//! The messages whose framing is the point, through real TCP connections: nothing here waits for a time, each test
//! reads until the switch closes the connection or has no more to say.

use super::text::Text;
use super::{CONFIGURATION, message};
use crate::harness::exchange::Exchange;
use crate::harness::shard::Shard;
use strowger::clock::Instant;
use strowger::net::connections::Settings;
use strowger::sip::endpoint::Transport;
use strowger::store::Restored;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends these bytes in pieces, ends the sending side if `end`, and gives all that came until the switch closed.
fn converse(pieces: &[&[u8]], end: bool) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let exchange =
            Exchange::new(CONFIGURATION, Restored::default(), 1, Instant::from_micros(1_000_000), 50);
        let shard = Shard::new(exchange, Settings::default());
        let address = shard.listen(Transport::Tcp);
        let mut stream = TcpStream::connect(address).await.expect("the switch listens");
        for piece in pieces {
            // The switch may have closed already, which is what some tests want.
            if stream.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        if end {
            let _ = stream.shutdown().await;
        }
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        all
    })
}

/// The answers in a stream, none of which has a body.
fn answers(stream: &[u8]) -> Vec<Text> {
    let text = String::from_utf8_lossy(stream).into_owned();
    text.split_inclusive("\r\n\r\n").map(|one| Text::read(one.as_bytes())).collect()
}

/// RFC 4475 section 3.1.2.2: "the element will wait for the rest": nothing is answered, and nothing breaks when the
/// connection ends instead.
#[test]
fn clerr_over_tcp_waits_for_the_rest() {
    let got = converse(&[&message("rfc4475", "clerr")], true);
    assert!(got.is_empty(), "clerr: {}", String::from_utf8_lossy(&got));
}

/// RFC 4475 section 3.1.2.3: an error and the end of the connection. The end is ours to see: the test never closes.
#[test]
fn ncl_over_tcp_is_refused_and_closed() {
    let got = answers(&converse(&[&message("rfc4475", "ncl")], false));
    assert_eq!(got.len(), 1, "ncl: {got:?}");
    assert_eq!(got[0].status(), Some(400));
    assert_eq!(got[0].one("call-id"), Some(&b"ncl.0ha0isndaksdj2193423r542w35"[..]));
}

/// RFC 4475 section 3.3.9.
#[test]
fn mcl01_over_tcp_is_refused_and_closed() {
    let got = answers(&converse(&[&message("rfc4475", "mcl01")], false));
    assert_eq!(got.len(), 1, "mcl01: {got:?}");
    assert_eq!(got[0].status(), Some(400));
}

/// RFC 4475 section 3.1.1.8: over a stream the second message is a request of its own.
#[test]
fn dblreq_over_tcp_is_two_requests() {
    let got = answers(&converse(&[&message("rfc4475", "dblreq")], true));
    let ids: Vec<&[u8]> = got.iter().filter_map(|answer| answer.one("call-id")).collect();
    assert!(ids.contains(&&b"dblreq.0ha0isndaksdj99sdfafnl3lk233412"[..]), "dblreq: {got:?}");
    assert!(ids.contains(&&b"dblreq.0ha0isnda977644900765@192.0.2.15"[..]), "dblreq: {got:?}");
}

/// However a stream is cut, the same messages come out of it.
#[test]
fn a_message_in_pieces_is_the_same_message() {
    let whole = message("rfc4475", "longreq");
    let pieces: Vec<&[u8]> = whole.chunks(97).collect();
    let got = answers(&converse(&pieces, true));
    assert!(!got.is_empty(), "longreq in pieces got no answer");
    assert_eq!(got[0].list("via").len(), 34);
}

/// RFC 5626 section 3.5.1: a double CRLF is answered with one, also between two messages.
#[test]
fn a_keep_alive_is_answered() {
    assert_eq!(converse(&[b"\r\n\r\n"], true), b"\r\n");
    let got = converse(&[b"\r\n\r\n", &message("rfc4475", "trws"), b"\r\n\r\n"], true);
    assert!(
        got.starts_with(b"\r\nSIP/2.0 ") && got.ends_with(b"\r\n\r\n\r\n"),
        "{}",
        String::from_utf8_lossy(&got)
    );
}

/// DESIGN.md: "can be smuggled through over TCP (`Content-Length : N` framed as 0)" is another's defect.
#[test]
fn a_blank_before_the_colon_smuggles_nothing() {
    let inner = "OPTIONS sip:inner@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKinner\r\nMax-Forwards: 70\r\n\
                 From: <sip:a@b>;tag=1\r\nTo: <sip:inner@example.com>\r\nCall-ID: inner\r\nCSeq: 1 OPTIONS\r\n\
                 Content-Length: 0\r\n\r\n";
    let outer = format!(
        "OPTIONS sip:outer@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKouter\r\nMax-Forwards: 70\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:outer@example.com>\r\nCall-ID: outer\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length : {}\r\n\r\n{inner}",
        inner.len()
    );
    let got = answers(&converse(&[outer.as_bytes()], true));
    let ids: Vec<&[u8]> = got.iter().filter_map(|answer| answer.one("call-id")).collect();
    assert_eq!(ids, [b"outer"], "{got:?}");
}
