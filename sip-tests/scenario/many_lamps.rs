//! A thousand lamps of one phone: what its call costs on the wire, and that nobody is told twice or too little.

use crate::harness::network::Quality;
use crate::harness::watcher::Lamp;
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::subscription::dialog_info::State;

const WATCHERS: [&str; 4] = ["1002", "1003", "2003", "2004"];
const LAMPS_EACH: usize = 250;

#[test]
fn a_thousand_lamps_follow_a_call() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob) = (world.add_phone("1001"), world.add_phone("2002"));
    let watchers: Vec<PhoneId> = WATCHERS.iter().map(|number| world.add_phone(number)).collect();
    let mut lamps = Vec::new();
    for phone in watchers {
        for _ in 0..LAMPS_EACH {
            let index =
                world.with_phone(phone, |phone, now| phone.subscribe(now, "2002", "dialog", 3600, &[]));
            lamps.push(Lamp { phone, index });
        }
    }
    let all =
        |world: &World, state: State| lamps.iter().all(|lamp| world.watching(*lamp).lamp() == Some(state));
    world.expect("all are told", Duration::from_secs(2), |world| all(world, State::Terminated));
    world.check(world.tables().subscriptions == 1000, "a thousand subscriptions");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.expect("all blink", Duration::from_secs(1), |world| all(world, State::Early));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.expect("all are lit", Duration::from_secs(1), |world| all(world, State::Confirmed));
    world.hang_up(calling);
    world.over(called);
    world.expect("all go out", Duration::from_secs(1), |world| all(world, State::Terminated));
    let mut bytes = 0;
    for lamp in &lamps {
        let notifies = &world.watching(*lamp).notifies;
        // The first, then ringing, talking, over: one each.
        world.check(notifies.len() == 4, &format!("{} NOTIFYs", notifies.len()));
        bytes += notifies.iter().skip(1).map(|(_, notify)| notify.as_bytes().len()).sum::<usize>();
    }
    println!("a change costs {} bytes a lamp on the wire", bytes / lamps.len() / 3);
    world.check(bytes / lamps.len() / 3 < 1250, "a NOTIFY fits a datagram");
    for lamp in &lamps {
        world.rewatch(*lamp, 0);
    }
    world.expect("all end", Duration::from_secs(5), |world| {
        lamps.iter().all(|lamp| world.watching(*lamp).over)
    });
    world.finish();
}

/// A phone that changes all the time is told five times a second at the most, and what it is in the end.
#[test]
fn a_restless_phone_does_not_flood() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob) = (world.add_phone("1001"), world.add_phone("2002"));
    let carol = world.add_phone("2003");
    let lamp = world.watch(carol, "2002", "dialog");
    world.run(Duration::from_secs(1));
    let from = world.now;
    for _ in 0..50 {
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        world.refuse(called, 486);
        world.over(calling);
        // Media ports rest for two seconds.
        world.run(Duration::from_millis(80));
    }
    let seconds = world.now.since(from).as_secs_f64();
    world.run(Duration::from_secs(1));
    let told = world.watching(lamp).notifies.len() - 1;
    world.check(told as f64 <= seconds * 5.0 + 2.0, &format!("{told} NOTIFYs in {seconds} s"));
    world.check(world.watching(lamp).lamp() == Some(State::Terminated), "idle in the end");
    assert_eq!(world.cdrs().len(), 50);
    world.unwatch(lamp);
    world.finish();
}
