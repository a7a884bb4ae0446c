//! Other makers' clients: Linphone beside baresip, sipsak as the engineer's tool.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::baresip::Account;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::linphone::Linphone;
use crate::real::sipp_address;
use crate::real::switch::Switch;
use std::process::Command;
use std::process::Output;

#[test]
fn linphone_and_baresip_talk_whoever_calls() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let mut alice = Linphone::registered(&switch, &ALICE);
    let mut bruno = Baresip::registered(&switch, &BRUNO);
    // RFC 5626 section 4.1: Linphone names its device, and must be able to read its name back.
    assert!(!alice.output().contains("parser error"), "{}", alice.output());

    alice.dial(&switch, "1002");
    bruno.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();

    bruno.dial("1001");
    bruno.wait_for("CALL_ESTABLISHED", 2);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    bruno.hang_up();
    bruno.wait_for("CALL_CLOSED", 2);
    switch.calls_end();
    assert_eq!(switch.cdrs(2).iter().filter(|cdr| cdr["outcome"] == "answered").count(), 2);
    switch.stop();
}

#[test]
fn linphone_as_an_agents_phone_takes_a_call_of_the_queue() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let mut caller = Baresip::registered(&switch, &Account { answers: false, ..BRUNO });
    let mut agent = Linphone::registered(&switch, &ALICE);
    switch.agent_is("alice", "ready");
    caller.dial("600");
    caller.hears(ALICE_HZ);
    agent.hears(BRUNO_HZ);
    switch.agent_is("alice", "talking");
    agent.hang_up();
    caller.wait_for("CALL_CLOSED", 1);
    switch.calls_end();
    switch.today_is("support", &[("entered", 1), ("handled", 1), ("abandoned", 0)]);
    switch.stop();
}

fn sipsak(arguments: &[&str]) -> Output {
    let out = Command::new("sipsak").args(arguments).output();
    out.expect("sipsak is installed (Debian: sipsak)")
}

#[test]
fn sipsak_finds_the_switch_alive_and_registers_with_the_right_password_alone() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let target = format!("sip:{}", switch.sip);
    let alive = sipsak(&["-vv", "-s", &target]);
    assert!(alive.status.success(), "{alive:?}");

    let phone = format!("sip:1001@{}", switch.sip);
    let wrong = sipsak(&["-U", "-s", &phone, "-u", "1001", "-a", "not it"]);
    assert!(!wrong.status.success(), "{wrong:?}");
    assert!(switch.api.list("/registrations").is_empty());

    let contact = "sip:1001@127.0.0.1:5999";
    let right = sipsak(&["-U", "-s", &phone, "-u", "1001", "-a", "pw1", "-C", contact, "-x", "120", "-vv"]);
    assert!(right.status.success(), "{right:?}");
    let bindings = switch.api.list("/registrations");
    assert_eq!(bindings.len(), 1, "{bindings:?}");
    assert_eq!((&bindings[0]["number"], &bindings[0]["contact"]), (&"1001".into(), &contact.into()));
    switch.stop();
}
