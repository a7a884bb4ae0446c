//! SDP (RFC 8866) and the offer/answer model (RFC 3264) for one audio stream: what may be sent where, in which codec.
//!
//! Pure: bodies in, bodies and an [`Agreed`] out. Not the dialog's view of when an offer may be made (that is
//! `sip::dialog`), and not the codecs themselves. Keys pass through here and are never shown. The only home of the crate `sdp-types`, which reads and writes
//! the lines; the meaning is ours.

mod codec;
mod crypto;
mod direction;
mod local;
mod negotiate;
mod plain;
mod read;
mod version;

pub use crate::sdp::codec::Codec;
pub use crate::sdp::codec::Encoding;
pub use crate::sdp::crypto::Crypto;
pub use crate::sdp::crypto::Security;
pub use crate::sdp::direction::Direction;
pub use crate::sdp::local::Local;
pub use crate::sdp::local::offer;
pub use crate::sdp::negotiate::Agreed;
pub use crate::sdp::negotiate::Refusal;
pub use crate::sdp::negotiate::acceptable;
pub use crate::sdp::negotiate::agree;
pub use crate::sdp::negotiate::answer;
pub use crate::sdp::read::BODY_LEN_MAX;
pub use crate::sdp::read::FORMATS_MAX;
pub use crate::sdp::read::Line;
pub use crate::sdp::read::MEDIA_MAX;
pub use crate::sdp::read::Profile;
pub use crate::sdp::read::Remote;
pub use crate::sdp::read::RemoteAudio;
pub use crate::sdp::read::SdpFault;
pub use crate::sdp::read::read;
pub use crate::sdp::version::renew;

#[cfg(test)]
mod tests;
