//! Everything at random, over hundreds of seeds: phones and carriers call, answer, refuse, hold, hang up and vanish,
//! agents pause and log out, over networks of every quality. The books are checked at every step; at the end nothing is
//! left of anything, and the queues' figures are those that the callers counted themselves.

use crate::harness::call::{Call, State};
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::sound::Sound;
use crate::harness::world::{Line, PhoneId, World};
use std::collections::BTreeSet;
use std::time::Duration;
use strowger::ids::Random;
use strowger::record::QueueStatus;
use strowger::sdp::{Codec, Direction};
use strowger::switch::action::Action;

/// Seeds of one run; a debug build takes some 20 s for them.
const SEEDS: u64 = 200;
const STEPS: u64 = 22;

fn treatment(random: &mut Random) -> Treatment {
    let after = Duration::from_millis(random.below(4000));
    match random.below(8) {
        0 => Treatment::Ring,
        1 => Treatment::Refuse(486, after),
        2 => Treatment::Refuse(603, after),
        3 => Treatment::EarlyMedia,
        _ => Treatment::Answer(after),
    }
}

fn act(world: &mut World, phones: &[PhoneId], random: &mut Random) {
    let phone = phones[random.below(phones.len() as u64) as usize];
    let live: Vec<usize> = (0..world.phones[phone.0].calls.len())
        .filter(|call| !matches!(world.phones[phone.0].calls[*call].state, State::Over | State::Leaving))
        .collect();
    let line = live.get(random.below(live.len() as u64) as usize).map(|call| Line { phone, call: *call });
    match (random.below(12), line) {
        (0..=4, _) if live.len() < 2 => {
            let numbers = ["600", "600", "601", "2001", "2002", "1001", "1002", "4711", "0123456789"];
            let inbound = ["+33140000000", "+33140000000", "+33140002001", "+33140001001", "95"];
            let is_carrier = world.phones[phone.0].number.starts_with('+');
            let list: &[&str] = if is_carrier { &inbound } else { &numbers };
            let number = list[random.below(list.len() as u64) as usize];
            if random.below(10) == 0 {
                world.dial_offerless(phone, number);
            } else {
                world.dial(phone, number);
            }
        }
        (5 | 6, Some(line)) => world.hang_up(line),
        (7, Some(line)) => world.answer(line),
        (8, Some(line)) if world.call(line).state == State::Up => {
            let directions =
                [Some(Direction::SendOnly), Some(Direction::SendRecv), Some(Direction::Inactive), None];
            world.reinvite(line, directions[random.below(4) as usize]);
        }
        (9, _) => {
            let agent = ["alice", "bruno"][random.below(2) as usize];
            let status = match random.below(4) {
                0 => QueueStatus::Paused { reason: Some("repas".to_owned()) },
                1 => QueueStatus::LoggedOut,
                _ => QueueStatus::Ready,
            };
            let queues = (random.below(3) == 0).then(|| vec!["support".into()]);
            let _ = world.act(Action::SetAgentStatus {
                agent: agent.into(),
                status,
                queues,
                by: "ops".to_owned(),
            });
        }
        (10, _) => {
            let expires = if random.below(4) == 0 { 0 } else { 3600 };
            if !world.phones[phone.0].number.starts_with('+') {
                world.with_phone(phone, |phone, now| phone.register(now, expires));
            }
        }
        (11, _) => {
            let calls = world.live_calls();
            if let Some(call) = calls.get(random.below(calls.len() as u64 * 4) as usize) {
                let _ = world.act(Action::HangUp { call: call.id, by: "ops".to_owned() });
            }
        }
        (0, Some(line)) => world.call_mut(line).mute = true,
        (1, _) if random.below(3) == 0 => world.phone(phone).off ^= true,
        _ => world.treat(phone, treatment(random)),
    }
}

fn run(seed: u64) {
    let mut random = Random::seeded(seed ^ 0x50a4);
    let quality = match random.below(4) {
        0 => Quality::CLEAN,
        1 => Quality::lossy(0),
        percent => Quality::lossy(percent),
    };
    let mut world = World::new(quality, seed);
    let mut phones: Vec<PhoneId> =
        ["1001", "1002", "2001", "2002", "2002"].into_iter().map(|number| world.add_phone(number)).collect();
    phones.push(world.add_carrier());
    for phone in &phones {
        let treatment = treatment(&mut random);
        world.treat(*phone, treatment);
        if random.below(3) == 0 {
            world.phone(*phone).codecs = vec![Codec::Pcmu];
        }
    }
    for _ in 0..STEPS {
        act(&mut world, &phones, &mut random);
        let pause = Duration::from_micros(random.below(900_000));
        world.run(pause);
    }
    world.network.quality = Quality::CLEAN;
    for phone in &phones {
        world.phone(*phone).off = false;
    }
    let world = world.settle();
    judge(&world);
    world.finish();
}

/// The queues' figures against what the callers know themselves, once all is over.
fn judge(world: &World) {
    let calls = || world.phones.iter().flat_map(|phone| phone.calls.iter().map(move |call| (phone, call)));
    let to_queue = |call: &Call| ["600", "601", "+33140000000"].iter().any(|number| call.goes_to(number));
    // A queue answers every caller that it takes in, and nobody else's INVITE to it is answered.
    let answered =
        calls().filter(|(_, call)| !call.incoming && to_queue(call) && call.up_at.is_some()).count() as u64;
    let today = |id: &str| world.queue(id).today;
    let (support, sales) = (today("support"), today("sales"));
    let entered = support.entered + sales.entered;
    // An answer may have crossed a CANCEL: taken in, and gone before he knew.
    let crossed =
        calls().filter(|(_, call)| !call.incoming && to_queue(call) && call.cancelled_by_us).count() as u64;
    world.check(
        (answered..=answered + crossed).contains(&entered),
        &format!(
            "{answered} callers were answered by queues, {crossed} hung up before, {entered} were counted"
        ),
    );
    // Who heard an agent was handled; who was handled had an agent that was answered for a queue.
    let agents: BTreeSet<u32> = calls()
        .filter(|(phone, call)| call.incoming && phone.number.starts_with("100") && call.is_of_a_queue())
        .filter(|(_, call)| call.up_at.is_some())
        .map(|(_, call)| call.voice_hz)
        .collect();
    let heard_agent = calls()
        .filter(|(_, call)| !call.incoming && to_queue(call))
        .filter(|(_, call)| call.heard.tones().iter().any(|hz| agents.contains(hz)))
        .count() as u64;
    let handled = support.handled + sales.handled;
    world.check(
        heard_agent <= handled && handled <= agents.len() as u64,
        &format!(
            "{heard_agent} callers heard an agent, {} agents answered, {handled} were handled",
            agents.len()
        ),
    );
    let noise = calls().any(|(_, call)| {
        call.heard.stretches.iter().any(|one| one.sound == Sound::Other && one.packets > 25)
    });
    world.check(!noise, "somebody heard what nobody said");
}

#[test]
fn at_random() {
    for seed in 1..=SEEDS {
        run(seed);
    }
}
