//! Subscriptions and connections: what is watched over a connection ends with it (RFC 5626), and who refreshes from
//! elsewhere has to show who he is.

use crate::harness::exchange::sends;
use crate::harness::network::Quality;
use crate::harness::world::World;
use bytes::Bytes;
use strowger::ids::Random;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};
use strowger::switch::core::Input;

fn flow(port: u16) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: "10.0.0.1:5060".parse().expect("an address"),
        remote: std::net::SocketAddr::new("10.1.0.9".parse().expect("an address"), port),
        connection: port.into(),
    }
}

fn subscribe(cseq: u32, to_tag: &str, line: &str) -> String {
    format!(
        "SUBSCRIBE sip:1002@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.1.0.9;branch=z9hG4bKs{cseq}\r\nMax-Forwards: 70\r\n\
         From: <sip:1001@example.com>;tag=f\r\nTo: <sip:1002@example.com>{to_tag}\r\nCall-ID: over-tcp\r\n\
         CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:1001@10.1.0.9:33333;transport=tcp>\r\nEvent: dialog\r\n\
         Expires: 600\r\n{line}Content-Length: 0\r\n\r\n"
    )
}

/// What comes back over that connection.
fn receive(world: &mut World, flow: Flow, text: String) -> Vec<Message> {
    let outputs = world.switch.input(Input::Received { flow, bytes: Bytes::from(text) });
    let sent = sends(outputs).into_iter();
    sent.map(|(way, bytes)| {
        assert_eq!(way, flow, "it goes where it came from");
        Message::parse(bytes).expect("a message")
    })
    .collect()
}

fn authorization(user: &str, challenged: &Message, count: u32) -> String {
    let challenge = Challenge::topmost(challenged, Name::WwwAuthenticate).expect("a challenge");
    let value = Login::with_password(user, "pw")
        .answer(&challenge, Method::Subscribe, b"sip:1002@example.com", count, &mut Random::seeded(1))
        .expect("an answer");
    format!("Authorization: {}\r\n", String::from_utf8(value).expect("text"))
}

/// A subscription over a connection; the tag of the switch in it.
fn watched(world: &mut World, flow: Flow) -> String {
    let challenged = receive(world, flow, subscribe(1, "", "")).remove(0);
    assert_eq!(challenged.status(), Some(401));
    let line = authorization("1001", &challenged, 1);
    let came = receive(world, flow, subscribe(2, "", &line));
    let [answer, notify] = &came[..] else { panic!("a 200 and then a NOTIFY: {}", came.len()) };
    assert_eq!((answer.status(), notify.method()), (Some(200), Method::Notify), "in this order");
    let accepted = ResponseWriter::to(notify, 200, "OK").finish();
    world.switch.input(Input::Received { flow, bytes: accepted });
    let tag = answer.to().expect("a To").tag().expect("a tag").to_vec();
    format!(";tag={}", String::from_utf8(tag).expect("text"))
}

#[test]
fn a_lost_connection_ends_its_subscriptions() {
    let mut world = World::new(Quality::CLEAN, 1);
    watched(&mut world, flow(33333));
    assert_eq!(world.tables().subscriptions, 1);
    world.core(Input::FlowFailed(flow(44444)));
    assert_eq!(world.tables().subscriptions, 1, "another's connection");
    world.core(Input::FlowFailed(flow(33333)));
    assert_eq!(world.tables().subscriptions, 0);
    world.finish();
}

#[test]
fn a_refresh_from_elsewhere_shows_who_it_is() {
    let mut world = World::new(Quality::CLEAN, 1);
    let tag = watched(&mut world, flow(33333));
    // Over the same connection it needs no password: the tags are known to the two alone.
    let came = receive(&mut world, flow(33333), subscribe(3, &tag, ""));
    assert_eq!(came[0].status(), Some(200));
    world.switch.input(Input::Received {
        flow: flow(33333),
        bytes: ResponseWriter::to(&came[1], 200, "OK").finish(),
    });
    let challenged = receive(&mut world, flow(44444), subscribe(4, &tag, "")).remove(0);
    assert_eq!(challenged.status(), Some(401));
    let line = authorization("1003", &challenged, 1);
    let came = receive(&mut world, flow(44444), subscribe(5, &tag, &line));
    assert_eq!(came[0].status(), Some(403), "another phone");
    let line = authorization("1001", &challenged, 2);
    let came = receive(&mut world, flow(44444), subscribe(6, &tag, &line));
    assert_eq!((came[0].status(), came[1].method()), (Some(200), Method::Notify), "he has moved");
    // The old connection is nobody's any more; with the new one it ends.
    world.core(Input::FlowFailed(flow(33333)));
    assert_eq!(world.tables().subscriptions, 1);
    world.core(Input::FlowFailed(flow(44444)));
    assert_eq!(world.tables().subscriptions, 0);
    world.finish();
}
