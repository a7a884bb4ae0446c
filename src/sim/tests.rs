//! Parties that call each other in virtual time, over a network that is a list.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test waits for one kind of event")]

use crate::clock::Clock;
use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::Random;
use crate::sdp::Codec;
use crate::sim::drive::Drive;
use crate::sim::drive::Sockets;
use crate::sim::hearing::Ears;
use crate::sim::party::CallKey;
use crate::sim::party::CallOrder;
use crate::sim::party::CallReport;
use crate::sim::party::Datagrams;
use crate::sim::party::End;
use crate::sim::party::Event;
use crate::sim::party::Input;
use crate::sim::party::Order;
use crate::sim::party::Output;
use crate::sim::party::Party;
use crate::sim::party::PartySettings;
use crate::sim::party::Reaction;
use crate::sim::party::Registration;
use crate::sim::party::Treatment;
use crate::sim::script::Orders;
use crate::sim::script::Script;
use crate::sim::voice::Voice;
use crate::sip::digest::Algorithm;
use crate::sip::digest::Credentials;
use crate::sip::digest::Ha1;
use crate::sip::digest::Realm;
use crate::sip::digest::Verdict;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::sip::msg::write::ResponseWriter;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const A: &str = "192.0.2.1:5060";
const B: &str = "192.0.2.2:5060";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn settings(sip: &str, server: &str, codecs: Vec<Codec>) -> PartySettings {
    let sip = address(sip);
    PartySettings {
        sip,
        rtp: vec![SocketAddr::new(sip.ip(), 40_000), SocketAddr::new(sip.ip(), 40_002)],
        server: address(server),
        domain: "example.com".into(),
        codecs,
        ears: Ears::Full,
        tones_hz: (300..3400).step_by(50).collect(),
        calls_max: 10,
        call_longest: Duration::from_secs(600),
    }
}

/// Two parties, and what they told.
struct Net {
    now: Instant,
    parties: Vec<Party>,
    sip: Vec<(usize, Input)>,
    /// What was sent to nobody's address: the test plays that server.
    to_others: Vec<(usize, SocketAddr, Bytes)>,
    wire: Vec<Bytes>,
    events: Vec<(usize, Event)>,
    on_call: Option<Treatment>,
    datagrams: Datagrams,
}

impl Net {
    fn new(parties: Vec<PartySettings>) -> Self {
        let seeded = |(seed, settings)| Party::new(settings, Random::seeded(seed));
        Self {
            now: Instant::from_micros(5_000_000),
            parties: (1..).zip(parties).map(seeded).collect(),
            sip: Vec::new(),
            to_others: Vec::new(),
            wire: Vec::new(),
            events: Vec::new(),
            on_call: None,
            datagrams: Datagrams::default(),
        }
    }

    fn give(&mut self, party: usize, input: Input) {
        let mut out = Vec::new();
        self.parties[party].handle(self.now, input, &mut out);
        for output in out {
            match output {
                Output::Send { to, bytes } => {
                    let from = self.parties[party].settings().sip;
                    self.wire.push(bytes.clone());
                    match self.parties.iter().position(|party| party.settings().sip == to) {
                        Some(target) => self.sip.push((target, Input::Sip { from, bytes })),
                        None => self.to_others.push((party, to, bytes)),
                    }
                }
                Output::Event(event) => {
                    if let (Event::Invited { call, .. }, Some(treatment)) = (&event, &self.on_call) {
                        let order = Order::Treat(*call, treatment.clone());
                        self.sip.push((party, Input::Order(order)));
                    }
                    self.events.push((party, event));
                }
            }
        }
    }

    fn order(&mut self, party: usize, order: Order) {
        self.give(party, Input::Order(order));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + MS;
            for (target, input) in std::mem::take(&mut self.sip) {
                self.give(target, input);
            }
            for party in 0..self.parties.len() {
                if self.parties[party].poll_timeout().is_some_and(|at| at <= self.now) {
                    self.give(party, Input::Timeout);
                }
                self.speak(party);
            }
        }
    }

    fn speak(&mut self, party: usize) {
        self.datagrams.clear();
        self.parties[party].speak(self.now, &mut self.datagrams);
        let from = self.parties[party].settings().rtp.clone();
        for (batch, from) in self.datagrams.batches().iter().zip(from) {
            for (to, bytes) in batch.iter() {
                for target in &mut self.parties {
                    let socket = target.settings().rtp.iter().position(|rtp| *rtp == to);
                    if let Some(socket) = socket {
                        target.hear(self.now, socket, from, bytes);
                    }
                }
            }
        }
    }

    fn reports(&self, party: usize) -> Vec<&CallReport> {
        let mut reports = Vec::new();
        for (owner, event) in &self.events {
            if let Event::Ended(report) = event
                && *owner == party
            {
                reports.push(report.as_ref());
            }
        }
        reports
    }
}

fn call(to: &str, voice: Voice, talk: Option<Duration>) -> Order {
    Order::Call(Box::new(CallOrder {
        label: 7,
        from: "1001".into(),
        to: to.into(),
        login: None,
        voice,
        ring_longest: Duration::from_secs(30),
        talk,
    }))
}

fn answer(after: Duration, voice: Voice) -> Treatment {
    Treatment { ring_after: Some(Duration::ZERO), then: Reaction::Answer(after), voice, talk: None }
}

fn pair(caller: Vec<Codec>, called: Vec<Codec>) -> Net {
    Net::new(vec![settings(A, B, caller), settings(B, A, called)])
}

fn talk(caller: Vec<Codec>, called: Vec<Codec>) {
    let mut net = pair(caller, called);
    net.on_call = Some(answer(MS * 1500, Voice::Tone(1800)));
    net.order(0, call("1002", Voice::Speech(700), Some(MS * 3000)));
    net.run(MS * 6000);
    let (mine, theirs) = (net.reports(0)[0], net.reports(1)[0]);
    assert_eq!((mine.end, theirs.end, mine.code, theirs.code), (End::HungUp, End::ByPeer, 200, 200));
    assert_eq!((theirs.from.as_str(), theirs.to.as_str()), ("1001", "1002"));
    assert_eq!((mine.hearing.certain_tones(), theirs.hearing.certain_tones()), (vec![1800], vec![700]));
    assert!(mine.hearing.packets.abs_diff(150) < 3, "{}", mine.hearing.packets);
    assert_eq!((mine.hearing.lost, mine.hearing.gap_max), (0, MS * 20));
    assert!(mine.hearing.first_after_answer.unwrap() < MS * 25);
    assert_eq!(mine.answered.unwrap().since(mine.started).as_millis() / 100, 15);
    assert!(mine.rang.unwrap().since(mine.started) < MS * 10);
    assert!(net.parties.iter().all(|party| party.calls_live() == 0));
    net.run(MS * 40_000);
    assert_eq!(net.parties[0].poll_timeout().or(net.parties[1].poll_timeout()), None, "everything ends");
}

#[test]
fn two_parties_hear_each_other() {
    talk(vec![Codec::Pcma, Codec::Pcmu], vec![Codec::Pcmu, Codec::Pcma]);
}

#[test]
fn the_only_common_codec_is_used() {
    talk(vec![Codec::Pcma, Codec::Pcmu], vec![Codec::Pcmu]);
    let mut net = pair(vec![Codec::Pcma], vec![Codec::Pcmu]);
    net.order(0, call("1002", Voice::Silence, None));
    net.run(MS * 100);
    assert_eq!((net.reports(0)[0].end, net.reports(0)[0].code), (End::Refused, 488));
}

#[test]
fn a_refusal_a_caller_who_gives_up_and_a_full_party() {
    let mut net = pair(vec![Codec::Pcma], vec![Codec::Pcma]);
    net.on_call = Some(Treatment { then: Reaction::Refuse(603, MS * 500), ..answer(MS, Voice::Mute) });
    net.order(0, call("1002", Voice::Silence, None));
    net.run(MS * 1000);
    assert_eq!((net.reports(0)[0].end, net.reports(0)[0].code), (End::Refused, 603));

    net.on_call = Some(Treatment { then: Reaction::Ignore, ..answer(MS, Voice::Mute) });
    net.order(0, call("1002", Voice::Silence, None));
    net.run(MS * 500);
    net.order(0, Order::HangUp(CallKey::placed(7)));
    net.run(MS * 500);
    assert_eq!((net.reports(0)[1].end, net.reports(0)[1].code), (End::Cancelled, 487));
    assert_eq!((net.reports(1)[1].end, net.reports(1)[1].code), (End::Cancelled, 487));

    // Nobody treats it and nobody answers: the caller's patience ends it.
    net.on_call = None;
    net.order(0, call("1002", Voice::Silence, None));
    net.run(MS * 31_000);
    assert_eq!(net.reports(0)[2].end, End::Cancelled);
}

#[test]
fn a_server_that_is_not_there_is_given_up() {
    let mut net = Net::new(vec![settings(A, B, vec![Codec::Pcma])]);
    net.order(0, call("1002", Voice::Silence, None));
    net.run(MS * 33_000);
    assert_eq!((net.reports(0)[0].end, net.reports(0)[0].code), (End::TimedOut, 408));
}

#[test]
fn a_hold_is_obeyed() {
    let mut net = pair(vec![Codec::Pcma], vec![Codec::Pcma]);
    net.on_call = Some(answer(Duration::ZERO, Voice::Tone(1800)));
    net.order(0, call("1002", Voice::Tone(700), None));
    net.run(MS * 1000);
    let before = net.parties[1].traffic().sent;
    reinvite(&mut net, "sendonly", 2);
    net.run(MS * 1000);
    assert!(net.parties[1].traffic().sent - before < 4, "held, and still speaking");
    reinvite(&mut net, "sendrecv", 3);
    net.run(MS * 1000);
    assert!(net.parties[1].traffic().sent - before > 45, "taken back, and silent");
    net.order(1, Order::HangUp(CallKey(3)));
    net.run(MS * 100);
    assert_eq!(net.reports(0)[0].end, End::ByPeer);
}

/// Plays a server between the two that changes the first one's side.
fn reinvite(net: &mut Net, direction: &str, cseq: u32) {
    let hearing = net.parties[1].hearing(CallKey(3));
    assert!(hearing.is_some_and(|hearing| hearing.packets > 0));
    // The 200 to the INVITE has both tags.
    let mut ok = net.wire.iter().map(|bytes| Message::parse(bytes.clone()).unwrap());
    let ok = ok.find(|message| message.status() == Some(200)).unwrap();
    let body = format!(
        "v=0\r\no=- 1 {cseq} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na={direction}\r\n"
    );
    let mut writer = RequestWriter::new(Method::Invite, b"sip:1002@192.0.2.2:5060");
    writer.header(Name::Via, format!("SIP/2.0/UDP {A};branch=z9hG4bK{cseq}x{direction}").as_bytes());
    writer.copy_all(&ok, Name::From).copy_all(&ok, Name::To).copy_all(&ok, Name::CallId);
    writer.cseq(cseq, Method::Invite).header(Name::Contact, b"<sip:1001@192.0.2.1:5060>");
    writer.body(b"application/sdp", body.as_bytes());
    let bytes = writer.finish();
    net.give(1, Input::Sip { from: address(A), bytes });
}

/// A registrar of one account, for the test's party.
fn registrar(algorithm: Algorithm, password: &str) -> Vec<Event> {
    let mut net = Net::new(vec![settings(A, B, vec![Codec::Pcma])]);
    let realm = Realm::new("example.com", [7; 32], &[algorithm], Duration::from_secs(60));
    let mut random = Random::seeded(3);
    net.order(
        0,
        Order::Register(Box::new(Registration {
            label: 5,
            user: "1001".into(),
            password: password.into(),
            expires: Duration::from_secs(10),
            keep: true,
        })),
    );
    for turn in 0..300 {
        for (party, from, bytes) in std::mem::take(&mut net.to_others) {
            let request = Message::parse(bytes).unwrap();
            let ha1 = Ha1::of_password(algorithm, b"1001", b"example.com", b"right");
            let wall = Wall::from_micros(net.now.as_micros() as i64);
            let verdict = Credentials::find(&request, Name::Authorization, b"example.com")
                .map(|credentials| realm.verify(&credentials, Some(&ha1), Method::Register, wall));
            let mut writer;
            if verdict == Some(Verdict::Ok) {
                let contact = String::from_utf8_lossy(request.header(Name::Contact).unwrap()).into_owned();
                let expires = request.expires().unwrap().unwrap();
                writer = ResponseWriter::to(&request, 200, "OK");
                writer.to_tag(b"r");
                if expires > 0 {
                    writer.header(Name::Contact, b"<sip:1001@192.0.2.9>;expires=3000");
                    writer.header(Name::Contact, format!("{contact};expires={expires}").as_bytes());
                }
            } else {
                writer = ResponseWriter::to(&request, 401, "Unauthorized");
                writer.to_tag(b"r");
                for challenge in realm.challenges(wall, false, &mut random) {
                    writer.header(Name::WwwAuthenticate, &challenge);
                }
            }
            let bytes = writer.finish();
            net.sip.push((party, Input::Sip { from, bytes }));
        }
        net.run(MS * 100);
        if turn == 200 {
            net.order(0, Order::Unregister(5));
        }
    }
    net.events.into_iter().map(|(_, event)| event).collect()
}

#[test]
fn an_account_is_kept_registered_and_ended() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let events = registrar(algorithm, "right");
        let registered = events.iter().filter(|event| matches!(event, Event::Registered { label: 5, .. }));
        // Ten seconds granted, refreshed after eight, for twenty seconds; another phone's binding is not ours.
        assert_eq!(registered.count(), 3, "{events:?}");
        assert!(matches!(events.last(), Some(Event::Unregistered { label: 5 })));
    }
}

#[test]
fn a_wrong_password_is_tried_ever_more_seldom() {
    let events = registrar(Algorithm::Md5, "wrong");
    // After 2, 4 and 8 seconds again, each time with one answer to the challenge.
    assert!(events.iter().all(|event| matches!(event, Event::RegistrationFailed { code: 401, .. })));
    assert!((4..=6).contains(&events.len()), "{events:?}");
}

#[test]
fn a_party_over_real_sockets() {
    struct OneCall {
        over: Vec<CallReport>,
        begun: bool,
    }
    impl Script for OneCall {
        fn event(&mut self, _: Instant, party: usize, event: Event, orders: &mut Orders) {
            match event {
                Event::Invited { call, .. } => {
                    orders.push((party, Order::Treat(call, answer(MS * 20, Voice::Stamped))));
                }
                Event::Ended(report) => self.over.push(*report),
                _ => {}
            }
        }
        fn timeout(&mut self, _: Instant, orders: &mut Orders) {
            if !std::mem::replace(&mut self.begun, true) {
                orders.push((0, call("1002", Voice::Tone(900), Some(MS * 500))));
            }
        }
        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
        fn is_over(&self) -> bool {
            self.over.len() == 2
        }
    }
    let mut drive = Drive::new(Clock::machine(), Random::seeded(1));
    let bind = || Sockets::bind(address("127.0.0.1:0"), 2).unwrap();
    let (first, second) = (bind(), bind());
    let (to_second, to_first) = (second.sip_address().unwrap(), first.sip_address().unwrap());
    drive.seat(settings(A, &to_second.to_string(), vec![Codec::Pcma]), first).unwrap();
    drive.seat(settings(B, &to_first.to_string(), vec![Codec::Pcma]), second).unwrap();
    let mut script = OneCall { over: Vec::new(), begun: false };
    drive.run(&mut script).unwrap();
    let by_peer = script.over.iter().find(|report| report.end == End::ByPeer).unwrap();
    assert_eq!(by_peer.hearing.certain_tones(), [900]);
    assert!(drive.party(0).unwrap().traffic().delay.count() > 15);
}
