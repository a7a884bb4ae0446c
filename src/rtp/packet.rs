//! One RTP packet: reading its header where it lies, and writing a header of our own in front of its payload.
//!
//! Not a stream: what a sequence number means is `reception`'s and `timeline`'s business.

use std::ops::Range;

/// The fixed header's length without contributing sources and extension (RFC 3550 section 5.1).
pub const HEADER_LENGTH: usize = 12;

/// What the fixed header says, and where the payload lies in the packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// For audio: the first packet of a talk spurt.
    pub marker: bool,
    /// The payload type, below 128.
    pub payload_type: u8,
    /// Grows by one a packet, and wraps.
    pub sequence: u16,
    /// The sampling time of the first byte, in samples, from a random start.
    pub timestamp: u32,
    /// The sender's synchronisation source.
    pub ssrc: u32,
    /// The payload without contributing sources, extension and padding. May be empty.
    pub payload: Range<usize>,
}

/// Why bytes are not an RTP packet. The peer's fault: drop and count.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Shorter than its header says.
    Truncated,
    /// Not version 2: STUN, DTLS or noise.
    Version,
    /// More padding than there is payload, or none where the flag promises some.
    Padding,
}

/// Whether a packet on a port shared by both is RTCP: RFC 5761 section 4, packet types 192 to 223.
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes.get(1), Some(192..=223))
}

/// Reads the header of one packet.
///
/// # Errors
/// [`Malformed`] when the bytes are not one whole RTP packet of version 2 (RFC 3550 section A.1).
pub fn read(bytes: &[u8]) -> Result<Header, Malformed> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER_LENGTH>() else {
        return Err(Malformed::Truncated);
    };
    let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
    if flags >> 6 != 2 {
        return Err(Malformed::Version);
    }
    let mut start = HEADER_LENGTH + 4 * usize::from(flags & 0x0f);
    if flags & 0x10 != 0 {
        // RFC 3550 section 5.3.1: the extension's length is in words and does not count its own first word.
        let words =
            rest.get(start - HEADER_LENGTH + 2..start - HEADER_LENGTH + 4).ok_or(Malformed::Truncated)?;
        let words = words.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        start += 4 + 4 * words;
    }
    if start > bytes.len() {
        return Err(Malformed::Truncated);
    }
    let mut end = bytes.len();
    if flags & 0x20 != 0 {
        // RFC 3550 section 5.1: the last byte counts the padding, itself included.
        let padding = usize::from(bytes.last().copied().unwrap_or(0));
        if padding == 0 || padding > end - start {
            return Err(Malformed::Padding);
        }
        end -= padding;
    }
    Ok(Header {
        marker: kind & 0x80 != 0,
        payload_type: kind & 0x7f,
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        payload: start..end,
    })
}

/// The fields of a header that we send: never contributing sources, an extension or padding.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// First packet of a talk spurt.
    pub marker: bool,
    /// Payload type, below 128.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Our synchronisation source.
    pub ssrc: u32,
}

impl Outgoing {
    /// The twelve bytes on the wire.
    pub fn to_bytes(self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0] = 0x80;
        bytes[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// Puts a header of ours right in front of the payload, where the packet lies, and gives the packet to send.
/// What stood there (contributing sources, extension) and the padding are left out: they were meant for us.
///
/// `header` must be what [`read`] said of these bytes; for other bytes the answer is `None`.
pub fn rewrite<'a>(bytes: &'a mut [u8], header: &Header, out: Outgoing) -> Option<&'a mut [u8]> {
    let start = header.payload.start.checked_sub(HEADER_LENGTH)?;
    let packet = bytes.get_mut(start..header.payload.end)?;
    packet.first_chunk_mut::<HEADER_LENGTH>()?.copy_from_slice(&out.to_bytes());
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn out() -> Outgoing {
        Outgoing { marker: true, payload_type: 8, sequence: 0xfffe, timestamp: 77, ssrc: 0xdead_beef }
    }

    #[test]
    fn a_header_reads_back() {
        let mut bytes = out().to_bytes().to_vec();
        bytes.extend([1, 2, 3]);
        let header = read(&bytes).unwrap();
        assert_eq!((header.marker, header.payload_type, header.sequence), (true, 8, 0xfffe));
        assert_eq!((header.timestamp, header.ssrc, header.payload), (77, 0xdead_beef, 12..15));
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_left_out_by_the_rewrite() {
        let mut bytes = vec![0xb1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([9; 4]); // one contributing source
        bytes.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // an extension of one word
        bytes.extend([1, 2, 3, 0, 2]); // three bytes of payload, two of padding
        let header = read(&bytes).unwrap();
        assert_eq!(&bytes[header.payload.clone()], &[1, 2, 3]);
        let packet = rewrite(&mut bytes, &header, out()).unwrap();
        assert_eq!(packet.len(), 15);
        assert_eq!(read(packet).unwrap().payload, 12..15);
        assert_eq!(&packet[12..], &[1, 2, 3]);
    }

    #[test]
    fn what_is_not_rtp_is_refused() {
        assert_eq!(read(&[]), Err(Malformed::Truncated));
        assert_eq!(read(&[0x80; 11]), Err(Malformed::Truncated));
        assert_eq!(read(&[0; 20]), Err(Malformed::Version));
        assert_eq!(read(&[0x8f; 20]), Err(Malformed::Truncated));
        let mut padded = out().to_bytes();
        padded[0] |= 0x20;
        padded[11] = 0;
        assert_eq!(read(&padded), Err(Malformed::Padding));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(header) = read(&bytes) {
                prop_assert!(header.payload.end <= bytes.len());
                let length = header.payload.len();
                prop_assert_eq!(rewrite(&mut bytes, &header, out()).unwrap().len(), 12 + length);
            }
            let _ = is_rtcp(&bytes);
        }
    }
}
