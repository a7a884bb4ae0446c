//! The system calls that the standard library does not wrap: waiting for many sockets with a precise time, datagrams
//! in batches, large buffers. The only unsafe code of the simulation.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

/// Datagrams that one system call carries.
const BATCH: usize = 64;
/// Longer ones are cut: RTP of 20 ms is far shorter.
const DATAGRAM_MAX: usize = 2048;

/// What to wait for: the sockets, and after a wait which of them can be read.
#[derive(Debug, Default)]
pub(crate) struct Watch(Vec<libc::pollfd>);

impl Watch {
    /// Watches one more socket; its place is the number of those before it.
    pub(crate) fn add(&mut self, descriptor: RawFd) {
        self.0.push(libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 });
    }

    /// Waits until a socket can be read or the time has passed.
    ///
    /// # Errors
    /// Never on open sockets.
    pub(crate) fn wait(&mut self, time: Duration) -> io::Result<()> {
        let span = libc::timespec {
            tv_sec: time.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(time.subsec_nanos() as i32),
        };
        // SAFETY: the vector's memory and `span` live through the call; a null mask is allowed.
        let count = unsafe {
            libc::ppoll(self.0.as_mut_ptr(), self.0.len() as libc::nfds_t, &raw const span, ptr::null())
        };
        if count >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        for entry in &mut self.0 {
            entry.revents = 0;
        }
        Ok(())
    }

    /// Whether the socket in that place can be read (or has an error to be fetched).
    pub(crate) fn is_ready(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(|entry| entry.revents != 0)
    }
}

/// Memory for datagrams that arrive together.
pub(crate) struct Inbox {
    buffers: Box<[[u8; DATAGRAM_MAX]; BATCH]>,
    arrived: Vec<(usize, SocketAddr)>,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} datagrams)", self.arrived.len())
    }
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { buffers: Box::new([[0; DATAGRAM_MAX]; BATCH]), arrived: Vec::with_capacity(BATCH) }
    }

    /// Takes what is there, at most a batch. True when there may be more.
    pub(crate) fn fill(&mut self, socket: &UdpSocket) -> bool {
        self.arrived.clear();
        // SAFETY: all three types are plain numbers and pointers, for which zero is a value.
        let (mut names, mut headers): ([libc::sockaddr_in6; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut parts: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        for (at, buffer) in self.buffers.iter_mut().enumerate() {
            parts[at] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: DATAGRAM_MAX };
            let header = &mut headers[at].msg_hdr;
            header.msg_name = (&raw mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[at];
            header.msg_iovlen = 1;
        }
        // SAFETY: every header points to a name, a part and a buffer that live through the call, with their sizes.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0).min(BATCH);
        for (header, name) in headers.iter().zip(&names).take(count) {
            let from = address_of(name).unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
            self.arrived.push(((header.msg_len as usize).min(DATAGRAM_MAX), from));
        }
        count == BATCH
    }

    /// What arrived: each sender and his datagram.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.arrived.iter().zip(self.buffers.iter()).map(|((len, from), buffer)| (*from, &buffer[..*len]))
    }
}

/// Sends datagrams, as many as the kernel takes; gives the number that it did not.
pub(crate) fn send<'a>(
    socket: &UdpSocket,
    mut datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
) -> usize {
    let mut unsent = 0;
    loop {
        let mut names: [socket2::SockAddr; BATCH] =
            std::array::from_fn(|_| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0).into());
        // SAFETY: both types are plain numbers and pointers, for which zero is a value.
        let (mut headers, mut parts): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut count = 0;
        for (to, bytes) in datagrams.by_ref().take(BATCH) {
            names[count] = to.into();
            parts[count] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let header = &mut headers[count].msg_hdr;
            header.msg_name = names[count].as_ptr().cast_mut().cast();
            header.msg_namelen = names[count].len();
            header.msg_iov = &raw mut parts[count];
            header.msg_iovlen = 1;
            count += 1;
        }
        if count == 0 {
            return unsent;
        }
        unsent += send_batch(socket, &mut headers[..count]);
        if count < BATCH {
            return unsent;
        }
    }
}

fn send_batch(socket: &UdpSocket, headers: &mut [libc::mmsghdr]) -> usize {
    let mut done = 0;
    let mut unsent = 0;
    while done < headers.len() {
        let rest = &mut headers[done..];
        // SAFETY: the caller's headers point to names, parts and bytes that live through the call; the kernel only
        // reads them and writes `msg_len`.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => done += sent,
            // One that cannot be sent (nobody listens there, no buffer) must not keep the others back.
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

/// Gives a socket a receive buffer of so many bytes, beyond the system's limit where we have the right to.
pub(crate) fn grow_buffer(socket: &UdpSocket, bytes: i32) {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
        // SAFETY: `bytes` lives through the call and `size` is its size. Without the right the call fails, and the
        // system's limit holds.
        unsafe {
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const bytes).cast(), size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_arrive_whole_with_their_senders() {
        let open = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (from, to) = (open(), open());
        grow_buffer(&to, 1 << 20);
        let target = to.local_addr().unwrap();
        let messages: Vec<Vec<u8>> = (0..150u8).map(|n| vec![n; 20 + usize::from(n)]).collect();
        assert_eq!(send(&from, messages.iter().map(|message| (target, message.as_slice()))), 0);
        let mut inbox = Inbox::new();
        let mut watch = Watch::default();
        watch.add(to.as_raw_fd());
        let mut heard = Vec::new();
        while heard.len() < messages.len() {
            watch.wait(Duration::from_secs(5)).unwrap();
            assert!(watch.is_ready(0), "only {} arrived", heard.len());
            inbox.fill(&to);
            for (sender, bytes) in inbox.iter() {
                assert_eq!(sender, from.local_addr().unwrap());
                heard.push(bytes.to_vec());
            }
        }
        assert_eq!(heard, messages);
        watch.wait(Duration::from_millis(1)).unwrap();
        assert!(!watch.is_ready(0));
    }
}
