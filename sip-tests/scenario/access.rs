//! Whose messages are read: lists of networks, programs that look for switches, messages that are too large.

use crate::harness::exchange::{Exchange, SWITCH};
use crate::harness::world::{CARRIER, CONFIGURATION};
use strowger::clock::Instant;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::Restored;

fn exchange(sip: &str) -> Exchange {
    let text = CONFIGURATION.replace("[media]", &format!("{sip}\n[media]"));
    Exchange::new(&text, Restored::default(), 1, Instant::from_micros(1_000_000), 10)
}

fn flow(from: &str) -> Flow {
    let (local, remote) = (SWITCH.parse().expect("an address"), from.parse().expect("an address"));
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

fn options(from: &str, user_agent: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bK{}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: {from}\r\nCSeq: 1 OPTIONS\r\n{user_agent}\r\n",
        from.replace([':', '.'], "")
    )
    .into_bytes()
}

fn is_answered(exchange: &mut Exchange, from: &str, user_agent: &str) -> bool {
    !exchange.receive(flow(from), &options(from, user_agent)).is_empty()
}

#[test]
fn only_the_allowed_are_heard_and_trunks_always() {
    let mut exchange = exchange("allow = [\"10.0.0.0/8\"]\ndeny = [\"10.6.6.0/24\"]");
    for (from, heard) in
        [("10.1.1.1:5060", true), ("10.6.6.6:5060", false), ("203.0.113.5:5060", false), (CARRIER, true)]
    {
        assert_eq!(is_answered(&mut exchange, from, ""), heard, "{from}");
    }
    assert_eq!(exchange.metric("strowger_sip_dropped_total{reason=\"denied\"}"), 2.0);
}

#[test]
fn scanners_get_no_answer() {
    let mut open = exchange("");
    for (n, name) in
        ["friendly-scanner", "sipcli/v1.8", "VaxSIPUserAgent/3.5", "sundayddr"].iter().enumerate()
    {
        let line = format!("User-Agent: {name}\r\n");
        assert!(!is_answered(&mut open, &format!("203.0.113.{n}:5060"), &line), "{name}");
    }
    assert!(is_answered(&mut open, "203.0.113.50:5060", "User-Agent: Linphone/5\r\n"));
    assert!(is_answered(&mut open, "203.0.113.51:5060", ""));
    assert_eq!(open.metric("strowger_sip_dropped_total{reason=\"user_agent\"}"), 4.0);
    let mut own = exchange("drop_user_agents = [\"linphone\"]");
    assert!(!is_answered(&mut own, "203.0.113.1:5060", "User-Agent: Linphone/5\r\n"));
    assert!(is_answered(&mut own, "203.0.113.2:5060", "User-Agent: sipcli\r\n"));
}

#[test]
fn what_is_too_large_is_refused_or_dropped_and_opens_nothing() {
    let mut exchange = exchange("");
    let with = |lines: &str| {
        let text = String::from_utf8(options("10.1.1.1:5060", "")).expect("text");
        text.replace("Max-Forwards", &format!("{lines}Max-Forwards")).into_bytes()
    };
    let cases = [
        ("too many lines", with(&"X: 1\r\n".repeat(200)), Some("400 ")),
        ("too long a line", with(&format!("X: {}\r\n", "x".repeat(9_000))), Some("400 ")),
        ("too many Vias", with(&"Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n".repeat(127)), Some("400 ")),
        ("too many values", with(&format!("Route: {}<sip:a@h>\r\n", "<sip:a@h>,".repeat(200))), Some("400 ")),
        ("too long a head", with(&format!("X: {}\r\n", "x".repeat(8_000)).repeat(7)), Some("400 ")),
        ("too long at all", with(&format!("X: {}\r\n", "x".repeat(8_000)).repeat(9)), None),
    ];
    for (what, bytes, expected) in cases {
        let sent = exchange.receive(flow("10.1.1.1:5060"), &bytes);
        let status = sent.first().map(|(_, bytes)| String::from_utf8_lossy(&bytes[8..12]).into_owned());
        assert_eq!(status.as_deref(), expected, "{what}");
        assert!(sent.iter().all(|(_, answer)| answer.len() <= bytes.len() + 200), "{what}");
    }
    assert_eq!(exchange.core.tables().server_transactions, 0);
}
