//! `cargo +nightly fuzz run message`, which begins with `corpus/message`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/message.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
