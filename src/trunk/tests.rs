//! The machines of a trunk through their front doors.

use crate::clock::Instant;
use crate::ids::Random;
use crate::sip::endpoint::Transport;
use crate::trunk::Answer;
use crate::trunk::Candidate;
use crate::trunk::Failure;
use crate::trunk::Found;
use crate::trunk::Gate;
use crate::trunk::Health;
use crate::trunk::Lookup;
use crate::trunk::Place;
use crate::trunk::Question;
use crate::trunk::Record;
use crate::trunk::Registration;
use crate::trunk::Roster;
use crate::trunk::Verdict;
use crate::trunk::health;
use crate::trunk::registration;
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

// --- names ---

type Zone = BTreeMap<Question, Result<Vec<Record>, Failure>>;

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Record {
    Record::Srv { priority, weight, port, target: target.to_owned() }
}

fn naptr(order: u16, services: &str, replacement: &str) -> Record {
    let (services, replacement) = (services.to_owned(), replacement.to_owned());
    Record::Naptr { order, preference: 0, flags: "S".to_owned(), services, replacement }
}

fn address(ip: &str) -> Record {
    Record::Address(ip.parse().unwrap())
}

/// Looks a name up in a zone; how many questions it took.
fn find(zone: &Zone, port: Option<u16>, choice: &[Transport]) -> (Found, usize) {
    let mut open = Vec::new();
    let mut lookup = Lookup::start("Carrier.example", port, Transport::Udp, choice, 0, &mut open);
    let mut asked = 0;
    while let Some(question) = open.pop() {
        asked += 1;
        let records = zone.get(&question).cloned().unwrap_or(Err(Failure::Missing));
        let answer = Answer { records, ttl: Duration::from_secs(60) };
        if let Some(found) = lookup.answer(&question, &answer, &mut open) {
            return (found, asked);
        }
    }
    panic!("the look-up has no end");
}

fn places(found: &Found) -> Vec<String> {
    let place = |one: &Candidate| format!("{} {}", one.place.transport.word(), one.place.address);
    found.candidates.as_ref().unwrap().iter().map(place).collect()
}

#[test]
fn a_name_is_found_as_rfc_3263_says() {
    let name = || "carrier.example".to_owned();
    let a = Question::Address(name());
    let mut zone = Zone::from([(a.clone(), Ok(vec![address("192.0.2.1"), address("2001:db8::1")]))]);
    // With a port, addresses alone.
    let (found, asked) = find(&zone, Some(5070), &[]);
    assert_eq!(
        (places(&found), asked),
        (vec!["udp 192.0.2.1:5070".into(), "udp [2001:db8::1]:5070".into()], 1)
    );
    // No SRV: the name itself, on SIP's port.
    assert_eq!(places(&find(&zone, None, &[]).0)[0], "udp 192.0.2.1:5060");
    let udp = Question::Srv("_sip._udp.carrier.example".to_owned());
    zone.insert(
        udp.clone(),
        Ok(vec![srv(20, 0, 5080, "B.carrier.example."), srv(10, 0, 5060, "a.carrier.example.")]),
    );
    zone.insert(Question::Address("a.carrier.example".to_owned()), Ok(vec![address("192.0.2.11")]));
    zone.insert(Question::Address("b.carrier.example".to_owned()), Ok(vec![address("192.0.2.12")]));
    let (found, _) = find(&zone, None, &[]);
    let order: Vec<_> =
        found.candidates.unwrap().iter().map(|one| (one.priority, one.place.address.port())).collect();
    assert!(order.contains(&((0, 10), 5060)) && order.contains(&((0, 20), 5080)));
    // NAPTR chooses the transport, where none is given.
    let tls = Question::Srv("_sips._tcp.secure.example".to_owned());
    zone.insert(
        Question::Naptr(name()),
        Ok(vec![
            naptr(20, "SIP+D2U", "_sip._udp.carrier.example."),
            naptr(10, "SIPS+D2T", "_sips._tcp.secure.example."),
        ]),
    );
    zone.insert(tls, Ok(vec![srv(1, 1, 5061, "a.carrier.example")]));
    let all = [Transport::Udp, Transport::Tcp, Transport::Tls];
    assert_eq!(places(&find(&zone, None, &all).0), ["tls 192.0.2.11:5061"]);
    // What we don't speak is passed over.
    assert_eq!(places(&find(&zone, None, &all[..2]).0).len(), 2);
    assert_eq!(places(&find(&zone, None, &[]).0).len(), 2);
    // "Decidedly not available".
    zone.insert(udp.clone(), Ok(vec![srv(0, 0, 0, ".")]));
    assert_eq!(find(&zone, None, &[]).0.candidates, Some(Vec::new()));
    // Silence is not absence: what was known before holds.
    zone.insert(udp, Err(Failure::Unanswered));
    zone.insert(a, Err(Failure::Unanswered));
    assert_eq!(find(&zone, None, &[]).0.candidates, None);
}

#[test]
fn a_name_server_cannot_make_us_grow() {
    let many = (0..1000).map(|n| srv(1, 1, 5060, &format!("h{}.x", n % 20))).collect();
    let mut zone = Zone::from([(Question::Srv("_sip._udp.carrier.example".to_owned()), Ok(many))]);
    for n in 0..20 {
        zone.insert(Question::Address(format!("h{n}.x")), Ok(vec![address("192.0.2.1"); 100]));
    }
    let (found, asked) = find(&zone, None, &[]);
    assert!(found.candidates.unwrap().len() <= 32 && asked <= 17);
}

fn candidate(host: u8, priority: u16, weight: u16) -> Candidate {
    let place = Place { transport: Transport::Udp, address: format!("192.0.2.{host}:5060").parse().unwrap() };
    Candidate { place, host: "h".to_owned(), priority: (0, priority), weight }
}

#[test]
fn weights_share_the_calls_and_priorities_rule() {
    let mut random = Random::seeded(7);
    let mut roster = Roster::new(None);
    let all = [candidate(1, 10, 75), candidate(2, 10, 25), candidate(3, 20, 0), candidate(4, 10, 0)];
    roster.replace(at(0), &all, &mut random);
    let mut first = BTreeMap::new();
    for _ in 0..10_000 {
        let order = roster.order(at(0), false, &mut random);
        assert_eq!(order.len(), 4);
        assert_eq!(order[3].priority, (0, 20), "the higher priority is the last");
        *first.entry(order[0].place).or_insert(0_u32) += 1;
    }
    let share = |index: usize| first.get(&all[index].place).copied().unwrap_or(0);
    assert!((7000..8000).contains(&share(0)) && (2000..3000).contains(&share(1)), "{first:?}");
    assert!((1..400).contains(&share(3)), "weight 0 has a small chance: {first:?}");
}

#[test]
fn a_target_that_is_resolved_again_keeps_what_is_known_of_it() {
    let mut random = Random::seeded(1);
    let mut roster = Roster::new(None);
    let (one, two) = (candidate(1, 1, 0), candidate(2, 2, 0));
    roster.replace(at(0), &[one.clone(), two.clone()], &mut random);
    let target = roster.target_mut(one.place).unwrap();
    target.health.handle(at(0), health::Input::CallFailed, &mut random, &mut Vec::new());
    roster.replace(at(10), &[two.clone(), one.clone(), one.clone()], &mut random);
    assert_eq!(roster.targets().len(), 2);
    let usable = roster.order(at(10), false, &mut random);
    assert_eq!(usable, std::slice::from_ref(&two));
    assert_eq!(roster.order(at(10), true, &mut random), [two.clone(), one.clone()]);
    assert_eq!(roster.order(at(60_000), false, &mut random), [one, two], "it is remembered for a minute");
}

// --- OPTIONS ---

/// Drives a health machine: each asking is answered as `answers` says, `None` is silence. The changes, and when.
fn health_of(answers: &[Option<u16>], seed: u64) -> Vec<(usize, bool)> {
    let mut random = Random::seeded(seed);
    let mut health = Health::new(at(0), Some(30 * SECOND), &mut random);
    let mut changes = Vec::new();
    let mut asked = 0;
    while asked < answers.len() || health.poll_timeout().is_none() {
        let now = health.poll_timeout().expect("a target is always asked again");
        let mut out = Vec::new();
        health.handle(now, health::Input::Timeout, &mut random, &mut out);
        if out.contains(&health::Output::Ask) {
            if asked == answers.len() {
                break;
            }
            if let Some(status) = answers[asked] {
                let later = now + Duration::from_millis(20);
                health.handle(later, health::Input::Answered(status), &mut random, &mut out);
                assert_eq!(health.round_trip(), Some(Duration::from_millis(20)));
            }
            asked += 1;
        }
        changes.extend(out.iter().filter_map(|output| match output {
            health::Output::Changed(up) => Some((asked, *up)),
            health::Output::Ask | health::Output::RoundTrip(_) => None,
        }));
    }
    // Silence of the last asking.
    let mut out = Vec::new();
    health.handle(at(10_000_000), health::Input::Timeout, &mut random, &mut out);
    changes.extend(out.contains(&health::Output::Changed(false)).then_some((asked, false)));
    changes
}

#[test]
fn two_failures_are_down_and_two_answers_up() {
    for seed in 0..100 {
        let check = |answers: &[Option<u16>], changes: &[(usize, bool)]| {
            assert_eq!(health_of(answers, seed), changes, "seed {seed}: {answers:?}");
        };
        check(&[Some(200), Some(404), Some(405), Some(481)], &[(1, true)]);
        check(&[Some(200), None, Some(200), None, Some(200)], &[(1, true)]);
        check(&[Some(200), Some(503), Some(503), Some(200), Some(200)], &[(1, true), (3, false), (5, true)]);
        check(
            &[Some(200), None, None, Some(200), None, Some(200), Some(501)],
            &[(1, true), (3, false), (7, true)],
        );
        check(&[None, None], &[(2, false)]);
    }
}

#[test]
fn a_target_that_failed_a_call_rests_until_options_says_that_it_lives() {
    let mut random = Random::seeded(1);
    let mut health = Health::new(at(0), Some(30 * SECOND), &mut random);
    let mut out = Vec::new();
    health.handle(at(1), health::Input::CallFailed, &mut random, &mut out);
    assert!(!health.is_usable(at(1)) && health.is_usable(at(60_001)));
    let mut now = at(1);
    for answers in 1..=2 {
        now = health.poll_timeout().unwrap().max(now);
        out.clear();
        health.handle(now, health::Input::Timeout, &mut random, &mut out);
        assert_eq!(out, [health::Output::Ask]);
        health.handle(now, health::Input::Answered(200), &mut random, &mut out);
        assert_eq!(health.is_usable(now), answers == 2);
    }
    assert!(now.since(at(1)) < 10 * SECOND, "it is asked soon");
    // Where nobody asks, time alone mends; two failures in a row do not shut it for ever.
    let mut alone = Health::new(at(0), None, &mut random);
    for _ in 0..5 {
        alone.handle(at(0), health::Input::CallFailed, &mut random, &mut out);
    }
    assert!(alone.poll_timeout().is_none() && !alone.is_usable(at(59_999)) && alone.is_usable(at(60_000)));
}

// --- REGISTER ---

struct Desk {
    machine: Registration,
    random: Random,
    now: Instant,
}

impl Desk {
    fn new(seed: u64) -> Self {
        let machine = Registration::new(Duration::from_secs(3600));
        Self { machine, random: Random::seeded(seed), now: at(1000) }
    }

    fn tell(&mut self, input: registration::Input) -> Vec<registration::Output> {
        let mut out = Vec::new();
        self.machine.handle(self.now, input, &mut self.random, &mut out);
        out
    }

    /// Until its next wish.
    fn wait(&mut self) -> (Duration, Vec<registration::Output>) {
        let from = self.now;
        loop {
            self.now = self.machine.poll_timeout().expect("it always wants something").max(self.now);
            let out = self.tell(registration::Input::Timeout);
            if !out.is_empty() {
                return (self.now.since(from), out);
            }
        }
    }
}

fn register(seconds: u64, next: bool) -> registration::Output {
    registration::Output::Register { expires: Duration::from_secs(seconds), next }
}

#[test]
fn it_is_refreshed_before_it_ends_and_lost_when_nobody_answers() {
    for seed in 0..100 {
        let mut desk = Desk::new(seed);
        assert_eq!(desk.tell(registration::Input::Start), [register(3600, false)]);
        assert_eq!(
            desk.tell(registration::Input::Accepted(60 * SECOND)),
            [registration::Output::Changed(true)]
        );
        let (waited, out) = desk.wait();
        assert!((45 * SECOND..52 * SECOND).contains(&waited), "seed {seed}: {waited:?}");
        assert_eq!(out, [register(3600, false)]);
        // Silence: other servers are asked; it holds until its time.
        let (mut asked, mut over) = (0, Duration::ZERO);
        while desk.machine.is_registered() {
            let (waited, out) = desk.wait();
            over += waited;
            asked += out.iter().filter(|output| **output == register(3600, true)).count();
        }
        assert!(asked >= 1 && waited + over == 60 * SECOND, "seed {seed}: {asked} {:?}", waited + over);
        // The pauses grow, to five minutes at most.
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let (waited, out) = desk.wait();
            assert_eq!(out, [register(3600, true)]);
            last = waited;
        }
        assert!((150 * SECOND..=306 * SECOND).contains(&last), "seed {seed}: {last:?}");
    }
}

#[test]
fn a_423_is_followed_once() {
    let mut desk = Desk::new(1);
    desk.machine = Registration::new(Duration::from_secs(60));
    desk.tell(registration::Input::Start);
    assert_eq!(desk.tell(registration::Input::TooBrief(1800 * SECOND)), [register(1800, false)]);
    assert_eq!(desk.tell(registration::Input::TooBrief(3600 * SECOND)), []);
    assert_eq!(desk.wait().1, [register(60, true)]);
    assert_eq!(desk.tell(registration::Input::TooBrief(Duration::MAX)), [], "no year-long registration");
}

#[test]
fn a_refused_account_is_not_tried_often() {
    let mut desk = Desk::new(3);
    desk.tell(registration::Input::Start);
    let mut waits = Vec::new();
    for _ in 0..10 {
        desk.tell(registration::Input::Refused);
        waits.push(desk.wait().0);
    }
    assert!(waits[0] >= 30 * SECOND && waits[9] >= 1800 * SECOND && waits[9] <= 3600 * SECOND, "{waits:?}");
}

#[test]
fn a_lost_connection_is_made_anew_at_once_and_a_stop_says_goodbye() {
    let mut desk = Desk::new(4);
    desk.tell(registration::Input::Start);
    desk.tell(registration::Input::Accepted(3600 * SECOND));
    assert_eq!(desk.tell(registration::Input::FlowLost), [registration::Output::Changed(false)]);
    let (waited, out) = desk.wait();
    assert!(waited <= SECOND && out == [register(3600, false)], "{waited:?} {out:?}");
    desk.tell(registration::Input::Accepted(3600 * SECOND));
    assert_eq!(
        desk.tell(registration::Input::Stop),
        [register(0, false), registration::Output::Changed(false)]
    );
    assert_eq!(desk.machine.poll_timeout(), None);
}

// --- limits and verdicts ---

#[test]
fn no_second_has_more_calls_than_the_limit() {
    for limit in [1, 3, 10] {
        let mut gate = Gate::new(u32::MAX, Some(limit));
        let let_in: Vec<u64> = (0..10_000).step_by(7).filter(|millis| gate.admit(at(*millis))).collect();
        for start in &let_in {
            let within = let_in.iter().filter(|millis| (*start..*start + 1000).contains(*millis)).count();
            assert!(within <= limit as usize, "{limit}: {within} from {start} ms");
        }
        assert!(let_in.len() >= 9 * limit as usize, "{limit}: {}", let_in.len());
    }
}

#[test]
fn a_full_trunk_takes_emergency_calls_only() {
    let mut gate = Gate::new(2, None);
    assert!(gate.admit(at(0)) && gate.admit(at(0)) && !gate.admit(at(0)));
    gate.force();
    assert_eq!(gate.calls(), 3);
    gate.release();
    assert!(gate.is_full());
    gate.release();
    assert!(gate.admit(at(0)));
}

#[test]
fn what_each_status_means_for_the_next_target() {
    let goes_on = |status, rang| matches!(Verdict::of_status(status, rang, None), Verdict::Next { .. });
    for status in [486, 404, 603, 400, 403, 480, 484, 487, 488, 600, 604, 606, 302] {
        assert!(!goes_on(status, false), "{status}");
    }
    for status in [408, 500, 502, 503, 504, 599] {
        assert!(goes_on(status, false), "{status}");
    }
    assert!(!goes_on(408, true), "a phone that has rung was reached");
    let rest = |seconds| match Verdict::of_status(503, false, Some(Duration::from_secs(seconds))) {
        Verdict::Next { rest, .. } => rest,
        Verdict::Final => None,
    };
    assert_eq!((rest(20), rest(100_000)), (Some(20 * SECOND), Some(300 * SECOND)));
}
