//! `cargo +nightly fuzz run dialog_info`, which begins with `corpus/dialog_info`. The body is shared with `cargo test`.
#![no_main]

#[path = "../bodies/dialog_info.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
