//! Trunks over TLS: a carrier whose certificate is verified by name, known by its address, or where we register; and what
//! becomes of a call whose first target fails the handshake.
//!
//! The carrier by address is baresip, the registrar is a TLS server of the tests' own.

use crate::harness::certificate::Certificate;
use crate::harness::wire::Wire;
use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::FAR_HZ;
use crate::real::baresip::Account;
use crate::real::baresip::Baresip;
use crate::real::folder::Folder;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::ports;
use crate::real::switch::Place;
use crate::real::switch::Switch;
use crate::real::switch::configuration;
use crate::real::talk::answer;
use crate::real::talk::description;
use crate::real::talk::media_port;
use crate::real::wait;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use strowger::clock::Wall;
use strowger::ids::Random;
use strowger::sip::digest::Algorithm;
use strowger::sip::digest::Credentials;
use strowger::sip::digest::Ha1;
use strowger::sip::digest::Realm;
use strowger::sip::digest::Verdict;
use strowger::sip::msg::Message;
use strowger::sip::msg::Method;
use strowger::sip::msg::Name;
use strowger::sip::msg::write::ResponseWriter;

/// What the carriers' certificates bear: no address, so that the name alone can verify them.
const CARRIER: &str = "sip.carrier.example";
const FAR: Account<'static> = Account { number: "far", password: "", tone_hz: FAR_HZ, answers: true };

/// The phone that calls and is called.
const PHONE: &str = "[[phone]]\nnumber = \"1001\"\nsecret = \"pw1\"\n";

/// The certificates of both sides, and the folder of the switch.
struct Files {
    folder: Folder,
    ours: Certificate,
    theirs: Certificate,
}

impl Files {
    fn make() -> Self {
        let folder = Folder::new("secure-trunk");
        let ours = Certificate::make(folder.path(), &["127.0.0.1"]);
        let theirs = Certificate::make(&folder.file("carrier"), &[CARRIER]);
        Self { folder, ours, theirs }
    }

    /// Certificate and key of the carrier in one file, as baresip wants them.
    fn carriers_pem(&self) -> PathBuf {
        let read = |path| std::fs::read_to_string(path).expect("it was written");
        let both = read(&self.theirs.certificate) + &read(&self.theirs.key);
        self.folder.write("carrier.pem", both)
    }

    /// Starts a switch that listens for TLS too and trusts the carrier's certificate: it, its address for TLS, and that
    /// certificate.
    fn start(self, trunk: &str) -> (Switch, SocketAddr, Certificate) {
        let place = Place::free();
        let tls = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let files = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nca = \"carrier/cert.pem\"\n";
        let text = configuration(&place, "", &format!("{files}{PHONE}{trunk}"));
        let text = text.replacen(
            "domain = \"127.0.0.1\"\n",
            &format!("domain = \"127.0.0.1\"\ntls = [\"{tls}\"]\n"),
            1,
        );
        self.folder.write("strowger.toml", text);
        (Switch::start_in(self.folder, place, &[]), tls, self.theirs)
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn requests_out(switch: &Switch, method: &str) -> f64 {
    let series =
        format!("strowger_sip_requests_total{{direction=\"out\",method=\"{method}\",transport=\"tls\"}}");
    switch.api.metric(&series)
}

#[test]
fn a_carrier_by_address_is_verified_by_name_and_calls_go_both_ways() {
    let files = Files::make();
    let (mut carrier, address) =
        Baresip::start_carrier(&files.carriers_pem(), &files.ours.certificate.clone(), &FAR);
    let trunk = format!(
        "[[trunk]]\nid = \"carrier\"\nkind = \"ip\"\ntransport = \"tls\"\nhosts = [\"{address}\"]\ndomain = \"{CARRIER}\"\n\
         [[inbound]]\ntrunk = \"carrier\"\nnumber = \"1001\"\nto = \"phone:1001\"\n\
         [[route]]\npattern = \"9.\"\ntrunk = [\"carrier\"]\nrewrite = \"far\"\n"
    );
    let (switch, tls, _) = files.start(&trunk);
    carrier.begin_as_carrier(tls, &FAR);
    let mut alice = Baresip::registered(&switch, &ALICE);
    wait::until_true("the carrier has answered OPTIONS over TLS", || {
        switch.api.metric("strowger_trunk_options_rtt_seconds{trunk=\"carrier\"}") > 0.0
    });
    for n in 1..=4 {
        // Out, then in; ended by the caller, then by the called.
        let out = n <= 2;
        if out {
            alice.dial("91")
        } else {
            carrier.dial("1001")
        }
        alice.wait_for("CALL_ESTABLISHED", n);
        carrier.wait_for("CALL_ESTABLISHED", n);
        alice.hears(FAR_HZ);
        carrier.hears(ALICE_HZ);
        let direction = if out { "outbound" } else { "inbound" };
        assert_eq!(switch.api.list("/calls")[0]["direction"], direction);
        if n % 2 == 0 {
            alice.hang_up()
        } else {
            carrier.hang_up()
        }
        alice.wait_for("CALL_CLOSED", n);
        carrier.wait_for("CALL_CLOSED", n);
        switch.calls_end();
    }
    assert!(switch.cdrs(4).iter().all(|cdr| cdr["outcome"] == "answered"));
    assert!(requests_out(&switch, "INVITE") == 2.0, "both calls went out over TLS");
    switch.stop();
}

/// A registrar and carrier of ours over one connection.
struct Registrar {
    wire: Wire,
    realm: Realm,
    random: Random,
}

impl Registrar {
    const USER: &'static str = "acct7";
    const PASSWORD: &'static str = "carrier-secret";

    fn accept(listener: &TcpListener, certificate: &Certificate) -> Self {
        let wire = Wire::accept(listener, certificate).expect("the switch trusts the certificate");
        let week = std::time::Duration::from_secs(604_800);
        Self {
            wire,
            realm: Realm::new(CARRIER, [7; 32], &[Algorithm::Sha256], week),
            random: Random::seeded(1),
        }
    }

    /// Challenges the REGISTER and accepts what proves itself; the contact.
    fn enrol(&mut self) -> String {
        let at = Wall::from_micros(1_000_000_000);
        let first = self.wire.request(Method::Register);
        let mut challenge = ResponseWriter::to(&first, 401, "Unauthorized");
        challenge.to_tag(b"r");
        for line in self.realm.challenges(at, false, &mut self.random) {
            challenge.header(Name::WwwAuthenticate, &line);
        }
        let bytes = challenge.finish();
        assert!(self.wire.send(&bytes));
        let second = self.wire.request(Method::Register);
        let said = Credentials::find(&second, Name::Authorization, CARRIER.as_bytes()).expect("credentials");
        let ha1 = Ha1::of_password(
            Algorithm::Sha256,
            Self::USER.as_bytes(),
            CARRIER.as_bytes(),
            Self::PASSWORD.as_bytes(),
        );
        assert_eq!(self.realm.verify(&said, Some(&ha1), Method::Register, at), Verdict::Ok);
        let contact = String::from_utf8_lossy(second.header(Name::Contact).expect("a Contact")).into_owned();
        let mut ok = ResponseWriter::to(&second, 200, "OK");
        let bytes = ok.to_tag(b"r").header_fmt(Name::Contact, format_args!("{contact};expires=600")).finish();
        assert!(self.wire.send(&bytes));
        contact
    }

    /// A request of the carrier's in the dialog of a call that it began.
    fn request(&mut self, method: &str, target: &str, to: &str, cseq: u32, port: Option<u16>) {
        let body = port.map(description).unwrap_or_default();
        let kind = port.map_or("", |_| "Content-Type: application/sdp\r\n");
        let request = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/TLS {CARRIER};branch=z9hG4bK{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+33140000001@{CARRIER}>;tag=far\r\nTo: {to}\r\nCall-ID: inbound\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:carrier@{CARRIER};transport=tls>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert!(self.wire.send(request.as_bytes()));
    }
}

#[test]
fn where_we_register_over_tls_calls_go_both_ways_over_that_connection() {
    let files = Files::make();
    let (listener, address) = listener();
    let trunk = format!(
        "[[trunk]]\nid = \"account\"\nkind = \"register\"\ntransport = \"tls\"\nhosts = [\"{address}\"]\n\
         domain = \"{CARRIER}\"\nuser = \"{}\"\nsecret = \"{}\"\noptions_seconds = 0\n\
         [[inbound]]\ntrunk = \"account\"\nnumber = \"5.\"\nto = \"phone:1001\"\n\
         [[route]]\npattern = \"9.\"\ntrunk = [\"account\"]\n",
        Registrar::USER,
        Registrar::PASSWORD
    );
    let (switch, _, theirs) = files.start(&trunk);
    let mut carrier = Registrar::accept(&listener, &theirs);
    let contact = carrier.enrol();
    assert!(contact.starts_with("<sip:acct7@127.0.0.1:") && contact.contains(";transport=tls"), "{contact}");
    wait::until_true("the trunk is registered", || {
        switch.api.metric("strowger_trunk_registered{trunk=\"account\"}") == 1.0
    });
    let mut alice = Baresip::registered(&switch, &ALICE);
    let voice = Party::speaking(FAR_HZ);

    // Out: the far side hangs up.
    alice.dial("912");
    let invite = carrier.wire.request(Method::Invite);
    assert_eq!(invite.request_uri_raw(), format!("sip:912@{CARRIER}").as_bytes());
    let port = media_port(&invite);
    assert!(carrier.wire.send(&answer(
        &invite,
        &format!("<sip:carrier@{address};transport=tls>"),
        voice.port
    )));
    carrier.wire.request(Method::Ack);
    voice.speak_to(port);
    alice.hears(FAR_HZ);
    hears(&voice, port, ALICE_HZ);
    alice.hang_up();
    let bye = carrier.wire.request(Method::Bye);
    assert!(carrier.wire.send(&ResponseWriter::to(&bye, 200, "OK").finish()));
    switch.calls_end();

    // In: to our contact, the number in To.
    let uri = contact.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    carrier.request("INVITE", &uri, &format!("<sip:51@{CARRIER}>"), 1, Some(voice.port));
    let ok = carrier.wire.answer("inbound");
    assert_eq!(ok.status(), Some(200), "{}", String::from_utf8_lossy(ok.body_slice()));
    let to = String::from_utf8_lossy(ok.header(Name::To).expect("To")).into_owned();
    let target = target_of(&ok);
    carrier.request("ACK", &target, &to, 1, None);
    let port = media_port(&ok);
    voice.speak_to(port);
    alice.hears(FAR_HZ);
    hears(&voice, port, ALICE_HZ);
    carrier.request("BYE", &target, &to, 2, None);
    assert_eq!(carrier.wire.answer("inbound").status(), Some(200));
    alice.wait_for("CALL_CLOSED", 2);
    switch.calls_end();
    assert!(switch.cdrs(2).iter().all(|cdr| cdr["outcome"] == "answered"));
    assert!(requests_out(&switch, "REGISTER") == 2.0 && requests_out(&switch, "INVITE") == 1.0);
    // At its end it says goodbye to the registrar.
    switch.terminate();
    let farewell = carrier.wire.request(Method::Register);
    assert_eq!(farewell.header(Name::Expires), Some(&b"0"[..]));
    assert!(carrier.wire.send(&ResponseWriter::to(&farewell, 200, "OK").finish()));
    switch.stop();
}

fn target_of(ok: &Message) -> String {
    let contact = String::from_utf8_lossy(ok.header(Name::Contact).expect("a Contact")).into_owned();
    contact.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned()
}

/// How a target fails the handshake.
#[derive(Copy, Clone, Debug)]
enum Failure {
    /// Its certificate is another's.
    WrongName,
    /// It closes the connection.
    Closes,
    /// It takes the connection and says nothing.
    Silent,
}

#[test]
fn a_target_that_fails_the_handshake_leads_to_the_next() {
    for failure in [Failure::WrongName, Failure::Closes, Failure::Silent] {
        let files = Files::make();
        let wrong = Certificate::make(&files.folder.file("wrong"), &["sip.other.example"]);
        let (bad, first) = listener();
        let (good, second) = listener();
        let trunk = format!(
            "[[trunk]]\nid = \"twin\"\nkind = \"ip\"\ntransport = \"tls\"\nhosts = [\"{first}\", \"{second}\"]\n\
             domain = \"{CARRIER}\"\noptions_seconds = 0\n[[route]]\npattern = \"9.\"\ntrunk = [\"twin\"]\n"
        );
        let (switch, _, theirs) = files.start(&trunk);
        let mut alice = Baresip::registered(&switch, &ALICE);
        let voice = Party::speaking(FAR_HZ);
        // What is returned is kept open until the call is over.
        let failing = std::thread::spawn(move || match failure {
            Failure::WrongName => (Wire::accept(&bad, &wrong).is_err(), None),
            Failure::Closes => (bad.accept().is_ok(), None),
            Failure::Silent => bad.accept().map_or((false, None), |(taken, _)| (true, Some(taken))),
        });
        alice.dial("912");
        let mut carrier = Wire::accept(&good, &theirs).expect("the next target is asked");
        let invite = carrier.request(Method::Invite);
        let contact = format!("<sip:carrier@{second};transport=tls>");
        let port = media_port(&invite);
        assert!(carrier.send(&answer(&invite, &contact, voice.port)));
        carrier.request(Method::Ack);
        voice.speak_to(port);
        alice.hears(FAR_HZ);
        hears(&voice, port, ALICE_HZ);
        alice.hang_up();
        let bye = carrier.request(Method::Bye);
        assert!(carrier.send(&ResponseWriter::to(&bye, 200, "OK").finish()));
        switch.calls_end();
        assert!(failing.join().expect("it does not fail").0, "the first target was asked, and failed");
        let reason = if matches!(failure, Failure::Silent) { "timeout" } else { "transport" };
        let series = format!("strowger_trunk_failovers_total{{reason=\"{reason}\",trunk=\"twin\"}}");
        assert!(switch.api.metric(&series) == 1.0, "{failure:?}");
        assert_eq!(switch.cdrs(1)[0]["outcome"], "answered");
        switch.stop();
    }
}
