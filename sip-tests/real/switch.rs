//! The built switch as a process of its own: a configuration on free loopback ports, started, asked, ended.

use crate::real::folder::Folder;
use crate::real::http::Api;
use crate::real::ports;
use crate::real::ports::Range;
use crate::real::wait;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

/// The key that may do everything.
pub const OPS_KEY: &str = "ops-key-of-the-tests";
/// The key that may only read queues.
pub const READ_KEY: &str = "read-key-of-the-tests";

/// A running switch.
pub struct Switch {
    child: Child,
    pub folder: Folder,
    pub sip: SocketAddr,
    pub api: Api,
    /// Its ports are its own as long as it lives.
    _place: Place,
}

/// Where a switch listens, and the ports it has.
pub struct Place {
    pub sip: SocketAddr,
    pub http: SocketAddr,
    pub rtp: Range,
}

impl Place {
    pub fn free() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self { sip: local(ports::free()), http: local(ports::free()), rtp: Range::free() }
    }
}

impl Switch {
    /// Starts a switch with those phones, queues and so on after the sections that every test shares.
    pub fn start(more: &str) -> Self {
        let place = Place::free();
        let text = configuration(&place, "", more);
        Self::start_with(place, &text)
    }

    /// Starts a switch with a whole configuration for that place.
    pub fn start_with(place: Place, text: &str) -> Self {
        let folder = Folder::new("switch");
        folder.write("strowger.toml", text);
        Self::start_in(folder, place, &[])
    }

    /// Starts a switch in a folder with its `strowger.toml`.
    pub fn start_in(folder: Folder, place: Place, arguments: &[&str]) -> Self {
        let child = spawn(&folder, arguments);
        let api = Api::new(place.http, OPS_KEY);
        let mut switch = Self { child, folder, sip: place.sip, api, _place: place };
        switch.wait_ready();
        switch
    }

    fn wait_ready(&mut self) {
        let (folder, child) = (&self.folder, &mut self.child);
        let ready = wait::until("the switch is ready or ends", || {
            let line = folder.read("output").lines().any(|line| line.starts_with("ready"));
            let ended = child.try_wait().expect("it is our child");
            if line { Some(true) } else { ended.map(|_| false) }
        });
        assert!(ready, "the switch did not start: {}", folder.tail("log", 20));
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the switch can be signalled");
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end, which must be exit status 0.
    pub fn ends_well(&mut self) {
        let status = wait::until("the switch ends", || self.ended());
        assert_eq!(status.code(), Some(0), "{}", self.folder.tail("log", 20));
    }

    /// SIGTERM, and its good end.
    pub fn stop(mut self) {
        self.terminate();
        self.ends_well();
    }

    /// SIGTERM, its good end, and a new one with the same configuration, addresses and database.
    pub fn restart(&mut self) {
        self.terminate();
        self.ends_well();
        self.folder.write("output", "");
        self.child = spawn(&self.folder, &[]);
        self.wait_ready();
    }

    /// Waits until no call is left, and checks that no media session or counter says otherwise.
    pub fn calls_end(&self) {
        wait::until_true("all calls have ended", || self.api.list("/calls").is_empty());
        let lines = self.api.request("GET", "/metrics", None).body;
        let live: f64 = lines
            .lines()
            .filter(|line| line.starts_with("strowger_calls{"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        assert!(live == 0.0, "GET /calls is empty, but strowger_calls says {live}");
    }

    /// Waits for that many CDRs, newest first or not.
    pub fn cdrs(&self, count: usize) -> Vec<Value> {
        wait::until(&format!("{count} CDRs are written"), || {
            let items = self.api.list("/cdrs");
            assert!(items.len() <= count, "more than {count} CDRs: {items:?}");
            (items.len() == count).then_some(items)
        })
    }

    /// Waits until the agent has that status.
    pub fn agent_is(&self, agent: &str, status: &str) {
        wait::until_true(&format!("agent {agent} is {status}"), || {
            self.api.get(&format!("/agents/{agent}"))["status"] == status
        });
    }

    /// A figure of the queue's card of today.
    pub fn today(&self, queue: &str, figure: &str) -> u64 {
        self.api.get(&format!("/queues/{queue}"))["today"][figure].as_u64().expect("a count")
    }

    /// Waits until the queue's card of today says all that; then entered = waiting + outcomes, here and in the metrics.
    pub fn today_is(&self, queue: &str, expected: &[(&str, u64)]) {
        let card = || self.api.get(&format!("/queues/{queue}"));
        let said = |card: &Value| expected.iter().all(|(figure, count)| card["today"][*figure] == *count);
        let what = format!("the card of {queue} says {expected:?}");
        wait::until(&what, || Some(card()).filter(said).ok_or(()).ok());
        self.is_balanced(queue);
    }

    /// entered = waiting + outcomes, on the card and in the metrics.
    pub fn is_balanced(&self, queue: &str) {
        let card = self.api.get(&format!("/queues/{queue}"));
        let figure = |name: &str| card["today"][name].as_u64().expect("a count");
        let outcomes =
            ["handled", "abandoned", "pending", "evicted_customer", "evicted_system", "evicted_user"];
        let left: u64 = outcomes.iter().map(|name| figure(name)).sum();
        let waiting = card["waiting"].as_u64().expect("a count");
        assert_eq!(figure("entered"), waiting + left, "{card}");
        assert_eq!(card["unbalanced"], 0, "{card}");
        assert!(self.api.metric(&format!("strowger_queue_unbalanced{{queue=\"{queue}\"}}")) == 0.0);
    }

    /// The same interface for another key.
    pub fn use_key(&mut self, key: &str) {
        self.api = self.api.with_key(key);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the switch:\n{}", self.folder.tail("log", 30));
        }
    }
}

fn spawn(folder: &Folder, arguments: &[&str]) -> Child {
    let file =
        |name: &str| std::fs::File::create(folder.file(name)).expect("the test's folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    command.args(["serve", "--config", "strowger.toml"]).args(arguments).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(file("output")).stderr(file("log"));
    command.spawn().expect("the switch was built")
}

/// The sounds of the repository.
pub fn sounds() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").display().to_string()
}

/// A whole configuration: the shared sections, with `media` added to [media], and `more` after them.
pub fn configuration(place: &Place, media: &str, more: &str) -> String {
    let Place { sip, http, rtp } = place;
    let (first, last) = (rtp.first, rtp.last);
    let ports = if media.contains("ports") { String::new() } else { format!("ports = \"{first}-{last}\"") };
    format!(
        r#"
[sip]
domain = "127.0.0.1"
udp = ["{sip}"]
tcp = ["{sip}"]
registration_min_seconds = 30

[media]
address = "127.0.0.1"
codecs = ["pcma", "pcmu"]
{ports}
{media}

[http]
listen = "{http}"

[store]
url = "sqlite:strowger.db"
recordings = "recordings"

[sounds]
directory = "{sounds}"
language = "en"

[limits]
media_busy_percent = 100
calls_per_second = 1000
requests_per_second = 10000

[[api_key]]
id = "ops"
secret = "{OPS_KEY}"
scopes = ["queue:read", "queue:supervise", "call:control", "campaign:write", "recording:read", "config:write", "metrics:read"]

[[api_key]]
id = "reader"
secret = "{READ_KEY}"
scopes = ["queue:read"]

{more}
"#,
        sounds = sounds(),
    )
}
