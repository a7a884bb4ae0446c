//! Calls: who is connected with whom, who hears what, and how every leg ends when the call ends.
//!
//! A pure state machine. It knows no SIP, no sockets and no distributor: it is told what happened to a leg and
//! answers with commands that the switch carries out. The switch owns one [`Call`] for each call.

pub mod bridge;
pub mod cause;
pub mod command;
pub mod event;
pub mod guests;
pub mod ledger;
mod meeting;
pub mod menu;
pub mod ring;
mod service;
pub mod takeover;
pub mod transfer;

pub use bridge::{Call, State};
pub use cause::Cause;
pub use command::{Audience, Command, Hear, ToQueue, TransferStep};
pub use event::{Afterwards, GuestRole, Input, LegEvent, LegId, Plan, Supervision, TransferTo, Way};
pub use menu::{Choice, Script};
pub use transfer::{NoTransfer, Transfer};
