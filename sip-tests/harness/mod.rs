//! What the tests stand on: a switch in virtual time, and the world around it.

pub mod exchange;
