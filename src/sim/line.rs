//! The audio of one call: a mouth with its RTP stream, and an ear.
//!
//! Not a socket: it knows which of its party's sockets it uses, by number. Owned by `lines`.

use crate::clock::Instant;
use crate::ids::Random;
use crate::rtp::packet::HEADER_LENGTH;
use crate::rtp::packet::Outgoing;
use crate::rtp::packet::read;
use crate::sim::ear::Ear;
use crate::sim::voice::FRAME_LEN;
use crate::sim::voice::Mouth;
use std::net::SocketAddr;

/// The bytes of one packet of 20 ms of G.711.
pub(crate) const PACKET_LEN: usize = HEADER_LENGTH + FRAME_LEN;

/// What the peer agreed to.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Where to send to, when we may.
    pub(crate) remote: Option<SocketAddr>,
    /// The peer's payload number.
    pub(crate) payload_type: u8,
    /// The voice in the codec agreed on.
    pub(crate) mouth: Mouth,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) socket: usize,
    pub(crate) source: Option<SocketAddr>,
    pub(crate) stream: Option<Stream>,
    pub(crate) ear: Ear,
    pub(crate) sent: u64,
    begun: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

impl Line {
    /// A line on that socket, silent until it has a stream.
    pub(crate) fn new(socket: usize, ear: Ear, random: &mut Random) -> Self {
        Self {
            socket,
            source: None,
            stream: None,
            ear,
            sent: 0,
            begun: false,
            sequence: random.next_u64() as u16,
            timestamp: random.next_u64() as u32,
            ssrc: random.next_u64() as u32,
        }
    }

    /// Appends the next packet and says where it goes; `None` when nothing is to be sent. The RTP clock runs on.
    pub(crate) fn speak(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(FRAME_LEN as u32);
        let stream = self.stream.as_mut().filter(|stream| stream.mouth.speaks())?;
        let remote = stream.remote?;
        let header = Outgoing {
            // RFC 3551 section 4.1: set on the first packet of a talk spurt.
            marker: !self.begun,
            payload_type: stream.payload_type,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
        };
        out.extend_from_slice(&header.to_bytes());
        stream.mouth.frame(now, out);
        self.begun = true;
        self.sequence = self.sequence.wrapping_add(1);
        self.sent += 1;
        Some(remote)
    }

    /// Takes one datagram; the payload when it is RTP.
    pub(crate) fn hear<'a>(&mut self, now: Instant, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Ok(header) = read(bytes) else {
            self.ear.malformed();
            return None;
        };
        let payload = bytes.get(header.payload.clone())?;
        self.ear.packet(now, &header, payload);
        Some(payload)
    }
}
