//! Phones by their flows: a browser at an address that does not exist, two connections of one phone, a device of several
//! by its GRUU, a phone behind a proxy with a Path, IPv6, a request too long for UDP. At the wire of a core alone: no
//! call gets as far as audio here, the calls of `streams` and `real` do.

use crate::harness::exchange::{Exchange, SWITCH, SWITCH_V6};
use bytes::Bytes;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::ids::Random;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};
use strowger::store::Restored;
use strowger::switch::core::Input;

const CONFIGURATION: &str = r#"
[sip]
domain = "example.com"
udp = ["10.0.0.1:5060"]

[media]
address = "10.0.0.1"
ports = "20000-20999"

[[phone]]
number = "2002"
secret = "pw"

[[trunk]]
id = "carrier"
hosts = ["192.0.2.77:40001"]
options_seconds = 0

[[inbound]]
trunk = "carrier"
number = "2002"
to = "phone:2002"
"#;

const DESK: &str = "urn:uuid:00000000-0000-1000-8000-aaaaaaaaaaaa";
const SOFT: &str = "urn:uuid:00000000-0000-1000-8000-bbbbbbbbbbbb";

/// The switch, a phone's side of REGISTER, and a carrier who calls.
struct Rig {
    exchange: Exchange,
    random: Random,
    count: u32,
}

/// What differs between REGISTERs.
#[derive(Clone)]
struct Registration<'a> {
    flow: Flow,
    contact: String,
    call_id: &'a str,
    /// Whole lines.
    lines: &'a str,
}

fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
    let local = if remote.starts_with('[') { SWITCH_V6 } else { SWITCH };
    Flow {
        transport,
        local: local.parse().expect("an address"),
        remote: remote.parse().expect("an address"),
        connection,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(message: &Message, name: Name) -> Vec<String> {
    message.headers(name).map(text).collect()
}

impl Rig {
    fn new(configuration: &str) -> Self {
        let start = Instant::from_micros(1_000_000);
        let exchange = Exchange::new(configuration, Restored::default(), 1, start, 60);
        Self { exchange, random: Random::seeded(7), count: 0 }
    }

    /// Registers, with the challenge answered: the last response.
    fn register(&mut self, wish: &Registration<'_>) -> Message {
        let challenged = self.register_once(wish, "");
        if challenged.status() != Some(401) {
            return challenged;
        }
        let challenge = Challenge::topmost(&challenged, Name::WwwAuthenticate).expect("a challenge");
        let value = Login::with_password("2002", "pw")
            .answer(&challenge, Method::Register, b"sip:example.com", 1, &mut self.random)
            .expect("an answer");
        self.register_once(wish, &format!("Authorization: {}\r\n", text(&value)))
    }

    fn register_once(&mut self, wish: &Registration<'_>, authorization: &str) -> Message {
        self.count += 1;
        let Registration { flow, contact, call_id, lines } = wish;
        let word = flow.transport.word().to_ascii_uppercase();
        let request = format!(
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/{word} {};branch=z9hG4bKr{};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:2002@example.com>;tag=f\r\nTo: <sip:2002@example.com>\r\n\
             Call-ID: {call_id}\r\nCSeq: {} REGISTER\r\nContact: {contact}\r\nExpires: 600\r\n\
             {lines}{authorization}Content-Length: 0\r\n\r\n",
            flow.remote, self.count, self.count
        );
        let sent = self.exchange.receive(*flow, request.as_bytes());
        assert_eq!(sent.len(), 1, "one answer");
        assert_eq!(sent[0].0, *flow, "by the way that it came");
        Message::parse(sent[0].1.clone()).expect("our own answer")
    }

    /// The carrier calls that URI: the INVITEs that go out, and what the carrier was answered last.
    fn call(&mut self, uri: &str) -> (Vec<(Flow, Message)>, u16) {
        self.count += 1;
        let request = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:40001;branch=z9hG4bKc{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:+33123456789@192.0.2.77>;tag=c{n}\r\nTo: <{uri}>\r\nCall-ID: call{n}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:c@192.0.2.77:40001>\r\nContent-Length: 0\r\n\r\n",
            n = self.count
        );
        let sent = self.exchange.receive(flow(Transport::Udp, "192.0.2.77:40001", 0), request.as_bytes());
        let sent = sent.into_iter().map(|(flow, bytes)| (flow, Message::parse(bytes).expect("our own")));
        let (answers, invites): (Vec<_>, Vec<_>) = sent.partition(|(_, message)| message.status().is_some());
        (invites, answers.last().and_then(|(_, answer)| answer.status()).unwrap_or(0))
    }

    /// A phone refuses its INVITE.
    fn refuse(&mut self, invite: &(Flow, Message), status: u16) -> Vec<(Flow, Bytes)> {
        let mut response = ResponseWriter::to(&invite.1, status, "No");
        let bytes = response.to_tag(b"p").finish();
        self.exchange.receive(invite.0, &bytes)
    }
}

fn outbound(flow: Flow, reg_id: u32, device: &str) -> Registration<'static> {
    let contact =
        format!("<sip:x@df7jal23ls0d.invalid;transport=ws>;reg-id={reg_id};+sip.instance=\"<{device}>\"");
    Registration { flow, contact, call_id: "reg", lines: "Supported: outbound, path, gruu\r\n" }
}

/// RFC 7118 section 5: the contact of a browser is no address; whoever calls it uses its connection.
#[test]
fn a_browser_is_called_over_its_connection() {
    for (transport, word) in [(Transport::Ws, "WS"), (Transport::Wss, "WSS")] {
        let mut rig = Rig::new(CONFIGURATION);
        let way = flow(transport, "10.1.0.9:50000", 8);
        let done = rig.register(&Registration { lines: "", ..outbound(way, 1, DESK) });
        assert_eq!(done.status(), Some(200));
        assert!(
            lines(&done, Name::Contact)[0]
                .starts_with("<sip:x@df7jal23ls0d.invalid;transport=ws>;expires=600")
        );
        let (invites, _) = rig.call("sip:2002@example.com");
        let [(by, invite)] = &invites[..] else { panic!("{invites:?}") };
        assert_eq!(*by, way);
        assert_eq!(invite.request_uri_raw(), b"sip:x@df7jal23ls0d.invalid;transport=ws");
        let via = text(invite.header(Name::Via).expect("a Via"));
        assert!(via.starts_with(&format!("SIP/2.0/{word} 10.0.0.1:")), "{via}");
        let contact = text(invite.header(Name::Contact).expect("a Contact"));
        assert!(contact.ends_with(";transport=ws>"), "{contact}");
        // The connection is lost: nobody to call, and no packet to the port that it came from.
        rig.exchange.input(Input::FlowFailed(way));
        assert_eq!(rig.call("sip:2002@example.com").0.len(), 0);
    }
}

/// A browser that changes its network in a call registers anew: its call goes on, and the BYE finds it.
#[test]
fn a_call_follows_its_phone_to_a_new_connection() {
    let mut rig = Rig::new(CONFIGURATION);
    let (old, new) = (flow(Transport::Wss, "10.1.0.9:50000", 8), flow(Transport::Wss, "10.7.0.1:40000", 10));
    rig.register(&outbound(old, 1, DESK));
    let (invites, _) = rig.call("sip:2002@example.com");
    let invite = &invites[0].1;
    let body =
        "v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=IN IP4 10.1.0.9\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n";
    let mut response = ResponseWriter::to(invite, 200, "OK");
    response.to_tag(b"p").header(Name::Contact, b"<sip:x@df7jal23ls0d.invalid;transport=ws>");
    let response = response.body(b"application/sdp", body.as_bytes()).finish();
    let sent = rig.exchange.receive(old, &response);
    assert!(sent.iter().any(|(way, bytes)| *way == old && bytes.starts_with(b"ACK ")), "{sent:?}");
    rig.exchange.input(Input::FlowFailed(old));
    rig.register(&outbound(new, 1, DESK));
    // Nobody acknowledges the carrier's 200, so the call ends after 32 seconds, and the browser is told where it is.
    let sent = rig.exchange.pass(Duration::from_secs(40));
    let ways: Vec<Flow> =
        sent.iter().filter(|(_, bytes)| bytes.starts_with(b"BYE sip:x@")).map(|(way, _)| *way).collect();
    assert!(!ways.is_empty() && ways.iter().all(|way| *way == new), "{ways:?}");
}

/// RFC 3261 section 8.1.1.8: what is called by `sips:` is told a `sips:` Contact; and the connection is the phone's own.
#[test]
fn a_sips_contact_is_called_over_the_connection_that_it_registered_over() {
    let mut rig = Rig::new(CONFIGURATION);
    let way = flow(Transport::Tls, "10.1.0.9:50000", 6);
    let contact = "<sips:2002@10.1.0.9:5061>".to_owned();
    rig.register(&Registration { flow: way, contact, call_id: "reg", lines: "" });
    let (invites, _) = rig.call("sip:2002@example.com");
    let [(by, invite)] = &invites[..] else { panic!("{invites:?}") };
    assert_eq!(*by, way);
    assert!(text(invite.header(Name::Via).expect("a Via")).starts_with("SIP/2.0/TLS "));
    assert!(text(invite.header(Name::Contact).expect("a Contact")).starts_with("<sips:strowger@10.0.0.1:"));
}

/// Who registered over TLS with `sips:` is offered encrypted audio, and plain audio when it refuses that. Nobody else is
/// offered keys, least of all over UDP.
#[test]
fn keys_are_offered_over_tls_to_sips_contacts_alone() {
    let body = |message: &Message| text(message.body_slice());
    for (transport, remote, contact, secure) in [
        (Transport::Tls, "10.1.0.9:50000", "<sips:2002@10.1.0.9:5061>", true),
        (Transport::Tls, "10.1.0.9:50000", "<sip:2002@10.1.0.9:5061;transport=tls>", false),
        (Transport::Udp, "10.1.0.9:50000", "<sips:2002@10.1.0.9:50000>", false),
        (Transport::Udp, "10.1.0.9:50000", "<sip:2002@10.1.0.9:50000>", false),
    ] {
        let mut rig = Rig::new(CONFIGURATION);
        let way = flow(transport, remote, if transport == Transport::Udp { 0 } else { 6 });
        rig.register(&Registration { flow: way, contact: contact.to_owned(), call_id: "reg", lines: "" });
        let (invites, _) = rig.call("sip:2002@example.com");
        let [invite] = &invites[..] else { panic!("{contact}: {invites:?}") };
        assert_eq!(body(&invite.1).contains("RTP/SAVP"), secure, "{contact}");
        assert_eq!(body(&invite.1).matches("a=crypto:").count(), if secure { 4 } else { 0 }, "{contact}");
        if secure {
            let sent = rig.refuse(invite, 488);
            let again = sent.iter().find(|(_, bytes)| bytes.starts_with(b"INVITE ")).expect("once more");
            let again = (again.0, Message::parse(again.1.clone()).expect("our own"));
            assert!(body(&again.1).contains("RTP/AVP") && !body(&again.1).contains("a=crypto"));
            assert_eq!(again.1.header(Name::CallId), invite.1.header(Name::CallId));
            let sent = rig.refuse(&again, 488);
            assert!(!sent.iter().any(|(_, bytes)| bytes.starts_with(b"INVITE ")), "and not for ever");
            assert!(sent.iter().any(|(_, bytes)| bytes.starts_with(b"SIP/2.0 488")), "the caller is told");
        }
    }
}

/// RFC 5626 section 6: two flows of one phone are two bindings, of which one is used; when it is lost, the other.
#[test]
fn a_phone_with_two_flows_is_called_over_one_of_them() {
    let mut rig = Rig::new(CONFIGURATION);
    let (first, second) =
        (flow(Transport::Ws, "10.1.0.9:50000", 8), flow(Transport::Ws, "10.1.0.9:50001", 10));
    let done = rig.register(&outbound(first, 1, DESK));
    assert_eq!(lines(&done, Name::Require), ["outbound"]);
    assert_eq!(done.header_by_name(b"Flow-Timer"), Some(&b"120"[..]));
    let done = rig.register(&outbound(second, 2, DESK));
    assert_eq!(lines(&done, Name::Contact).len(), 2, "the same URI, two flows");
    let ways = |rig: &mut Rig| -> Vec<Flow> {
        rig.call("sip:2002@example.com").0.into_iter().map(|(flow, _)| flow).collect()
    };
    assert_eq!(ways(&mut rig), [second], "never twice to one device");
    // The same flow again, over a new connection: it takes the place of the old one.
    let third = flow(Transport::Ws, "10.1.0.9:50002", 12);
    let done = rig.register(&outbound(third, 2, DESK));
    assert_eq!(lines(&done, Name::Contact).len(), 2);
    assert_eq!(ways(&mut rig), [third]);
    rig.exchange.input(Input::FlowFailed(third));
    assert_eq!(ways(&mut rig), [first], "RFC 5626 section 5.3: the other flow");
    rig.exchange.input(Input::FlowFailed(second));
    assert_eq!(ways(&mut rig), [first], "an old connection's end is nothing to it");
    // RFC 5626 section 11.1: an edge proxy has lost the flow; it is not tried again.
    let (invites, _) = rig.call("sip:2002@example.com");
    rig.refuse(&invites[0], 430);
    assert_eq!(ways(&mut rig), []);
}

#[test]
fn outbound_and_path_are_refused_where_the_rfcs_say_so() {
    let way = flow(Transport::Tcp, "10.1.0.9:50000", 8);
    let refused = |contact: &str, lines: &str| {
        let mut rig = Rig::new(CONFIGURATION);
        rig.register(&Registration { flow: way, contact: contact.to_owned(), call_id: "reg", lines })
    };
    let one = format!("<sip:x@10.1.0.9>;reg-id=1;+sip.instance=\"<{DESK}>\"");
    let proxy = "Via: SIP/2.0/TCP 10.1.0.20;branch=z9hG4bKp\r\n";
    let all = "Supported: outbound, path\r\n";
    // RFC 5626 section 6: an edge proxy that keeps no flow.
    let answer = refused(&one, &format!("{proxy}Path: <sip:10.1.0.20;lr>\r\n{all}"));
    assert_eq!(answer.status(), Some(439));
    assert_eq!(refused(&one, &format!("{proxy}{all}")).status(), Some(439));
    let answer = refused(&one, &format!("{proxy}Path: <sip:t@10.1.0.20;lr;ob>\r\n{all}"));
    assert_eq!(answer.status(), Some(200));
    assert!(answer.header_by_name(b"Flow-Timer").is_none(), "the flow is the proxy's to watch");
    let two = format!("{one}, <sip:y@10.1.0.9>;reg-id=2;+sip.instance=\"<{DESK}>\"");
    assert_eq!(refused(&two, all).status(), Some(400));
    // RFC 5626 section 6: without the option tag, or an instance, it is a registration as any other.
    for (contact, lines) in [(one.as_str(), ""), ("<sip:x@10.1.0.9>;reg-id=1", all)] {
        let answer = refused(contact, lines);
        assert_eq!((answer.status(), answer.has(Name::Require)), (Some(200), false), "{contact} {lines}");
    }
    // RFC 3327 section 5.3.
    let answer = refused("<sip:x@10.1.0.9>", "Path: <sip:10.1.0.20;lr>\r\n");
    assert_eq!(answer.status(), Some(420));
    assert_eq!(answer.header(Name::Unsupported), Some(&b"path"[..]));
    let answer = refused("<sip:x@10.1.0.9>", "Require: outbound, gruu, path\r\n");
    assert_eq!(answer.status(), Some(200), "what we do may be required");
}

/// RFC 3327: the Path comes back in the 200, and is the Route of what goes to the phone, CANCEL and all.
#[test]
fn a_path_becomes_the_route() {
    let mut rig = Rig::new(CONFIGURATION);
    let way = flow(Transport::Udp, "10.1.0.20:5060", 0);
    let path = "Path: <sip:p2.example.net;lr>\r\nPath: <sip:t0k@p1.example.net;lr>\r\nSupported: path\r\n";
    let contact = "<sip:2002@192.168.7.7>".to_owned();
    let done = rig.register(&Registration { flow: way, contact, call_id: "reg", lines: path });
    let hops = ["<sip:p2.example.net;lr>", "<sip:t0k@p1.example.net;lr>"];
    assert_eq!(lines(&done, Name::Path), hops);
    let (invites, _) = rig.call("sip:2002@example.com");
    let [(by, invite)] = &invites[..] else { panic!("{invites:?}") };
    assert_eq!((*by, lines(invite, Name::Route)), (way, hops.map(str::to_owned).to_vec()));
    assert_eq!(invite.request_uri_raw(), b"sip:2002@192.168.7.7");
}

/// RFC 5627: a GRUU leads to one device and no other; a temporary one as long as the registration lives.
#[test]
fn a_gruu_leads_to_its_device() {
    let mut rig = Rig::new(CONFIGURATION);
    let (desk, soft) =
        (flow(Transport::Tcp, "10.1.0.9:50000", 8), flow(Transport::Tcp, "10.1.0.10:50000", 10));
    let register = |rig: &mut Rig, way: Flow, device: &str, call_id: &str| {
        let contact = format!("<sip:2002@{};transport=tcp>;+sip.instance=\"<{device}>\"", way.remote);
        rig.register(&Registration { flow: way, contact, call_id, lines: "Supported: gruu\r\n" })
    };
    register(&mut rig, desk, DESK, "desk");
    let done = register(&mut rig, soft, SOFT, "soft");
    let value = |line: &str, name: &str| {
        let rest = line.split_once(&format!(";{name}=\"")).expect("a GRUU").1.to_owned();
        rest.split('"').next().expect("its end").to_owned()
    };
    let contacts = lines(&done, Name::Contact);
    let of = |device: &str| contacts.iter().find(|line| line.contains(device)).expect("its contact").clone();
    let public = value(&of(SOFT), "pub-gruu");
    assert_eq!(public, format!("sip:2002@example.com;gr={SOFT}"));
    let temporary = value(&of(SOFT), "temp-gruu");
    let ways = |rig: &mut Rig, uri: &str| -> Vec<Flow> {
        rig.call(uri).0.into_iter().map(|(flow, _)| flow).collect()
    };
    assert_eq!(ways(&mut rig, "sip:2002@example.com").len(), 2, "the address of record rings both");
    assert_eq!(ways(&mut rig, &public), [soft]);
    assert_eq!(ways(&mut rig, &value(&of(DESK), "pub-gruu")), [desk]);
    assert_eq!(ways(&mut rig, &temporary), [soft]);
    assert_eq!(rig.call("sip:2002@example.com;gr=urn:uuid:nobody's").1, 480);
    assert_eq!(rig.call("sip:tgruu.000000000000000000000000000000000000000000000000@example.com;gr").1, 404);
    // RFC 5627 section 3.1.2: refreshed it stays good, with another Call-ID it is not.
    register(&mut rig, soft, SOFT, "soft");
    assert_eq!(ways(&mut rig, &temporary), [soft]);
    register(&mut rig, soft, SOFT, "soft-anew");
    assert_eq!(rig.call(&temporary).1, 404);
    assert_eq!(ways(&mut rig, &public), [soft]);
}

/// RFC 5626 section 8 and 3.5.1: a phone learns its address on the port that it speaks SIP to; a CRLF asks nothing.
#[test]
fn keep_alives_over_udp() {
    let mut rig = Rig::new(CONFIGURATION);
    let way = flow(Transport::Udp, "192.0.2.1:32853", 0);
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    let sent = rig.exchange.receive(way, &request);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, way);
    assert_eq!(sent[0].1[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    for nothing in [&b"\r\n\r\n"[..], b"\r\n", b"\0", &request[..12]] {
        assert!(rig.exchange.receive(way, nothing).is_empty());
    }
    assert!(rig.exchange.pass(Duration::from_secs(1)).is_empty());
}

/// Via, Contact and SDP of a phone on IPv6.
#[test]
fn a_phone_on_ipv6() {
    let configuration = CONFIGURATION
        .replace(
            "udp = [\"10.0.0.1:5060\"]",
            "udp = [\"10.0.0.1:5060\", \"[2001:db8::f:1]:5060\"]\nadvertised = \"203.0.113.1\"",
        )
        .replace("address = \"10.0.0.1\"", "address = \"2001:db8::f:1\"");
    let mut rig = Rig::new(&configuration);
    let way = flow(Transport::Udp, "[2001:db8::9]:5062", 0);
    let contact = "<sip:2002@[2001:db8::9]:5062>".to_owned();
    let done = rig.register(&Registration { flow: way, contact, call_id: "reg", lines: "" });
    assert_eq!(done.status(), Some(200));
    let via = text(done.header(Name::Via).expect("a Via"));
    assert!(via.contains("rport=5062"), "{via}");
    let (invites, _) = rig.call("sip:2002@example.com");
    let [(by, invite)] = &invites[..] else { panic!("{invites:?}") };
    assert_eq!(*by, way);
    assert_eq!(invite.request_uri_raw(), b"sip:2002@[2001:db8::9]:5062");
    let via = text(invite.header(Name::Via).expect("a Via"));
    assert!(via.starts_with("SIP/2.0/UDP [2001:db8::f:1]:5060;"), "{via}");
    assert_eq!(invite.header(Name::Contact), Some(&b"<sip:strowger@[2001:db8::f:1]:5060>"[..]));
    assert!(
        text(invite.body_slice()).contains("c=IN IP6 2001:db8::f:1\r\n"),
        "{}",
        text(invite.body_slice())
    );
}

/// RFC 3261 section 18.1.1: over 1,300 bytes by TCP, where the contact says that it can be; by UDP should that fail.
#[test]
fn a_request_too_long_for_udp_goes_over_tcp() {
    let long = "x".repeat(700);
    let wish = |contact: String| {
        let mut rig = Rig::new(CONFIGURATION);
        let way = flow(Transport::Udp, "10.1.0.9:5062", 0);
        rig.register(&Registration { flow: way, contact, call_id: "reg", lines: "" });
        let (mut invites, _) = rig.call("sip:2002@example.com");
        assert_eq!(invites.len(), 1);
        (rig, way, invites.remove(0))
    };
    let (mut rig, udp, (by, invite)) = wish(format!("<sip:2002@10.1.0.9:5062;transport=tcp;x={long}>"));
    assert!(invite.as_bytes().len() > 1300);
    assert_eq!((by.transport, by.remote, by.connection), (Transport::Tcp, udp.remote, 0));
    let via = text(invite.header(Name::Via).expect("a Via"));
    assert!(via.starts_with("SIP/2.0/TCP 10.0.0.1:5060;"), "{via}");
    let sent = rig.exchange.input(Input::FlowFailed(Flow { connection: 3, ..by }));
    let sent = crate::harness::exchange::sends(sent);
    let [(again, bytes)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*again, udp, "by UDP all the same");
    let second = Message::parse(bytes.clone()).expect("our own");
    assert_eq!(second.via().expect("a Via").branch, invite.via().expect("a Via").branch);
    assert!(text(second.header(Name::Via).expect("a Via")).starts_with("SIP/2.0/UDP "));
    // It rings by the second way, and is cancelled by it.
    let mut ringing = ResponseWriter::to(&second, 180, "Ringing");
    let ringing = ringing.to_tag(b"p").header(Name::Contact, b"<sip:2002@10.1.0.9:5062>").finish();
    let told = rig.exchange.receive(udp, &ringing);
    assert!(told.iter().any(|(_, bytes)| bytes.starts_with(b"SIP/2.0 180")), "the caller hears of it");

    // Short enough, or nobody says that TCP is there: by UDP.
    assert_eq!(wish("<sip:2002@10.1.0.9:5062;transport=tcp>".to_owned()).2.0.transport, Transport::Udp);
    assert_eq!(wish(format!("<sip:2002@10.1.0.9:5062;x={long}>")).2.0.transport, Transport::Udp);
}
