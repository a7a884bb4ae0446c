//! SIPp (Debian's `sip-tester`) as callers, as far sides and as phones: scenario files, bounded counts and times.
//!
//! The scenarios are `sipp/*.xml` with `{{words}}` filled in. They log a line for each call, `call CALL-ID PORT`, with the
//! port of the switch's SDP, and end calls when told by an INFO of the test's own (`hang_up`), so that a test decides
//! when and not a clock. SIPp has no voice here: its SDP names the socket of a `Party`.

use crate::real::folder::Folder;
use crate::real::wait;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

/// How long one SIPp may live, in seconds.
const LIFE: &str = "60";

/// What is to be run.
pub struct Plan<'a> {
    /// The file in `sipp/`, without `.xml`.
    pub scenario: &'a str,
    /// What `{{words}}` stand for.
    pub words: &'a [(&'a str, String)],
    /// What `[field0]`, `[field1]` are in each call, in turn, with `;` between them.
    pub fields: &'a [String],
    /// Its own address.
    pub local: SocketAddr,
    /// Where its calls go; `None` waits for calls.
    pub remote: Option<SocketAddr>,
    pub calls: u32,
    /// New calls a second.
    pub rate: u32,
    /// Whether it speaks TCP.
    pub tcp: bool,
}

impl<'a> Plan<'a> {
    /// One call over UDP.
    pub fn new(scenario: &'a str, local: SocketAddr, words: &'a [(&'a str, String)]) -> Self {
        Self { scenario, words, fields: &[], local, remote: None, calls: 1, rate: 20, tcp: false }
    }
}

/// A running SIPp.
pub struct Sipp {
    child: Child,
    folder: Folder,
    local: SocketAddr,
    name: String,
}

/// A call as SIPp logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub call_id: String,
    /// The switch's RTP port for this leg.
    pub port: u16,
}

impl Sipp {
    pub fn start(plan: &Plan<'_>) -> Self {
        let folder = Folder::new(&format!("sipp-{}", plan.scenario));
        folder.write("scenario.xml", scenario(plan));
        let mut command = Command::new("sipp");
        if let Some(remote) = plan.remote {
            command.arg(remote.to_string());
        }
        command.current_dir(folder.path());
        if !plan.fields.is_empty() {
            folder.write("fields.csv", format!("SEQUENTIAL\n{}\n", plan.fields.join("\n")));
            command.args(["-inf", "fields.csv"]);
        }
        command.args([
            "-sf",
            "scenario.xml",
            "-nostdin",
            "-timeout",
            LIFE,
            "-timeout_error",
            "-recv_timeout",
            "30000",
        ]);
        command.args(["-i", &plan.local.ip().to_string(), "-p", &plan.local.port().to_string()]);
        command.args(["-m", &plan.calls.to_string(), "-r", &plan.rate.to_string()]);
        command.args(["-t", if plan.tcp { "t1" } else { "u1" }]);
        command.args(["-trace_logs", "-log_file", "calls.log", "-trace_err", "-error_file", "errors.log"]);
        command.args([
            "-trace_msg",
            "-message_file",
            "messages.log",
            "-trace_stat",
            "-stf",
            "stat.csv",
            "-fd",
            "1",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("sipp is installed (Debian: sip-tester)");
        let sipp = Self { child, folder, local: plan.local, name: plan.scenario.to_string() };
        if plan.remote.is_none() {
            // Its port is taken when it listens.
            let taken = || if plan.tcp { false } else { UdpSocket::bind(plan.local).is_err() };
            wait::until_true("SIPp listens", || plan.tcp || taken());
        }
        sipp
    }

    /// The calls that SIPp has seen answered, in order.
    pub fn calls(&self) -> Vec<Logged> {
        let text = self.folder.read("calls.log");
        let read = |line: &str| {
            let (call_id, port) = line.strip_prefix("call ")?.trim().split_once(' ')?;
            Some(Logged { call_id: call_id.to_string(), port: port.parse().ok()? })
        };
        // A line without its end is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().filter_map(read).collect()
    }

    /// The first answered call.
    pub fn call(&self) -> Logged {
        wait::until(&format!("{}: a call is answered", self.name), || self.calls().into_iter().next())
    }

    /// How often the scenario logged this word.
    pub fn logged(&self, word: &str) -> usize {
        self.folder.read("calls.log").lines().filter(|line| line.trim() == word).count()
    }

    /// Makes SIPp end that call.
    pub fn hang_up(&self, call: &Logged) {
        let socket = UdpSocket::bind((self.local.ip(), 0)).expect("loopback has a free port");
        let from = socket.local_addr().expect("it is bound");
        let text = format!(
            "INFO sip:sipp@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKtold{port}\r\n\
             From: <sip:test@{from}>;tag=test\r\nTo: <sip:sipp@{to}>\r\nCall-ID: {id}\r\nCSeq: 1 INFO\r\n\
             Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n",
            to = self.local,
            port = from.port(),
            id = call.call_id,
        );
        socket.send_to(text.as_bytes(), self.local).expect("loopback carries a datagram");
    }

    /// Waits until SIPp is through: how many calls went by the scenario to its end, and how many did not.
    pub fn finish(&mut self) -> (u64, u64) {
        let what = format!("SIPp ends its scenario {}", self.name);
        let child = &mut self.child;
        wait::until_true(&what, || child.try_wait().expect("it is our child").is_some());
        self.counts()
    }

    /// Waits until SIPp is through, and all its calls went by the scenario.
    pub fn finish_well(&mut self, calls: u64) {
        let counts = self.finish();
        assert_eq!(counts, (calls, 0), "{}: successful and failed calls; {}", self.name, self.trouble());
    }

    /// Successful and failed calls so far.
    pub fn counts(&self) -> (u64, u64) {
        let text = self.folder.read("stat.csv");
        let mut lines = text.lines();
        let names: Vec<_> = lines.next().unwrap_or_default().split(';').collect();
        let values: Vec<_> = lines.next_back().unwrap_or_default().split(';').collect();
        let value = |name: &str| {
            let place = names.iter().position(|found| *found == name)?;
            values.get(place)?.parse().ok()
        };
        (value("SuccessfulCall(C)").unwrap_or(0), value("FailedCall(C)").unwrap_or(0))
    }

    /// What it received and sent.
    pub fn messages(&self) -> String {
        self.folder.read("messages.log")
    }

    /// What went wrong in its eyes.
    fn trouble(&self) -> String {
        format!("{}\n{}", self.folder.tail("errors.log", 30), self.folder.tail("messages.log", 60))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("SIPp {}: {}", self.name, self.trouble());
        }
    }
}

fn scenario(plan: &Plan<'_>) -> String {
    let path = format!("{}/sip-tests/real/sipp/{}.xml", env!("CARGO_MANIFEST_DIR"), plan.scenario);
    let mut text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (word, meaning) in plan.words {
        text = text.replace(&format!("{{{{{word}}}}}"), meaning);
    }
    let rest = text.find("{{").map(|at| &text[at..text.len().min(at + 30)]);
    assert_eq!(rest, None, "{path}: a word without a meaning");
    text
}
