//! The way packets come and go: what a worker asks of its sockets, whichever way they are arranged.
//!
//! Two ways: [`each`](crate::media::each) with a socket a port, and [`shared`](crate::media::shared) with one socket
//! for all ports. Knows no legs; the ports themselves are bound by the pool in both ways.

use crate::media::outputs::Bond;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::port_pool::PortPool;
use std::io;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;

/// Packets that are taken at once, and after which what they brought about is sent.
pub(crate) const BATCH: usize = 64;
/// Longer than any packet that an Ethernet brings in one piece.
pub(crate) const DATAGRAM_MAX: usize = 2048;

/// How a worker's packets come and go.
pub(crate) trait Wire: Send {
    /// A pair of ports was bound: from now on its packets are wanted.
    ///
    /// # Errors
    /// What the system says; the pair is not used then.
    fn adopt(&mut self, pair: u32, rtp: &UdpSocket, rtcp: &UdpSocket) -> io::Result<()>;

    /// Sleeps until a packet comes, somebody wakes the worker or the time has passed; without a time as long as it
    /// takes. With no time at all it only looks.
    ///
    /// # Errors
    /// None that passes by itself.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Takes the packets that are there, at most a batch of them; `true` when there may be more of them.
    fn receive(&mut self, pool: &PortPool, batch: &mut Batch) -> bool;

    /// Sends everything.
    fn send(&mut self, pool: &PortPool, out: &mut Outputs) -> Sent;

    /// A pair's RTP has one source from now on, or may come from anywhere again.
    fn bond(&mut self, pool: &mut PortPool, bond: Bond);
}

/// What became of packets.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sent {
    /// The system took them.
    pub(crate) sent: u64,
    /// It did not; they are lost, as packets are.
    pub(crate) errors: u64,
}

/// Packets that came, and their buffers.
pub(crate) struct Batch {
    /// One buffer a packet.
    pub(crate) buffers: Vec<[u8; DATAGRAM_MAX]>,
    /// What came into the first of them.
    pub(crate) datagrams: Vec<Datagram>,
}

/// One packet that came.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Datagram {
    /// In which of the buffers it is.
    pub(crate) buffer: usize,
    /// Its length.
    pub(crate) length: usize,
    /// On which pair of ports.
    pub(crate) pair: u32,
    /// On which of the two.
    pub(crate) channel: Channel,
    /// From where.
    pub(crate) from: SocketAddr,
}

impl Batch {
    /// Room for [`BATCH`] packets.
    pub(crate) fn new() -> Self {
        Self { buffers: vec![[0; DATAGRAM_MAX]; BATCH], datagrams: Vec::with_capacity(BATCH) }
    }

    /// The bytes of one packet.
    pub(crate) fn bytes(&self, datagram: &Datagram) -> &[u8] {
        self.buffers.get(datagram.buffer).and_then(|buffer| buffer.get(..datagram.length)).unwrap_or_default()
    }
}
