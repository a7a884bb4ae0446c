//! What the two halves of a connection hold: a bounded queue of messages to the peer, and the way to the sink.
//!
//! Not the table of connections: that is `connections`, which owns the strong end of each queue.

use crate::metrics::Metrics;
use crate::metrics::labels;
use crate::net::Sink;
use crate::net::connections::Limits;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::frame::BadFrame;
use bytes::Bytes;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// RFC 5626 section 3.5.1: the answer to a double CRLF.
const PONG: &[u8] = b"\r\n";

/// The end of a connection's queue to which messages are put. The queue ends when the last of these is gone.
#[derive(Clone, Debug)]
pub(in crate::net) struct Mailbox {
    to_peer: mpsc::Sender<Bytes>,
    /// Bytes that wait.
    waiting: Rc<Cell<usize>>,
    waiting_max: usize,
}

/// The end from which the connection's writer takes them.
#[derive(Debug)]
pub(in crate::net) struct Outbox {
    from_us: mpsc::Receiver<Bytes>,
    waiting: Rc<Cell<usize>>,
}

/// A queue for a new connection.
pub(in crate::net) fn queue(limits: &Limits) -> (Mailbox, Outbox) {
    let (to_peer, from_us) = mpsc::channel(limits.waiting_messages_max);
    let waiting = Rc::new(Cell::new(0));
    let mailbox = Mailbox { to_peer, waiting: Rc::clone(&waiting), waiting_max: limits.waiting_bytes_max };
    (mailbox, Outbox { from_us, waiting })
}

impl Mailbox {
    /// Puts a message to those that wait; false when the peer does not read what it is sent, or is gone.
    pub(in crate::net) fn post(&self, bytes: Bytes) -> bool {
        let waiting = self.waiting.get().saturating_add(bytes.len());
        if waiting > self.waiting_max || self.to_peer.try_send(bytes).is_err() {
            return false;
        }
        self.waiting.set(waiting);
        true
    }

    /// A hold on the queue that does not keep it open.
    pub(in crate::net) fn weak(&self) -> WeakMailbox {
        WeakMailbox {
            to_peer: self.to_peer.downgrade(),
            waiting: Rc::clone(&self.waiting),
            waiting_max: self.waiting_max,
        }
    }
}

impl Outbox {
    /// The next message, or `None` when there will be no more.
    pub(in crate::net) async fn next(&mut self) -> Option<Bytes> {
        let bytes = self.from_us.recv().await?;
        self.waiting.set(self.waiting.get().saturating_sub(bytes.len()));
        Some(bytes)
    }
}

/// See [`Mailbox::weak`].
#[derive(Debug)]
pub(in crate::net) struct WeakMailbox {
    to_peer: mpsc::WeakSender<Bytes>,
    waiting: Rc<Cell<usize>>,
    waiting_max: usize,
}

impl WeakMailbox {
    fn post(&self, bytes: Bytes) {
        if let Some(to_peer) = self.to_peer.upgrade() {
            let mailbox =
                Mailbox { to_peer, waiting: Rc::clone(&self.waiting), waiting_max: self.waiting_max };
            // A peer that pings and does not read its pongs loses them.
            let _ = mailbox.post(bytes);
        }
    }
}

/// What the reader of a connection holds.
pub(in crate::net) struct Link {
    pub(in crate::net) flow: Flow,
    pub(in crate::net) answers: WeakMailbox,
    pub(in crate::net) sink: Rc<dyn Sink>,
    pub(in crate::net) metrics: Metrics,
}

impl Link {
    /// A whole message.
    pub(in crate::net) fn received(&self, bytes: Bytes) {
        self.sink.received(self.flow, bytes);
    }

    /// RFC 5626 section 3.5.1: a double CRLF asks for a single one.
    pub(in crate::net) fn ping(&self) {
        self.answers.post(Bytes::from_static(PONG));
    }

    /// The framing is lost: what began is answered where it can be; then the connection ends.
    pub(in crate::net) fn broken(&self, broken: &BadFrame) {
        self.metrics.sip_parse_error(label(self.flow.transport), broken.reason);
        if let Some(answer) = broken.answer(self.flow.remote) {
            self.answers.post(answer);
        }
    }
}

/// Until when a connection may stay silent.
#[derive(Debug)]
pub(in crate::net) struct Patience {
    idle: Duration,
    message: Duration,
    heard: bool,
    within: bool,
    until: Instant,
}

impl Patience {
    /// For a connection that was opened now.
    pub(in crate::net) fn new(limits: &Limits) -> Self {
        let until = Instant::now() + limits.first_message;
        Self { idle: limits.idle, message: limits.message, heard: false, within: false, until }
    }

    /// The moment at which it is closed.
    pub(in crate::net) const fn until(&self) -> Instant {
        self.until
    }

    /// Something was read: whole messages, if any, and whether a part of one is left.
    pub(in crate::net) fn read(&mut self, whole: bool, part: bool) {
        self.heard |= whole;
        let begins = part && (whole || !self.within);
        self.within = part;
        // A peer that says nothing but keep-alives gets no more time than one that says nothing at all; a message that
        // comes in drops gets what the first of them got.
        if self.heard && begins {
            self.until = Instant::now() + self.message;
        } else if self.heard && !part {
            self.until = Instant::now() + self.idle;
        }
    }
}

/// The metrics' word for a transport.
pub(in crate::net) const fn label(transport: Transport) -> labels::Transport {
    match transport {
        Transport::Udp => labels::Transport::Udp,
        Transport::Tcp => labels::Transport::Tcp,
        Transport::Tls => labels::Transport::Tls,
        Transport::Ws => labels::Transport::Ws,
        Transport::Wss => labels::Transport::Wss,
    }
}
