//! The process: draining, restarting with the same database, and starts that fail with a word about why.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::CALLER_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::folder::Folder;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::switch;
use crate::real::switch::Place;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use crate::real::wait;
use serde_json::json;
use std::net::UdpSocket;
use std::process::Command;
use std::process::Output;

#[test]
fn a_draining_switch_takes_no_new_call_and_lets_the_live_one_go_on() {
    let (trunk, other) = (sipp_address(), sipp_address());
    let mut switch = Switch::start(&centre(&[trunk, other]));
    let alice = Baresip::registered(&switch, &ALICE);
    let voice = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = caller.call();
    voice.speak_to(call.port);
    hears(&voice, call.port, ALICE_HZ);
    switch.terminate();
    wait::until_true("it says that it drains", || switch.api.request("GET", "/readyz", None).status == 503);
    let words = [("from", "1".to_string()), ("to", "600".to_string()), ("code", "503".to_string())];
    let mut late = Sipp::start(&Plan { remote: Some(switch.sip), ..Plan::new("refused", other, &words) });
    late.finish_well(1);
    // The live call goes on: both still hear each other.
    let before = voice.heard(call.port).len();
    wait::until_true("a second more is heard", || voice.heard(call.port).len() > before + 8000);
    hears(&voice, call.port, ALICE_HZ);
    alice.hears(CALLER_HZ);
    assert_eq!(switch.ended(), None);
    caller.hang_up(&call);
    caller.finish_well(1);
    alice.wait_for("CALL_CLOSED", 1);
    switch.ends_well();
}

#[test]
fn the_drains_end_ends_the_calls() {
    let trunk = sipp_address();
    let place = Place::free();
    let folder = Folder::new("switch");
    folder.write("strowger.toml", switch::configuration(&place, "", &centre(&[trunk])));
    let mut switch = Switch::start_in(folder, place, &["--drain-seconds", "1"]);
    let voice = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    caller.call();
    switch.terminate();
    caller.finish_well(1);
    assert_eq!(caller.logged("was_hung_up"), 1);
    switch.ends_well();
}

#[test]
fn a_restart_keeps_what_agents_and_phones_have_said() {
    let trunk = sipp_address();
    let mut switch = Switch::start(&centre(&[trunk]));
    let alice = Baresip::registered(&switch, &ALICE);
    switch.agent_is("alice", "ready");
    // One handled call and one that is abandoned stay in today's figures.
    let voice = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = caller.call();
    hears(&voice, call.port, ALICE_HZ);
    caller.hang_up(&call);
    caller.finish_well(1);
    switch.calls_end();
    let pause = json!({"status": "paused", "reason": "repas"});
    assert_eq!(switch.api.request("PUT", "/api/v1/agents/alice/status", Some(&pause)).status, 200);
    let bruno = json!({"status": "ready"});
    assert_eq!(switch.api.request("PUT", "/api/v1/agents/bruno/status", Some(&bruno)).status, 200);

    switch.restart();
    let bindings = switch.api.list("/registrations");
    assert_eq!((bindings.len(), &bindings[0]["number"]), (1, &json!("1001")), "{bindings:?}");
    let agent = switch.api.get("/agents/alice");
    assert_eq!((&agent["status"], &agent["reason"]), (&json!("paused"), &json!("repas")), "{agent}");
    assert_eq!(switch.api.get("/agents/bruno")["status"], "unreachable");
    assert_eq!(switch.cdrs(1)[0]["outcome"], "answered");
    switch.today_is("support", &[("entered", 1), ("handled", 1)]);

    // Her phone has not registered again, and is called at the address that was kept.
    let ready = json!({"status": "ready"});
    assert_eq!(switch.api.request("PUT", "/api/v1/agents/alice/status", Some(&ready)).status, 200);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = caller.call();
    voice.speak_to(call.port);
    alice.wait_for("CALL_ESTABLISHED", 2);
    alice.hears(CALLER_HZ);
    hears(&voice, call.port, ALICE_HZ);
    caller.hang_up(&call);
    caller.finish_well(1);
    switch.calls_end();
    switch.today_is("support", &[("entered", 2), ("handled", 2)]);
    switch.stop();
}

fn strowger(folder: &Folder, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    command.args(arguments).current_dir(folder.path()).output().expect("the switch was built")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_port_that_is_taken_is_named() {
    for (taken, section) in [(0, "sip"), (1, "http")] {
        let (place, folder) = (Place::free(), Folder::new("busy"));
        folder.write("strowger.toml", switch::configuration(&place, "", &centre(&[sipp_address()])));
        let address = [place.sip, place.http][taken];
        let udp = UdpSocket::bind(address).expect("the address was free");
        let tcp = std::net::TcpListener::bind(address).expect("the address was free");
        let output = strowger(&folder, &["serve", "--config", "strowger.toml"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&address.to_string()) && said.contains(section), "{said}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"));
        drop((udp, tcp));
    }
}

#[test]
fn a_fault_in_the_configuration_is_shown_with_its_place() {
    let folder = Folder::new("fault");
    let text_of = "[sip]\ndomain = \"127.0.0.1\"\nudp = [\"127.0.0.1:0\"]\nuser_agnet = \"X\"\n";
    folder.write("wrong.toml", text_of);
    for arguments in [["serve", "--config", "wrong.toml"].as_slice(), &["check-config", "wrong.toml"]] {
        let output = strowger(&folder, arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("wrong.toml:4:1: "), "{said}");
        assert!(
            said.contains("user_agnet") && said.contains("did you mean") && said.contains("user_agent"),
            "{said}"
        );
    }
    let good = folder.write("good.toml", text_of.replace("user_agnet", "user_agent"));
    let output = strowger(&folder, &["check-config", &good.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn wrong_usage_has_its_own_exit_status() {
    let folder = Folder::new("usage");
    for arguments in [["serve"].as_slice(), &["dance"], &["serve", "--config"], &["check-config"]] {
        let output = strowger(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
    }
    assert_eq!(strowger(&folder, &["--version"]).status.code(), Some(0));
    let missing = strowger(&folder, &["serve", "--config", "nowhere.toml"]);
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing));
    assert!(text(&missing).contains("nowhere.toml"), "{}", text(&missing));
}
