//! SRTP (RFC 3711) with AES in counter mode and AES-GCM (RFC 7714): packets made secret and tamper-proof where they lie.
//!
//! ```text
//!  MasterKey --derivation--> session keys --> Sender   (seals what we send)
//!                                         \-> Receiver (opens what came, or says why not)
//! ```
//! Pure: keys and bytes in, bytes out; no memory is taken for a packet. How the keys came to both sides is `sdp`'s
//! business (RFC 4568), whose packets they are is `media`'s.

mod header;
mod key;
mod receiver;
mod seal;
mod sender;
mod suite;
mod window;

pub use crate::srtp::key::KeyPair;
pub use crate::srtp::key::MasterKey;
pub use crate::srtp::receiver::Fault;
pub use crate::srtp::receiver::Receiver;
pub use crate::srtp::sender::Sender;
pub use crate::srtp::suite::Suite;

#[cfg(test)]
mod tests;
