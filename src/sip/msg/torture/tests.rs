//! The torture messages of RFC 4475 and RFC 5118 at the parser's level.
//!
//! Each has its verdict here by name, held against the list of what the RFCs allow (`expectations.tsv`), and the
//! messages that are to be understood have their fields asserted. Over sockets they are sent elsewhere.

use crate::sip::msg::Contact;
use crate::sip::msg::ContentLength;
use crate::sip::msg::Host;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::Scheme;
use crate::sip::msg::Transport;
use crate::sip::msg::escape;
use crate::sip::msg::frame::Frame;
use crate::sip::msg::frame::Framer;
use bytes::Bytes;
use sha2::Digest;
use std::collections::BTreeMap;
use std::path::Path;

/// One line of an `expectations.tsv`.
struct Row {
    name: String,
    bytes: Bytes,
    class: String,
    is_request: bool,
    method: String,
    call_id: String,
    /// Alternatives, `\d` for any digit.
    allowed: Vec<String>,
}

impl Row {
    fn allows(&self, answer: &str) -> bool {
        self.allowed.iter().any(|pattern| {
            let pattern: Vec<char> = pattern.replace("\\d", "#").chars().collect();
            let fits = |(want, have): (&char, char)| *want == have || (*want == '#' && have.is_ascii_digit());
            pattern.len() == answer.len() && pattern.iter().zip(answer.chars()).all(fits)
        })
    }

    fn allows_acceptance(&self) -> bool {
        self.allowed.iter().any(|pattern| !matches!(pattern.as_str(), "400" | "505" | "416"))
    }
}

fn rows() -> Vec<Row> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-tests/torture");
    let mut rows = Vec::new();
    for folder in ["rfc4475", "rfc5118"] {
        let list = std::fs::read_to_string(root.join(folder).join("expectations.tsv")).unwrap();
        for line in list.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            let bytes = Bytes::from(std::fs::read(root.join(folder).join(cells[1])).unwrap());
            let sum: String = sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(
                (sum.as_str(), bytes.len().to_string().as_str()),
                (cells[2], cells[3]),
                "{}",
                cells[0]
            );
            rows.push(Row {
                name: cells[0].into(),
                bytes,
                class: cells[5].into(),
                is_request: cells[6] == "request",
                method: cells[7].into(),
                call_id: cells[9].into(),
                allowed: cells[11].split('|').map(Into::into).collect(),
            });
        }
    }
    rows
}

fn load(name: &str) -> Message {
    let row = rows().into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no message {name}"));
    let message = Message::parse(row.bytes).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    assert_eq!(message.check(), Ok(()), "{name}");
    message
}

fn verdict(bytes: Bytes) -> String {
    match Message::parse(bytes) {
        Err(fault) => fault.reason().into(),
        Ok(message) => match message.check() {
            Ok(()) => "ok".into(),
            Err(defect) => {
                let header = defect.header.map_or("", Name::as_str);
                format!("{} {} {header}", defect.status, defect.reason).trim_end().into()
            }
        },
    }
}

/// Every message and what the parser says; `ok` for all that are not named.
const REFUSED: &[(&str, &str)] = &[
    ("badinv01", "400 Malformed Via Via"),
    ("clerr", "400 Body Shorter Than Content-Length Content-Length"),
    ("ncl", "400 Malformed Content-Length Content-Length"),
    ("scalar02", "400 Malformed CSeq CSeq"),
    ("scalarlg", "400 Malformed CSeq CSeq"),
    ("quotbal", "400 Malformed Address To"),
    ("ltgtruri", "400 Malformed Request-URI"),
    ("lwsruri", "400 Malformed Request-URI"),
    ("lwsstart", "400 Malformed Request Line"),
    ("trws", "400 Malformed Request Line"),
    ("escruri", "400 Headers In Request-URI"),
    ("regbadct", "400 Malformed Address Contact"),
    ("badaspec", "400 Malformed URI To"),
    ("baddn", "400 Missing Empty Line"),
    ("baddn.wire", "400 Malformed Address From"),
    ("badvers", "505 Version Not Supported"),
    ("mismatch01", "400 CSeq Method Mismatch CSeq"),
    ("mismatch02", "400 CSeq Method Mismatch CSeq"),
    ("bigcode", "status_line"),
    ("insuf", "400 Missing From From"),
    ("unkscm", "416 Unsupported URI Scheme"),
    ("novelsc", "416 Unsupported URI Scheme"),
    ("unksm2", "400 Address Of Record Is No SIP URI To"),
    ("multi01", "400 Repeated Header Field Call-ID"),
    ("mcl01", "400 Malformed Content-Length Content-Length"),
    ("test", "400 Malformed Request Line"),
    ("ipv6-bad", "400 Malformed Request-URI"),
    ("ipv6-bug-abnf-3-colons", "400 Malformed Request-URI"),
];

#[test]
fn every_message_has_its_verdict() {
    let refused: BTreeMap<_, _> = REFUSED.iter().copied().collect();
    let rows = rows();
    assert_eq!(rows.len(), 63);
    for row in rows {
        let found = verdict(row.bytes.clone());
        let expected = refused.get(row.name.as_str()).copied().unwrap_or("ok");
        assert_eq!(found, expected, "{}", row.name);
        let status = found.split(' ').next().unwrap();
        match (row.is_request, status) {
            (true, "ok") => assert!(row.allows_acceptance(), "{}: accepted", row.name),
            (true, status) if status.parse::<u16>().is_ok() => {
                assert!(row.allows(status), "{}: {found}", row.name)
            }
            (true, _) => assert!(row.allows("none"), "{}: {found}", row.name),
            // A response is never answered; refused ones are dropped.
            (false, _) => assert!(row.allows("none") && row.class != "valid", "{}", row.name),
        }
    }
}

#[test]
fn what_is_refused_can_be_answered() {
    for row in rows().into_iter().filter(|row| row.is_request) {
        let message = Message::parse(row.bytes).unwrap();
        assert!(message.is_request() && message.status().is_none());
        assert_eq!(message.method().as_bytes(), row.method.as_bytes(), "{}", row.name);
        if row.call_id != "-" {
            assert_eq!(message.header(Name::CallId), Some(row.call_id.as_bytes()), "{}", row.name);
        }
        // Only badinv01 has an unreadable Via, only `test` has none.
        let is_readable = message.via().is_ok();
        assert_eq!(is_readable, !matches!(row.name.as_str(), "badinv01" | "test"), "{}", row.name);
    }
}

#[test]
fn responses_are_read_and_not_answered() {
    let message = load("unreason");
    assert_eq!((message.status(), message.method()), (Some(200), Method::Invite));
    let phrase = std::str::from_utf8(message.reason_phrase()).unwrap();
    assert!(phrase.starts_with("= 2**3 * 5**2 но сто"), "{phrase}");
    let message = load("noreason");
    assert_eq!((message.status(), message.reason_phrase()), (Some(100), &b""[..]));
    let message = load("bcast");
    let hosts: Vec<_> = message.vias().map(|via| via.unwrap().host.to_string()).collect();
    assert_eq!(hosts, ["192.0.2.198", "255.255.255.255"]);
    let scalar = rows().into_iter().find(|row| row.name == "scalarlg").unwrap();
    let scalar = Message::parse(scalar.bytes).unwrap();
    assert_eq!((scalar.status(), scalar.cseq().is_err()), (Some(503), true));
}

#[test]
fn wsinv_white_space_everywhere() {
    let message = load("wsinv");
    let to = message.to().unwrap();
    assert_eq!(
        (to.uri.raw, to.tag()),
        (&b"sip:vivekg@chair-dnrc.example.com"[..], Some(&b"1918181833n"[..]))
    );
    let from = message.from().unwrap();
    assert_eq!((&*from.display_text(), from.tag()), (&b"J Rosenberg \\\""[..], Some(&b"98asjd8"[..])));
    assert_eq!(from.uri.raw, b"sip:jdrosen@example.com");
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.said_length(), ContentLength::Is(150));
    let cseq = message.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    let vias: Vec<_> = message.vias().map(Result::unwrap).collect();
    let branches: Vec<_> = vias.iter().map(|via| via.branch.unwrap()).collect();
    assert_eq!(branches, [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]);
    assert_eq!(
        vias.iter().map(|v| v.transport).collect::<Vec<_>>(),
        [Transport::Udp, Transport::Tcp, Transport::Udp]
    );
    let hosts: Vec<_> = vias.iter().map(|via| via.host.to_string()).collect();
    assert_eq!(hosts, ["192.0.2.2", "spindle.example.com", "192.168.255.111"]);
    assert_eq!(message.header(Name::Subject), Some(&b""[..]));
    assert_eq!(
        message.header_by_name(b"newfangledheader"),
        Some(&b"newfangled value   continued newfangled value"[..])
    );
    assert_eq!(message.header_by_name(b"UnknownHeaderWithUnusualValue"), Some(&b";;,,;;,;"[..]));
    let route = message.routes().next().unwrap().unwrap();
    assert!(route.uri.is_loose_router() && route.uri.param(b"unknown-no-value") == Some(None));
    let contact = message.contacts().next().unwrap().unwrap().address().unwrap();
    assert_eq!((&*contact.display_text(), contact.q_thousandths()), (&b"Quoted string \"\""[..], 330));
    assert_eq!(
        (contact.param(b"newparam"), contact.param(b"secondparam")),
        (Some(Some(&b"newvalue"[..])), Some(None))
    );
    assert!(message.content_type().unwrap().unwrap().is(b"application", b"sdp"));
    assert_eq!(message.body_slice().len(), 150);
    assert_eq!(message.request_uri().unwrap().param(b"unknownparam"), Some(None));
}

#[test]
fn intmeth_the_widest_letters() {
    let message = load("intmeth");
    let method = Method::Other(b"!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!((message.method(), message.cseq().unwrap().method), (method, method));
    assert_eq!(message.cseq().unwrap().number, 139_122_385);
    let uri = message.request_uri().unwrap();
    assert_eq!(uri.user, Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..]));
    assert_eq!(uri.password, Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]));
    assert_eq!(uri.host, Host::Name(b"example.com"));
    assert_eq!(message.via().unwrap().branch, Some(&b"z9hG4bK-.!%66*_+`'~"[..]));
    assert_eq!(&*message.to().unwrap().display_text(), b"BEL:\x07 NUL:\0 DEL:\x7f");
    let from = message.from().unwrap();
    assert_eq!(
        (from.display, from.tag()),
        (&b"token1~` token2'+_ token3*%!.-"[..], Some(&b"_token~1'+`*%!-."[..]))
    );
    assert_eq!(from.param(b"fromParam''~+*_!.-%"), Some(Some("работающий".as_bytes())));
    assert_eq!(message.max_forwards(), Ok(Some(255)));
    assert_eq!(message.header_by_name(b"extensionHeader-!.%*+_`'~").map(<[u8]>::len), Some(12));
    assert_eq!(message.call_id(), Ok(&b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"[..]));
}

#[test]
fn escapes_are_resolved_once() {
    let message = load("esc01");
    assert_eq!(&*message.request_uri().unwrap().user_decoded(), b"sips:user@example.com");
    assert_eq!(message.request_uri().unwrap().host, Host::Name(b"example.net"));
    assert_eq!(&*message.to().unwrap().uri.user_decoded(), b"user");
    assert_eq!(&*message.from().unwrap().uri.user_decoded(), b"I have spaces");
    let contact = message.contacts().next().unwrap().unwrap().address().unwrap();
    assert_eq!(&*contact.uri.user_decoded(), b"caller");
    assert!(contact.uri.is_loose_router());
    assert_eq!(&*escape::decoded(contact.uri.param(b"name").unwrap().unwrap()), b"value%41");
    let message = load("escnull");
    assert_eq!(&*message.to().unwrap().uri.user_decoded(), b"null-\0-null");
    let users: Vec<_> =
        message.contacts().map(|c| c.unwrap().address().unwrap().uri.user_decoded().to_vec()).collect();
    assert_eq!(users, [&b"\0"[..], b"\0\0"]);
}

#[test]
fn escapes_mean_nothing_in_methods_and_names() {
    let message = load("esc02");
    assert_eq!(message.method(), Method::Other(b"RE%47IST%45R"));
    let contacts: Vec<_> = message.headers(Name::Contact).collect();
    assert_eq!(contacts, [&b"<sip:alias1@host1.example.com>"[..], b"<sip:alias3@host3.example.com>"]);
    assert_eq!(message.to().unwrap().display, b"%Z%45");
    assert_eq!(message.via().unwrap().branch, Some(&b"z9hG4bK209%fzsnel234"[..]));
}

#[test]
fn longreq_is_kept_whole() {
    let message = load("longreq");
    assert_eq!(message.vias().map(Result::unwrap).count(), 34);
    let last = message.vias().last().unwrap().unwrap();
    assert_eq!(last.branch.map(<[u8]>::len), Some(215));
    assert_eq!(last.received.map(|ip| ip.to_string()), Some("192.0.2.5".into()));
    assert_eq!(message.via().unwrap().host, Host::Name(b"sip33.example.com"));
    let from = message.from().unwrap();
    assert_eq!(from.tag().map(|tag| (tag.len(), tag.ends_with(b"982424"))), Some((155, true)));
    assert_eq!(message.to().unwrap().uri.port, Some(6000));
    assert!(message.call_id().unwrap().ends_with(b"reallyreallylongcallid"));
    assert_eq!(message.body_slice().len(), 150);
}

#[test]
fn lists_and_users_of_every_shape() {
    let message = load("semiuri");
    let uri = message.request_uri().unwrap();
    assert_eq!(
        (&*uri.user_decoded(), uri.host),
        (&b"user;par=u@example.net"[..], Host::Name(b"example.com"))
    );
    let subtypes: Vec<_> = message.accept().map(|media| media.subtype.to_vec()).collect();
    let expected: [&[u8]; 6] = [b"sdp", b"pkcs7-mime", b"mixed", b"signed", b"sip", b"sipfrag"];
    assert_eq!(subtypes, expected);
    let message = load("transports");
    let transports: Vec<_> = message.vias().map(|via| via.unwrap().transport).collect();
    let unknown = Transport::Other(b"UNKNOWN");
    assert_eq!(transports, [Transport::Udp, Transport::Sctp, Transport::Tls, unknown, Transport::Tcp]);
    let message = load("lwsdisp");
    assert_eq!(
        (message.from().unwrap().display, message.from().unwrap().tag()),
        (&b"caller"[..], Some(&b"323"[..]))
    );
    let message = load("bext01");
    let required: Vec<_> = message.require().collect();
    assert_eq!(required, [&b"nothingSupportsThis"[..], b"nothingSupportsThisEither"]);
    assert_eq!(message.proxy_require().count(), 2);
}

#[test]
fn bodies_are_cut_by_content_length_alone() {
    let message = load("mpart01");
    assert_eq!(message.body_slice().len(), 553);
    assert!(message.body().ends_with(b"--7a9cbec02ceef655--\r\n") && message.body().contains(&b'\n'));
    let media = message.content_type().unwrap().unwrap();
    assert!(media.is(b"multipart", b"mixed"));
    assert_eq!(media.params.value(b"boundary"), Some(&b"7a9cbec02ceef655"[..]));
    assert_eq!(message.via().unwrap().rport, Some(None));
    let message = load("dblreq");
    assert_eq!((message.method(), message.body_slice()), (Method::Register, &b""[..]));
    assert_eq!(message.headers(Name::CallId).count(), 1);
    let message = load("inv2543");
    assert_eq!((message.said_length(), message.body_slice().len()), (ContentLength::Absent, 105));
    assert_eq!((message.from().unwrap().tag(), message.via().unwrap().branch), (None, None));
    assert_eq!(
        message.record_routes().next().unwrap().unwrap().uri.maddr(),
        Some(Host::Name(b"ss1.example.com"))
    );
    let message = load("invut");
    assert!(message.content_type().unwrap().unwrap().is(b"application", b"unknownformat"));
    assert_eq!(message.body_slice().len(), 40);
}

#[test]
fn contact_parameters_belong_to_whom_they_stand_by() {
    let contact = |name: &str| {
        load(name)
            .contacts()
            .next()
            .unwrap()
            .unwrap()
            .address()
            .map(|at| (at.uri.param(b"unknownparam").is_some(), at.param(b"unknownparam").is_some()))
    };
    assert_eq!(contact("cparam01"), Some((false, true)));
    assert_eq!(contact("cparam02"), Some((true, false)));
    let message = load("regescrt");
    let Contact::At(at) = message.contacts().next().unwrap().unwrap() else { panic!("no star") };
    assert_eq!((at.uri.headers, at.params.raw()), (&b"Route=%3Csip:sip.example.com%3E"[..], &b""[..]));
    assert!(!message.has(Name::Route));
}

#[test]
fn what_is_left_to_the_endpoint_is_said_right() {
    assert!(!load("badbranch").via().unwrap().has_unique_branch());
    assert_eq!(load("zeromf").max_forwards(), Ok(Some(0)));
    assert!(load("baddate").header(Name::Date).unwrap().ends_with(b"EST"));
    assert!(!load("sdp01").accept().any(|media| media.covers(b"application", b"sdp")));
    assert!(load("regaut01").header(Name::Authorization).unwrap().starts_with(b"NoOneKnowsThisScheme"));
    let row = rows().into_iter().find(|row| row.name == "unksm2").unwrap();
    let message = Message::parse(row.bytes).unwrap();
    assert_eq!(message.to().unwrap().uri.scheme, Scheme::Other(b"isbn"));
}

#[test]
fn addresses_of_version_six() {
    let host = |name: &str| {
        let message = load(name);
        let uri = message.request_uri().unwrap();
        (uri.host.to_string(), uri.port)
    };
    assert_eq!(host("ipv6-good"), ("[2001:db8::10]".into(), None));
    assert_eq!(host("port-ambiguous"), ("[2001:db8::10:5070]".into(), None));
    assert_eq!(host("port-unambiguous"), ("[2001:db8::10]".into(), Some(5070)));
    assert_eq!(host("ipv6-in-sdp"), ("[2001:db8::10]".into(), None));
    assert_eq!(host("ipv6-correct-abnf-2-colons"), ("[2001:db8::c000:201]".into(), None));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let received = load(name).via().unwrap().received;
        assert_eq!(received, "2001:db8::9:255".parse().ok(), "{name}");
    }
    let message = load("ipv4-mapped-ipv6");
    let via = message.via().unwrap();
    assert_eq!((via.host.to_string().as_str(), via.port), ("[::ffff:192.0.2.10]", Some(19823)));
    assert_eq!(message.body_slice().len(), 245);
    let message = load("mult-ip-in-header");
    let vias: Vec<_> = message.vias().map(|via| via.unwrap().host.to_string()).collect();
    assert_eq!(vias, ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"]);
    assert_eq!(message.vias().nth(2).unwrap().unwrap().received, "192.0.2.200".parse().ok());
    assert!(memchr::memmem::find(load("mult-ip-in-sdp").body_slice(), b"c=IN IP6 2001:db8::1").is_some());
}

#[test]
fn over_a_stream_they_are_cut_the_same() {
    for row in rows() {
        let Ok(alone) = Message::parse(row.bytes.clone()) else { continue };
        let mut framer = Framer::new();
        framer.push(&row.bytes);
        match (framer.pop(), alone.said_length()) {
            (Ok(Some(Frame::Message(framed))), ContentLength::Is(_)) => {
                assert_eq!(framed.body_slice(), alone.body_slice(), "{}", row.name);
                assert_eq!(framed.check(), alone.check(), "{}", row.name);
            }
            // RFC 4475 section 3.1.2.2: over a stream the rest is waited for; the same for a head without its end.
            (Ok(None), _) => assert!(matches!(row.name.as_str(), "clerr" | "baddn"), "{}", row.name),
            (Err(bad), ContentLength::Bad | ContentLength::Absent) => {
                assert_eq!(bad.defect.status, 400, "{}", row.name);
                assert!(bad.head.is_some(), "{}", row.name);
            }
            (other, said) => panic!("{}: {other:?} {said:?}", row.name),
        }
        if row.name == "dblreq" {
            let Ok(Some(Frame::Message(second))) = framer.pop() else { panic!("no second message") };
            assert_eq!(second.call_id(), Ok(&b"dblreq.0ha0isnda977644900765@192.0.2.15"[..]));
        }
    }
}
