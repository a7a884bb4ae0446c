//! Forwarding and do not disturb: set by codes, kept over a restart, bounded; an agent's offers are not forwarded.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::world::{CONFIGURATION, Line, PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::Name;
use strowger::store::{PhoneSetting, Restored};
use strowger::switch::action::{Action, Refusal};

fn code(world: &mut World, phone: PhoneId, code: &str) {
    let line = world.dial(phone, code);
    world.up(line);
    world.over_within(line, Duration::from_secs(3));
}

fn talk_and_end(world: &mut World, calling: Line, called: Line) {
    world.answer(called);
    world.up(calling);
    world.talk_and_end(calling, called);
}

fn scenario(mut world: World) -> World {
    let [alice, bob, eve] = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    // Always.
    code(&mut world, bob, "*722003");
    let calling = world.dial(alice, "2002");
    let called = world.rings(eve);
    world.check(world.ringing(bob).is_none(), "the forwarded phone is silent");
    talk_and_end(&mut world, calling, called);
    code(&mut world, bob, "*73");
    // Busy.
    code(&mut world, bob, "*902003");
    world.treat(bob, Treatment::Refuse(486, Duration::from_millis(20)));
    let calling = world.dial(alice, "2002");
    let called = world.rings(eve);
    talk_and_end(&mut world, calling, called);
    code(&mut world, bob, "*91");
    let calling = world.dial(alice, "2002");
    assert_eq!(world.over(calling), Why::Refused(486));
    // No answer, and not registered.
    world.treat(bob, Treatment::Ring);
    code(&mut world, bob, "*942003");
    let calling = world.dial(alice, "2002");
    let first = world.rings(bob);
    let called = world.rings_within(eve, Duration::from_secs(21));
    world.over(first);
    talk_and_end(&mut world, calling, called);
    world.register(bob, 0);
    let calling = world.dial(alice, "2002");
    let called = world.rings(eve);
    talk_and_end(&mut world, calling, called);
    world
}

over_networks!();

fn world() -> World {
    World::new(Quality::CLEAN, 1)
}

#[test]
fn a_forwarded_call_leaves_by_a_route_of_the_phone() {
    let mut world = world();
    let [alice, bob] = ["2001", "2002"].map(|number| world.add_phone(number));
    let carrier = world.add_carrier();
    code(&mut world, bob, "*720123456789");
    let calling = world.dial(alice, "2002");
    let called = world.rings(carrier);
    let header = |world: &World, called, name| {
        let invite = world.call(called).invite.as_ref().expect("an INVITE");
        let values = invite.headers(name).map(|value| String::from_utf8_lossy(value).into_owned());
        values.collect::<Vec<String>>()
    };
    assert_eq!(header(&world, called, Name::Diversion), ["<sip:2002@example.com>;reason=unconditional"]);
    let history = header(&world, called, Name::HistoryInfo);
    world.check(
        history.len() == 2 && history[1].starts_with("<sip:0123456789@example.com;cause=302>;index=1.1"),
        &format!("{history:?}"),
    );
    talk_and_end(&mut world, calling, called);
    // What a carrier says of the way before is kept; what a phone says is not believed.
    code(&mut world, bob, "*722001");
    for caller in [carrier, bob] {
        world.phone(caller).more_headers = vec![(Name::Diversion, "<sip:9@c.example>;reason=no-answer")];
        let calling = world.dial(caller, if caller == carrier { "+33140002002" } else { "2001" });
        let called = world.rings(alice);
        let expected: &[&str] = if caller == carrier {
            &["<sip:2002@example.com>;reason=unconditional", "<sip:9@c.example>;reason=no-answer"]
        } else {
            &[]
        };
        assert_eq!(header(&world, called, Name::Diversion), expected);
        talk_and_end(&mut world, calling, called);
    }
    // What it could not dial itself is refused.
    let line = world.dial(bob, "*7299");
    world.up(line);
    world.hears(line, crate::harness::sound::prompt("pbx-invalid"));
    world.over(line);
    world.finish();
}

#[test]
fn a_circle_of_forwards_ends_as_busy() {
    let mut world = world();
    let [alice, bob, eve] = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    code(&mut world, bob, "*722003");
    code(&mut world, eve, "*722002");
    let calling = world.dial(alice, "2002");
    assert_eq!(world.over(calling), Why::Refused(486));
    world.check(world.ringing(bob).is_none() && world.ringing(eve).is_none(), "nobody rings");
    world.finish();
}

#[test]
fn a_long_chain_of_forwards_ends_too() {
    let phones: String = (0..9)
        .map(|n| {
            format!(
                "[[phone]]\nnumber = \"30{n}\"\nforward = {{ always = \"30{}\" }}\nsecret = \"pw\"\n",
                n + 1
            )
        })
        .collect();
    let text = format!("{CONFIGURATION}\n{phones}\n[[phone]]\nnumber = \"309\"\nsecret = \"pw\"\n");
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let last = world.add_phone("309");
    let calling = world.dial(alice, "300");
    assert_eq!(world.over(calling), Why::Refused(486));
    let calling = world.dial(alice, "304");
    let called = world.rings(last);
    talk_and_end(&mut world, calling, called);
    world.finish();
}

#[test]
fn do_not_disturb_refuses_private_calls_and_not_a_queues() {
    let mut world = world();
    let [alice, bob] = ["1001", "2002"].map(|number| world.add_phone(number));
    let carrier = world.add_carrier();
    code(&mut world, alice, "*78");
    code(&mut world, alice, "*722002");
    code(&mut world, alice, "*73");
    let calling = world.dial(bob, "1001");
    assert_eq!(world.over(calling), Why::Refused(486));
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(alice);
    talk_and_end(&mut world, calling, called);
    world.run(Duration::from_secs(11));
    code(&mut world, alice, "*79");
    let calling = world.dial(bob, "1001");
    let called = world.rings(alice);
    talk_and_end(&mut world, calling, called);
    world.finish();
}

#[test]
fn an_offer_goes_to_the_agents_own_phone() {
    let mut world = world();
    let [alice, bob] = ["1001", "2002"].map(|number| world.add_phone(number));
    let carrier = world.add_carrier();
    code(&mut world, alice, "*722002");
    let calling = world.dial(carrier, "+33140000000");
    world.up(calling);
    let called = world.rings(alice);
    world.check(world.ringing(bob).is_none(), "the offer is not forwarded");
    // And an agent's phone that sends it elsewhere has refused it.
    world.with_phone(alice, |phone, now| phone.redirect(now, called.call, &["<sip:2002@example.com>"]));
    world.run(Duration::from_secs(1));
    world.check(world.ringing(bob).is_none(), "nor by 302");
    world.check(world.queue("support").waiting == 1, "the caller waits on");
    world.finish();
}

#[test]
fn do_not_disturb_during_the_ringing_lets_it_ring() {
    let mut orders = [0, 0];
    for seed in 0..200 {
        let mut world = World::new(Quality::CLEAN, seed);
        let [alice, bob] = ["2001", "2002"].map(|number| world.add_phone(number));
        let setting = world.dial(bob, "*78");
        world.run(Duration::from_micros((seed * 7919) % 8000));
        let calling = world.dial(alice, "2002");
        world.run(Duration::from_millis(100));
        match world.ringing(bob) {
            Some(called) => {
                orders[0] += 1;
                world.answer(called);
                world.run(Duration::from_millis(50));
                world.check(world.call(called).state == State::Up, "what rings can be answered");
                if seed % 20 == 0 {
                    world.talk(calling, called);
                }
            }
            None => {
                orders[1] += 1;
                assert_eq!(world.over(calling), Why::Refused(486), "seed {seed}");
            }
        }
        world.over_within(setting, Duration::from_secs(3));
        world.finish();
    }
    // The code's INVITE and the call's meet within the time of a challenge.
    assert!(orders[1] > 20, "{orders:?}");
    let mut world = world();
    let [alice, bob] = ["2001", "2002"].map(|number| world.add_phone(number));
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    code(&mut world, bob, "*78");
    talk_and_end(&mut world, calling, called);
    world.finish();
}

#[test]
fn a_302_is_followed_to_our_numbers_alone() {
    let mut world = world();
    let [alice, bob, eve] = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    let other = world.add_phone("2004");
    world.treat(other, Treatment::Refuse(486, Duration::from_millis(20)));
    let calling = world.dial(alice, "2002");
    let first = world.rings(bob);
    // The stranger's host is passed over, the busy one is tried first by its q.
    let contacts =
        ["<sip:2003@example.com>;q=0.2", "<sip:2003@198.51.100.9>;q=1.0", "<sip:2004@example.com>;q=0.9"];
    world.with_phone(bob, |phone, now| phone.redirect(now, first.call, &contacts));
    let called = world.rings(eve);
    world.check(world.phones[other.0].calls.len() == 1, "the more wanted one was tried before");
    talk_and_end(&mut world, calling, called);
    let calling = world.dial(alice, "2002");
    let first = world.rings(bob);
    world.with_phone(bob, |phone, now| phone.redirect(now, first.call, &["<sip:x@198.51.100.9>"]));
    let why = world.over(calling);
    world.check(matches!(why, Why::Refused(_)), "a stranger's address is nowhere");
    world.finish();
}

#[test]
fn settings_survive_a_restart_and_are_set_by_the_api() {
    let mut before = world();
    let bob = before.add_phone("2002");
    code(&mut before, bob, "*722003");
    code(&mut before, bob, "*78");
    let set = |value: Option<&str>, phone: &str| Action::SetPhone {
        phone: phone.into(),
        setting: PhoneSetting::ForwardBusy,
        value: value.map(str::to_owned),
        by: "ops".to_owned(),
    };
    before.act(set(Some("2003"), "2001")).expect("it may");
    assert!(matches!(before.act(set(Some("nowhere"), "2001")), Err(Refusal::Invalid { .. })));
    assert!(matches!(before.act(set(None, "9999")), Err(Refusal::NotFound { .. })));
    let mut kept = std::collections::BTreeMap::new();
    for change in &before.phone_changes {
        kept.insert((change.phone.clone(), change.setting), change.clone());
    }
    let restored = Restored { phone_settings: kept.into_values().collect(), ..Restored::default() };
    assert_eq!(restored.phone_settings.len(), 3);
    before.finish();

    let mut world = World::with(CONFIGURATION, Quality::CLEAN, 2, restored, 60);
    let [alice, bob, eve] = ["2001", "2002", "2003"].map(|number| world.add_phone(number));
    let calling = world.dial(alice, "2002");
    let called = world.rings(eve);
    talk_and_end(&mut world, calling, called);
    code(&mut world, bob, "*73");
    let calling = world.dial(alice, "2002");
    assert_eq!(world.over(calling), Why::Refused(486), "it still wants no calls");
    world.finish();
}

/// Only a person calls for help: no forwarding leads there, whoever sets it.
#[test]
fn nothing_is_forwarded_to_an_emergency_number() {
    let text = format!(
        "{CONFIGURATION}\n[emergency]\ncountry = \"FR\"\n\
         [[phone]]\nnumber = \"3001\"\nsecret = \"pw\"\nforward = {{ always = \"112\" }}\n"
    );
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let line = world.dial(alice, "*72112");
    world.up(line);
    world.hears(line, crate::harness::sound::prompt("pbx-invalid"));
    world.over(line);
    let line = world.dial(alice, "3001");
    let why = world.over(line);
    world.check(matches!(why, Why::Refused(_)), "the file's forwarding is nowhere");
    world.check(world.phones[carrier.0].calls.is_empty(), "nobody was called");
    world.finish();
}
