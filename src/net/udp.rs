//! A UDP socket for SIP: drained in batches, written without waiting.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::datagrams;
use crate::datagrams::BATCH;
use crate::datagrams::Inbox;
use crate::net::NetError;
use crate::net::Sink;
use crate::net::icmp;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;

/// DESIGN: 4 MB, so that a burst waits in the kernel rather than being lost.
const BUFFER_BYTES: usize = 4 << 20;
/// From so many datagrams in [`PACE_WINDOW`] on, the socket is left alone for [`PACE`] after each batch. A wake-up costs
/// more than a datagram does, on our side and on the peers'; a millisecond more of set-up time buys a third of the CPU.
const PACE_FROM: usize = 300;
const PACE_WINDOW: Duration = Duration::from_millis(100);
const PACE: Duration = Duration::from_millis(1);
/// The largest datagram.
const DATAGRAM_MAX: usize = 65_535;

/// The socket.
#[derive(Debug)]
pub struct Udp {
    socket: tokio::net::UdpSocket,
    local: SocketAddr,
    /// What waits for [`Udp::flush`].
    outbox: RefCell<Vec<(SocketAddr, Bytes)>>,
}

impl Udp {
    /// Binds. Must be called inside the signalling thread's runtime.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let open = || -> std::io::Result<Self> {
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            // The kernel may grant less; that is no reason not to start.
            let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
            let _ = socket.set_send_buffer_size(BUFFER_BYTES);
            icmp::enable(&socket, address.is_ipv4());
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            let socket = tokio::net::UdpSocket::from_std(socket.into())?;
            let local = socket.local_addr()?;
            Ok(Self { socket, local, outbox: RefCell::default() })
        };
        open().map_err(|source| NetError::Bind { protocol: "SIP/UDP", address, section: "sip", source })
    }

    /// The address as bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Puts a datagram with those that the next [`Udp::flush`] sends.
    pub fn post(&self, to: SocketAddr, bytes: Bytes) {
        self.outbox.borrow_mut().push((to, bytes));
    }

    /// Sends what was posted, now or not at all: what is lost here is sent again by the transaction, as if the network had
    /// lost it. How many were not sent.
    pub fn flush(&self) -> usize {
        let mut outbox = self.outbox.borrow_mut();
        if outbox.is_empty() {
            return 0;
        }
        let unsent = datagrams::send(&self.socket, outbox.iter().map(|(to, bytes)| (*to, &bytes[..])));
        outbox.clear();
        unsent
    }

    /// Tells of peers that cannot be reached.
    fn tell_unreachable(&self, sink: &dyn Sink) {
        let mut dead = Vec::new();
        // "Would block" tells the runtime that the queue is empty; the next error wakes us again.
        let _ = self.socket.try_io(Interest::ERROR, || -> std::io::Result<()> {
            dead = icmp::unreachable(&self.socket);
            Err(ErrorKind::WouldBlock.into())
        });
        for remote in dead {
            sink.failed(Flow { transport: Transport::Udp, local: self.local, remote, connection: 0 });
        }
    }

    /// Takes the datagrams that are there; how many.
    fn take(&self, inbox: &mut Inbox) -> usize {
        let mut read = 0;
        let _ = self.socket.try_io(Interest::READABLE, || match inbox.fill(&self.socket) {
            Ok(BATCH) => {
                read = BATCH;
                Ok(())
            }
            // Fewer than there is room for: the socket is empty, which is told to the runtime as "would block".
            Ok(few) => {
                read = few;
                Err(ErrorKind::WouldBlock.into())
            }
            // But for that: an ICMP error of an earlier datagram; the next one is unharmed.
            Err(error) => Err(error),
        });
        read
    }

    /// Reads for ever.
    pub async fn receive(self: Rc<Self>, clock: Clock, sink: Rc<dyn Sink>) {
        let mut inbox = Inbox::new(DATAGRAM_MAX);
        let mut pace = Pace::default();
        loop {
            let Ok(ready) = self.socket.ready(Interest::READABLE | Interest::ERROR).await else { continue };
            if ready.is_error() {
                self.tell_unreachable(&*sink);
            }
            let read = self.take(&mut inbox);
            for (remote, bytes) in inbox.iter() {
                let flow = Flow { transport: Transport::Udp, local: self.local, remote, connection: 0 };
                sink.received(flow, Bytes::copy_from_slice(bytes));
            }
            sink.flush();
            // A full batch means that more waits already.
            if pace.is_busy(clock.instant(), read) && read < BATCH {
                rest();
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Puts the whole thread to sleep for [`PACE`]. A timer of the runtime would not do: each datagram that comes would wake the
/// thread all the same, only for nothing.
#[allow(
    clippy::disallowed_methods,
    reason = "to sleep is what it is for, and a millisecond late is no timer's harm"
)]
fn rest() {
    std::thread::sleep(PACE);
}

/// Whether much is coming in.
#[derive(Debug, Default)]
struct Pace {
    since: Instant,
    count: usize,
    busy: bool,
}

impl Pace {
    fn is_busy(&mut self, now: Instant, read: usize) -> bool {
        self.count += read;
        let passed = now.since(self.since);
        if passed >= PACE_WINDOW {
            // A window that lasted longer, for nothing came, counts for no more than its share.
            let windows = (passed.as_micros() / PACE_WINDOW.as_micros()).max(1);
            self.busy = self.count as u128 >= PACE_FROM as u128 * windows;
            (self.since, self.count) = (now, 0);
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_busy_while_much_comes_in_and_not_after_a_pause() {
        let mut pace = Pace::default();
        let at = |millis: u64| Instant::from_micros(millis * 1000);
        let busy: Vec<bool> = (1..=300).map(|millis| pace.is_busy(at(millis), 4)).collect();
        assert!(!busy[50] && busy[250]);
        assert!(!pace.is_busy(at(5000), 1), "a pause ends it");
        assert!((5001..5300).all(|millis| !pace.is_busy(at(millis), 1)), "a thousand a second are few");
    }

    /// What a socket's owner was told.
    #[derive(Default)]
    struct Told(std::cell::RefCell<Vec<String>>, tokio::sync::Notify);

    impl Sink for Told {
        fn received(&self, flow: Flow, bytes: Bytes) {
            self.0.borrow_mut().push(format!("{} from {}", String::from_utf8_lossy(&bytes), flow.remote));
        }

        fn failed(&self, flow: Flow) {
            self.0.borrow_mut().push(format!("{} failed", flow.remote));
        }

        fn flush(&self) {
            self.1.notify_one();
        }
    }

    #[test]
    fn an_unreachable_peer_is_told_and_harms_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let dead = gone.local_addr().unwrap();
            drop(gone);
            let udp = Rc::new(Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap());
            udp.socket.writable().await.unwrap();
            let told = Rc::new(Told::default());
            let sink: Rc<dyn Sink> = Rc::<Told>::clone(&told);
            tokio::task::spawn_local(Rc::clone(&udp).receive(Clock::machine(), sink));
            for round in 1..=3 {
                udp.post(dead, Bytes::from_static(b"x"));
                assert_eq!(udp.flush(), 0);
                udp.post(peer.local_addr().unwrap(), Bytes::from_static(b"y"));
                assert_eq!(udp.flush(), 0, "the error is not this one's");
                let mut buffer = [0; 8];
                assert_eq!(peer.recv(&mut buffer).await.unwrap(), 1);
                while told.0.borrow().len() < round {
                    told.1.notified().await;
                }
            }
            assert_eq!(*told.0.borrow(), vec![format!("{dead} failed"); 3]);
        });
    }
}
