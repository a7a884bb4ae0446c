//! All connections of the signalling thread, over TCP, TLS and WebSocket, in both directions: who may have one, what
//! waits for a slow peer, when one ends.
//!
//! Not the bytes on them: `stream` frames TCP and TLS, `ws` frames WebSocket; `tls` proves who is who.

use crate::metrics::Metrics;
use crate::net::NetError;
use crate::net::Sink;
use crate::net::link;
use crate::net::link::Link;
use crate::net::link::Mailbox;
use crate::net::link::Outbox;
use crate::net::stream;
use crate::net::tcp;
use crate::net::tls::Tls;
use crate::net::ws;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How many connections, and how long each may take for what.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections_max: usize,
    /// Connections that one source address may open.
    pub per_source_max: u32,
    /// Messages that may wait for a slow peer; then the connection is closed.
    pub waiting_messages_max: usize,
    /// Bytes that may wait for it.
    pub waiting_bytes_max: usize,
    /// How long a peer that we connect to may take to answer.
    pub connect: Duration,
    /// How long the handshakes of TLS and WebSocket may take together.
    pub handshake: Duration,
    /// How long a new connection may stay without a whole message.
    pub first_message: Duration,
    /// How long a message may take from its first byte to its last.
    pub message: Duration,
    /// A connection on which nothing arrives for so long is closed.
    pub idle: Duration,
    /// How long a connection that ends may still take what was queued for it.
    pub last_words: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            per_source_max: 1_000,
            waiting_messages_max: 256,
            waiting_bytes_max: 1 << 20,
            connect: Duration::from_secs(4),
            handshake: Duration::from_secs(8),
            first_message: Duration::from_secs(60),
            // RFC 3261 timer F: nobody waits for its answer any longer.
            message: Duration::from_secs(32),
            // Longer than any registration's refresh.
            idle: Duration::from_secs(3900),
            last_words: Duration::from_secs(1),
        }
    }
}

/// What connections are made with.
#[derive(Default)]
pub struct Settings {
    /// The limits.
    pub limits: Limits,
    /// The certificates; without them no TLS connection is made or taken.
    pub tls: Option<Tls>,
    /// The origins whose pages may open a WebSocket; all when empty.
    pub origins: Vec<String>,
    /// Where what is refused is counted.
    pub metrics: Metrics,
}

/// A listening socket and what is spoken there.
#[derive(Debug)]
pub struct Listener {
    transport: Transport,
    socket: TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// Opens one, for any transport but UDP. Must be called inside the signalling thread's runtime.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub fn bind(transport: Transport, address: SocketAddr) -> Result<Self, NetError> {
        let socket = tcp::listen(transport, address)?;
        let local = socket.local_addr().unwrap_or(address);
        Ok(Self { transport, socket, local })
    }

    /// What is spoken there.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The address as bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

#[derive(Debug)]
struct Connection {
    flow: Flow,
    mailbox: Mailbox,
    /// The name that the peer has proved, where we opened the connection and asked for one.
    name: Option<Arc<str>>,
    /// Told when we give the connection up: its reader ends then, and with it all the rest.
    given_up: Rc<Notify>,
}

/// The table. One for a signalling thread.
pub struct Connections {
    settings: Settings,
    open: RefCell<HashMap<u64, Connection>>,
    by_remote: RefCell<HashMap<(Transport, SocketAddr), u64>>,
    per_source: RefCell<HashMap<IpAddr, u32>>,
    names: RefCell<HashMap<SocketAddr, Arc<str>>>,
    count: Cell<u64>,
}

/// Names that are remembered; there is one for each target of a trunk.
const NAMES_MAX: usize = 4096;

/// Whether we opened it, so that its peer's address is one that can be connected to again.
fn is_opened_by_us(id: u64) -> bool {
    id & 1 == 1
}

/// What a new connection's task works with.
struct Ends {
    flow: Flow,
    outbox: Outbox,
    link: Link,
    given_up: Rc<Notify>,
}

impl Connections {
    /// None yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: RefCell::default(),
            by_remote: RefCell::default(),
            per_source: RefCell::default(),
            names: RefCell::default(),
            count: Cell::new(0),
        }
    }

    /// How many are open or being opened.
    pub fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// The name that the certificate of the peer at this address must bear when we connect to it over TLS (RFC 5922
    /// section 4); the last one given counts. Without a name it must bear the address.
    pub fn expect_name(&self, remote: SocketAddr, name: &str) {
        let mut names = self.names.borrow_mut();
        if names.get(&remote).is_some_and(|known| **known == *name) {
            return;
        }
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(remote, Arc::from(name));
    }

    /// Accepts for ever.
    pub async fn accept(self: Rc<Self>, listener: Listener, sink: Rc<dyn Sink>) {
        loop {
            let Ok((stream, remote)) = listener.socket.accept().await else {
                // Out of descriptors: wait for some to come back instead of spinning.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(local) = stream.local_addr() else { continue };
            if !self.has_room(remote.ip()) {
                self.settings.metrics.sip_dropped("too_many_connections");
                continue;
            }
            let flow = Flow { transport: listener.transport, local, remote, connection: self.next_id(false) };
            *self.per_source.borrow_mut().entry(remote.ip()).or_default() += 1;
            let ends = self.register(flow, None, &sink);
            let this = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                let flow = ends.flow;
                this.welcome(stream, ends).await;
                this.close(flow.connection);
            });
        }
    }

    /// Sends on the flow's connection; for connection 0 on the one to that peer, or on a new one. Over TLS that is one
    /// whose peer has proved the expected name.
    pub fn send(self: &Rc<Self>, flow: Flow, bytes: Bytes, sink: &Rc<dyn Sink>) {
        if let Some(id) = self.way(&flow) {
            let posted = self.open.borrow().get(&id).is_some_and(|one| one.mailbox.post(bytes));
            if !posted {
                self.give_up(id);
            }
            return;
        }
        let may_connect = flow.connection == 0 || is_opened_by_us(flow.connection);
        if !may_connect || !matches!(flow.transport, Transport::Tcp | Transport::Tls) {
            // A connection that the peer opened is gone: there is no address to call him at.
            fail_later(flow, sink);
            return;
        }
        let opened = Flow { connection: self.next_id(true), ..flow };
        let name = (flow.transport == Transport::Tls)
            .then(|| self.names.borrow().get(&flow.remote).cloned())
            .flatten();
        let ends = self.register(opened, name.clone(), sink);
        if let Some(one) = self.open.borrow().get(&opened.connection) {
            one.mailbox.post(bytes);
        }
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            this.connect(ends, name).await;
            this.close(opened.connection);
        });
    }

    /// The connection that carries what goes by this flow.
    fn way(&self, flow: &Flow) -> Option<u64> {
        let open = self.open.borrow();
        if open.contains_key(&flow.connection) {
            return Some(flow.connection);
        }
        if flow.connection != 0 && !is_opened_by_us(flow.connection) {
            return None;
        }
        let id = self.by_remote.borrow().get(&(flow.transport, flow.remote)).copied()?;
        // RFC 5923 section 8: a connection over TLS is for whom its certificate names, not for whoever has the address.
        let proved = flow.transport != Transport::Tls
            || (is_opened_by_us(id)
                && open
                    .get(&id)
                    .is_some_and(|one| one.name == self.names.borrow().get(&flow.remote).cloned()));
        proved.then_some(id)
    }

    fn has_room(&self, source: IpAddr) -> bool {
        let limits = &self.settings.limits;
        let from_source = self.per_source.borrow().get(&source).copied().unwrap_or(0);
        self.open.borrow().len() < limits.connections_max && from_source < limits.per_source_max
    }

    fn next_id(&self, by_us: bool) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get() << 1 | u64::from(by_us)
    }

    fn register(&self, flow: Flow, name: Option<Arc<str>>, sink: &Rc<dyn Sink>) -> Ends {
        let (mailbox, outbox) = link::queue(&self.settings.limits);
        let given_up = Rc::new(Notify::new());
        let link = Link {
            flow,
            answers: mailbox.weak(),
            sink: Rc::clone(sink),
            metrics: self.settings.metrics.clone(),
        };
        let connection = Connection { flow, mailbox, name, given_up: Rc::clone(&given_up) };
        self.open.borrow_mut().insert(flow.connection, connection);
        self.by_remote.borrow_mut().insert((flow.transport, flow.remote), flow.connection);
        Ends { flow, outbox, link, given_up }
    }

    /// A connection that a peer opened.
    async fn welcome(&self, stream: TcpStream, ends: Ends) {
        tcp::prepare(&stream);
        let limits = &self.settings.limits;
        let tls = self.settings.tls.as_ref();
        let handshakes = async {
            match (ends.flow.transport, tls) {
                (Transport::Tls, Some(tls)) => {
                    Some(Socket::Tls(Box::new(tls.accept(stream).await.ok()?.into())))
                }
                (Transport::Wss, Some(tls)) => {
                    let stream = tls.accept(stream).await.ok()?;
                    Some(Socket::Wss(Box::new(ws::accept(stream, &self.settings.origins).await.ok()?)))
                }
                (Transport::Ws, _) => {
                    Some(Socket::Ws(Box::new(ws::accept(stream, &self.settings.origins).await.ok()?)))
                }
                (Transport::Tcp, _) => Some(Socket::Tcp(stream)),
                (Transport::Udp | Transport::Tls | Transport::Wss, _) => None,
            }
        };
        match tokio::time::timeout(limits.handshake, handshakes).await {
            Ok(Some(socket)) => self.converse(socket, ends).await,
            Ok(None) | Err(_) => {
                self.settings.metrics.sip_dropped("handshake");
                tracing::debug!(transport = ends.flow.transport.word(), "a handshake failed");
            }
        }
    }

    /// A connection that we open.
    async fn connect(&self, ends: Ends, name: Option<Arc<str>>) {
        let flow = ends.flow;
        let attempt = async {
            let stream =
                tokio::time::timeout(self.settings.limits.connect, tcp::connect(flow)).await.ok()?.ok()?;
            tcp::prepare(&stream);
            if flow.transport == Transport::Tcp {
                return Some(Socket::Tcp(stream));
            }
            let tls = self.settings.tls.as_ref()?;
            let shaken = tls.connect(stream, flow.remote.ip(), name.as_deref());
            match tokio::time::timeout(self.settings.limits.handshake, shaken).await.ok()? {
                Ok(stream) => Some(Socket::Tls(Box::new(stream.into()))),
                Err(error) => {
                    tracing::warn!(%error, "no TLS connection to a peer");
                    None
                }
            }
        };
        match attempt.await {
            Some(socket) => self.converse(socket, ends).await,
            None => {
                // Whoever asks in the meantime gets a new attempt.
                self.close(flow.connection);
                ends.link.sink.failed(flow);
                ends.link.sink.flush();
            }
        }
    }

    /// Both halves, until one ends.
    async fn converse(&self, socket: Socket, ends: Ends) {
        match socket {
            Socket::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                self.streams(reader, writer, ends).await;
            }
            Socket::Tls(stream) => {
                let (reader, writer) = tokio::io::split(*stream);
                self.streams(reader, writer, ends).await;
            }
            Socket::Ws(socket) => self.sockets(*socket, ends).await,
            Socket::Wss(socket) => self.sockets(*socket, ends).await,
        }
    }

    async fn streams<R, W>(&self, reader: R, writer: W, ends: Ends)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + 'static,
    {
        let Ends { flow, outbox, link, given_up } = ends;
        let reading = stream::read(reader, &link, &self.settings.limits);
        self.halves(flow, reading, stream::write(writer, outbox), &given_up).await;
        lost(flow, &link);
    }

    async fn sockets<S>(&self, socket: ws::Socket<S>, ends: Ends)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let Ends { flow, outbox, link, given_up } = ends;
        let (writer, reader) = ws::halves(socket);
        let reading = ws::read(reader, &link, &self.settings.limits);
        self.halves(flow, reading, ws::write(writer, outbox), &given_up).await;
        lost(flow, &link);
    }

    /// Runs both halves; when one ends, or we give up, what was queued before (a 400, say) still goes out, if the peer
    /// takes it.
    async fn halves(
        &self,
        flow: Flow,
        reading: impl Future<Output = ()>,
        writing: impl Future<Output = ()> + 'static,
        given_up: &Notify,
    ) {
        let mut writing = tokio::task::spawn_local(writing);
        let written = tokio::select! {
            () = reading => false,
            () = given_up.notified() => false,
            _ = &mut writing => true,
        };
        self.close(flow.connection);
        if !written && tokio::time::timeout(self.settings.limits.last_words, &mut writing).await.is_err() {
            writing.abort();
        }
    }

    /// A peer that does not read what it is sent.
    fn give_up(&self, id: u64) {
        if let Some(connection) = self.open.borrow().get(&id) {
            self.settings.metrics.sip_dropped("queue_full");
            connection.given_up.notify_one();
        }
    }

    /// Forgets it, once.
    fn close(&self, id: u64) {
        let Some(gone) = self.open.borrow_mut().remove(&id) else { return };
        let mut by_remote = self.by_remote.borrow_mut();
        let place = (gone.flow.transport, gone.flow.remote);
        if by_remote.get(&place) == Some(&id) {
            by_remote.remove(&place);
        }
        if is_opened_by_us(id) {
            return;
        }
        let mut per_source = self.per_source.borrow_mut();
        if let Some(count) = per_source.get_mut(&gone.flow.remote.ip()) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                per_source.remove(&gone.flow.remote.ip());
            }
        }
    }
}

/// What a connection runs on.
enum Socket {
    Tcp(TcpStream),
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
    Ws(Box<ws::Socket<TcpStream>>),
    Wss(Box<ws::Socket<tokio_rustls::server::TlsStream<TcpStream>>>),
}

fn lost(flow: Flow, link: &Link) {
    link.sink.failed(flow);
    link.sink.flush();
}

/// Says that a flow failed when whoever sends has come to his end.
fn fail_later(flow: Flow, sink: &Rc<dyn Sink>) {
    let sink = Rc::clone(sink);
    tokio::task::spawn_local(async move {
        sink.failed(flow);
        sink.flush();
    });
}
