//! A carrier that wants a longer session interval (422, RFC 4028 section 7.3): the INVITE that asks for it is watched as the
//! first one was, so that its silence or its error leads to the next target.

use crate::harness::network::Quality;
use crate::harness::trunks::{FIRST, SECOND};
use crate::harness::world::{Line, PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::{Message, Name};
use strowger::sip::session_timer::Said;

const TRUNKS: &str = r#"
[[trunk]]
id = "twin"
hosts = ["192.0.2.81:5060", "192.0.2.82:5060"]
options_seconds = 0
[[trunk]]
id = "account"
kind = "digest"
hosts = ["192.0.2.81:5060"]
user = "acc"
secret = "carrier-secret"
options_seconds = 0
[[route]]
pattern = "8."
trunk = ["twin"]
[[route]]
pattern = "7."
trunk = ["account"]
"#;

const LEAST: u32 = 3600;

/// The first target has refused the interval; what it does with the second INVITE is the test's.
fn refused(quality: Quality, seed: u64) -> (World, Line, PhoneId, PhoneId) {
    let mut world = World::with_trunks(TRUNKS, quality, seed);
    let alice = world.add_phone("2001");
    let (first, second) = (world.carrier_at(FIRST), world.carrier_at(SECOND));
    world.phone(first).skills.least = LEAST;
    let calling = world.dial(alice, "8207946000");
    world
        .expect("the first target is asked", Duration::from_secs(4), |world| world.invites(first).len() == 1);
    (world, calling, first, second)
}

fn talk_and_end(world: &mut World, calling: Line, carrier: PhoneId) {
    let called = world.rings_within(carrier, Duration::from_millis(100));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.check(world.trunk("twin").calls <= 1, "one call is counted");
    world.hang_up(calling);
    world.over(called);
    world.check(world.trunk("twin").calls == 0 && world.trunk("account").calls == 0, "and none afterwards");
}

#[test]
fn silence_after_it_leads_to_the_next_target() {
    for seed in 1..=3 {
        let (mut world, calling, first, second) = refused(Quality::CLEAN, seed);
        world.phone(first).carrier.silent = true;
        world.expect("it is asked again", Duration::from_secs(1), |world| {
            !world.phones[first.0].carrier.held.is_empty()
        });
        let began = world.now;
        world.expect("the next one is asked", Duration::from_secs(4), |world| {
            !world.invites(second).is_empty()
        });
        let after = world.now.since(began);
        let in_time = (Duration::from_secs(2)..Duration::from_secs(4)).contains(&after);
        world.check(in_time, &format!("the next target after 2 to 4 s, not {after:?}"));
        let series = "strowger_trunk_failovers_total{reason=\"timeout\",trunk=\"twin\"}";
        world.check(world.metric(series) == 1.0, "it is counted");
        talk_and_end(&mut world, calling, second);
        world.finish();
    }
}

#[test]
fn an_error_after_it_leads_to_the_next_target_at_once() {
    let (mut world, calling, first, second) = refused(Quality::CLEAN, 1);
    world.phone(first).carrier.at_once = Some((503, None));
    talk_and_end(&mut world, calling, second);
    let invites = world.invites(first);
    world.check(invites.len() == 2 && Said::of(invites[1]).seconds == Some(LEAST), "it was asked again");
    world.finish();
}

/// A target that was given up after its 422 and answers late is acknowledged and hung up; the call is the other's.
#[test]
fn a_late_answer_after_it_is_nobodys() {
    let (mut world, calling, first, second) = refused(Quality::CLEAN, 1);
    world.phone(first).carrier.silent = true;
    world.expect("the next one is asked", Duration::from_secs(4), |world| !world.invites(second).is_empty());
    world.with_phone(first, |phone, now| phone.wake(now));
    let late = world.rings(first);
    world.answer(late);
    talk_and_end(&mut world, calling, second);
    world.over(late);
    world.finish();
}

/// Challenge, then 422: the third INVITE has the credentials, and the nonce is counted on (RFC 7616 section 3.4).
#[test]
fn the_credentials_go_with_it() {
    for quality in [Quality::CLEAN, Quality::lossy(5)] {
        let mut world = World::with_trunks(TRUNKS, quality, 1);
        let alice = world.add_phone("2001");
        let carrier = world.carrier_at(FIRST);
        world.phone(carrier).skills.least = LEAST;
        world.phone(carrier).carrier.asks = Some(407);
        let calling = world.dial(alice, "7123");
        let called = world.rings(carrier);
        let cseqs: Vec<u32> = world
            .invites(carrier)
            .into_iter()
            .filter_map(|invite: &Message| invite.cseq().ok().map(|cseq| cseq.number))
            .collect();
        world.check(cseqs == [1, 2, 3], &format!("{cseqs:?}"));
        world.check(world.phones[carrier.0].carrier.counts == [1, 2], "each use of the nonce is counted");
        let proofs: Vec<usize> = world
            .invites(carrier)
            .iter()
            .map(|invite| invite.headers(Name::ProxyAuthorization).count())
            .collect();
        world.check(proofs == [0, 1, 1], &format!("one proof each: {proofs:?}"));
        world.answer(called);
        world.up(calling);
        world.talk_and_end(called, calling);
        world.finish();
    }
}
