//! What the tables' column `must` says in words, where it can be seen from outside.

use super::text::Text;
use super::{Sender, flow, message, switch};
use crate::harness::exchange::Exchange;
use bytes::Bytes;
use std::time::Duration;
use strowger::ids::Random;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::Flow;
use strowger::sip::msg::{Message, Method, Name};
use strowger::switch::action::{Answer, Question};

fn answers(sent: &[(Flow, Bytes)]) -> Vec<Text> {
    sent.iter().map(|(_, bytes)| Text::read(bytes)).collect()
}

/// Sends a message of RFC 4475 and gives the answers.
fn ask(name: &str, sender: Sender, over_tcp: bool) -> Vec<Text> {
    answers(&switch().receive(flow(sender, over_tcp, false), &message("rfc4475", name)))
}

fn the_final(answers: &[Text], name: &str) -> Text {
    let mut finals = answers.iter().filter(|answer| answer.status().is_some_and(|status| status >= 200));
    let first = finals.next().unwrap_or_else(|| panic!("{name} got no final answer"));
    Text { start: first.start.clone(), headers: first.headers.clone(), body: first.body.clone() }
}

/// Puts a line behind the first one, which is the same place in every message.
fn with_line(message: &[u8], line: &[u8]) -> Vec<u8> {
    let at = message.windows(2).position(|two| two == b"\r\n").expect("a message has a first line") + 2;
    [&message[..at], line, b"\r\n", &message[at..]].concat()
}

fn replaced(message: &[u8], old: &str, new: &str) -> Vec<u8> {
    let at =
        message.windows(old.len()).position(|part| part == old.as_bytes()).expect("what is to be replaced");
    [&message[..at], new.as_bytes(), &message[at + old.len()..]].concat()
}

/// Registers with a REGISTER of the RFC as it is, but for the credentials; the last answer.
fn registered(switch: &mut Exchange, name: &str, user: &str) -> Text {
    let register = message("rfc4475", name);
    let from = flow(Sender::Stranger, false, false);
    let challenged = switch.receive(from, &register);
    let response = Message::parse(challenged[0].1.clone()).expect("an answer");
    assert_eq!(response.status(), Some(401), "{name}: without credentials a REGISTER is challenged");
    let challenge = Challenge::topmost(&response, Name::WwwAuthenticate).expect("a challenge");
    let login = Login::with_password(user, "pw");
    let value = login
        .answer(&challenge, Method::Register, b"sip:example.com", 1, &mut Random::seeded(3))
        .expect("a password answers every challenge");
    let again = with_line(&register, &[b"Authorization: ", value.as_slice()].concat());
    // RFC 3261 section 22.3: the next CSeq. The branch must be another one too.
    let cseq = Text::read(&register).one("cseq").expect("a CSeq").to_vec();
    let number: u32 =
        String::from_utf8_lossy(&cseq).split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    let again = replaced(&again, &format!("CSeq: {number}"), &format!("CSeq: {}", number + 1));
    let again = replaced(&again, "branch=z9hG4bK", "branch=z9hG4bKagain");
    the_final(&answers(&switch.receive(from, &again)), name)
}

fn contacts_bound(switch: &Exchange) -> Vec<(String, String)> {
    match switch.core.ask(switch.both(), Question::Registrations) {
        Ok(Answer::Registrations(list)) => list.into_iter().map(|one| (one.number, one.contact)).collect(),
        other => panic!("asked for registrations, got {other:?}"),
    }
}

#[test]
fn bext01_unsupported_lists_both_tags() {
    let answer = the_final(&ask("bext01", Sender::Stranger, true), "bext01");
    assert_eq!(answer.status(), Some(420));
    for tag in ["nothingSupportsThis", "nothingSupportsThisEither"] {
        assert!(answer.lists("unsupported", tag), "bext01: {tag} is not in {:?}", answer.all("unsupported"));
    }
}

#[test]
fn invut_accept_lists_sdp() {
    let answer = the_final(&ask("invut", Sender::Trunk, false), "invut");
    assert_eq!(answer.status(), Some(415));
    assert!(answer.lists("accept", "application/sdp"), "invut: {:?}", answer.all("accept"));
}

#[test]
fn sdp01_gets_no_sdp() {
    let answer = the_final(&ask("sdp01", Sender::Trunk, false), "sdp01");
    assert_eq!(answer.status(), Some(406));
    assert!(answer.body.is_empty());
    assert!(!answer.all("warning").is_empty(), "sdp01: RFC 4475 section 3.3.15 asks for a Warning 399");
}

#[test]
fn esc02_and_intmeth_are_unknown_methods_with_allow() {
    for (name, over_tcp) in [("esc02", false), ("intmeth", true)] {
        let answer = the_final(&ask(name, Sender::Trunk, over_tcp), name);
        assert_eq!(answer.status(), Some(501), "{name}");
        // RFC 4475 section 3.1.1.2: an endpoint answers 501, and RFC 3261 section 8.2.1 wants Allow.
        assert!(answer.lists("allow", "INVITE"), "{name}: {:?}", answer.all("allow"));
        assert!(!answer.lists("allow", "NOTIFY"), "{name}");
    }
}

#[test]
fn badbranch_two_requests_are_not_merged() {
    let mut switch = switch();
    let from = flow(Sender::Stranger, false, false);
    let first = message("rfc4475", "badbranch");
    let second = replaced(&replaced(&first, "CSeq: 8", "CSeq: 9"), "badbranch.sadonfo", "badbranch.other");
    for (bytes, cseq) in [(&first, "8 OPTIONS"), (&second, "9 OPTIONS")] {
        let answer = the_final(&answers(&switch.receive(from, bytes)), "badbranch");
        assert_eq!(
            answer.one("cseq"),
            Some(cseq.as_bytes()),
            "badbranch: the second is answered as the first"
        );
    }
}

#[test]
fn dblreq_over_udp_has_one_answer() {
    let sent = ask("dblreq", Sender::Stranger, false);
    assert_eq!(sent.len(), 1, "dblreq: the rest of the datagram is to be ignored");
    assert_eq!(sent[0].one("call-id"), Some(&b"dblreq.0ha0isndaksdj99sdfafnl3lk233412"[..]));
}

#[test]
fn escnull_is_not_cut_at_the_null() {
    let mut switch = switch();
    let answer = registered(&mut switch, "escnull", "null-");
    assert!(matches!(answer.status(), Some(403 | 404)), "escnull: {}", answer.start);
    assert_eq!(contacts_bound(&switch), [], "escnull: null-%00-null was taken for null-");
}

#[test]
fn cparam01_an_unknown_parameter_of_contact_is_no_part_of_the_uri() {
    let mut switch = switch();
    let answer = registered(&mut switch, "cparam01", "watson");
    assert_eq!(answer.status(), Some(200), "cparam01: {}", answer.start);
    assert_eq!(
        contacts_bound(&switch),
        [("watson".to_owned(), "sip:+19725552222@gw1.example.net".to_owned())]
    );
    let contact = String::from_utf8_lossy(answer.one("contact").expect("one Contact")).into_owned();
    assert!(contact.starts_with("<sip:+19725552222@gw1.example.net>"), "cparam01: {contact}");
}

#[test]
fn cparam02_an_unknown_parameter_of_the_uri_stays_in_the_binding() {
    let mut switch = switch();
    let answer = registered(&mut switch, "cparam02", "watson");
    assert_eq!(answer.status(), Some(200), "cparam02: {}", answer.start);
    let contact = String::from_utf8_lossy(answer.one("contact").expect("one Contact")).into_owned();
    assert!(contact.starts_with("<sip:+19725552222@gw1.example.net;unknownparam>"), "cparam02: {contact}");
}

/// RFC 4475 section 3.3.14, and RFC 3261 section 19.1.5: headers of a URI are kept in the binding but never become
/// the Request-URI's or a header of the request.
#[test]
fn regescrt_the_escaped_route_is_kept_and_never_followed() {
    let mut switch = switch();
    let answer = registered(&mut switch, "regescrt", "user");
    assert_eq!(answer.status(), Some(200), "regescrt: {}", answer.start);
    let contact = String::from_utf8_lossy(answer.one("contact").expect("one Contact")).into_owned();
    assert!(
        contact.starts_with("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
        "regescrt: {contact}"
    );

    let invite = "INVITE sip:phoneuser@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:40001;branch=z9hG4bKcall\r\n\
                  Max-Forwards: 70\r\nFrom: <sip:+33123456789@example.net>;tag=1\r\nTo: <sip:phoneuser@example.com>\r\n\
                  Call-ID: call\r\nCSeq: 1 INVITE\r\nContact: <sip:c@192.0.2.77:40001>\r\nContent-Length: 0\r\n\r\n";
    let sent = switch.receive(flow(Sender::Trunk, false, false), invite.as_bytes());
    let invites: Vec<Text> =
        answers(&sent).into_iter().filter(|one| one.start.starts_with("INVITE ")).collect();
    assert_eq!(invites.len(), 1, "regescrt: the phone is rung: {sent:?}");
    assert_eq!(invites[0].start, "INVITE sip:user@example.com SIP/2.0");
    assert!(invites[0].all("route").is_empty(), "regescrt: {:?}", invites[0].all("route"));
}

#[test]
fn regaut01_and_regbadct_bind_nothing() {
    for (name, over_tcp) in [("regaut01", true), ("regbadct", false), ("unksm2", false), ("scalar02", true)] {
        let mut switch = switch();
        switch.receive(flow(Sender::Stranger, over_tcp, false), &message("rfc4475", name));
        assert_eq!(contacts_bound(&switch), [], "{name}");
    }
    // RFC 3261 section 22.2: the challenge names a scheme that the registrar knows.
    let answer = the_final(&ask("regaut01", Sender::Stranger, true), "regaut01");
    assert!(answer.all("www-authenticate").iter().all(|value| value.starts_with(b"Digest ")));
    assert!(!answer.all("www-authenticate").is_empty());
}

#[test]
fn stray_responses_send_nothing_and_arm_nothing() {
    for (name, over_tcp) in
        [("scalarlg", true), ("bigcode", false), ("bcast", false), ("unreason", false), ("noreason", false)]
    {
        let mut switch = switch();
        let before = switch.core.poll_timeout();
        let sent = switch.receive(flow(Sender::Stranger, over_tcp, false), &message("rfc4475", name));
        assert!(sent.is_empty(), "{name} sends {sent:?}");
        assert_eq!(switch.core.poll_timeout(), before, "{name} arms a timer");
        assert!(switch.pass(Duration::from_secs(60)).is_empty(), "{name} sends something later");
    }
}

#[test]
fn zeromf_is_not_forwarded_as_a_call() {
    let invite = "INVITE sip:phonewatson@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:40001;branch=z9hG4bKz\r\n\
                  Max-Forwards: 0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:phonewatson@example.com>\r\nCall-ID: zero\r\n\
                  CSeq: 1 INVITE\r\nContact: <sip:c@192.0.2.77:40001>\r\nContent-Length: 0\r\n\r\n";
    let sent = answers(&switch().receive(flow(Sender::Trunk, false, false), invite.as_bytes()));
    assert_eq!(the_final(&sent, "zeromf").status(), Some(483));
}

#[test]
fn longreq_comes_back_whole() {
    let request = Text::read(&message("rfc4475", "longreq"));
    for answer in ask("longreq", Sender::Trunk, true) {
        assert_eq!(answer.list("via").len(), 34, "longreq: {}", answer.start);
        assert_eq!(answer.one("from"), request.one("from"));
        assert_eq!(answer.one("call-id"), request.one("call-id"));
    }
}

/// A 2xx that makes a dialog brings the Record-Route back (RFC 3261 section 12.1.1), and what INTEROP.md calls the small
/// print: Allow, Contact, Server and not User-Agent, one To tag, `received`.
#[test]
fn the_small_print_of_an_answer() {
    let invite = "INVITE sip:anybody@example.com SIP/2.0\r\nVia: SIP/2.0/UDP proxy.example.net:40001;branch=z9hG4bKrr\r\n\
                  v: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKbelow\r\nMax-Forwards: 70\r\n\
                  Record-Route: <sip:p2.example.net;lr>, <sip:p1.example.net;lr>\r\nRecord-Route: <sip:p0.example.net;lr>\r\n\
                  f: <sip:a@b>;tag=1\r\nt: <sip:anybody@example.com>\r\ni: small-print\r\nCSeq: 1 INVITE\r\n\
                  m: <sip:c@203.0.113.7>\r\nl: 0\r\n\r\n";
    let sent = answers(&switch().receive(flow(Sender::Trunk, false, false), invite.as_bytes()));
    assert_eq!(sent.first().and_then(Text::status), Some(100));
    let answer = the_final(&sent, "an INVITE with Record-Route");
    assert_eq!(answer.status(), Some(200));
    let routes = Text::read(invite.as_bytes()).list("record-route");
    assert_eq!(answer.list("record-route"), routes);
    for name in ["allow", "contact", "server", "content-type"] {
        assert_eq!(answer.all(name).len(), 1, "{name}");
    }
    assert!(answer.all("user-agent").is_empty());
    let to = String::from_utf8_lossy(answer.one("to").expect("a To")).into_owned();
    assert_eq!(to.matches(";tag=").count(), 1, "{to}");
    let top = String::from_utf8_lossy(&answer.list("via")[0]).into_owned();
    assert!(top.contains(";received=192.0.2.77"), "{top}");
}
