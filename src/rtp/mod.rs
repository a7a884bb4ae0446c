//! RTP and RTCP (RFC 3550, 3551, 4733, 5761), pure: bytes and times in, values out.
//!
//! Not sockets, not sessions: `media` owns those and calls into here for every packet.

pub mod dtmf;
pub mod jitter;
pub mod latch;
pub mod packet;
pub mod reception;
pub mod rtcp;
pub mod sequence;
pub mod timeline;

/// The clock rate of G.711 and of the telephone events beside it: samples in a second (RFC 3551 section 4.5.14).
pub const CLOCK_RATE: u32 = 8000;

/// Microseconds that one sample lasts.
pub const SAMPLE_MICROS: u64 = 125;
