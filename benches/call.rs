//! What a whole call and a whole registration cost the signalling core: from the caller's INVITE to the end of both legs.
//!
//! The core alone, with its dial plan, media commands and log lines, without sockets; time is virtual, so that the
//! tables are as full as at that many a second. The peers' messages are counted apart and taken off.
//! `cargo bench --bench call`; `-- calls 2000` and `-- registrations 2000` do one thing so many times, for a profiler
//! that counts instructions.
#![allow(unsafe_code, reason = "an allocator is an unsafe thing by its trait")]

use bytes::Bytes;
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use strowger::clock::{Instant, Now, Wall};
use strowger::config;
use strowger::ids::Random;
use strowger::media::command::{Command, Event, LegStats};
use strowger::metrics::Metrics;
use strowger::sip::digest::{Challenge, Login};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::sip::msg::write::ResponseWriter;
use strowger::sip::msg::{Message, Method, Name};
use strowger::store::Restored;
use strowger::switch::addresses::Addresses;
use strowger::switch::core::{Core, Input, Output};

const HERE: &str = "127.0.0.1:45060";
const CALLER: &str = "127.0.0.2:5071";
const FAR: &str = "127.0.0.3:5070";
const CALLS_PER_S: u64 = 2000;
/// Virtual time before the measurement: by then the first transactions have run out.
const WARM_S: u64 = 40;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is the allocator of the binary; only a number is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the core itself took.
#[derive(Copy, Clone, Default)]
struct Spent {
    nanos: u64,
    allocations: u64,
    inputs: u64,
}

struct Bench {
    core: Core,
    now: Instant,
    out: Vec<Output>,
    spent: Spent,
    facts: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let count = arguments.get(1).and_then(|word| word.parse().ok());
    match (arguments.first().map(String::as_str), count) {
        (Some("calls"), Some(count)) => calls(0, count),
        (Some("registrations"), Some(count)) => registrations(0, count),
        _ => {
            calls(WARM_S * CALLS_PER_S, 40_000);
            registrations(WARM_S * CALLS_PER_S, 40_000);
        }
    }
}

fn calls(warm: u64, count: u64) {
    let mut bench = Bench::new();
    (0..warm).for_each(|n| bench.call(n));
    (bench.spent, bench.facts) = (Spent::default(), 0);
    (warm..warm + count).for_each(|n| bench.call(n));
    assert_eq!(bench.facts, count, "every call leaves its record");
    bench.report("call, trunk to trunk, media anchored", count);
}

fn registrations(warm: u64, count: u64) {
    let mut bench = Bench::new();
    (0..warm).for_each(|n| bench.register(n));
    bench.spent = Spent::default();
    (warm..warm + count).for_each(|n| bench.register(n));
    bench.report("registration, two REGISTERs with digest", count);
}

impl Bench {
    fn new() -> Self {
        let text = std::fs::read_to_string("config/load.toml").expect("the load configuration");
        let config = Arc::new(config::parse("bench", &text, &|_| None).expect("it is right").config);
        let local: SocketAddr = HERE.parse().expect("an address");
        let addresses = Addresses::new(Arc::clone(&config), vec![(Transport::Udp, local)], local.ip());
        let now = Instant::from_micros(1_000_000);
        let core =
            Core::new(config, addresses, Restored::default(), Random::seeded(1), Metrics::new(), both(now));
        let mut bench = Self { core, now, out: Vec::new(), spent: Spent::default(), facts: 0 };
        let ports = (10_000..11_000).step_by(2).collect();
        bench.input(Input::Media(Event::Ports { worker: 0, ports }));
        bench
    }

    /// Gives the core one input; its messages come back, and media is answered as a worker would.
    fn input(&mut self, input: Input) -> Vec<(SocketAddr, Bytes)> {
        let mut sent = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let (nanos, allocations) = (cpu_nanos(), ALLOCATIONS.get());
            self.core.handle(both(self.now), input, &mut self.out);
            self.spent.nanos += cpu_nanos() - nanos;
            self.spent.allocations += ALLOCATIONS.get() - allocations;
            self.spent.inputs += 1;
            for output in self.out.drain(..) {
                match output {
                    Output::Send { flow, bytes } => sent.push((flow.remote, bytes)),
                    Output::Media { worker, command: Command::Open { port, .. } } => {
                        inputs.push(Input::Media(Event::Ports { worker, ports: vec![port] }));
                    }
                    Output::Media { command: Command::Close { leg }, .. } => {
                        inputs.push(Input::Media(Event::Closed { leg, stats: LegStats::default() }));
                    }
                    Output::Fact(_) => self.facts += 1,
                    Output::PeerName { .. }
                    | Output::Recorder(..)
                    | Output::Phone(_)
                    | Output::Resolve(_)
                    | Output::Media { .. }
                    | Output::Binding(_)
                    | Output::Notice(_) => {}
                }
            }
        }
        sent
    }

    fn receive(&mut self, from: &str, bytes: Bytes) -> Vec<(SocketAddr, Bytes)> {
        let local = HERE.parse().expect("an address");
        let remote = from.parse().expect("an address");
        self.input(Input::Received {
            flow: Flow { transport: Transport::Udp, local, remote, connection: 0 },
            bytes,
        })
    }

    /// Time goes on, and what is due is done.
    fn pass(&mut self) {
        self.now = self.now + Duration::from_micros(1_000_000 / CALLS_PER_S);
        if self.core.poll_timeout().is_some_and(|at| at <= self.now) {
            self.input(Input::Timeout);
        }
    }

    fn call(&mut self, n: u64) {
        self.pass();
        let text = |method: &str, to_tag: &str, cseq: u32, branch: &str, body: &str| {
            let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
            Bytes::from(format!(
                "{method} sip:1{n}@{HERE} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bK{branch}{n};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:caller@{CALLER}>;tag=f{n}\r\nTo: <sip:1{n}@{HERE}>{to_tag}\r\n\
                 Call-ID: {n}@bench\r\nCSeq: {cseq} {method}\r\nContact: <sip:caller@{CALLER}>\r\n{kind}\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ))
        };
        let sent = self.receive(CALLER, text("INVITE", "", 1, "i", SDP));
        let invite = find(&sent, FAR, |message| message.method() == Method::Invite);
        let ringing = ResponseWriter::to(&invite, 180, "Ringing").to_tag(b"t").finish();
        self.receive(FAR, ringing);
        let mut answer = ResponseWriter::to(&invite, 200, "OK");
        answer.to_tag(b"t").header_fmt(Name::Contact, format_args!("<sip:far@{FAR}>"));
        let answer = answer.body(b"application/sdp", SDP.as_bytes()).finish();
        let sent = self.receive(FAR, answer);
        let answered = find(&sent, CALLER, |message| message.status() == Some(200));
        let to = String::from_utf8_lossy(answered.header(Name::To).expect("a To")).into_owned();
        let tag = to.split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).expect("a tag");
        self.receive(CALLER, text("ACK", &tag, 1, "a", ""));
        let sent = self.receive(CALLER, text("BYE", &tag, 2, "b", ""));
        let bye = find(&sent, FAR, |message| message.method() == Method::Bye);
        self.receive(FAR, ResponseWriter::to(&bye, 200, "OK").finish());
    }

    fn register(&mut self, n: u64) {
        self.pass();
        let user = format!("u{:04}", n % 10_000);
        let text = |cseq: u64, line: &str| {
            Bytes::from(format!(
                "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bK{n}r{cseq};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag=f{n}\r\nTo: <sip:{user}@127.0.0.1>\r\n\
                 Call-ID: {user}@bench\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{CALLER}>\r\n\
                 Expires: 60\r\n{line}Content-Length: 0\r\n\r\n"
            ))
        };
        let sent = self.receive(CALLER, text(2 * n + 1, ""));
        let challenged = find(&sent, CALLER, |message| message.status() == Some(401));
        let challenge = Challenge::topmost(&challenged, Name::WwwAuthenticate).expect("a challenge");
        let value = Login::with_password(&user, "secret")
            .answer(&challenge, Method::Register, b"sip:127.0.0.1", 1, &mut Random::seeded(n))
            .expect("an answer");
        let line = format!("Authorization: {}\r\n", String::from_utf8(value).expect("text"));
        let sent = self.receive(CALLER, text(2 * n + 2, &line));
        find(&sent, CALLER, |message| message.status() == Some(200));
    }

    fn report(&self, what: &str, count: u64) {
        let each = |sum: u64| sum as f64 / count as f64;
        println!(
            "{what}: {:.1} us of CPU, {:.0} allocations, {:.1} inputs",
            each(self.spent.nanos) / 1000.0,
            each(self.spent.allocations),
            each(self.spent.inputs)
        );
    }
}

fn find(sent: &[(SocketAddr, Bytes)], to: &str, is: impl Fn(&Message) -> bool) -> Message {
    let to: SocketAddr = to.parse().expect("an address");
    let mut messages = sent.iter().filter(|(remote, _)| *remote == to);
    let found = messages.find_map(|(_, bytes)| Message::parse(bytes.clone()).ok().filter(&is));
    found.unwrap_or_else(|| panic!("not among what was sent: {sent:?}"))
}

fn both(now: Instant) -> Now {
    Now {
        instant: now,
        wall: Wall::from_micros(1_790_000_000_000_000 + i64::try_from(now.as_micros()).unwrap_or(0)),
    }
}

/// The clock of this thread's CPU time.
fn cpu_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`, which is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
