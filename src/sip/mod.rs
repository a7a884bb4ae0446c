//! SIP without I/O: messages, digest authentication, transactions and dialogs.
//!
//! Pure: no socket, no runtime, no clock. The shells in `net` and `switch` feed it bytes and time.

pub mod digest;
pub mod msg;
