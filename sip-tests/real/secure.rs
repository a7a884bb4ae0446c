//! Phones over TLS and browsers over WebSocket, with audio both ways: baresip with a certificate that it verifies, and a
//! WebSocket client of our own that does what JsSIP does on the wire.

use crate::harness::certificate::Certificate;
use crate::harness::wire::Wire;
use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::CALLER_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::folder::Folder;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::ports;
use crate::real::switch::Place;
use crate::real::switch::Switch;
use crate::real::switch::configuration;
use crate::real::talk::answer;
use crate::real::talk::media_port;
use crate::real::wait;
use std::net::SocketAddr;
use strowger::ids::Random;
use strowger::sip::digest::Challenge;
use strowger::sip::digest::Login;
use strowger::sip::endpoint::Transport;
use strowger::sip::msg::Message;
use strowger::sip::msg::Method;
use strowger::sip::msg::Name;
use strowger::sip::msg::write::ResponseWriter;

/// The carrier is elsewhere: over a connection it would be known by its address alone.
const ELSEWHERE: &str = "127.0.0.9:5060";
/// A name that nobody can connect to, as browsers have one.
const BROWSER: &str = "sip:browser@df7jal23ls0d.invalid;transport=ws";

/// A switch that also listens for TLS, and for WebSocket with and without it.
struct Secure {
    switch: Switch,
    certificate: Certificate,
    tls: SocketAddr,
    ws: SocketAddr,
    wss: SocketAddr,
}

impl Secure {
    fn start() -> Self {
        let place = Place::free();
        let local =
            |host: &str| format!("{host}:{}", ports::free()).parse::<SocketAddr>().expect("an address");
        let (tls, ws, wss) = (local("127.0.0.1"), local("[::1]"), local("127.0.0.1"));
        let listeners =
            format!("domain = \"127.0.0.1\"\ntls = [\"{tls}\"]\nws = [\"{ws}\"]\nwss = [\"{wss}\"]\n");
        let files = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
        let elsewhere = ELSEWHERE.parse().expect("an address");
        let text = configuration(&place, "", &format!("{files}{}", centre(&[elsewhere])));
        let text = text.replacen("domain = \"127.0.0.1\"\n", &listeners, 1);
        let folder = Folder::new("secure");
        folder.write("strowger.toml", text);
        let certificate = Certificate::make(folder.path(), &["127.0.0.1", "pbx.example.com"]);
        let switch = Switch::start_in(folder, place, &[]);
        Self { switch, certificate, tls, ws, wss }
    }

    /// How a phone is registered, once it is: `tls`.
    fn transport_of(&self, number: &str) -> String {
        wait::until(&format!("{number} is registered"), || {
            let all = self.switch.api.list("/registrations");
            let flow = all.iter().find(|binding| binding["number"] == number)?["flow"].as_str()?.to_owned();
            Some(flow.split(':').next()?.to_owned())
        })
    }
}

#[test]
fn two_phones_talk_over_tls() {
    let secure = Secure::start();
    let mut alice = Baresip::start_over_tls(secure.tls, &secure.certificate.certificate, &ALICE);
    let bruno = Baresip::start_over_tls(secure.tls, &secure.certificate.certificate, &BRUNO);
    for phone in ["1001", "1002"] {
        assert_eq!(secure.transport_of(phone), "tls");
    }
    alice.dial("1002");
    alice.wait_for("CALL_ESTABLISHED", 1);
    bruno.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    secure.switch.calls_end();
    let switch = &secure.switch;
    assert_eq!(switch.cdrs(1)[0]["outcome"], "answered");
    assert!(switch.api.metric("strowger_registrations{transport=\"tls\"}") == 2.0);
    let expires = switch.api.metric("strowger_tls_certificate_expiry_timestamp_seconds{name=\"tls\"}");
    assert!(expires > 1.8e9, "{expires}");
    let requests = "strowger_sip_requests_total{direction=\"out\",method=\"INVITE\",transport=\"tls\"}";
    assert!(switch.api.metric(requests) == 1.0, "over the connection that the phone opened");
    secure.switch.stop();
}

#[test]
fn a_browser_over_wss_is_called_and_hangs_up() {
    let secure = Secure::start();
    let wire = Wire::connect(Transport::Wss, secure.wss, &secure.certificate, "127.0.0.1");
    browser_talks(secure, wire.expect("a WebSocket over TLS"), true);
}

#[test]
fn a_browser_over_ws_and_ipv6_is_called_and_is_hung_up() {
    let secure = Secure::start();
    let wire = Wire::connect(Transport::Ws, secure.ws, &secure.certificate, "::1");
    browser_talks(secure, wire.expect("a WebSocket over IPv6"), false);
}

/// The browser registers as Alice; Bruno, on UDP, calls her; they talk; one hangs up.
fn browser_talks(secure: Secure, wire: Wire, browser_ends: bool) {
    let mut browser = Browser { wire, random: Random::seeded(1), count: 0 };
    browser.register("1001", "pw1");
    let word = browser.wire.transport.word();
    assert_eq!(secure.transport_of("1001"), word);
    let mut bruno = Baresip::registered(&secure.switch, &BRUNO);
    let voice = Party::speaking(CALLER_HZ);
    bruno.dial("1001");
    let invite = browser.wire.request(Method::Invite);
    assert_eq!(invite.request_uri_raw(), BROWSER.as_bytes());
    let media = media_port(&invite);
    assert!(browser.wire.send(&answer(&invite, &format!("<{BROWSER}>"), voice.port)));
    let ack = browser.wire.request(Method::Ack);
    voice.speak_to(media);
    bruno.wait_for("CALL_ESTABLISHED", 1);
    bruno.hears(CALLER_HZ);
    hears(&voice, media, BRUNO_HZ);
    if browser_ends {
        browser.bye(&invite, &ack);
        bruno.wait_for("CALL_CLOSED", 1);
    } else {
        bruno.hang_up();
        let bye = browser.wire.request(Method::Bye);
        let ok = ResponseWriter::to(&bye, 200, "OK").finish();
        assert!(browser.wire.send(&ok));
    }
    secure.switch.calls_end();
    assert_eq!(secure.switch.cdrs(1)[0]["outcome"], "answered");
    // The page is closed: nobody to call, and the switch knows at once.
    drop(browser);
    wait::until_true("the browser's binding is dead", || {
        secure
            .switch
            .api
            .list("/agents")
            .iter()
            .any(|agent| agent["id"] == "alice" && agent["status"] == "unreachable")
    });
    secure.switch.stop();
}

/// What JsSIP does on the wire.
struct Browser {
    wire: Wire,
    random: Random,
    count: u32,
}

impl Browser {
    fn register(&mut self, number: &str, password: &str) {
        let challenged = self.register_once(number, "");
        assert_eq!(challenged.status(), Some(401));
        let challenge = Challenge::topmost(&challenged, Name::WwwAuthenticate).expect("a challenge");
        let value = Login::with_password(number, password)
            .answer(&challenge, Method::Register, b"sip:127.0.0.1", 1, &mut self.random)
            .expect("an answer");
        let line = format!("Authorization: {}\r\n", String::from_utf8(value).expect("text"));
        let done = self.register_once(number, &line);
        assert_eq!(done.status(), Some(200));
        let contact = String::from_utf8_lossy(done.header(Name::Contact).expect("a Contact")).into_owned();
        assert!(contact.starts_with(&format!("<{BROWSER}>")), "{contact}");
        assert!(contact.contains(";pub-gruu=\"sip:1001@127.0.0.1;gr=urn:uuid:"), "{contact}");
        assert_eq!(done.header(Name::Require), Some(&b"outbound"[..]));
    }

    fn register_once(&mut self, number: &str, authorization: &str) -> Message {
        self.count += 1;
        let word = self.wire.transport.word().to_ascii_uppercase();
        let request = format!(
            "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{word} df7jal23ls0d.invalid;branch=z9hG4bKr{n}\r\n\
             Max-Forwards: 69\r\nTo: <sip:{number}@127.0.0.1>\r\nFrom: <sip:{number}@127.0.0.1>;tag=p6\r\n\
             Call-ID: browser\r\nCSeq: {n} REGISTER\r\n\
             Contact: <{BROWSER}>;reg-id=1;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"\r\n\
             Expires: 600\r\nAllow: INVITE,ACK,CANCEL,BYE\r\nSupported: path,gruu,outbound\r\n\
             {authorization}Content-Length: 0\r\n\r\n",
            n = self.count
        );
        assert!(self.wire.send(request.as_bytes()));
        self.wire.answer("browser")
    }

    /// Hangs up: to the Contact of the INVITE, in the dialog that the ACK belongs to.
    fn bye(&mut self, invite: &Message, ack: &Message) {
        let field = |message: &Message, name| {
            String::from_utf8_lossy(message.header(name).expect("it is there")).into_owned()
        };
        let target = field(invite, Name::Contact).trim_matches(['<', '>']).to_owned();
        assert!(target.ends_with(";transport=ws"), "{target}");
        let call_id = field(ack, Name::CallId);
        let word = self.wire.transport.word().to_ascii_uppercase();
        let request = format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/{word} df7jal23ls0d.invalid;branch=z9hG4bKbye\r\n\
             Max-Forwards: 69\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
            field(ack, Name::To),
            field(ack, Name::From),
        );
        assert!(self.wire.send(request.as_bytes()));
        assert_eq!(self.wire.answer(&call_id).status(), Some(200));
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let place = Place::free();
    let text = configuration(&place, "", "[tls]\ncertificate = \"missing.pem\"\nkey = \"key.pem\"\n");
    let folder = Folder::new("no-certificate");
    folder.write("strowger.toml", text);
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_strowger"))
        .args(["serve", "--config", "strowger.toml"])
        .current_dir(folder.path())
        .output()
        .expect("the switch was built");
    let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
    assert!(!run.status.success(), "{said}");
    assert!(said.contains("missing.pem") && said.contains("cannot be read"), "{said}");
}
