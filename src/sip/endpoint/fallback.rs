//! A request with two ways: when the first can't be gone, the second is (RFC 3261 section 18.1.1).

use crate::clock::Instant;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Effect;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::Flow;
use bytes::Bytes;

/// The second way, and the request as it is written for it.
pub(in crate::sip::endpoint) type Fallback = Option<Box<(Flow, Bytes)>>;

impl Endpoint {
    /// As [`Endpoint::request`], but when the transport to the first way fails before any response came, the request
    /// goes by the second one, in the same transaction: both have the same branch, so that whoever got both answers
    /// once.
    pub fn request_or(
        &mut self,
        now: Instant,
        first: (Flow, Bytes),
        second: (Flow, Bytes),
        user: u64,
        out: &mut Vec<Effect>,
    ) -> ClientTx {
        let tx = self.start_client(now, first.0, first.1, user, out);
        if let Some(client) = self.clients.get_mut(tx.0) {
            client.keep_fallback(second);
        }
        self.sweep();
        tx
    }

    /// Starts over by the second way; false when there is none, or when the peer was heard of by the first.
    pub(in crate::sip::endpoint) fn fall_back(
        &mut self,
        now: Instant,
        handle: u64,
        out: &mut Vec<Effect>,
    ) -> bool {
        let timing = self.settings.timing;
        let Some(client) = self.clients.get_mut(handle) else { return false };
        let before = client.flow();
        let mut outputs = std::mem::take(&mut self.outputs);
        if !client.fall_back(now, timing, &mut outputs) {
            self.outputs = outputs;
            return false;
        }
        let after = client.flow();
        self.by_remote.remove(&(before.transport, before.remote, handle));
        self.by_remote.insert((after.transport, after.remote, handle));
        self.carry_out_client(handle, outputs, None, out);
        true
    }
}
