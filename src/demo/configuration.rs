//! The demo's configuration, as a person would have written it.

use crate::config;
use crate::config::Config;
use crate::demo::cast;
use crate::demo::scenery::Scenery;
use std::fmt::Write;
use std::net::SocketAddr;

/// Agents have this long after a call; short, so that there is something to see.
pub(in crate::demo) const WRAP_UP_SECONDS: u64 = 2;

/// All passwords of the demo.
#[derive(Debug)]
pub(in crate::demo) struct Secrets {
    /// The API key.
    pub(in crate::demo) key: String,
    /// The newcomer's phones, in the order of [`cast::GUESTS`].
    pub(in crate::demo) guests: Vec<String>,
    /// The simulated agents' phones.
    pub(in crate::demo) agents: Vec<String>,
}

impl Secrets {
    /// New ones.
    pub(in crate::demo) fn draw(scenery: &mut Scenery, agents: usize) -> Self {
        Self {
            key: scenery.secret(),
            guests: cast::GUESTS.iter().map(|_| scenery.secret()).collect(),
            agents: (0..agents).map(|_| scenery.secret()).collect(),
        }
    }
}

/// The configuration; `callers` is where the simulated callers call from.
///
/// # Errors
/// Faults of the text, which would be faults of this program: a path that no text can hold, for one.
pub(in crate::demo) fn configuration(
    scenery: &Scenery,
    secrets: &Secrets,
    callers: SocketAddr,
) -> Result<Config, String> {
    let text = text(scenery, secrets, callers);
    match config::parse("demo", &text, &|_| None) {
        Ok(loaded) => Ok(loaded.config),
        Err(faults) => Err(faults.iter().map(|fault| format!("{fault}\n")).collect()),
    }
}

fn text(scenery: &Scenery, secrets: &Secrets, callers: SocketAddr) -> String {
    let quoted = |path: std::path::PathBuf| format!("{:?}", path.to_string_lossy());
    let (sip, http, key) = (scenery.sip, scenery.http, &secrets.key);
    let (queue, number, prefix) = (cast::QUEUE, cast::QUEUE_NUMBER, cast::QUEUE_NUMBER);
    let database = quoted(format!("sqlite:{}", scenery.file("demo.db").display()).into());
    let recordings = quoted(scenery.file("recordings"));
    let sounds = quoted(scenery.sounds.clone());
    let mut text = format!(
        r#"
[sip]
domain = "{ip}"
udp = ["{sip}"]
tcp = ["{sip}"]

[media]
address = "{ip}"
ports = "20000-29999"
codecs = ["pcma", "pcmu"]

[http]
listen = "{http}"

[store]
url = {database}
recordings = {recordings}

[sounds]
directory = {sounds}
language = "en"

# The demo judges every call, so none may be refused because the machine does something else as well.
[limits]
media_busy_percent = 100
calls_per_second = 10000
requests_per_second = 100000

[[api_key]]
id = "demo"
secret = "{key}"
scopes = ["queue:read", "queue:supervise", "call:control", "metrics:read"]

[[trunk]]
id = "callers"
kind = "ip"
hosts = ["{callers}"]
max_calls = 1000
options_seconds = 0

[[inbound]]
trunk = "callers"
number = "{prefix}"
to = "queue:{queue}"

[[queue]]
id = "{queue}"
name = "Support"
number = "{number}"
strategy = "longest-idle"
ring_timeout_seconds = 15
wrap_up_seconds = {WRAP_UP_SECONDS}
max_length = 1000
join_when_empty = true
music = "default"
"#,
        ip = sip.ip(),
    );
    for ((number, id, name), secret) in cast::GUESTS.iter().zip(&secrets.guests) {
        agent(&mut text, number, id, name, secret);
    }
    for (at, secret) in secrets.agents.iter().enumerate() {
        agent(&mut text, &cast::agent_phone(at), &cast::agent_id(at), &cast::agent_name(at), secret);
    }
    text
}

fn agent(text: &mut String, number: &str, id: &str, name: &str, secret: &str) {
    let queue = cast::QUEUE;
    write!(
        text,
        r#"
[[phone]]
number = "{number}"
secret = "{secret}"
display_name = "{name}"

[[agent]]
id = "{id}"
name = "{name}"
phone = "{number}"
queues = ["{queue}"]
initial_status = "ready"
"#
    )
    .expect("a string takes all that is written");
}
