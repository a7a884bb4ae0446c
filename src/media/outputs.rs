//! What the session core wants done: packets to send, sockets to connect, events to tell. The driver drains it.
//!
//! Packets lie in one arena that is reused, so that sending allocates nothing.

use crate::media::command::Event;
use crate::media::datagram::HEADROOM;
use crate::media::tap::Block;
use crate::media::tap::Tap;
use std::net::SocketAddr;

/// The two sockets of a pair.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The next one.
    Rtcp,
}

/// One packet to send; its bytes are in [`Outputs::bytes`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Send {
    /// From which pair of ports.
    pub pair: u32,
    /// From which of the two.
    pub channel: Channel,
    /// Where to.
    pub to: SocketAddr,
    start: usize,
    end: usize,
}

/// Whether the kernel should keep strangers away from a pair's RTP socket.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Bond {
    /// Which pair.
    pub pair: u32,
    /// Connect it to there, or disconnect it.
    pub to: Option<SocketAddr>,
}

/// Everything that one or more inputs brought about, in order within each kind.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    arena: Vec<u8>,
    /// Packets.
    pub sends: Vec<Send>,
    /// Connections.
    pub bonds: Vec<Bond>,
    /// News for the switch.
    pub events: Vec<Event>,
    /// Pairs whose leg has ended: their ports may be used again.
    pub freed: Vec<u32>,
    /// The switch asks for the announced ports again.
    pub restock: bool,
    /// Packets for the recorder.
    pub taps: Block,
    /// A tapped leg has ended: they are wanted now.
    pub taps_due: bool,
}

impl Outputs {
    /// The bytes of one packet.
    pub fn bytes(&self, send: &Send) -> &[u8] {
        self.arena.get(send.start..send.end).unwrap_or_default()
    }

    /// The bytes of one packet with the room for its network headers before them.
    pub(crate) fn frame(&self, send: &Send) -> &[u8] {
        self.arena.get(send.start - HEADROOM..send.end).unwrap_or_default()
    }

    /// The same, to write the headers.
    pub(crate) fn frame_mut(&mut self, send: &Send) -> &mut [u8] {
        self.arena.get_mut(send.start - HEADROOM..send.end).unwrap_or_default()
    }

    /// Adds a packet whose bytes `write` appends.
    pub fn send(&mut self, pair: u32, channel: Channel, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        self.arena.extend_from_slice(&[0; HEADROOM]);
        let start = self.arena.len();
        write(&mut self.arena);
        self.sends.push(Send { pair, channel, to, start, end: self.arena.len() });
    }

    /// Changes the bytes of the packet that was added last, from their start on; takes it back when `change` says that it
    /// must not be sent. Whether it stays.
    pub(crate) fn seal_last(&mut self, change: impl FnOnce(&mut Vec<u8>, usize) -> bool) -> bool {
        let Some(send) = self.sends.last_mut() else { return false };
        let stays = change(&mut self.arena, send.start);
        send.end = self.arena.len();
        if !stays {
            self.arena.truncate(send.start - HEADROOM);
            self.sends.pop();
        }
        stays
    }

    /// Copies the end of the packet that was added last to the recorder.
    pub(crate) fn tap_last(&mut self, tap: Tap, length: usize) {
        let start = self.arena.len().saturating_sub(length);
        self.taps.push(tap, self.arena.get(start..).unwrap_or_default());
    }

    /// Forgets everything but what was tapped, which the driver takes by itself, and keeps the memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.sends.clear();
        self.bonds.clear();
        self.events.clear();
        self.freed.clear();
        self.restock = false;
    }
}
