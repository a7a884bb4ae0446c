//! Strowger: a SIP/RTP telephony switch with call queues.
//!
//! The map of the code is in `docs/architecture.md`; the words are in `docs/glossary.md`.

pub mod acd;
pub mod app;
pub mod call;
pub mod cli;
pub mod clock;
pub mod codec;
pub mod config;
pub mod datagrams;
pub mod demo;
pub mod dialplan;
pub mod http;
pub mod ids;
pub mod load;
pub mod media;
pub mod metrics;
pub mod net;
pub mod record;
pub mod recording;
pub mod registrar;
pub mod rtp;
pub mod sdp;
pub mod sim;
pub mod sip;
pub mod srtp;
pub mod store;
pub mod subscription;
pub mod switch;
pub mod trace;
pub mod trunk;

#[cfg(test)]
mod tidy;
