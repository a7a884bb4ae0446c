//! Agents who do not take the call: it goes on to the next, and nobody is lost.

use crate::real::CALLER_HZ;
use crate::real::FAR_HZ;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use crate::real::wait;
use crate::real::words;
use std::net::SocketAddr;

/// A queue asked in the order of its list: three phones at fixed addresses.
fn linear(trunk: SocketAddr, phones: [SocketAddr; 3]) -> String {
    let mut text = format!(
        r#"
[[queue]]
id = "line"
number = "600"
strategy = "linear"
ring_timeout_seconds = 2
wrap_up_seconds = 0

[[trunk]]
id = "carrier"
hosts = ["{trunk}"]
options_seconds = 0

[[inbound]]
trunk = "carrier"
number = "600"
to = "queue:line"
"#
    );
    for (n, phone) in phones.iter().enumerate() {
        text.push_str(&format!(
            "\n[[phone]]\nnumber = \"200{n}\"\ncontact = \"sip:200{n}@{phone}\"\n\n[[agent]]\nid = \"a{n}\"\n\
             phone = \"200{n}\"\nqueues = [{{ id = \"line\", position = {p} }}]\ninitial_status = \"ready\"\n",
            p = n + 1
        ));
    }
    text
}

#[test]
fn a_call_goes_on_from_who_refuses_and_who_is_silent_to_who_answers() {
    let (trunk, phones) = (sipp_address(), [sipp_address(), sipp_address(), sipp_address()]);
    let switch = Switch::start(&linear(trunk, phones));
    let (caller_voice, agent_voice) = (Party::speaking(CALLER_HZ), Party::speaking(FAR_HZ));
    let code = [("code", "486".to_string())];
    let mut busy = Sipp::start(&Plan::new("refuser", phones[0], &code));
    let mut silent = Sipp::start(&Plan::new("silent", phones[1], &[]));
    let mut agent = Sipp::start(&Plan::new("callee", phones[2], &words("", "", &agent_voice)));
    let mut caller = trunk_callers(&switch, trunk, "600", &caller_voice, 1);
    let (at_caller, at_agent) = (caller.call(), agent.call());
    caller_voice.speak_to(at_caller.port);
    agent_voice.speak_to(at_agent.port);
    hears(&caller_voice, at_caller.port, FAR_HZ);
    hears(&agent_voice, at_agent.port, CALLER_HZ);
    busy.finish_well(1);
    silent.finish_well(1);
    assert_eq!((busy.logged("refused"), silent.logged("cancelled")), (1, 1));
    agent.hang_up(&at_agent);
    agent.finish_well(1);
    caller.finish_well(1);
    assert_eq!(caller.logged("was_hung_up"), 1);
    switch.calls_end();
    switch.today_is("line", &[("entered", 1), ("handled", 1), ("abandoned", 0)]);
    let cdr = &switch.cdrs(1)[0];
    assert_eq!((&cdr["agent"], &cdr["outcome"]), (&"a2".into(), &"answered".into()), "{cdr}");
    switch.stop();
}

#[test]
fn an_agent_who_declines_leaves_the_caller_waiting_for_the_next() {
    let (trunk, phones) = (sipp_address(), [sipp_address(), sipp_address(), sipp_address()]);
    let switch = Switch::start(&linear(trunk, phones));
    let code = [("code", "603".to_string())];
    let mut refusers =
        phones.map(|phone| Sipp::start(&Plan { calls: 1, ..Plan::new("refuser", phone, &code) }));
    let voice = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = caller.call();
    for refuser in &mut refusers {
        refuser.finish_well(1);
    }
    // All have declined: he waits on, and hears music.
    wait::until_true("he still hears something", || voice.heard(call.port).len() > 16_000);
    assert_eq!(switch.api.list("/queues/line/callers").len(), 1);
    caller.hang_up(&call);
    caller.finish_well(1);
    switch.calls_end();
    switch.today_is("line", &[("entered", 1), ("abandoned", 1), ("handled", 0)]);
    switch.stop();
}
