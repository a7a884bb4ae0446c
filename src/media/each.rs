//! One socket for each port, and an epoll over all of them: the way that needs no privilege.
//!
//! A settled source's socket is connected to it, so that the kernel keeps strangers out and knows the route.

use crate::media::kernel::Epoll;
use crate::media::kernel::Ready;
use crate::media::kernel::Waker;
use crate::media::outputs::Bond;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::port_pool::PortPool;
use crate::media::wire::BATCH;
use crate::media::wire::Batch;
use crate::media::wire::Datagram;
use crate::media::wire::Sent;
use crate::media::wire::Wire;
use std::io;
use std::net::UdpSocket;
use std::time::Duration;

/// Sockets that one look reports.
const READY_MAX: usize = 1024;
/// The token of the waker; pairs count from 0.
const WAKER: u64 = u64::MAX;

/// The sockets of one worker.
pub(crate) struct Each {
    epoll: Epoll,
    ready: Ready,
    /// How many of the reported sockets were read.
    read: usize,
    waker: Waker,
}

impl Each {
    /// Watches nothing but the waker.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn new(waker: Waker) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&waker, WAKER)?;
        Ok(Self { epoll, ready: Ready::with_capacity(READY_MAX), read: 0, waker })
    }

    fn take(&self, pool: &PortPool, token: u64, batch: &mut Batch) {
        let (pair, channel) = pair_of(token);
        let index = batch.datagrams.len();
        let (Some(socket), Some(buffer)) = (pool.socket(pair, channel), batch.buffers.get_mut(index)) else {
            return;
        };
        // An error is an old ICMP message or nothing to read: neither ends anything.
        let Ok((length, from)) = socket.recv_from(buffer.as_mut_slice()) else { return };
        batch.datagrams.push(Datagram { buffer: index, length, pair, channel, from });
    }
}

impl Wire for Each {
    fn adopt(&mut self, pair: u32, rtp: &UdpSocket, rtcp: &UdpSocket) -> io::Result<()> {
        self.epoll.add(rtp, token_of(pair, Channel::Rtp))?;
        self.epoll.add(rtcp, token_of(pair, Channel::Rtcp))
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.read = 0;
        self.epoll.wait(&mut self.ready, timeout)
    }

    /// Reads one packet of every socket that was reported.
    fn receive(&mut self, pool: &PortPool, batch: &mut Batch) -> bool {
        batch.datagrams.clear();
        if self.read == self.ready.count() && self.ready.is_full() {
            // More sockets had something than there was room for in the report.
            let _ = self.wait(Some(Duration::ZERO));
        }
        while batch.datagrams.len() < BATCH
            && let Some(token) = self.ready.token(self.read)
        {
            self.read += 1;
            match token {
                WAKER => self.waker.clear(),
                token => self.take(pool, token, batch),
            }
        }
        let more = self.read < self.ready.count() || self.ready.is_full();
        if !more {
            (self.read, _) = (0, self.ready.forget());
        }
        more
    }

    fn send(&mut self, pool: &PortPool, out: &mut Outputs) -> Sent {
        let mut done = Sent::default();
        for send in &out.sends {
            match pool.send(send.pair, send.channel, send.to, out.bytes(send)) {
                Ok(()) => done.sent += 1,
                Err(_) => done.errors += 1,
            }
        }
        done
    }

    fn bond(&mut self, pool: &mut PortPool, bond: Bond) {
        pool.bond(bond.pair, bond.to);
    }
}

const fn token_of(pair: u32, channel: Channel) -> u64 {
    (pair as u64) << 1 | matches!(channel, Channel::Rtcp) as u64
}

const fn pair_of(token: u64) -> (u32, Channel) {
    ((token >> 1) as u32, if token & 1 == 1 { Channel::Rtcp } else { Channel::Rtp })
}
