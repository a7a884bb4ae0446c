//! A request under a forged address: whoever is named in it, everything goes to the source, and not much of it.

use crate::harness::exchange::{Exchange, SWITCH};
use crate::harness::world::CONFIGURATION;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::Restored;

/// Bytes that a stranger can have sent for each of his own, retransmissions included. Measured: 4.65 at the most, for the
/// shortest INVITE that the grammar allows (109 bytes), and below 2 for a REGISTER as phones send it.
const FACTOR_MAX: f64 = 4.8;

fn exchange() -> Exchange {
    Exchange::new(CONFIGURATION, Restored::default(), 1, Instant::from_micros(1_000_000), 10)
}

fn flow() -> Flow {
    let (local, remote) =
        (SWITCH.parse().expect("an address"), "203.0.113.9:4444".parse().expect("an address"));
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

/// What is sent in the two minutes after it, and to whom.
fn caused(bytes: &[u8]) -> Vec<(Flow, usize)> {
    let mut exchange = exchange();
    let mut sent = exchange.receive(flow(), bytes);
    sent.extend(exchange.pass(Duration::from_secs(120)));
    let tables = exchange.core.tables();
    assert_eq!((tables.calls, tables.legs, tables.invites, tables.server_transactions), (0, 0, 0, 0));
    sent.into_iter().map(|(flow, bytes)| (flow, bytes.len())).collect()
}

/// As short as the grammar lets it be.
fn short(method: &str, more: &str) -> Vec<u8> {
    format!(
        "{method} sip:h SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@h>;tag=1\r\nt:<sip:a@h>\r\ni:1\r\n\
         CSeq:1 {method}\r\n{more}\r\n"
    )
    .into_bytes()
}

#[test]
fn a_stranger_has_nobody_else_sent_to_and_nothing_sent_for_long() {
    let sdp = "c:application/sdp\r\nl:0\r\n";
    let lures = [
        String::new(),
        "m:<sip:a@198.51.100.7>\r\n".to_owned(),
        "Record-Route:<sip:198.51.100.7;lr>\r\nRoute:<sip:198.51.100.7;lr>\r\nm:<sip:a@198.51.100.7>\r\n".to_owned(),
        format!("m:<sip:a@198.51.100.7>\r\n{sdp}"),
        "Require: nothing\r\nm:<sip:a@198.51.100.7>\r\n".to_owned(),
        "m:<sip:a@198.51.100.7>\r\nAuthorization: Digest username=\"2001\", realm=\"example.com\", nonce=\"x\", \
         uri=\"sip:h\", response=\"00000000000000000000000000000000\"\r\n"
            .to_owned(),
    ];
    let vias = [
        "h;branch=z9hG4bK1",
        "198.51.100.7;branch=z9hG4bK1",
        "198.51.100.7:4444;rport;branch=z9hG4bK1",
        "h;maddr=198.51.100.7;branch=z9hG4bK1",
        "h;received=198.51.100.7;rport=7;branch=z9hG4bK1",
    ];
    let methods = [
        "INVITE",
        "REGISTER",
        "OPTIONS",
        "BYE",
        "CANCEL",
        "SUBSCRIBE",
        "MESSAGE",
        "REFER",
        "NONSENSE",
        "ACK",
    ];
    let mut worst = (0.0_f64, String::new());
    for method in methods {
        for lure in &lures {
            for via in vias {
                let text = String::from_utf8(short(method, lure)).expect("text");
                let text = text.replace("h;branch=z9hG4bK1", via);
                let sent = caused(text.as_bytes());
                assert!(sent.iter().all(|(flow, _)| flow.remote.ip() == self::flow().remote.ip()), "{text}");
                let bytes: usize = sent.iter().map(|(_, len)| len).sum();
                let factor = bytes as f64 / text.len() as f64;
                if factor > worst.0 {
                    worst = (factor, text);
                }
            }
        }
    }
    let usual = short("REGISTER", &format!("User-Agent: Linphone/5\r\nX: {}\r\n", "x".repeat(320)));
    let bytes: usize = caused(&usual).iter().map(|(_, len)| len).sum();
    assert!(bytes <= 2 * usual.len(), "{bytes} for {}", usual.len());
    println!("the worst factor is {:.2}, of {} bytes: {}", worst.0, worst.1.len(), worst.1);
    assert!(worst.0 <= FACTOR_MAX, "{:.2}: {}", worst.0, worst.1);
}

/// What breaks the grammar is answered once at the most, and without memory.
#[test]
fn a_broken_request_is_answered_once() {
    for more in ["Contact: <\r\n", "Content-Length: x\r\n", "CSeq: 2 INVITE\r\n", "Max-Forwards: -1\r\n"] {
        let request = short("INVITE", more);
        let sent = caused(&request);
        assert!(sent.len() <= 1, "{more}");
        assert!(sent.iter().all(|(_, len)| *len as f64 <= FACTOR_MAX * request.len() as f64), "{more}");
    }
}
