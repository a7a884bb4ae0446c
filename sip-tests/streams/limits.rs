//! What ends a connection: silence before and after the handshake, a message that comes in drops, too many of them, a
//! peer that does not read; and what keeps one.

#![allow(clippy::disallowed_methods, reason = "real sockets live in real time")]

use super::{KINDS, Server, options};
use crate::harness::wire::{Came, Wire};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use strowger::net::connections::Limits;
use strowger::sip::endpoint::Transport;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

/// Everything else is patient.
fn patient() -> Limits {
    Limits { handshake: LONG, first_message: LONG, message: LONG, idle: LONG, ..Limits::default() }
}

/// Reads until the switch closes.
#[track_caller]
fn ends(mut stream: TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let reset = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(read.is_ok() || reset, "the connection should have ended: {read:?}");
}

#[test]
fn a_peer_that_never_shakes_hands_is_closed() {
    let server = Server::start(Limits { handshake: SHORT, ..patient() }, &[]);
    for transport in [Transport::Tls, Transport::Ws, Transport::Wss] {
        ends(TcpStream::connect(server.address(transport)).expect("it listens"));
        // Half a handshake is none.
        let mut half = TcpStream::connect(server.address(transport)).expect("it listens");
        half.write_all(if transport == Transport::Ws {
            b"GET / HTTP/1.1\r\nHost:"
        } else {
            b"\x16\x03\x01\x02"
        })
        .expect("it takes them");
        ends(half);
    }
}

#[test]
fn a_peer_that_never_says_anything_whole_is_closed() {
    let server = Server::start(Limits { first_message: SHORT, ..patient() }, &[]);
    for transport in KINDS {
        let mut silent = server.connect(transport);
        assert!(matches!(silent.receive(), Came::Closed), "{transport:?}");
        let mut pinging = server.connect(transport);
        assert!(pinging.send(b"\r\n\r\n"));
        assert!(matches!(pinging.receive(), Came::Pong), "{transport:?}");
        assert!(matches!(pinging.receive(), Came::Closed), "{transport:?}: pings are nothing whole");
    }
}

#[test]
fn a_message_in_drops_and_a_long_silence_end_it() {
    let good = options("good", "Content-Length: 0\r\n", b"");
    let server = Server::start(Limits { message: SHORT, ..patient() }, &[]);
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut wire = server.connect(transport);
        assert!(wire.send(&good));
        assert_eq!(wire.answer("good").status(), Some(200));
        assert!(wire.send(&good[..40]));
        assert!(matches!(wire.receive(), Came::Closed), "{transport:?}: the rest never comes");
    }
    let server = Server::start(Limits { idle: SHORT, ..patient() }, &[]);
    for transport in KINDS {
        let mut wire = server.connect(transport);
        assert!(wire.send(&good));
        assert_eq!(wire.answer("good").status(), Some(200));
        assert!(matches!(wire.receive(), Came::Closed), "{transport:?}: idle");
    }
}

#[test]
fn one_source_has_so_many_and_no_more() {
    let server = Server::start(Limits { per_source_max: 3, ..patient() }, &[]);
    let good = options("good", "Content-Length: 0\r\n", b"");
    let mut kept: Vec<Wire> = (0..3).map(|_| server.connect(Transport::Tcp)).collect();
    for wire in &mut kept {
        assert!(wire.send(&good));
        assert_eq!(wire.answer("good").status(), Some(200));
    }
    ends(TcpStream::connect(server.address(Transport::Tls)).expect("the kernel takes it"));
    // One that ends makes room for another.
    drop(kept.pop());
    let began = std::time::Instant::now();
    loop {
        let mut wire = server.connect(Transport::Tcp);
        if wire.send(&good) && matches!(wire.receive(), Came::Message(_)) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no room was made");
    }
}

#[test]
fn a_peer_that_does_not_read_is_closed() {
    let limits = Limits { waiting_messages_max: 16, last_words: SHORT, ..patient() };
    let server = Server::start(limits, &[]);
    let mut stream = TcpStream::connect(server.address(Transport::Tcp)).expect("it listens");
    stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // Answers of some 500 bytes: the kernel's buffers take a few thousand of them.
    let mut sent = 0_u32;
    loop {
        let name = format!("slow{sent}");
        if stream.write_all(&options(&name, "Content-Length: 0\r\n", b"")).is_err() {
            break;
        }
        sent += 1;
        assert!(sent < 100_000, "what nobody reads is kept without end");
    }
    // Others are served as ever.
    let mut wire = server.connect(Transport::Tls);
    assert!(wire.send(&options("good", "Content-Length: 0\r\n", b"")));
    assert_eq!(wire.answer("good").status(), Some(200));
}
