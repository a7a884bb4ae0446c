//! Many datagrams by one system call, over IPv4 and IPv6: `recvmmsg` and `sendmmsg`, for whoever owns a UDP socket.
//!
//! Not the media workers' own way, which needs the ports that packets were sent to.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::ptr;

/// Datagrams that one system call carries.
pub const BATCH: usize = 64;

/// Memory for datagrams that arrive together. What no datagram has filled yet costs address space alone.
pub struct Inbox {
    buffers: Vec<u8>,
    datagram_max: usize,
    arrived: Vec<(usize, SocketAddr)>,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} datagrams)", self.arrived.len())
    }
}

impl Inbox {
    /// Room for [`BATCH`] datagrams of at most so many bytes; longer ones are cut.
    pub fn new(datagram_max: usize) -> Self {
        let datagram_max = datagram_max.max(1);
        Self { buffers: vec![0; datagram_max * BATCH], datagram_max, arrived: Vec::with_capacity(BATCH) }
    }

    /// Takes what is there, at most a batch; how many. What was there before is forgotten.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing, and on a socket that tells of ICMP errors those of earlier datagrams; then the
    /// next call goes on.
    pub fn fill(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        self.arrived.clear();
        // SAFETY: all three types are plain numbers and pointers, for which zero is a value.
        let (mut names, mut headers): ([libc::sockaddr_in6; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        // SAFETY: as above.
        let mut parts: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        let rows = self.buffers.chunks_exact_mut(self.datagram_max).zip(&mut names).zip(&mut parts);
        for (((buffer, name), part), header) in rows.zip(&mut headers) {
            *part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let header = &mut header.msg_hdr;
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            header.msg_iov = part;
            header.msg_iovlen = 1;
        }
        // SAFETY: every header points to a name, a part and a buffer that live through the call, with their sizes.
        let count = unsafe {
            let flags = libc::MSG_DONTWAIT as _;
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), BATCH as _, flags, ptr::null_mut())
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (header, name) in headers.iter().zip(&names).take(count) {
            let from = address_of(name).unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
            self.arrived.push(((header.msg_len as usize).min(self.datagram_max), from));
        }
        Ok(count)
    }

    /// What arrived: each sender and his datagram.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let buffers = self.buffers.chunks_exact(self.datagram_max);
        self.arrived
            .iter()
            .zip(buffers)
            .map(|((len, from), buffer)| (*from, buffer.get(..*len).unwrap_or(buffer)))
    }
}

/// Sends datagrams, as many as the kernel takes; gives the number that it did not.
pub fn send<'a>(socket: &impl AsRawFd, mut datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>) -> usize {
    let mut unsent = 0;
    loop {
        let mut names: [socket2::SockAddr; BATCH] =
            std::array::from_fn(|_| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0).into());
        // SAFETY: both types are plain numbers and pointers, for which zero is a value.
        let (mut headers, mut parts): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut count = 0;
        let rows = names.iter_mut().zip(&mut parts).zip(&mut headers);
        // The rows come first: a datagram without a row would be taken from the iterator and lost.
        for (((name, part), header), (to, bytes)) in rows.zip(datagrams.by_ref()) {
            *name = to.into();
            *part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let header = &mut header.msg_hdr;
            header.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_namelen = name.len();
            header.msg_iov = part;
            header.msg_iovlen = 1;
            count += 1;
        }
        unsent += send_batch(socket.as_raw_fd(), headers.get_mut(..count).unwrap_or_default());
        if count < BATCH {
            return unsent;
        }
    }
}

fn send_batch(socket: RawFd, headers: &mut [libc::mmsghdr]) -> usize {
    let (mut done, mut unsent) = (0, 0);
    let mut refused = None;
    while let Some(rest) = headers.get_mut(done..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the caller's headers point to names, parts and bytes that live through the call; the kernel only
        // reads them and writes `msg_len`.
        let sent =
            unsafe { libc::sendmmsg(socket, rest.as_mut_ptr(), rest.len() as _, libc::MSG_DONTWAIT as _) };
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => done += sent,
            Ok(_) | Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => {
                return unsent + rest.len();
            }
            // What an earlier datagram met, to whomever it went, is told once: this one was not sent yet.
            Ok(_) | Err(_) if refused != Some(done) => refused = Some(done),
            // One that cannot be sent must not keep the others back.
            Ok(_) | Err(_) => {
                done += 1;
                unsent += 1;
            }
        }
    }
    unsent
}

fn address_of(name: &libc::sockaddr_in6) -> Option<SocketAddr> {
    match i32::from(name.sin6_family) {
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            Some(SocketAddr::new(ip.into(), u16::from_be(name.sin6_port)))
        }
        libc::AF_INET => {
            // SAFETY: the kernel wrote a `sockaddr_in`, which is shorter than the memory that it lies in.
            let name = unsafe { ptr::read((&raw const *name).cast::<libc::sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddr::new(ip.into(), u16::from_be(name.sin_port)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::Duration;

    #[test]
    fn batches_arrive_whole_with_their_senders() {
        let open = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (from, to) = (open(), open());
        to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let target = to.local_addr().unwrap();
        let mut heard = Vec::new();
        let mut inbox = Inbox::new(100);
        assert_eq!(inbox.fill(&to).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for round in 0..3u8 {
            let messages: Vec<Vec<u8>> = (0..50u8).map(|n| vec![n; 20 + usize::from(n + round)]).collect();
            assert_eq!(send(&from, messages.iter().map(|message| (target, message.as_slice()))), 0);
            heard.clear();
            while heard.len() < messages.len() {
                to.peek(&mut [0]).expect("all of them come");
                inbox.fill(&to).unwrap();
                for (sender, bytes) in inbox.iter() {
                    assert_eq!(sender, from.local_addr().unwrap());
                    heard.push(bytes.to_vec());
                }
            }
            assert_eq!(heard, messages);
        }
        assert_eq!(send(&from, [(target, &[7; 300][..])].into_iter()), 0);
        to.peek(&mut [0]).unwrap();
        assert_eq!(inbox.fill(&to).unwrap(), 1);
        assert_eq!(inbox.iter().next(), Some((from.local_addr().unwrap(), &[7; 100][..])));
    }

    #[test]
    fn more_than_a_batch_is_sent_in_order_and_one_that_cannot_be_sent_keeps_no_other_back() {
        let (from, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let target = to.local_addr().unwrap();
        let too_long = vec![0; 70_000];
        let bytes: Vec<[u8; 1]> = (0..=BATCH as u8 * 2).map(|n| [n]).collect();
        let bad = std::iter::once((target, too_long.as_slice()));
        let good = bytes.iter().map(|byte| (target, byte.as_slice()));
        assert_eq!(send(&from, bad.clone().chain(good).chain(bad)), 2);
        for byte in &bytes {
            let mut buffer = [0; 2];
            assert_eq!((to.recv(&mut buffer).unwrap(), buffer[0]), (1, byte[0]));
        }
    }
}
