//! What the life of a call costs the SIP stack: INVITE, 180, 200, ACK, BYE, 200 through two endpoints and two dialogs.
//!
//! Both sides are counted, with all reading and writing of messages, without sockets. `cargo bench --bench transaction`;
//! time is virtual, so that 32 seconds of finished transactions are in the tables as they are at that many calls a
//! second.

use bytes::Bytes;
use std::hint::black_box;
use std::net::SocketAddr;
use strowger::clock::Instant;
use strowger::ids::Random;
use strowger::sip::dialog::Dialog;
use strowger::sip::endpoint::Effect;
use strowger::sip::endpoint::Endpoint;
use strowger::sip::endpoint::EndpointSettings;
use strowger::sip::endpoint::Flow;
use strowger::sip::endpoint::Transport;
use strowger::sip::msg::Message;
use strowger::sip::msg::Method;
use strowger::sip::msg::Name;
use strowger::sip::msg::write::RequestWriter;
use strowger::sip::msg::write::ResponseWriter;

/// Virtual time before the measurement: by then the first transactions have run out, and the tables are as full as
/// they get.
const WARM_S: u64 = 40;
const CALLS: u64 = 100_000;
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

struct Bench {
    now: Instant,
    ends: [Endpoint; 2],
    ways: [Flow; 2],
    invite: Option<Message>,
    dialog: Option<Dialog>,
    finished: u64,
}

fn main() {
    for (transport, calls_per_s) in
        [(Transport::Udp, 1_000), (Transport::Tcp, 1_000), (Transport::Udp, 10_000)]
    {
        let mut bench = Bench::new(transport);
        let (gap_us, warm) = (1_000_000 / calls_per_s, WARM_S * calls_per_s);
        for call in 0..warm {
            bench.call(call, gap_us);
        }
        let (from, finished) = (cpu_nanos(), bench.finished);
        for call in warm..warm + CALLS {
            bench.call(call, gap_us);
        }
        let nanos = (cpu_nanos() - from) / CALLS;
        assert_eq!(bench.finished - finished, CALLS, "every call ends with the answer to its BYE");
        let live: usize = bench.ends.iter().map(|end| end.servers_live() + end.clients_live()).sum();
        println!("INVITE+BYE life, both sides, {transport:?}: {nanos} ns of CPU; {live} live transactions");
    }
}

/// The time that this thread was on a core, as the scheduler counts it: neighbours on the machine don't matter.
fn cpu_nanos() -> u64 {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with scheduler statistics");
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).expect("a number of nanoseconds")
}

impl Bench {
    fn new(transport: Transport) -> Self {
        let address = |n: u8| SocketAddr::from(([192, 0, 2, n], 5060));
        let way =
            |local, remote| Flow { transport, local: address(local), remote: address(remote), connection: 1 };
        let settings = EndpointSettings { transactions_max: 10_000_000, ..EndpointSettings::default() };
        let end = |seed| Endpoint::new(settings.clone(), Random::seeded(seed));
        Self {
            now: Instant::default(),
            ends: [end(1), end(2)],
            ways: [way(1, 2), way(2, 1)],
            invite: None,
            dialog: None,
            finished: 0,
        }
    }

    fn call(&mut self, number: u64, gap_us: u64) {
        self.now = Instant::from_micros(number * gap_us);
        for side in [0, 1] {
            let mut out = Vec::new();
            self.ends[side].timeout(self.now, &mut out);
            self.carry_out(side, out);
        }
        let mut out = Vec::new();
        let (branch, tag) = (self.ends[0].branch(), self.ends[0].tag());
        let mut writer = RequestWriter::new(Method::Invite, b"sip:2002@192.0.2.2");
        writer.via(self.ways[0].transport.into(), b"192.0.2.1:5060", branch.as_bytes(), true);
        writer.header(Name::MaxForwards, b"70");
        writer.header_fmt(Name::From, format_args!("\"Alice\" <sip:2001@192.0.2.1>;tag={tag}"));
        writer.header(Name::To, b"<sip:2002@192.0.2.2>");
        writer.header_fmt(Name::CallId, format_args!("{tag}{number}@192.0.2.1")).cseq(1, Method::Invite);
        writer.header(Name::Contact, b"<sip:2001@192.0.2.1:5060>");
        writer.header(Name::Allow, b"INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, NOTIFY");
        writer.header(Name::Supported, b"timer, 100rel, replaces").header(Name::UserAgent, b"Bench/1.0");
        let bytes = writer.body(b"application/sdp", SDP).finish();
        self.invite = Message::parse(bytes.clone()).ok();
        self.ends[0].request(self.now, self.ways[0], bytes, 1, &mut out);
        self.carry_out(0, out);
    }

    fn carry_out(&mut self, side: usize, effects: Vec<Effect>) {
        for effect in effects {
            let mut out = Vec::new();
            match effect {
                Effect::Send { bytes, .. } => {
                    self.ends[1 - side].receive(self.now, self.ways[1 - side], black_box(bytes), &mut out);
                    self.carry_out(1 - side, out);
                    continue;
                }
                Effect::Request { tx, message, .. } if message.method() == Method::Invite => {
                    let tag = self.ends[side].tag();
                    black_box(Dialog::uas(&message, &tag, self.ways[side]).expect("a whole INVITE"));
                    self.ends[side].respond(self.now, tx, response(&message, 180, &tag), &mut out);
                    self.ends[side].respond(self.now, tx, response(&message, 200, &tag), &mut out);
                }
                Effect::Request { tx, message, .. } => {
                    self.ends[side].respond(self.now, tx, response(&message, 200, ""), &mut out);
                }
                Effect::Response { tx, user: 1, message } if message.status() == Some(200) => {
                    let invite = self.invite.take().expect("one call at a time");
                    let dialog = Dialog::uac(&invite, &message, self.ways[side]).expect("a whole 200");
                    let branch = self.ends[side].branch();
                    let ack = dialog.ack_for(1, b"192.0.2.1:5060", &branch).finish();
                    self.dialog = Some(dialog);
                    self.ends[side].ack(self.now, tx, ack, self.ways[side], &mut out);
                }
                Effect::Response { user: 2, .. } => self.finished += 1,
                // The callee has its ACK: the caller hangs up.
                Effect::Ack { .. } => {
                    let mut dialog = self.dialog.take().expect("the 200 came before");
                    let branch = self.ends[0].branch();
                    let bye = dialog.request(Method::Bye, b"192.0.2.1:5060", &branch).finish();
                    self.ends[0].request(self.now, self.ways[0], bye, 2, &mut out);
                    self.carry_out(0, out);
                    continue;
                }
                Effect::Response { .. } => {}
                fault @ (Effect::Cancelled { .. }
                | Effect::AckMissing { .. }
                | Effect::Timeout { .. }
                | Effect::Unreachable { .. }
                | Effect::LateAnswer { .. }
                | Effect::Malformed { .. }) => panic!("a call without fault has {fault:?}"),
            }
            self.carry_out(side, out);
        }
    }
}

fn response(request: &Message, code: u16, tag: &str) -> Bytes {
    let mut writer = ResponseWriter::to(request, code, if code == 180 { "Ringing" } else { "OK" });
    if !tag.is_empty() {
        writer.to_tag(tag.as_bytes()).with_record_route();
        writer.header(Name::Contact, b"<sip:2002@192.0.2.2:5060>");
    }
    if code == 200 && !tag.is_empty() {
        writer.body(b"application/sdp", SDP);
    }
    writer.finish()
}
