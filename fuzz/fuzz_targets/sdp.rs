//! `cargo +nightly fuzz run sdp`, which begins with `corpus/sdp`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/sdp.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
