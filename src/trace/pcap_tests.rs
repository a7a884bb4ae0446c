//! A strict reader of the format, which believes nothing: what it reads from our file is what went in.

use crate::clock::Wall;
use crate::trace::Packet;
use crate::trace::Thread;
use crate::trace::Way;
use crate::trace::pcap;
use bytes::Bytes;
use std::net::IpAddr;
use std::net::SocketAddr;

/// Takes so many bytes off the front.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (front, back) = rest.split_at(len);
    *rest = back;
    front
}

fn little(rest: &mut &[u8]) -> u32 {
    u32::from_le_bytes(take(rest, 4).try_into().unwrap())
}

fn big(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().unwrap())
}

/// RFC 1071: with its own sum in place, everything adds up to all ones.
fn adds_up(parts: &[&[u8]]) -> bool {
    let mut sum = 0_u64;
    for part in parts {
        for word in part.chunks(2) {
            sum += u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum == 0xffff
}

type Read = (i64, SocketAddr, SocketAddr, Vec<u8>);

fn read(file: &[u8]) -> Vec<Read> {
    let mut rest = file;
    let header = take(&mut rest, 24);
    assert_eq!(header[..4], 0xa1b2_c3d4_u32.to_le_bytes());
    assert_eq!(header[4..16], [2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(header[20..24], [101, 0, 0, 0]);
    let snap = u32::from_le_bytes(header[16..20].try_into().unwrap());
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let (seconds, micros) = (little(&mut rest), little(&mut rest));
        let (kept, whole) = (little(&mut rest), little(&mut rest));
        assert!(micros < 1_000_000 && kept == whole && kept <= snap);
        let (from, to, message) = ip(take(&mut rest, kept as usize));
        packets.push((i64::from(seconds) * 1_000_000 + i64::from(micros), from, to, message.to_vec()));
    }
    packets
}

fn ip(packet: &[u8]) -> (SocketAddr, SocketAddr, &[u8]) {
    let address = |bytes: &[u8]| match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).unwrap()),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).unwrap()),
    };
    let (from, to, udp) = if packet[0] == 0x45 {
        assert!(adds_up(&[&packet[..20]]), "the header's checksum");
        assert_eq!((usize::from(big(&packet[2..4])), packet[9]), (packet.len(), 17));
        (&packet[12..16], &packet[16..20], &packet[20..])
    } else {
        assert_eq!(packet[0] >> 4, 6);
        assert_eq!((usize::from(big(&packet[4..6])), packet[6]), (packet.len() - 40, 17));
        (&packet[8..24], &packet[24..40], &packet[40..])
    };
    assert_eq!(usize::from(big(&udp[4..6])), udp.len(), "the length of UDP");
    let pseudo = [from, to, &[0, 17], &udp[4..6]].concat();
    assert!(big(&udp[6..8]) != 0 && adds_up(&[&pseudo, udp]), "the checksum of UDP");
    let end = |ip, port| SocketAddr::new(address(ip), big(port));
    (end(from, &udp[..2]), end(to, &udp[2..4]), &udp[8..])
}

#[test]
fn a_strict_reader_finds_what_passed_by() {
    let packet = |micros, way, local: &str, remote: &str, bytes: Vec<u8>| Packet {
        at: Wall::from_micros(micros),
        way,
        transport: "tls",
        local: local.parse().unwrap(),
        remote: remote.parse().unwrap(),
        thread: Thread::of(b"1"),
        bytes: Bytes::from(bytes),
    };
    let invite = b"INVITE sip:a SIP/2.0\r\nAuthorization: Digest response=\"dead\"\r\n\r\n".to_vec();
    let packets = [
        packet(1_700_000_000_999_999, Way::In, "192.0.2.1:5060", "192.0.2.9:40000", invite),
        packet(
            1_700_000_001_000_000,
            Way::Out,
            "[2001:db8::1]:5061",
            "[2001:db8::9]:5060",
            b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        ),
        packet(1_700_000_001_000_001, Way::Out, "192.0.2.1:5060", "192.0.2.9:1", vec![0xff; 65_535]),
        packet(1_700_000_001_000_002, Way::Out, "192.0.2.1:5060", "192.0.2.9:1", vec![b'x'; 3]),
    ];
    let found = read(&pcap(&packets));
    assert_eq!(found.len(), packets.len());
    for (packet, (micros, from, to, message)) in packets.iter().zip(&found) {
        let ends =
            if packet.way == Way::In { (packet.remote, packet.local) } else { (packet.local, packet.remote) };
        assert_eq!((packet.at.as_micros(), ends), (*micros, (*from, *to)));
        assert!(!message.windows(4).any(|part| part == b"dead"), "a digest");
    }
    assert_eq!(found[1].3, b"SIP/2.0 200 OK\r\n\r\n");
    assert!(read(&pcap(&[])).is_empty());
}
