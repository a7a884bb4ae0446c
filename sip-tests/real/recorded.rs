//! A recorded call of the built switch: both voices on their sides of the file, fetched by the API, paused in the middle; the
//! manifest verified by the command, which names the file of which a byte was changed.

use crate::real::CALLER_HZ;
use crate::real::FAR_HZ;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::sipp::Plan;
use crate::real::sipp::Sipp;
use crate::real::sipp_address;
use crate::real::sound;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use crate::real::wait;
use crate::real::words;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use strowger::codec::g711;
use strowger::recording::wave;

fn recorded_queue(trunk: SocketAddr, phone: SocketAddr) -> String {
    format!(
        r#"
[[queue]]
id = "line"
number = "600"
wrap_up_seconds = 0
recording = {{ mode = "always" }}
record_notice = true

[[trunk]]
id = "carrier"
hosts = ["{trunk}"]
options_seconds = 0

[[inbound]]
trunk = "carrier"
number = "600"
to = "queue:line"

[[phone]]
number = "2000"
contact = "sip:2000@{phone}"

[[agent]]
id = "ann"
phone = "2000"
queues = ["line"]
initial_status = "ready"
"#
    )
}

/// The exit status and the output of `strowger recordings verify`.
fn verified(switch: &Switch) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    let output =
        command.args(["recordings", "verify", "recordings"]).current_dir(switch.folder.path()).output();
    let output = output.expect("the switch was built");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.iter().map(|byte| g711::ulaw_decode(*byte)).collect()
}

#[test]
fn a_queue_call_is_recorded_paused_sealed_and_verified() {
    let (trunk, phone) = (sipp_address(), sipp_address());
    let switch = Switch::start(&recorded_queue(trunk, phone));
    let (caller_voice, agent_voice) = (Party::speaking(CALLER_HZ), Party::speaking(FAR_HZ));
    let mut agent = Sipp::start(&Plan::new("callee", phone, &words("", "", &agent_voice)));
    let mut caller = trunk_callers(&switch, trunk, "600", &caller_voice, 1);
    let (at_caller, at_agent) = (caller.call(), agent.call());
    caller_voice.speak_to(at_caller.port);
    agent_voice.speak_to(at_agent.port);
    hears(&caller_voice, at_caller.port, FAR_HZ);
    hears(&agent_voice, at_agent.port, CALLER_HZ);
    let call = switch.api.list("/calls").remove(0);
    assert_eq!(call["recording"], "on", "{call}");
    let path = format!("/api/v1/calls/{}/recording", call["id"].as_str().expect("an id"));
    let act = |action: &str| switch.api.request("POST", &path, Some(&json!({ "action": action }))).json();
    assert_eq!(act("pause")["recording"], "paused");
    let before = agent_voice.heard(at_agent.port).len();
    wait::until_true("a second passes", || agent_voice.heard(at_agent.port).len() > before + 8000);
    assert_eq!(act("resume")["recording"], "on");
    let before = agent_voice.heard(at_agent.port).len();
    wait::until_true("two more pass", || agent_voice.heard(at_agent.port).len() > before + 16_000);
    caller.hang_up(&at_caller);
    caller.finish_well(1);
    agent.finish_well(1);
    switch.calls_end();

    let entry = wait::until("the recording is sealed", || {
        let entries = switch.api.list("/recordings");
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.into_iter().find(|entry| !entry["sha256"].is_null())
    });
    assert_eq!(
        (&entry["queue"], &entry["agent"], &entry["ended_by"]),
        (&json!("line"), &json!("ann"), &json!("call_ended"))
    );
    assert_eq!(entry["pauses"].as_array().map(Vec::len), Some(1));
    let audio = format!("/api/v1/recordings/{}/audio", entry["id"].as_str().expect("an id"));
    assert_eq!(switch.api.request("GET", &audio, None).status, 200);
    let day = entry["started_at"].as_str().expect("a time")[..10].to_owned();
    let folder = switch.folder.file("recordings").join(day);
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the day's folder")
        .map(|file| file.expect("a file").path())
        .collect();
    let wav = files.iter().find(|path| path.extension().is_some_and(|end| end == "wav")).expect("a WAV file");
    let mut bytes = std::fs::read(wav).expect("it can be read");
    let (left, right) = wave::read(&bytes).expect("its header is valid");
    for (channel, voice, other) in [(left, FAR_HZ, CALLER_HZ), (right, CALLER_HZ, FAR_HZ)] {
        let heard = samples(&channel);
        // Two seconds are ten windows; a busy machine spoils some.
        assert!(sound::windows_of(&heard, voice) >= 5, "{}", sound::describe(&heard, &[voice]));
        assert_eq!(sound::windows_of(&heard, other), 0, "{}", sound::describe(&heard, &[voice, other]));
        let silent =
            heard.chunks_exact(1600).filter(|window| window.iter().all(|sample| sample.abs() < 16)).count();
        assert!(silent >= 4, "the pause is silent: {silent} windows");
    }
    let (status, text) = verified(&switch);
    assert_eq!(status, Some(0), "{text}");
    bytes[1000] ^= 1;
    std::fs::write(wav, &bytes).expect("it can be written");
    let (status, text) = verified(&switch);
    assert!(status == Some(1) && text.contains("it was changed"), "{status:?} {text}");
    assert!(switch.api.metric("strowger_recordings_total{result=\"stored\"}") == 1.0);
    switch.stop();
}
