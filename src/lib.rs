//! Strowger: a SIP/RTP telephony switch with call queues.
//!
//! The map of the code is in `docs/architecture.md`; the words are in `docs/glossary.md`.

pub mod clock;
pub mod codec;
pub mod ids;
pub mod media;
pub mod record;
pub mod rtp;
pub mod switch;

#[cfg(test)]
mod tidy;
