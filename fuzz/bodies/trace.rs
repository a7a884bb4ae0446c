//! Any bytes as a message that is kept and shown: no part of credentials gets out, and the capture file stays whole.

use bytes::Bytes;
use strowger::clock::Wall;
use strowger::trace;
use strowger::trace::Head;
use strowger::trace::Packet;
use strowger::trace::Thread;
use strowger::trace::Way;

pub fn run(data: &[u8]) {
    let head = Head::of(data);
    assert!(head.call_id.len() <= data.len() && head.user_agent.len() <= data.len());
    let shown = trace::redacted(data);
    assert_eq!(trace::redacted(&shown), shown, "what is hidden is hidden once");
    let packet = Packet {
        at: Wall::from_micros(1_700_000_000_000_000),
        way: Way::In,
        transport: "udp",
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "192.0.2.2:5060".parse().expect("an address"),
        thread: Thread::of(head.call_id),
        bytes: Bytes::copy_from_slice(data),
    };
    let ladder = trace::ladder(std::slice::from_ref(&packet));
    assert!(
        ladder.chars().all(|letter| letter == '\n' || !letter.is_control()),
        "a terminal would act on it"
    );
    let file = trace::pcap(std::slice::from_ref(&packet));
    let len = u32::from_le_bytes(file[32..36].try_into().expect("four bytes"));
    assert_eq!(file.len(), 40 + len as usize);
    let _ = trace::concerns(&packet, "1001");
}
