//! Strowger: a SIP/RTP telephony switch with call queues.
//!
//! The map of the code is in `docs/architecture.md`; the words are in `docs/glossary.md`.

pub mod clock;
pub mod http;
pub mod ids;
pub mod metrics;
pub mod record;
pub mod switch;

#[cfg(test)]
mod tidy;
