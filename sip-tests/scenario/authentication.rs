//! Who may register and call: wrong password, unknown user, somebody else's address, a nonce that is too old, credentials
//! that were made for another request.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::world::World;
use std::time::Duration;
use strowger::sip::msg::Name;
use strowger::switch::action::{Answer, Question};

fn nobody_is_registered(world: &World) -> bool {
    matches!(world.ask(Question::Registrations), Answer::Registrations(list) if list.is_empty())
}

fn scenario(mut world: World) -> World {
    let wrong = world.add_at("2001", "10.1.0.1:5060");
    world.phone(wrong).account.password = "guess".to_owned();
    assert_eq!(world.register(wrong, 3600), 401, "a wrong password");
    let unknown = world.add_at("6666", "10.1.0.2:5060");
    assert_eq!(world.register(unknown, 3600), 401, "an unknown user is told nothing else");
    world.check(nobody_is_registered(&world), "nobody was registered");
    for phone in [wrong, unknown] {
        let calling = world.dial(phone, "2002");
        let why = world.over(calling);
        world.check(why == Why::Refused(401), &format!("a call with wrong credentials: {why:?}"));
    }
    world.check(world.cdrs().is_empty(), "that was no call");
    world
}

over_networks!();

/// RFC 7616 section 3.3: a nonce that is too old is answered with a new one and `stale=true`, so that the phone tries
/// again by itself and asks nobody for a password.
#[test]
fn an_old_nonce_is_stale() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let used = world.phone(alice).account.authorization.clone();
    world.run(Duration::from_secs(400));
    world.phone(alice).account.replay = used;
    world.with_phone(alice, |phone, now| {
        phone.register(now, 3600);
        // One answer only: it must not try again by itself.
        phone.account.challenged = true;
    });
    world.expect("an answer", Duration::from_secs(1), |world| world.phones[alice.0].account.status.is_some());
    let answer = world.phone(alice).account.answer.clone().expect("an answer");
    assert_eq!(answer.status(), Some(401));
    let challenges: Vec<String> = answer
        .headers(Name::WwwAuthenticate)
        .map(|value| String::from_utf8_lossy(value).to_lowercase())
        .collect();
    assert!(
        challenges.len() >= 2 && challenges[0].contains("sha-256"),
        "the strongest first: {challenges:?}"
    );
    assert!(challenges.iter().all(|one| one.contains("stale=true")), "{challenges:?}");
    // The phone's own binding has not suffered.
    assert!(!nobody_is_registered(&world));
    assert_eq!(world.register(alice, 3600), 200);
    world.finish();
}

/// Credentials overheard from a REGISTER are worth nothing: their nonce was given to another address, and was used.
#[test]
fn credentials_hold_for_what_they_were_made_for() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let overheard = world.phone(alice).account.authorization.clone();
    let thief = world.add_at("2002", "10.1.0.66:5060");
    world.phone(thief).account.replay = overheard;
    world.with_phone(thief, |phone, now| {
        phone.register(now, 3600);
        phone.account.challenged = true;
    });
    world.expect("an answer", Duration::from_secs(1), |world| world.phones[thief.0].account.status.is_some());
    let status = world.phone(thief).account.status;
    assert_eq!(status, Some(401), "2001's credentials are of no use to another");
    let alice_again = world.phone(alice).account.authorization.clone();
    world.phone(alice).account.replay = alice_again;
    world.with_phone(alice, |phone, now| {
        phone.register(now, 3600);
        phone.account.challenged = true;
    });
    world.expect("an answer", Duration::from_secs(1), |world| world.phones[alice.0].account.status.is_some());
    let answer = world.phone(alice).account.answer.clone().expect("an answer");
    assert_eq!(answer.status(), Some(401), "from her own address they were used already");
    let challenge =
        answer.header(Name::WwwAuthenticate).map(|value| String::from_utf8_lossy(value).into_owned());
    assert!(
        challenge.is_some_and(|value| value.contains("stale=true")),
        "so that she asks nobody for a password"
    );
    assert_eq!(world.switch.metric("strowger_sip_auth_failures_total{reason=\"replayed\"}"), 1.0);
    assert_eq!(world.register(alice, 3600), 200);
    let Answer::Registrations(list) = world.ask(Question::Registrations) else { panic!("no list") };
    assert_eq!(list.len(), 1);
    world.finish();
}
