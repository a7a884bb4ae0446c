//! The registrar: which contacts stand for an address of record, and until when. RFC 3261 section 10.3, RFC 5626.
//!
//! Pure, and independent of SIP messages: the caller reads the REGISTER, authenticates it and writes the answer.
//! Not the location of trunks, and not who may register. One owner holds a [`Registrar`] and publishes its changes.

mod binding;
mod register;
mod table;

pub use crate::registrar::binding::Binding;
pub use crate::registrar::binding::Change;
pub use crate::registrar::binding::ChangeKind;
pub use crate::registrar::binding::Reason;
pub use crate::registrar::register::Contacts;
pub use crate::registrar::register::Granted;
pub use crate::registrar::register::Limits;
pub use crate::registrar::register::NewContact;
pub use crate::registrar::register::RegisterDone;
pub use crate::registrar::register::RegisterRefusal;
pub use crate::registrar::register::RegisterRequest;
pub use crate::registrar::register::TEXT_LEN_MAX;
pub use crate::registrar::table::Registrar;

#[cfg(test)]
mod tests;
