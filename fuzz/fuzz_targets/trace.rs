//! `cargo +nightly fuzz run trace`, which begins with `corpus/trace`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/trace.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
