//! The headers of IPv4 and UDP before a packet that leaves by a raw socket (RFC 791, RFC 768).
//!
//! Pure bytes. The kernel fills in the IPv4 checksum and the identification, which a packet that may not be cut does
//! not need (RFC 6864 section 4.1).

use std::net::Ipv4Addr;
use std::net::SocketAddrV4;

/// Bytes of both headers.
pub(crate) const HEADROOM: usize = 28;
const IP_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
const UDP: u8 = 17;
/// Version 4, five words.
const VERSION: u8 = 0x45;
/// Never cut: a packet too long for a network on the way is lost, as a voice packet may be.
const DO_NOT_FRAGMENT: u16 = 0x4000;

/// What all packets of one sender have in common.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sender {
    /// Our address.
    pub(crate) address: Ipv4Addr,
    /// The mark for the networks on the way: the whole byte of the traffic class.
    pub(crate) class: u8,
    /// Hops that it may take.
    pub(crate) hops: u8,
}

impl Sender {
    /// Writes the headers into the first [`HEADROOM`] bytes of `frame`, whose rest is the payload; `false` when it
    /// is shorter or longer than a datagram can be.
    pub(crate) fn head(self, port: u16, to: SocketAddrV4, frame: &mut [u8]) -> bool {
        let Ok(total) = u16::try_from(frame.len()) else { return false };
        let Some((ip, rest)) = frame.split_first_chunk_mut::<IP_BYTES>() else { return false };
        let length = (rest.len() as u16).to_be_bytes();
        let sum = self.checksum(port, to, rest.get(UDP_BYTES..).unwrap_or_default());
        let Some((udp, _)) = rest.split_first_chunk_mut::<UDP_BYTES>() else { return false };
        let [a, b, c, d] = self.address.octets();
        let [e, f, g, h] = to.ip().octets();
        let [t0, t1] = total.to_be_bytes();
        let [f0, f1] = DO_NOT_FRAGMENT.to_be_bytes();
        *ip = [VERSION, self.class, t0, t1, 0, 0, f0, f1, self.hops, UDP, 0, 0, a, b, c, d, e, f, g, h];
        let ([p0, p1], [q0, q1], [l0, l1]) = (port.to_be_bytes(), to.port().to_be_bytes(), length);
        let [s0, s1] = sum.to_be_bytes();
        *udp = [p0, p1, q0, q1, l0, l1, s0, s1];
        true
    }

    /// RFC 768: the one's complement of the sum over the pseudo header, the header and the payload; never 0, which
    /// says that there is none and is not let through everywhere.
    fn checksum(self, port: u16, to: SocketAddrV4, payload: &[u8]) -> u16 {
        let length = (payload.len() + UDP_BYTES) as u64;
        let mut sum = u64::from(u32::from(self.address)) + u64::from(u32::from(*to.ip()));
        sum += u64::from(UDP) + 2 * length + u64::from(port) + u64::from(to.port());
        // A sum over words of 32 bits folds to the same as one over words of 16 (RFC 1071 section 2).
        let (words, rest) = payload.as_chunks::<4>();
        sum += words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum::<u64>();
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum += u64::from(u32::from_be_bytes(last));
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        match !(sum as u16) {
            0 => u16::MAX,
            sum => sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: Sender = Sender { address: Ipv4Addr::new(192, 0, 2, 1), class: 0xb8, hops: 64 };
    const TO: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 7), 4000);

    /// The sum that a receiver makes over the pseudo header and all of the datagram: all ones when it is whole.
    fn received(frame: &[u8]) -> u16 {
        let mut bytes = frame[12..20].to_vec();
        bytes.extend([0, UDP, frame[24], frame[25]]);
        bytes.extend(&frame[IP_BYTES..]);
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        let mut sum: u32 = bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn a_receiver_finds_every_length_whole() {
        for length in 0..400 {
            let mut frame = vec![0; HEADROOM];
            frame.extend((0..length).map(|n| (n * 37 + 5) as u8));
            assert!(SENDER.head(20_000, TO, &mut frame));
            assert_eq!(received(&frame), 0xffff, "{length} bytes");
            assert_eq!(frame[2..4], ((HEADROOM + length) as u16).to_be_bytes());
            assert_eq!(frame[24..26], ((UDP_BYTES + length) as u16).to_be_bytes());
        }
    }

    #[test]
    fn the_headers_say_who_to_whom_and_how() {
        let mut frame = [0; HEADROOM + 2];
        assert!(SENDER.head(20_000, TO, &mut frame));
        assert_eq!(frame[..10], [0x45, 0xb8, 0, 30, 0, 0, 0x40, 0, 64, 17]);
        assert_eq!(frame[12..20], [192, 0, 2, 1, 198, 51, 100, 7]);
        assert_eq!(frame[20..26], [0x4e, 0x20, 0x0f, 0xa0, 0, 10]);
        assert!(!SENDER.head(1, TO, &mut [0; HEADROOM - 1]) && !SENDER.head(1, TO, &mut vec![0; 65_536]));
    }

    #[test]
    fn a_sum_that_comes_out_as_none_is_sent_as_its_other_form() {
        let mut frame = [0; HEADROOM + 2];
        SENDER.head(20_000, TO, &mut frame);
        // The payload that fills the sum up to all ones.
        let (high, low) = (frame[26], frame[27]);
        frame[HEADROOM..].copy_from_slice(&[high, low]);
        SENDER.head(20_000, TO, &mut frame);
        assert_eq!(frame[26..28], [0xff, 0xff]);
    }
}
