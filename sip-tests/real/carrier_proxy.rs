//! A carrier whose proxy stands in front: calls in and out through Kamailio, the dialog routed by it to the end.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::CALLER_HZ;
use crate::real::FAR_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::hears;
use crate::real::kamailio::Kamailio;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::switch::Switch;
use crate::real::trunk_callers_by;
use crate::real::wait;
use crate::real::words;

#[test]
fn a_call_in_through_the_proxy_reaches_the_queue_and_either_ends_it() {
    let (proxy, far) = (sipp_address(), sipp_address());
    let switch = Switch::start(&centre(&[proxy]));
    let kamailio = Kamailio::between(proxy, switch.sip, far);
    let mut alice = Baresip::registered(&switch, &ALICE);
    let party = Party::speaking(CALLER_HZ);
    for n in 1..=2 {
        let mut caller = trunk_callers_by(proxy, far, "600", &party, 1);
        let call = caller.call();
        party.speak_to(call.port);
        alice.wait_for("CALL_ESTABLISHED", n);
        alice.hears(CALLER_HZ);
        hears(&party, call.port, ALICE_HZ);
        if n == 1 {
            caller.hang_up(&call)
        } else {
            alice.hang_up()
        }
        caller.finish_well(1);
        alice.wait_for("CALL_CLOSED", n);
        switch.calls_end();
    }
    // RFC 3261 section 12.2: the proxy recorded its route, so both BYEs went through it.
    assert_eq!((kamailio.passed("INVITE"), kamailio.passed("BYE")), (2, 2));
    switch.today_is("support", &[("entered", 2), ("handled", 2), ("abandoned", 0)]);
    switch.stop();
}

#[test]
fn a_call_out_through_the_proxy_is_heard_both_ways_and_ended_by_either() {
    let (proxy, far) = (sipp_address(), sipp_address());
    let switch = Switch::start(&centre(&[proxy]));
    let kamailio = Kamailio::between(proxy, switch.sip, far);
    let mut alice = Baresip::registered(&switch, &ALICE);
    for n in 1..=2 {
        let party = Party::speaking(FAR_HZ);
        let mut callee = Sipp::start(&Plan::new("callee", far, &words("", "", &party)));
        alice.dial("91");
        let call = callee.call();
        party.speak_to(call.port);
        alice.hears(FAR_HZ);
        hears(&party, call.port, ALICE_HZ);
        if n == 1 {
            callee.hang_up(&call)
        } else {
            alice.hang_up()
        }
        alice.wait_for("CALL_CLOSED", n);
        callee.finish_well(1);
        switch.calls_end();
    }
    wait::until_true("both BYEs went through the proxy", || kamailio.passed("BYE") == 2);
    assert_eq!(kamailio.passed("INVITE"), 2);
    assert_eq!(switch.cdrs(2).iter().filter(|cdr| cdr["outcome"] == "answered").count(), 2);
    switch.stop();
}
