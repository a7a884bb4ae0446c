//! `cargo +nightly fuzz run digest`, which begins with `corpus/digest`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/digest.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
