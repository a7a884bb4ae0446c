//! What an endpoint is told once, and what it counts.
//!
//! Not the configuration file: `switch` fills this from `config`.

use crate::sip::transaction::timer::Timing;
use std::net::IpAddr;

/// How an endpoint behaves.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// T1, T2 and T4.
    pub timing: Timing,
    /// The `Server` header of the responses that the endpoint makes itself.
    pub server: Option<String>,
    /// Live server transactions above which a new request outside of a dialog is answered 503, and live client
    /// transactions above which a request of ours ends as unreachable. Requests inside a dialog and our own have a
    /// quarter more, so that calls can still be ended.
    pub transactions_max: usize,
    /// Peers whose `maddr` in a Via is followed. Anybody else is answered at his own address: else he could have us
    /// send to a third party.
    pub maddr_peers: Vec<IpAddr>,
}

impl Default for EndpointSettings {
    /// A transaction lives for 32 seconds after its end and a bridged call has four, so a quarter of a million of
    /// them is what about 2,000 calls a second leave behind.
    fn default() -> Self {
        Self { timing: Timing::default(), server: None, transactions_max: 262_144, maddr_peers: Vec::new() }
    }
}

impl EndpointSettings {
    /// Whether a `maddr` from there is followed.
    pub(in crate::sip::endpoint) fn follows_maddr(&self, source: IpAddr) -> bool {
        self.maddr_peers.contains(&source)
    }

    /// The limit for what belongs to a call that exists.
    pub(in crate::sip::endpoint) fn transactions_max_in_dialog(&self) -> usize {
        self.transactions_max.saturating_add(self.transactions_max / 4)
    }
}

/// What an endpoint has counted since it was made.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests and responses that came again and were absorbed or answered from memory.
    pub retransmissions_received: u64,
    /// Messages that we sent again.
    pub retransmissions_sent: u64,
    /// Responses that belong to none of our requests.
    pub responses_stray: u64,
    /// ACKs that belong to none of our responses.
    pub acks_stray: u64,
    /// Requests that came over two ways and were answered 482.
    pub requests_merged: u64,
    /// Requests answered 503 because the table was full.
    pub requests_refused: u64,
    /// Our own requests that were not sent because the table was full.
    pub requests_unsent: u64,
    /// Messages that break the grammar.
    pub malformed: u64,
    /// Responses that were not sent because their address is a broadcast or multicast one, or none.
    pub responses_unroutable: u64,
}
