//! Transfers of one call, and a storm of them: every leg ends once, every conversation of a queue ends once.

#![allow(clippy::wildcard_enum_match_arm, reason = "the world looks at some commands only")]

use crate::call::bridge::Call;
use crate::call::bridge::State;
use crate::call::cause::Cause;
use crate::call::command::Command;
use crate::call::command::Hear;
use crate::call::command::ToQueue;
use crate::call::command::TransferStep;
use crate::call::event::Input;
use crate::call::event::LegEvent;
use crate::call::event::LegId;
use crate::call::event::Plan;
use crate::call::event::TransferTo;
use crate::call::ledger::Ledger;
use crate::call::transfer::NoTransfer;
use crate::call::transfer::TRANSFERS_MAX;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::ids::Random;
use std::collections::BTreeSet;
use std::time::Duration;

const CALLER: LegId = LegId(1);
const BOB: LegId = LegId(2);
const TARGET: LegId = LegId(3);

fn step(call: &mut Call, millis: u64, input: Input) -> Vec<Command> {
    let now =
        Now { instant: Instant::from_micros(millis * 1000), wall: Wall::from_micros(millis as i64 * 1000) };
    let mut out = Vec::new();
    call.handle(now, input, &mut out);
    out
}

fn new() -> Call {
    let now = Now { instant: Instant::from_micros(0), wall: Wall::from_micros(0) };
    Call::new(CALLER, Ledger::open(now, CallUid::from_u128(7), "1001".into(), "1002".into()))
}

fn talking() -> Call {
    let mut call = new();
    step(&mut call, 0, Input::Begin(Plan::Ring(vec![BOB])));
    step(&mut call, 0, Input::Leg(BOB, LegEvent::Answered));
    call
}

/// A queue's caller and the agent who took him, on leg `BOB`.
fn handled() -> Call {
    let (mut call, offer) = (new(), OfferUid::from_u128(5));
    let plan = Plan::Queue { queue: QueueId::new("support"), music: "jazz".into() };
    step(&mut call, 0, Input::Begin(plan));
    step(&mut call, 0, Input::Joined);
    step(&mut call, 0, Input::RingAgent { offer, agent: AgentId::new("a"), legs: vec![BOB] });
    step(&mut call, 0, Input::Leg(BOB, LegEvent::Answered));
    step(&mut call, 0, Input::Connect(offer));
    call
}

fn to_target() -> TransferTo {
    TransferTo::Dial(vec![TARGET])
}

#[test]
fn the_party_hears_music_and_then_the_target() {
    let mut call = handled();
    let asked = step(&mut call, 1000, Input::Transfer { by: BOB, to: to_target() });
    assert!(asked.contains(&Command::Dial { leg: TARGET, like: CALLER }));
    assert!(asked.contains(&Command::Hear { leg: CALLER, what: Hear::Music("jazz".into()) }));
    assert!(asked.contains(&Command::Hear { leg: BOB, what: Hear::Silence }));
    assert_eq!(call.can_transfer(BOB), Err(NoTransfer::Pending));
    let again = step(&mut call, 1000, Input::Transfer { by: CALLER, to: TransferTo::Dial(vec![LegId(9)]) });
    assert_eq!(again[0], Command::HangUp { leg: LegId(9), cause: Cause::Cancelled });
    let rings = step(&mut call, 1100, Input::Leg(TARGET, LegEvent::Ringing));
    assert_eq!(rings, [Command::Transfer { by: BOB, step: TransferStep::Ringing }]);
    let done = step(&mut call, 4000, Input::Leg(TARGET, LegEvent::Answered));
    assert_eq!(done[0], Command::Transfer { by: BOB, step: TransferStep::Done });
    assert!(done.contains(&Command::Queue(ToQueue::ConversationEnded(OfferUid::from_u128(5)))));
    assert!(done.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(TARGET) }));
    let over = step(&mut call, 9000, Input::Leg(TARGET, LegEvent::Ended(Cause::Normal)));
    let Some(Command::Finished(cdr)) = over.last() else { panic!("{over:?}") };
    // The time that he waited for the target counts as hold.
    assert_eq!((cdr.hold, cdr.talk), (Duration::from_secs(3), Duration::from_secs(9)));
    assert!(!over.iter().any(|command| matches!(command, Command::Queue(_))), "{over:?}");
}

#[test]
fn the_target_rings_for_a_minute() {
    let mut call = talking();
    step(&mut call, 0, Input::Transfer { by: CALLER, to: to_target() });
    assert_eq!(call.poll_timeout(), Some(Instant::from_micros(60_000_000)));
    let over = step(&mut call, 60_000, Input::Timeout);
    assert!(over.contains(&Command::HangUp { leg: TARGET, cause: Cause::NoAnswer }));
    assert!(over.contains(&Command::Transfer { by: CALLER, step: TransferStep::Failed(Cause::NoAnswer) }));
    assert!(over.contains(&Command::Hear { leg: BOB, what: Hear::Leg(CALLER) }));
    assert_eq!(call.poll_timeout(), None);
}

#[test]
fn a_call_is_not_handed_over_for_ever() {
    let mut call = talking();
    let mut by = BOB;
    for number in 0..u64::from(TRANSFERS_MAX) {
        let target = LegId(100 + number);
        step(&mut call, 0, Input::Transfer { by, to: TransferTo::Dial(vec![target]) });
        step(&mut call, 0, Input::Leg(target, LegEvent::Answered));
        by = target;
    }
    assert_eq!(call.can_transfer(by), Err(NoTransfer::TooOften));
    let refused = step(&mut call, 0, Input::Transfer { by, to: to_target() });
    assert!(matches!(call.state(), State::Talking { .. }), "{refused:?}");
}

#[test]
fn a_queue_that_refuses_gives_the_party_back() {
    let mut call = handled();
    let to = TransferTo::Queue { queue: QueueId::new("sales"), music: "default".into() };
    let asked = step(&mut call, 1000, Input::Transfer { by: BOB, to: to.clone() });
    assert!(asked.contains(&Command::Queue(ToQueue::Join(QueueId::new("sales")))));
    let back = step(&mut call, 1000, Input::Evicted(Cause::QueueLeft));
    assert!(back.contains(&Command::Hear { leg: CALLER, what: Hear::Leg(BOB) }));
    assert_eq!(call.ledger().queue, Some(QueueId::new("support")));
    step(&mut call, 2000, Input::Transfer { by: BOB, to });
    let joined = step(&mut call, 2000, Input::Joined);
    assert!(joined.contains(&Command::HangUp { leg: BOB, cause: Cause::Normal }));
    assert!(joined.contains(&Command::Queue(ToQueue::ConversationEnded(OfferUid::from_u128(5)))));
    assert_eq!(call.ledger().queue, Some(QueueId::new("sales")));
    assert!(matches!(call.state(), State::Waiting { .. }));
}

/// What the outside world knows of a call in the storm.
#[derive(Default)]
struct World {
    up: BTreeSet<LegId>,
    conversations: i32,
    waiting: i32,
    pending: Option<LegId>,
    records: u32,
}

impl World {
    fn apply(&mut self, seed: u64, commands: &[Command]) -> Vec<Input> {
        let mut answers = Vec::new();
        for command in commands {
            match command {
                Command::Dial { leg, .. } => assert!(self.up.insert(*leg), "seed {seed}: dialled twice"),
                Command::HangUp { leg, .. } | Command::Refuse { leg, .. } => {
                    assert!(self.up.remove(leg), "seed {seed}: {leg:?} ended twice: {commands:?}");
                }
                Command::Hear { leg, .. } | Command::PassHold { leg, .. } => {
                    assert!(self.up.contains(leg), "seed {seed}: {leg:?} is over and hears: {commands:?}");
                }
                Command::Queue(ToQueue::ConversationEnded(_)) => self.conversations -= 1,
                Command::Queue(ToQueue::Join(_)) => {
                    self.waiting += 1;
                    answers.push(Input::Joined);
                }
                Command::Queue(ToQueue::HungUp | ToQueue::Failed | ToQueue::Removed) => self.waiting -= 1,
                Command::Transfer { by, step } if self.pending == Some(*by) => {
                    if *step != TransferStep::Ringing {
                        self.pending = None;
                    }
                }
                Command::Recall { by } => answers.push(Input::Recall(vec![LegId(by.0 + 1000)])),
                Command::Finished(_) => self.records += 1,
                _ => {}
            }
        }
        answers
    }
}

#[test]
fn in_a_storm_of_transfers_every_leg_and_every_conversation_ends_once() {
    let mut reached = [0_u32; 4];
    for seed in 0..3000 {
        storm(seed, &mut reached);
    }
    assert!(reached.iter().all(|count| *count > 300), "{reached:?}");
}

fn storm(seed: u64, reached: &mut [u32; 4]) {
    let mut random = Random::seeded(seed);
    let of_a_queue = random.below(2) == 0;
    let mut call = if of_a_queue { handled() } else { talking() };
    let mut world = World { up: [CALLER, BOB].into(), ..World::default() };
    world.conversations = i32::from(of_a_queue);
    let mut next = 10;
    for millis in (1..60).map(|step| step * 1000) {
        let legs: Vec<LegId> = world.up.iter().copied().collect();
        if legs.is_empty() {
            break;
        }
        let leg = legs[random.below(legs.len() as u64) as usize];
        next += 2;
        let input = match random.below(14) {
            0..=2 => {
                if call.can_transfer(leg).is_err() {
                    continue;
                }
                world.pending = Some(leg);
                reached[0] += 1;
                match random.below(6) {
                    0 => Input::Transfer {
                        by: leg,
                        to: TransferTo::Queue { queue: QueueId::new("q"), music: "jazz".into() },
                    },
                    _ => {
                        Input::Transfer { by: leg, to: TransferTo::Dial(vec![LegId(next), LegId(next + 1)]) }
                    }
                }
            }
            3..=6 if call.rings(leg) => {
                reached[1] += 1;
                Input::Leg(leg, LegEvent::Answered)
            }
            7 if call.rings(leg) => Input::Leg(leg, LegEvent::Failed(Cause::Busy)),
            8 if call.can_be_taken_over(leg) => {
                reached[2] += 1;
                world.up.insert(LegId(next));
                Input::TakeOver { out: leg, by: LegId(next) }
            }
            9 => Input::Leg(leg, LegEvent::Held(random.below(2) == 0)),
            10 => Input::Timeout,
            11 if random.below(3) == 0 => {
                reached[3] += 1;
                world.up.remove(&leg);
                Input::Leg(leg, LegEvent::Ended(Cause::Normal))
            }
            _ => continue,
        };
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let commands = step(&mut call, millis, input);
            inputs.extend(world.apply(seed, &commands));
        }
    }
    let over = step(&mut call, 100_000, Input::HangUp(Cause::Shutdown));
    world.apply(seed, &over);
    assert!(world.up.is_empty(), "seed {seed}: legs left up: {:?}", world.up);
    assert_eq!(world.conversations, 0, "seed {seed}: conversations");
    assert_eq!(world.waiting, 0, "seed {seed}: a caller left the queue not exactly once");
    assert_eq!(world.records, 1, "seed {seed}");
    assert_eq!(world.pending, None, "seed {seed}: a transferor was not told of the end");
}
