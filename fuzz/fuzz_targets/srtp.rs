//! `cargo +nightly fuzz run srtp`, which begins with `corpus/srtp`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/srtp.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
