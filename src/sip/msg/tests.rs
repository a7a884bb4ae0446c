//! Messages as a whole: parsing, writing, editing and framing, with mutated input.

use crate::sip::msg::ContentLength;
use crate::sip::msg::Edits;
use crate::sip::msg::Fault;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::NameAddr;
use crate::sip::msg::Transport;
use crate::sip::msg::frame::Frame;
use crate::sip::msg::frame::Framer;
use crate::sip::msg::limits;
use crate::sip::msg::write;
use crate::sip::msg::write::RequestWriter;
use crate::sip::msg::write::ResponseWriter;
use bytes::Bytes;
use proptest::prelude::*;

const INVITE: &str = "INVITE sip:100@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport, SIP/2.0/TCP p.example.com;branch=z9hG4bKb\r\n\
    v: SIP/2.0/TLS q.example.com;branch=z9hG4bKc\r\n\
    Record-Route: <sip:p.example.com;lr>\r\n\
    Route: <sip:r1;lr>, <sip:r2;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: \"A, B\" <sip:a@example.com>;tag=f1\r\n\
    To: <sip:100@example.com>\r\n\
    Call-ID: c1@example.com\r\n\
    CSeq: 7 INVITE\r\n\
    X-Other:  kept  as it is \r\n\
    Contact: <sip:a@10.0.0.1:5062>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\r\nv=0\n";

fn parsed(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).expect(text)
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("we wrote text")
}

/// `INVITE` with one part replaced.
fn with(from: &str, to: &str) -> Message {
    assert!(INVITE.contains(from), "{from}");
    parsed(&INVITE.replacen(from, to, 1))
}

fn defect(from: &str, to: &str) -> String {
    with(from, to).check().map_or_else(|d| format!("{} {}", d.status, d.reason), |()| "ok".into())
}

#[test]
fn a_request_is_read() {
    let message = parsed(INVITE);
    assert_eq!(message.check(), Ok(()));
    assert_eq!((message.method(), message.request_uri_raw()), (Method::Invite, &b"sip:100@example.com"[..]));
    assert_eq!(message.via().unwrap().branch, Some(&b"z9hG4bKa"[..]));
    assert_eq!(message.vias().filter_map(Result::ok).count(), 3);
    assert_eq!(message.headers(Name::Via).count(), 2);
    assert_eq!(message.from().unwrap().display, b"A, B");
    assert_eq!(message.header_by_name(b"x-OTHER"), Some(&b"kept  as it is"[..]));
    assert_eq!(message.header_by_name(b"m"), Some(&b"<sip:a@10.0.0.1:5062>"[..]));
    assert_eq!(message.all_headers().count(), 13);
    assert_eq!((message.body(), message.content_length()), (Bytes::from_static(b"v=0\n"), Ok(Some(4))));
    assert_eq!(
        message.routes().map(|r| r.unwrap().uri.raw.to_vec()).collect::<Vec<_>>(),
        [b"sip:r1;lr", b"sip:r2;lr"]
    );
    assert_eq!(format!("{message:?}"), "Message(INVITE, 492 bytes)");
}

#[test]
fn what_cannot_be_indexed() {
    let fault = |bytes: &[u8]| Message::parse(Bytes::copy_from_slice(bytes)).unwrap_err();
    assert_eq!(fault(b""), Fault::KeepAlive);
    assert_eq!(fault(b"\r\n\r\n"), Fault::KeepAlive);
    assert_eq!(fault(&[b'a'; limits::MESSAGE_LEN_MAX + 1]), Fault::TooLong);
    assert_eq!(fault(b"\x16\x03\x01\x02"), Fault::StartLine);
    assert_eq!(fault(b"INVITE\r\n\r\n"), Fault::StartLine);
    for status in
        ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 20 OK", "SIP/3.0 200 OK", "SIP/2.0 2000 x", "SIP/2.0"]
    {
        assert_eq!(fault(status.as_bytes()), Fault::StatusLine, "{status}");
    }
    assert_eq!(parsed("sip/2.0 200\r\n\r\n").status(), Some(200));
    assert!(parsed(&format!("\r\n\r\n{INVITE}")).check().is_ok());
}

#[test]
fn defects_of_the_start_line() {
    assert_eq!(defect("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), "505 Version Not Supported");
    assert_eq!(defect("SIP/2.0\r\nVia", "HTTP/1.1\r\nVia"), "400 Malformed Request Line");
    assert_eq!(defect("SIP/2.0\r\nVia", "sip/2.0\r\nVia"), "ok");
    assert_eq!(defect(" SIP/2.0\r\nVia", "\r\nVia"), "400 Malformed Request Line");
    assert_eq!(defect("INVITE sip", "INVITE\tsip"), "400 Malformed Request Line");
    assert_eq!(defect("SIP/2.0\r\nVia", "SIP/2.0\nVia"), "400 Malformed Request Line");
    assert_eq!(defect("sip:100@example.com SIP", "SIP"), "400 Malformed Request Line");
    assert_eq!(defect("sip:100@", "http:100@"), "416 Unsupported URI Scheme");
    assert_eq!(defect("sip:100@example.com", "tel:+33123"), "ok");
}

#[test]
fn defects_of_headers() {
    assert_eq!(defect("From: ", "Form: "), "400 Missing From");
    assert_eq!(defect("tag=f1", "tag=\"f1"), "400 Malformed Address");
    assert_eq!(defect("c1@example.com", "c1 example.com"), "400 Malformed Call-ID");
    assert_eq!(defect("7 INVITE", "2147483648 INVITE"), "400 Malformed CSeq");
    assert_eq!(defect("7 INVITE", "2147483647 INVITE"), "ok");
    assert_eq!(defect("7 INVITE", "7 invite"), "400 CSeq Method Mismatch");
    assert_eq!(defect("Max-Forwards: 70", "Max-Forwards: 256"), "400 Number Out Of Range");
    assert_eq!(defect("Max-Forwards: 70", "i: other"), "400 Repeated Header Field");
    assert_eq!(defect("X-Other: ", "X Other: "), "400 Malformed Header Field");
    assert_eq!(defect("X-Other: ", "X-Other: a\rb"), "400 Malformed Line End");
    assert_eq!(defect("X-Other:  kept  as it is \r\n", "X-Other: a\n"), "400 Malformed Line End");
    assert_eq!(defect("<sip:a@10.0.0.1:5062>", "*"), "400 Malformed Contact");
    assert_eq!(defect("Content-Length: 4", "Content-Length: 5"), "400 Body Shorter Than Content-Length");
    assert_eq!(defect("Content-Length: 4", "l: 4\r\nl: 4"), "ok");
    assert_eq!(defect("application/sdp", "sdp"), "400 Malformed Content-Type");
    assert_eq!(defect("<sip:r1;lr>", "<sip:r1;lr"), "400 Malformed URI");
    let many = "X: y\r\n".repeat(limits::HEADERS_MAX);
    assert_eq!(defect("X-Other", &format!("{many}X-Other")), "400 Too Many Header Fields");
    let list = "<sip:r1;lr>, ".repeat(limits::VALUES_MAX);
    assert_eq!(defect("<sip:r1;lr>, ", &list), "400 Too Many Values");
    let long = "y".repeat(limits::LINE_LEN_MAX);
    assert_eq!(defect("X-Other: ", &format!("X-Other: {long}")), "400 Header Field Too Long");
}

#[test]
fn a_response_copies_what_it_must() {
    let request = parsed(INVITE);
    let source = "192.0.2.9:40000".parse().unwrap();
    let bytes = ResponseWriter::to(&request, 180, "Ringing")
        .source(source)
        .to_tag(b"t1")
        .with_record_route()
        .header(Name::Contact, b"<sip:us>")
        .finish();
    let expected = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport=40000;received=192.0.2.9, \
        SIP/2.0/TCP p.example.com;branch=z9hG4bKb\r\n\
        Via: SIP/2.0/TLS q.example.com;branch=z9hG4bKc\r\n\
        Record-Route: <sip:p.example.com;lr>\r\n\
        From: \"A, B\" <sip:a@example.com>;tag=f1\r\n\
        To: <sip:100@example.com>;tag=t1\r\n\
        Call-ID: c1@example.com\r\n\
        CSeq: 7 INVITE\r\n\
        Contact: <sip:us>\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(text(&bytes), expected);
    let response = Message::parse(bytes).unwrap();
    assert_eq!((response.check(), response.method()), (Ok(()), Method::Invite));
    assert_eq!(response.via().unwrap().rport, Some(Some(40000)));
}

#[test]
fn the_top_via_is_completed_as_the_rfcs_say() {
    let check = |via: &str, source: &str, expected: &str| {
        let request = with("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport", via);
        let bytes = ResponseWriter::to(&request, 100, "Trying").source(source.parse().unwrap()).finish();
        let top = text(&bytes).lines().nth(1).and_then(|line| line.split(", ").next()).unwrap();
        assert_eq!(top, format!("Via: {expected}"));
    };
    check("SIP/2.0/UDP 192.0.2.9", "192.0.2.9:5060", "SIP/2.0/UDP 192.0.2.9");
    check(
        "SIP/2.0/UDP 192.0.2.9;branch=x",
        "192.0.2.8:1",
        "SIP/2.0/UDP 192.0.2.9;branch=x;received=192.0.2.8",
    );
    check("SIP/2.0/UDP host;x", "192.0.2.8:1", "SIP/2.0/UDP host;x;received=192.0.2.8");
    // What the sender says about itself is not believed.
    check(
        "SIP/2.0/UDP h;received=1.1.1.1;rport=9",
        "192.0.2.8:7",
        "SIP/2.0/UDP h;rport=7;received=192.0.2.8",
    );
    check("SIP/2.0/UDP 192.0.2.8;received=1.1.1.1", "192.0.2.8:7", "SIP/2.0/UDP 192.0.2.8");
    check(
        "SIP/2.0/UDP [2001:db8::1];rport",
        "[2001:db8::2]:7",
        "SIP/2.0/UDP [2001:db8::1];rport=7;received=2001:db8::2",
    );
    check("SIP/2.0/UDP 192.0.2.9", "[::ffff:192.0.2.9]:5060", "SIP/2.0/UDP 192.0.2.9");
}

#[test]
fn a_tag_is_added_only_where_there_is_none() {
    let request = with("To: <sip:100@example.com>", "To: <sip:100@example.com>;tag=old");
    let bytes = ResponseWriter::to(&request, 200, "OK").to_tag(b"new").finish();
    assert!(text(&bytes).contains("To: <sip:100@example.com>;tag=old\r\n"));
    let broken = parsed("INVITE sip:x SIP/2.0\r\nVia: rubbish\r\nTo: \"x <sip:y>\r\n\r\n");
    let bytes = ResponseWriter::to(&broken, 400, "Bad\r\nX: y").to_tag(b"n").finish();
    assert_eq!(
        text(&bytes),
        "SIP/2.0 400 Bad  X: y\r\nVia: rubbish\r\nTo: \"x <sip:y>;tag=n\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn nothing_that_is_passed_in_starts_a_header() {
    let bytes = RequestWriter::new(Method::Options, b"sip:a b\r\nX: y@h")
        .via(Transport::Udp, b"h:1", b"z9hG4bKx", true)
        .header(Name::Subject, b"a\r\nEvil: 1\n\nb")
        .header_named(b"Bad Name", b"x")
        .header_named(b"X-Good", b"1\r\n\r\nbody")
        .raw_line(b"Y: 1\r\nEvil: 2")
        .raw_line(b"no colon")
        .raw_line(b"l: 99")
        .header(Name::ContentLength, b"99")
        .finish();
    let expected = "OPTIONS sip:abX:y@h SIP/2.0\r\nVia: SIP/2.0/UDP h:1;branch=z9hG4bKx;rport\r\n\
        Subject: a  Evil: 1  b\r\nX-Good: 1    body\r\nY: 1  Evil: 2\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(text(&bytes), expected);
}

#[test]
fn a_body_may_come_before_the_last_header_and_be_replaced() {
    let mut writer = RequestWriter::new(Method::Message, b"sip:a@b");
    writer.body(b"text/plain", b"first").header(Name::Subject, b"s").body(b"text/plain", b"hello");
    writer.header_fmt(Name::Expires, format_args!("{}", 60)).cseq(3, Method::Message);
    let bytes = writer.finish();
    let message = Message::parse(bytes).unwrap();
    assert_eq!(message.body_slice(), b"hello");
    assert_eq!((message.expires(), message.headers(Name::ContentLength).count()), (Ok(Some(60)), 1));
    assert_eq!(message.headers(Name::ContentType).count(), 1);
    let next = RequestWriter::with_buffer(writer.into_buffer(), Method::Bye, b"sip:a@b").finish();
    assert_eq!(text(&next), "BYE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn cancel_and_ack_follow_the_invite() {
    let invite = parsed(INVITE);
    let cancel = Message::parse(write::cancel(&invite)).unwrap();
    assert_eq!((cancel.check(), cancel.method()), (Ok(()), Method::Cancel));
    assert_eq!(cancel.header(Name::Via), Some(&b"SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport"[..]));
    assert_eq!((cancel.headers(Name::Via).count(), cancel.cseq().unwrap().number), (1, 7));
    for name in [Name::From, Name::To, Name::CallId, Name::Route] {
        assert_eq!(cancel.header(name), invite.header(name));
    }
    let busy = ResponseWriter::to(&invite, 486, "Busy Here").to_tag(b"t9").finish();
    let ack = Message::parse(write::ack_non_2xx(&invite, &Message::parse(busy).unwrap())).unwrap();
    assert_eq!((ack.check(), ack.method()), (Ok(()), Method::Ack));
    assert_eq!(ack.to().unwrap().tag(), Some(&b"t9"[..]));
    assert_eq!(
        (ack.header(Name::Via), ack.request_uri_raw()),
        (cancel.header(Name::Via), invite.request_uri_raw())
    );
    assert!(!ack.has(Name::Contact) && ack.body_slice().is_empty());
}

#[test]
fn an_edited_message_keeps_the_rest() {
    let message = parsed(INVITE);
    assert_eq!(
        text(&Edits::new().apply(&message)),
        INVITE.replace("X-Other:  kept  as it is ", "X-Other: kept  as it is")
    );
    let mut edits = Edits::new();
    edits
        .request_uri(b"sip:200@10.0.0.2")
        .remove_top(Name::Route)
        .push(Name::Via, b"SIP/2.0/UDP us;branch=z9hG4bKz");
    edits.replace(Name::MaxForwards, b"69").remove(Name::Contact).append(Name::Subject, b"x\r\ny");
    edits.push(Name::Path, b"<sip:us;lr>").body(b"text/plain", b"hello");
    let edited = Message::parse(edits.apply(&message)).unwrap();
    assert_eq!((edited.check(), edited.body_slice()), (Ok(()), &b"hello"[..]));
    let lines: Vec<_> = edited.all_headers().map(|(name, value)| [name, b"=", value].concat()).collect();
    let expected = [
        "Path=<sip:us;lr>",
        "Via=SIP/2.0/UDP us;branch=z9hG4bKz",
        "Via=SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport, SIP/2.0/TCP p.example.com;branch=z9hG4bKb",
        "v=SIP/2.0/TLS q.example.com;branch=z9hG4bKc",
        "Record-Route=<sip:p.example.com;lr>",
        "Route=<sip:r2;lr>",
        "Max-Forwards=69",
        "From=\"A, B\" <sip:a@example.com>;tag=f1",
        "To=<sip:100@example.com>",
        "Call-ID=c1@example.com",
        "CSeq=7 INVITE",
        "X-Other=kept  as it is",
        "Subject=x  y",
        "Content-Type=text/plain",
        "Content-Length=5",
    ];
    assert_eq!(lines, expected.map(|line| line.as_bytes().to_vec()));
    assert_eq!(edited.request_uri_raw(), b"sip:200@10.0.0.2");
}

/// All frames of a stream pushed in pieces of that size; an error ends the list with its reason.
fn frames(stream: &[u8], sizes: impl Iterator<Item = usize>) -> Vec<String> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut rest = stream;
    for size in sizes {
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        framer.push(piece);
        rest = tail;
        loop {
            match framer.pop() {
                Ok(Some(Frame::Message(m))) => found.push(m.as_bytes().escape_ascii().to_string()),
                Ok(Some(Frame::Ping)) => found.push("ping".into()),
                Ok(None) => break,
                Err(bad) => found.push(format!("{} {}", bad.defect.status, bad.reason)),
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    found
}

fn last(stream: &str) -> String {
    frames(stream.as_bytes(), std::iter::once(usize::MAX)).pop().unwrap_or_default()
}

#[test]
fn streams_that_cannot_be_cut_end() {
    let head = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n";
    assert_eq!(last(&format!("{head}\r\n")), "400 length_missing");
    assert_eq!(last(&format!("{head}Content-Length: 18446744073709551615\r\n\r\n")), "400 length_malformed");
    assert_eq!(last(&format!("{head}l: 1\r\nl: 2\r\n\r\n")), "400 length_malformed");
    assert_eq!(last(&format!("{head}l: 65536\r\n\r\n")), "513 too_long");
    assert_eq!(last(&format!("{head}X: {}", "y".repeat(limits::LINE_LEN_MAX))), "513 head_too_long");
    assert_eq!(last(&format!("{head}{}", "X: yyyyyyyyyyyyyyyyyy\r\n".repeat(1000))), "513 head_too_long");
    assert_eq!(last("\x16\x03 hello\r\nl: 0\r\n\r\n"), "400 start_line");
    let mut framer = Framer::new();
    framer.push(format!("{head}l: x\r\n\r\nrest").as_bytes());
    let bad = framer.pop().unwrap_err();
    assert_eq!(bad.head.unwrap().via().unwrap().branch, Some(&b"z9hG4bK1"[..]));
    framer.push(b"more");
    assert!(framer.pop().unwrap().is_none() && !framer.is_within_message());
}

#[test]
fn a_length_with_white_space_smuggles_nothing() {
    let inner = "BYE sip:b SIP/2.0\r\nl: 0\r\n\r\n";
    for name in ["Content-Length : ", "Content-Length:\r\n ", "L\t:", "CONTENT-LENGTH:000"] {
        let stream = format!("INVITE sip:a SIP/2.0\r\n{name}{}\r\n\r\n{inner}", inner.len());
        let found = frames(stream.as_bytes(), std::iter::once(usize::MAX));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(parsed(&stream).body_slice(), inner.as_bytes(), "{name}");
    }
}

#[test]
fn keep_alives_are_told_from_line_ends_between_messages() {
    let message = "BYE sip:b SIP/2.0\r\nl: 0\r\n\r\n";
    let stream = format!("\r\n{message}\r\n\r\n\r\n{message}\r\n\r\n");
    let found = frames(stream.as_bytes(), std::iter::once(usize::MAX));
    let kinds: Vec<_> = found.iter().map(|frame| frame.get(..4).unwrap()).collect();
    assert_eq!(kinds, ["BYE ", "ping", "BYE ", "ping"]);
    let mut framer = Framer::new();
    framer.push(b"\r\n");
    assert!(framer.pop().unwrap().is_none());
    assert_eq!(framer.line_ends(), 1);
}

/// Touches everything that can be read from a message.
fn read_all(message: &Message) {
    let _ = (message.check(), message.via(), message.from(), message.to(), message.cseq(), message.call_id());
    let _ = (message.method(), message.reason_phrase(), message.request_uri().map(|uri| uri.matches(&uri)));
    let _ = (message.max_forwards(), message.expires(), message.content_type(), message.content_length());
    for name in Name::ALL {
        let _ = (message.headers(*name).count(), message.addresses(*name).count());
    }
    let _ = (
        message.vias().count(),
        message.contacts().count(),
        message.accept().count(),
        message.require().count(),
    );
    for (_, value) in message.all_headers() {
        if let Ok(address) = NameAddr::parse(value, Name::Contact) {
            let _ = (
                address.display_text(),
                address.expires(),
                address.q_thousandths(),
                address.uri.user_decoded(),
            );
        }
    }
}

/// Whatever came in, an answer and an edited copy are messages with one right length and no header that we did not
/// write or copy.
fn answer_all(message: &Message) {
    let source = "192.0.2.9:40000".parse().unwrap();
    let bytes =
        ResponseWriter::to(message, 400, "Bad").source(source).to_tag(b"t").with_record_route().finish();
    let answer = Message::parse(bytes).expect("an answer is a message");
    assert_eq!((answer.said_length(), answer.oddities().malformed_line), (ContentLength::Is(0), false));
    let known =
        [Name::Via, Name::RecordRoute, Name::From, Name::To, Name::CallId, Name::CSeq, Name::ContentLength];
    assert!(answer.all_headers().all(|(name, _)| Name::parse(name).is_some_and(|n| known.contains(&n))));
    let edited = Message::parse(Edits::new().apply(message)).expect("an edited message is a message");
    assert_eq!(edited.body_slice(), message.body_slice());
    let _ = (write::cancel(message), write::ack_non_2xx(message, &answer));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_message_never_panics(edits in prop::collection::vec((0usize..600, mutation()), 0..12)) {
        let mut bytes = INVITE.as_bytes().to_vec();
        for (at, mutation) in edits {
            let at = at.min(bytes.len());
            match mutation {
                Mutation::Set(byte) => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = byte),
                Mutation::Insert(text) => { bytes.splice(at..at, text.bytes()); }
                Mutation::Remove(len) => { bytes.drain(at..(at + len).min(bytes.len())); }
            }
        }
        if let Ok(message) = Message::parse(Bytes::from(bytes)) {
            read_all(&message);
            answer_all(&message);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::parse(Bytes::from(bytes)) {
            read_all(&message);
        }
    }

    #[test]
    fn every_split_gives_the_same_frames(
        parts in prop::collection::vec(0usize..PARTS.len(), 1..8),
        sizes in prop::collection::vec(1usize..80, 1..40),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|part| PARTS[*part].bytes()).collect();
        let whole = frames(&stream, std::iter::once(usize::MAX));
        prop_assert_eq!(&frames(&stream, sizes.iter().copied().cycle()), &whole);
        prop_assert_eq!(&frames(&stream, std::iter::repeat(1)), &whole);
    }

    #[test]
    fn the_framer_and_the_parser_agree(edits in prop::collection::vec((0usize..600, mutation()), 0..6)) {
        let mut stream = INVITE.to_string();
        for (at, mutation) in edits {
            let at = (0..=at.min(stream.len())).rev().find(|at| stream.is_char_boundary(*at)).unwrap_or(0);
            if let Mutation::Insert(text) = mutation {
                stream.insert_str(at, text);
            }
        }
        let mut framer = Framer::new();
        framer.push(stream.as_bytes());
        while let Ok(Some(frame)) = framer.pop() {
            let Frame::Message(message) = frame else { continue };
            // Exactly its own bytes: the parser finds no more and no less body than the framer cut.
            let head = message.as_bytes().len() - message.body_slice().len();
            prop_assert_eq!(message.head().len(), head);
        }
    }
}

const PARTS: &[&str] = &[
    INVITE,
    "\r\n",
    "\r\n\r\n",
    "\n",
    "BYE sip:a SIP/2.0\r\nl: 0\r\n\r\n",
    "BYE sip:a SIP/2.0\nSubject: x\n y\nl :\n 3\n\nabc",
    "BYE sip:a SIP/2.0\r\n\r\n",
    "SIP/2.0 200 OK\r\nl: 2\r\n\r\n\r\n",
    "\r",
];

#[derive(Clone, Debug)]
enum Mutation {
    Set(u8),
    Insert(&'static str),
    Remove(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let texts = [
        "\r\n",
        "\r\n ",
        "\n",
        "\r",
        "\r\n\r\n",
        "\"",
        "<",
        ">",
        ",",
        ";",
        ":",
        "=",
        "%",
        "%00",
        "@",
        "[",
        "]",
        "*",
        " ",
        "\t",
        "\0",
        "l: 9\r\n",
        "Content-Length : 3\r\n",
        "Via: ",
        "SIP/2.0",
        "é",
        "\\",
        "\\\"",
    ];
    prop_oneof![
        any::<u8>().prop_map(Mutation::Set),
        prop::sample::select(texts.to_vec()).prop_map(Mutation::Insert),
        (1usize..40).prop_map(Mutation::Remove),
    ]
}
