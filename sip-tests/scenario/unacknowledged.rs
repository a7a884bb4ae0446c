//! What an INVITE costs that nobody ever acknowledges: a flood of them must not fill the memory.

use crate::harness::exchange::{Exchange, SWITCH};
use crate::harness::heap::held;
use crate::harness::world::{CARRIER, CONFIGURATION};
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::Restored;

const INVITES: usize = 1000;
/// "An INVITE never ACKed costs at most 4 kB."
const BYTES_MAX: isize = 4096;

fn invite(n: usize, from: &str, to: &str) -> Vec<u8> {
    let sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8 0 101\r\n\
        a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n";
    format!(
        "INVITE sip:{to}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bK{n:08}\r\nMax-Forwards: 70\r\n\
         From: \"A caller\" <sip:+33612345678@example.net>;tag={n:08}\r\nTo: <sip:{to}@example.com>\r\n\
         Call-ID: {n:016}@{from}\r\nCSeq: 1 INVITE\r\nContact: <sip:+33612345678@{from}>\r\n\
         Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\nSupported: timer\r\nUser-Agent: A carrier\'s switch 1.0\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes()
}

/// Bytes that each of many such INVITEs holds a second after it came, and the status it was answered with last.
fn cost(from: &str, to: &str) -> (isize, String, Exchange) {
    let text = CONFIGURATION
        .replace("max_calls = 20", "max_calls = 10000")
        .replace("max_length = 10", "max_length = 10000");
    // The trace has a bound of its own.
    let text = format!("[trace]\nbytes = 0\n{text}");
    let mut exchange = Exchange::new(&text, Restored::default(), 1, Instant::from_micros(1_000_000), 5000);
    let (local, remote) = (SWITCH.parse().expect("an address"), from.parse().expect("an address"));
    let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
    // Tables grow by doubling: the first hundred pay for what is there once.
    for n in 0..100 {
        exchange.receive(flow, &invite(n, from, to));
    }
    exchange.pass(Duration::from_secs(1));
    let before = held();
    let mut status = String::new();
    for n in 0..INVITES {
        let sent = exchange.receive(flow, &invite(1000 + n, from, to));
        if let Some((_, bytes)) = sent.iter().rfind(|(_, bytes)| bytes.starts_with(b"SIP/2.0")) {
            status = String::from_utf8_lossy(&bytes[8..11]).into_owned();
        }
    }
    exchange.pass(Duration::from_secs(1));
    let each = (held() - before) / INVITES as isize;
    (each, status, exchange)
}

#[test]
fn an_invite_that_is_never_acknowledged_is_cheap() {
    for (what, from, to, expected) in
        [("a stranger\'s", "203.0.113.9:5060", "600", "401"), ("one that is refused", CARRIER, "4711", "404")]
    {
        let (each, status, mut exchange) = cost(from, to);
        println!("{what}, {status}: {each} bytes each");
        assert_eq!(status, expected, "{what}");
        assert!(each <= BYTES_MAX, "{what}: {each} bytes");
        exchange.pass(Duration::from_secs(120));
        let tables = exchange.core.tables();
        assert_eq!((tables.calls, tables.server_transactions), (0, 0), "{what}");
    }
    let (each, status, exchange) = cost(CARRIER, "+33140000000");
    println!("a whole call in a queue, {status}: {each} bytes each, {} calls", exchange.core.tables().calls);
    // 8 kB: it is a call by then, answered with music, with its leg, dialog, offer, record and place in the queue. There are
    // no more of them than ports and than the trunk may carry, and after 32 seconds without an ACK it is hung up.
    assert!(each <= 3 * BYTES_MAX, "{each} bytes");
}
