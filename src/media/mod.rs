//! Media: RTP between legs, music and prompts, on worker threads of its own.
//!
//! ```text
//!  switch --Command--> mailbox -> worker thread: wire (each, shared), ports, core (session) --Event--> switch
//! ```
//! Workers share nothing and take no lock for a packet. A bridge lives in one worker: the switch takes both legs'
//! ports from the same one. Signalling is not here: a leg is described by the result of an offer and answer.

mod activity;
mod arrival;
pub mod board;
mod bpf;
mod clocked;
pub mod command;
mod control;
mod datagram;
mod each;
mod egress;
mod heard_keys;
mod ingress;
mod intake;
mod kernel;
mod keys;
mod leg;
mod limiter;
mod listening;
mod mixer;
mod mmsg;
pub mod outputs;
mod player;
mod port_pool;
mod raw;
mod relay;
mod room;
mod rooms;
mod security;
pub mod session;
mod shared;
mod softener;
pub mod sounds;
mod start;
pub mod tap;
mod tones;
mod warm;
mod wheel;
mod wire;
mod worker;

#[cfg(test)]
mod tests;

pub use crate::media::board::Counters;
pub use crate::media::board::Load;
pub use crate::media::command::Codec;
pub use crate::media::command::Command;
pub use crate::media::command::Event;
pub use crate::media::command::Format;
pub use crate::media::command::HeardBy;
pub use crate::media::command::LegKey;
pub use crate::media::command::LegStats;
pub use crate::media::command::RoomKey;
pub use crate::media::command::Source;
pub use crate::media::command::Then;
pub use crate::media::command::Tone;
pub use crate::media::sounds::Sounds;
pub use crate::media::sounds::SoundsError;
pub use crate::media::start::Full;
pub use crate::media::start::Media;
pub use crate::media::start::MediaError;
pub use crate::media::start::Settings;
pub use crate::media::start::Sockets;
pub use crate::rtp::latch::Guard;
