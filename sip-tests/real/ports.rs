//! Free ports of loopback: no two tests of this process get the same, and what other processes hold is left alone.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::sync::Mutex;
use std::sync::PoisonError;

/// All lie below the kernel's ephemeral ports, which any connection may take, and above those of `load.toml`.
const RANGES_FROM: u16 = 30_000;
const RANGES_TO: u16 = 32_000;
const SINGLES_TO: u16 = 32_700;
const RANGE: u16 = 50;

static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that is free for UDP and for TCP on 127.0.0.1.
pub fn free() -> u16 {
    let count = SINGLES_TO - RANGES_TO;
    let start = (std::process::id() * 13 % u32::from(count)) as u16;
    for step in 0..count {
        let port = RANGES_TO + (start + step) % count;
        let tcp = TcpListener::bind(("127.0.0.1", port));
        if tcp.is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() && take(port) {
            return port;
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// Fifty ports for RTP, given back when dropped.
#[derive(Debug)]
pub struct Range {
    pub first: u16,
    pub last: u16,
}

impl Range {
    pub fn free() -> Self {
        let count = (RANGES_TO - RANGES_FROM) / RANGE;
        // Test runs at the same time on one machine begin at different places.
        let start = (std::process::id() * 7 % u32::from(count)) as u16;
        for step in 0..count {
            let first = RANGES_FROM + (start + step) % count * RANGE;
            let sockets: Vec<_> =
                (first..first + RANGE).map(|port| UdpSocket::bind(("127.0.0.1", port))).collect();
            if sockets.iter().all(Result::is_ok) && take(first) {
                return Self { first, last: first + RANGE - 1 };
            }
        }
        panic!("no range of ports is free for RTP");
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.first);
    }
}

fn take(port: u16) -> bool {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port)
}
