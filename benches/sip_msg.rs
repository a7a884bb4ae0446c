//! What reading and writing one SIP message costs: nanoseconds and allocations per operation.
//!
//! `cargo bench --bench sip_msg`. No framework: many short rounds, their median and their best.

#![allow(missing_docs, reason = "a program, not a library")]

use bytes::Bytes;
use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;
use strowger::sip::msg::Message;
use strowger::sip::msg::Method;
use strowger::sip::msg::Name;
use strowger::sip::msg::Transport;
use strowger::sip::msg::frame::Framer;
use strowger::sip::msg::write::RequestWriter;
use strowger::sip::msg::write::ResponseWriter;

/// An INVITE as a desk phone sends it: 913 bytes with its SDP.
const INVITE: &str = "INVITE sip:600@pbx.example.com;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK3d8f7a1c55e04;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Desk One\" <sip:101@pbx.example.com>;tag=8f1c2a77d0\r\n\
    To: <sip:600@pbx.example.com;user=phone>\r\n\
    Call-ID: 4b1a90cf-77d2-11ee-b962-0242ac120002@192.0.2.101\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:101@192.0.2.101:5060;transport=udp>\r\n\
    Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, REFER, NOTIFY, SUBSCRIBE, UPDATE, INFO\r\n\
    Supported: replaces, timer, 100rel\r\n\
    User-Agent: DeskPhone/1.2 (0004f2a1b2c3; firmware 5.9.7.447)\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 307\r\n\
    \r\n\
    v=0\r\n\
    o=- 1700000000 1700000000 IN IP4 192.0.2.101\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.101\r\n\
    t=0 0\r\n\
    m=audio 11780 RTP/AVP 9 8 0 18 101\r\n\
    a=rtpmap:9 G722/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:18 G729/8000\r\n\
    a=fmtp:18 annexb=no\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n";

/// The system's allocator with a counter.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and passes on")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rounds are shorter than a scheduler's time slice, so that the median is free of other programs' time.
const ROUNDS: usize = 1001;
const PER_ROUND: u32 = 500;

#[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn measure(what: &str, mut operation: impl FnMut()) {
    for _ in 0..20 * PER_ROUND {
        operation();
    }
    let mut nanos = Vec::with_capacity(ROUNDS);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..PER_ROUND {
            operation();
        }
        nanos.push(start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND));
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    nanos.sort_by(f64::total_cmp);
    let each = allocations as f64 / (ROUNDS as f64 * f64::from(PER_ROUND));
    println!("{what:<32} {:>6.0} ns (best {:>5.0}) {each:>6.2} allocations", nanos[ROUNDS / 2], nanos[0]);
}

/// What the switch reads of each INVITE; folded into a number so that nothing is left out.
fn read_typed(message: &Message) -> usize {
    let uri = message.request_uri().expect("a well-formed INVITE");
    let via = message.via().expect("a well-formed INVITE");
    let from = message.from().expect("a well-formed INVITE");
    let to = message.to().expect("a well-formed INVITE");
    let cseq = message.cseq().expect("a well-formed INVITE");
    let contact = message.contacts().next().and_then(Result::ok).and_then(|contact| contact.address());
    let length = message.content_length().ok().flatten();
    black_box((uri, via, from, to, cseq, contact));
    from.tag().map_or(0, <[u8]>::len)
        + to.tag().map_or(0, <[u8]>::len)
        + message.call_id().map_or(0, <[u8]>::len)
        + length.map_or(0, |len| len as usize)
}

fn write_invite(message: &Message, buffer: Vec<u8>) -> (Bytes, Vec<u8>) {
    let mut writer = RequestWriter::with_buffer(buffer, Method::Invite, message.request_uri_raw());
    writer.via(Transport::Udp, b"192.0.2.101:5060", b"z9hG4bK3d8f7a1c55e04", true);
    writer.header(Name::MaxForwards, b"70");
    for name in [Name::From, Name::To, Name::CallId] {
        writer.copy_all(message, name);
    }
    writer.cseq(1, Method::Invite);
    for name in [Name::Contact, Name::Allow, Name::Supported, Name::UserAgent] {
        writer.copy_all(message, name);
    }
    let bytes = writer.body(b"application/sdp", message.body_slice()).finish();
    (bytes, writer.into_buffer())
}

fn main() {
    let bytes = Bytes::from_static(INVITE.as_bytes());
    let message = Message::parse(bytes.clone()).expect("a well-formed INVITE");
    assert_eq!((bytes.len(), message.check()), (913, Ok(())));
    let source: SocketAddr = "192.0.2.101:40000".parse().expect("an address");
    println!("INVITE of {} bytes, index of {} bytes", bytes.len(), size_of::<Message>());

    measure("index", || drop(black_box(Message::parse(black_box(bytes.clone())))));
    measure("read typed", || {
        black_box(read_typed(black_box(&message)));
    });
    measure("strict check", || {
        black_box(black_box(&message).check()).expect("a well-formed INVITE");
    });
    let mut buffer = Some(Vec::new());
    measure("serialise (reused buffer)", || {
        let (bytes, back) = write_invite(black_box(&message), buffer.take().unwrap_or_default());
        assert_eq!(bytes.len(), INVITE.len());
        buffer = Some(back);
    });
    measure("answer 180 (reused buffer)", || {
        let mut writer = ResponseWriter::with_buffer(
            buffer.take().unwrap_or_default(),
            black_box(&message),
            180,
            "Ringing",
        );
        black_box(writer.source(source).to_tag(b"t1").header(Name::Contact, b"<sip:192.0.2.1>").finish());
        buffer = Some(writer.into_buffer());
    });
    let mut framer = Framer::new();
    measure("frame from a stream and index", || {
        framer.push(black_box(INVITE.as_bytes()));
        black_box(framer.pop().expect("a well-formed INVITE"));
    });
}
