//! Mutated messages through the running switch, among real calls: no crash, no table that grows, no call that stays, and
//! afterwards a good call with audio.
//!
//! 20,000 of them by default; `STROWGER_MUTATED=1000000 cargo test --test sip-tests mutated` is the long run.

use crate::harness::network::{Packet, Quality};
use crate::harness::phone::Treatment;
use crate::harness::world::{CARRIER, PhoneId, World};
use crate::parsers;
use crate::parsers::mutate::mutated;
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use strowger::ids::Random;
use strowger::record::Fact;
use strowger::sip::msg::Message;
use strowger::switch::tables::Tables;

const MESSAGES: u64 = 20_000;
/// So many mutations go between two calls that are begun.
const ROUND: u64 = 250;
/// Messages of live calls that are mutated.
const LIVE_MAX: usize = 300;
/// Above what the world can have at once: few phones, a trunk of 20 calls, 32 seconds of transactions.
const CALLS_MAX: usize = 400;

type Live = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// Keeps the messages that go to the switch.
fn listen(world: &mut World) -> Live {
    let live = Live::default();
    let heard = Rc::clone(&live);
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        if packet.to.port() == 5060 && packet.to.ip().to_string() == "10.0.0.1" {
            let mut heard = heard.borrow_mut();
            if heard.len() == LIVE_MAX {
                heard.pop_front();
            }
            heard.push_back(packet.bytes.to_vec());
            return false;
        }
        // An answer repeats what is wrong with its request; the test's phones believe in whole messages only.
        let to_phone = packet.from.port() == 5060;
        to_phone && !Message::parse(packet.bytes.clone()).is_ok_and(|message| message.check().is_ok())
    }));
    live
}

/// One of the parties does something ordinary.
fn act(world: &mut World, phones: &[PhoneId], random: &mut Random) {
    const NUMBERS: [&str; 6] = ["600", "601", "2001", "2002", "0123456789", "+33140000000"];
    let phone = phones[random.below(phones.len() as u64) as usize];
    let number = NUMBERS[random.below(NUMBERS.len() as u64) as usize];
    world.dial(phone, number);
}

/// All phones hang up, and forget their calls: those whose messages were mutated may be in any state.
fn rest(world: &mut World, phones: &[PhoneId]) {
    for phone in phones {
        for call in 0..world.phones[phone.0].calls.len() {
            world.hang_up(crate::harness::world::Line { phone: *phone, call });
        }
    }
    world.run(Duration::from_secs(40));
    for phone in phones {
        let phone = &mut world.phones[phone.0];
        if phone.live_calls() == 0 {
            phone.seen.clear();
        }
    }
    let cdrs = world.facts.iter().filter(|fact| matches!(fact, Fact::Cdr(_))).count();
    world.check(cdrs < 1_000_000, "records");
    world.facts.clear();
    world.media_events.clear();
    world.bindings.clear();
}

fn check_tables(world: &World) {
    let tables = world.tables();
    let most = tables.calls.max(tables.legs).max(tables.dialogs).max(tables.invites).max(tables.call_timers);
    world.check(most <= CALLS_MAX, "a table grows");
    let memory = world.switch.core.memory();
    world.check(
        memory.sources <= 10_000 && memory.failures <= 50_000 && memory.nonces <= 131_072,
        "a memory grows",
    );
    world.check(memory.trace_bytes <= 16 << 20, "the trace grows");
}

#[test]
fn mutated_messages_leave_the_switch_as_it_was() {
    let messages = parsers::runs("STROWGER_MUTATED", MESSAGES);
    let mut world = World::new(Quality::CLEAN, 1);
    let mut random = Random::seeded(7);
    let phones: Vec<PhoneId> =
        ["1001", "1002", "2001", "2002"].map(|number| world.add_phone(number)).to_vec();
    for phone in &phones {
        world.treat(*phone, Treatment::Answer(Duration::from_millis(300)));
    }
    let live = listen(&mut world);
    world.is_fed_junk = true;
    let corpus = parsers::corpus("message");
    // Not the phones' own addresses: what the switch answers there would confuse the phones, which are judges as well.
    let sources = [CARRIER, CARRIER, "10.1.0.201:5060", "203.0.113.9:5060"];
    let switch = crate::harness::exchange::SWITCH.parse().expect("an address");
    for sent in 0..messages {
        if sent % ROUND == 0 {
            act(&mut world, &phones, &mut random);
            world.run(Duration::from_millis(random.below(900)));
            check_tables(&world);
        }
        if sent % 100_000 == 99_999 {
            println!("{} messages, {:?}", sent + 1, world.tables());
        }
        if sent % 10_000 == 9_999 {
            rest(&mut world, &phones);
        }
        let bytes = {
            let live = live.borrow();
            let current: Vec<Vec<u8>> = live.iter().rev().take(40).cloned().collect();
            let seeds = if random.below(4) == 0 || current.is_empty() { &corpus } else { &current };
            mutated(seeds, &mut random)
        };
        let from = sources[random.below(sources.len() as u64) as usize].parse().expect("an address");
        world.deliver(Packet { from, to: switch, bytes: Bytes::from(bytes) });
    }
    rest(&mut world, &phones);
    // The longest that anything is kept: transactions, queues' patience, bindings, failures.
    world.run(Duration::from_secs(2 * 3600 + 600));
    let tables = world.tables();
    world.check(
        tables == Tables { ports_free: 60, ..Tables::default() },
        "something is left in the switch's tables",
    );
    let memory = world.switch.core.memory();
    world.check(
        memory.charged == (0, 0) && memory.failures == 0 && memory.sources <= 1,
        &format!("{memory:?}"),
    );
    world.check(world.media.legs() == 0, "a media leg is left");
    for phone in &phones {
        world.phone(*phone).off = true;
    }
    world.network.filter = None;
    let good = [world.add_at("2003", "10.1.0.53:5060"), world.add_at("2004", "10.1.0.54:5060")];
    for phone in good {
        let status = world.register(phone, 3600);
        world.check(status == 200, "a phone can't register");
    }
    let calling = world.dial(good[0], "2004");
    let called = world.rings(good[1]);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.hang_up(calling);
    world.over(called);
}
