//! Calls that go round: Max-Forwards goes down from leg to leg, and what comes back through a proxy too often is 482.

use crate::harness::network::Quality;
use crate::harness::world::{CONFIGURATION, Line, World};
use std::time::Duration;

const PHONE: &str = "\n[[phone]]\nnumber = \"2009\"\ncontact = \"sip:2009@192.0.2.77:5060\"\n";

/// What the carrier's proxy makes of an INVITE that it routes back to us.
fn forwarded(invite: &str, turn: usize) -> String {
    let (first, rest) = invite.split_once("\r\n").expect("a start line");
    let method = first.split(' ').next().expect("a method");
    format!(
        "{method} sip:+33140002009@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKproxy{turn}\r\n{rest}"
    )
}

#[test]
fn a_call_that_comes_back_ends() {
    let text = CONFIGURATION.to_owned() + PHONE;
    let mut world = World::with(&text, Quality::CLEAN, 1, Default::default(), 60);
    let alice = world.add_phone("2001");
    let carrier = world.add_carrier();
    let calling = world.dial(alice, "2009");
    let mut turns = 0;
    loop {
        world.run(Duration::from_millis(100));
        let at = Line { phone: carrier, call: turns };
        let invite = world.call(at).invite.clone().expect("an INVITE");
        let hops = usize::from(invite.max_forwards().ok().flatten().expect("Max-Forwards"));
        assert_eq!(hops, 69 - turns, "one hop less on each turn");
        let text = forwarded(&String::from_utf8_lossy(invite.as_bytes()), turns);
        let before = world.phones[carrier.0].seen.len();
        world.with_phone(carrier, |phone, _| phone.send_raw(&text));
        world.run(Duration::from_millis(100));
        turns += 1;
        let loops = world.phones[carrier.0].seen[before..].iter().any(|(_, line)| line.contains("482"));
        if loops {
            break;
        }
        assert!(turns < 10, "the circle is not seen");
    }
    assert_eq!(turns, 4, "three times back are let through");
    for turn in (0..turns).rev() {
        world.refuse(Line { phone: carrier, call: turn }, 482);
    }
    world.over(calling);
    world.finish();
}

/// Who comes back once, because a carrier brings his call to a number of ours, is let through, with audio.
#[test]
fn a_number_of_ours_through_the_carrier() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let carrier = world.add_carrier();
    let out = world.dial(alice, "0123456789");
    let there = world.rings(carrier);
    let back = world.dial(carrier, "+33140002002");
    let called = world.rings(bob);
    world.answer(called);
    world.up(back);
    world.answer(there);
    world.up(out);
    world.talk(out, there);
    world.talk(back, called);
    world.hang_up(out);
    world.over(there);
    world.hang_up(back);
    world.over(called);
    world.finish();
}
