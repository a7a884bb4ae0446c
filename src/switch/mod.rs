//! The imperative shell around the pure parts: it owns the SIP endpoint, the calls and the distributor.

pub mod action;
pub mod handle;
pub mod view;
