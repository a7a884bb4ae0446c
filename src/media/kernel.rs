//! The system calls that the standard library does not wrap: epoll, eventfd, disconnecting a UDP socket, a precise
//! sleep, the descriptor limit. Everything else about sockets is safe code elsewhere.

#![allow(unsafe_code, reason = "system calls; each block says why its pointers are good")]

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::time::Duration;

/// Waits for many descriptors at once, level-triggered: what is not read is reported again.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// Room for what one wait reports.
pub(crate) struct Ready {
    events: Vec<libc::epoll_event>,
    count: usize,
}

impl Ready {
    /// Room for so many.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)], count: 0 }
    }

    /// One of the tokens that were reported last.
    pub(crate) fn token(&self, index: usize) -> Option<u64> {
        self.events.get(..self.count)?.get(index).map(|event| event.u64)
    }

    /// How many were reported last.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Forgets what was reported.
    pub(crate) fn forget(&mut self) {
        self.count = 0;
    }

    /// Whether there may be more than there was room for.
    pub(crate) fn is_full(&self) -> bool {
        self.count == self.events.len()
    }
}

impl Epoll {
    /// A new one without descriptors.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer; the descriptor is new and ours.
        unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Reports `token` whenever the descriptor can be read. Closing the descriptor removes it.
    ///
    /// # Errors
    /// When the kernel is out of memory or watches.
    pub(crate) fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let descriptor = descriptor.as_fd().as_raw_fd();
        // SAFETY: `event` lives through the call, which copies it; both descriptors are borrowed open.
        unsafe {
            check(libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &raw mut event))?;
        }
        Ok(())
    }

    /// Waits until something can be read or the time has passed; without a time until something can be read.
    /// An interrupting signal counts as nothing.
    ///
    /// # Errors
    /// Never on a valid epoll.
    pub(crate) fn wait(&self, ready: &mut Ready, timeout: Option<Duration>) -> io::Result<()> {
        ready.count = 0;
        let room = i32::try_from(ready.events.len()).unwrap_or(i32::MAX);
        // Rounded up, so that a wait never ends before its time; the worker's ticks are whole milliseconds.
        let millis =
            timeout.map_or(-1, |time| i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX));
        // SAFETY: `events` has room for `room` events, which the kernel fills from the front.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), ready.events.as_mut_ptr(), room, millis) };
        match check(count) {
            Ok(count) => ready.count = usize::try_from(count).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Wakes a thread out of [`Epoll::wait`].
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    /// A new one.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer; the descriptor is new and ours.
        unsafe {
            let fd = check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Wakes; without effect when a wake-up is already under way.
    pub(crate) fn wake(&self) {
        let one = 1u64;
        // SAFETY: eight bytes are read from `one`. An error means that the counter is full: awake enough.
        unsafe {
            libc::write(self.0.as_raw_fd(), (&raw const one).cast(), size_of::<u64>());
        }
    }

    /// Takes the wake-up back, so that it is reported once.
    pub(crate) fn clear(&self) {
        let mut count = 0u64;
        // SAFETY: eight bytes are written to `count`. An error means that there was none.
        unsafe {
            libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>());
        }
    }

    /// A second handle to the same.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Takes a UDP socket's peer away: it hears everybody again and keeps its port.
///
/// # Errors
/// Never on a UDP socket.
pub(crate) fn disconnect(socket: &UdpSocket) -> io::Result<()> {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: `nobody` lives through the call and `length` is its size.
    check(unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, length) })?;
    Ok(())
}

/// Sleeps on the monotonic clock, deaf to packets. For worker threads only.
pub(crate) fn sleep(time: Duration) {
    let span = libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(time.subsec_nanos() as i32),
    };
    // SAFETY: `span` lives through the call; a null remainder is allowed. A signal ends the sleep early, which the
    // caller's deadlines bear.
    unsafe {
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const span, ptr::null_mut());
    }
}

/// Raises the limit of open descriptors to `wanted`, or as far as the system lets us; says what it is then.
///
/// # Errors
/// When the limit cannot be read.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives through both calls.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        if limit.rlim_cur < wanted {
            let before = limit.rlim_cur;
            limit.rlim_cur = wanted.min(limit.rlim_max);
            if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) != 0 {
                return Ok(before);
            }
        }
    }
    Ok(limit.rlim_cur)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
