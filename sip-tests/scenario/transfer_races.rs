//! Every race of a transfer, a thousand seeds each, and how often each order was reached: whoever comes first, who is
//! left hears whom he should and nobody else, every leg ends, and the books add up.

use crate::harness::call::{State, Why};
use crate::harness::network::{Packet, Quality};
use crate::harness::phone::Treatment;
use crate::harness::sound::{MUSIC, Sound};
use crate::harness::world::{Line, PhoneId, World};
use std::collections::BTreeMap;
use std::time::Duration;
use strowger::ids::Random;
use strowger::record::AgentStatus;
use strowger::sdp::Direction;

const SEEDS: u64 = 1000;

/// Two things done at nearly the same moment, in an order and at a distance that the seed decides: a packet takes 2 ms.
struct Pair {
    first_is_one: bool,
    apart: Duration,
}

impl Pair {
    fn draw(random: &mut Random) -> Self {
        Self { first_is_one: random.below(2) == 0, apart: Duration::from_micros(random.below(7_000)) }
    }

    fn act(&self, world: &mut World, one: impl FnOnce(&mut World), other: impl FnOnce(&mut World)) {
        if self.first_is_one {
            one(world);
            world.run(self.apart);
            other(world);
        } else {
            other(world);
            world.run(self.apart);
            one(world);
        }
    }
}

struct Stage {
    phones: [PhoneId; 3],
    /// The transferor.
    by: Line,
    /// Who is handed over.
    party: Line,
}

/// Two talk: by seed the caller or the called is the transferor.
fn stage(world: &mut World, random: &mut Random) -> Stage {
    let phones = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    let (calling, called) = world.connect(phones[0], phones[1]);
    world.hear_each_other(calling, called);
    let (by, party) = if random.below(2) == 0 { (calling, called) } else { (called, calling) };
    Stage { phones, by, party }
}

/// The target rings for the party.
fn ringing(world: &mut World, stage: &Stage) -> Line {
    world.refer(stage.by, "2003");
    let target = world.rings(stage.phones[2]);
    world.hear(&[(stage.party, MUSIC), (stage.by, Sound::Silence)]);
    target
}

/// Runs a race for every seed; each of these outcomes must have come at least a tenth of the times.
fn race(outcomes: &[&str], run: impl Fn(&mut World, &mut Random) -> &'static str) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 1..=SEEDS {
        let mut world = World::new(Quality::CLEAN, seed);
        let mut random = Random::seeded(seed ^ 0x7a);
        let outcome = run(&mut world, &mut random);
        world.check(outcomes.contains(&outcome), &format!("an outcome of its own: {outcome}"));
        *counts.entry(outcome).or_default() += 1;
        world.finish();
    }
    for outcome in outcomes {
        let count = counts.get(outcome).copied().unwrap_or(0);
        assert!(count >= SEEDS / 10, "{outcome}: {count} of {SEEDS}; {counts:?}");
    }
}

fn is_up(world: &World, line: Line) -> bool {
    world.call(line).state == State::Up
}

/// Whichever comes first, party and target talk.
#[test]
fn the_transferor_hangs_up_while_the_target_answers() {
    race(&["he hung up", "he was hung up"], |world, random| {
        let stage = stage(world, random);
        let target = ringing(world, &stage);
        let pair = Pair::draw(random);
        pair.act(world, |world| world.hang_up(stage.by), |world| world.answer(target));
        let why = world.over(stage.by);
        world.hear_each_other(stage.party, target);
        world.run(Duration::from_millis(200));
        world.check(world.call(stage.by).transferred() == Some(200), "the transferor is told either way");
        if why == Why::HungUp { "he hung up" } else { "he was hung up" }
    });
}

/// The party goes while the target answers: the target's call ends, before or after its answer.
#[test]
fn the_party_hangs_up_while_the_target_answers() {
    race(&["answered first", "hung up first"], |world, random| {
        let stage = stage(world, random);
        let leaves = random.below(2) == 0;
        let target = ringing(world, &stage);
        if leaves {
            world.hang_up(stage.by);
            world.over(stage.by);
        }
        let pair = Pair::draw(random);
        pair.act(world, |world| world.hang_up(stage.party), |world| world.answer(target));
        let why = world.over(target);
        world.over(stage.party);
        world.over(stage.by);
        world.check(world.cdrs().len() == 1, "one record");
        if matches!(why, Why::Cancelled(_)) { "hung up first" } else { "answered first" }
    });
}

/// The party's BYE crosses the REFER.
#[test]
fn a_refer_crosses_a_bye() {
    race(&["REFER first", "BYE first"], |world, random| {
        let stage = stage(world, random);
        let pair = Pair::draw(random);
        pair.act(world, |world| world.hang_up(stage.party), |world| world.refer(stage.by, "2003"));
        world.over(stage.party);
        world.over(stage.by);
        world.run(Duration::from_millis(100));
        let calls = &world.phones[stage.phones[2].0].calls;
        world.check(calls.iter().all(|call| call.state == State::Over), "the target stops ringing");
        let answer = world.call(stage.by).refers.first().copied();
        match answer {
            Some(202) => "REFER first",
            // The transferor's phone was hung up before it could ask, or had its call ended by us.
            Some(481) | None => "BYE first",
            other => world.fail(&format!("{other:?}")),
        }
    });
}

/// Both hand the other one over at once: the first one wins, the other gets 491.
#[test]
fn both_refer_at_once() {
    race(&["the caller won", "the called won"], |world, random| {
        let Stage { phones, by, party } = stage(world, random);
        let dave = world.add_phone("2004");
        let pair = Pair::draw(random);
        pair.act(world, |world| world.refer(by, "2003"), |world| world.refer(party, "2004"));
        world.run(Duration::from_millis(20));
        let answers = [by, party].map(|line| world.call(line).refers.first().copied());
        let (winner, stays, target) = match answers {
            [Some(202), Some(491)] => (by, party, phones[2]),
            [Some(491), Some(202)] => (party, by, dave),
            other => world.fail(&format!("{other:?}")),
        };
        let target = world.rings(target);
        world.hear(&[(stays, MUSIC), (winner, Sound::Silence)]);
        world.answer(target);
        world.over(winner);
        world.hear_each_other(stays, target);
        if world.call(winner).incoming { "the called won" } else { "the caller won" }
    });
}

/// The second call's party goes while the two calls are joined.
#[test]
fn the_second_party_hangs_up_while_the_calls_are_joined() {
    race(&["joined first", "hung up first"], |world, random| {
        let Stage { phones, by, party } = stage(world, random);
        let (second, target) = world.connect(phones[usize::from(world.call(by).incoming)], phones[2]);
        world.hear_each_other(second, target);
        let pair = Pair::draw(random);
        pair.act(world, |world| world.hang_up(target), |world| world.refer_attended(by, second));
        world.over(target);
        world.run(Duration::from_millis(100));
        let told = world.call(by).transferred();
        match told {
            Some(200) => {
                world.over(by);
                world.over(second);
                world.over(party);
                "joined first"
            }
            Some(603) => {
                world.hear_each_other(by, party);
                world.over(second);
                "hung up first"
            }
            other => world.fail(&format!("{other:?}")),
        }
    });
}

/// Hold and unhold by the transferor or the party just when the target answers: what each of them wants in the end is so.
#[test]
fn hold_and_unhold_while_the_target_answers() {
    race(&["the party holds", "the party does not hold"], |world, random| {
        let Stage { phones, by, party } = stage(world, random);
        if random.below(2) == 0 {
            world.reinvite(by, Some(Direction::SendOnly));
            world.hear(&[(party, MUSIC), (by, Sound::Silence)]);
        }
        world.refer(by, "2003");
        let target = world.rings(phones[2]);
        let holds = random.below(2) == 0;
        let pair = Pair::draw(random);
        let direction = if random.below(2) == 0 { Direction::SendOnly } else { Direction::SendRecv };
        pair.act(
            world,
            |world| {
                world.reinvite(by, Some(direction));
                world.reinvite(party, Some(Direction::SendOnly));
            },
            |world| world.answer(target),
        );
        if !holds {
            world.run(Duration::from_micros(random.below(20_000)));
            world.reinvite(party, Some(Direction::SendRecv));
        }
        world.run(Duration::from_millis(100));
        // A glare's retry takes up to four seconds.
        if [by, party, target].iter().any(|line| world.call(*line).reinvites.contains(&491)) {
            world.run(Duration::from_millis(9_000));
        }
        world.over(by);
        if holds {
            world.hear(&[(target, MUSIC), (party, Sound::Silence)]);
            "the party holds"
        } else {
            world.hear_each_other(party, target);
            "the party does not hold"
        }
    });
}

/// NOTIFYs get lost, one or all: the transfer is done all the same.
#[test]
fn notifies_get_lost() {
    race(&["some came", "none came"], |world, random| {
        let stage = stage(world, random);
        let all = random.below(2) == 0;
        let mut coin = random.fork();
        world.network.filter = Some(Box::new(move |packet: &Packet| {
            packet.bytes.starts_with(b"NOTIFY ") && (all || coin.below(2) == 0)
        }));
        let target = ringing(world, &stage);
        world.answer(target);
        world.over(stage.by);
        world.hear_each_other(stage.party, target);
        // Timer F gives up after 32 s, which changes nothing.
        if world.seed % 100 == 0 {
            world.run(Duration::from_secs(34));
            world.hear_each_other(stage.party, target);
        }
        world.network.filter = None;
        if world.call(stage.by).notifies.is_empty() { "none came" } else { "some came" }
    });
}

/// The target refuses while the transferor hangs up: the party is back with him, or his phone rings again.
#[test]
fn the_target_refuses_while_the_transferor_hangs_up() {
    race(&["rung again", "back, then hung up"], |world, random| {
        let stage = stage(world, random);
        let target = ringing(world, &stage);
        let pair = Pair::draw(random);
        pair.act(world, |world| world.refuse(target, 486), |world| world.hang_up(stage.by));
        world.over(stage.by);
        world.run(Duration::from_millis(10));
        if is_up(world, stage.party) {
            let back = world.rings(stage.by.phone);
            world.hear(&[(stage.party, MUSIC)]);
            world.answer(back);
            world.hear_each_other(stage.party, back);
            "rung again"
        } else {
            world.over(stage.party);
            "back, then hung up"
        }
    });
}

/// An agent hands a queue's caller over, and caller, agent and target race: the queue has handled him once, and her
/// wrap-up begins.
#[test]
fn an_agent_hands_over_and_everybody_acts_at_once() {
    race(&["talking", "over"], |world, random| {
        let phones = ["1001", "2003"].map(|number| world.add_phone(number));
        world.treat(phones[0], Treatment::Answer(Duration::from_millis(50)));
        let carrier = world.add_carrier();
        let customer = world.dial(carrier, "+33140000000");
        world.up(customer);
        world.run(Duration::from_millis(100));
        let agent = Line { phone: phones[0], call: 0 };
        world.up(agent);
        world.hear_each_other(customer, agent);
        world.treat(phones[0], Treatment::Ring);
        world.refer(agent, "2003");
        let target = world.rings(phones[1]);
        world.hear(&[(customer, MUSIC), (agent, Sound::Silence)]);
        let mut acts: Vec<(u64, u64)> = (0..3).map(|who| (random.below(9_000), who)).collect();
        let caller_goes = random.below(2) == 0;
        acts.sort_unstable();
        let mut last = 0;
        for (at, who) in acts {
            world.run(Duration::from_micros(at - last));
            last = at;
            match who {
                0 => world.answer(target),
                1 => world.hang_up(agent),
                _ if caller_goes => world.hang_up(customer),
                _ => {}
            }
        }
        world.over(agent);
        world.run(Duration::from_millis(50));
        world.check(world.queue("support").today.handled == 1, "handled once");
        world.check(world.agent("alice").status == AgentStatus::WrapUp, "she wraps up");
        if caller_goes {
            world.over(customer);
            world.over(target);
            "over"
        } else {
            world.hear_each_other(customer, target);
            "talking"
        }
    });
}
