//! SUBSCRIBE in all its life (RFC 6665): who may, for how long, refresh, end, and every refusal.

use crate::harness::network::{Packet, Quality};
use crate::harness::watcher::Lamp;
use crate::harness::world::{CONFIGURATION, PhoneId, World};
use std::time::Duration;
use strowger::sip::msg::{Method, Name};
use strowger::store::Restored;
use strowger::subscription::dialog_info::State;

fn header(world: &World, lamp: Lamp, name: Name) -> String {
    let answer = world.watching(lamp).answer.as_ref();
    let value = answer.and_then(|answer| answer.header(name)).unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

fn is_told(world: &mut World, lamp: Lamp, count: usize, standing: &str) {
    world.expect("a NOTIFY", Duration::from_secs(2), |world| world.watching(lamp).notifies.len() == count);
    let said = world.watching(lamp).standing();
    world.check(said.starts_with(standing), &said);
}

#[test]
fn it_is_refreshed_and_ended() {
    let mut world = World::new(Quality::CLEAN, 1);
    let carol = world.add_phone("2003");
    let lamp = world.ask_to_watch(carol, "2002", "dialog;id=7", 900, &[]);
    world.check(header(&world, lamp, Name::Expires) == "900", "as long as asked");
    is_told(&mut world, lamp, 1, "active;expires=900");
    let (_, notify) = world.watching(lamp).notifies[0].clone();
    world.check(notify.header(Name::Event) == Some(b"dialog;id=7"), "the id comes back");
    world.check(notify.header(Name::ContentType) == Some(b"application/dialog-info+xml"), "its type");
    world.check(header(&world, lamp, Name::AllowEvents) == "dialog, message-summary, presence", "events");
    // A refresh is told at once, without any change.
    world.run(Duration::from_secs(100));
    world.rewatch(lamp, 7200);
    is_told(&mut world, lamp, 2, "active;expires=3600");
    world.check(header(&world, lamp, Name::Expires) == "3600", "no longer than the configuration has it");
    // Too brief: refused, and the subscription goes on.
    world.rewatch(lamp, 10);
    world.expect("an answer", Duration::from_secs(1), |world| world.watching(lamp).statuses.len() == 3);
    world.check(world.watching(lamp).statuses[2] == 423, "423");
    world.check(header(&world, lamp, Name::MinExpires) == "60", "what would be long enough");
    world.unwatch(lamp);
    // What is over can't be refreshed.
    world.rewatch(lamp, 600);
    world.expect("an answer", Duration::from_secs(1), |world| world.watching(lamp).statuses.len() == 5);
    world.check(world.watching(lamp).statuses[4] == 481, "481");
    world.finish();
}

#[test]
fn it_ends_with_its_time() {
    let mut world = World::new(Quality::CLEAN, 1);
    let carol = world.add_phone("2003");
    let lamp = world.ask_to_watch(carol, "2002", "dialog", 60, &[]);
    is_told(&mut world, lamp, 1, "active;expires=60");
    world.run(Duration::from_secs(59));
    world.check(!world.watching(lamp).over, "not yet");
    world.expect("the end", Duration::from_secs(2), |world| world.watching(lamp).over);
    is_told(&mut world, lamp, 2, "terminated;reason=timeout");
    // A mere question: Expires 0.
    let question = world.ask_to_watch(carol, "2002", "dialog", 0, &[]);
    is_told(&mut world, question, 1, "terminated;reason=timeout");
    world.check(world.watching(question).lamp() == Some(State::Terminated), "and its answer");
    world.finish();
}

#[test]
fn what_may_not_be_watched_is_refused() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, carol) = (world.add_phone("1001"), world.add_phone("2003"));
    let stranger = world.add_at("9999", "10.1.0.99:5060");
    let mut check = |phone: PhoneId, to: &str, event: &str, lines: &[&str], status: u16| {
        let lamp = world.ask_to_watch(phone, to, event, 3600, lines);
        let said = world.watching(lamp).statuses[0];
        world.check(said == status, &format!("{to} {event} {lines:?}: {said}, not {status}"));
        if status == 489 {
            let events = header(&world, lamp, Name::AllowEvents);
            world.check(events == "dialog, message-summary, presence", "the events that there are");
        }
        world.run(Duration::from_millis(50));
        world.check(world.watching(lamp).notifies.is_empty(), "nothing is told");
    };
    check(stranger, "2002", "dialog", &[], 401);
    for event in ["refer", "Dialog", "conference", "presence.winfo", ""] {
        check(carol, "2002", event, &[], 489);
    }
    for (to, event) in [
        ("9999", "dialog"),
        ("*99", "dialog"),
        ("*45999", "dialog"),
        ("*469", "dialog"),
        ("*481", "dialog"),
        ("600", "presence"),
        ("9999", "message-summary"),
        ("sip:example.com", "dialog"),
    ] {
        check(carol, to, event, &[], 404);
    }
    // She is no agent; Alice is, and not of that mailbox.
    for to in ["*45", "*45600", "*46", "*48"] {
        check(carol, to, "dialog", &[], 403);
    }
    check(alice, "2002", "message-summary", &[], 403);
    check(carol, "2002", "dialog", &["Accept: application/pidf+xml"], 406);
    check(carol, "2002", "dialog", &["Require: eventlist"], 420);
    world.check(world.tables().subscriptions == 0, "there is none");
    world.finish();
}

/// Messages and presence live the same life.
#[test]
fn messages_and_presence() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob, carol) = (world.add_phone("1001"), world.add_phone("2002"), world.add_phone("2003"));
    let own = world.watch(alice, "1001", "message-summary");
    let by_code = world.watch(alice, "*97", "message-summary");
    for lamp in [own, by_code] {
        let body = world.watching(lamp).bodies().concat();
        let said = "Messages-Waiting: no\r\nMessage-Account: sip:1001@example.com\r\n";
        world.check(body.starts_with(said), &body);
    }
    let presence = world.watch(carol, "2002", "presence");
    let last = |world: &World| world.watching(presence).bodies().last().cloned().unwrap_or_default();
    world.check(last(&world).contains("<basic>open</basic>"), "he can be reached");
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.check(!last(&world).contains("on-the-phone"), "he does not talk yet");
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    world.check(last(&world).contains("<rpid:on-the-phone/>"), "he talks");
    world.hang_up(called);
    world.over(calling);
    world.run(Duration::from_millis(300));
    world.check(!last(&world).contains("on-the-phone"), "he does not");
    let closed = |world: &World| last(world).contains("<basic>closed</basic>");
    assert_eq!(world.register(bob, 0), 200);
    world.expect("without a registration: closed", Duration::from_secs(1), closed);
    assert_eq!(world.register(bob, 60), 200);
    world.expect("with one: open", Duration::from_secs(1), |world| !closed(world));
    world.expect("it has expired: closed", Duration::from_secs(70), closed);
    // A lamp and presence tell apart what is idle and what is not there.
    let lamp = world.watch(carol, "2002", "dialog");
    world.check(world.watching(lamp).lamp() == Some(State::Terminated), "idle");
    [own, by_code, presence, lamp].into_iter().for_each(|lamp| world.unwatch(lamp));
    world.finish();
}

#[test]
fn there_are_limits() {
    let sip = "[sip]\n";
    let text = CONFIGURATION.replace(
        sip,
        "[sip]\nsubscriptions_max = 5\nsubscriptions_per_phone_max = 3\nsubscription_min_seconds = 90\n",
    );
    let mut world = World::with(&text, Quality::CLEAN, 1, Restored::default(), 60);
    let (carol, bob) = (world.add_phone("2003"), world.add_phone("2002"));
    let mut lamps = Vec::new();
    for to in ["1001", "1002", "1003"] {
        lamps.push(world.watch(carol, to, "dialog"));
    }
    let refused = world.ask_to_watch(carol, "2001", "dialog", 3600, &[]);
    world.check(world.watching(refused).statuses == [500], "enough for one phone");
    world.check(!header(&world, refused, Name::RetryAfter).is_empty(), "later");
    // After a reboot it has forgotten its subscriptions, which give way.
    let again = world.watch(carol, "1002", "dialog");
    world.check(world.tables().subscriptions == 3, "one has given way");
    lamps.push(world.watch(bob, "1001", "dialog"));
    lamps.push(world.watch(bob, "1002", "dialog"));
    let refused = world.ask_to_watch(bob, "1003", "dialog", 3600, &[]);
    world.check(world.watching(refused).statuses == [503], "enough for all");
    world.check(!header(&world, refused, Name::RetryAfter).is_empty(), "later");
    lamps.remove(1);
    lamps.push(again);
    lamps.into_iter().for_each(|lamp| world.unwatch(lamp));
    world.finish();
}

/// A subscriber that is not there any more, or has forgotten: its subscription ends, and nothing is sent for ever.
#[test]
fn a_notify_that_fails_ends_it() {
    for says in [481_u16, 401, 407, 500, 0] {
        let mut world = World::new(Quality::CLEAN, 1);
        let (bob, carol) = (world.add_phone("2002"), world.add_phone("2003"));
        let lamp = world.watch(carol, "2002", "presence");
        if says == 0 {
            // Switched off.
            world.phone(carol).off = true;
        } else {
            world.watching_mut(lamp).says = says;
        }
        world.run(Duration::from_secs(1));
        assert_eq!(world.register(bob, 0), 200);
        world.run(Duration::from_secs(if says == 0 { 40 } else { 1 }));
        world.check(world.tables().subscriptions == 0, &format!("{says} ends it"));
        world.finish();
    }
}

/// NOTIFYs and SUBSCRIBEs get lost, and are sent again; the newest state is told in the end.
#[test]
fn a_lost_notify_comes_again() {
    let mut world = World::new(Quality::CLEAN, 1);
    let (alice, bob, carol) = (world.add_phone("1001"), world.add_phone("2002"), world.add_phone("2003"));
    let lamp = world.watch(carol, "2002", "dialog");
    let mut left = 3;
    world.network.filter = Some(Box::new(move |packet: &Packet| {
        let lost = left > 0 && packet.bytes.starts_with(b"NOTIFY ");
        left -= i32::from(lost);
        lost
    }));
    world.run(Duration::from_secs(1));
    let calling = world.dial(alice, "2002");
    let called = world.rings(bob);
    world.run(Duration::from_millis(300));
    world.answer(called);
    world.up(calling);
    world.talk(calling, called);
    let told = world.watching(lamp).notifies.len();
    world.check(told == 1, "nothing has come since");
    world.expect("what has changed", Duration::from_secs(5), |world| {
        world.watching(lamp).lamp() == Some(State::Confirmed)
    });
    // Early is one of the lost: it comes, then at once what came after it.
    let states: Vec<_> = world.watching(lamp).bodies().iter().map(|body| body.contains("early")).collect();
    world.check(states == [false, true, false], &format!("{states:?}"));
    world.hang_up(called);
    world.over(calling);
    world.shows(lamp, State::Terminated);
    world.unwatch(lamp);
    world.finish();
}

/// A restart forgets subscriptions: phones are told to come back, each at its time, and a refresh finds none.
#[test]
fn a_restart_sends_them_away() {
    let mut world = World::new(Quality::CLEAN, 1);
    let carol = world.add_phone("2003");
    let lamp = world.watch(carol, "2002", "dialog");
    world.stop();
    world.expect("the end", Duration::from_secs(1), |world| world.watching(lamp).over);
    let standing = world.watching(lamp).standing();
    world.check(standing.starts_with("terminated;reason=probation;retry-after=1"), &standing);
    world.finish();
}

/// PUBLISH is not served: phones keep no state here that the switch does not see by itself. Others' NOTIFYs neither.
#[test]
fn publish_is_not_taken() {
    let mut world = World::new(Quality::CLEAN, 1);
    let carol = world.add_phone("2003");
    for method in [Method::Publish, Method::Notify] {
        world.with_phone(carol, |phone, now| phone.request(now, method, "sip:2003@example.com"));
        world.run(Duration::from_secs(1));
        let answer = world.phone(carol).others.pop().expect("an answer");
        assert_eq!(answer.status(), Some(405));
        let allow = String::from_utf8_lossy(answer.header(Name::Allow).unwrap_or_default()).into_owned();
        assert!(allow.contains("SUBSCRIBE") && !allow.contains("PUBLISH"), "{allow}");
    }
    assert_eq!(world.options(carol), 200);
    let answer = world.phone(carol).others.pop().expect("an answer");
    assert_eq!(answer.header(Name::AllowEvents), Some(&b"dialog, message-summary, presence"[..]));
    world.finish();
}
