//! The shell around the pure parts: it owns the SIP endpoint, the calls and the distributor, and carries out what
//! they want.
//!
//! `core` is that shell without I/O, in files by subject; `shard` is the thread that runs it.

pub mod action;
mod actions;
pub mod addresses;
mod board;
mod cause_map;
mod commands;
pub mod core;
mod counting;
mod dial;
mod distribute;
pub mod handle;
mod identity;
mod in_dialog;
mod invite;
mod lamps;
mod leg;
mod limiter;
mod media_link;
mod notices;
mod outbound;
mod phone_workers;
mod pickup;
mod port_stock;
mod refer;
mod register;
mod replaces;
mod reply;
mod requests;
mod setup;
pub mod shard;
mod sized;
mod subscribe;
mod subscriptions;
pub mod tables;
mod trunk_call;
mod trunk_host;
mod trunk_invite;
mod trunk_link;
mod trunk_source;
mod trunks;
pub mod view;
mod views;
mod write;
