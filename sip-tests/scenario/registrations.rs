//! Registrations: several contacts, refresh, expiry, one's own end and everybody's, a reboot, a wish that is too brief.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::{PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::Name;
use strowger::switch::action::{Answer, Question};
use strowger::switch::view::RegistrationView;

fn registrations(world: &World) -> Vec<RegistrationView> {
    match world.ask(Question::Registrations) {
        Answer::Registrations(list) => list,
        other => world.fail(&format!("{other:?}")),
    }
}

fn contacts_told(world: &World, phone: PhoneId) -> usize {
    let answer = world.phones[phone.0].account.answer.as_ref().expect("an answer");
    answer.values(Name::Contact).count()
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    assert_eq!(contacts_told(&world, bob), 1);
    let desk = world.add_phone("2002");
    assert_eq!(contacts_told(&world, desk), 2, "RFC 3261 section 10.3 step 8: all current bindings");
    assert_eq!(registrations(&world).len(), 3);

    // Refreshed in time it stays; what is not refreshed ends.
    world.register(desk, 90);
    world.run(Duration::from_secs(60));
    world.register(desk, 90);
    world.run(Duration::from_secs(60));
    assert_eq!(registrations(&world).len(), 3, "refreshed in time");
    world.run(Duration::from_secs(45));
    assert_eq!(registrations(&world).len(), 2, "expired");

    // After a reboot the same contact with a new Call-ID and low CSeq: still one binding, and it rings.
    world.phone(bob).forget_registration();
    assert_eq!(world.register(bob, 3600), 200);
    assert_eq!(registrations(&world).len(), 2);
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk_and_end(calling, called);

    // Ended: nobody to ring.
    assert_eq!(world.register(bob, 0), 200);
    assert_eq!(contacts_told(&world, bob), 0);
    let calling = world.dial(alice, "2002");
    assert_eq!(world.over(calling), Why::Refused(480));

    // The asterisk ends all of one's own and nobody else's.
    world.register(bob, 3600);
    world.register(desk, 3600);
    world.phone(desk).account.star = true;
    assert_eq!(world.register(desk, 0), 200);
    let left: Vec<String> = registrations(&world).into_iter().map(|one| one.number).collect();
    assert_eq!(left, ["2001"]);

    // RFC 3261 section 10.2.8 and 10.3 step 7.
    assert_eq!(world.register(bob, 20), 423);
    let least = world
        .phone(bob)
        .account
        .answer
        .clone()
        .and_then(|answer| answer.header(Name::MinExpires).map(<[u8]>::to_vec));
    assert_eq!(least.as_deref(), Some(&b"60"[..]));
    // More than the most is cut down.
    assert_eq!(world.register(bob, 100_000), 200);
    let bob = registrations(&world).into_iter().find(|one| one.number == "2002").expect("registered");
    let lasts = bob.expires_at.as_micros() - bob.registered_at.as_micros();
    assert_eq!(lasts / 1_000_000, 3600);
    world
}

over_networks!();

/// F18: a phone comes back at another address and with another Call-ID; the dead contact costs a ring at most, the new
/// one has the call.
#[test]
fn a_phone_that_moved_is_found() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let old = world.add_phone("2002");
    world.phone(old).off = true;
    let new = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", new);
    world.talk(calling, called);
    world.run(Duration::from_secs(40));
    world.talk_and_end(called, calling);
    world.finish();
}
