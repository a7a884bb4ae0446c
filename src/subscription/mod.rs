//! Subscriptions to events (RFC 6665) and the documents that notify of them.
//!
//! Pure: a machine for one subscription's life, and the bodies of the packages `dialog` (RFC 4235), `message-summary`
//! (RFC 3842) and `presence` (RFC 3856, 3863). It knows no SIP message, no call and no phone: who watches what is the
//! switch's matter (`switch::subscribe`), and so is what is to be told (`switch::lamps`).

pub mod dialog_info;
pub mod dialog_info_reader;
pub mod machine;
pub mod message_summary;
pub mod package;
pub mod pidf;
pub mod sheet;
pub mod xml;
mod xml_reader;

pub use machine::Input;
pub use machine::Output;
pub use machine::Reason;
pub use machine::Standing;
pub use machine::Subscription;
pub use package::Event;
pub use package::Package;
pub use sheet::Sheet;
