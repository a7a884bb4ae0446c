//! The raw sockets that a worker's packets leave by: one for everybody, and one connected to each host that gets many.
//!
//! A connected socket spares the kernel to fetch an address for each packet. The headers are written already.

use crate::media::mmsg;
use crate::media::outputs::Outputs;
use socket2::Socket;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;

/// Packets to one host in one batch that make it worth a socket of its own.
const MANY: usize = 8;
/// Sockets for hosts: carriers and gateways, of which there are few.
const HOSTS_MAX: usize = 16;

/// The raw sockets of one worker.
pub(crate) struct Raw {
    address: Ipv4Addr,
    class: u8,
    buffer_bytes: libc::c_int,
    anywhere: Socket,
    hosts: Vec<Host>,
    /// Batches sent.
    batch: u64,
}

/// A socket that is connected to a host.
struct Host {
    address: Ipv4Addr,
    socket: Socket,
    /// The last batch that used it.
    used: u64,
}

impl Raw {
    /// The socket for everybody.
    ///
    /// # Errors
    /// Without `CAP_NET_RAW` and `CAP_NET_ADMIN`.
    pub(crate) fn new(address: Ipv4Addr, class: u8, buffer_bytes: libc::c_int) -> io::Result<Self> {
        let anywhere = mmsg::raw_sender(address, class, buffer_bytes)?;
        Ok(Self { address, class, buffer_bytes, anywhere, hosts: Vec::new(), batch: 0 })
    }

    /// Sends one packet that has its headers.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn send_one(&self, frame: &[u8], to: SocketAddrV4) -> io::Result<()> {
        mmsg::send(&self.anywhere, true, [(frame, *to.ip())].into_iter()).map(drop)
    }

    /// Sends those of the packets that have their headers, in order for each host; how many the system took.
    pub(crate) fn send(&mut self, out: &Outputs, headed: &mut [usize]) -> usize {
        self.batch += 1;
        let host = |index: &usize| host_of(out, *index);
        // Stable, so that no stream's packets change places.
        headed.sort_by_key(host);
        let mut taken = 0;
        let mut few_from = 0;
        let mut at = 0;
        for run in headed.chunk_by(|one, next| host(one) == host(next)) {
            let end = at + run.len();
            let many = run.first().filter(|_| run.len() >= MANY).and_then(host);
            if let Some(place) = many.and_then(|host| self.place_of(host)) {
                taken += send_all(&self.anywhere, true, out, headed.get(few_from..at).unwrap_or_default());
                if let Some(host) = self.hosts.get(place) {
                    taken += send_all(&host.socket, false, out, run);
                }
                few_from = end;
            }
            at = end;
        }
        taken + send_all(&self.anywhere, true, out, headed.get(few_from..).unwrap_or_default())
    }

    /// Where the socket to that host is, made now if need be; `None` when it cannot be connected, which the socket for
    /// everybody will find out too.
    fn place_of(&mut self, host: Ipv4Addr) -> Option<usize> {
        let batch = self.batch;
        if let Some(place) = self.hosts.iter().position(|known| known.address == host) {
            self.hosts.get_mut(place)?.used = batch;
            return Some(place);
        }
        let socket = mmsg::raw_sender(self.address, self.class, self.buffer_bytes).ok()?;
        socket.connect(&SocketAddr::from((host, 0)).into()).ok()?;
        if self.hosts.len() == HOSTS_MAX {
            let oldest = self.hosts.iter().enumerate().min_by_key(|(_, host)| host.used)?.0;
            self.hosts.swap_remove(oldest);
        }
        self.hosts.push(Host { address: host, socket, used: batch });
        Some(self.hosts.len() - 1)
    }
}

fn host_of(out: &Outputs, index: usize) -> Option<Ipv4Addr> {
    match out.sends.get(index)?.to.ip() {
        IpAddr::V4(host) => Some(host),
        IpAddr::V6(_) => None,
    }
}

fn send_all(socket: &Socket, named: bool, out: &Outputs, mut rest: &[usize]) -> usize {
    let mut sent = 0;
    while !rest.is_empty() {
        let frames = rest.iter().filter_map(|index| {
            let send = out.sends.get(*index)?;
            Some((out.frame(send), host_of(out, *index)?))
        });
        // What the system has against one packet costs that one alone.
        let taken = mmsg::send(socket, named, frames).unwrap_or(0);
        sent += taken;
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    sent
}
