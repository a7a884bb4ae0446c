//! What a caller is told when nobody can be reached: the codes on the wire, and the CDR's outcome.

use crate::real::CALLER_HZ;
use crate::real::party::Party;
use crate::real::ports::Range;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::switch;
use crate::real::switch::Place;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use std::net::SocketAddr;

/// A trunk whose callers may dial these phones: `21` at that address, `22` registered nowhere, `3…` a mailbox, which is not built.
fn plan(trunk: SocketAddr, phone: SocketAddr) -> String {
    format!(
        r#"
[[phone]]
number = "21"
contact = "sip:21@{phone}"

[[phone]]
number = "22"
secret = "pw"

[[trunk]]
id = "carrier"
hosts = ["{trunk}"]
options_seconds = 0

[[inbound]]
trunk = "carrier"
number = "21"
to = "phone:21"

[[inbound]]
trunk = "carrier"
number = "22"
to = "phone:22"

[[inbound]]
trunk = "carrier"
number = "3."
to = "voicemail:{{.}}"

[[inbound]]
trunk = "carrier"
number = "6."
to = "music:default"
"#
    )
}

fn refused(switch: &Switch, trunk: SocketAddr, to: &str, code: u16) {
    let words = [("from", "+33140000001".to_string()), ("to", to.to_string()), ("code", code.to_string())];
    let mut caller = Sipp::start(&Plan { remote: Some(switch.sip), ..Plan::new("refused", trunk, &words) });
    caller.finish_well(1);
}

#[test]
fn each_reason_has_its_code() {
    let (trunk, phone) = (sipp_address(), sipp_address());
    let switch = Switch::start(&plan(trunk, phone));
    for code in [486, 603] {
        let word = [("code", code.to_string())];
        let mut refuser = Sipp::start(&Plan::new("refuser", phone, &word));
        refused(&switch, trunk, "21", code);
        refuser.finish_well(1);
    }
    refused(&switch, trunk, "22", 480);
    refused(&switch, trunk, "77", 404);
    refused(&switch, trunk, "31", 501);
    switch.calls_end();
    let mut outcomes: Vec<_> = switch
        .cdrs(5)
        .iter()
        .map(|cdr| format!("{} {}", cdr["to"], cdr["outcome"]).replace('"', ""))
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["21 busy", "21 rejected", "22 no_answer", "31 rejected", "77 rejected"]);
    switch.stop();
}

#[test]
fn a_caller_may_give_up_while_it_rings() {
    let (trunk, phone) = (sipp_address(), sipp_address());
    let switch = Switch::start(&plan(trunk, phone));
    let mut silent = Sipp::start(&Plan::new("silent", phone, &[]));
    let words = [("from", "+33140000001".to_string()), ("to", "21".to_string())];
    let mut caller = Sipp::start(&Plan { remote: Some(switch.sip), ..Plan::new("canceller", trunk, &words) });
    caller.finish_well(1);
    silent.finish_well(1);
    switch.calls_end();
    assert_eq!(switch.cdrs(1)[0]["outcome"], "cancelled");
    switch.stop();
}

#[test]
fn without_a_media_port_there_is_no_call() {
    let trunk = sipp_address();
    let place = Place::free();
    let Range { first, .. } = place.rtp;
    // Two legs have room, each with a port for RTP and one for RTCP.
    let text =
        switch::configuration(&place, &format!("ports = \"{first}-{}\"", first + 3), &plan(trunk, trunk));
    let switch = Switch::start_with(place, &text);
    let voice = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "61", &voice, 3);
    let refused = || callers.messages().matches("SIP/2.0 503 ").count();
    crate::real::wait::until_true("one call too many is refused", || {
        refused() >= 1 && callers.calls().len() == 2
    });
    let calls = callers.calls();
    for call in &calls {
        callers.hang_up(call);
    }
    assert_eq!(callers.finish(), (2, 1));
    switch.calls_end();
    // Its ports are free again.
    let mut callers = trunk_callers(&switch, trunk, "61", &voice, 2);
    crate::real::wait::until_true("both are answered", || callers.calls().len() == 2);
    for call in callers.calls() {
        callers.hang_up(&call);
    }
    callers.finish_well(2);
    switch.calls_end();
    switch.stop();
}
