//! The table of inputs: what a peer may send to make one message look like two, or two like one, and what comes of it on
//! each transport. No request hidden in another is ever answered, and nothing that is malformed is met with silence.

use super::{KINDS, Server, exchange, options};
use crate::harness::exchange::Exchange;
use crate::harness::wire::{Came, Wire};
use bytes::Bytes;
use strowger::net::connections::Limits;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::frame::{Frame, Framer, Whole, whole};
use strowger::sip::msg::{Message, Name};

/// What becomes of an input.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Fate {
    /// The answer to the outer request.
    status: Option<u16>,
    /// Whether the connection is closed.
    closes: bool,
    /// Whether the inner request, a message of its own by all rules, is answered.
    inner: bool,
}

const fn open(status: u16) -> Fate {
    Fate { status: Some(status), closes: false, inner: false }
}

const fn closed(status: u16) -> Fate {
    Fate { status: Some(status), closes: true, inner: false }
}

const SILENT_END: Fate = Fate { status: None, closes: true, inner: false };

/// An input, and its fate on byte streams and on WebSockets.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    stream: Fate,
    socket: Fate,
}

fn inner() -> Vec<u8> {
    options("inner", "Content-Length: 0\r\n", b"")
}

/// The outer request says its length so, and has the inner one as its body.
fn says(name: &'static str, lines: &str, stream: Fate, socket: Fate) -> Case {
    let lines = lines.replace("{N}", &inner().len().to_string());
    Case { name, bytes: options("outer", &lines, &inner()), stream, socket }
}

fn same(name: &'static str, lines: &str, fate: Fate) -> Case {
    says(name, lines, fate, fate)
}

fn lengths() -> Vec<Case> {
    vec![
        same("as it should be", "Content-Length: {N}\r\n", open(200)),
        same("blank before the colon", "Content-Length : {N}\r\n", open(200)),
        same("tabs around the colon", "Content-Length\t:\t{N}\r\n", open(200)),
        same("compact form", "l: {N}\r\n", open(200)),
        same("compact form in capitals", "L:{N}\r\n", open(200)),
        same("other case", "cOnTeNt-LeNgTh: {N}\r\n", open(200)),
        same("folded", "Content-Length:\r\n  {N}\r\n", open(200)),
        same("leading zeros", "Content-Length: 0000{N}\r\n", open(200)),
        same("twice the same", "Content-Length: {N}\r\nl: {N}\r\n", open(200)),
        same("two that differ", "Content-Length: {N}\r\nContent-Length: 0\r\n", closed(400)).or_open(400),
        same("two that differ, the small first", "l: 0\r\nContent-Length: {N}\r\n", closed(400)).or_open(400),
        same("a list", "Content-Length: {N}, {N}\r\n", closed(400)).or_open(400),
        same("negative", "Content-Length: -1\r\n", closed(400)).or_open(400),
        same("signed", "Content-Length: +{N}\r\n", closed(400)).or_open(400),
        same("hexadecimal", "Content-Length: 0x10\r\n", closed(400)).or_open(400),
        same("a fraction", "Content-Length: 1.0\r\n", closed(400)).or_open(400),
        same("with a parameter", "Content-Length: 0;x=1\r\n", closed(400)).or_open(400),
        same("empty", "Content-Length:\r\n", closed(400)).or_open(400),
        same("beyond 64 bits", "Content-Length: 99999999999999999999\r\n", closed(400)).or_open(400),
        same("beyond 32 bits", "Content-Length: 4294967296\r\n", closed(400)).or_open(400),
        same("zero by overflow", "Content-Length: 18446744073709551616\r\n", closed(400)).or_open(400),
        same("longer than any message", "Content-Length: 4294967295\r\n", closed(513)).or_open(400),
        same("folded into two numbers", "Content-Length: 1\r\n 0\r\n", closed(400)).or_open(400),
        // RFC 7118 section 5.3: over WebSocket the length may be missing.
        says("missing", "", closed(400), open(200)),
        same("in a quoted string", "Subject: \"x\r\nContent-Length: 0\r\nX: y\"\r\nl: {N}\r\n", closed(400))
            .or_open(400),
        // By its length it is a message of its own on a stream, and one too many in a WebSocket message.
        says(
            "none, and more behind it",
            "Content-Length: 0\r\n",
            Fate { inner: true, ..open(200) },
            closed(400),
        ),
    ]
}

impl Case {
    /// Over WebSocket, which does not need the length, the connection stays open.
    fn or_open(self, status: u16) -> Self {
        Self { socket: open(status), ..self }
    }
}

fn whole_messages() -> Vec<Case> {
    let with = |lines: &str| options("outer", &format!("{lines}Content-Length: 0\r\n"), b"");
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let many = "X-Many: y\r\n".repeat(200);
    let raw = |lines: &[u8]| {
        let text = options("outer", "MARK\r\nContent-Length: 0\r\n", b"");
        let at = text.windows(4).position(|four| four == b"MARK").expect("it is there");
        [&text[..at], lines, &text[at + 4..]].concat()
    };
    let case = |name, bytes, fate| Case { name, bytes, stream: fate, socket: fate };
    vec![
        case("bytes that are no UTF-8 in a value", raw(b"Subject: \xff\xfe\x80"), open(200)),
        case("bytes that are no UTF-8 in a name", raw(b"Sub\xffject: x"), open(400)),
        case("a NUL in a name", raw(b"Content-Length\0: 7"), open(400)),
        case("a line without a colon", raw(b"no colon here"), open(400)),
        case("folded lines", with("Subject: one\r\n two\r\n\tthree\r\n"), open(200)),
        Case { socket: open(400), ..case("a line beyond every limit", with(&long), closed(513)) },
        case("lines beyond every limit", with(&many), open(400)),
        case("no start line", b"GARBAGE\r\nX: y\r\nContent-Length: 0\r\n\r\n".to_vec(), SILENT_END),
        case("no Via", b"OPTIONS sip:x SIP/2.0\r\nCall-ID: outer\r\nl: 0\r\n\r\n".to_vec(), SILENT_END),
        case(
            "a Via that can't be read",
            b"OPTIONS sip:x SIP/2.0\r\nVia: what?\r\nCall-ID: outer\r\nl: 0\r\n\r\n".to_vec(),
            open(400),
        ),
        case("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec(), SILENT_END),
        case("a wrong status line", b"SIP/2.0 20 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), SILENT_END),
    ]
}

fn table() -> Vec<Case> {
    let mut all = lengths();
    all.extend(whole_messages());
    all
}

fn probe() -> Vec<u8> {
    options("probe", "Content-Length: 0\r\n", b"")
}

/// What was seen of an input that was followed by a good request.
#[derive(Default, Debug)]
struct Seen {
    outer: Option<u16>,
    inner: bool,
    probe: bool,
}

impl Seen {
    fn note(&mut self, answer: &Message) {
        match answer.header(Name::CallId) {
            Some(b"outer") => self.outer = answer.status(),
            Some(b"inner") => self.inner = true,
            Some(b"probe") => self.probe = true,
            _ => panic!("an answer to nothing: {answer:?}"),
        }
    }

    #[track_caller]
    fn check(&self, case: &Case, transport: Transport, on: &str) {
        let fate =
            if matches!(transport, Transport::Ws | Transport::Wss) { case.socket } else { case.stream };
        let found = Fate { status: self.outer, closes: !self.probe, inner: self.inner };
        assert_eq!(found, fate, "{} over {transport:?}, {on}", case.name);
    }
}

fn flow(transport: Transport) -> Flow {
    let local = "10.0.0.1:5060".parse().expect("an address");
    Flow { transport, local, remote: "192.0.2.7:40000".parse().expect("an address"), connection: 2 }
}

/// Frames and answers as a connection's reader does, without a socket.
fn virtually(exchange: &mut Exchange, transport: Transport, pieces: &[&[u8]]) -> Seen {
    let mut seen = Seen::default();
    let flow = flow(transport);
    let mut answered = |exchange: &mut Exchange, bytes: &Bytes| {
        for (_, answer) in exchange.receive(flow, bytes) {
            seen.note(&Message::parse(answer).expect("our own answer"));
        }
    };
    let mut broken = None;
    if matches!(transport, Transport::Ws | Transport::Wss) {
        for piece in pieces {
            match whole(Bytes::copy_from_slice(piece)) {
                Ok(Whole::Message(bytes)) => answered(exchange, &bytes),
                Ok(Whole::Ping | Whole::Pong) => {}
                Err(bad) => {
                    broken = Some(bad);
                    break;
                }
            }
        }
    } else {
        let mut framer = Framer::new();
        'stream: for piece in pieces {
            framer.push(piece);
            loop {
                match framer.pop() {
                    Ok(Some(Frame::Message(message))) => answered(exchange, message.as_bytes()),
                    Ok(Some(Frame::Ping)) => {}
                    Ok(None) => break,
                    Err(bad) => {
                        broken = Some(bad);
                        break 'stream;
                    }
                }
            }
        }
    }
    if let Some(answer) = broken.and_then(|bad| bad.answer(flow.remote)) {
        seen.note(&Message::parse(answer).expect("our own answer"));
    }
    seen
}

#[test]
fn every_input_in_virtual_time() {
    for case in table() {
        for transport in KINDS {
            let seen = virtually(&mut exchange(), transport, &[&case.bytes, &probe()]);
            seen.check(&case, transport, "in virtual time");
        }
    }
}

#[test]
fn every_input_over_every_socket() {
    let server = Server::start(Limits::default(), &[]);
    for case in table() {
        for transport in KINDS {
            let mut wire = server.connect(transport);
            let seen = converse(&mut wire, &case.bytes);
            seen.check(&case, transport, "over a socket");
        }
    }
}

/// Sends the input and a good request behind it, and reads until that is answered or the connection has ended.
fn converse(wire: &mut Wire, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    // The switch may have closed after the first.
    let _ = wire.send(bytes) && wire.send(&probe());
    while !seen.probe {
        match wire.receive() {
            Came::Message(answer) => seen.note(&answer),
            Came::Pong => {}
            Came::Closed => break,
        }
    }
    seen
}

/// However a stream is cut, the same messages come out of it: two cuts at each place, and every byte by itself.
#[test]
fn a_stream_cut_at_each_place_is_the_same_stream() {
    let n = inner().len().to_string();
    let outer = options("outer", &format!("Subject: a\r\n b\r\nContent-Length :\r\n\t{n}\r\n"), &inner());
    let all = [b"\r\n\r\n".as_slice(), &outer, b"\r\n", &probe()].concat();
    let check = |pieces: &[&[u8]], what: &str| {
        let seen = virtually(&mut exchange(), Transport::Tcp, pieces);
        assert!(seen.outer == Some(200) && seen.probe && !seen.inner, "{what}: {seen:?}");
    };
    for at in 0..=all.len() {
        let (first, second) = all.split_at(at);
        check(&[first, second], &format!("cut at {at}"));
    }
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    check(&bytes, "byte by byte");
    // The same over sockets, at fewer places: a cut is a packet of its own there.
    let server = Server::start(Limits::default(), &[]);
    for transport in [Transport::Tcp, Transport::Tls] {
        for step in [1, 13, 97] {
            let mut wire = server.connect(transport);
            for piece in all.chunks(step) {
                assert!(wire.send(piece));
            }
            let mut seen = Seen::default();
            while !seen.probe {
                match wire.receive() {
                    Came::Message(answer) => seen.note(&answer),
                    Came::Pong => {}
                    Came::Closed => panic!("{transport:?} in pieces of {step}: closed"),
                }
            }
            assert!(seen.outer == Some(200) && !seen.inner, "{transport:?} in pieces of {step}: {seen:?}");
        }
    }
}

/// An INVITE whose length is missing is refused; it does not become a call without an offer.
#[test]
fn an_invite_without_its_length_is_no_call() {
    let invite = "INVITE sip:2001@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKouter\r\nMax-Forwards: 70\r\n\
                  From: <sip:a@b>;tag=1\r\nTo: <sip:2001@example.com>\r\nCall-ID: outer\r\nCSeq: 1 INVITE\r\n\
                  Contact: <sip:a@h>\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";
    let seen = virtually(&mut exchange(), Transport::Tcp, &[invite.as_bytes()]);
    assert_eq!(seen.outer, Some(400));
    let ack = invite.replace("INVITE", "ACK");
    let seen = virtually(&mut exchange(), Transport::Tcp, &[ack.as_bytes(), &probe()]);
    assert!(
        seen.outer.is_none() && !seen.probe,
        "an ACK is never answered, and the connection ends: {seen:?}"
    );
}
