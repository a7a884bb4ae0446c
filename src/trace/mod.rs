//! The SIP messages of the last minutes, kept so that a call can be looked at afterwards: as a ladder, as text, or as a
//! file for Wireshark.
//!
//! Pure: it is told what passed by and when. What belongs to which call is its owner's matter ([`crate::switch`]); it
//! shows nothing by itself, and what it shows has passed [`redacted`].

mod head;
mod ladder;
mod party;
mod pcap;
mod redact;
mod ring;

pub use crate::trace::head::Head;
pub use crate::trace::ladder::ladder;
pub use crate::trace::party::concerns;
pub use crate::trace::pcap::pcap;
pub use crate::trace::redact::redacted;
pub use crate::trace::ring::Packet;
pub use crate::trace::ring::Ring;
pub use crate::trace::ring::Thread;
pub use crate::trace::ring::Way;
