//! The demo, as a newcomer runs it: it ends well, and it notices when the audio is cut.

use crate::real::ports;
use std::process::{Command, Output};

/// Runs the demo of the built program; it ends by itself.
fn demo(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = std::env::temp_dir();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_strowger"))
        .arg("demo")
        .args(arguments)
        .args(["--sip-port", &ports::free().to_string(), "--http-port", &ports::free().to_string()])
        .current_dir(folder)
        .output()
        .expect("the built program can be started");
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code(), text)
}

#[test]
fn the_demo_distributes_calls_and_says_so() {
    let (code, text) = demo(&["--callers", "6", "--seconds", "12", "--seed", "7"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ok     every caller who was answered heard the agent"), "{text}");
    assert!(text.contains("all is well"), "{text}");
}

#[test]
fn the_demo_fails_when_the_audio_is_cut() {
    let (code, text) = demo(&["--callers", "6", "--seconds", "12", "--seed", "7", "--mute"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FAILED every caller who was answered heard the agent"), "{text}");
    // The other direction was not cut, and neither was the counting.
    assert!(text.contains("ok     every agent who answered heard the caller"), "{text}");
    assert!(text.contains("unbalanced 0"), "{text}");
}
