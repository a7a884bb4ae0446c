//! Many datagrams by one system call: `recvmmsg` with the port that each was sent to, `sendmmsg` on a raw socket.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use crate::media::wire::BATCH;
use crate::media::wire::DATAGRAM_MAX;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use std::io;
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;

/// Room for one address as a control message: its head of 16 bytes and `sockaddr_in`.
const CONTROL_BYTES: usize = 32;

/// What is known about a datagram that came.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    /// From where.
    pub(crate) from: SocketAddrV4,
    /// To which of our ports.
    pub(crate) port: u16,
    /// Its length.
    pub(crate) length: usize,
}

/// What C libraries count control bytes in, which differs between them.
#[cfg(not(target_env = "musl"))]
type ControlLength = usize;
#[cfg(target_env = "musl")]
type ControlLength = libc::socklen_t;

#[repr(C, align(8))]
#[derive(Copy, Clone)]
struct Control([u8; CONTROL_BYTES]);

/// A socket that will hear of the ports that its packets were sent to, with room for many of them.
///
/// # Errors
/// Without `CAP_NET_ADMIN`, and when the address is not this machine's.
pub(crate) fn receiver(address: Ipv4Addr, buffer_bytes: libc::c_int) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    set(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer_bytes)?;
    set(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_RECVORIGDSTADDR, 1)?;
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    Ok(socket.into())
}

/// A socket that sends whole IPv4 packets from `address`, and hears nothing.
///
/// # Errors
/// Without `CAP_NET_RAW` and `CAP_NET_ADMIN`.
pub(crate) fn raw_sender(address: Ipv4Addr, class: u8, buffer_bytes: libc::c_int) -> io::Result<Socket> {
    let raw = Protocol::from(libc::IPPROTO_RAW);
    let socket = Socket::new(Domain::IPV4, Type::RAW.nonblocking().cloexec(), Some(raw))?;
    set(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, buffer_bytes)?;
    set(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_HDRINCL, 1)?;
    // Not for the packets, whose headers are ours, but for the queues of this machine, which sort by it.
    set(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_TOS, libc::c_int::from(class))?;
    // Routes that depend on the source find it.
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    Ok(socket)
}

/// Takes the datagrams that are there, one into each buffer; how many.
///
/// # Errors
/// `WouldBlock` when there are none.
pub(crate) fn receive(
    socket: &UdpSocket,
    buffers: &mut [[u8; DATAGRAM_MAX]],
    arrivals: &mut [Arrival; BATCH],
) -> io::Result<usize> {
    let count = buffers.len().min(BATCH);
    let mut names = [NOBODY; BATCH];
    let mut controls = [Control([0; CONTROL_BYTES]); BATCH];
    let mut pieces = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let rows = buffers.iter_mut().zip(&mut names).zip(&mut controls).zip(&mut pieces).zip(&mut messages);
    for ((((buffer, name), control), piece), message) in rows {
        let piece = piece.write(libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: DATAGRAM_MAX });
        let mut header = message_of(Some(name), piece);
        header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
        message.write(header);
    }
    // SAFETY: the first `count` messages are written, and what they point to lives in this function's arrays and in
    // the caller's buffers, with the lengths given, through the call.
    let taken = unsafe {
        let messages = messages.as_mut_ptr().cast();
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages,
            count as _,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
    let rows = messages.iter().zip(&names).zip(&controls).zip(arrivals.iter_mut()).take(taken.min(count));
    for (((message, name), control), arrival) in rows {
        // SAFETY: among the first `count`, so written above.
        let message = unsafe { message.assume_init_ref() };
        let port = port_of(control, message.msg_hdr.msg_controllen);
        *arrival = Arrival { from: address_of(name), port, length: message.msg_len as usize };
    }
    Ok(taken)
}

/// Sends whole packets, each with its headers, to the socket's host or to `named` ones, at most [`BATCH`] of them; how many the system took, from the front.
///
/// # Errors
/// What it says against the first.
pub(crate) fn send<'a>(
    socket: &Socket,
    named: bool,
    frames: impl Iterator<Item = (&'a [u8], Ipv4Addr)>,
) -> io::Result<usize> {
    let mut names = [NOBODY; BATCH];
    let mut pieces = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let mut count = 0;
    let rows = names.iter_mut().zip(&mut pieces).zip(&mut messages);
    for ((frame, to), ((name, piece), message)) in frames.zip(rows) {
        name.sin_addr.s_addr = u32::from_ne_bytes(to.octets());
        let base = frame.as_ptr().cast_mut().cast();
        let name = named.then_some(name);
        message.write(message_of(name, piece.write(libc::iovec { iov_base: base, iov_len: frame.len() })));
        count += 1;
    }
    // SAFETY: the first `count` messages are written, and what they point to lives in this function's arrays and in
    // the caller's frames through the call, which only reads the frames.
    let taken = unsafe {
        let messages = messages.as_mut_ptr().cast();
        libc::sendmmsg(socket.as_raw_fd(), messages, count, libc::MSG_DONTWAIT as _)
    };
    usize::try_from(taken).map_err(|_| io::Error::last_os_error())
}

/// The hops that packets of this machine may take by default.
pub(crate) fn hops(socket: &UdpSocket) -> u8 {
    socket.ttl().ok().and_then(|hops| u8::try_from(hops).ok()).unwrap_or(64)
}

const NOBODY: libc::sockaddr_in = libc::sockaddr_in {
    sin_family: libc::AF_INET as libc::sa_family_t,
    sin_port: 0,
    sin_addr: libc::in_addr { s_addr: 0 },
    sin_zero: [0; 8],
};

fn message_of(name: Option<&mut libc::sockaddr_in>, piece: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all zeroes is a message without anything: null pointers of length 0.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    if let Some(name) = name {
        message.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
        message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }
    message.msg_hdr.msg_iov = piece;
    message.msg_hdr.msg_iovlen = 1;
    message
}

fn address_of(name: &libc::sockaddr_in) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes()), u16::from_be(name.sin_port))
}

/// The port in the one control message that was asked for; 0 when it is missing.
fn port_of(control: &Control, length: ControlLength) -> u16 {
    // SAFETY: the array is aligned for a head and as long as one with its address.
    let head = unsafe { control.0.as_ptr().cast::<libc::cmsghdr>().read() };
    let asked = head.cmsg_level == libc::IPPROTO_IP && head.cmsg_type == libc::IP_ORIGDSTADDR;
    let start = size_of::<libc::cmsghdr>();
    match control.0.get(start + 2..start + 4) {
        Some(&[high, low]) if asked && length >= (start + 8) as ControlLength => {
            u16::from_be_bytes([high, low])
        }
        _ => 0,
    }
}

fn set(socket: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option is an int, which lives through the call.
    let result = unsafe {
        libc::setsockopt(socket, level, name, (&raw const value).cast(), size_of::<libc::c_int>() as _)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
