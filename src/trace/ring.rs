//! The ring: bounded in bytes and in time, the oldest message goes first.

use crate::clock::Wall;
use bytes::Bytes;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

/// What a message costs besides its bytes.
const OVERHEAD_BYTES: usize = std::mem::size_of::<Packet>() + 64;

/// Which way a message went.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the switch.
    In,
    /// From the switch.
    Out,
}

/// A `Call-ID`, hashed: what messages of one dialog have in common.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thread(u64);

impl Thread {
    /// Of that Call-ID.
    pub fn of(call_id: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        call_id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A message that passed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Wall,
    /// Which way.
    pub way: Way,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: &'static str,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// To which dialog it belongs.
    pub thread: Thread,
    /// The message as it was on the wire, secrets and all: show it [`crate::trace::redacted`] only.
    pub bytes: Bytes,
}

/// The messages of the last minutes.
#[derive(Debug)]
pub struct Ring {
    packets: VecDeque<Packet>,
    bytes: usize,
    bytes_max: usize,
    age_max: Duration,
}

impl Ring {
    /// An empty ring for so many bytes, with what each message costs besides, and for so long. 0 bytes: it keeps none.
    pub fn new(bytes_max: usize, age_max: Duration) -> Self {
        Self { packets: VecDeque::new(), bytes: 0, bytes_max, age_max }
    }

    /// Whether it keeps anything.
    pub fn is_on(&self) -> bool {
        self.bytes_max > 0
    }

    /// Keeps a message; older ones make room. The bytes are shared, not copied.
    pub fn push(&mut self, packet: Packet) {
        let cost = packet.bytes.len() + OVERHEAD_BYTES;
        if cost > self.bytes_max {
            return;
        }
        self.expire(packet.at);
        self.bytes += cost;
        self.packets.push_back(packet);
        while self.bytes > self.bytes_max {
            self.drop_oldest();
        }
    }

    /// Forgets what is too old.
    pub fn expire(&mut self, now: Wall) {
        let age = i64::try_from(self.age_max.as_micros()).unwrap_or(i64::MAX);
        let oldest = now.as_micros().saturating_sub(age);
        while self.packets.front().is_some_and(|packet| packet.at.as_micros() < oldest) {
            self.drop_oldest();
        }
        // What a busy hour has grown is given back.
        if self.packets.capacity() > 1024 && self.packets.len() < self.packets.capacity() / 4 {
            self.packets.shrink_to(self.packets.len() * 2);
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(packet) = self.packets.pop_front() {
            self.bytes = self.bytes.saturating_sub(packet.bytes.len() + OVERHEAD_BYTES);
        }
    }

    /// The messages of these dialogs, the oldest first.
    pub fn of(&self, threads: &[Thread]) -> Vec<Packet> {
        self.packets.iter().filter(|packet| threads.contains(&packet.thread)).cloned().collect()
    }

    /// All messages, the oldest first.
    pub fn all(&self) -> Vec<Packet> {
        self.packets.iter().cloned().collect()
    }

    /// What is kept costs so many bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// So many messages are kept.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(second: i64, call_id: &str, len: usize) -> Packet {
        Packet {
            at: Wall::from_micros(second * 1_000_000),
            way: Way::In,
            transport: "udp",
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.2:5060".parse().unwrap(),
            thread: Thread::of(call_id.as_bytes()),
            bytes: Bytes::from(vec![b'x'; len]),
        }
    }

    #[test]
    fn it_is_bounded_in_bytes_and_in_time() {
        let mut ring = Ring::new(100_000, Duration::from_secs(600));
        for n in 0..1000 {
            ring.push(packet(n, if n % 2 == 0 { "a" } else { "b" }, 800));
            assert!(ring.bytes() <= 100_000);
        }
        assert!(ring.len() > 80, "{}", ring.len());
        let of_a = ring.of(&[Thread::of(b"a")]);
        assert_eq!(of_a.len(), ring.len() / 2);
        assert!(of_a.windows(2).all(|pair| pair[0].at < pair[1].at));
        ring.push(packet(1500, "c", 10));
        assert!(ring.all().iter().all(|packet| packet.at.as_micros() >= 900_000_000));
        ring.expire(Wall::from_micros(3_000_000_000));
        assert_eq!((ring.len(), ring.bytes()), (0, 0));
    }

    #[test]
    fn a_ring_without_room_keeps_nothing() {
        let mut ring = Ring::new(0, Duration::from_secs(600));
        ring.push(packet(1, "a", 1));
        assert!(!ring.is_on() && ring.is_empty());
    }
}
