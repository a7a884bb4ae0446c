//! The handshakes themselves: who is let in over WebSocket and TLS, and keep-alives.

use super::{KINDS, Server, options};
use crate::harness::certificate::Certificate;
use crate::harness::wire::{Came, Wire, sip_request};
use std::io::{Read, Write};
use std::net::TcpStream;
use strowger::net::connections::Limits;
use strowger::sip::endpoint::Transport;
use strowger::sip::msg::{Message, Name};
use tokio_rustls::rustls;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn status(
    result: &Result<(), tungstenite::HandshakeError<tungstenite::ClientHandshake<TcpStream>>>,
) -> Option<u16> {
    match result {
        Ok(()) => Some(101),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Some(response.status().as_u16())
        }
        Err(_) => None,
    }
}

#[test]
fn a_web_socket_must_speak_sip_and_come_from_a_page_that_may() {
    let server = Server::start(Limits::default(), &["https://phone.example.com"]);
    let address = server.address(Transport::Ws);
    let check = |subprotocol, origin, expected| {
        let stream = TcpStream::connect(address).expect("it listens");
        let result = tungstenite::client(sip_request(address, subprotocol, origin), stream);
        if let Ok((_, response)) = &result {
            assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip", "RFC 7118 section 5");
        }
        assert_eq!(status(&result.map(|_| ())), Some(expected), "{subprotocol:?} from {origin:?}");
    };
    check(Some("sip"), None, 101);
    check(Some("chat, sip"), Some("https://phone.example.com"), 101);
    check(Some("sip"), Some("https://evil.example"), 403);
    check(Some("chat"), None, 400);
    check(None, None, 400);
}

#[test]
fn tls_shows_the_right_certificate() {
    let server = Server::start(Limits::default(), &[]);
    let other = Certificate::make(
        &std::env::temp_dir().join(format!("strowger-other-{}", std::process::id())),
        &["x"],
    );
    for transport in [Transport::Tls, Transport::Wss] {
        let address = server.address(transport);
        assert!(Wire::connect(transport, address, &server.certificate, "pbx.example.com").is_ok());
        assert!(Wire::connect(transport, address, &server.certificate, "127.0.0.1").is_ok());
        assert!(Wire::connect(transport, address, &server.certificate, "other.example.com").is_err());
        assert!(Wire::connect(transport, address, &other, "pbx.example.com").is_err());
    }
    let _ = std::fs::remove_dir_all(other.certificate.parent().expect("a folder"));
}

/// RFC 5626 section 3.5.1.
#[test]
fn keep_alives_are_answered_on_every_connection() {
    let server = Server::start(Limits::default(), &[]);
    for transport in KINDS {
        let mut wire = server.connect(transport);
        assert!(wire.send(b"\r\n\r\n"));
        assert!(matches!(wire.receive(), Came::Pong), "{transport:?}");
        assert!(wire.send(&options("good", "Content-Length: 0\r\n", b"")));
        assert_eq!(wire.answer("good").status(), Some(200), "{transport:?}");
    }
}

/// RFC 6455 section 5.4: a message may come in fragments, with pings between them; RFC 7118 section 5: as text or binary.
#[test]
fn a_message_in_fragments_is_one_message() {
    let server = Server::start(Limits::default(), &[]);
    let address = server.address(Transport::Ws);
    let stream = TcpStream::connect(address).expect("it listens");
    let (mut socket, _) =
        tungstenite::client(sip_request(address, Some("sip"), None), stream).expect("let in");
    let good = options("good", "", b"");
    for cut in [1, 20, good.len() / 2, good.len() - 1] {
        let (first, rest) = good.split_at(cut);
        let start = Frame::message(first.to_vec(), OpCode::Data(Data::Binary), false);
        let end = Frame::message(rest.to_vec(), OpCode::Data(Data::Continue), true);
        socket.send(tungstenite::Message::Frame(start)).expect("taken");
        socket.send(tungstenite::Message::Ping(b"still there?".as_slice().into())).expect("taken");
        socket.send(tungstenite::Message::Frame(end)).expect("taken");
        let mut pong = false;
        let answer = loop {
            match socket.read().expect("the connection lives") {
                tungstenite::Message::Text(text) => break text,
                tungstenite::Message::Pong(_) => pong = true,
                other => panic!("{other:?}"),
            }
        };
        assert!(pong, "a ping is answered at once");
        let answer = Message::parse(answer.as_bytes().to_vec().into()).expect("a message");
        assert_eq!(
            (answer.status(), answer.header(Name::CallId)),
            (Some(200), Some(&b"good"[..])),
            "cut at {cut}"
        );
    }
}

#[test]
fn both_versions_of_tls_are_spoken_and_no_older_one() {
    let server = Server::start(Limits::default(), &[]);
    let address = server.address(Transport::Tls);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut tcp = TcpStream::connect(address).expect("it listens");
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a timeout");
        let name = "pbx.example.com".try_into().expect("a name");
        let client = server.certificate.client_of(&[version]);
        let mut client = rustls::ClientConnection::new(client, name).expect("a client");
        while client.is_handshaking() {
            client.complete_io(&mut tcp).expect("the handshake is done");
        }
        assert_eq!(client.protocol_version(), Some(version.version));
    }
    // The beginning of a ClientHello of TLS 1.1: an alert, or the end of the connection.
    let mut tcp = TcpStream::connect(address).expect("it listens");
    tcp.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a timeout");
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x14, 1, 0]);
    tcp.write_all(&hello).expect("it takes bytes");
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer[0] == 0x15, "an alert at the most: {answer:?}");
}
