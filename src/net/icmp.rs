//! What the network says of datagrams that did not arrive: ICMP errors by the address they were sent to.
//!
//! Linux keeps them in the socket's error queue (`IP_RECVERR`); without it an unconnected socket never hears of them,
//! and a dead target costs a time-out instead of a round trip. The kernel checks that an error quotes a datagram of
//! ours, so a stranger can't make them up.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

/// Room for the control messages of one error: the error itself and the address of who reports it.
const CONTROL_BYTES: usize = 256;
/// Errors read in one go.
const ERRORS_MAX: usize = 64;

/// Asks the kernel to keep errors. Where it can't, nothing is reported, as before.
pub(crate) fn enable(socket: &impl AsFd, is_ipv4: bool) {
    let on: libc::c_int = 1;
    let (level, name) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_RECVERR),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
    // SAFETY: `on` lives through the call, which copies `length` bytes of it; the descriptor is borrowed open.
    unsafe {
        libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, (&raw const on).cast(), length);
    }
}

/// The addresses that cannot be reached, by the errors that came since the last time.
pub(crate) fn unreachable(socket: &impl AsFd) -> Vec<SocketAddr> {
    let mut dead = Vec::new();
    for _ in 0..ERRORS_MAX {
        let Some((address, error)) = next(socket) else { break };
        let counts = matches!(error, libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH);
        if counts && !dead.contains(&address) {
            dead.push(address);
        }
    }
    dead
}

/// The next error in the queue: where its datagram was sent, and the error's number.
fn next(socket: &impl AsFd) -> Option<(SocketAddr, libc::c_int)> {
    #[repr(C, align(8))]
    struct Control([u8; CONTROL_BYTES]);
    let mut control = Control([0; CONTROL_BYTES]);
    let mut payload = [0_u8; 64];
    // SAFETY: all zeros is a valid value of both plain structures.
    let (mut name, mut header) =
        unsafe { (std::mem::zeroed::<libc::sockaddr_storage>(), std::mem::zeroed::<libc::msghdr>()) };
    let mut part = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = libc::socklen_t::try_from(size_of::<libc::sockaddr_storage>()).ok()?;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_BYTES;
    // SAFETY: every pointer in `header` is to a local that outlives the call, with its true length beside it.
    let read = unsafe {
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, flags)
    };
    if read < 0 {
        return None;
    }
    // SAFETY: `header` is as the kernel left it, `control` is aligned for a control message and lives on; the macros stay
    // within `msg_controllen`. An error's data is at least as long as the structure that is read from it.
    let error = unsafe {
        let mut found = 0;
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while let Some(current) = message.as_ref() {
            let is_error = matches!(
                (current.cmsg_level, current.cmsg_type),
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            );
            if is_error {
                let data: *const libc::sock_extended_err = libc::CMSG_DATA(message).cast();
                found = libc::c_int::try_from(data.read_unaligned().ee_errno).unwrap_or(0);
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
        found
    };
    address(&name).map(|address| (address, error))
}

/// The address in a structure that the kernel has filled.
fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let name = &raw const *name;
    // SAFETY: the family says which structure it is, and the storage is large enough and aligned for both.
    unsafe {
        match libc::c_int::from((*name).ss_family) {
            libc::AF_INET => {
                let v4 = &*name.cast::<libc::sockaddr_in>();
                let ip = IpAddr::from(u32::from_be(v4.sin_addr.s_addr).to_be_bytes());
                Some(SocketAddr::new(ip, u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let v6 = &*name.cast::<libc::sockaddr_in6>();
                Some(SocketAddr::new(IpAddr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn check(loopback: &str, is_ipv4: bool) {
        // A port that was somebody's and is nobody's any more.
        let Ok(gone) = UdpSocket::bind((loopback, 0)) else { return };
        let dead = gone.local_addr().unwrap();
        drop(gone);
        let socket = UdpSocket::bind((loopback, 0)).unwrap();
        enable(&socket, is_ipv4);
        assert_eq!(unreachable(&socket), []);
        socket.send_to(b"x", dead).unwrap();
        // On loopback the error is there when the call returns.
        assert_eq!(unreachable(&socket), [dead]);
        assert_eq!(unreachable(&socket), [], "each is told once");
    }

    #[test]
    fn a_port_where_nobody_listens_is_told() {
        check("127.0.0.1", true);
        check("::1", false);
    }
}
