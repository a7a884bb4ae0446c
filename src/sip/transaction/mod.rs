//! Transactions: the four machines of RFC 3261 section 17 with the corrections of RFC 6026, sans-IO.
//!
//! One file a machine, one function a state. A machine is handed one input, says what to do in `Output`s and when it
//! wants to be called again; it knows neither sockets nor the other transactions. [`table`] finds the machine a
//! message belongs to, [`key`] is what it is found by, [`schedule`] says which one is next to be woken. Owner of all
//! of them is [`crate::sip::endpoint::Endpoint`].

pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod plain_client;
pub mod plain_server;
pub mod schedule;
pub mod table;
pub mod timer;

#[cfg(test)]
mod tests;

use bytes::Bytes;

/// What a machine wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this for the first time.
    Send(Bytes),
    /// Send this once more.
    Resend(Bytes),
    /// Hand the message that was the input to the transaction user.
    Deliver,
    /// Tell the user that no final answer came in time (timer B or F, or a CANCEL without effect).
    TimedOut,
    /// Tell the user that the transport failed.
    Unreachable,
}

/// The status code of a response, read from its first bytes (`SIP/2.0 200 `); `None` when it is not a response.
pub fn status_of(response: &[u8]) -> Option<u16> {
    let digits = response.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    let code = digits.iter().try_fold(0u16, |code, digit| {
        digit.is_ascii_digit().then(|| code * 10 + u16::from(digit.saturating_sub(b'0')))
    })?;
    (100..700).contains(&code).then_some(code)
}
