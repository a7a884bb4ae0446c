//! `cargo +nightly fuzz run stun`, which begins with `corpus/stun`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/stun.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
