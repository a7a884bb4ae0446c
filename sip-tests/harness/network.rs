//! The network: packets with a delay, and with loss, doubles and overtaking as the test wants, all from one seed.

use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::net::IpAddr;
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

/// The router between 10.0.0.0/8 and the outside, which lends the switch its own address: port by port, both ways.
#[derive(Copy, Clone, Debug)]
pub struct Router {
    pub outside: IpAddr,
    pub switch: IpAddr,
}

impl Router {
    /// The packet as it arrives; none from outside finds a way to an address inside.
    fn pass(self, mut packet: Packet) -> Option<Packet> {
        let is_inside = |address: SocketAddr| matches!(address.ip(), IpAddr::V4(ip) if ip.octets()[0] == 10);
        if packet.to.ip() == self.outside {
            packet.to.set_ip(self.switch);
        } else if !is_inside(packet.from) && is_inside(packet.to) {
            return None;
        } else if packet.from.ip() == self.switch && !is_inside(packet.to) {
            packet.from.set_ip(self.outside);
        }
        Some(packet)
    }
}

/// The packets on their way.
pub struct Network {
    pub quality: Quality,
    pub router: Option<Router>,
    pub filter: Option<Filter>,
    random: Random,
    count: u64,
    order: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: BTreeMap<u64, Packet>,
}

impl Network {
    pub fn new(quality: Quality, random: Random) -> Self {
        Self {
            quality,
            router: None,
            filter: None,
            random,
            count: 0,
            order: BinaryHeap::new(),
            packets: BTreeMap::new(),
        }
    }

    pub fn send(&mut self, now: Instant, packet: Packet) {
        let Some(packet) = self.router.map_or(Some(packet.clone()), |router| router.pass(packet)) else {
            return;
        };
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
