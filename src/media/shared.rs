//! One socket for all of a worker's ports, and a raw socket to answer from any of them: for a third less a packet,
//! for processes that may.
//!
//! ```text
//! packet to port p -> the kernel program of `bpf` -> receiver (recvmmsg, 64 at a time)    sender (sendmmsg, raw)
//! ```
//! The ports stay bound by the pool, so that no other program can take one, nor we one of its; those sockets get
//! nothing. Strangers are kept out by the core, which drops and counts them, as the kernel does for a connected socket.

use crate::media::bpf::Steering;
use crate::media::datagram::HEADROOM;
use crate::media::datagram::Sender;
use crate::media::kernel::Epoll;
use crate::media::kernel::Ready;
use crate::media::kernel::Waker;
use crate::media::mmsg;
use crate::media::mmsg::Arrival;
use crate::media::outputs::Bond;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::port_pool::EXPEDITED;
use crate::media::port_pool::PortPool;
use crate::media::raw::Raw;
use crate::media::wire::BATCH;
use crate::media::wire::Batch;
use crate::media::wire::Datagram;
use crate::media::wire::Sent;
use crate::media::wire::Wire;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

/// What may wait to be read and to leave: 200 ms of 1,000 legs as the kernel counts them.
const BUFFER_BYTES: libc::c_int = 8 << 20;
const WAKER: u64 = 0;
const RECEIVER: u64 = 1;
/// How long a packet of our own may take to come back, and how many of others' may come before it.
const PROOF_WAIT: Duration = Duration::from_millis(100);
const PROOF_TRIES: usize = 5;
const PROOF: &[u8] = b"strowger looks for its way";

/// The sockets of one worker.
pub(crate) struct Shared {
    steering: Arc<Steering>,
    receiver: UdpSocket,
    raw: Raw,
    sender: Sender,
    first_port: u16,
    epoll: Epoll,
    ready: Ready,
    waker: Waker,
    arrivals: Box<[Arrival; BATCH]>,
    /// The packets of a batch that have good headers.
    headed: Vec<usize>,
}

/// The sockets of all workers: for each its first port and the number of its pairs, and its waker.
///
/// # Errors
/// Where this way is not to be had: for want of capabilities or of a kernel that knows it, or because of the address.
pub(crate) fn all(address: IpAddr, slices: &[(u16, u32)], wakers: &[Waker]) -> io::Result<Vec<Shared>> {
    let IpAddr::V4(address) = address else {
        return Err(io::Error::other("media.address is not an IPv4 address"));
    };
    if address.is_unspecified() {
        return Err(io::Error::other("media.address is not one address: packets need a sender"));
    }
    let (Some((first_port, _)), Some((last, pairs))) = (slices.first(), slices.last()) else {
        return Ok(Vec::new());
    };
    let ports = u32::from(*last) + 2 * pairs - u32::from(*first_port);
    let steering = Arc::new(Steering::new(address, *first_port, ports)?);
    let one = |((first_port, _), waker): (&(u16, u32), &Waker)| {
        Shared::new(Arc::clone(&steering), address, *first_port, waker.try_clone()?)
    };
    let mut all = slices.iter().zip(wakers).map(one).collect::<io::Result<Vec<_>>>()?;
    if let (Some(first), Some((_, pairs))) = (all.first_mut(), slices.first()) {
        first.prove(*pairs)?;
    }
    Ok(all)
}

impl Shared {
    fn new(steering: Arc<Steering>, address: Ipv4Addr, first_port: u16, waker: Waker) -> io::Result<Self> {
        let receiver = mmsg::receiver(address, BUFFER_BYTES)?;
        let class = EXPEDITED as u8;
        let raw = Raw::new(address, class, BUFFER_BYTES)?;
        let epoll = Epoll::new()?;
        epoll.add(&waker, WAKER)?;
        epoll.add(&receiver, RECEIVER)?;
        let sender = Sender { address, class, hops: mmsg::hops(&receiver) };
        let nothing = Arrival { from: SocketAddrV4::new(address, 0), port: 0, length: 0 };
        Ok(Self {
            steering,
            receiver,
            raw,
            sender,
            first_port,
            epoll,
            ready: Ready::with_capacity(2),
            waker,
            arrivals: Box::new([nothing; BATCH]),
            headed: Vec::with_capacity(BATCH),
        })
    }

    /// Sends one packet round, raw and through the program, before calls depend on it: a filter of the machine or a
    /// kernel that does this differently is found out here.
    fn prove(&mut self, pairs: u32) -> io::Result<()> {
        let held = (0..pairs).find_map(|pair| {
            let port = self.port(pair, Channel::Rtp);
            UdpSocket::bind((self.sender.address, port)).ok().map(|socket| (port, socket))
        });
        // Where no port is free, the pool will say so.
        let Some((port, _held)) = held else { return Ok(()) };
        self.steering.steer(port, &self.receiver)?;
        let came = self.comes_back(port);
        self.steering.leave(port)?;
        came
    }

    fn comes_back(&mut self, port: u16) -> io::Result<()> {
        let from = self.receiver.local_addr()?.port();
        let to = SocketAddrV4::new(self.sender.address, port);
        let mut frame = vec![0; HEADROOM];
        frame.extend_from_slice(PROOF);
        self.sender.head(from, to, &mut frame);
        self.raw.send_one(&frame, to)?;
        let mut batch = Batch::new();
        for _ in 0..PROOF_TRIES {
            self.wait(Some(PROOF_WAIT))?;
            let count = mmsg::receive(&self.receiver, &mut batch.buffers, &mut self.arrivals).unwrap_or(0);
            let ours = |(arrival, bytes): (&Arrival, &[u8; _])| {
                arrival.port == port && arrival.from.port() == from && bytes.starts_with(PROOF)
            };
            if self.arrivals.iter().zip(&batch.buffers).take(count).any(ours) {
                return Ok(());
            }
        }
        Err(io::Error::other("a packet of our own did not come back"))
    }

    fn port(&self, pair: u32, channel: Channel) -> u16 {
        let offset = 2 * pair + u32::from(channel == Channel::Rtcp);
        self.first_port.wrapping_add(offset as u16)
    }
}

impl Wire for Shared {
    fn adopt(&mut self, pair: u32, _: &UdpSocket, _: &UdpSocket) -> io::Result<()> {
        self.steering.steer(self.port(pair, Channel::Rtp), &self.receiver)?;
        self.steering.steer(self.port(pair, Channel::Rtcp), &self.receiver)
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // To look is to read, with this way.
        if timeout == Some(Duration::ZERO) {
            return Ok(());
        }
        self.epoll.wait(&mut self.ready, timeout)?;
        if (0..self.ready.count()).any(|index| self.ready.token(index) == Some(WAKER)) {
            self.waker.clear();
        }
        Ok(())
    }

    fn receive(&mut self, _: &PortPool, batch: &mut Batch) -> bool {
        batch.datagrams.clear();
        let count = mmsg::receive(&self.receiver, &mut batch.buffers, &mut self.arrivals).unwrap_or(0);
        for (buffer, arrival) in self.arrivals.iter().enumerate().take(count) {
            // Not to the receiver's own port, which is nobody's.
            let Some(offset) = arrival.port.checked_sub(self.first_port) else { continue };
            let channel = if offset % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
            batch.datagrams.push(Datagram {
                buffer,
                length: arrival.length,
                pair: u32::from(offset / 2),
                channel,
                from: SocketAddr::V4(arrival.from),
            });
        }
        count == BATCH
    }

    fn send(&mut self, _: &PortPool, out: &mut Outputs) -> Sent {
        self.headed.clear();
        for index in 0..out.sends.len() {
            let Some(&send) = out.sends.get(index) else { continue };
            let port = self.port(send.pair, send.channel);
            if let SocketAddr::V4(to) = send.to
                && self.sender.head(port, to, out.frame_mut(&send))
            {
                self.headed.push(index);
            }
        }
        let sent = self.raw.send(out, &mut self.headed) as u64;
        Sent { sent, errors: out.sends.len() as u64 - sent }
    }

    fn bond(&mut self, _: &mut PortPool, _: Bond) {}
}
