//! What SRTP has to know of an RTP packet: how long its header is, whose it is, its sequence number.
//!
//! Not `rtp::packet`, which looks at the padding too: that is secret here.

use crate::srtp::receiver::Fault;

/// The fixed header (RFC 3550 section 5.1).
const FIXED_LEN: usize = 12;

/// The part of a packet that is authenticated and not encrypted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::srtp) struct Header {
    /// Its length with contributing sources and extension.
    pub(in crate::srtp) len: usize,
    /// The sequence number.
    pub(in crate::srtp) sequence: u16,
    /// The source.
    pub(in crate::srtp) ssrc: u32,
}

impl Header {
    /// Reads it.
    pub(in crate::srtp) fn read(packet: &[u8]) -> Result<Self, Fault> {
        let fixed = packet.first_chunk::<FIXED_LEN>().ok_or(Fault::Malformed)?;
        let [flags, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(Fault::Malformed);
        }
        let mut len = FIXED_LEN + 4 * usize::from(flags & 0x0f);
        if flags & 0x10 != 0 {
            // RFC 3550 section 5.3.1: the length is in words and does not count the extension's own first word.
            let words = packet.get(len + 2..).and_then(|rest| rest.first_chunk()).ok_or(Fault::Malformed)?;
            len += 4 + 4 * usize::from(u16::from_be_bytes(*words));
        }
        if len > packet.len() {
            return Err(Fault::Malformed);
        }
        let (sequence, ssrc) = (u16::from_be_bytes([s0, s1]), u32::from_be_bytes([c0, c1, c2, c3]));
        Ok(Self { len, sequence, ssrc })
    }
}
