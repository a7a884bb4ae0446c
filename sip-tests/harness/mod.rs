//! What the tests stand on: a switch in virtual time, and the world around it.

pub mod call;
pub mod exchange;
pub mod network;
pub mod phone;
pub mod sound;
pub mod world;
