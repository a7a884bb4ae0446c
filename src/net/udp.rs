//! A UDP socket for SIP: drained in batches, written without waiting.

use crate::net::NetError;
use crate::net::Sink;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

/// DESIGN: 4 MB, so that a burst waits in the kernel rather than being lost.
const BUFFER_BYTES: usize = 4 << 20;
/// Datagrams read before timers and answers get their turn.
const BATCH_MAX: usize = 64;
/// The largest datagram.
const DATAGRAM_MAX: usize = 65_535;

/// The socket.
#[derive(Debug)]
pub struct Udp {
    socket: tokio::net::UdpSocket,
    local: SocketAddr,
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
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            let socket = tokio::net::UdpSocket::from_std(socket.into())?;
            let local = socket.local_addr()?;
            Ok(Self { socket, local })
        };
        open().map_err(|source| NetError::Bind { protocol: "SIP/UDP", address, section: "sip", source })
    }

    /// The address as bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends now or not at all: what is lost here is sent again by the transaction, as if the network had lost it.
    /// False when it was not sent.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        self.socket.try_send_to(bytes, to).is_ok()
    }

    /// Reads for ever.
    pub async fn receive(self: Rc<Self>, sink: Rc<dyn Sink>) {
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            if self.socket.readable().await.is_err() {
                continue;
            }
            for _ in 0..BATCH_MAX {
                match self.socket.try_recv_from(&mut buffer) {
                    Ok((length, remote)) => {
                        let flow =
                            Flow { transport: Transport::Udp, local: self.local, remote, connection: 0 };
                        sink.received(flow, Bytes::copy_from_slice(&buffer[..length]));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // An ICMP error of an earlier datagram; the next one is unharmed.
                    Err(_) => {}
                }
            }
            sink.flush();
            tokio::task::yield_now().await;
        }
    }
}
