//! The seam between what parties do and who tells them to.
//!
//! A script is a state machine as a party is: events and time in, orders out. [`crate::sim::drive::Drive`] runs one
//! over sockets; tests run the same one in virtual time.

use crate::clock::Instant;
use crate::sim::party::Event;
use crate::sim::party::Order;

/// Orders with the number of the party that each is for.
pub type Orders = Vec<(usize, Order)>;

/// Who says what the parties do.
pub trait Script {
    /// Something happened to that party.
    fn event(&mut self, now: Instant, party: usize, event: Event, orders: &mut Orders);

    /// Time has passed. Also called at the start, and in every turn while no time is set.
    fn timeout(&mut self, now: Instant, orders: &mut Orders);

    /// When [`Script::timeout`] is to be called next.
    fn poll_timeout(&self) -> Option<Instant>;

    /// True when there is nothing more to do or to wait for.
    fn is_over(&self) -> bool;
}
