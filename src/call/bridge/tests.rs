//! Scenarios of one call, and a seeded storm in which every leg must end and every caller be accounted for.

#![allow(clippy::wildcard_enum_match_arm, reason = "the world looks at some commands only")]

use super::*;
use crate::clock::Wall;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::record::Cdr;
use crate::record::CdrOutcome;
use crate::record::OfferResult;
use std::collections::BTreeSet;

const CALLER: LegId = LegId(1);
const BOB: LegId = LegId(2);
const DESK: LegId = LegId(3);

fn at(millis: u64) -> Now {
    Now { instant: Instant::from_micros(millis * 1000), wall: Wall::from_micros(millis as i64 * 1000) }
}

fn call() -> Call {
    Call::new(CALLER, Ledger::open(at(0), CallUid::from_u128(7), "1001".into(), "1002".into()))
}

fn step(call: &mut Call, millis: u64, input: Input) -> Vec<Command> {
    let mut out = Vec::new();
    call.handle(at(millis), input, &mut out);
    out
}

fn record(commands: &[Command]) -> &Cdr {
    match commands.last() {
        Some(Command::Finished(cdr)) => cdr,
        other => panic!("the call is not over: {other:?}"),
    }
}

fn offer(n: u128) -> OfferUid {
    OfferUid::from_u128(n)
}

fn waiting() -> Call {
    let mut call = call();
    let plan = Plan::Queue { queue: QueueId::new("support"), music: "default".into() };
    step(&mut call, 0, Input::Begin(plan));
    step(&mut call, 0, Input::Joined);
    call
}

#[test]
fn two_phones_ring_and_the_first_answer_wins() {
    let mut call = call();
    let dialled = step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB, DESK])));
    assert_eq!(dialled.len(), 2);
    let ringing = step(&mut call, 100, Input::Leg(BOB, LegEvent::Ringing));
    assert_eq!(ringing, [Command::Progress { leg: CALLER, media: None }]);
    let answered = step(&mut call, 2000, Input::Leg(DESK, LegEvent::Answered));
    assert!(answered.contains(&Command::HangUp { leg: BOB, cause: Cause::AnsweredElsewhere }));
    assert!(answered.contains(&Command::Answer { leg: CALLER, like: Some(DESK) }));
    assert!(answered.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(DESK) }));
    assert!(answered.contains(&Command::Hear { leg: DESK, what: Hear::Leg(CALLER) }));
    let ended = step(&mut call, 12_000, Input::Leg(CALLER, LegEvent::Ended(Cause::Normal)));
    assert_eq!(ended.first(), Some(&Command::HangUp { leg: DESK, cause: Cause::Normal }));
    let cdr = record(&ended);
    assert_eq!(cdr.outcome, CdrOutcome::Answered);
    assert_eq!(cdr.talk, Duration::from_secs(10));
    assert!(step(&mut call, 13_000, Input::Leg(DESK, LegEvent::Ended(Cause::Normal))).is_empty());
}

#[test]
fn all_phones_fail_and_the_caller_is_told_the_best_cause() {
    let mut call = call();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB, DESK])));
    assert!(step(&mut call, 10, Input::Leg(BOB, LegEvent::Failed(Cause::Busy))).is_empty());
    let over = step(&mut call, 20, Input::Leg(DESK, LegEvent::Failed(Cause::Failed)));
    assert_eq!(over.first(), Some(&Command::Refuse { leg: CALLER, cause: Cause::Busy }));
    assert_eq!(record(&over).outcome, CdrOutcome::Busy);
}

#[test]
fn the_caller_cancels_and_every_phone_stops_ringing() {
    let mut call = call();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB, DESK])));
    let over = step(&mut call, 500, Input::Leg(CALLER, LegEvent::Ended(Cause::Cancelled)));
    assert!(over.contains(&Command::HangUp { leg: BOB, cause: Cause::Cancelled }));
    assert!(over.contains(&Command::HangUp { leg: DESK, cause: Cause::Cancelled }));
    assert_eq!(record(&over).outcome, CdrOutcome::Cancelled);
}

#[test]
fn nobody_answers_for_three_minutes() {
    let mut call = call();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB])));
    assert!(step(&mut call, 179_999, Input::Timeout).is_empty());
    let over = step(&mut call, 180_000, Input::Timeout);
    assert!(over.contains(&Command::HangUp { leg: BOB, cause: Cause::NoAnswer }));
    assert_eq!(record(&over).outcome, CdrOutcome::NoAnswer);
}

#[test]
fn a_caller_waits_with_music_and_talks_to_the_agent_who_answers() {
    let mut call = call();
    let plan = Plan::Queue { queue: QueueId::new("support"), music: "default".into() };
    let begun = step(&mut call, 0, Input::Begin(plan));
    assert_eq!(begun, [Command::Queue(ToQueue::Join(QueueId::new("support")))]);
    let joined = step(&mut call, 0, Input::Joined);
    assert_eq!(joined[0], Command::Answer { leg: CALLER, like: None });
    assert_eq!(joined[1], Command::Hear { leg: CALLER, what: Hear::Music("default".into()) });

    let ring = Input::RingAgent { offer: offer(1), agent: AgentId::new("alice"), legs: vec![BOB] };
    assert_eq!(step(&mut call, 1000, ring), [Command::Dial { leg: BOB, like: CALLER }]);
    let ringing = step(&mut call, 1100, Input::Leg(BOB, LegEvent::Ringing));
    assert_eq!(ringing, [Command::Queue(ToQueue::Ringing(offer(1)))]);
    let answered = step(&mut call, 3000, Input::Leg(BOB, LegEvent::Answered));
    assert_eq!(answered, [Command::Queue(ToQueue::Answered(offer(1)))]);
    let talking = step(&mut call, 3000, Input::Connect(offer(1)));
    assert!(talking.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(BOB) }));

    let over = step(&mut call, 13_000, Input::Leg(BOB, LegEvent::Ended(Cause::Normal)));
    assert!(over.contains(&Command::Queue(ToQueue::ConversationEnded(offer(1)))));
    assert!(over.contains(&Command::HangUp { leg: CALLER, cause: Cause::Normal }));
    let cdr = record(&over);
    assert_eq!((cdr.wait, cdr.talk), (Duration::from_secs(3), Duration::from_secs(10)));
    assert_eq!(cdr.agent, Some(AgentId::new("alice")));
}

#[test]
fn an_agent_refuses_and_the_caller_keeps_his_music() {
    let mut call = waiting();
    step(&mut call, 10, Input::RingAgent { offer: offer(1), agent: AgentId::new("alice"), legs: vec![BOB] });
    let refused = step(&mut call, 20, Input::Leg(BOB, LegEvent::Failed(Cause::Declined)));
    assert_eq!(refused, [Command::Queue(ToQueue::Refused(offer(1), OfferResult::Rejected))]);
    assert!(matches!(call.state(), State::Waiting { offers, .. } if offers.is_empty()));
}

#[test]
fn a_caller_who_gives_up_is_abandoned_and_stops_the_agents_phone() {
    let mut call = waiting();
    step(
        &mut call,
        10,
        Input::RingAgent { offer: offer(1), agent: AgentId::new("alice"), legs: vec![BOB, DESK] },
    );
    let over = step(&mut call, 5000, Input::Leg(CALLER, LegEvent::Ended(Cause::Normal)));
    assert!(over.contains(&Command::HangUp { leg: BOB, cause: Cause::Cancelled }));
    assert!(over.contains(&Command::HangUp { leg: DESK, cause: Cause::Cancelled }));
    assert!(over.contains(&Command::Queue(ToQueue::HungUp)));
    assert_eq!(record(&over).outcome, CdrOutcome::Abandoned);
}

#[test]
fn a_caller_who_was_put_out_is_not_reported_again() {
    let mut call = waiting();
    let over = step(&mut call, 600_000, Input::Evicted(Cause::QueueLeft));
    assert!(!over.iter().any(|command| matches!(command, Command::Queue(_))), "{over:?}");
    assert_eq!(over[0], Command::HangUp { leg: CALLER, cause: Cause::QueueLeft });
    let mut refused =
        super::Call::new(CALLER, Ledger::open(at(0), CallUid::from_u128(8), "1001".into(), "600".into()));
    let plan = Plan::Queue { queue: QueueId::new("support"), music: "default".into() };
    step(&mut refused, 0, Input::Begin(plan));
    let over = step(&mut refused, 0, Input::Evicted(Cause::QueueLeft));
    assert_eq!(over[0], Command::Refuse { leg: CALLER, cause: Cause::QueueLeft });
}

#[test]
fn who_holds_hears_nothing_and_who_is_held_hears_music() {
    let mut call = call();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB])));
    step(&mut call, 0, Input::Leg(BOB, LegEvent::Answered));
    let held = step(&mut call, 1000, Input::Leg(BOB, LegEvent::Held(true)));
    assert!(held.contains(&Command::Hear { leg: CALLER, what: Hear::Music("default".into()) }));
    assert!(held.contains(&Command::Hear { leg: BOB, what: Hear::Silence }));
    assert!(held.contains(&Command::PassHold { leg: CALLER, held: true }));
    let back = step(&mut call, 4000, Input::Leg(BOB, LegEvent::Held(false)));
    assert!(back.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(BOB) }));
    let over = step(&mut call, 5000, Input::Leg(BOB, LegEvent::Ended(Cause::Normal)));
    assert_eq!(record(&over).hold, Duration::from_secs(3));
}

#[test]
fn early_audio_is_passed_when_one_phone_rings() {
    let mut call = call();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB])));
    let early = step(&mut call, 10, Input::Leg(BOB, LegEvent::EarlyMedia));
    assert_eq!(early[0], Command::Progress { leg: CALLER, media: Some(BOB) });
    assert!(early.contains(&Command::Hear { leg: CALLER, what: Hear::Ringback }));
    let speaks = step(&mut call, 20, Input::Leg(BOB, LegEvent::Speaks));
    assert_eq!(speaks, [Command::Hear { leg: CALLER, what: Hear::Leg(BOB) }]);
    // Announced once more: the tone does not come back.
    let again = step(&mut call, 30, Input::Leg(BOB, LegEvent::EarlyMedia));
    assert!(again.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(BOB) }));
    assert!(!again.contains(&Command::Hear { leg: CALLER, what: Hear::Ringback }));
}

/// What the outside world knows of a call in the storm.
#[derive(Default)]
struct World {
    up: BTreeSet<LegId>,
    caller_up: bool,
    joined: u32,
    left: u32,
    records: u32,
}

impl World {
    fn apply(&mut self, seed: u64, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Dial { leg, .. } => assert!(self.up.insert(*leg), "seed {seed}: dialled twice"),
                Command::HangUp { leg, .. } | Command::Refuse { leg, .. } if *leg == CALLER => {
                    assert!(std::mem::take(&mut self.caller_up), "seed {seed}: the caller ended twice");
                }
                Command::HangUp { leg, .. } | Command::Refuse { leg, .. } => {
                    assert!(self.up.remove(leg), "seed {seed}: {leg:?} ended twice");
                }
                Command::Queue(ToQueue::Join(_)) => self.joined += 1,
                Command::Queue(ToQueue::HungUp | ToQueue::Failed | ToQueue::Removed) => self.left += 1,
                Command::Finished(_) => self.records += 1,
                _ => {}
            }
        }
    }
}

#[test]
fn in_a_storm_every_leg_ends_once_and_every_caller_leaves_once() {
    for seed in 0..2000 {
        storm(seed);
    }
}

fn storm(seed: u64) {
    let mut random = Random::seeded(seed);
    let mut call = call();
    let mut world = World { caller_up: true, ..World::default() };
    let queue = random.below(2) == 0;
    let plan = if queue {
        Plan::Queue { queue: QueueId::new("support"), music: "default".into() }
    } else {
        Plan::Ring(vec![BOB, DESK])
    };
    world.apply(seed, &step(&mut call, 0, Input::Begin(plan)));
    let mut next_leg = 10;
    for millis in 1..40 {
        let leg = LegId(random.below(next_leg) + 1);
        let input = match random.below(12) {
            0 => Input::Joined,
            1 => {
                next_leg += 2;
                let legs = vec![LegId(next_leg - 1), LegId(next_leg)];
                Input::RingAgent { offer: offer(random.below(4).into()), agent: AgentId::new("a"), legs }
            }
            2 => Input::Connect(offer(random.below(4).into())),
            3 => Input::Rescind(offer(random.below(4).into())),
            4..=6 => Input::Leg(leg, LegEvent::Answered),
            7 => Input::Leg(leg, LegEvent::Held(random.below(2) == 0)),
            8 => Input::Leg(leg, LegEvent::Ringing),
            9 if random.below(4) == 0 => Input::Evicted(Cause::QueueLeft),
            _ => Input::Leg(leg, LegEvent::Ended(Cause::Normal)),
        };
        if let Input::RingAgent { offer, .. } = &input
            && let State::Waiting { offers, .. } = call.state()
            && offers.contains_key(offer)
        {
            continue; // The distributor never rings one offer twice.
        }
        let evicted = matches!(input, Input::Evicted(_))
            && matches!(call.state(), State::Joining { .. } | State::Waiting { .. });
        let connected = matches!(input, Input::Connect(_)) && matches!(call.state(), State::Waiting { .. });
        let ended = match &input {
            Input::Leg(leg, LegEvent::Ended(_)) => Some(*leg),
            _ => None,
        };
        if let Some(leg) = ended {
            if leg == CALLER {
                world.caller_up = false;
            }
            world.up.remove(&leg);
        }
        world.apply(seed, &step(&mut call, millis, input));
        if evicted || (connected && matches!(call.state(), State::Talking { .. })) {
            world.left += 1;
        }
        if ended == Some(CALLER) {
            break;
        }
    }
    world.apply(seed, &step(&mut call, 100, Input::HangUp(Cause::Shutdown)));
    assert_eq!(call.state(), &State::Ended, "seed {seed}");
    assert!(world.up.is_empty(), "seed {seed}: legs left up: {:?}", world.up);
    assert!(!world.caller_up, "seed {seed}: the caller was left");
    assert_eq!(world.joined, world.left, "seed {seed}: a caller left the queue not exactly once");
    assert_eq!(world.records, 1, "seed {seed}");
}
