//! TCP sockets: listeners, connections to a peer, and the options that both have.

use crate::net::NetError;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// A peer that vanished without a word (a browser on a lost network) is noticed within some two minutes.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TRIES: u32 = 3;
/// What we sent and nobody acknowledged for so long is lost, and the connection with it.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Opens a listener. Must be called inside the signalling thread's runtime.
pub(in crate::net) fn listen(transport: Transport, address: SocketAddr) -> Result<TcpListener, NetError> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // `[::]` beside `0.0.0.0` on the same port are two listeners.
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    let (protocol, section) = match transport {
        Transport::Tls => ("SIP/TLS", "sip"),
        Transport::Ws => ("SIP/WS", "sip"),
        Transport::Wss => ("SIP/WSS", "sip"),
        Transport::Tcp | Transport::Udp => ("SIP/TCP", "sip"),
    };
    open().map_err(|source| NetError::Bind { protocol, address, section, source })
}

/// Opens a connection for a flow, from its local address where that is a certain one.
pub(in crate::net) async fn connect(flow: Flow) -> io::Result<TcpStream> {
    let socket = if flow.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !flow.local.ip().is_unspecified() && flow.local.is_ipv4() == flow.remote.is_ipv4() {
        // A carrier knows us by the address that we listen on.
        socket.bind(SocketAddr::new(flow.local.ip(), 0))?;
    }
    socket.connect(flow.remote).await
}

/// The options of every connection. What the kernel does not grant is no reason to go without the connection.
pub(in crate::net) fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE_AFTER)
        .with_interval(KEEP_ALIVE_EVERY)
        .with_retries(KEEP_ALIVE_TRIES);
    let _ = socket.set_tcp_keepalive(&alive);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}
