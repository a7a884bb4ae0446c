//! The messages of RFC 4475 and RFC 5118, each against a fresh switch: from a trunk, whose calls are taken, and from
//! an unknown phone, whose requests are challenged.
//!
//! `expectations.tsv` beside the messages says what may be answered; here it is held against what is sent, where it
//! is sent, and whether it echoes the request. `musts` has what the tables say in words.

mod codes;
mod musts;
mod stream;
mod text;

use crate::harness::exchange::{Exchange, SWITCH, SWITCH_V6};
use bytes::Bytes;
use codes::Codes;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use strowger::clock::Instant;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::Restored;
use text::Text;

/// The trunk's addresses: what comes from there is a carrier's.
const TRUNK: &str = "192.0.2.77:40001";
const TRUNK_V6: &str = "[2001:db8::77]:40001";
/// Nobody knows these.
const STRANGER: &str = "198.51.100.9:40002";
const STRANGER_V6: &str = "[2001:db8::99]:40002";

const CONFIGURATION: &str = r#"
[sip]
domain = "example.com"
udp = ["10.0.0.1:5060"]
tcp = ["10.0.0.1:5060"]

[media]
address = "10.0.0.1"
ports = "20000-20999"
codecs = ["pcma", "pcmu"]

[limits]
calls_per_second = 1000000
requests_per_second = 1000000

[[trunk]]
id = "torture"
hosts = ["192.0.2.77:40001", "[2001:db8::77]:40001"]
options_seconds = 0
max_calls = 100

[[inbound]]
trunk = "torture"
number = "phone."
to = "phone:{.}"

[[inbound]]
trunk = "torture"
number = "."
to = "queue:waiting"

[[queue]]
id = "waiting"
name = "Waiting"
join_when_empty = true

[[phone]]
number = "watson"
secret = "pw"

[[phone]]
number = "user"
secret = "pw"

[[phone]]
number = "null-"
secret = "pw"
"#;

/// A line of a table.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    kind: String,
    over_tcp: bool,
    ok: String,
    forbid: String,
    bytes: Vec<u8>,
}

/// Who sends the message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Sender {
    Trunk,
    Stranger,
}

fn folder(rfc: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-tests/torture").join(rfc)
}

fn cases(rfc: &str) -> Vec<Case> {
    let folder = folder(rfc);
    let table = std::fs::read_to_string(folder.join("expectations.tsv")).expect("the table is there");
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().expect("the table has a head").split('\t').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name).expect("a known column");
    let case = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |name: &str| (*fields.get(column(name)).unwrap_or(&"")).to_owned();
        let bytes = std::fs::read(folder.join(field("file"))).expect("each message of the table is there");
        assert_eq!(bytes.len().to_string(), field("bytes"), "{} was changed", field("name"));
        Case {
            name: field("name"),
            kind: field("kind"),
            over_tcp: field("send_over") == "tcp",
            ok: field("ok_regex"),
            forbid: field("forbid_regex"),
            bytes,
        }
    };
    lines.filter(|line| !line.trim().is_empty()).map(case).collect()
}

fn message(rfc: &str, name: &str) -> Vec<u8> {
    cases(rfc).into_iter().find(|case| case.name == name).expect("a message of the table").bytes
}

fn switch() -> Exchange {
    Exchange::new(CONFIGURATION, Restored::default(), 1, Instant::from_micros(1_000_000), 50)
}

/// The way that a message comes.
fn flow(sender: Sender, over_tcp: bool, over_v6: bool) -> Flow {
    let remote = match (sender, over_v6) {
        (Sender::Trunk, false) => TRUNK,
        (Sender::Trunk, true) => TRUNK_V6,
        (Sender::Stranger, false) => STRANGER,
        (Sender::Stranger, true) => STRANGER_V6,
    };
    Flow {
        transport: if over_tcp { Transport::Tcp } else { Transport::Udp },
        local: if over_v6 { SWITCH_V6 } else { SWITCH }.parse().expect("an address"),
        remote: remote.parse().expect("an address"),
        connection: u64::from(over_tcp) * 7,
    }
}

/// Where answers are awaited. RFC 3261 section 18.2.2: on the connection; over UDP at the source address and the port
/// of the top Via's sent-by. RFC 3581 section 4: at the source port when `rport` is there.
fn awaited_at(request: &Text, from: Flow) -> Option<Flow> {
    if from.transport == Transport::Tcp {
        return Some(from);
    }
    let via = String::from_utf8_lossy(request.list("via").first()?).into_owned();
    let mut parts = via.split(';').map(str::trim);
    let sent_by = parts.next()?.split_whitespace().last()?.to_owned();
    if parts.any(|part| part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("rport")))
    {
        return Some(from);
    }
    let port = match sent_by.rsplit_once(':') {
        Some((host, port)) if !host.contains('[') || host.ends_with(']') => port.parse().ok()?,
        _ => 5060,
    };
    Some(Flow { remote: SocketAddr::new(from.remote.ip(), port), ..from })
}

/// RFC 3261 section 8.2.6.2: what an answer copies.
fn echo_faults(request: &Text, answer: &Text) -> Vec<String> {
    let mut faults = Vec::new();
    let show = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
    for name in ["from", "to", "call-id", "cseq"] {
        let asked = request.all(name);
        let said = answer.one(name);
        let echoed = match (said, name) {
            (None, _) => asked.is_empty(),
            (Some(said), "to") => asked.iter().any(|to| {
                said == *to
                    || said.strip_prefix(*to).is_some_and(|tag| tag.starts_with(b";tag=") && tag.len() > 5)
            }),
            (Some(said), _) => asked.contains(&said),
        };
        if !echoed {
            let asked = show(asked.first().copied());
            faults.push(format!("{name} is {:?}, not {asked:?}", show(said)));
        }
    }
    let (asked, said) = (request.list("via"), answer.list("via"));
    if asked.len() != said.len() || asked.iter().skip(1).ne(said.iter().skip(1)) {
        faults.push(format!("{} Vias came, {} went back, or one was changed", asked.len(), said.len()));
    } else if let (Some(asked), Some(said)) = (asked.first(), said.first()) {
        // RFC 3261 section 18.2.1 and RFC 3581: received and the value of rport are the server's to write.
        if bare_via(asked) != bare_via(said) {
            faults.push(format!("the top Via is {:?}", show(Some(said))));
        }
    }
    faults
}

fn bare_via(via: &[u8]) -> String {
    let text = String::from_utf8_lossy(via).into_owned();
    let keep = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        name != "received" && name != "rport"
    };
    text.split(';').filter(keep).collect::<Vec<_>>().join(";").trim().to_owned()
}

/// One message from one sender; all that is wrong with how the switch took it.
fn judge(case: &Case, sender: Sender, over_v6: bool) -> Vec<String> {
    let mut switch = switch();
    let from = flow(sender, case.over_tcp, over_v6);
    let request = Text::read(&case.bytes);
    let mut sent = switch.receive(from, &case.bytes);
    sent.extend(switch.pass(Duration::from_secs(40)));
    let mut faults = judge_answers(case, &request, from, &sent);
    faults.extend(judge_alive(&mut switch));
    let named = |fault| format!("{} from a {sender:?} ({:?}): {fault}", case.name, from.transport);
    faults.into_iter().map(named).collect()
}

fn judge_answers(case: &Case, request: &Text, from: Flow, sent: &[(Flow, Bytes)]) -> Vec<String> {
    let (ok, forbid) = (Codes::parse(&case.ok), Codes::parse(&case.forbid));
    let mut faults = Vec::new();
    let mut finals = BTreeSet::new();
    let answers: Vec<(Flow, Text)> = sent.iter().map(|(flow, bytes)| (*flow, Text::read(bytes))).collect();
    let awaited = awaited_at(request, from);
    for (flow, answer) in &answers {
        let Some(status) = answer.status() else {
            // What a call may cause that was taken: the BYE for want of an ACK (RFC 3261 section 13.3.1.4).
            if !(answer.start.starts_with("BYE ") && finals.iter().any(|code| (200..300).contains(code))) {
                faults.push(format!("it caused `{}`", answer.start));
            }
            continue;
        };
        if !ok.codes.contains(&status) || forbid.codes.contains(&status) || forbid.any {
            faults
                .push(format!("`{}` is not among `{}` or is among `{}`", answer.start, case.ok, case.forbid));
        }
        if Some(*flow) != awaited {
            faults
                .push(format!("answered at {} ({:?}), awaited at {awaited:?}", flow.remote, flow.transport));
        }
        faults.extend(echo_faults(request, answer));
        if status >= 200 {
            finals.insert(status);
        }
    }
    let must_answer = forbid.silence || (forbid.silence_udp && from.transport == Transport::Udp);
    if finals.is_empty() && (must_answer || (!ok.silence && case.kind == "request")) {
        faults.push("no final answer came".to_owned());
    }
    if finals.len() > 1 {
        faults.push(format!("several final answers: {finals:?}"));
    }
    faults
}

/// The switch still works for others.
fn judge_alive(switch: &mut Exchange) -> Option<String> {
    let from = Flow {
        remote: "203.0.113.5:5060".parse().expect("an address"),
        ..flow(Sender::Stranger, false, false)
    };
    let ping = "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKalive\r\n\
                Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: alive\r\n\
                CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let sent = switch.receive(from, ping.as_bytes());
    let well = sent.iter().any(|(_, bytes)| bytes.starts_with(b"SIP/2.0 200 "));
    (!well).then(|| "afterwards OPTIONS is not answered 200".to_owned())
}

fn judge_all(rfc: &str, over_v6: impl Fn(&Case) -> bool) {
    let mut faults = Vec::new();
    let cases = cases(rfc);
    for case in &cases {
        for sender in [Sender::Trunk, Sender::Stranger] {
            faults.extend(judge(case, sender, over_v6(case)));
        }
    }
    assert!(faults.is_empty(), "{} faults in {} messages:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn the_messages_of_rfc_4475() {
    judge_all("rfc4475", |_| false);
}

#[test]
fn the_messages_of_rfc_5118() {
    judge_all("rfc5118", |case| {
        let top = Text::read(&case.bytes).list("via").into_iter().next().unwrap_or_default();
        top.contains(&b'[') && !top.windows(6).any(|six| six.eq_ignore_ascii_case(b"::ffff"))
    });
}

/// Both senders on both transports, whatever the table's transport is: the strict columns need not hold then, but
/// nothing may break and whatever is answered goes back where it came from.
#[test]
fn every_message_over_the_other_transport_too() {
    let mut faults = Vec::new();
    for mut case in [cases("rfc4475"), cases("rfc5118")].concat() {
        case.over_tcp = !case.over_tcp;
        for sender in [Sender::Trunk, Sender::Stranger] {
            let mut switch = switch();
            let from = flow(sender, case.over_tcp, false);
            let request = Text::read(&case.bytes);
            for (flow, bytes) in switch.receive(from, &case.bytes) {
                let answer = Text::read(&bytes);
                if Some(flow) != awaited_at(&request, from) {
                    faults.push(format!("{}: answered at {}", case.name, flow.remote));
                }
                faults.extend(
                    echo_faults(&request, &answer).into_iter().map(|fault| format!("{}: {fault}", case.name)),
                );
            }
            switch.pass(Duration::from_secs(40));
            faults.extend(judge_alive(&mut switch).map(|fault| format!("{}: {fault}", case.name)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
