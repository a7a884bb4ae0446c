//! Lamps follow a call through ringing, answer, hold and hang-up: of the called, of the caller and of a third who has
//! nothing to do with it (RFC 4235).

use crate::harness::network::Quality;
use crate::harness::sound::MUSIC;
use crate::harness::watcher::Lamp;
use crate::harness::world::World;
use std::time::Duration;
use strowger::sdp::Direction as Flowing;
use strowger::subscription::dialog_info::{Direction, State};

/// Whom the lamp's phone talks to, as it shows it.
fn remote(world: &World, lamp: Lamp) -> Option<(String, Option<String>)> {
    let dialog = world.watching(lamp).dialogs().into_iter().next()?;
    dialog.remote.map(|party| (party.uri, party.name))
}

fn scenario(mut world: World) -> World {
    let alice = world.add_phone("1001");
    let bob = world.add_phone("2002");
    let carol = world.add_phone("2003");
    let of_alice = world.watch(carol, "1001", "dialog");
    let of_bob = world.watch(carol, "2002", "dialog");
    let of_carol = world.watch(alice, "2003", "dialog");
    for lamp in [of_alice, of_bob, of_carol] {
        world.shows(lamp, State::Terminated);
    }
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.shows(of_bob, State::Early);
    world.shows(of_alice, State::Early);
    let dialog = world.watching(of_bob).dialogs().remove(0);
    world.check(dialog.direction == Some(Direction::Recipient), "he is called");
    world.check(dialog.ids.is_some(), "his call can be picked up");
    let caller = ("sip:1001@example.com".to_owned(), Some("Alice".to_owned()));
    world.check(remote(&world, of_bob) == Some(caller), "by Alice");
    let dialog = world.watching(of_alice).dialogs().remove(0);
    world.check(dialog.direction == Some(Direction::Initiator), "she calls");
    world.check(remote(&world, of_alice) == Some(("sip:2002@example.com".to_owned(), None)), "him");

    world.answer(called);
    world.up(calling);
    world.shows(of_bob, State::Confirmed);
    world.shows(of_alice, State::Confirmed);
    world.talk(calling, called);

    // He who holds does not render; the held one does.
    let holds = |world: &World, lamp: Lamp| world.watching(lamp).dialogs()[0].holds;
    world.reinvite(called, Some(Flowing::SendOnly));
    world.expect("his lamp shows the hold", Duration::from_secs(2), |world| holds(world, of_bob));
    world.check(!holds(&world, of_alice), "she holds nobody");
    world.hears(calling, MUSIC);
    world.reinvite(called, Some(Flowing::SendRecv));
    world.expect("and its end", Duration::from_secs(2), |world| !holds(world, of_bob));
    world.talk(calling, called);

    world.hang_up(calling);
    world.over(called);
    world.shows(of_bob, State::Terminated);
    world.shows(of_alice, State::Terminated);
    world.check(world.watching(of_carol).lamp() == Some(State::Terminated), "she had no part in it");
    assert_eq!(world.cdrs().len(), 1);
    for lamp in [of_alice, of_bob, of_carol] {
        world.unwatch(lamp);
    }
    world
}

over_networks!();

/// Refused, cancelled, unanswered: the lamp goes out with each, and never shows more than there is.
#[test]
fn a_call_that_comes_to_nothing_leaves_no_light() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let bob = world.add_phone("2002");
    let carol = world.add_phone("2003");
    let lamps = [world.watch(carol, "2002", "dialog"), world.watch(carol, "1001", "dialog")];
    for ending in 0..3 {
        let calling = world.dial(alice, "2002");
        let called = world.rings(bob);
        lamps.iter().for_each(|lamp| world.shows(*lamp, State::Early));
        match ending {
            0 => world.refuse(called, 486),
            1 => world.hang_up(calling),
            _ => world.expect("nobody answers", Duration::from_secs(200), |world| {
                world.call(calling).status() >= 400
            }),
        }
        world.over_within(calling, Duration::from_secs(2));
        lamps.iter().for_each(|lamp| world.shows(*lamp, State::Terminated));
        world.run(Duration::from_secs(1));
    }
    // A subscription in the middle of a call begins with it.
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    let late = world.watch(bob, "1001", "dialog");
    world.shows(late, State::Confirmed);
    world.hang_up(called);
    world.over(calling);
    world.shows(late, State::Terminated);
    lamps.into_iter().chain([late]).for_each(|lamp| world.unwatch(lamp));
    world.finish();
}

/// `blf_identities`: whom a phone talks to is not for everybody (FusionPBX#5790).
#[test]
fn identities_can_be_hidden() {
    let number = "number = \"2002\"\n";
    let text =
        crate::harness::world::CONFIGURATION.replace(number, &format!("{number}blf_identities = false\n"));
    let mut world = World::with(&text, Quality::CLEAN, 1, strowger::store::Restored::default(), 60);
    let alice = world.add_phone("1001");
    let bob = world.add_phone("2002");
    let carol = world.add_phone("2003");
    let (hidden, shown) = (world.watch(carol, "2002", "dialog"), world.watch(carol, "1001", "dialog"));
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    world.shows(hidden, State::Confirmed);
    world.check(remote(&world, hidden).is_none(), "it says that he talks, and not to whom");
    world.check(remote(&world, shown).is_some(), "hers says to whom");
    let told = world.watching(hidden).bodies().concat();
    world.check(!told.contains("1001"), "her number is nowhere");
    world.hang_up(called);
    world.over(calling);
    [hidden, shown].into_iter().for_each(|lamp| world.unwatch(lamp));
    world.finish();
}

/// A phone at two places: the lamp shows the one that talks, not the one that was cancelled (kamailio#2906).
#[test]
fn one_of_two_phones_answers() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("1001");
    let desk = world.add_phone("2002");
    let home = world.add_phone("2002");
    let carol = world.add_phone("2003");
    let lamp = world.watch(carol, "2002", "dialog");
    let calling = world.dial(alice, "2002");
    let called = world.rings(desk);
    world.rings(home);
    world.expect("both ring", Duration::from_secs(1), |world| world.watching(lamp).dialogs().len() == 2);
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.shows(lamp, State::Confirmed);
    world.run(Duration::from_secs(1));
    world.check(world.watching(lamp).dialogs().len() == 1, "one call is left");
    world.check(world.watching(lamp).lamp() == Some(State::Confirmed), "and it is up");
    world.hang_up(called);
    world.over(calling);
    world.shows(lamp, State::Terminated);
    world.unwatch(lamp);
    world.finish();
}
