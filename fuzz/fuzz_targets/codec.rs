//! `cargo +nightly fuzz run codec`, which begins with `corpus/codec`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/codec.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
