//! What the tests stand on: a switch in virtual time, and the world around it.

mod account;
mod api;
pub mod call;
pub mod carrier;
pub mod certificate;
pub mod encrypted;
pub mod exchange;
pub mod extensions;
pub mod heap;
pub mod names;
pub mod network;
mod parties;
pub mod phone;
mod reaction;
mod rooms;
pub mod shard;
pub mod sound;
pub mod tape;
mod transfer;
pub mod trunks;
pub mod watcher;
pub mod wire;
pub mod world;
