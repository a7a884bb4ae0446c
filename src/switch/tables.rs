//! How full the core's tables are, for those who watch for leaks: a switch without calls has none of anything.
//!
//! Not the figures of the API (`view`): sizes only.

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
    /// INVITEs to trunks that are not over, and those that were given up but could still be answered.
    pub trunk_attempts: usize,
    /// Subscriptions to events.
    pub subscriptions: usize,
    /// Media ports that wait for a leg: not a leak, but less than all of them without calls is.
    pub ports_free: usize,
}

impl Core {
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
            subscriptions: self.subscriptions.len(),
            ports_free: self.ports.free(),
        }
    }
}
