//! The system calls that the standard library does not wrap: waiting for many sockets with a precise time, large
//! buffers. The only unsafe code of the simulation.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

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
