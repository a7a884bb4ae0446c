//! Phones among themselves: registration, calls by number, SIP over TCP.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::CALLER_HZ;
use crate::real::FAR_HZ;
use crate::real::baresip::Account;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::sound;
use crate::real::switch::Switch;
use crate::real::wait;
use crate::real::words;
use std::net::SocketAddr;

#[test]
fn a_phone_registers_with_its_password_and_not_with_another() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let wrong = Baresip::start(&switch, &Account { password: "not it", ..BRUNO });
    let alice = Baresip::registered(&switch, &ALICE);
    // baresip asks again and again with the same password, until it is blocked for a while.
    wait::until_true("the wrong password is refused", || {
        ["401 Unauthorized", "503 Service Unavailable"].iter().any(|words| wrong.output().contains(words))
    });
    let bindings = switch.api.list("/registrations");
    assert_eq!(bindings.len(), 1, "{bindings:?}");
    assert_eq!(bindings[0]["number"], "1001");
    assert!(
        bindings[0]["contact"].as_str().is_some_and(|contact| contact.starts_with("sip:1001-")),
        "{bindings:?}"
    );
    assert!(switch.api.metric("strowger_registrations{transport=\"udp\"}") == 1.0);
    assert!(switch.api.metric("strowger_sip_auth_failures_total{reason=\"wrong_response\"}") >= 1.0);
    assert!(!alice.output().contains("401 Unauthorized") && !alice.output().contains("503 Service"));
    switch.stop();
}

#[test]
fn two_phones_talk_and_either_may_hang_up() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let mut alice = Baresip::registered(&switch, &ALICE);
    let mut bruno = Baresip::registered(&switch, &BRUNO);
    alice.dial("1002");
    talk(&switch, &alice, &bruno, 1);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();

    alice.dial("1002");
    talk(&switch, &alice, &bruno, 2);
    bruno.hang_up();
    alice.wait_for("CALL_CLOSED", 2);
    switch.calls_end();

    for cdr in switch.cdrs(2) {
        assert_eq!((&cdr["from"], &cdr["to"]), (&"1001".into(), &"1002".into()), "{cdr}");
        assert_eq!(cdr["outcome"], "answered", "{cdr}");
        assert!(cdr["queue"].is_null(), "{cdr}");
        let (talk, hold) = (cdr["talk_seconds"].as_f64(), cdr["hold_seconds"].as_f64());
        assert!(talk.is_some_and(|seconds| seconds > 0.0 && seconds < 60.0) && hold == Some(0.0), "{cdr}");
        let times =
            ["started_at", "answered_at", "ended_at"].map(|field| cdr[field].as_str().expect("a time"));
        assert!(times.is_sorted(), "{cdr}");
    }
    let answered = switch.api.metric("strowger_calls_total{direction=\"internal\",outcome=\"answered\"}");
    assert!(answered == 2.0, "{answered}");
    switch.stop();
}

/// The n-th call of the two: up, and each hears the other.
fn talk(switch: &Switch, alice: &Baresip, bruno: &Baresip, n: usize) {
    alice.wait_for("CALL_ESTABLISHED", n);
    bruno.wait_for("CALL_ESTABLISHED", n);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    let calls = switch.api.list("/calls");
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    assert_eq!((&call["state"], &call["direction"]), (&"talking".into(), &"internal".into()), "{call}");
    let legs = call["legs"].as_array().expect("a list");
    assert_eq!(legs.len(), 2, "{call}");
    assert!(legs.iter().all(|leg| leg["state"] == "up" && leg["codec"] == "pcma"), "{call}");
}

#[test]
fn a_phone_registers_and_calls_over_tcp() {
    // Over TCP a trunk is known by its address alone: it must be another one.
    let trunk = SocketAddr::from(([127, 0, 0, 9], 5060));
    let switch = Switch::start(&centre(&[trunk]));
    let bruno = Baresip::registered(&switch, &BRUNO);
    let party = Party::speaking(CALLER_HZ);
    let mut words = words("1001", "1002", &party);
    words.extend([("password", "pw1".to_string()), ("hold_ms", "3000".to_string())]);
    let plan = Plan::new("register_and_call", sipp_address(), &words);
    let mut phone = Sipp::start(&Plan { remote: Some(switch.sip), tcp: true, ..plan });
    let call = phone.call();
    party.speak_to(call.port);
    let bindings = switch.api.list("/registrations");
    let flow = bindings.iter().find(|binding| binding["number"] == "1001").map(|binding| &binding["flow"]);
    assert!(flow.and_then(|flow| flow.as_str()).is_some_and(|flow| flow.starts_with("tcp:")), "{bindings:?}");
    phone.finish_well(1);
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();
    // The call is over: what each heard in its course is what counts.
    assert!(sound::windows_of(&bruno.heard(), CALLER_HZ) >= 3, "the phone over UDP hears the one over TCP");
    assert!(sound::windows_of(&party.heard(call.port), BRUNO_HZ) >= 3, "and is heard");
    switch.stop();
}

#[test]
fn a_phone_calls_out_by_a_trunk_and_the_far_side_hangs_up() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let mut alice = Baresip::registered(&switch, &ALICE);
    let party = Party::speaking(FAR_HZ);
    let mut far = Sipp::start(&Plan::new("callee", trunk, &words("", "", &party)));
    alice.dial("91");
    let call = far.call();
    party.speak_to(call.port);
    alice.hears(FAR_HZ);
    hears(&party, call.port, ALICE_HZ);
    assert_eq!(switch.api.list("/calls")[0]["direction"], "outbound");
    far.hang_up(&call);
    alice.wait_for("CALL_CLOSED", 1);
    far.finish_well(1);
    assert_eq!(far.logged("hung_up"), 1);
    switch.calls_end();
    let cdr = &switch.cdrs(1)[0];
    assert_eq!(
        (&cdr["from"], &cdr["to"], &cdr["outcome"]),
        (&"1001".into(), &"91".into(), &"answered".into()),
        "{cdr}"
    );
    switch.stop();
}
