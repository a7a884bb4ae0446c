//! `cargo +nightly fuzz run uri`, which begins with `corpus/uri`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/uri.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
