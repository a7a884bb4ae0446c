//! A trunk that challenges our INVITEs, by 401 or 407, in every algorithm; and its calls to us, which prove themselves.

use crate::harness::call::Why;
use crate::harness::network::Quality;
use crate::harness::trunks::FIRST;
use crate::harness::world::World;
use std::time::Duration;
use strowger::sip::digest::Algorithm;
use strowger::sip::msg::Name;

const TRUNKS: &str = r#"
[[trunk]]
id = "account"
kind = "digest"
hosts = ["192.0.2.81:5060"]
user = "acc"
secret = "carrier-secret"
options_seconds = 0
[[route]]
pattern = "8."
trunk = ["account"]
[[inbound]]
trunk = "account"
number = "5."
to = "phone:2001"
"#;

#[test]
fn our_invite_is_sent_again_with_credentials() {
    for status in [401, 407] {
        for (seed, algorithm) in (1..).zip(Algorithm::STRONGEST_FIRST) {
            for quality in [Quality::CLEAN, Quality::lossy(5)] {
                let mut world = World::with_trunks(TRUNKS, quality, seed);
                let alice = world.add_phone("2001");
                let carrier = world.carrier_at(FIRST);
                world.phone(carrier).carrier.asks = Some(status);
                world.phone(carrier).carrier.algorithms = vec![algorithm];
                for round in 0..2 {
                    let calling = world.dial(alice, "8123");
                    let called = world.rings(carrier);
                    let invites = world.invites(carrier);
                    let (asked, proved) =
                        (invites[invites.len() - 2].clone(), invites[invites.len() - 1].clone());
                    // RFC 3261 section 22.2: the same Call-ID and From, the next CSeq.
                    world.check(asked.call_id() == proved.call_id(), "in the same Call-ID");
                    world.check(asked.header(Name::From) == proved.header(Name::From), "with the same From");
                    let cseq =
                        |message: &strowger::sip::msg::Message| message.cseq().map(|cseq| cseq.number).ok();
                    world.check(cseq(&proved) == cseq(&asked).map(|cseq| cseq + 1), "with the next CSeq");
                    world.answer(called);
                    world.up(calling);
                    world.talk(calling, called);
                    if round == 0 {
                        world.hang_up(calling)
                    } else {
                        world.hang_up(called)
                    }
                    world.over(calling);
                    world.over(called);
                    world.phone(carrier).forget_nonces();
                }
                world.finish();
            }
        }
    }
}

#[test]
fn a_wrong_password_ends_the_call_and_not_the_switch() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.carrier_at(FIRST);
    world.phone(carrier).carrier.asks = Some(407);
    world.phone(carrier).carrier.password = "another".to_owned();
    let calling = world.dial(alice, "8123");
    let why = world.over(calling);
    world.check(matches!(why, Why::Refused(_)), "the caller is refused");
    assert_eq!(world.invites(carrier).len(), 2, "asked once, and not again");
    world.finish();
}

/// The carrier's own calls: not trusted by their address, but by the trunk's user and secret.
#[test]
fn their_calls_prove_themselves() {
    let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let carrier = world.add_at("acc", FIRST);
    world.phone(carrier).account.password = "carrier-secret".to_owned();
    let (calling, called) = world.connect_by(carrier, "5001", alice);
    world.talk(calling, called);
    world.check(world.trunk("account").calls == 1, "it is counted on the trunk");
    world.hang_up(calling);
    world.over(called);
    world.phone(carrier).account.password = "guessed".to_owned();
    let calling = world.dial(carrier, "5001");
    let why = world.over_within(calling, Duration::from_secs(2));
    world.check(why == Why::Refused(401), "a wrong secret is refused");
    world.finish();
}

/// The caller hangs up while the carrier asks for credentials: nothing rings, nothing is left.
#[test]
fn the_caller_hangs_up_while_we_are_challenged() {
    let (mut rang, mut not) = (0, 0);
    for seed in 0..300_u64 {
        let mut world = World::with_trunks(TRUNKS, Quality::CLEAN, seed);
        let alice = world.add_phone("2001");
        let carrier = world.carrier_at(FIRST);
        world.phone(carrier).carrier.asks = Some(401);
        let calling = world.dial(alice, "8123");
        world.run(Duration::from_micros(seed * 60));
        world.hang_up(calling);
        world.over(calling);
        world.run(Duration::from_secs(1));
        world.check(world.ringing(carrier).is_none(), "nobody rings for nothing");
        if world.phone(carrier).calls.is_empty() {
            not += 1
        } else {
            rang += 1
        }
        if seed % 30 == 0 {
            world.finish();
        }
    }
    assert!(rang > 30 && not > 30, "{rang} {not}");
}
