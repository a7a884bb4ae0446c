//! The registrar through its front door, with a clock that only these tests move.

use super::*;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::Random;
use std::collections::BTreeSet;

const AOR: &str = "sip:1001@example.com";

fn at(seconds: u64) -> Now {
    let wall = Wall::parse("2026-11-22T09:00:00Z").unwrap().as_micros() + seconds as i64 * 1_000_000;
    Now { instant: Instant::from_micros(seconds * 1_000_000), wall: Wall::from_micros(wall) }
}

fn limits() -> Limits {
    Limits { contacts_per_aor_max: 3, bindings_max: 5, ..Limits::default() }
}

fn registrar() -> Registrar<u32> {
    Registrar::new(limits())
}

fn contact(uri: &str) -> NewContact {
    NewContact { uri: format!("<{uri}>"), key: uri.to_owned(), ..NewContact::default() }
}

fn request(contacts: Vec<NewContact>) -> RegisterRequest<u32> {
    RegisterRequest {
        contacts: Contacts::List(contacts),
        call_id: "call-1".to_owned(),
        cseq: 1,
        expires_seconds: Some(600),
        flow: 1,
        received_from: "192.0.2.7:5060".parse().unwrap(),
        path: Vec::new(),
        user_agent: Some("Phone".to_owned()),
    }
}

/// The contacts to ring, by their short names.
fn rung(registrar: &Registrar<u32>, now: Now) -> Vec<String> {
    registrar.bindings(AOR, now.instant).into_iter().map(|binding| binding.key.clone()).collect()
}

fn kinds(changes: &[Change<u32>]) -> Vec<(ChangeKind, &str)> {
    changes.iter().map(|change| (change.kind, change.binding.key.as_str())).collect()
}

#[test]
fn a_contact_is_added_refreshed_and_expires() {
    let mut registrar = registrar();
    let done = registrar.register(at(0), AOR, &request(vec![contact("a")])).unwrap();
    assert_eq!(kinds(&done.changes), [(ChangeKind::Added, "a")]);
    assert_eq!((done.bindings[0].uri.as_str(), done.bindings[0].expires_seconds), ("<a>", 600));
    assert_eq!(registrar.poll_timeout(), Some(at(600).instant));

    let again = RegisterRequest { cseq: 2, flow: 9, ..request(vec![contact("a")]) };
    let done = registrar.register(at(500), AOR, &again).unwrap();
    assert_eq!(kinds(&done.changes), [(ChangeKind::Refreshed, "a")]);
    assert_eq!(registrar.bindings(AOR, at(500).instant)[0].flow, 9, "the latest source counts");
    assert!(registrar.expire(at(1099).instant).is_empty());
    assert_eq!(rung(&registrar, at(1100)), [""; 0], "over, swept or not");
    let changes = registrar.expire(at(1100).instant);
    assert_eq!(kinds(&changes), [(ChangeKind::Removed(Reason::Expired), "a")]);
    assert_eq!(changes[0].aor.as_ref(), AOR);
    assert!(registrar.is_empty() && registrar.poll_timeout().is_none());
}

#[test]
fn no_contact_asks_for_the_bindings() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("a")])).unwrap();
    let done = registrar.register(at(10), AOR, &request(vec![])).unwrap();
    assert!(done.changes.is_empty());
    assert_eq!(done.bindings[0].expires_seconds, 590);
}

#[test]
fn preference_then_the_newest() {
    let mut registrar = registrar();
    let low = NewContact { q: Some(500), ..contact("low") };
    registrar.register(at(0), AOR, &request(vec![low, contact("a"), contact("b")])).unwrap();
    assert_eq!(rung(&registrar, at(0)), ["b", "a", "low"]);
    let again = RegisterRequest { cseq: 2, ..request(vec![contact("a")]) };
    registrar.register(at(5), AOR, &again).unwrap();
    assert_eq!(rung(&registrar, at(5)), ["a", "b", "low"]);
    assert_eq!(registrar.all(at(5).instant).count(), 3);
}

#[test]
fn lengths_are_kept_within_the_limits() {
    let length = |parameter: Option<u32>, header: Option<u32>| {
        let contact = NewContact { expires_seconds: parameter, ..contact("a") };
        let request = RegisterRequest { expires_seconds: header, ..request(vec![contact]) };
        registrar().register(at(0), AOR, &request).map(|done| done.bindings[0].expires_seconds)
    };
    assert_eq!(length(None, None), Ok(3600));
    assert_eq!(length(Some(120), Some(600)), Ok(120), "the parameter goes before the header");
    assert_eq!(length(None, Some(86_400)), Ok(3600));
    assert_eq!(length(None, Some(u32::MAX)), Ok(3600));
    assert_eq!(length(None, Some(60)), Ok(60));
    assert_eq!(length(Some(59), Some(600)), Err(RegisterRefusal::TooBrief { seconds_min: 60 }));
    assert_eq!(RegisterRefusal::TooBrief { seconds_min: 60 }.status(), 423);
    // An hour is never too brief, whatever the limit.
    let strict = Limits { expires_seconds_min: 7200, expires_seconds_max: 9000, ..limits() };
    let mut registrar = Registrar::new(strict);
    let hour = RegisterRequest { expires_seconds: Some(3600), ..request(vec![contact("a")]) };
    assert_eq!(registrar.register(at(0), AOR, &hour).unwrap().bindings[0].expires_seconds, 3600);
}

#[test]
fn zero_takes_a_contact_back() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("a"), contact("b")])).unwrap();
    let gone = NewContact { expires_seconds: Some(0), ..contact("a") };
    let back = RegisterRequest { cseq: 2, ..request(vec![gone.clone()]) };
    let done = registrar.register(at(1), AOR, &back).unwrap();
    assert_eq!(kinds(&done.changes), [(ChangeKind::Removed(Reason::Unregistered), "a")]);
    assert_eq!(done.bindings.len(), 1);
    let unknown = RegisterRequest { cseq: 3, ..request(vec![gone]) };
    assert!(registrar.register(at(2), AOR, &unknown).unwrap().changes.is_empty(), "nothing to take back");
}

#[test]
fn the_asterisk_removes_all_and_only_with_zero() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("a"), contact("b")])).unwrap();
    let star = |expires_seconds, cseq| RegisterRequest {
        contacts: Contacts::Star,
        expires_seconds,
        cseq,
        ..request(vec![])
    };
    assert_eq!(registrar.register(at(1), AOR, &star(None, 2)), Err(RegisterRefusal::StarMisused));
    assert_eq!(registrar.register(at(1), AOR, &star(Some(60), 2)), Err(RegisterRefusal::StarMisused));
    assert_eq!(registrar.register(at(1), AOR, &star(Some(0), 1)), Err(RegisterRefusal::OutOfOrder));
    assert_eq!(registrar.len(), 2, "a refused request changes nothing");
    let done = registrar.register(at(1), AOR, &star(Some(0), 2)).unwrap();
    assert_eq!((done.changes.len(), done.bindings.len(), registrar.len()), (2, 0, 0));
}

#[test]
fn an_old_request_of_the_same_call_id_changes_nothing() {
    let mut registrar = registrar();
    let second = RegisterRequest { cseq: 5, ..request(vec![contact("a")]) };
    registrar.register(at(0), AOR, &second).unwrap();
    let first = RegisterRequest { cseq: 4, ..request(vec![contact("new"), contact("a")]) };
    assert_eq!(registrar.register(at(1), AOR, &first), Err(RegisterRefusal::OutOfOrder));
    assert_eq!(rung(&registrar, at(1)), ["a"], "all or nothing");
    // Another Call-ID starts anew.
    let other = RegisterRequest { cseq: 1, call_id: "call-2".to_owned(), ..request(vec![contact("a")]) };
    assert!(registrar.register(at(2), AOR, &other).is_ok());
}

#[test]
fn one_bad_contact_refuses_the_whole_request() {
    let mut registrar = registrar();
    let brief = NewContact { expires_seconds: Some(5), ..contact("b") };
    let both = request(vec![contact("a"), brief]);
    assert!(matches!(registrar.register(at(0), AOR, &both), Err(RegisterRefusal::TooBrief { .. })));
    let long = request(vec![contact("a"), contact(&"x".repeat(TEXT_LEN_MAX))]);
    assert_eq!(registrar.register(at(0), AOR, &long), Err(RegisterRefusal::TooLong));
    assert!(registrar.is_empty());
}

#[test]
fn the_tables_are_bounded() {
    let mut registrar = registrar();
    let three = vec![contact("a"), contact("b"), contact("c")];
    registrar.register(at(0), AOR, &request(three.clone())).unwrap();
    let fourth = RegisterRequest { cseq: 2, ..request(vec![contact("d")]) };
    assert_eq!(registrar.register(at(1), AOR, &fourth), Err(RegisterRefusal::TooManyContacts));
    assert_eq!(registrar.register(at(1), "sip:2@example.com", &request(three)), Err(RegisterRefusal::Full));
    let two = vec![contact("a"), contact("b")];
    registrar.register(at(1), "sip:2@example.com", &request(two)).unwrap();
    // A full table still refreshes, and an ended binding makes room before it is swept.
    let refresh = RegisterRequest { cseq: 2, ..request(vec![contact("a")]) };
    assert!(registrar.register(at(2), AOR, &refresh).is_ok());
    let fourth = RegisterRequest { cseq: 3, ..request(vec![contact("d")]) };
    let done = registrar.register(at(601), AOR, &fourth).unwrap();
    assert_eq!(done.changes.iter().filter(|c| c.kind == ChangeKind::Removed(Reason::Expired)).count(), 2);
}

/// F18: a phone comes back under another address with another Call-ID.
#[test]
fn phone_reboot_new_contact() {
    let device = |uri: &str| NewContact { instance: Some("<urn:uuid:1>".to_owned()), ..contact(uri) };
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![device("old")])).unwrap();
    let reboot = RegisterRequest { call_id: "call-2".to_owned(), flow: 2, ..request(vec![device("new")]) };
    let done = registrar.register(at(60), AOR, &reboot).unwrap();
    assert_eq!(
        kinds(&done.changes),
        [(ChangeKind::Removed(Reason::Replaced), "old"), (ChangeKind::Added, "new")]
    );
    assert_eq!(rung(&registrar, at(60)), ["new"]);

    // Another device of the same user stays, though it sits behind the same flow.
    let other = NewContact { instance: Some("<urn:uuid:2>".to_owned()), ..contact("other") };
    let second = RegisterRequest { call_id: "call-3".to_owned(), flow: 2, ..request(vec![other]) };
    registrar.register(at(61), AOR, &second).unwrap();
    assert_eq!(rung(&registrar, at(61)), ["other", "new"]);
}

#[test]
fn a_reboot_without_an_instance_is_known_by_the_flow() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("old")])).unwrap();
    let reboot = RegisterRequest { call_id: "call-2".to_owned(), ..request(vec![contact("new")]) };
    registrar.register(at(60), AOR, &reboot).unwrap();
    assert_eq!(rung(&registrar, at(60)), ["new"]);
    // Behind a proxy all phones share a flow: nobody is replaced.
    let behind = |call_id: &str, uri: &str| RegisterRequest {
        call_id: call_id.to_owned(),
        path: vec!["<sip:edge.example.com;lr>".to_owned()],
        ..request(vec![contact(uri)])
    };
    registrar.register(at(61), AOR, &behind("call-3", "x")).unwrap();
    registrar.register(at(62), AOR, &behind("call-4", "y")).unwrap();
    assert_eq!(rung(&registrar, at(62)), ["y", "x", "new"]);
}

#[test]
fn a_reboot_elsewhere_costs_one_attempt() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("old")])).unwrap();
    let elsewhere =
        RegisterRequest { call_id: "call-2".to_owned(), flow: 2, ..request(vec![contact("new")]) };
    registrar.register(at(60), AOR, &elsewhere).unwrap();
    assert_eq!(rung(&registrar, at(60)), ["new", "old"]);
    let change = registrar.unreachable(AOR, "old").unwrap();
    assert_eq!(change.kind, ChangeKind::Removed(Reason::Unreachable));
    assert_eq!(rung(&registrar, at(61)), ["new"]);
}

#[test]
fn reg_ids_are_bindings_of_their_own() {
    let flow = |uri: &str, reg_id| NewContact {
        instance: Some("<urn:uuid:1>".to_owned()),
        reg_id: Some(reg_id),
        ..contact(uri)
    };
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![flow("a", 1)])).unwrap();
    let second = RegisterRequest { call_id: "call-2".to_owned(), ..request(vec![flow("b", 2)]) };
    registrar.register(at(1), AOR, &second).unwrap();
    assert_eq!(rung(&registrar, at(1)), ["b", "a"], "two flows of one device");
    // The same reg-id under another URI is the same binding, in the same Call-ID too.
    let moved = RegisterRequest { cseq: 2, ..request(vec![flow("c", 1)]) };
    let done = registrar.register(at(2), AOR, &moved).unwrap();
    assert_eq!(
        kinds(&done.changes),
        [(ChangeKind::Removed(Reason::Replaced), "a"), (ChangeKind::Added, "c")]
    );
    let late = RegisterRequest { cseq: 2, ..request(vec![flow("d", 1)]) };
    assert_eq!(registrar.register(at(3), AOR, &late), Err(RegisterRefusal::OutOfOrder));
}

#[test]
fn an_unreachable_phone_is_not_rung_until_it_is_heard_of() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("a")])).unwrap();
    assert_eq!(registrar.unreachable(AOR, "a").unwrap().kind, ChangeKind::Unreachable);
    assert!(registrar.unreachable(AOR, "a").is_none(), "said once");
    assert!(rung(&registrar, at(1)).is_empty());
    assert_eq!(registrar.all(at(1).instant).count(), 1, "still shown");
    assert_eq!(registrar.reachable(AOR, "a").unwrap().kind, ChangeKind::Reachable);
    assert_eq!(rung(&registrar, at(1)), ["a"]);
    registrar.unreachable(AOR, "a");
    let again = RegisterRequest { cseq: 2, ..request(vec![contact("a")]) };
    registrar.register(at(2), AOR, &again).unwrap();
    assert_eq!(rung(&registrar, at(2)), ["a"]);
    assert!(registrar.unreachable("sip:nobody@example.com", "a").is_none());
    assert!(registrar.reachable(AOR, "b").is_none());
}

#[test]
fn a_closed_connection_takes_its_contacts_out() {
    let mut registrar = registrar();
    registrar.register(at(0), AOR, &request(vec![contact("a")])).unwrap();
    let other = RegisterRequest { flow: 2, ..request(vec![contact("b")]) };
    registrar.register(at(0), "sip:2@example.com", &other).unwrap();
    assert_eq!(kinds(&registrar.flow_closed(1)), [(ChangeKind::Unreachable, "a")]);
    assert!(registrar.flow_closed(1).is_empty() && registrar.flow_closed(7).is_empty());
    assert!(rung(&registrar, at(1)).is_empty());
    assert_eq!(registrar.bindings("sip:2@example.com", at(1).instant).len(), 1);
}

#[test]
fn a_restart_keeps_what_is_left() {
    let mut before = registrar();
    before.register(at(0), AOR, &request(vec![contact("a")])).unwrap();
    let brief = RegisterRequest { expires_seconds: Some(60), cseq: 2, ..request(vec![contact("b")]) };
    before.register(at(1), AOR, &brief).unwrap();
    let kept: Vec<_> =
        before.all(at(1).instant).map(|(aor, binding)| (aor.to_owned(), binding.clone())).collect();

    // The new process's monotonic clock starts again while the wall clock went on.
    let restart = Now { instant: Instant::from_micros(0), wall: at(100).wall };
    let mut after = registrar();
    assert_eq!(after.restore(restart, kept.clone()), 1, "one was over");
    assert_eq!(after.restore(restart, kept.clone()), 0, "it is there already");
    assert_eq!(after.poll_timeout(), Some(at(500).instant));
    // A wall clock that was set back by a year does not keep a phone for a year.
    let jumped = Now { instant: Instant::from_micros(0), wall: Wall::from_micros(0) };
    let mut after = registrar();
    after.restore(jumped, kept);
    assert!(after.poll_timeout().unwrap() <= at(3600).instant);
}

/// Whatever comes, the table is within its limits and every index tells the same.
#[test]
fn any_history_leaves_the_table_whole() {
    for seed in 0..200 {
        let mut random = Random::seeded(seed);
        let mut registrar = registrar();
        let mut seconds = 0;
        for _ in 0..100 {
            seconds += random.below(40);
            let now = at(seconds);
            let aor = format!("sip:{}@example.com", random.below(3));
            let key = random.below(4).to_string();
            match random.below(6) {
                0 => drop(registrar.expire(now.instant)),
                1 => drop(registrar.unreachable(&aor, &key)),
                2 => drop(registrar.flow_closed(random.below(3) as u32)),
                _ => {
                    let contacts: Vec<_> = (0..random.below(3))
                        .map(|_| NewContact {
                            expires_seconds: Some(random.below(4) as u32 * 60),
                            instance: (random.below(2) == 0).then(|| random.below(2).to_string()),
                            reg_id: (random.below(3) == 0).then_some(1),
                            ..contact(&random.below(4).to_string())
                        })
                        .collect();
                    let request = RegisterRequest {
                        call_id: random.below(3).to_string(),
                        cseq: random.below(50) as u32,
                        flow: random.below(3) as u32,
                        ..request(contacts)
                    };
                    let before = registrar.clone();
                    if registrar.register(now, &aor, &request).is_err() {
                        assert_eq!(format!("{before:?}"), format!("{registrar:?}"), "seed {seed}");
                    }
                }
            }
            let all: Vec<_> = registrar.all(Instant::from_micros(0)).collect();
            let ids: BTreeSet<u64> = all.iter().map(|(_, binding)| binding.id).collect();
            let keys: BTreeSet<_> = all.iter().map(|(aor, binding)| (*aor, &binding.key)).collect();
            assert!(all.len() <= limits().bindings_max, "seed {seed}");
            assert_eq!(
                (all.len(), all.len(), all.len()),
                (ids.len(), keys.len(), registrar.len()),
                "seed {seed}"
            );
            let first = all.iter().map(|(_, binding)| binding.expires_at).min();
            assert_eq!(registrar.poll_timeout(), first, "seed {seed}");
        }
        registrar.expire(at(1_000_000).instant);
        assert!(registrar.is_empty() && registrar.flow_closed(1).is_empty(), "seed {seed}");
    }
}

/// RFC 5626 section 6: known by instance and reg-id; section 5.1: never the same device twice.
#[test]
fn flows_of_one_device_are_bindings_of_their_own() {
    let mut registrar = registrar();
    let over = |reg_id: u32, flow: u32, cseq: u32| {
        let contact = NewContact {
            reg_id: Some(reg_id),
            instance: Some("\"<urn:uuid:1>\"".to_owned()),
            ..contact("same")
        };
        RegisterRequest { flow, cseq, ..request(vec![contact]) }
    };
    registrar.register(at(0), AOR, &over(1, 1, 1)).unwrap();
    let done = registrar.register(at(1), AOR, &over(2, 2, 2)).unwrap();
    assert_eq!((kinds(&done.changes), done.bindings.len()), (vec![(ChangeKind::Added, "same")], 2));
    let done = registrar.register(at(2), AOR, &over(1, 3, 3)).unwrap();
    assert_eq!((kinds(&done.changes), done.bindings.len()), (vec![(ChangeKind::Refreshed, "same")], 2));
    let used = |registrar: &Registrar<u32>| -> Vec<u32> {
        registrar.bindings(AOR, at(3).instant).into_iter().map(|binding| binding.flow).collect()
    };
    assert_eq!(used(&registrar), [3]);
    assert_eq!(registrar.all_of(AOR).count(), 2);
    let lost = registrar.flow_closed(3);
    assert_eq!(lost.len(), 1);
    assert_eq!(registrar.binding(lost[0].binding.id, at(3).instant).map(|(aor, _)| aor), Some(AOR));
    assert_eq!(used(&registrar), [2], "the other flow");
}
