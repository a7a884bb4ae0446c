//! Each timer of each machine, by its letter, on unreliable and on reliable transports.

use super::*;
use crate::clock::Instant;
use crate::ids::Random;
use crate::sip::msg::Message;
use crate::sip::msg::write::ResponseWriter;
use crate::sip::transaction::invite_client::InviteClient;
use crate::sip::transaction::invite_server::InviteServer;
use crate::sip::transaction::key::Keyring;
use crate::sip::transaction::plain_client::PlainClient;
use crate::sip::transaction::plain_server::PlainServer;
use crate::sip::transaction::schedule::Schedule;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;

/// The machines as a test turns them.
trait Machine {
    fn next(&self) -> Option<(Instant, Timer)>;
    fn fire(&mut self, now: Instant, out: &mut Vec<Output>);
}

macro_rules! machine {
    ($($name:ident $module:ident,)*) => {$(
        impl Machine for $name {
            fn next(&self) -> Option<(Instant, Timer)> {
                self.poll_timeout()
            }

            fn fire(&mut self, now: Instant, out: &mut Vec<Output>) {
                self.handle(now, $module::Input::Timeout, out);
            }
        }
    )*};
}

machine! {
    InviteClient invite_client,
    InviteServer invite_server,
    PlainClient plain_client,
    PlainServer plain_server,
}

/// Lets all timers fire; one word each: the letter, the milliseconds, what was said.
fn run(machine: &mut dyn Machine) -> String {
    let mut words = Vec::new();
    while let Some((at, timer)) = machine.next() {
        let mut out = Vec::new();
        machine.fire(at, &mut out);
        let said: String = out.iter().map(letter).collect();
        words.push(format!("{timer:?}{}{said}", at.as_micros() / 1000));
        assert!(words.len() < 100, "a timer that never ends: {words:?}");
    }
    words.join(" ")
}

fn letter(output: &Output) -> char {
    match output {
        Output::Send(_) => '!',
        Output::Resend(_) => '*',
        Output::Deliver => '^',
        Output::TimedOut => '#',
        Output::Unreachable => '~',
    }
}

fn said(out: &mut Vec<Output>) -> String {
    out.drain(..).map(|output| letter(&output)).collect()
}

fn ms(at: u64) -> Instant {
    Instant::from_micros(at * 1000)
}

fn request(method: &str) -> Bytes {
    format!(
        "{method} sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@a>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: 1@a\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:alice@a>\r\nContent-Length: 0\r\n\r\n"
    )
    .into()
}

fn response(method: &str, code: u16) -> Message {
    let request = Message::parse(request(method)).unwrap();
    Message::parse(ResponseWriter::to(&request, code, "Reason").to_tag(b"2").finish()).unwrap()
}

fn bytes(method: &str, code: u16) -> Bytes {
    response(method, code).as_bytes().clone()
}

fn invite_client(reliable: bool, codes: &[u16]) -> (InviteClient, String) {
    let mut out = Vec::new();
    let mut machine = InviteClient::start(ms(0), request("INVITE"), reliable, Timing::default(), &mut out);
    for code in codes {
        machine.handle(ms(100), invite_client::Input::Response(&response("INVITE", *code)), &mut out);
    }
    (machine, said(&mut out))
}

#[test]
fn timers_a_and_b_end_an_invite_without_answer() {
    let (mut udp, sent) = invite_client(false, &[]);
    assert_eq!(sent, "!");
    assert_eq!(run(&mut udp), "A500* A1500* A3500* A7500* A15500* A31500* B32000#");
    let (mut tcp, sent) = invite_client(true, &[]);
    assert_eq!((sent.as_str(), run(&mut tcp).as_str()), ("!", "B32000#"));
}

#[test]
fn timer_d_absorbs_refusals_to_our_invite() {
    let (mut udp, sent) = invite_client(false, &[180, 486, 486, 180, 200]);
    // INVITE; 180 up; ACK and 486 up; ACK again; the rest says nothing.
    assert_eq!(sent, "!^!^*");
    assert_eq!(run(&mut udp), "D32100");
    let (tcp, sent) = invite_client(true, &[486, 486]);
    assert_eq!(sent, "!!^");
    assert!(matches!(tcp.state(), invite_client::State::Terminated));
    // RFC 3261 section 17.1.1.2: at least 32 seconds, also with a small T1.
    let mut out = Vec::new();
    let timing = Timing { t1_ms: 10, ..Timing::default() };
    let mut quick = InviteClient::start(ms(0), request("INVITE"), false, timing, &mut out);
    quick.handle(ms(0), invite_client::Input::Response(&response("INVITE", 600)), &mut out);
    assert_eq!(run(&mut quick), "D32000");
}

#[test]
fn timer_m_keeps_accepting_2xx() {
    for reliable in [false, true] {
        let (mut machine, sent) = invite_client(reliable, &[200, 200, 180, 486]);
        assert_eq!(sent, "!^^");
        assert_eq!(run(&mut machine), "M32100");
    }
}

#[test]
fn a_ringing_invite_has_no_timer_until_it_is_cancelled() {
    let (mut machine, sent) = invite_client(false, &[100, 180]);
    assert_eq!((sent.as_str(), machine.poll_timeout()), ("!^^", None));
    machine.handle(ms(60_000), invite_client::Input::CancelSent, &mut Vec::new());
    assert_eq!(run(&mut machine), "Cancel92000#");
}

#[test]
fn a_transport_failure_ends_a_client_once() {
    for codes in [&[][..], &[180]] {
        let (mut machine, _) = invite_client(false, codes);
        let mut out = Vec::new();
        machine.handle(ms(1), invite_client::Input::TransportError, &mut out);
        machine.handle(ms(1), invite_client::Input::TransportError, &mut out);
        assert_eq!((said(&mut out).as_str(), machine.poll_timeout()), ("~", None));
    }
    let (mut plain, _) = plain_client(false, &[]);
    let mut out = Vec::new();
    plain.handle(ms(1), plain_client::Input::TransportError, &mut out);
    assert_eq!((said(&mut out).as_str(), plain.poll_timeout()), ("~", None));
}

#[test]
fn the_ack_to_a_refusal_is_made_from_the_invite() {
    let mut out = Vec::new();
    let mut machine = InviteClient::start(ms(0), request("INVITE"), false, Timing::default(), &mut out);
    machine.handle(ms(0), invite_client::Input::Response(&response("INVITE", 404)), &mut out);
    let Some(Output::Send(ack)) = out.get(1).cloned() else { panic!("no ACK in {out:?}") };
    let ack = Message::parse(ack).unwrap();
    assert_eq!(ack.check(), Ok(()));
    assert_eq!(ack.method().as_bytes(), b"ACK");
    assert_eq!(ack.via().unwrap().branch, Some(&b"z9hG4bK1"[..]));
    assert_eq!(ack.to().unwrap().tag(), Some(&b"2"[..]));
}

fn plain_client(reliable: bool, codes: &[u16]) -> (PlainClient, String) {
    let mut out = Vec::new();
    let mut machine = PlainClient::start(ms(0), request("BYE"), reliable, Timing::default(), &mut out);
    for code in codes {
        machine.handle(ms(100), plain_client::Input::Response(*code), &mut out);
    }
    (machine, said(&mut out))
}

#[test]
fn timers_e_and_f_end_a_request_without_answer() {
    let (mut udp, sent) = plain_client(false, &[]);
    assert_eq!(sent, "!");
    assert_eq!(
        run(&mut udp),
        "E500* E1500* E3500* E7500* E11500* E15500* E19500* E23500* E27500* E31500* F32000#"
    );
    assert_eq!(run(&mut plain_client(true, &[]).0), "F32000#");
    // Proceeding: E fires at T1 once more, then every T2.
    let (mut udp, sent) = plain_client(false, &[100]);
    assert_eq!(sent, "!^");
    assert_eq!(run(&mut udp), "E500* E4500* E8500* E12500* E16500* E20500* E24500* E28500* F32000#");
}

#[test]
fn timer_k_absorbs_answers() {
    let (mut udp, sent) = plain_client(false, &[100, 200, 200, 500]);
    assert_eq!((sent.as_str(), run(&mut udp).as_str()), ("!^^", "K5100"));
    let (tcp, _) = plain_client(true, &[200]);
    assert!(matches!(tcp.state(), plain_client::State::Terminated));
}

fn invite_server(reliable: bool) -> InviteServer {
    let mut out = Vec::new();
    let invite = Message::parse(request("INVITE")).unwrap();
    let machine = InviteServer::start(ms(0), &invite, reliable, Timing::default(), &mut out);
    assert_eq!(said(&mut out), "");
    machine
}

fn respond(machine: &mut InviteServer, at: u64, code: u16) -> String {
    let mut out = Vec::new();
    machine.handle(ms(at), invite_server::Input::Respond(code, bytes("INVITE", code)), &mut out);
    said(&mut out)
}

#[test]
fn a_slow_user_is_covered_by_100_trying() {
    let mut machine = invite_server(false);
    let mut out = Vec::new();
    machine.handle(ms(100), invite_server::Input::Invite, &mut out);
    assert_eq!(said(&mut out), "");
    machine.handle(ms(200), invite_server::Input::Timeout, &mut out);
    let Some(Output::Send(trying)) = out.pop() else { panic!("no 100") };
    assert_eq!(status_of(&trying), Some(100));
    assert_eq!(Message::parse(trying).unwrap().to().unwrap().tag(), None);
    machine.handle(ms(600), invite_server::Input::Invite, &mut out);
    assert_eq!((said(&mut out).as_str(), machine.poll_timeout()), ("*", None));
    // A user that is quick enough leaves nothing to say.
    let mut quick = invite_server(false);
    assert_eq!((respond(&mut quick, 1, 180).as_str(), quick.poll_timeout()), ("!", None));
}

#[test]
fn timers_g_and_h_end_a_refusal_without_ack() {
    let mut udp = invite_server(false);
    assert_eq!(respond(&mut udp, 0, 486), "!");
    assert_eq!(respond(&mut udp, 1, 500), "", "a second final response is discarded");
    let mut out = Vec::new();
    udp.handle(ms(2), invite_server::Input::Invite, &mut out);
    assert_eq!(said(&mut out), "*");
    assert_eq!(
        run(&mut udp),
        "G500* G1500* G3500* G7500* G11500* G15500* G19500* G23500* G27500* G31500* H32000"
    );
    let mut tcp = invite_server(true);
    respond(&mut tcp, 0, 486);
    assert_eq!(run(&mut tcp), "H32000");
}

#[test]
fn timer_i_absorbs_acks() {
    let mut udp = invite_server(false);
    respond(&mut udp, 0, 486);
    let mut out = Vec::new();
    for input in [invite_server::Input::Ack, invite_server::Input::Ack, invite_server::Input::Invite] {
        udp.handle(ms(10), input, &mut out);
    }
    assert_eq!((said(&mut out).as_str(), run(&mut udp).as_str()), ("", "I5010"));
    let mut tcp = invite_server(true);
    respond(&mut tcp, 0, 486);
    tcp.handle(ms(10), invite_server::Input::Ack, &mut out);
    assert!(matches!(tcp.state(), invite_server::State::Terminated));
}

#[test]
fn timer_l_absorbs_invites_after_a_2xx() {
    for reliable in [false, true] {
        let mut machine = invite_server(reliable);
        assert_eq!(respond(&mut machine, 0, 200), "!");
        let mut out = Vec::new();
        machine.handle(ms(10), invite_server::Input::Invite, &mut out);
        machine.handle(ms(20), invite_server::Input::Ack, &mut out);
        assert_eq!((said(&mut out).as_str(), run(&mut machine).as_str()), ("^", "L32000"));
    }
}

#[test]
fn a_long_invite_is_answered_100_at_once_and_not_kept() {
    let long = String::from_utf8(request("INVITE").to_vec()).unwrap();
    let long = long.replace("Max-Forwards", &format!("X: {}\r\nMax-Forwards", "x".repeat(4000)));
    let mut out = Vec::new();
    let long = Message::parse(long.into()).unwrap();
    let machine = InviteServer::start(ms(0), &long, false, Timing::default(), &mut out);
    assert_eq!((said(&mut out).as_str(), machine.poll_timeout()), ("!", None));
}

#[test]
fn an_invite_without_ack_remembers_at_most_3_kb() {
    let long =
        Bytes::from([&bytes("INVITE", 486)[..], &[b'x'; invite_server::REMEMBERED_BYTES_MAX]].concat());
    let mut machine = invite_server(false);
    let mut out = Vec::new();
    machine.handle(ms(1), invite_server::Input::Respond(183, long.clone()), &mut out);
    assert_eq!((said(&mut out).as_str(), machine.response()), ("!", None));
    machine.handle(ms(2), invite_server::Input::Respond(486, long), &mut out);
    assert_eq!(said(&mut out), "!");
    assert!(matches!(machine.state(), invite_server::State::Terminated));
}

#[test]
fn timer_j_answers_again_and_an_unanswered_request_is_forgotten() {
    let mut out = Vec::new();
    let mut udp = PlainServer::start(ms(0), false, Timing::default());
    udp.handle(ms(1), plain_server::Input::Request, &mut out);
    assert_eq!(said(&mut out), "");
    for code in [100, 200, 500] {
        udp.handle(ms(2), plain_server::Input::Respond(code, bytes("BYE", code)), &mut out);
        udp.handle(ms(3), plain_server::Input::Request, &mut out);
    }
    assert_eq!((said(&mut out).as_str(), run(&mut udp).as_str()), ("!*!**", "J32002"));
    let mut tcp = PlainServer::start(ms(0), true, Timing::default());
    tcp.handle(ms(2), plain_server::Input::Respond(200, bytes("BYE", 200)), &mut out);
    assert!(matches!(tcp.state(), plain_server::State::Terminated));
    assert_eq!(run(&mut PlainServer::start(ms(0), false, Timing::default())), "Abandoned32000");
}

#[test]
fn a_status_is_read_from_the_first_bytes() {
    let check = |text: &[u8], code| assert_eq!(status_of(text), code, "{}", text.escape_ascii());
    check(b"SIP/2.0 200 OK\r\n", Some(200));
    check(b"SIP/2.0 099 \r\n", None);
    check(b"SIP/2.0 2x0 OK", None);
    check(b"SIP/2.0 700 OK", None);
    check(b"SIP/2.0 20", None);
    check(b"INVITE sip:a SIP/2.0", None);
}

#[test]
fn fingerprints_follow_the_matching_rules() {
    let ring = Keyring::new(&mut Random::seeded(3));
    let key = |text: &str, method: &[u8]| {
        let message = Message::parse(text.to_owned().into()).unwrap();
        let via = message.via().unwrap();
        ring.server(&message, &via, method)
    };
    let invite = String::from_utf8(request("INVITE").to_vec()).unwrap();
    let same =
        |change: (&str, &str)| key(&invite, b"INVITE") == key(&invite.replace(change.0, change.1), b"INVITE");
    assert!(same(("UDP a;", "UDP A;")), "hosts without case");
    assert!(same(("Call-ID: 1@a", "Call-ID: 2@a")), "RFC 3261: the branch alone");
    assert!(!same(("z9hG4bK1", "z9hG4bK2")));
    assert!(!same(("UDP a;", "UDP a:5061;")));
    assert_ne!(key(&invite, b"INVITE"), key(&invite, b"CANCEL"));
    // RFC 2543, also with the bare cookie: everything else counts.
    for branch in [";branch=z9hG4bK\r", "\r", ";branch=1\r"] {
        let old = invite.replace(";branch=z9hG4bK1\r", branch);
        let same =
            |change: (&str, &str)| key(&old, b"INVITE") == key(&old.replace(change.0, change.1), b"INVITE");
        assert!(same(("To: <sip:bob@b>", "To: <sip:bob@b>;tag=2")), "the ACK has a To tag");
        assert!(same(("CSeq: 1 INVITE", "CSeq: 1 ACK")));
        for change in
            [("sip:bob@b SIP", "sip:bob@c SIP"), ("tag=1", "tag=3"), ("1@a", "2@a"), ("CSeq: 1", "CSeq: 2")]
        {
            assert!(!same(change), "{change:?} with {branch}");
        }
    }
}

#[test]
fn the_schedule_stays_small() {
    let mut schedule = Schedule::default();
    for n in 0..100_000_u64 {
        schedule.push(ms(32_000 + n), n);
        schedule.sweep(1, |_, owner| owner == n || owner == 0);
    }
    assert!(schedule.len() < 2000, "{} entries", schedule.len());
    assert_eq!(schedule.peek(), Some((ms(32_000), 0)));
}
