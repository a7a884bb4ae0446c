//! The network: packets with a delay, and with loss, doubles and overtaking as the test wants, all from one seed.

use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::ids::Random;

/// How good it is.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Quality {
    pub loss_percent: u64,
    pub duplicate_percent: u64,
    pub delay_min: Duration,
    /// Above the least, so that packets overtake each other.
    pub delay_spread: Duration,
}

impl Quality {
    pub const CLEAN: Self = Self {
        loss_percent: 0,
        duplicate_percent: 0,
        delay_min: Duration::from_millis(2),
        delay_spread: Duration::ZERO,
    };

    /// Loss, with a little of everything else.
    pub const fn lossy(percent: u64) -> Self {
        Self {
            loss_percent: percent,
            duplicate_percent: 1,
            delay_min: Duration::from_millis(5),
            delay_spread: Duration::from_millis(25),
        }
    }
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Bytes,
}

/// What a test loses on purpose: true for a packet that shall not arrive.
pub type Filter = Box<dyn FnMut(&Packet) -> bool>;

/// The packets on their way.
pub struct Network {
    pub quality: Quality,
    pub filter: Option<Filter>,
    random: Random,
    count: u64,
    order: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: BTreeMap<u64, Packet>,
}

impl Network {
    pub fn new(quality: Quality, random: Random) -> Self {
        Self { quality, filter: None, random, count: 0, order: BinaryHeap::new(), packets: BTreeMap::new() }
    }

    pub fn send(&mut self, now: Instant, packet: Packet) {
        if self.filter.as_mut().is_some_and(|filter| filter(&packet))
            || self.random.below(100) < self.quality.loss_percent
        {
            return;
        }
        if self.random.below(100) < self.quality.duplicate_percent {
            self.put(now, packet.clone());
        }
        self.put(now, packet);
    }

    fn put(&mut self, now: Instant, packet: Packet) {
        let spread = u64::try_from(self.quality.delay_spread.as_micros()).expect("a short delay");
        let delay = self.quality.delay_min + Duration::from_micros(self.random.below(spread + 1));
        self.count += 1;
        self.order.push(Reverse((now + delay, self.count)));
        self.packets.insert(self.count, packet);
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    pub fn take(&mut self, now: Instant) -> Option<Packet> {
        let Reverse((at, number)) = self.order.peek().copied()?;
        if at > now {
            return None;
        }
        self.order.pop();
        self.packets.remove(&number)
    }
}
