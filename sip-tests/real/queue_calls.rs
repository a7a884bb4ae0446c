//! Queue calls: music, an agent, both ways, the end from either side, abandonment, and the books.

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
use crate::real::sipp_address;
use crate::real::sound;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use crate::real::wait;
use serde_json::json;

const VOICES: [u32; 4] = [ALICE_HZ, BRUNO_HZ, CALLER_HZ, FAR_HZ];

#[test]
fn a_caller_hears_music_then_the_agent_and_either_may_hang_up() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let party = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &party, 1);
    let call = caller.call();
    party.speak_to(call.port);
    // Nobody is there: music within the first second of what is heard.
    wait::until_true("a second is heard", || party.heard(call.port).len() > 8000);
    let heard = party.heard(call.port);
    assert!(sound::has_other_than(&heard[..8000], &VOICES), "{}", sound::describe(&heard, &VOICES));
    assert_eq!(switch.today("support", "entered"), 1);

    let mut alice = Baresip::registered(&switch, &ALICE);
    alice.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(CALLER_HZ);
    hears(&party, call.port, ALICE_HZ);
    switch.agent_is("alice", "talking");
    caller.hang_up(&call);
    alice.wait_for("CALL_CLOSED", 1);
    caller.finish_well(1);
    switch.calls_end();
    switch.agent_is("alice", "ready");
    switch.today_is("support", &[("entered", 1), ("handled", 1), ("abandoned", 0)]);

    // Again, and the agent hangs up.
    let mut caller = trunk_callers(&switch, trunk, "600", &party, 1);
    let call = caller.call();
    party.speak_to(call.port);
    alice.wait_for("CALL_ESTABLISHED", 2);
    alice.hears(CALLER_HZ);
    hears(&party, call.port, ALICE_HZ);
    alice.hang_up();
    caller.finish_well(1);
    assert_eq!((caller.logged("was_hung_up"), caller.logged("hung_up")), (1, 0));
    switch.calls_end();
    switch.today_is("support", &[("entered", 2), ("handled", 2), ("abandoned", 0)]);
    for cdr in switch.cdrs(2) {
        let said = json!([cdr["queue"], cdr["agent"], cdr["outcome"], cdr["to"]]);
        assert_eq!(said, json!(["support", "alice", "answered", "600"]), "{cdr}");
    }
    switch.stop();
}

#[test]
fn who_hangs_up_in_the_queue_has_abandoned_and_the_agents_phone_stops_ringing() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let alice = Baresip::registered(&switch, &Account { answers: false, ..ALICE });
    switch.agent_is("alice", "ready");
    let party = Party::speaking(CALLER_HZ);
    let mut callers = trunk_callers(&switch, trunk, "600", &party, 3);
    wait::until_true("three callers are in", || callers.calls().len() == 3);
    alice.wait_for("CALL_INCOMING", 1);
    switch.agent_is("alice", "ringing");
    let waiting = switch.api.list("/queues/support/callers");
    assert_eq!(waiting.len(), 3, "{waiting:?}");
    // The first of the queue is the one she is offered; he goes, then the others. Each time a phone rings or has
    // rung in vain, and no ring outlives its caller.
    for call in callers.calls() {
        callers.hang_up(&call);
    }
    callers.finish_well(3);
    switch.calls_end();
    wait::until_true("every ring has ended", || {
        alice.count("CALL_INCOMING") == alice.count("CALL_CLOSED") && alice.count("CALL_CLOSED") >= 1
    });
    assert_eq!(alice.count("CALL_ESTABLISHED"), 0);
    switch.agent_is("alice", "ready");
    let entered = callers.counts().0;
    switch.today_is("support", &[("entered", entered), ("abandoned", entered), ("handled", 0)]);
    let outcomes: Vec<_> = switch.cdrs(3).iter().map(|cdr| cdr["outcome"].clone()).collect();
    assert_eq!(outcomes, vec![json!("abandoned"); 3]);
    switch.stop();
}

#[test]
fn two_calls_at_once_do_not_hear_each_other() {
    let trunk = [sipp_address(), sipp_address()];
    let switch = Switch::start(&centre(&trunk));
    let alice = Baresip::registered(&switch, &ALICE);
    let bruno = Baresip::registered(&switch, &BRUNO);
    let ready = switch.api.request("PUT", "/api/v1/agents/bruno/status", Some(&json!({"status": "ready"})));
    assert_eq!(ready.status, 200, "{ready:?}");
    let parties = [Party::speaking(CALLER_HZ), Party::speaking(FAR_HZ)];
    let callers = [0, 1].map(|n| trunk_callers(&switch, trunk[n], "600", &parties[n], 1));
    let calls = [0, 1].map(|n| callers[n].call());
    for (party, call) in parties.iter().zip(&calls) {
        party.speak_to(call.port);
    }
    alice.wait_for("CALL_ESTABLISHED", 1);
    bruno.wait_for("CALL_ESTABLISHED", 1);
    let [first, second] = wait::until("the first caller hears one agent, the second the other", || {
        let ends = |n: usize, hz| sound::ends_with(&parties[n].heard(calls[n].port), hz);
        if ends(0, ALICE_HZ) && ends(1, BRUNO_HZ) {
            Some([&alice, &bruno])
        } else {
            (ends(0, BRUNO_HZ) && ends(1, ALICE_HZ)).then_some([&bruno, &alice])
        }
    });
    first.hears(CALLER_HZ);
    second.hears(FAR_HZ);
    for mut pair in callers.into_iter().zip(&calls) {
        pair.0.hang_up(pair.1);
        pair.0.finish_well(1);
    }
    switch.calls_end();
    // Never in the whole call was the wrong voice heard.
    assert_eq!(sound::windows_of(&first.heard(), FAR_HZ), 0);
    assert_eq!(sound::windows_of(&second.heard(), CALLER_HZ), 0);
    assert_eq!(sound::windows_of(&parties[0].heard(calls[0].port), second.tone_hz), 0);
    assert_eq!(sound::windows_of(&parties[1].heard(calls[1].port), first.tone_hz), 0);
    switch.today_is("support", &[("entered", 2), ("handled", 2)]);
    switch.stop();
}
