//! Whose message it is: for those who know a number and no id.

use crate::sip::msg::Message;
use crate::trace::ring::Packet;

/// So many last digits are enough.
const DIGITS_MIN: usize = 4;

/// Whether the message is from or to that number, or asks for it.
pub fn concerns(packet: &Packet, number: &str) -> bool {
    let Ok(message) = Message::parse(packet.bytes.clone()) else { return false };
    let number = number.as_bytes();
    let same = |user: Option<&[u8]>| {
        user.is_some_and(|user| user == number || (number.len() >= DIGITS_MIN && user.ends_with(number)))
    };
    same(message.from().ok().and_then(|from| from.uri.user))
        || same(message.to().ok().and_then(|to| to.uri.user))
        || message.request_uri().is_ok_and(|uri| same(uri.user))
}
