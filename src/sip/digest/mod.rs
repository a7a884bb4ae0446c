//! Digest authentication (RFC 2617, RFC 7616, RFC 8760), both sides.
//!
//! Server: [`Realm`] makes challenges and judges answers without memory, [`Replays`] remembers what was used. Client:
//! [`Challenge`], [`Login`], and the [`Client`] that keeps both. Who may do what, and
//! where secrets are kept, is not here. Pure: time and randomness are arguments.

mod algorithm;
mod challenge;
mod client;
mod credentials;
mod fields;
mod reader;
mod realm;
mod replay;

pub use crate::sip::digest::algorithm::Algorithm;
pub use crate::sip::digest::algorithm::Ha1;
#[cfg(test)]
pub(crate) use crate::sip::digest::algorithm::hashes_made;
pub use crate::sip::digest::challenge::Challenge;
pub use crate::sip::digest::challenge::Login;
pub use crate::sip::digest::client::Client;
pub use crate::sip::digest::client::Reaction;
pub use crate::sip::digest::client::Told;
pub use crate::sip::digest::credentials::Credentials;
pub use crate::sip::digest::reader::Reader;
pub use crate::sip::digest::realm::Realm;
pub use crate::sip::digest::realm::Verdict;
pub use crate::sip::digest::replay::Replays;
