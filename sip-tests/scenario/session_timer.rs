//! Session timers (RFC 4028) on either leg, whoever refreshes, by UPDATE and by re-INVITE: a call of an hour lives, with
//! audio; a party that dies is noticed; intervals are agreed in both roles.

use crate::harness::call::{State, Why};
use crate::harness::network::Quality;
use crate::harness::phone::Treatment;
use crate::harness::world::{Line, World};
use std::time::Duration;
use strowger::sip::msg::Name;
use strowger::sip::session_timer::Said;

/// How a party takes part.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// It takes UPDATEs.
    update: bool,
    /// It wants this side to refresh.
    refresher: Option<&'static str>,
}

fn skilled(world: &mut World, phone: crate::harness::world::PhoneId, part: Part, seconds: u32) {
    let skills = &mut world.phone(phone).skills;
    (skills.update, skills.refresher, skills.timer) = (part.update, part.refresher, Some(seconds));
}

/// Both parties have nothing to say for most of an hour: packets would only cost the test's time. The switch's own watch
/// over silent parties is switched off.
fn world(quality: Quality, seed: u64) -> World {
    let text = crate::harness::world::CONFIGURATION
        .replace("no_media_timeout_seconds = 30", "no_media_timeout_seconds = 0");
    World::with(&text, quality, seed, Default::default(), 60)
}

fn quiet(world: &mut World, lines: [Line; 2], quiet: bool) {
    for line in lines {
        world.call_mut(line).mute = quiet;
    }
}

/// An hour, with audio at its beginning, in the middle and at its end.
fn hour(quality: Quality, seed: u64, caller: Part, callee: Part) {
    let mut world = world(quality, seed);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    skilled(&mut world, alice, caller, 600);
    skilled(&mut world, carrier, callee, 400);
    let (calling, called) = world.connect_by(alice, "0123456789", carrier);
    world.talk(calling, called);
    for _ in 0..4 {
        quiet(&mut world, [calling, called], true);
        world.run(Duration::from_secs(15 * 60));
        quiet(&mut world, [calling, called], false);
        world.talk(calling, called);
    }
    for (line, part) in [(calling, caller), (called, callee)] {
        let call = world.call(line);
        world.check(call.state == State::Up, "the call lives");
        let seconds = call.extended.seconds;
        world.check(seconds.is_some(), "a timer was agreed");
        let by_us = call.extended.refreshed.len();
        let by_phone = call.extended.updates.len() + call.reinvites.len();
        let least = usize::try_from(3600 / seconds.unwrap_or(1)).unwrap_or(0);
        world.check(
            if call.extended.refreshes { by_phone >= least } else { by_us >= least },
            &format!("{part:?}: refreshed {by_us} times by us, {by_phone} times by the phone, of {least}"),
        );
        let method = if part.update { "UPDATE" } else { "INVITE" };
        world.check(
            call.extended.refreshed.iter().all(|(_, how)| how == method),
            &format!("{part:?}: refreshed by {:?}", call.extended.refreshed),
        );
    }
    world.hang_up(calling);
    world.over(called);
    assert_eq!(world.cdrs().len(), 1);
    world.finish();
}

const BY_UPDATE: Part = Part { update: true, refresher: None };
const BY_REINVITE: Part = Part { update: false, refresher: None };
const CALLER_REFRESHES: Part = Part { update: true, refresher: Some("uac") };
const CALLER_REFRESHES_BY_REINVITE: Part = Part { update: false, refresher: Some("uac") };
const WE_REFRESH: Part = Part { update: true, refresher: Some("uas") };

#[test]
fn an_hour_with_updates() {
    hour(Quality::CLEAN, 1, BY_UPDATE, BY_UPDATE);
    hour(Quality::CLEAN, 2, CALLER_REFRESHES, WE_REFRESH);
    hour(Quality::CLEAN, 3, WE_REFRESH, CALLER_REFRESHES);
}

#[test]
fn an_hour_with_reinvites() {
    hour(Quality::CLEAN, 1, BY_REINVITE, BY_REINVITE);
    hour(Quality::CLEAN, 2, CALLER_REFRESHES_BY_REINVITE, CALLER_REFRESHES_BY_REINVITE);
}

#[test]
fn an_hour_over_a_bad_network() {
    for seed in 1..=3 {
        hour(Quality::lossy(3), seed, BY_REINVITE, BY_UPDATE);
        hour(Quality::lossy(3), seed, CALLER_REFRESHES, CALLER_REFRESHES);
    }
}

/// A party that vanishes is noticed: by our refresh without answer, or by its own that does not come (two thirds of a
/// short interval, 32 s before the end of a long one). The other is hung up.
#[test]
fn a_party_that_dies_is_noticed() {
    for (seed, refresher, least, most) in
        [(1, "uas", 300, 300 + 33), (2, "uac", 560, 570), (3, "uas", 300, 300 + 33), (4, "uac", 560, 570)]
    {
        for update in [true, false] {
            let mut world = world(Quality::CLEAN, seed);
            let alice = world.add_phone("2001");
            let bob = world.add_phone("2002");
            skilled(&mut world, alice, Part { update, refresher: Some(refresher) }, 600);
            let (calling, called) = world.connect_by(alice, "2002", bob);
            world.talk(calling, called);
            let since = world.now;
            world.phone(alice).off = true;
            quiet(&mut world, [calling, called], true);
            let why = world.over_within(called, Duration::from_secs(900));
            let after = world.now.since(since).as_secs();
            world.check((least..=most).contains(&after), &format!("{refresher} {update}: after {after} s"));
            world.check(
                matches!(&why, Why::ByPeer(Some(text)) if text.contains("Session expired")),
                &format!("told {why:?}"),
            );
            assert_eq!(world.cdrs()[0].cause, "session_expired");
            world.phone(alice).off = false;
            world.call_mut(calling).state = State::Over;
            world.call_mut(calling).extended = Default::default();
            world.call_mut(calling).why = Some(Why::TimedOut);
            world.finish();
        }
    }
}

/// 422 in both roles: a caller with too short an interval is told ours; a callee that wants a longer one gets it.
#[test]
fn intervals_are_agreed() {
    let mut world = world(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    skilled(&mut world, alice, BY_UPDATE, 60);
    let calling = world.dial(alice, "0123456789");
    assert_eq!(world.over(calling), Why::Refused(422));

    skilled(&mut world, alice, BY_UPDATE, 90);
    skilled(&mut world, carrier, BY_UPDATE, 7200);
    world.phone(carrier).skills.least = 3600;
    let calling = world.dial(alice, "0123456789");
    let called = world.rings(carrier);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    let said = Said::of(&invite);
    world.check((said.seconds, said.seconds_min) == (Some(3600), Some(3600)), &format!("{said:?}"));
    world.check(invite.cseq().is_ok_and(|cseq| cseq.number == 2), "the second INVITE has the next CSeq");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    let seconds = [calling, called].map(|line| world.call(line).extended.seconds);
    assert_eq!(seconds, [Some(90), Some(3600)]);
    world.hang_up(calling);
    world.over(called);
    world.finish();
}

/// A caller without the extension has no timer; a callee's Min-SE that rises for ever ends the attempt.
#[test]
fn who_does_not_know_it_is_left_alone() {
    let mut world = world(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    let invite = world.call(called).invite.clone().expect("an INVITE");
    world.check(invite.header(Name::SessionExpires) == Some(b"1800"), "we ask for a timer");
    world.answer(called);
    world.up(calling);
    quiet(&mut world, [calling, called], true);
    world.run(Duration::from_secs(3600));
    quiet(&mut world, [calling, called], false);
    world.talk(calling, called);
    let asked = world.call(called).extended.refreshed.len() + world.call(calling).extended.refreshed.len();
    world.check(asked == 0, "nobody is refreshed");
    world.hang_up(calling);
    world.over(called);
    world.treat(bob, Treatment::Ring);
    world.phone(bob).skills.least = 100_000;
    let calling = world.dial(alice, "2002");
    let why = world.over(calling);
    world.check(matches!(why, Why::Refused(_)), &format!("{why:?}"));
    world.finish();
}
