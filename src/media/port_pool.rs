//! A worker's ports: pairs of sockets, bound ahead of need, announced, used, cooled down and used again.
//!
//! A pair that a call has left stays bound and waits at the back of the line, so that stragglers of that call die
//! there and not in the next one's ear. Knows no legs.

use crate::clock::Instant;
use crate::media::kernel;
use crate::media::outputs::Channel;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;

/// Pairs that are kept bound and announced.
pub(crate) const STOCK: usize = 256;
/// Announcements are made in lots of so many.
const LOT: usize = 32;
/// A pair that a call has left rests for so long, while others are left.
const COOLING: Duration = Duration::from_secs(2);
/// Expedited forwarding, what voice is marked with (RFC 3246; RFC 4594 section 4.1).
pub(crate) const EXPEDITED: u32 = 0xb8;

/// The two sockets of a leg.
#[derive(Debug)]
pub(crate) struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    bond: Option<SocketAddr>,
}

/// All pairs of one worker.
#[derive(Debug)]
pub(crate) struct PortPool {
    address: IpAddr,
    first_port: u16,
    pairs: Vec<Option<Pair>>,
    unbound: VecDeque<u32>,
    cooling: VecDeque<(u32, Instant)>,
    announced: BTreeSet<u32>,
    /// How many more pairs may be bound: descriptors are for others too.
    binds_left: u32,
    /// Ports that could not be bound.
    pub(crate) skipped: u64,
    /// Why the last one could not.
    pub(crate) last_error: Option<io::Error>,
}

impl PortPool {
    /// A pool of `pairs` pairs from the even `first_port`, none of them bound; at most `bound_max` of them ever are.
    pub(crate) fn new(address: IpAddr, first_port: u16, pairs: u32, bound_max: u32) -> Self {
        Self {
            address,
            first_port,
            pairs: (0..pairs).map(|_| None).collect(),
            unbound: (0..pairs).collect(),
            cooling: VecDeque::new(),
            announced: BTreeSet::new(),
            binds_left: bound_max,
            skipped: 0,
            last_error: None,
        }
    }

    /// Fills the stock up. The new ports, to be announced; `watch` is called for each pair that was bound.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        mut watch: impl FnMut(u32, &UdpSocket, &UdpSocket) -> io::Result<()>,
    ) -> Vec<u16> {
        let mut ports = Vec::new();
        if self.announced.len() + LOT > STOCK {
            return ports;
        }
        while self.announced.len() < STOCK {
            let cool = |(_, at): &(u32, Instant)| now.since(*at) >= COOLING;
            let rested = self.cooling.front().is_some_and(cool);
            let fresh = if rested || self.binds_left == 0 { None } else { self.bind_next(&mut watch) };
            // Where no more can be bound, one that has not rested long enough is better than a refused call.
            let Some(pair) = fresh.or_else(|| self.cooling.pop_front().map(|(pair, _)| pair)) else { break };
            self.announced.insert(pair);
            ports.push(self.port(pair));
        }
        ports
    }

    fn bind_next(
        &mut self,
        watch: &mut impl FnMut(u32, &UdpSocket, &UdpSocket) -> io::Result<()>,
    ) -> Option<u32> {
        while let Some(pair) = self.unbound.pop_front() {
            let port = self.port(pair);
            let bound = bind(self.address, port).and_then(|rtp| {
                let rtcp = bind(self.address, port + 1)?;
                watch(pair, &rtp, &rtcp)?;
                Ok(Pair { rtp, rtcp, bond: None })
            });
            match bound {
                Ok(bound) => {
                    *self.pairs.get_mut(pair as usize)? = Some(bound);
                    self.binds_left -= 1;
                    return Some(pair);
                }
                Err(error) if is_exhaustion(&error) => {
                    // Not the port's fault: tried again when a leg has ended.
                    self.unbound.push_front(pair);
                    self.last_error = Some(error);
                    return None;
                }
                Err(error) => {
                    self.skipped += 1;
                    self.last_error = Some(error);
                }
            }
        }
        None
    }

    /// All announced ports that were not taken.
    pub(crate) fn announced(&self) -> Vec<u16> {
        self.announced.iter().map(|pair| self.port(*pair)).collect()
    }

    /// Takes an announced port for a leg; `false` when it was not announced.
    pub(crate) fn take(&mut self, port: u16) -> bool {
        let offset = port.checked_sub(self.first_port).filter(|offset| offset % 2 == 0);
        offset.is_some_and(|offset| self.announced.remove(&u32::from(offset / 2)))
    }

    /// A leg has left its pair.
    pub(crate) fn release(&mut self, now: Instant, pair: u32) {
        if self.socket(pair, Channel::Rtp).is_some() {
            self.bond(pair, None);
            self.cooling.push_back((pair, now));
        }
    }

    /// One socket of a bound pair.
    pub(crate) fn socket(&self, pair: u32, channel: Channel) -> Option<&UdpSocket> {
        let pair = self.pairs.get(pair as usize)?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        })
    }

    /// Connects a pair's RTP socket, which spares the kernel a route look-up for each packet, or disconnects it.
    pub(crate) fn bond(&mut self, pair: u32, to: Option<SocketAddr>) {
        let Some(Some(pair)) = self.pairs.get_mut(pair as usize) else { return };
        if pair.bond == to {
            return;
        }
        let done = match to {
            Some(to) => pair.rtp.connect(to),
            None => kernel::disconnect(&pair.rtp),
        };
        // An unreachable peer stays unconnected, and its packets fail one by one.
        pair.bond = to.filter(|_| done.is_ok());
    }

    /// Sends one packet. A refusal that the kernel remembered from an earlier one is not this one's: sent again.
    ///
    /// # Errors
    /// What the system says; the packet is lost then, as packets are.
    pub(crate) fn send(&self, pair: u32, channel: Channel, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let Some(Some(pair)) = self.pairs.get(pair as usize) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let send = || match channel {
            Channel::Rtp if pair.bond == Some(to) => pair.rtp.send(bytes),
            Channel::Rtp => pair.rtp.send_to(bytes, to),
            Channel::Rtcp => pair.rtcp.send_to(bytes, to),
        };
        match send() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => send().map(drop),
            other => other.map(drop),
        }
    }

    /// How many pairs are bound.
    pub(crate) fn bound(&self) -> usize {
        self.pairs.iter().flatten().count()
    }

    fn port(&self, pair: u32) -> u16 {
        self.first_port.saturating_add(u16::try_from(pair * 2).unwrap_or(u16::MAX))
    }
}

fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(address, port);
    let socket =
        Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    // A mark that cannot be set costs quality on some networks, not the call.
    let _ = match address {
        SocketAddr::V4(_) => socket.set_tos_v4(EXPEDITED),
        SocketAddr::V6(_) => socket.set_tclass_v6(EXPEDITED),
    };
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const fn second(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_used_pair_rests_at_the_back_and_a_taken_port_is_skipped() {
        // Another process may hold some of these ports: they are skipped, like the one that is held here.
        let (first, squatter) = (21_000..32_000)
            .step_by(50)
            .find_map(|first| Some((first, UdpSocket::bind((Ipv4Addr::LOCALHOST, first + 4)).ok()?)))
            .unwrap();
        let mut pool = PortPool::new(Ipv4Addr::LOCALHOST.into(), first, 6, 6);
        let ports = pool.fill(second(1), |_, _, _| Ok(()));
        assert!(!ports.contains(&(first + 4)) && pool.skipped >= 1, "{ports:?}");
        assert!(ports.len() >= 3, "{ports:?}");
        assert_eq!(pool.announced(), ports);
        assert!(pool.take(ports[1]) && pool.take(ports[0]));
        assert!(!pool.take(ports[0]) && !pool.take(first + 1) && !pool.take(1));
        let index = |port: u16| u32::from(port - first) / 2;
        pool.release(second(2), index(ports[0]));
        pool.release(second(2), index(ports[1]));
        assert_eq!(pool.fill(second(5), |_, _, _| Ok(())), [ports[0], ports[1]], "the longest rested first");
        drop(squatter);
    }

    #[test]
    fn where_no_more_may_be_bound_a_pair_serves_again_before_it_has_rested() {
        let mut pool = PortPool::new(Ipv4Addr::LOCALHOST.into(), 32_200, 20, 2);
        let ports = pool.fill(second(1), |_, _, _| Ok(()));
        assert_eq!(ports.len(), 2);
        assert!(ports.iter().all(|port| pool.take(*port)));
        assert!(pool.fill(second(1), |_, _, _| Ok(())).is_empty());
        pool.release(second(1), u32::from(ports[0] - 32_200) / 2);
        assert_eq!(pool.fill(second(1), |_, _, _| Ok(())), [ports[0]]);
    }

    #[test]
    fn a_bonded_socket_hears_its_source_alone_until_it_is_let_go() {
        let mut pool = PortPool::new(Ipv4Addr::LOCALHOST.into(), 32_100, 20, 20);
        let port = pool.fill(second(1), |_, _, _| Ok(()))[0];
        assert!(pool.take(port));
        let pair = u32::from(port - 32_100) / 2;
        let [source, stranger] = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let say = |phone: &UdpSocket, byte| phone.send_to(&[byte], (Ipv4Addr::LOCALHOST, port)).unwrap();
        let heard = |pool: &PortPool| {
            let mut buffer = [0; 16];
            let socket = pool.socket(pair, Channel::Rtp).unwrap();
            std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|_| buffer[0])).collect::<Vec<_>>()
        };
        pool.bond(pair, Some(source.local_addr().unwrap()));
        say(&stranger, 1);
        say(&source, 2);
        assert_eq!(heard(&pool), [2]);
        pool.bond(pair, None);
        say(&stranger, 3);
        say(&source, 4);
        assert_eq!(heard(&pool), [3, 4]);
    }
}
