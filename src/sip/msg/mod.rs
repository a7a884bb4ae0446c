//! SIP messages over [`bytes::Bytes`]: a lazy index, borrowed typed views on demand, writers, stream framing.
//!
//! Not UTF-8 and not a tree of owned headers: what is not understood passes unchanged. Pure. The transaction layer
//! owns the messages; this module owns their grammar.

mod check;
mod edit;
pub mod escape;
mod fault;
pub mod frame;
mod host;
mod length;
pub(in crate::sip) mod lex;
pub mod limits;
mod line;
mod message;
mod method;
mod name;
mod name_addr;
mod params;
mod typed;
mod uri;
mod uri_match;
mod via;
pub mod write;

pub use crate::sip::msg::edit::Edits;
pub use crate::sip::msg::fault::Defect;
pub use crate::sip::msg::fault::Fault;
pub use crate::sip::msg::host::Host;
pub use crate::sip::msg::length::ContentLength;
pub use crate::sip::msg::lex::find as find_byte;
pub use crate::sip::msg::message::HeaderLines;
pub use crate::sip::msg::message::Message;
pub use crate::sip::msg::message::Values;
pub use crate::sip::msg::method::Method;
pub use crate::sip::msg::name::Name;
pub use crate::sip::msg::name_addr::Contact;
pub use crate::sip::msg::name_addr::NameAddr;
pub use crate::sip::msg::params::ParamIter;
pub use crate::sip::msg::params::Params;
pub use crate::sip::msg::typed::CSeq;
pub use crate::sip::msg::typed::MediaType;
pub use crate::sip::msg::uri::Scheme;
pub use crate::sip::msg::uri::Uri;
pub use crate::sip::msg::via::BRANCH_COOKIE;
pub use crate::sip::msg::via::Transport;
pub use crate::sip::msg::via::Via;

#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "torture/tests.rs"]
mod torture;
