//! The transport tells at once that nobody is there (F13): the next agent rings without waiting for a timer; a phone whose
//! TCP connection is lost is unreachable (RFC 5626).

use crate::harness::network::Quality;
use crate::harness::world::World;
use bytes::Bytes;
use std::time::Duration;
use strowger::ids::Random;
use strowger::record::AgentStatus;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::{Message, Method, Name};
use strowger::switch::core::{Input, Output};

#[test]
fn the_next_agent_rings_at_once() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let bruno = world.add_phone("1002");
    let carrier = world.add_carrier();
    world.phone(alice).off = true;
    world.phone(bruno).off = true;
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let first = world.offers().first().map(|offer| offer.agent.clone()).expect("an offer");
    let (gone, there) = if first.as_str() == "alice" { (alice, bruno) } else { (bruno, alice) };
    world.phone(there).off = false;
    let flow = Flow {
        transport: Transport::Udp,
        local: "10.0.0.1:5060".parse().expect("an address"),
        remote: world.phone(gone).sip,
        connection: 0,
    };
    world.core(Input::FlowFailed(flow));
    let before = world.now;
    let called = world.rings(there);
    let after = world.now.since(before);
    world.check(after <= Duration::from_millis(100), &format!("after {after:?}"));
    world.answer(called);
    world.talk_and_end(calling, called);
    world.finish();
}

#[test]
fn a_lost_connection_makes_its_agent_unreachable() {
    let mut world = World::new(Quality::CLEAN, 1);
    let flow = Flow {
        transport: Transport::Tcp,
        local: "10.0.0.1:5060".parse().expect("an address"),
        remote: "10.1.0.9:33333".parse().expect("an address"),
        connection: 9,
    };
    let register = |cseq: u32, authorization: &str| {
        format!(
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.1.0.9;branch=z9hG4bKr{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:1001@example.com>;tag=f\r\nTo: <sip:1001@example.com>\r\nCall-ID: over-tcp\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <sip:1001@10.1.0.9:33333;transport=tcp>\r\n\
             {authorization}Content-Length: 0\r\n\r\n"
        )
    };
    let mut receive = |text: String| {
        let outputs = world.switch.input(Input::Received { flow, bytes: Bytes::from(text) });
        let send = outputs.into_iter().find_map(|output| match output {
            Output::Send { bytes, .. } => Some(bytes),
            _ => None,
        });
        Message::parse(send.expect("an answer")).expect("a message")
    };
    let challenged = receive(register(1, ""));
    let challenge = Challenge::topmost(&challenged, Name::WwwAuthenticate).expect("a challenge");
    let value = Login::with_password("1001", "pw")
        .answer(&challenge, Method::Register, b"sip:example.com", 1, &mut Random::seeded(1))
        .expect("an answer");
    let line = format!("Authorization: {}\r\n", String::from_utf8(value).expect("text"));
    assert_eq!(receive(register(2, &line)).status(), Some(200));
    assert_eq!(world.agent("alice").status, AgentStatus::Ready);
    world.core(Input::FlowFailed(flow));
    assert_eq!(world.agent("alice").status, AgentStatus::Unreachable);
    world.finish();
}
