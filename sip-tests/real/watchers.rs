//! Real peers that watch: baresip's message waiting and presence, SIPp with a lamp.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::baresip::Account;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::switch::Switch;
use crate::real::wait;

fn live(switch: &Switch, event: &str) -> f64 {
    switch.api.metric(&format!("strowger_subscriptions{{event=\"{event}\"}}"))
}

#[test]
fn baresip_watches_its_mailbox_and_a_colleague() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let modules = "module_app contact.so\nmodule_app mwi.so\nmodule_app presence.so\n";
    let contacts = format!("\"Bruno\" <sip:1002@{}>;presence=p2p\n", switch.sip);
    let mut alice = Baresip::start_with(&switch, &ALICE, modules, &contacts);
    wait::until_true("its mailbox is watched", || live(&switch, "message-summary") == 1.0);
    alice.wait_for("MWI_NOTIFY", 1);
    wait::until_true("Bruno is watched", || live(&switch, "presence") == 1.0);
    let answered = "strowger_sip_responses_total{code=\"200\",direction=\"in\",method=\"NOTIFY\"}";
    wait::until_true("both NOTIFYs are taken", || switch.api.metric(answered) >= 2.0);
    let before = switch.api.metric(answered);
    let bruno = Baresip::registered(&switch, &BRUNO);
    wait::until_true("she is told that he is there", || switch.api.metric(answered) > before);
    // And calls go on beside it.
    alice.dial("1002");
    alice.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();
    assert!(switch.api.metric("strowger_notify_failures_total{reason=\"refused\"}") == 0.0);
    switch.cdrs(1);
    switch.stop();
}

/// SIPp's lamp follows a call between two baresips: it rings, it is answered, it ends.
#[test]
fn a_lamp_of_sipp_follows_a_call() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let mut alice = Baresip::registered(&switch, &ALICE);
    let mut bruno = Baresip::registered(&switch, &Account { answers: false, ..BRUNO });
    let word = |name, value: &str| (name, value.to_string());
    let words = [word("from", "1001"), word("password", "pw1"), word("to", "1002")];
    let plan = Plan { remote: Some(switch.sip), ..Plan::new("lamp", sipp_address(), &words) };
    let mut lamp = Sipp::start(&plan);
    let shows = |lamp: &Sipp, state: &str, times: usize| {
        wait::until_true(&format!("the lamp shows {state}"), || {
            lamp.logged(&format!("lamp {state}")) == times
        });
    };
    shows(&lamp, "terminated", 1);
    alice.dial("1002");
    bruno.wait_for("CALL_INCOMING", 1);
    shows(&lamp, "early", 1);
    bruno.accept();
    alice.wait_for("CALL_ESTABLISHED", 1);
    shows(&lamp, "confirmed", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    lamp.finish_well(1);
    shows(&lamp, "terminated", 3);
    wait::until_true("nothing is watched any more", || live(&switch, "dialog") == 0.0);
    switch.calls_end();
    switch.cdrs(1);
    switch.stop();
}
