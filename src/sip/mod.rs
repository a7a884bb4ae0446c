//! SIP without I/O: messages, digest authentication, transactions and dialogs.
//!
//! Pure: no socket, no runtime, no clock. The shells in `net` and `switch` feed it bytes and time.

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod gruu;
pub mod msg;
pub mod refer;
pub mod stun;
pub mod transaction;
