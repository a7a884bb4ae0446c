//! What can be wrong with a message: [`Fault`] when it cannot be answered, [`Defect`] when it can.
//!
//! Both are the peer's fault and plain values; neither is a Rust error to be propagated to a user.

use crate::sip::msg::name::Name;

/// Why bytes could not even be indexed. No answer is possible; drop and count.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but line ends: a keep-alive (RFC 5626 section 4.4.1 over streams, common practice over UDP).
    KeepAlive,
    /// Longer than [`crate::sip::msg::limits::MESSAGE_LEN_MAX`].
    TooLong,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// A status line whose version or three-digit code is wrong; an answer cannot be answered.
    StatusLine,
}

impl Fault {
    /// A stable word for a metric's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep_alive",
            Self::TooLong => "too_long",
            Self::StartLine => "start_line",
            Self::StatusLine => "status_line",
        }
    }
}

/// What is wrong with a message that can be answered.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The status code that the RFC wants in the answer: 400, 416, 505, 513.
    pub status: u16,
    /// The reason phrase of the answer; says what is wrong.
    pub reason: &'static str,
    /// The header at fault, when there is one.
    pub header: Option<Name>,
}

impl Defect {
    /// A 400 for `header`.
    pub const fn bad(header: Name, reason: &'static str) -> Self {
        Self { status: 400, reason, header: Some(header) }
    }

    /// A fault of the start line or of the message as a whole.
    pub const fn whole(status: u16, reason: &'static str) -> Self {
        Self { status, reason, header: None }
    }
}
