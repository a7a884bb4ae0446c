//! Third parties and supervisors of one conversation: who hears whom, and that every leg ends once.

#![allow(clippy::wildcard_enum_match_arm, reason = "the tests look at some commands only")]

use super::*;
use crate::call::command::ToQueue;
use crate::call::event::Input;
use crate::call::event::Plan;
use crate::call::event::TransferTo;
use crate::call::ledger::Ledger;
use crate::call::transfer::NoTransfer;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::ids::Random;

const CALLER: LegId = LegId(1);
const AGENT: LegId = LegId(2);
const THIRD: LegId = LegId(3);
const BOSS: LegId = LegId(4);

fn step(call: &mut Call, millis: u64, input: Input) -> Vec<Command> {
    let now =
        Now { instant: Instant::from_micros(millis * 1000), wall: Wall::from_micros(millis as i64 * 1000) };
    let mut out = Vec::new();
    call.handle(now, input, &mut out);
    out
}

/// A queue's caller and the agent who took him.
fn handled() -> Call {
    let ledger = Ledger::open(Now::default(), CallUid::from_u128(7), "1001".into(), "600".into());
    let (mut call, offer) = (Call::new(CALLER, ledger), OfferUid::from_u128(5));
    step(&mut call, 0, Input::Begin(Plan::Queue { queue: QueueId::new("q"), music: "jazz".into() }));
    step(&mut call, 0, Input::Joined);
    step(&mut call, 0, Input::RingAgent { offer, agent: AgentId::new("a"), legs: vec![AGENT] });
    step(&mut call, 0, Input::Leg(AGENT, LegEvent::Answered));
    step(&mut call, 0, Input::Connect(offer));
    call
}

fn with_third() -> Call {
    let mut call = handled();
    step(&mut call, 10, Input::Invite { legs: vec![THIRD], role: GuestRole::Party });
    step(&mut call, 20, Input::Leg(THIRD, LegEvent::Answered));
    call
}

fn hears(commands: &[Command], leg: LegId) -> Option<Hear> {
    let heard = |command: &Command| match command {
        Command::Hear { leg: of, what } if *of == leg => Some(what.clone()),
        _ => None,
    };
    commands.iter().rev().find_map(heard)
}

fn ended(commands: &[Command]) -> Vec<LegId> {
    let gone = |command: &Command| match command {
        Command::HangUp { leg, .. } | Command::Refuse { leg, .. } => Some(*leg),
        _ => None,
    };
    commands.iter().filter_map(gone).collect()
}

fn is_over(commands: &[Command]) -> bool {
    matches!(commands.last(), Some(Command::Finished(_)))
}

const ALL: Option<Hear> = Some(Hear::Room(Audience::All));

#[test]
fn a_third_party_is_rung_and_all_three_hear_the_room() {
    let mut call = handled();
    let rung = step(&mut call, 10, Input::Invite { legs: vec![THIRD], role: GuestRole::Party });
    assert_eq!(rung.first(), Some(&Command::Dial { leg: THIRD, like: CALLER }));
    assert_eq!(hears(&rung, CALLER), None, "they talk on while he rings");
    let came = step(&mut call, 20, Input::Leg(THIRD, LegEvent::Answered));
    for leg in [CALLER, AGENT, THIRD] {
        assert_eq!(hears(&came, leg), ALL);
    }
    assert_eq!(call.can_transfer(AGENT), Err(NoTransfer::NotTalking));
    // A hold of one leaves the other two together.
    let held = step(&mut call, 30, Input::Leg(AGENT, LegEvent::Held(true)));
    assert_eq!((hears(&held, AGENT), hears(&held, CALLER)), (Some(Hear::Silence), ALL));
    step(&mut call, 40, Input::Leg(AGENT, LegEvent::Held(false)));
    let left = step(&mut call, 50, Input::Leg(THIRD, LegEvent::Ended(Cause::Normal)));
    assert_eq!(hears(&left, CALLER), Some(Hear::Leg(AGENT)));
    assert_eq!(hears(&left, AGENT), Some(Hear::Leg(CALLER)));
    assert!(ended(&left).is_empty());
}

#[test]
fn any_of_three_may_go() {
    let conversation_over = |commands: &[Command]| {
        commands.iter().any(|command| matches!(command, Command::Queue(ToQueue::ConversationEnded(_))))
    };
    for (gone, left) in [(CALLER, [THIRD, AGENT]), (AGENT, [CALLER, THIRD]), (THIRD, [CALLER, AGENT])] {
        let mut call = with_third();
        let after = step(&mut call, 100, Input::Leg(gone, LegEvent::Ended(Cause::Normal)));
        assert!(ended(&after).is_empty() && !is_over(&after), "{gone:?}");
        assert_eq!(hears(&after, left[0]), Some(Hear::Leg(left[1])), "{gone:?}");
        assert_eq!(hears(&after, left[1]), Some(Hear::Leg(left[0])), "{gone:?}");
        assert_eq!(conversation_over(&after), gone == AGENT, "{gone:?}");
        let end = step(&mut call, 200, Input::Leg(left[0], LegEvent::Ended(Cause::Normal)));
        assert_eq!(ended(&end), [left[1]]);
        assert!(is_over(&end));
        assert_eq!(conversation_over(&end), gone != AGENT, "{gone:?}");
    }
}

#[test]
fn a_supervisor_changes_what_he_does_and_holds_nobody_up() {
    let mut call = handled();
    let role = GuestRole::Supervisor(Supervision::Listen, AGENT);
    let came = step(&mut call, 10, Input::Arrive { leg: BOSS, role });
    assert_eq!(came.first(), Some(&Command::Answer { leg: BOSS, like: Some(CALLER) }));
    let only = |legs: Vec<LegId>| Some(Hear::Room(Audience::Only(legs)));
    assert_eq!((hears(&came, BOSS), hears(&came, CALLER)), (only(vec![]), ALL));
    let whispers = step(&mut call, 20, Input::Supervise { leg: BOSS, mode: Supervision::Whisper });
    assert_eq!(hears(&whispers, BOSS), only(vec![AGENT]));
    let barges = step(&mut call, 30, Input::Supervise { leg: BOSS, mode: Supervision::Barge });
    assert_eq!(hears(&barges, BOSS), ALL);
    let goes = step(&mut call, 40, Input::Leg(BOSS, LegEvent::Ended(Cause::Normal)));
    assert_eq!(hears(&goes, AGENT), Some(Hear::Leg(CALLER)), "relayed again");
    step(&mut call, 50, Input::Arrive { leg: BOSS, role });
    let end = step(&mut call, 60, Input::Leg(CALLER, LegEvent::Ended(Cause::Normal)));
    assert_eq!(ended(&end), [AGENT, BOSS]);
    assert!(is_over(&end));
}

#[test]
fn a_supervisor_takes_over() {
    let mut call = handled();
    let role = GuestRole::Supervisor(Supervision::Whisper, AGENT);
    step(&mut call, 10, Input::Arrive { leg: BOSS, role });
    let taken = step(&mut call, 20, Input::Supervise { leg: BOSS, mode: Supervision::TakeOver });
    assert_eq!(ended(&taken), [AGENT]);
    assert!(taken.contains(&Command::Queue(ToQueue::ConversationEnded(OfferUid::from_u128(5)))));
    assert_eq!(hears(&taken, CALLER), Some(Hear::Leg(BOSS)));
    assert_eq!(hears(&taken, BOSS), Some(Hear::Leg(CALLER)));
    let end = step(&mut call, 30, Input::Leg(BOSS, LegEvent::Ended(Cause::Normal)));
    assert_eq!(ended(&end), [CALLER]);
}

#[test]
fn mute_and_hold_from_outside() {
    let mut call = handled();
    let muted = step(&mut call, 10, Input::Mute { leg: AGENT, muted: true });
    assert_eq!(hears(&muted, AGENT), Some(Hear::Room(Audience::Only(vec![]))));
    assert_eq!(hears(&muted, CALLER), ALL);
    assert!(step(&mut call, 20, Input::Mute { leg: AGENT, muted: true }).is_empty());
    let heard = step(&mut call, 30, Input::Mute { leg: AGENT, muted: false });
    assert_eq!(hears(&heard, CALLER), Some(Hear::Leg(AGENT)));
    let held = step(&mut call, 40, Input::Hold { leg: AGENT, held: true });
    assert_eq!(hears(&held, CALLER), Some(Hear::Music("jazz".to_owned())));
    assert!(step(&mut call, 50, Input::Hold { leg: THIRD, held: true }).is_empty());
    step(&mut call, 60, Input::Hold { leg: AGENT, held: false });
    assert!(step(&mut call, 70, Input::Mute { leg: THIRD, muted: true }).is_empty());
}

#[test]
fn who_is_put_out_is_replaced_by_a_third_or_ends_the_call() {
    let mut call = with_third();
    let out = step(&mut call, 10, Input::PutOut(AGENT));
    assert_eq!((ended(&out), is_over(&out)), (vec![AGENT], false));
    let out = step(&mut call, 20, Input::PutOut(THIRD));
    assert!(is_over(&out));
    let mut call = with_third();
    let out = step(&mut call, 10, Input::PutOut(THIRD));
    assert_eq!((ended(&out), hears(&out, CALLER)), (vec![THIRD], Some(Hear::Leg(AGENT))));
    assert!(step(&mut call, 20, Input::PutOut(THIRD)).is_empty());
}

#[test]
fn who_does_not_come_leaves_the_two_as_they_were() {
    let mut call = handled();
    step(&mut call, 0, Input::Invite { legs: vec![THIRD, LegId(9)], role: GuestRole::Party });
    assert!(step(&mut call, 10, Input::Leg(THIRD, LegEvent::Failed(Cause::Busy))).is_empty());
    let all = step(&mut call, 20, Input::Leg(LegId(9), LegEvent::Failed(Cause::Busy)));
    assert!(ended(&all).is_empty() && !is_over(&all));
    step(&mut call, 100, Input::Invite { legs: vec![THIRD], role: GuestRole::Party });
    assert_eq!(call.poll_timeout(), Some(Instant::from_micros(60_100_000)));
    assert_eq!(ended(&step(&mut call, 60_100, Input::Timeout)), [THIRD]);
    assert_eq!(call.poll_timeout(), None);
    // A transfer goes on without supervisors, and guests come into no transfer.
    step(
        &mut call,
        70_000,
        Input::Arrive { leg: BOSS, role: GuestRole::Supervisor(Supervision::Listen, AGENT) },
    );
    let transfer =
        step(&mut call, 71_000, Input::Transfer { by: AGENT, to: TransferTo::Dial(vec![LegId(20)]) });
    assert_eq!(ended(&transfer), [BOSS]);
    let late = step(&mut call, 72_000, Input::Invite { legs: vec![LegId(21)], role: GuestRole::Party });
    assert_eq!(ended(&late), [LegId(21)]);
}

/// Random words from everywhere: every leg that was dialled or answered ends exactly once.
#[test]
fn a_storm_of_guests_leaves_no_leg_behind() {
    for seed in 0..300 {
        let (mut call, mut dice) = (handled(), Random::seeded(seed));
        let mut live: BTreeSet<LegId> = [CALLER, AGENT].into();
        let (mut next, mut over) = (10, false);
        for turn in 0..60u64 {
            let any =
                live.iter().copied().nth(dice.below(live.len().max(1) as u64) as usize).unwrap_or(CALLER);
            let mode = [Supervision::Listen, Supervision::Whisper, Supervision::Barge, Supervision::TakeOver]
                [dice.below(4) as usize];
            let role = if dice.below(2) == 0 { GuestRole::Party } else { GuestRole::Supervisor(mode, any) };
            let mut gone = Vec::new();
            let input = match dice.below(12) {
                0 | 1 => {
                    next += 2;
                    live.extend([LegId(next), LegId(next + 1)]);
                    Input::Invite { legs: vec![LegId(next), LegId(next + 1)], role }
                }
                2 => {
                    next += 2;
                    live.insert(LegId(next));
                    Input::Arrive { leg: LegId(next), role }
                }
                3 | 4 => Input::Leg(any, LegEvent::Answered),
                5 if any != CALLER || turn > 30 => {
                    gone.push(any);
                    Input::Leg(any, LegEvent::Ended(Cause::Normal))
                }
                6 => Input::Supervise { leg: any, mode },
                7 => Input::Mute { leg: any, muted: dice.below(2) == 0 },
                8 => Input::Leg(any, LegEvent::Held(dice.below(2) == 0)),
                9 if turn > 20 => Input::PutOut(any),
                _ => Input::Timeout,
            };
            let out = step(&mut call, turn * 7000, input);
            over |= is_over(&out);
            for leg in gone.into_iter().chain(ended(&out)) {
                assert!(live.remove(&leg), "seed {seed}, turn {turn}: {leg:?} ended twice");
            }
            if over {
                break;
            }
        }
        if !over {
            let out = step(&mut call, 1_000_000, Input::HangUp(Cause::ByRequest));
            assert!(is_over(&out));
            for leg in ended(&out) {
                assert!(live.remove(&leg), "seed {seed}: {leg:?} ended twice");
            }
        }
        assert!(live.is_empty(), "seed {seed}: {live:?} are left");
    }
}
