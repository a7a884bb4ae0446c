//! What the session core wants done: packets to send, sockets to connect, events to tell. The driver drains it.
//!
//! Packets lie in one arena that is reused, so that sending allocates nothing.

use crate::media::command::Event;
use std::net::SocketAddr;

/// The two sockets of a pair.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Channel {
    /// The even port.
    Rtp,
    /// The next one.
    Rtcp,
}

/// One packet to send; its bytes are in [`Outputs::bytes`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Send {
    /// From which pair of ports.
    pub(crate) pair: u32,
    /// From which of the two.
    pub(crate) channel: Channel,
    /// Where to.
    pub(crate) to: SocketAddr,
    start: usize,
    end: usize,
}

/// Whether the kernel should keep strangers away from a pair's RTP socket.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bond {
    /// Which pair.
    pub(crate) pair: u32,
    /// Connect it to there, or disconnect it.
    pub(crate) to: Option<SocketAddr>,
}

/// Everything that one or more inputs brought about, in order within each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    arena: Vec<u8>,
    /// Packets.
    pub(crate) sends: Vec<Send>,
    /// Connections.
    pub(crate) bonds: Vec<Bond>,
    /// News for the switch.
    pub(crate) events: Vec<Event>,
    /// Pairs whose leg has ended: their ports may be used again.
    pub(crate) freed: Vec<u32>,
    /// The switch asks for the announced ports again.
    pub(crate) restock: bool,
}

impl Outputs {
    /// The bytes of one packet.
    pub(crate) fn bytes(&self, send: &Send) -> &[u8] {
        self.arena.get(send.start..send.end).unwrap_or_default()
    }

    /// Adds a packet whose bytes `write` appends.
    pub(crate) fn send(
        &mut self,
        pair: u32,
        channel: Channel,
        to: SocketAddr,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.arena.len();
        write(&mut self.arena);
        self.sends.push(Send { pair, channel, to, start, end: self.arena.len() });
    }

    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.sends.clear();
        self.bonds.clear();
        self.events.clear();
        self.freed.clear();
        self.restock = false;
    }
}
