//! The front door of the SIP stack: bytes and time in, effects out.
//!
//! Finds the transaction of each message, answers what needs no user (defects, retransmissions, CANCEL, merged
//! requests, overload) and hands the rest up. Not a user agent: it knows no dialogs and decides no call; not a
//! transport: it opens nothing and sends nothing itself. One per signalling shard, owned by the shard's task.

mod answer;
mod client;
mod fallback;
mod flow;
mod refusal;
mod server;
mod settings;

#[cfg(test)]
mod tests;

pub use flow::Flow;
pub use flow::Transport;
pub use settings::Counters;
pub use settings::EndpointSettings;

use crate::clock::Instant;
use crate::ids::Random;
use crate::sip::msg::Fault;
use crate::sip::msg::Message;
use crate::sip::transaction::Output;
use crate::sip::transaction::key::FingerprintMap;
use crate::sip::transaction::key::Keyring;
use crate::sip::transaction::schedule::Schedule;
use crate::sip::transaction::table::Table;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// How many deadlines of one transaction are served in one go. A machine has at most three at the same moment; more
/// would be a timer that is always due.
const TIMERS_PER_WAKE_MAX: usize = 4;

/// A request that we received, until its transaction is over.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTx(u64);

/// A request that we sent, until its transaction is over.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientTx(u64);

/// What the endpoint wants done, in this order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send these bytes.
    Send {
        /// Where to.
        flow: Flow,
        /// One whole message.
        bytes: Bytes,
    },
    /// A new request, checked: INVITE or any other but ACK and CANCEL. It is to be answered.
    Request {
        /// To answer by.
        tx: ServerTx,
        /// The request, its top Via with `received` and `rport` filled in.
        message: Message,
        /// Where it came from.
        flow: Flow,
    },
    /// The ACK to a 2xx, once.
    Ack {
        /// The INVITE.
        tx: ServerTx,
        /// The ACK.
        message: Message,
        /// Where it came from.
        flow: Flow,
    },
    /// A CANCEL met an INVITE without final response, and was answered; the INVITE is now to be answered 487.
    Cancelled {
        /// The INVITE.
        tx: ServerTx,
        /// The CANCEL, for its `Reason`.
        message: Message,
    },
    /// 64*T1 have passed after a 2xx without its ACK (RFC 3261 section 13.3.1.4): the user sends BYE.
    AckMissing {
        /// The INVITE.
        tx: ServerTx,
    },
    /// A response to our request: every provisional one, the final one, and 2xx of further forks.
    Response {
        /// The request.
        tx: ClientTx,
        /// What the user gave with the request.
        user: u64,
        /// The response.
        message: Message,
    },
    /// No final response came in time (timer B or F, or 64*T1 after a CANCEL): as 408.
    Timeout {
        /// The request.
        tx: ClientTx,
        /// What the user gave with the request.
        user: u64,
    },
    /// The request could not be sent: as 503.
    Unreachable {
        /// The request.
        tx: ClientTx,
        /// What the user gave with the request.
        user: u64,
    },
    /// A message broke the grammar. It was answered already if it could be.
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
        /// Where it came from.
        flow: Flow,
    },
}

/// Whose deadline it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Server(u64),
    Client(u64),
}

/// All transactions of one signalling shard.
#[derive(Debug)]
pub struct Endpoint {
    settings: EndpointSettings,
    random: Random,
    keyring: Keyring,
    servers: Table<server::Server>,
    clients: Table<client::Client>,
    /// From tag, Call-ID and CSeq of each request outside of a dialog, to find merged ones.
    merged: FingerprintMap<u64>,
    /// Call-ID, tags and CSeq number of each 2xx without ACK, to find the ACK.
    acked: FingerprintMap<u64>,
    /// Which client transactions are on their way to whom.
    by_remote: BTreeSet<(Transport, SocketAddr, u64)>,
    schedule: Schedule<Owner>,
    counters: Counters,
    outputs: Vec<Output>,
}

impl Endpoint {
    /// An endpoint without transactions. Everything drawn comes from `random`, so a run replays from its seed.
    pub fn new(settings: EndpointSettings, mut random: Random) -> Self {
        Self {
            keyring: Keyring::new(&mut random),
            settings,
            random,
            servers: Table::default(),
            clients: Table::default(),
            merged: FingerprintMap::default(),
            acked: FingerprintMap::default(),
            by_remote: BTreeSet::new(),
            schedule: Schedule::default(),
            counters: Counters::default(),
            outputs: Vec::new(),
        }
    }

    /// Takes one datagram or one message framed from a stream.
    pub fn receive(&mut self, now: Instant, flow: Flow, bytes: Bytes, out: &mut Vec<Effect>) {
        match Message::parse(bytes) {
            Ok(message) if message.status().is_some() => self.receive_response(now, message, flow, out),
            Ok(message) => self.receive_request(now, message, flow, out),
            Err(Fault::KeepAlive) => {}
            Err(fault) => self.malformed(fault.reason(), flow, out),
        }
        self.sweep();
    }

    /// Answers a request: provisionally or finally, as the bytes say. What comes too late is dropped.
    ///
    /// A 2xx to an INVITE is sent again, from T1 doubling up to T2 and on every transport, until its ACK comes
    /// (RFC 3261 section 13.3.1.4); without one the end is [`Effect::AckMissing`].
    pub fn respond(&mut self, now: Instant, tx: ServerTx, response: Bytes, out: &mut Vec<Effect>) {
        self.respond_by(now, tx.0, response, out);
        self.sweep();
    }

    /// Sends a request that is not an ACK. Its top Via is ours, with a branch from [`Endpoint::branch`]; `user` comes
    /// back with each effect. When the table is full, or the bytes are no request, the effect is `Unreachable`.
    pub fn request(
        &mut self,
        now: Instant,
        flow: Flow,
        request: Bytes,
        user: u64,
        out: &mut Vec<Effect>,
    ) -> ClientTx {
        let tx = self.start_client(now, flow, request, user, out);
        self.sweep();
        tx
    }

    /// Cancels an INVITE of ours, with `reason` as the value of a `Reason` header (RFC 3326).
    ///
    /// RFC 3261 section 9.1: the CANCEL waits for the first provisional response, and is not sent at all when a final
    /// one comes first. A 2xx that crosses it is delivered as every other.
    pub fn cancel(&mut self, now: Instant, tx: ClientTx, reason: Option<&str>, out: &mut Vec<Effect>) {
        self.want_cancel(now, tx.0, reason, out);
        self.sweep();
    }

    /// Sends the ACK to a 2xx and keeps it for the retransmissions of that 2xx, which is told from those of other
    /// forks by its To tag. A second ACK to the same 2xx replaces the first.
    pub fn ack(&mut self, _now: Instant, tx: ClientTx, ack: Bytes, flow: Flow, out: &mut Vec<Effect>) {
        self.keep_ack(tx.0, ack.clone(), flow);
        out.push(Effect::Send { flow, bytes: ack });
    }

    /// Sends a message without any memory of it.
    pub fn send(&mut self, flow: Flow, bytes: Bytes, out: &mut Vec<Effect>) {
        out.push(Effect::Send { flow, bytes });
    }

    /// The transport to that peer failed: an ICMP error, a refused or lost connection. Requests on their way there
    /// end as `Unreachable` at once.
    pub fn flow_failed(&mut self, now: Instant, flow: Flow, out: &mut Vec<Effect>) {
        let from = (flow.transport, flow.remote, 0);
        let to = (flow.transport, flow.remote, u64::MAX);
        let handles: Vec<u64> = self.by_remote.range(from..=to).map(|(_, _, handle)| *handle).collect();
        for handle in handles {
            self.client_flow_failed(now, handle, flow, out);
        }
        self.sweep();
    }

    /// Serves every deadline that is not after `now`.
    pub fn timeout(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((at, owner)) = self.schedule.peek().filter(|(at, _)| *at <= now) {
            self.schedule.pop();
            match owner {
                Owner::Server(handle) => self.server_timeout(now, handle, at, out),
                Owner::Client(handle) => self.client_timeout(now, handle, at, out),
            }
        }
        self.sweep();
    }

    /// When [`Endpoint::timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.peek().map(|(at, _)| at)
    }

    /// A branch for a request of ours: unique, with the magic cookie (RFC 3261 section 8.1.1.7).
    pub fn branch(&mut self) -> String {
        refusal::hex("z9hG4bK", self.random.next_u64())
    }

    /// A tag for a From or To header (RFC 3261 section 19.3: at least 32 random bits).
    pub fn tag(&mut self) -> String {
        refusal::hex("", self.random.next_u64())
    }

    /// Live transactions of requests that we received; for metrics.
    pub fn servers_live(&self) -> usize {
        self.servers.len()
    }

    /// Live transactions of requests that we sent; for metrics.
    pub fn clients_live(&self) -> usize {
        self.clients.len()
    }

    /// What was counted so far; for metrics.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn malformed(&mut self, reason: &'static str, flow: Flow, out: &mut Vec<Effect>) {
        self.counters.malformed += 1;
        out.push(Effect::Malformed { reason, flow });
    }

    /// Keeps [`Endpoint::poll_timeout`] exact and the schedule small.
    fn sweep(&mut self) {
        let (servers, clients) = (&self.servers, &self.clients);
        self.schedule.sweep(servers.len() + clients.len(), |at, owner| match owner {
            Owner::Server(handle) => servers.get(handle).is_some_and(|s| s.is_scheduled(at)),
            Owner::Client(handle) => clients.get(handle).is_some_and(|c| c.is_scheduled(at)),
        });
    }
}
