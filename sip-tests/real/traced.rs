//! `strowger trace` as somebody types it: a ladder of a call that is over, a capture file, and plain words when there is none.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::BRUNO;
use crate::real::BRUNO_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::sipp_address;
use crate::real::switch::OPS_KEY;
use crate::real::switch::READ_KEY;
use crate::real::switch::Switch;
use std::process::Command;
use std::process::Output;

fn trace(switch: &Switch, key: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    command.args(["trace", "--url", &format!("http://{}", switch.api.address)]).args(arguments);
    command.env("STROWGER_API_KEY", key).current_dir(switch.folder.path());
    command.output().expect("the switch was built")
}

#[test]
fn a_call_is_shown_as_a_ladder_and_kept_as_a_capture_file() {
    let switch = Switch::start(&centre(&[sipp_address()]));
    let mut alice = Baresip::registered(&switch, &ALICE);
    let bruno = Baresip::registered(&switch, &BRUNO);
    alice.dial("1002");
    alice.wait_for("CALL_ESTABLISHED", 1);
    alice.hears(BRUNO_HZ);
    bruno.hears(ALICE_HZ);
    let call = switch.api.list("/calls")[0]["id"].as_str().expect("an id").to_owned();
    alice.hang_up();
    bruno.wait_for("CALL_CLOSED", 1);
    switch.calls_end();

    let ladder = trace(&switch, OPS_KEY, &["--call", &call]);
    let text = String::from_utf8_lossy(&ladder.stdout).into_owned();
    assert!(ladder.status.success(), "{}", String::from_utf8_lossy(&ladder.stderr));
    for word in ["INVITE", "180 Ringing", "200 OK", "ACK", "BYE", "1001", "1002", "127.0.0.1:"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert!(text.matches("INVITE").count() >= 2 && text.matches("BYE").count() >= 2, "both legs\n{text}");

    let capture = trace(&switch, OPS_KEY, &["--call", &call, "--pcap", "call.pcap"]);
    assert!(capture.status.success() && capture.stdout.is_empty());
    let bytes = std::fs::read(switch.folder.file("call.pcap")).expect("it was written");
    // libpcap's file format: the magic number in either order of bytes, in micro- or nanoseconds.
    let magic = u32::from_le_bytes(bytes.first_chunk().copied().expect("a header"));
    assert!([0xa1b2_c3d4, 0xa1b2_3c4d].iter().any(|one| magic == *one || magic.swap_bytes() == *one));
    let found = |what: &[u8]| bytes.windows(what.len()).filter(|window| *window == what).count();
    assert!(found(b"INVITE sip:") >= 2 && found(b"BYE sip:") >= 2);

    let unknown = trace(&switch, OPS_KEY, &["--call", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!(unknown.status.code(), Some(4), "{}", String::from_utf8_lossy(&unknown.stderr));
    let forbidden = trace(&switch, READ_KEY, &["--call", &call]);
    assert!(!forbidden.status.success() && forbidden.stdout.is_empty());
    let said = String::from_utf8_lossy(&forbidden.stderr).into_owned();
    assert!(said.contains("config:write"), "what is missing is said: {said}");
    switch.stop();
}
