//! `strowger trace`: asks a running switch for the SIP messages of a call, and prints them or writes them to a file.
//!
//! A client of the API like any other; nothing of the switch is known here.

use clap::Args;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_REACHABLE: u8 = 3;
const NOT_FOUND: u8 = 4;
const PATIENCE: Duration = Duration::from_secs(20);
/// The variable that holds the key, which on the command line everybody on the machine can read.
const KEY: &str = "STROWGER_API_KEY";

/// The options of `strowger trace`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The call, by its id in the API and the log
    #[arg(long, value_name = "ID", conflicts_with_all = ["number", "call_id", "last"])]
    call: Option<String>,
    /// Calls and registrations from or to this number, or its last digits
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// One dialog, by its SIP Call-ID
    #[arg(long, value_name = "CALL-ID")]
    call_id: Option<String>,
    /// The last so many dialogs
    #[arg(long, value_name = "N")]
    last: Option<u32>,
    /// Write a capture file for Wireshark instead
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print the whole messages instead of a ladder
    #[arg(long)]
    messages: bool,
    /// The switch's API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A key with the scope config:write; better in STROWGER_API_KEY
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Why there is no trace, and the exit status.
struct Failure(u8, String);

/// Runs the command.
pub(crate) fn run(options: &Options) -> ExitCode {
    match fetch(options).and_then(|body| put(options, &body)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(status, what)) => {
            eprintln!("strowger trace: {what}");
            ExitCode::from(status)
        }
    }
}

fn put(options: &Options, body: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure(FAILED, error.to_string());
    match &options.pcap {
        Some(file) => std::fs::write(file, body)
            .map_err(|error| Failure(FAILED, format!("{}: {error}", Path::new(file).display()))),
        None => std::io::stdout().write_all(body).map_err(failed),
    }
}

fn fetch(options: &Options) -> Result<Vec<u8>, Failure> {
    let (host, base) = place(&options.url)?;
    let key = options.key.clone().or_else(|| std::env::var(KEY).ok()).unwrap_or_default();
    let away = |error: std::io::Error| {
        Failure(NOT_REACHABLE, format!("no answer from {}: {error}; is the switch running?", options.url))
    };
    let address = host.to_socket_addrs().map_err(away)?.next();
    let address = address.ok_or_else(|| away(std::io::ErrorKind::NotFound.into()))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(away)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(away)?;
    // HTTP/1.0: the answer ends where the connection does, and comes in one piece.
    let path = path(options);
    let credentials = if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
    let request = format!("GET {base}{path} HTTP/1.0\r\nHost: {host}\r\n{credentials}\r\n");
    stream.write_all(request.as_bytes()).map_err(away)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(away)?;
    body(options, &answer)
}

/// `host:port` and the path before the API's.
fn place(url: &str) -> Result<(String, String), Failure> {
    let wrong = || Failure(USAGE, format!("`{url}` is not a URL such as http://127.0.0.1:8080"));
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() || host.contains(char::is_whitespace) || base.contains(char::is_whitespace) {
        return Err(wrong());
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    let base = base.trim_end_matches('/');
    let base = if base.is_empty() { String::new() } else { format!("/{base}") };
    Ok((host, base))
}

fn path(options: &Options) -> String {
    let form = match (&options.pcap, options.messages) {
        (Some(_), _) => "pcap",
        (None, true) => "text",
        (None, false) => "ladder",
    };
    if let Some(call) = &options.call {
        return format!("/api/v1/calls/{}/trace?format={form}", escaped(call));
    }
    let mut path = format!("/api/v1/trace?format={form}");
    let number = options.number.as_ref().map(|number| ("number", escaped(number)));
    let call_id = options.call_id.as_ref().map(|call_id| ("call_id", escaped(call_id)));
    let last = options.last.map(|last| ("last", last.to_string()));
    for (name, value) in [number, call_id, last].into_iter().flatten() {
        path.push_str(&format!("&{name}={value}"));
    }
    path
}

/// Percent-encoded (RFC 3986 section 2.1).
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The body of a good answer.
fn body(options: &Options, answer: &[u8]) -> Result<Vec<u8>, Failure> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let head = String::from_utf8_lossy(answer.get(..end.unwrap_or(answer.len())).unwrap_or_default());
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = end.and_then(|end| answer.get(end + 4..)).unwrap_or_default();
    match status {
        200 => Ok(body.to_vec()),
        401 | 403 => Err(Failure(
            FAILED,
            format!("the switch wants a key with the scope config:write: set {KEY} or give --key"),
        )),
        404 => {
            let what = options.call.as_deref().unwrap_or("it");
            Err(Failure(
                NOT_FOUND,
                format!("nothing is kept of {what}: too long ago, or there was no such call"),
            ))
        }
        _ => Err(Failure(FAILED, format!("the switch answered {status}: {}", String::from_utf8_lossy(body)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let found = place(url).ok();
            let found = found.as_ref().map(|(host, base)| (host.as_str(), base.as_str()));
            assert_eq!(found, expected, "{url}");
        };
        check("http://127.0.0.1:8080", Some(("127.0.0.1:8080", "")));
        check("http://[::1]:8080/pbx/", Some(("[::1]:8080", "/pbx")));
        check("http://pbx.example.com", Some(("pbx.example.com:80", "")));
        for wrong in ["https://x", "x:80", "http://", "http://a b", "http://a/b\r\nX: 1"] {
            check(wrong, None);
        }
        assert_eq!(escaped("+33 1&x=1"), "%2B33%201%26x%3D1");
    }
}
