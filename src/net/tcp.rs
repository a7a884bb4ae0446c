//! SIP over TCP: listeners, connections in both directions, framing (RFC 3261 sections 18.1 and 18.3).
//!
//! Limits: connections in all and per source, a time without a whole message, a bounded amount that waits for a slow
//! peer. All on the signalling thread.

use crate::net::NetError;
use crate::net::Sink;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::frame::Frame;
use crate::sip::msg::frame::Framer;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// Connections in all.
const CONNECTIONS_MAX: usize = 20_000;
/// Connections from one source address.
const CONNECTIONS_PER_SOURCE_MAX: u32 = 1_000;
/// Messages that may wait for a slow peer; then the connection is closed.
const WAITING_MAX: usize = 256;
/// A connection on which nothing arrives is closed: longer than any registration's refresh.
const IDLE_MAX: Duration = Duration::from_secs(3900);
/// How long to wait for a peer that we connect to.
const CONNECT_MAX: Duration = Duration::from_secs(4);
/// How long a connection that ends may still take what was queued for it.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// RFC 5626 section 3.5.1: the answer to a double CRLF.
const PONG: &[u8] = b"\r\n";

#[derive(Debug)]
struct Connection {
    flow: Flow,
    to_peer: mpsc::Sender<Bytes>,
    /// Told when we give the connection up: its reader ends then, and with it all the rest.
    given_up: Rc<Notify>,
}

/// All TCP connections of the signalling thread.
#[derive(Debug, Default)]
pub struct Tcp {
    connections: RefCell<HashMap<u64, Connection>>,
    by_remote: RefCell<HashMap<SocketAddr, u64>>,
    per_source: RefCell<HashMap<IpAddr, u32>>,
    last: Cell<u64>,
}

/// Opens a listener. Must be called inside the signalling thread's runtime.
///
/// # Errors
/// The address is in use or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, NetError> {
    TcpListener::bind(address).await.map_err(|source| NetError::Bind {
        protocol: "SIP/TCP",
        address,
        section: "sip",
        source,
    })
}

impl Tcp {
    /// Accepts for ever.
    pub async fn accept(self: Rc<Self>, listener: TcpListener, sink: Rc<dyn Sink>) {
        loop {
            let Ok((stream, remote)) = listener.accept().await else {
                // Out of descriptors: wait for some to come back instead of spinning.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(local) = stream.local_addr() else { continue };
            let full = self.connections.borrow().len() >= CONNECTIONS_MAX
                || self
                    .per_source
                    .borrow()
                    .get(&remote.ip())
                    .is_some_and(|n| *n >= CONNECTIONS_PER_SOURCE_MAX);
            if !full {
                let flow = self.open(local, remote);
                self.start(flow, stream, Rc::clone(&sink));
            }
        }
    }

    /// Sends on the flow's connection, on another one to the same peer, or on a new one.
    pub fn send(self: &Rc<Self>, flow: Flow, bytes: Bytes, sink: &Rc<dyn Sink>) {
        let known = self.connections.borrow().contains_key(&flow.connection);
        let id =
            if known { Some(flow.connection) } else { self.by_remote.borrow().get(&flow.remote).copied() };
        match id {
            Some(id) => {
                let sent = self.connections.borrow().get(&id).map(|c| c.to_peer.try_send(bytes));
                if let Some(Err(_)) = sent {
                    self.give_up(id);
                }
            }
            None => {
                let opened = self.open(flow.local, flow.remote);
                let this = Rc::clone(self);
                let sink = Rc::clone(sink);
                tokio::task::spawn_local(async move { this.connect(opened, flow, bytes, sink).await });
            }
        }
    }

    async fn connect(self: Rc<Self>, opened: Flow, asked: Flow, first: Bytes, sink: Rc<dyn Sink>) {
        let attempt = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(opened.remote)).await;
        let Ok(Ok(stream)) = attempt else {
            self.close(opened.connection);
            sink.failed(asked);
            sink.flush();
            return;
        };
        let waiting = self.start(opened, stream, sink);
        let _ = waiting.try_send(first);
    }

    fn open(&self, local: SocketAddr, remote: SocketAddr) -> Flow {
        self.last.set(self.last.get() + 1);
        Flow { transport: Transport::Tcp, local, remote, connection: self.last.get() }
    }

    fn start(self: &Rc<Self>, flow: Flow, stream: TcpStream, sink: Rc<dyn Sink>) -> mpsc::Sender<Bytes> {
        let (to_peer, from_us) = mpsc::channel(WAITING_MAX);
        let given_up = Rc::new(Notify::new());
        let connection = Connection { flow, to_peer: to_peer.clone(), given_up: Rc::clone(&given_up) };
        self.connections.borrow_mut().insert(flow.connection, connection);
        self.by_remote.borrow_mut().insert(flow.remote, flow.connection);
        *self.per_source.borrow_mut().entry(flow.remote.ip()).or_default() += 1;
        let _ = stream.set_nodelay(true);
        let this = Rc::clone(self);
        let pong = to_peer.downgrade();
        tokio::task::spawn_local(async move {
            let (mut reader, writer) = stream.into_split();
            let mut writing = tokio::task::spawn_local(write(writer, from_us));
            tokio::select! {
                () = read(&mut reader, flow, &pong, &sink) => {}
                () = given_up.notified() => {}
            }
            this.close(flow.connection);
            // What was queued before the end (a 400, say) still goes out, if the peer takes it.
            if tokio::time::timeout(LAST_WORDS_MAX, &mut writing).await.is_err() {
                writing.abort();
            }
            sink.failed(flow);
            sink.flush();
        });
        to_peer
    }

    /// A peer that does not read what it is sent.
    fn give_up(&self, id: u64) {
        if let Some(connection) = self.connections.borrow().get(&id) {
            connection.given_up.notify_one();
        }
    }

    fn close(&self, id: u64) {
        let Some(gone) = self.connections.borrow_mut().remove(&id) else { return };
        let mut by_remote = self.by_remote.borrow_mut();
        if by_remote.get(&gone.flow.remote) == Some(&id) {
            by_remote.remove(&gone.flow.remote);
        }
        let mut per_source = self.per_source.borrow_mut();
        if let Some(count) = per_source.get_mut(&gone.flow.remote.ip()) {
            *count -= 1;
            if *count == 0 {
                per_source.remove(&gone.flow.remote.ip());
            }
        }
    }
}

async fn read(
    reader: &mut tokio::net::tcp::OwnedReadHalf,
    flow: Flow,
    pong: &mpsc::WeakSender<Bytes>,
    sink: &Rc<dyn Sink>,
) {
    let mut framer = Framer::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(Ok(length)) = tokio::time::timeout(IDLE_MAX, reader.read(&mut buffer)).await else { return };
        if length == 0 {
            return;
        }
        framer.push(&buffer[..length]);
        loop {
            match framer.pop() {
                Ok(Some(Frame::Message(message))) => sink.received(flow, message.as_bytes().clone()),
                Ok(Some(Frame::Ping)) => {
                    if let Some(to_peer) = pong.upgrade() {
                        let _ = to_peer.try_send(Bytes::from_static(PONG));
                    }
                }
                Ok(None) => break,
                // The stream's framing is lost: the head is answered where it can be, then the connection ends.
                Err(broken) => {
                    if let Some(head) = broken.head {
                        sink.received(flow, head.as_bytes().clone());
                    }
                    // What came whole before it is answered too.
                    sink.flush();
                    return;
                }
            }
        }
        sink.flush();
    }
}

async fn write(mut writer: tokio::net::tcp::OwnedWriteHalf, mut from_us: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = from_us.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}
