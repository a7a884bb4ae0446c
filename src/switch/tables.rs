//! How full the core's tables are, for those who watch for leaks: a switch without calls has none of anything.
//!
//! Not the figures of the API (`view`): sizes only.

use crate::clock::Now;
use crate::switch::core::Core;

/// Sizes of the core's tables.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Live calls.
    pub calls: usize,
    /// Legs, those included whose CANCEL is under way.
    pub legs: usize,
    /// Dialogs by their id.
    pub dialogs: usize,
    /// INVITEs of peers that are not acknowledged yet.
    pub invites: usize,
    /// Deadlines of calls and legs.
    pub call_timers: usize,
    /// Agents that are busy with a call of their own.
    pub own_calls: usize,
    /// Phones with a leg.
    pub phones_in_calls: usize,
    /// Transactions of peers' requests.
    pub server_transactions: usize,
    /// Transactions of our requests.
    pub client_transactions: usize,
    /// INVITEs to trunks that are not over, and the legs that they are for.
    pub trunk_attempts: usize,
    /// Recordings that run, and pauses that have to end.
    pub recordings: usize,
    /// Subscriptions to events.
    pub subscriptions: usize,
    /// Media ports that wait for a leg: not a leak, but less than all of them without calls is.
    pub ports_free: usize,
}

/// What the core remembers of strangers and spenders: each is bounded, and none outlives its time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Sources whose requests are counted.
    pub sources: usize,
    /// Failures of accounts, sources and pairs of them.
    pub failures: usize,
    /// Pairs of account and source that were right.
    pub known: usize,
    /// Nonces in use.
    pub nonces: usize,
    /// Phones with calls in their last hour, and calls that are charged to them.
    pub charged: (usize, usize),
    /// Bytes of the trace.
    pub trace_bytes: usize,
}

impl Core {
    /// What is remembered of strangers and spenders.
    pub fn memory(&self) -> Memory {
        Memory {
            sources: self.limiter.len(),
            failures: self.guard.len(),
            known: self.guard.known(),
            nonces: self.replays.len(),
            charged: self.toll.len(),
            trace_bytes: self.recorder.bytes(),
        }
    }

    /// Forgets what is over: with every timer, for none is worth a timer of its own.
    pub(crate) fn forget_old(&mut self, now: Now) {
        self.limiter.expire(now.instant);
        self.guard.expire(now.instant);
        self.replays.expire(now.wall);
        self.recorder.expire(now.wall);
    }

    /// How full the tables are.
    pub fn tables(&self) -> Tables {
        Tables {
            calls: self.calls.len(),
            legs: self.legs.len(),
            dialogs: self.dialogs.len(),
            invites: self.invites.len(),
            call_timers: self.call_timers.len() + self.leg_timers.len(),
            own_calls: self.own_calls.values().filter(|calls| **calls > 0).count(),
            phones_in_calls: self.phone_workers.len(),
            server_transactions: self.endpoint.servers_live(),
            client_transactions: self.endpoint.clients_live(),
            trunk_attempts: self.trunks.attempts(),
            recordings: self.recordings.len() + self.recording_timers.len(),
            subscriptions: self.subscriptions.len(),
            ports_free: self.ports.free(),
        }
    }
}
