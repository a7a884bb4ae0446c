//! Passwords are guessed at: the guesser is blocked, longer each time, and nobody else suffers.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{PhoneId, World};
use std::time::Duration;

fn guess(world: &mut World, phone: PhoneId, password: &str) -> u16 {
    world.phone(phone).account.password = password.to_owned();
    world.register(phone, 3600)
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let guesser = world.add_at("2001", "10.1.0.66:5060");
    let mut statuses: Vec<u16> = (0..7).map(|n| guess(&mut world, guesser, &format!("guess{n}"))).collect();
    // A lost answer has a guess sent twice, which counts twice.
    let blocked = statuses.iter().filter(|status| **status == 503).count();
    world.check(blocked >= 2 && statuses[0] == 401, &format!("{statuses:?}"));
    assert_eq!(guess(&mut world, guesser, "pw"), 503, "even with the right one");
    // Where she has always been the account works as before.
    assert_eq!(world.register(alice, 3600), 200);
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk_and_end(calling, called);
    // The block ends by itself, and begins anew, longer, with the next guess.
    world.run(Duration::from_secs(4000));
    statuses = (0..2).map(|n| guess(&mut world, guesser, &format!("other{n}"))).collect();
    world.check(statuses == [401, 503], &format!("{statuses:?}"));
    world.run(Duration::from_secs(8000));
    assert_eq!(guess(&mut world, guesser, "pw"), 200, "who remembers it in the end");
    assert_eq!(world.register(guesser, 0), 200);
    world
}

over_networks!();

#[test]
fn who_tries_many_accounts_is_blocked_but_for_phones_that_are_known_there() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_at("2001", "10.1.0.1:5060");
    assert_eq!(world.register(alice, 3600), 200);
    // The scanner and Alice are behind one NAT.
    world.phone(alice).off = true;
    let scanner = world.add_at("0", "10.1.0.1:6000");
    world.phones.swap(0, 1);
    let (scanner, alice) = (alice, scanner);
    for n in 0..10 {
        let phone = world.phone(scanner);
        phone.number = format!("30{n:02}");
        phone.account.challenged = false;
        phone.account.call_id.clear();
        assert_eq!(guess(&mut world, scanner, "1234"), 401, "{n}");
    }
    world.phone(scanner).number = "3050".to_owned();
    assert_eq!(guess(&mut world, scanner, "1234"), 503);
    world.phones.swap(0, 1);
    let (scanner, alice) = (alice, scanner);
    world.phone(alice).off = false;
    assert_eq!(world.register(alice, 3600), 200, "known there, with the right password");
    world.phone(scanner).off = true;
    let calling = world.dial(alice, "4711");
    let why = world.over(calling);
    world.check(why == Why::Refused(404), "she may call");
    let blocks = world.switch.metric("strowger_sip_auth_blocks_total{reason=\"source\"}");
    assert_eq!(blocks, 1.0);
    world.finish();
}
