//! Two endpoints in one thread, with virtual time and a seeded bad network; then each rule by its name.

use super::*;
use crate::sip::dialog::Dialog;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::sip::msg::write::ResponseWriter;
use std::collections::BTreeMap;
use std::time::Duration;

const ALICE: usize = 0;
const BOB: usize = 1;

fn ms(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + u8::try_from(side).unwrap()], 5060))
}

fn flow(transport: Transport, from: usize) -> Flow {
    let connection = u64::from(transport.is_reliable());
    Flow { transport, local: address(from), remote: address(1 - from), connection }
}

fn sent_by(side: usize) -> Vec<u8> {
    address(side).to_string().into_bytes()
}

/// How bad the network is.
#[derive(Copy, Clone, Debug, Default)]
struct Badness {
    loss_percent: u64,
    twice_percent: u64,
    delay_ms_max: u64,
}

/// What a user saw, as one word each.
type Story = Vec<String>;

/// What happens next to a user of its own accord.
#[derive(Clone, Debug)]
enum Plan {
    Invite,
    Cancel(ClientTx),
    Respond(ServerTx, Box<Message>, u16),
    Bye(Box<Dialog>),
}

/// Two endpoints, a simple user on each, and the wire.
struct World {
    seed: u64,
    now: Instant,
    transport: Transport,
    badness: Badness,
    random: Random,
    ends: [Endpoint; 2],
    stories: [Story; 2],
    wire: BTreeMap<(Instant, u64), (usize, Flow, Bytes)>,
    plans: BTreeMap<(Instant, u64), (usize, Plan)>,
    dialogs: BTreeMap<ServerTx, Dialog>,
    invite: Option<Message>,
    /// Milliseconds from the INVITE's arrival to Bob's final answer, and its code.
    answer: (u64, u16),
    count: u64,
    /// 2xx to INVITEs that Bob's endpoint took.
    accepted: usize,
    sent: BTreeMap<String, u64>,
    /// Messages that never arrive: (start of the first line, how many).
    lost: Vec<(&'static str, u64)>,
}

impl World {
    fn new(seed: u64, transport: Transport, badness: Badness) -> Self {
        let end = |n| Endpoint::new(EndpointSettings::default(), Random::seeded(seed * 3 + n));
        Self {
            seed,
            now: ms(1000),
            transport,
            badness,
            random: Random::seeded(seed * 3 + 2),
            ends: [end(0), end(1)],
            stories: [Story::new(), Story::new()],
            wire: BTreeMap::new(),
            plans: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            invite: None,
            answer: (1000, 200),
            count: 0,
            accepted: 0,
            sent: BTreeMap::new(),
            lost: Vec::new(),
        }
    }

    fn plan(&mut self, after_ms: u64, side: usize, plan: Plan) {
        self.count += 1;
        let at = self.now + Duration::from_millis(after_ms);
        self.plans.insert((at, self.count), (side, plan));
    }

    /// Runs until nothing is left to happen; afterwards nothing may be left in any table.
    fn run(&mut self) {
        let mut turns = 0;
        while self.turn() {
            turns += 1;
            assert!(turns < 10_000, "seed {}: it never ends", self.seed);
        }
        for end in &self.ends {
            let left = (end.servers_live(), end.clients_live(), end.merged.len(), end.acked.len());
            assert_eq!(left, (0, 0, 0, 0), "seed {}: left in the tables", self.seed);
            assert_eq!((end.by_remote.len(), end.schedule.len()), (0, 0), "seed {}", self.seed);
        }
    }

    fn turn(&mut self) -> bool {
        let timers = self.ends.iter().filter_map(Endpoint::poll_timeout);
        let wire = self.wire.keys().next().map(|(at, _)| *at);
        let plans = self.plans.keys().next().map(|(at, _)| *at);
        let Some(next) = timers.chain(wire).chain(plans).min() else { return false };
        self.now = self.now.max(next);
        let mut out = Vec::new();
        if wire.is_some_and(|at| at <= self.now) {
            let (_, (side, flow, bytes)) = self.wire.pop_first().expect("seen above");
            self.ends[side].receive(self.now, flow, bytes, &mut out);
            self.take(side, out);
        } else if plans.is_some_and(|at| at <= self.now) {
            let (_, (side, plan)) = self.plans.pop_first().expect("seen above");
            self.act(side, plan);
        } else {
            for side in [ALICE, BOB] {
                let mut out = Vec::new();
                self.ends[side].timeout(self.now, &mut out);
                self.take(side, out);
            }
        }
        true
    }

    fn act(&mut self, side: usize, plan: Plan) {
        let mut out = Vec::new();
        let (now, way) = (self.now, flow(self.transport, side));
        let end = &mut self.ends[side];
        match plan {
            Plan::Invite => {
                let branch = end.branch();
                let mut writer = RequestWriter::new(Method::Invite, b"sip:bob@192.0.2.2");
                writer.via(self.transport.into(), &sent_by(side), branch.as_bytes(), true);
                let tag = end.tag();
                writer.header(Name::From, format!("<sip:alice@192.0.2.1>;tag={tag}").as_bytes());
                writer.header(Name::To, b"<sip:bob@192.0.2.2>").header(Name::CallId, b"call@192.0.2.1");
                writer.cseq(1, Method::Invite).header(Name::Contact, b"<sip:alice@192.0.2.1>");
                let bytes = writer.finish();
                self.invite = Message::parse(bytes.clone()).ok();
                end.request(now, way, bytes, 7, &mut out);
            }
            Plan::Cancel(tx) => end.cancel(now, tx, Some("SIP;cause=200"), &mut out),
            Plan::Respond(tx, request, code) => {
                let mut writer = ResponseWriter::to(&request, code, "Said");
                writer.to_tag(b"bobs").header(Name::Contact, b"<sip:bob@192.0.2.2>");
                end.respond(now, tx, writer.finish(), &mut out);
                let is_2xx = request.method() == Method::Invite && code == 200;
                self.accepted += usize::from(is_2xx && !out.is_empty());
            }
            Plan::Bye(mut dialog) => {
                let branch = end.branch();
                let bytes = dialog.request(Method::Bye, &sent_by(side), &branch).finish();
                end.request(now, way, bytes, 8, &mut out);
            }
        }
        self.take(side, out);
    }

    fn take(&mut self, side: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { flow, bytes } => self.send(side, flow, bytes),
                Effect::Request { tx, message, .. } => self.requested(side, tx, message),
                Effect::Response { tx, user, message } => self.responded(side, tx, user, &message),
                Effect::Ack { .. } => self.tell(side, "ack"),
                Effect::Cancelled { tx, message } => {
                    assert_eq!(
                        message.header(Name::Reason),
                        Some(&b"SIP;cause=200"[..]),
                        "seed {}",
                        self.seed
                    );
                    self.tell(side, "cancelled");
                    let invite = self.invite.clone().expect("an INVITE was sent");
                    self.plan(0, side, Plan::Respond(tx, Box::new(invite), 487));
                }
                Effect::AckMissing { tx } => {
                    self.tell(side, "ack-missing");
                    let dialog = self.dialogs.remove(&tx).expect("a 2xx was sent");
                    self.plan(0, side, Plan::Bye(Box::new(dialog)));
                }
                Effect::Timeout { user, .. } => self.tell(side, &format!("timeout:{user}")),
                Effect::LateAnswer { .. } => self.tell(side, "late"),
                Effect::Unreachable { user, .. } => self.tell(side, &format!("unreachable:{user}")),
                Effect::Malformed { reason, .. } => panic!("seed {}: malformed: {reason}", self.seed),
            }
        }
    }

    fn tell(&mut self, side: usize, word: &str) {
        self.stories[side].push(word.to_owned());
    }

    fn requested(&mut self, side: usize, tx: ServerTx, message: Message) {
        let method = String::from_utf8_lossy(message.method().as_bytes()).into_owned();
        self.tell(side, &method);
        if message.method() == Method::Invite {
            let dialog = Dialog::uas(&message, "bobs", flow(self.transport, side)).expect("a whole INVITE");
            self.dialogs.insert(tx, dialog);
            let (after_ms, code) = self.answer;
            self.plan(after_ms / 2, side, Plan::Respond(tx, Box::new(message.clone()), 180));
            self.plan(after_ms, side, Plan::Respond(tx, Box::new(message), code));
        } else {
            self.plan(0, side, Plan::Respond(tx, Box::new(message), 200));
        }
    }

    fn responded(&mut self, side: usize, tx: ClientTx, user: u64, message: &Message) {
        let code = message.status().unwrap_or(0);
        self.tell(side, &format!("{code}:{user}"));
        if user != 7 || !(200..300).contains(&code) {
            return;
        }
        let invite = self.invite.clone().expect("an INVITE was sent");
        let way = flow(self.transport, side);
        let dialog = Dialog::uac(&invite, message, way).expect("a whole 2xx");
        let branch = self.ends[side].branch();
        let ack = dialog.ack_for(1, &sent_by(side), &branch).finish();
        let mut out = Vec::new();
        self.ends[side].ack(self.now, tx, ack, way, &mut out);
        self.take(side, out);
        self.plan(2000, side, Plan::Bye(Box::new(dialog)));
    }

    /// Puts a message on the wire; a reliable transport keeps order and loses nothing.
    fn send(&mut self, side: usize, sent: Flow, bytes: Bytes) {
        assert_eq!(sent.remote, address(1 - side), "seed {}: sent elsewhere", self.seed);
        let line =
            String::from_utf8_lossy(bytes.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
        *self.sent.entry(line.clone()).or_default() += 1;
        if let Some((_, left)) =
            self.lost.iter_mut().find(|(start, left)| *left > 0 && line.starts_with(start))
        {
            *left -= 1;
            return;
        }
        let mut copies = 1;
        if !self.transport.is_reliable() {
            copies += u64::from(self.random.below(100) < self.badness.twice_percent);
            copies *= u64::from(self.random.below(100) >= self.badness.loss_percent);
        }
        for _ in 0..copies {
            let jitter = if self.transport.is_reliable() { 0 } else { self.badness.delay_ms_max };
            let at = self.now + Duration::from_millis(1 + self.random.below(jitter + 1));
            self.count += 1;
            self.wire.insert((at, self.count), (1 - side, flow(self.transport, 1 - side), bytes.clone()));
        }
    }

    fn times(&self, side: usize, word: &str) -> usize {
        self.stories[side].iter().filter(|said| *said == word).count()
    }

    fn sent(&self, start: &str) -> u64 {
        self.sent.iter().filter(|(line, _)| line.starts_with(start)).map(|(_, count)| count).sum()
    }

    /// What holds for every call, however bad the network is.
    fn check_conservation(&self) {
        let (seed, stories) = (self.seed, &self.stories);
        let finals = ["200:7", "486:7", "487:7", "timeout:7"];
        let ends: usize = finals.iter().map(|word| self.times(ALICE, word)).sum();
        assert_eq!(ends, 1, "seed {seed}: ends of the INVITE: {stories:?}");
        assert!(self.times(BOB, "INVITE") <= 1, "seed {seed}: INVITE told twice: {stories:?}");
        assert!(self.times(BOB, "BYE") <= 1, "seed {seed}: BYE told twice: {stories:?}");
        assert!(self.times(BOB, "cancelled") <= 1, "seed {seed}: CANCEL told twice: {stories:?}");
        let acks = self.times(BOB, "ack") + self.times(BOB, "ack-missing");
        assert_eq!(acks, self.accepted, "seed {seed}: each 2xx is acknowledged or missed, once: {stories:?}");
        let byes: usize = ["200:8", "481:8", "timeout:8"].iter().map(|word| self.times(ALICE, word)).sum();
        assert_eq!(byes, self.times(ALICE, "200:7"), "seed {seed}: a call without end: {stories:?}");
    }
}

#[test]
fn a_thousand_calls_over_bad_networks() {
    let (mut talked, mut cancelled) = (0, 0);
    for seed in 0..1000 {
        let mut random = Random::seeded(seed);
        let badness = Badness {
            loss_percent: random.below(4) * 10,
            twice_percent: random.below(3) * 20,
            delay_ms_max: 1 + random.below(700),
        };
        let mut world = World::new(seed, Transport::Udp, badness);
        world.answer = (random.below(3000), if random.below(4) == 0 { 486 } else { 200 });
        world.plan(0, ALICE, Plan::Invite);
        if random.below(3) == 0 {
            world.turn();
            let tx = ClientTx(world.ends[ALICE].by_remote.first().expect("one request").2);
            world.plan(random.below(3000), ALICE, Plan::Cancel(tx));
        }
        world.run();
        world.check_conservation();
        talked += world.times(ALICE, "200:7");
        cancelled += world.times(ALICE, "487:7");
        if badness.loss_percent == 0 {
            assert_eq!(world.times(ALICE, "timeout:7"), 0, "seed {seed}: {badness:?} {:?}", world.stories);
            assert_eq!(world.times(BOB, "ack-missing"), 0, "seed {seed}: {badness:?} {:?}", world.stories);
        }
    }
    assert!(talked > 400 && cancelled > 50, "{talked} calls talked, {cancelled} were cancelled");
}

#[test]
fn a_call_over_tcp_sends_nothing_twice() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut world = World::new(1, transport, Badness::default());
        world.plan(0, ALICE, Plan::Invite);
        world.run();
        world.check_conservation();
        assert_eq!(world.stories[ALICE].join(" "), "100:7 180:7 200:7 200:8");
        assert_eq!(world.stories[BOB].join(" "), "INVITE ack BYE");
        assert!(world.sent.iter().all(|(_, count)| *count <= 2), "{:?}", world.sent);
        for end in &world.ends {
            let counters = end.counters();
            assert_eq!((counters.retransmissions_sent, counters.retransmissions_received), (0, 0));
        }
    }
}

#[test]
fn a_2xx_without_ack_is_sent_again_on_tcp_too_and_then_ends_in_a_bye() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = World::new(2, transport, Badness::default());
        world.answer = (0, 200);
        world.lost = vec![("ACK", u64::MAX)];
        world.plan(0, ALICE, Plan::Invite);
        world.run();
        // 0.5, 1.5, 3.5, 7.5, then every 4 seconds until 32: ten times, and the BYE's own answers.
        assert_eq!(world.ends[BOB].counters().retransmissions_sent, 10, "{:?}", world.sent);
        assert_eq!(world.sent("ACK"), 11, "each 2xx is acknowledged");
        assert_eq!(world.stories[BOB].join(" "), "INVITE BYE ack-missing 200:8");
    }
}

#[test]
fn a_lost_ack_is_sent_again_by_the_next_2xx() {
    let mut world = World::new(3, Transport::Udp, Badness::default());
    world.lost = vec![("ACK", 2)];
    world.plan(0, ALICE, Plan::Invite);
    world.run();
    assert_eq!(world.sent("ACK"), 3);
    assert_eq!(world.stories[BOB].join(" "), "INVITE ack BYE");
}

#[test]
fn a_lost_final_response_comes_again() {
    for (answer, lost) in [(200, "SIP/2.0 200"), (486, "SIP/2.0 486")] {
        let mut world = World::new(4, Transport::Udp, Badness::default());
        world.answer = (1000, answer);
        world.lost = vec![(lost, 3)];
        world.plan(0, ALICE, Plan::Invite);
        world.run();
        world.check_conservation();
        assert_eq!(world.times(ALICE, &format!("{answer}:7")), 1, "{:?}", world.stories);
        assert!(world.sent(lost) >= 4);
    }
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut world = World::new(5, Transport::Udp, Badness::default());
    world.lost = vec![("SIP/2.0 100", 1), ("SIP/2.0 180", 0)];
    world.answer = (3000, 200);
    world.plan(0, ALICE, Plan::Invite);
    world.turn();
    let tx = ClientTx(world.ends[ALICE].by_remote.first().unwrap().2);
    world.plan(0, ALICE, Plan::Cancel(tx));
    world.plan(1, ALICE, Plan::Cancel(tx));
    while world.times(ALICE, "100:7") == 0 {
        assert_eq!(world.sent("CANCEL"), 0);
        world.turn();
    }
    world.run();
    assert_eq!(world.stories[ALICE].join(" "), "100:7 487:7");
    assert_eq!(world.stories[BOB].join(" "), "INVITE cancelled");
    assert_eq!(world.sent("CANCEL"), 1);
}

#[test]
fn a_200_that_crosses_the_cancel_is_delivered() {
    let mut world = World::new(6, Transport::Udp, Badness::default());
    world.plan(0, ALICE, Plan::Invite);
    world.turn();
    let tx = ClientTx(world.ends[ALICE].by_remote.first().unwrap().2);
    // INVITE at 0, arrives at 1 to 2; Bob says 200 a second later, before the CANCEL arrives.
    while world.sent("SIP/2.0 200") == 0 {
        world.turn();
    }
    world.plan(0, ALICE, Plan::Cancel(tx));
    world.run();
    world.check_conservation();
    assert_eq!(world.stories[ALICE].join(" "), "100:7 180:7 200:7 200:8");
    assert_eq!(world.stories[BOB].join(" "), "INVITE ack BYE", "the CANCEL was too late");
    assert_eq!((world.sent("CANCEL"), world.sent("SIP/2.0 200 OK")), (1, 1), "{:?}", world.sent);
}

#[test]
fn a_cancelled_invite_without_final_response_ends_after_64_t1() {
    let mut world = World::new(7, Transport::Udp, Badness::default());
    world.lost = vec![("CANCEL", u64::MAX)];
    world.answer = (100_000, 200);
    world.plan(0, ALICE, Plan::Invite);
    world.turn();
    let tx = ClientTx(world.ends[ALICE].by_remote.first().unwrap().2);
    world.plan(1000, ALICE, Plan::Cancel(tx));
    while world.times(ALICE, "timeout:7") == 0 {
        world.turn();
    }
    assert_eq!(world.now, ms(1000 + 1000 + 32_000));
}

/// One endpoint and messages written by hand.
struct Bench {
    end: Endpoint,
    out: Vec<Effect>,
}

impl Bench {
    fn new(transactions_max: usize) -> Self {
        let settings = EndpointSettings {
            server: Some("Strowger".to_owned()),
            transactions_max,
            ..EndpointSettings::default()
        };
        Self { end: Endpoint::new(settings, Random::seeded(11)), out: Vec::new() }
    }

    fn receive(&mut self, at_ms: u64, text: &str) -> Vec<Effect> {
        let bytes = Bytes::from(text.to_owned());
        self.end.receive(ms(at_ms), flow(Transport::Udp, BOB), bytes, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn respond(&mut self, at_ms: u64, effects: &[Effect], code: u16) -> Vec<Effect> {
        let Some(Effect::Request { tx, message, .. }) = effects.first() else {
            panic!("no request: {effects:?}")
        };
        let bytes = ResponseWriter::to(message, code, "Said").to_tag(b"bobs").finish();
        self.end.respond(ms(at_ms), *tx, bytes, &mut self.out);
        std::mem::take(&mut self.out)
    }
}

fn text(method: &str, branch: &str, more: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060{branch}\r\nMax-Forwards: 0\r\n\
         From: <sip:alice@192.0.2.1>;tag=a\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: 1@a\r\nCSeq: 1 {method}\r\n\
         {more}Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The messages among effects, and one word for each other effect.
fn words(effects: &[Effect]) -> String {
    let word = |effect: &Effect| match effect {
        Effect::Send { bytes, .. } => match Message::parse(bytes.clone()).unwrap().status() {
            Some(code) => code.to_string(),
            None => "sent".to_owned(),
        },
        Effect::Request { .. } => "request".to_owned(),
        Effect::Ack { .. } => "ack".to_owned(),
        Effect::Cancelled { .. } => "cancelled".to_owned(),
        Effect::AckMissing { .. } => "ack-missing".to_owned(),
        Effect::Response { message, .. } => format!("response:{}", message.status().unwrap()),
        Effect::Timeout { .. } => "timeout".to_owned(),
        Effect::LateAnswer { message, .. } => format!("late:{}", message.status().unwrap()),
        Effect::Unreachable { .. } => "unreachable".to_owned(),
        Effect::Malformed { reason, .. } => format!("malformed:{reason}"),
    };
    effects.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_merged_request_is_answered_482() {
    let mut bench = Bench::new(100);
    let first = bench.receive(0, &text("INVITE", ";branch=z9hG4bK1", ""));
    assert_eq!(words(&first), "request");
    let second = text("INVITE", ";branch=z9hG4bK2", "");
    assert_eq!(words(&bench.receive(1, &second)), "482");
    assert_eq!(words(&bench.receive(2, &second)), "482", "the same answer to its retransmission");
    assert_eq!(bench.end.counters().requests_merged, 2);
    // Another method, or a request inside the dialog, is another matter.
    assert_eq!(words(&bench.receive(3, &text("OPTIONS", ";branch=z9hG4bK3", ""))), "request");
    let inside = text("INVITE", ";branch=z9hG4bK4", "").replace("bob@192.0.2.2>", "bob@192.0.2.2>;tag=b");
    assert_eq!(words(&bench.receive(4, &inside)), "request");
}

#[test]
fn a_digest_retry_with_the_same_cseq_is_not_merged() {
    let mut bench = Bench::new(100);
    let first = bench.receive(0, &text("REGISTER", ";branch=z9hG4bK1", ""));
    assert_eq!(words(&bench.respond(1, &first, 401)), "401");
    assert_eq!(words(&bench.receive(2, &text("REGISTER", ";branch=z9hG4bK2", ""))), "request");
}

#[test]
fn retransmissions_are_absorbed_or_answered_from_memory() {
    for branch in [";branch=z9hG4bK1", ";branch=z9hG4bK", "", ";branch=1"] {
        let mut bench = Bench::new(100);
        let invite = text("INVITE", branch, "");
        let first = bench.receive(0, &invite);
        assert_eq!(words(&first), "request", "{branch}");
        assert_eq!(words(&bench.receive(1, &invite)), "", "{branch}");
        assert_eq!(words(&bench.respond(2, &first, 486)), "486");
        assert_eq!(words(&bench.receive(3, &invite)), "486", "{branch}");
        let ack = text("ACK", branch, "").replace("bob@192.0.2.2>", "bob@192.0.2.2>;tag=bobs");
        assert_eq!(words(&bench.receive(4, &ack)), "", "{branch}");
        assert_eq!(words(&bench.receive(5, &invite)), "", "confirmed: {branch}");
        assert_eq!(bench.end.counters().retransmissions_received, 3);
        bench.end.timeout(ms(40_000), &mut bench.out);
        assert_eq!((words(&bench.out).as_str(), bench.end.servers_live()), ("", 0), "{branch}");
    }
}

#[test]
fn the_ack_to_a_2xx_of_an_rfc_2543_phone_is_told_once() {
    let mut bench = Bench::new(100);
    let first = bench.receive(0, &text("INVITE", "", ""));
    assert_eq!(words(&bench.respond(1, &first, 200)), "200");
    let ack = text("ACK", "", "").replace("bob@192.0.2.2>", "bob@192.0.2.2>;tag=bobs");
    assert_eq!(words(&bench.receive(2, &ack)), "ack");
    assert_eq!(words(&bench.receive(3, &ack)), "");
    assert_eq!(words(&bench.receive(4, &ack.replace("tag=bobs", "tag=other"))), "");
}

#[test]
fn a_cancel_is_answered_whatever_becomes_of_the_invite() {
    let mut bench = Bench::new(100);
    let cancel = text("CANCEL", ";branch=z9hG4bK1", "");
    assert_eq!(words(&bench.receive(0, &cancel.replace("bK1", "bK0"))), "481");
    let first = bench.receive(1, &text("INVITE", ";branch=z9hG4bK1", ""));
    bench.respond(2, &first, 180);
    let effects = bench.receive(3, &cancel);
    assert_eq!(words(&effects), "200 cancelled");
    let Some(Effect::Send { bytes, .. }) = effects.first() else { panic!("{effects:?}") };
    let ok = Message::parse(bytes.clone()).unwrap();
    assert_eq!(ok.to().unwrap().tag(), Some(&b"bobs"[..]), "the same To tag as the INVITE's");
    assert_eq!(ok.header(Name::Server), Some(&b"Strowger"[..]));
    assert_eq!(words(&bench.receive(4, &cancel)), "200", "its retransmission is told to nobody");
    assert_eq!(words(&bench.respond(5, &first, 487)), "487");
    assert_eq!(words(&bench.receive(6, &cancel.replace("CSeq: 1", "CSeq: 1 "))), "200");
}

#[test]
fn a_cancel_finds_the_invite_of_an_rfc_2543_phone() {
    for branch in ["", ";branch=z9hG4bK", ";branch=7"] {
        let mut bench = Bench::new(100);
        bench.receive(0, &text("INVITE", branch, ""));
        assert_eq!(words(&bench.receive(1, &text("CANCEL", branch, ""))), "200 cancelled", "{branch}");
        let other = text("CANCEL", branch, "").replace("1@a", "2@a");
        assert_eq!(words(&bench.receive(2, &other)), "481", "{branch}");
    }
}

#[test]
fn a_full_table_says_503_but_lets_calls_end() {
    let mut bench = Bench::new(4);
    for n in 0..4 {
        let request = text("OPTIONS", &format!(";branch=z9hG4bK{n}"), "").replace("1@a", &format!("{n}@a"));
        assert_eq!(words(&bench.receive(0, &request)), "request");
    }
    let more = text("INVITE", ";branch=z9hG4bKx", "").replace("1@a", "x@a");
    let effects = bench.receive(1, &more);
    assert_eq!(words(&effects), "503");
    let Some(Effect::Send { bytes, .. }) = effects.first() else { panic!("{effects:?}") };
    assert!(Message::parse(bytes.clone()).unwrap().has(Name::RetryAfter));
    assert_eq!(bench.end.servers_live(), 4);
    let bye = text("BYE", ";branch=z9hG4bKb", "").replace("bob@192.0.2.2>", "bob@192.0.2.2>;tag=b");
    assert_eq!(words(&bench.receive(2, &bye)), "request");
    assert_eq!(words(&bench.receive(3, &bye.replace("bKb", "bKc").replace("1@a", "2@a"))), "503");
    assert_eq!(words(&bench.receive(4, &text("CANCEL", ";branch=z9hG4bKx", ""))), "481", "without memory");
    assert_eq!((bench.end.servers_live(), bench.end.counters().requests_refused), (5, 2));
}

#[test]
fn a_full_table_sends_nothing_of_ours() {
    let mut bench = Bench::new(1);
    let way = flow(Transport::Udp, BOB);
    let send = |bench: &mut Bench, text: &str| {
        let branch = bench.end.branch();
        let request = text.replace("z9hG4bK", &branch);
        bench.end.request(ms(0), way, Bytes::from(request), 5, &mut bench.out);
        words(&std::mem::take(&mut bench.out))
    };
    assert_eq!(send(&mut bench, &text("OPTIONS", ";branch=z9hG4bK", "")), "sent");
    assert_eq!(send(&mut bench, &text("OPTIONS", ";branch=z9hG4bK", "")), "unreachable");
    assert_eq!(send(&mut Bench::new(9), "no request"), "unreachable");
}

#[test]
fn defects_are_answered_but_never_for_an_ack() {
    let mut bench = Bench::new(100);
    let bad = |method: &str| text(method, ";branch=z9hG4bK1", "").replace("CSeq: 1 ", "CSeq: x ");
    assert_eq!(words(&bench.receive(0, &bad("INVITE"))), "malformed:Malformed CSeq 400");
    assert_eq!(words(&bench.receive(0, &bad("ACK"))), "malformed:Malformed CSeq");
    let check = |bench: &mut Bench, from: &str, to: &str, code: &str| {
        let request = text("OPTIONS", ";branch=z9hG4bK1", "").replace(from, to);
        let said = words(&bench.receive(0, &request));
        assert!(said.starts_with("malformed:") && said.ends_with(code), "{to}: {said}");
    };
    check(&mut bench, "SIP/2.0\r\nVia", "SIP/7.0\r\nVia", "505");
    check(&mut bench, "sip:bob@192.0.2.2 SIP", "nobody:bob SIP", "416");
    assert_eq!(words(&bench.receive(0, "\r\n\r\n")), "");
    assert_eq!(words(&bench.receive(0, "hello")), "malformed:start_line");
    assert_eq!(words(&bench.receive(0, "SIP/2.0 200 OK\r\n\r\n")), "malformed:Missing Via");
    assert_eq!((bench.end.servers_live(), bench.end.counters().malformed), (0, 6));
}

#[test]
fn stray_responses_and_acks_are_counted_and_dropped() {
    let mut bench = Bench::new(100);
    let stray =
        text("INVITE", ";branch=z9hG4bK1", "").replace("INVITE sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(words(&bench.receive(0, &stray)), "");
    assert_eq!(words(&bench.receive(0, &text("ACK", ";branch=z9hG4bK1", ""))), "");
    // RFC 3261 section 8.1.3.3: with two Vias it is somebody else's, whatever the branch.
    let branch = bench.end.branch();
    let options = text("OPTIONS", &format!(";branch={branch}"), "");
    bench.end.request(ms(0), flow(Transport::Udp, BOB), options.clone().into(), 1, &mut bench.out);
    bench.out.clear();
    let answer = options.replace("OPTIONS sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK");
    let second = answer.replace("Max-Forwards", "Via: SIP/2.0/UDP other\r\nMax-Forwards");
    assert_eq!(words(&bench.receive(0, &second)), "");
    assert_eq!(words(&bench.receive(0, &answer)), "response:200");
    let counters = bench.end.counters();
    assert_eq!((counters.responses_stray, counters.acks_stray), (2, 1));
}

#[test]
fn forks_are_told_apart_by_their_to_tag_and_acknowledged_each() {
    let mut bench = Bench::new(100);
    let way = flow(Transport::Udp, BOB);
    let branch = bench.end.branch();
    let invite = text("INVITE", &format!(";branch={branch}"), "");
    let tx = bench.end.request(ms(0), way, Bytes::from(invite.clone()), 5, &mut bench.out);
    bench.out.clear();
    let answer = |tag: &str| {
        let request = Message::parse(invite.clone().into()).unwrap();
        let bytes = ResponseWriter::to(&request, 200, "OK").to_tag(tag.as_bytes()).finish();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let ack = |tag: &str| {
        Bytes::from(
            text("ACK", ";branch=z9hG4bKack", "")
                .replace("bob@192.0.2.2>", &format!("bob@192.0.2.2>;tag={tag}")),
        )
    };
    assert_eq!(words(&bench.receive(1, &answer("one"))), "response:200");
    assert_eq!(words(&bench.receive(2, &answer("one"))), "", "no ACK is known yet");
    assert_eq!(words(&bench.receive(3, &answer("two"))), "response:200");
    for tag in ["one", "two"] {
        bench.end.ack(ms(4), tx, ack(tag), way, &mut bench.out);
        assert_eq!(words(&std::mem::take(&mut bench.out)), "sent");
    }
    for tag in ["one", "two"] {
        let effects = bench.receive(5, &answer(tag));
        let Some(Effect::Send { bytes, .. }) = effects.first() else { panic!("{effects:?}") };
        assert_eq!(bytes, &ack(tag));
    }
    // However many forks there are, they are bounded.
    let told = (0..100).filter(|n| !bench.receive(6, &answer(&format!("n{n}"))).is_empty()).count();
    assert_eq!(told, 14);
    bench.end.timeout(ms(40_000), &mut bench.out);
    assert_eq!((words(&bench.out).as_str(), bench.end.clients_live()), ("", 0));
}

#[test]
fn a_failed_flow_ends_what_is_on_its_way() {
    let mut bench = Bench::new(100);
    let udp = flow(Transport::Udp, BOB);
    let tcp = Flow { transport: Transport::Tcp, connection: 3, ..udp };
    let opening = Flow { connection: 0, ..tcp };
    let elsewhere = Flow { remote: "192.0.2.77:5060".parse().unwrap(), ..udp };
    let ways = [udp, tcp, opening, elsewhere, Flow { connection: 4, ..tcp }];
    for (user, way) in (0..).zip(ways) {
        let branch = bench.end.branch();
        let request = text("INVITE", &format!(";branch={branch}"), "");
        bench.end.request(ms(0), way, Bytes::from(request), user, &mut bench.out);
    }
    bench.out.clear();
    let mut fail = |way| {
        bench.end.flow_failed(ms(1), way, &mut bench.out);
        let users = bench.out.drain(..).map(|effect| {
            let Effect::Unreachable { user, .. } = effect else { panic!("{effect:?}") };
            user
        });
        users.collect::<Vec<_>>()
    };
    assert_eq!(fail(udp), [0]);
    assert_eq!(fail(udp), [] as [u64; 0]);
    assert_eq!(fail(tcp), [1, 2]);
    assert_eq!(fail(elsewhere), [3]);
    assert_eq!(bench.end.clients_live(), 1);
}

#[test]
fn the_usual_refusals() {
    let mut bench = Bench::new(100);
    let request =
        |method: &str, more: &str| Message::parse(text(method, ";branch=z9hG4bK1", more).into()).unwrap();
    let plain = request("INVITE", "Require: TIMER\r\nProxy-Require: gin\r\n");
    assert_eq!(bench.end.unsupported(&plain, &["timer"]), None);
    let odd = request("INVITE", "Require: timer, nothingSupportsThis, norThis\r\n");
    let refusal = Message::parse(bench.end.unsupported(&odd, &["timer"]).unwrap()).unwrap();
    assert_eq!((refusal.status(), refusal.check()), (Some(420), Ok(())));
    assert_eq!(refusal.header(Name::Unsupported), Some(&b"nothingSupportsThis, norThis"[..]));
    assert_eq!(bench.end.unsupported(&request("CANCEL", "Require: x\r\n"), &[]), None);
    let mut check = |method: &str, code: Option<u16>| {
        let refusal = bench.end.not_allowed(&request(method, ""), &["INVITE", "BYE"]);
        let refusal = refusal.map(|bytes| Message::parse(bytes).unwrap());
        assert_eq!(refusal.as_ref().and_then(Message::status), code, "{method}");
        let allow = refusal.as_ref().and_then(|refusal| refusal.header(Name::Allow));
        assert_eq!(allow, code.map(|_| &b"INVITE, BYE"[..]));
    };
    check("BYE", None);
    check("PUBLISH", Some(405));
    check("FROBNICATE", Some(501));
    check("invite", Some(501));
}

#[test]
fn an_invite_without_ack_costs_at_most_4_kb() {
    let entry = size_of::<server::Server>() + 64;
    assert!(entry + crate::sip::transaction::invite_server::REMEMBERED_BYTES_MAX <= 4096, "{entry} bytes");
    assert!(size_of::<server::Server>() <= 240, "{} bytes", size_of::<server::Server>());
    assert!(size_of::<client::Client>() <= 280, "{} bytes", size_of::<client::Client>());
}

#[test]
fn nothing_that_a_peer_sends_panics() {
    let mut random = Random::seeded(99);
    let mut bench = Bench::new(50);
    let seeds = [
        text("INVITE", ";branch=z9hG4bK1;rport;maddr=192.0.2.3", "Require: x\r\n"),
        text("CANCEL", ";branch=z9hG4bK1", ""),
        text("ACK", ";branch=z9hG4bK", "").replace("bob@192.0.2.2>", "bob@192.0.2.2>;tag=b"),
        text("BYE", "", "").replace("BYE sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 180 Ringing"),
    ];
    for n in 0..20_000_u64 {
        let mut bytes = seeds[(n % 4) as usize].clone().into_bytes();
        for _ in 0..random.below(6) {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            match random.below(3) {
                0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b";,\"<>\r\n =:"[usize::try_from(random.below(10)).unwrap()]),
            }
        }
        bench.end.receive(ms(n), flow(Transport::Udp, BOB), Bytes::from(bytes), &mut bench.out);
        for effect in std::mem::take(&mut bench.out) {
            if let Effect::Request { tx, message, .. } = effect {
                let code = [180, 200, 486][usize::try_from(random.below(3)).unwrap()];
                let bytes = ResponseWriter::to(&message, code, "Said").to_tag(b"t").finish();
                bench.end.respond(ms(n), tx, bytes, &mut bench.out);
            }
        }
        bench.end.timeout(ms(n), &mut bench.out);
    }
    bench.end.timeout(ms(200_000), &mut bench.out);
    bench.end.timeout(ms(300_000), &mut bench.out);
    let proceeding = bench.end.servers_live();
    assert!(proceeding <= 63, "{proceeding} left, the INVITEs that were only answered 180");
}
