//! Each parser against mutations of its corpus: the bodies of the fuzz targets, a short run each. The long run is
//! `cargo +nightly fuzz run TARGET`; `STROWGER_FUZZ_RUNS` makes these longer too.

pub mod mutate;

#[path = "../../fuzz/bodies/codec.rs"]
mod codec;
#[path = "../../fuzz/bodies/dialog_info.rs"]
mod dialog_info;
#[path = "../../fuzz/bodies/digest.rs"]
mod digest;
#[path = "../../fuzz/bodies/headers.rs"]
mod headers;
#[path = "../../fuzz/bodies/message.rs"]
mod message;
#[path = "../../fuzz/bodies/sdp.rs"]
mod sdp;
#[path = "../../fuzz/bodies/srtp.rs"]
mod srtp;
#[path = "../../fuzz/bodies/stun.rs"]
mod stun;
#[path = "../../fuzz/bodies/trace.rs"]
mod trace;
#[path = "../../fuzz/bodies/uri.rs"]
mod uri;

use crate::parsers::mutate::mutated;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use strowger::ids::Random;

/// Mutations of one run.
const RUNS: u64 = 4000;

/// The files of a corpus, in the order of their names.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus is in the repository");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a listed file is readable")).collect()
}

/// How often, as the environment says.
pub fn runs(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|runs| runs.parse().ok()).unwrap_or(otherwise)
}

fn short_run(target: &str, body: fn(&[u8])) {
    let corpus = corpus(target);
    corpus.iter().for_each(|seed| body(seed));
    for seed in 0..runs("STROWGER_FUZZ_RUNS", RUNS) {
        let data = mutated(&corpus, &mut Random::seeded(seed));
        if catch_unwind(AssertUnwindSafe(|| body(&data))).is_err() {
            panic!("{target}, seed {seed}: {}", data.escape_ascii());
        }
    }
}

#[test]
fn messages() {
    short_run("message", message::run);
}

#[test]
fn uris() {
    short_run("uri", uri::run);
}

#[test]
fn header_values() {
    short_run("headers", headers::run);
}

#[test]
fn session_descriptions() {
    short_run("sdp", sdp::run);
}

#[test]
fn credentials() {
    short_run("digest", digest::run);
}

#[test]
fn what_is_shown() {
    short_run("trace", trace::run);
}

#[test]
fn sealed_packets_and_their_keys() {
    short_run("srtp", srtp::run);
}

#[test]
fn stun_requests() {
    short_run("stun", stun::run);
}

#[test]
fn dialog_documents() {
    short_run("dialog_info", dialog_info::run);
}

#[test]
fn packets_of_sound() {
    short_run("codec", codec::run);
}
