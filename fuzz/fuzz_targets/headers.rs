//! `cargo +nightly fuzz run headers`, which begins with `corpus/headers`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/headers.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
