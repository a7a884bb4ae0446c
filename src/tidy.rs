//! House rules that rustc and clippy cannot check, as one `#[test]`.

use std::fs;
use std::path::{Path, PathBuf};

/// Which top-level module may name which. Adding an arrow is a design change: say why in the commit.
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("ids", &["clock"]),
    ("datagrams", &[]),
    ("codec", &[]),
    ("sdp", &["srtp"]),
    ("record", &["ids", "clock"]),
    ("config", &["ids", "clock"]),
    ("sip", &["clock", "ids"]),
    ("rtp", &["clock"]),
    ("srtp", &["ids"]),
    // What passed by, kept for those who ask afterwards: it reads messages to draw them.
    ("trace", &["clock", "sip"]),
    ("registrar", &["sip", "clock", "ids"]),
    // What a trunk's machines say of flows is said in `sip`'s words.
    ("trunk", &["ids", "clock", "sip"]),
    ("dialplan", &["ids", "config"]),
    ("call", &["ids", "clock", "record"]),
    ("acd", &["ids", "clock", "record"]),
    ("metrics", &["ids"]),
    ("net", &["clock", "config", "datagrams", "metrics", "sip", "trunk"]),
    ("media", &["ids", "clock", "rtp", "srtp", "codec", "sdp", "config", "metrics"]),
    // It takes what the workers have tapped; they know nothing of it.
    ("recording", &["ids", "clock", "codec", "media", "metrics"]),
    ("store", &["ids", "clock", "record", "config", "metrics"]),
    ("subscription", &["clock"]),
    (
        "switch",
        &[
            "ids",
            "clock",
            "record",
            "config",
            "sip",
            "sdp",
            "srtp",
            "registrar",
            "dialplan",
            "trunk",
            "call",
            "acd",
            "net",
            "media",
            "recording",
            "store",
            "metrics",
            "trace",
            "subscription",
        ],
    ),
    ("http", &["ids", "clock", "record", "recording", "config", "switch", "store", "metrics", "trace"]),
    // Simulated parties: a phone and a caller that really speak SIP and RTP, for the demo and the load tool.
    ("sim", &["ids", "clock", "datagrams", "sip", "sdp", "rtp", "codec"]),
    // The demo's verdict counts the call records as the store has them.
    ("demo", &["ids", "clock", "config", "app", "sim", "switch", "record", "store"]),
    ("load", &["ids", "clock", "sim", "sip", "rtp"]),
    (
        "app",
        &[
            "ids",
            "config",
            "clock",
            "metrics",
            "net",
            "media",
            "sip",
            "store",
            "switch",
            "http",
            "record",
            "recording",
        ],
    ),
    ("cli", &["app", "config", "clock", "demo", "load", "recording"]),
];

/// Sans-IO modules: no runtime, no sockets, no files.
const PURE: &[&str] = &[
    "acd",
    "call",
    "campaign",
    "codec",
    "dialplan",
    "ids",
    "record",
    "registrar",
    "rtp",
    "sdp",
    "sip",
    "srtp",
    "trace",
    "trunk",
    "subscription",
];

/// A third-party crate and the only modules that may name it: one, but for hashes and the command line's options.
const HOMES: &[(&str, &[&str])] = &[
    ("aes", &["srtp"]),
    ("axum", &["http"]),
    ("base64", &["sdp"]),
    ("futures_util", &["http", "net"]),
    ("hickory_resolver", &["net"]),
    ("hmac", &["srtp"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("clap", &["cli", "demo", "load"]),
    ("jiff", &["clock"]),
    ("md5", &["sip"]),
    // The allocator, in the binary alone.
    ("mimalloc", &["main"]),
    ("opus", &["codec"]),
    ("prometheus", &["metrics"]),
    ("rand_chacha", &["ids"]),
    ("ring", &["net", "srtp"]),
    ("rustls", &["net"]),
    ("rustls_native_certs", &["net"]),
    ("sdp_types", &["sdp"]),
    ("sha1", &["srtp"]),
    ("sha2", &["sip", "config", "recording"]),
    ("sqlx", &["store"]),
    ("tokio_rustls", &["net"]),
    ("tokio_tungstenite", &["net"]),
    ("toml_edit", &["config"]),
    ("ulid", &["ids"]),
    ("utoipa", &["http"]),
];

const FILE_LINES_MAX: usize = 600;

#[test]
fn tidy() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut errors = Vec::new();
    check_acyclic(&mut errors);
    for path in rust_files(&src) {
        let module = top_module(&src, &path);
        let text = fs::read_to_string(&path).expect("a listed file is readable");
        check_file(&path, &module, &text, &mut errors);
    }
    assert!(errors.is_empty(), "untidy:\n{}", errors.join("\n"));
}

fn check_file(path: &Path, module: &str, text: &str, errors: &mut Vec<String>) {
    let of_tests = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    if matches!(module, "lib" | "main" | "tidy") || of_tests {
        return;
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
        errors.push(format!("{}: module `{module}` is not in ARROWS", path.display()));
        return;
    };
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    if code.lines().count() > FILE_LINES_MAX {
        errors.push(format!("{}: over {FILE_LINES_MAX} lines without tests", path.display()));
    }
    if !text.starts_with("//!") {
        errors.push(format!("{}: no module comment", path.display()));
    }
    for (index, line) in code.lines().enumerate() {
        let mut say = |what: &str| errors.push(format!("{}:{}: {what}", path.display(), index + 1));
        let line = line.trim_start();
        if line.starts_with("//") {
            continue;
        }
        if line.contains("use crate::{") || line.contains("super::") {
            say("one `use crate::module::…;` a line, so that arrows can be read");
        }
        for part in line.split("crate::").skip(1) {
            let target: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let known = ARROWS.iter().any(|(name, _)| *name == target);
            if known && target != module && !allowed.contains(&target.as_str()) {
                say(&format!("`{module}` may not name `{target}`"));
            }
        }
        if PURE.contains(&module)
            && ["tokio::", "clock::now(", "std::net::UdpSocket", "std::fs"].iter().any(|io| line.contains(io))
        {
            say("a sans-IO module names I/O");
        }
        for (krate, homes) in HOMES {
            if !homes.contains(&module) && names_crate(line, krate) {
                say(&format!("`{krate}` lives in {homes:?} only"));
            }
        }
    }
}

/// Whether the line names the crate, and not a module of ours of the same name.
fn names_crate(line: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    line.match_indices(&path).any(|(at, _)| {
        !line[..at].ends_with("::") && !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn check_acyclic(errors: &mut Vec<String>) {
    let mut left: Vec<_> = ARROWS.to_vec();
    while let Some(leaf) =
        left.iter().position(|(_, deps)| deps.iter().all(|d| !left.iter().any(|(n, _)| n == d)))
    {
        left.remove(leaf);
    }
    if !left.is_empty() {
        errors
            .push(format!("ARROWS has a cycle among {:?}", left.iter().map(|(n, _)| n).collect::<Vec<_>>()));
    }
}

fn top_module(src: &Path, path: &Path) -> String {
    let first =
        path.strip_prefix(src).expect("listed under src").components().next().expect("a file has a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("src is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
