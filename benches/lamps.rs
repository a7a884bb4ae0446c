//! What a change costs where a thousand lamps show it: from the agent's pause to a thousand NOTIFYs ready to be sent.
//!
//! The core alone, without sockets; time is virtual. `cargo bench --bench lamps`.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use strowger::clock::{Instant, Now, Wall};
use strowger::config;
use strowger::ids::Random;
use strowger::metrics::Metrics;
use strowger::record::QueueStatus;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};
use strowger::store::Restored;
use strowger::switch::action::Action;
use strowger::switch::addresses::Addresses;
use strowger::switch::core::{Core, Input, Output};

const LAMPS: u32 = 1000;
const CHANGES: u32 = 200;
const HERE: &str = "127.0.0.1:5060";
const CONFIGURATION: &str = r#"
[sip]
domain = "example.com"
udp = ["127.0.0.1:5060"]
subscriptions_per_phone_max = 1000
[limits]
requests_per_second = 1000000
[[phone]]
number = "1001"
secret = "pw"
[[agent]]
id = "alice"
phone = "1001"
queues = ["support"]
initial_status = "ready"
[[queue]]
id = "support"
name = "Support"
number = "600"
"#;

struct Bench {
    core: Core,
    now: Instant,
    flow: Flow,
}

impl Bench {
    fn new() -> Self {
        let config = Arc::new(config::parse("bench", CONFIGURATION, &|_| None).expect("it is right").config);
        let local = HERE.parse().expect("an address");
        let bound = vec![(Transport::Udp, local)];
        let addresses = Addresses::new(Arc::clone(&config), bound, local.ip());
        let now = Instant::from_micros(1_000_000);
        let core =
            Core::new(config, addresses, Restored::default(), Random::seeded(1), Metrics::new(), both(now));
        let remote = "127.0.0.1:5070".parse().expect("an address");
        Self { core, now, flow: Flow { transport: Transport::Udp, local, remote, connection: 0 } }
    }

    fn receive(&mut self, bytes: Bytes) -> Vec<Message> {
        let mut out = Vec::new();
        self.core.handle(both(self.now), Input::Received { flow: self.flow, bytes }, &mut out);
        sent(out)
    }

    fn subscribe(&mut self, lamp: u32) {
        let text = |cseq: u32, line: &str| {
            Bytes::from(format!(
                "SUBSCRIBE sip:*46@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{lamp}x{cseq}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:1001@example.com>;tag=f{lamp}\r\nTo: <sip:*46@example.com>\r\n\
                 Call-ID: {lamp}@bench\r\nCSeq: {cseq} SUBSCRIBE\r\nContact: <sip:1001@127.0.0.1:5070>\r\n\
                 Event: dialog\r\nExpires: 3600\r\n{line}Content-Length: 0\r\n\r\n"
            ))
        };
        let challenged = self.receive(text(1, "")).remove(0);
        let challenge = Challenge::topmost(&challenged, Name::WwwAuthenticate).expect("a challenge");
        let value = Login::with_password("1001", "pw")
            .answer(&challenge, Method::Subscribe, b"sip:*46@example.com", 1, &mut Random::seeded(2))
            .expect("an answer");
        let line = format!("Authorization: {}\r\n", String::from_utf8(value).expect("text"));
        let came = self.receive(text(2, &line));
        self.accept(&came);
    }

    /// Every NOTIFY is taken.
    fn accept(&mut self, messages: &[Message]) -> u32 {
        let mut count = 0;
        for notify in
            messages.iter().filter(|message| message.method() == Method::Notify && message.status().is_none())
        {
            self.receive(ResponseWriter::to(notify, 200, "OK").finish());
            count += 1;
        }
        count
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let mut out = Vec::new();
        self.core.handle(both(self.now), Input::Timeout, &mut out);
        self.accept(&sent(out));
    }
}

fn both(now: Instant) -> Now {
    Now { instant: now, wall: Wall::from_micros(i64::try_from(now.as_micros()).unwrap_or(0)) }
}

fn sent(out: Vec<Output>) -> Vec<Message> {
    let message = |output| match output {
        Output::Send { bytes, .. } => Message::parse(bytes).ok(),
        Output::PeerName { .. }
        | Output::Phone(_)
        | Output::Resolve(_)
        | Output::Media { .. }
        | Output::Recorder(..)
        | Output::Fact(_)
        | Output::Binding(_)
        | Output::Notice(_) => None,
    };
    out.into_iter().filter_map(message).collect()
}

fn main() {
    let mut bench = Bench::new();
    for lamp in 0..LAMPS {
        bench.subscribe(lamp);
    }
    bench.pass(Duration::from_secs(1));
    let (mut nanos, mut notifies, mut bytes) = (0, 0, 0);
    for change in 0..CHANGES {
        let status = if change % 2 == 0 { QueueStatus::Paused { reason: None } } else { QueueStatus::Ready };
        let action =
            Action::SetAgentStatus { agent: "alice".into(), status, queues: None, by: "bench".to_owned() };
        let mut out = Vec::new();
        let from = cpu_nanos();
        bench.core.act(both(bench.now), action, &mut out).expect("she may");
        nanos += cpu_nanos() - from;
        let messages = sent(out);
        bytes += messages.iter().map(|message| message.as_bytes().len() as u64).sum::<u64>();
        notifies += bench.accept(&messages);
        // Long enough for the transactions of before to run out.
        bench.pass(Duration::from_secs(6));
    }
    assert_eq!(notifies, LAMPS * CHANGES, "every lamp is told of every change, once");
    let all = u64::from(notifies);
    println!("a change for a lamp, NOTIFY written: {} ns of CPU, {} bytes", nanos / all, bytes / all);
}

/// The time that this thread was on a core, as the scheduler counts it: neighbours on the machine don't matter.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts a thread's time");
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("the first number is nanoseconds")
}
