//! Simulated parties: phones and callers that really speak SIP and RTP, and judge what they hear.
//!
//! [`party::Party`] is a phone without I/O; a [`script::Script`] says what it does; [`drive::Drive`] gives them
//! sockets and time, all in one thread. For the demo, the load tool and tests. Not part of the switch: it knows the
//! switch from the wire alone, which is what makes its judgement worth something.

pub mod drive;
mod ear;
pub mod hearing;
pub mod histogram;
mod line;
mod lines;
pub mod party;
pub mod script;
mod system;
pub mod voice;

#[cfg(test)]
mod tests;
