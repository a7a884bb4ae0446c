//! Messages as a capture file that Wireshark and tshark read.
//!
//! The classic format: one header, then a record for each message, which is wrapped in an IP and a UDP header of its
//! real addresses, whatever transport it came by: what TLS hid is readable, and streams need no reassembly.

use crate::trace::redact::redacted;
use crate::trace::ring::Packet;
use crate::trace::ring::Way;
use std::net::IpAddr;
use std::net::SocketAddr;

/// The number that says "microseconds, in this byte order".
const MAGIC: u32 = 0xa1b2_c3d4;
/// Records begin with an IP header (`LINKTYPE_RAW`).
const LINK_RAW: u32 = 101;
/// The longest record.
const SNAP_LEN: u32 = 65_535;
/// The longest message that fits a UDP datagram over IPv4.
const PAYLOAD_MAX: usize = 65_507 - 20;
const UDP: u8 = 17;

/// The file's bytes, secrets taken out.
pub fn pcap(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::with_capacity(24 + packets.len() * 800);
    file.extend(MAGIC.to_le_bytes());
    // Version 2.4, times in UTC.
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend([0; 8]);
    file.extend(SNAP_LEN.to_le_bytes());
    file.extend(LINK_RAW.to_le_bytes());
    for packet in packets {
        record(packet, &mut file);
    }
    file
}

fn record(packet: &Packet, file: &mut Vec<u8>) {
    let mut message = redacted(&packet.bytes);
    message.truncate(PAYLOAD_MAX);
    let (from, to) = match packet.way {
        Way::In => (packet.remote, packet.local),
        Way::Out => (packet.local, packet.remote),
    };
    let datagram = datagram(from, to, &message);
    let micros = packet.at.as_micros().max(0);
    let word = |value: i64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    file.extend(word(micros / 1_000_000));
    file.extend(word(micros % 1_000_000));
    let len = u32::try_from(datagram.len()).unwrap_or(SNAP_LEN).to_le_bytes();
    file.extend(len);
    file.extend(len);
    file.extend(datagram);
}

/// An IP packet with the message in UDP.
fn datagram(from: SocketAddr, to: SocketAddr, message: &[u8]) -> Vec<u8> {
    let len = u16::try_from(message.len() + 8).unwrap_or(u16::MAX);
    let mut udp = Vec::with_capacity(message.len() + 8);
    udp.extend(from.port().to_be_bytes());
    udp.extend(to.port().to_be_bytes());
    udp.extend(len.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend_from_slice(message);
    let (mut ip, pseudo) = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => v4(from.octets(), to.octets(), len),
        (from, to) => v6(sixteen(from), sixteen(to), len),
    };
    // RFC 768: a sum of zero is sent as all ones, for zero means none.
    let sum = match checksum(&[&pseudo, &udp]) {
        0 => u16::MAX,
        sum => sum,
    };
    if let Some(place) = udp.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    ip.extend(udp);
    ip
}

/// The header of RFC 791 and the pseudo header of RFC 768.
fn v4(from: [u8; 4], to: [u8; 4], udp_len: u16) -> (Vec<u8>, Vec<u8>) {
    let total = udp_len.saturating_add(20).to_be_bytes();
    let mut header = vec![0x45, 0];
    header.extend(total);
    // No identification, "don't fragment", 64 hops.
    header.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
    header.extend(from);
    header.extend(to);
    let sum = checksum(&[&header]);
    if let Some(place) = header.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let mut pseudo = [from, to].concat();
    pseudo.extend([0, UDP]);
    pseudo.extend(udp_len.to_be_bytes());
    (header, pseudo)
}

/// The header of RFC 8200 and the pseudo header of its section 8.1.
fn v6(from: [u8; 16], to: [u8; 16], udp_len: u16) -> (Vec<u8>, Vec<u8>) {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(udp_len.to_be_bytes());
    header.extend([UDP, 64]);
    header.extend(from);
    header.extend(to);
    let mut pseudo = [from, to].concat();
    pseudo.extend(u32::from(udp_len).to_be_bytes());
    pseudo.extend([0, 0, 0, UDP]);
    (header, pseudo)
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// RFC 1071, over parts of even length but for the last.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum = words.fold(0_u32, |sum, word| {
        let high = word.first().copied().unwrap_or(0);
        let low = word.get(1).copied().unwrap_or(0);
        sum.wrapping_add(u32::from(u16::from_be_bytes([high, low])))
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded & 0xffff).unwrap_or(0)
}

#[cfg(test)]
#[path = "pcap_tests.rs"]
mod tests;
