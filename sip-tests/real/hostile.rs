//! What the wire may bring: nothing of it ends the switch, which serves a call afterwards.

use crate::real::ALICE;
use crate::real::ALICE_HZ;
use crate::real::CALLER_HZ;
use crate::real::baresip::Baresip;
use crate::real::centre;
use crate::real::hears;
use crate::real::party::Party;
use crate::real::sipp_address;
use crate::real::switch::Switch;
use crate::real::trunk_callers;
use std::io::Write;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::path::Path;
use std::path::PathBuf;
use strowger::ids::Random;

/// The seed of the random bytes.
const SEED: u64 = 7;
const RANDOM_DATAGRAMS: usize = 300;

/// The messages of RFC 4475 and RFC 5118, as they are on the wire.
fn torture() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-tests/torture");
    let mut paths: Vec<PathBuf> = ["rfc4475", "rfc5118/wire"]
        .iter()
        .flat_map(|part| {
            std::fs::read_dir(folder.join(part)).expect("the torture messages are in the repository")
        })
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "dat" || end == "sip"))
        .collect();
    paths.sort();
    assert!(paths.len() > 55, "{paths:?}");
    paths.iter().map(|path| std::fs::read(path).expect("it can be read")).collect()
}

/// Random bytes, beginnings of messages, and lengths that nothing has.
fn made_up() -> Vec<Vec<u8>> {
    let mut random = Random::seeded(SEED);
    let mut all = Vec::new();
    for round in 0..RANDOM_DATAGRAMS {
        let length = random.next_u64() as usize % 1400;
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        if round % 3 == 0 {
            bytes.splice(0..0, b"INVITE sip:600@127.0.0.1 SIP/2.0\r\n".iter().copied());
        }
        all.push(bytes);
    }
    for length in ["18446744073709551615", "99999999999999999999999", "-1", "4294967296", "0x10", ""] {
        let text = format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKl{length}\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: length{length}\r\nCSeq: 1 OPTIONS\r\n\
             Max-Forwards: 70\r\nContent-Length: {length}\r\n\r\n"
        );
        all.push(text.into_bytes());
    }
    all.extend([
        Vec::new(),
        vec![0],
        b"\r\n\r\n".to_vec(),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        vec![b'a'; 60_000],
    ]);
    all
}

#[test]
fn no_bytes_on_the_wire_end_the_switch() {
    let trunk = sipp_address();
    let switch = Switch::start(&centre(&[trunk]));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    // Also from the trunk's own address, whose calls are taken.
    let trusted = UdpSocket::bind(trunk).expect("the address was free");
    for bytes in torture().iter().chain(&made_up()) {
        socket.send_to(bytes, switch.sip).expect("loopback carries a datagram");
        trusted.send_to(bytes, switch.sip).expect("loopback carries a datagram");
        // A connection each: the switch may close one that can't be framed any more.
        if let Ok(mut stream) = TcpStream::connect(switch.sip) {
            let _ = stream.write_all(bytes);
        }
    }
    drop(trusted);
    assert_eq!(switch.api.request("GET", "/healthz", None).status, 200);

    let alice = Baresip::registered(&switch, &ALICE);
    let voice = Party::speaking(CALLER_HZ);
    let mut caller = trunk_callers(&switch, trunk, "600", &voice, 1);
    let call = caller.call();
    voice.speak_to(call.port);
    alice.hears(CALLER_HZ);
    hears(&voice, call.port, ALICE_HZ);
    caller.hang_up(&call);
    caller.finish_well(1);
    alice.wait_for("CALL_CLOSED", 1);
    switch.today_is("support", &[("handled", 1)]);
    switch.stop();
}
