//! The audio of all calls of one party: who is due to speak in which millisecond, and whose packet this is.
//!
//! Many calls share a socket, which is what lets packets travel in batches; a packet belongs to the call whose peer
//! sent it, by its source address. Two calls with the same peer address need two sockets.

use crate::clock::Instant;
use crate::ids::Random;
use crate::rtp::packet::is_rtcp;
use crate::sim::ear::Ear;
use crate::sim::hearing::Ears;
use crate::sim::histogram::Histogram;
use crate::sim::line::Line;
use crate::sim::line::PACKET_LEN;
use crate::sim::line::Stream;
use crate::sim::voice;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Frames last 20 ms: a line speaks whenever the clock's milliseconds modulo 20 are its own.
const PERIOD_MS: usize = 20;
/// After a longer stall the frames in between are left out rather than sent in a burst.
const STALL_MS: u64 = 100;

/// RTP packets to send, by socket, in memory that is used again.
#[derive(Debug, Default)]
pub struct Datagrams {
    sockets: Vec<Batch>,
}

/// The packets for one socket; all have the same length.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) to: Vec<SocketAddr>,
}

impl Batch {
    /// Destination and bytes of each.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.to.iter().copied().zip(self.bytes.chunks_exact(PACKET_LEN))
    }
}

impl Datagrams {
    /// The batches by the number of their socket.
    pub fn batches(&self) -> &[Batch] {
        &self.sockets
    }

    /// Empties all batches.
    pub fn clear(&mut self) {
        for batch in &mut self.sockets {
            batch.bytes.clear();
            batch.to.clear();
        }
    }

    fn batch(&mut self, socket: usize) -> Option<&mut Batch> {
        while self.sockets.len() <= socket {
            self.sockets.push(Batch::default());
        }
        self.sockets.get_mut(socket)
    }
}

/// What all lines of a party counted together.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received in calls.
    pub received: u64,
    /// Datagrams of no call: before an answer, after a BYE.
    pub stray: u64,
    /// Frames that were left out because this process was late.
    pub skipped: u64,
    /// How late frames were sent.
    pub lateness: Histogram,
    /// From a stamped packet's sending to its arrival.
    pub delay: Histogram,
}

/// The lines of one party.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: BTreeMap<u64, Line>,
    by_source: HashMap<(usize, SocketAddr), u64>,
    wheel: [Vec<u64>; PERIOD_MS],
    /// The last millisecond that was served.
    served_ms: u64,
    next_slot: usize,
    next_socket: usize,
    sockets: usize,
    ears: Ears,
    tones_hz: Arc<[u32]>,
    traffic: Traffic,
}

impl Lines {
    pub(crate) fn new(sockets: usize, ears: Ears, tones_hz: Arc<[u32]>) -> Self {
        Self {
            lines: BTreeMap::new(),
            by_source: HashMap::new(),
            wheel: Default::default(),
            served_ms: 0,
            next_slot: 0,
            next_socket: 0,
            sockets: sockets.max(1),
            ears,
            tones_hz,
            traffic: Traffic::default(),
        }
    }

    /// A line for that call; says on which socket. With a `remote` that is known already, a socket on which no other
    /// call has the same.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        call: u64,
        remote: Option<SocketAddr>,
        random: &mut Random,
    ) -> usize {
        if self.lines.is_empty() {
            self.served_ms = now.as_micros() / 1000;
        }
        let first = self.next_socket;
        self.next_socket = (first + 1) % self.sockets;
        let is_free =
            |socket: &usize| remote.is_none_or(|remote| !self.by_source.contains_key(&(*socket, remote)));
        let socket = (0..self.sockets).map(|n| (first + n) % self.sockets).find(is_free).unwrap_or(first);
        self.lines.insert(call, Line::new(socket, Ear::new(self.ears, &self.tones_hz), random));
        self.next_slot = (self.next_slot + 7) % PERIOD_MS;
        if let Some(slot) = self.wheel.get_mut(self.next_slot) {
            slot.push(call);
        }
        socket
    }

    /// The call's peer is there from now on, and hears that stream.
    pub(crate) fn connect(&mut self, call: u64, source: Option<SocketAddr>, stream: Option<Stream>) {
        let Some(line) = self.lines.get_mut(&call) else { return };
        if line.source != source {
            if let Some(before) = line.source.take() {
                self.by_source.remove(&(line.socket, before));
            }
            if let Some(source) = source {
                self.by_source.insert((line.socket, source), call);
            }
            line.source = source;
        }
        line.stream = stream;
    }

    /// Says nothing more; still listens.
    pub(crate) fn hush(&mut self, call: u64) {
        if let Some(line) = self.lines.get_mut(&call) {
            line.stream = None;
        }
    }

    pub(crate) fn answered(&mut self, now: Instant, call: u64) {
        if let Some(line) = self.lines.get_mut(&call) {
            line.ear.answered(now);
        }
    }

    pub(crate) fn line(&self, call: u64) -> Option<&Line> {
        self.lines.get(&call)
    }

    /// Takes a call's line away.
    pub(crate) fn close(&mut self, call: u64) -> Option<Line> {
        let line = self.lines.remove(&call)?;
        if let Some(source) = line.source
            && self.by_source.get(&(line.socket, source)) == Some(&call)
        {
            self.by_source.remove(&(line.socket, source));
        }
        Some(line)
    }

    /// One datagram that arrived on one of the RTP sockets.
    pub(crate) fn hear(&mut self, now: Instant, socket: usize, from: SocketAddr, bytes: &[u8]) {
        if is_rtcp(bytes) {
            return;
        }
        let call = self.by_source.get(&(socket, from)).copied();
        let Some(line) = call.and_then(|call| self.lines.get_mut(&call)) else {
            self.traffic.stray += 1;
            return;
        };
        if let Some(payload) = line.hear(now, bytes) {
            self.traffic.received += 1;
            if let Some(sent) = voice::stamp(payload) {
                self.traffic.delay.add(now.since(sent));
            }
        }
    }

    /// Writes down the packets that are due.
    pub(crate) fn speak(&mut self, now: Instant, out: &mut Datagrams) {
        let now_ms = now.as_micros() / 1000;
        if self.lines.is_empty() {
            self.served_ms = now_ms;
            self.wheel.iter_mut().for_each(Vec::clear);
            return;
        }
        let oldest = now_ms.saturating_sub(STALL_MS);
        if self.served_ms < oldest {
            let frames = (oldest - self.served_ms) / PERIOD_MS as u64;
            self.traffic.skipped += frames * self.lines.len() as u64;
            self.served_ms = oldest;
        }
        while self.served_ms < now_ms {
            self.served_ms += 1;
            let due = Instant::from_micros(self.served_ms * 1000);
            self.speak_slot(now, due, (self.served_ms % PERIOD_MS as u64) as usize, out);
        }
    }

    fn speak_slot(&mut self, now: Instant, due: Instant, slot: usize, out: &mut Datagrams) {
        let Some(slot) = self.wheel.get_mut(slot) else { return };
        let (lines, traffic) = (&mut self.lines, &mut self.traffic);
        slot.retain(|call| {
            let Some(line) = lines.get_mut(call) else { return false };
            if let Some(batch) = out.batch(line.socket)
                && let Some(to) = line.speak(now, &mut batch.bytes)
            {
                batch.to.push(to);
                traffic.sent += 1;
                traffic.lateness.add(now.since(due));
            }
            true
        });
    }

    /// When [`Lines::speak`] is to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.lines.is_empty() {
            return None;
        }
        let next = (1..=PERIOD_MS as u64).map(|ahead| self.served_ms + ahead).find(|ms| {
            self.wheel.get((ms % PERIOD_MS as u64) as usize).is_some_and(|slot| !slot.is_empty())
        })?;
        Some(Instant::from_micros(next * 1000))
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}
