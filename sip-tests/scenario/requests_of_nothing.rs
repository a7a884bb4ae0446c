//! Requests of dialogs and transactions that are not there: 481; a request that comes too late in its dialog: 500.

use crate::harness::call::State;
use crate::harness::network::Quality;
use crate::harness::world::{PhoneId, World};
use std::time::Duration;

fn answered(world: &mut World, phone: PhoneId, request: &str) -> Vec<String> {
    let before = world.phones[phone.0].seen.len();
    world.with_phone(phone, |phone, _| phone.send_raw(request));
    world.run(Duration::from_millis(10));
    world.phones[phone.0].seen[before..].iter().map(|(_, line)| line.clone()).collect()
}

fn request(method: &str, tag: &str, call_id: &str, cseq: u32) -> String {
    format!(
        "{method} sip:2002@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK{method}{cseq}x{length}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:2001@example.com>;tag=f\r\nTo: <sip:2002@example.com>{tag}\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        length = tag.len(),
    )
}

#[test]
fn what_belongs_to_nothing_is_told_so() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    for (method, tag, status) in [
        ("BYE", "", "481"),
        ("BYE", ";tag=t", "481"),
        ("CANCEL", "", "481"),
        ("INVITE", ";tag=t", "481"),
        ("OPTIONS", ";tag=t", "481"),
        ("INFO", ";tag=t", "481"),
        ("UPDATE", ";tag=t", "481"),
        ("REFER", "", "403"),
        ("PUBLISH", "", "405"),
        ("SUBSCRIBE", "", "401"),
        ("SUBSCRIBE", ";tag=t", "481"),
        ("FOO", "", "501"),
    ] {
        let got = answered(&mut world, alice, &request(method, tag, "nothing", 7));
        let well = got.len() == 1 && got[0].contains(status);
        world.check(well, &format!("{method} with `{tag}` is answered {got:?}, not {status}"));
    }
    // An ACK of nothing is answered by nothing.
    let got = answered(&mut world, alice, &request("ACK", ";tag=t", "nothing", 7));
    world.check(got.is_empty(), &format!("{got:?}"));
    world.finish();
}

/// A BYE that is sent again after the call's end gets its answer again, and a new one in that dialog 481.
#[test]
fn a_dialog_that_is_over_is_over() {
    let mut world = World::new(Quality::CLEAN, 1);
    let alice = world.add_phone("2001");
    let bob = world.add_phone("2002");
    let (calling, called) = world.connect_by(alice, "2002", bob);
    world.talk(calling, called);
    world.call_mut(calling).state = State::Up;
    world.hang_up(called);
    world.over(calling);
    // She believes that she is still in the call and hangs up herself.
    world.call_mut(calling).state = State::Up;
    world.hang_up(calling);
    world.run(Duration::from_millis(10));
    let last = world.phones[alice.0].seen.last().map(|(_, line)| line.clone()).unwrap_or_default();
    world.check(last.contains("481"), &format!("her BYE is answered `{last}`"));
    world.finish();
}
