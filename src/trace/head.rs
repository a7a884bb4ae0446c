//! The few header lines that are needed of every message before anything else is: found in one pass, nothing checked.
//!
//! Not the parser (`sip::msg`): a message that it would refuse has a head here all the same.

use crate::sip::msg::find_byte as find;
use crate::sip::msg::limits::HEAD_LEN_MAX;

/// What a message says of itself.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// It is a request.
    pub is_request: bool,
    /// The `Call-ID`; empty without one.
    pub call_id: &'a [u8],
    /// The `User-Agent`; empty without one.
    pub user_agent: &'a [u8],
}

impl<'a> Head<'a> {
    /// Looks through the head of a message.
    pub fn of(message: &'a [u8]) -> Self {
        let mut head = Self { is_request: !message.starts_with(b"SIP/2.0 "), ..Self::default() };
        let mut rest = message.get(..HEAD_LEN_MAX.min(message.len())).unwrap_or_default();
        while let Some(end) = find(rest, b'\n') {
            rest = rest.get(end + 1..).unwrap_or_default();
            match rest.first() {
                // RFC 3261 section 7.3.3: `i` is Call-ID in short.
                Some(b'c' | b'C' | b'i' | b'I') if head.call_id.is_empty() => {
                    head.call_id = value(rest, &[b"call-id", b"i"]);
                }
                Some(b'u' | b'U') if head.user_agent.is_empty() => {
                    head.user_agent = value(rest, &[b"user-agent"]);
                }
                Some(b'\r' | b'\n') | None => break,
                Some(_) => {}
            }
        }
        head
    }
}

/// The value of the line that `rest` begins with, when its name is one of these.
fn value<'a>(rest: &'a [u8], names: &[&[u8]]) -> &'a [u8] {
    let end = find(rest, b'\n').unwrap_or(rest.len());
    let line = rest.get(..end).unwrap_or_default();
    let Some(colon) = find(line, b':') else { return b"" };
    let (name, value) = line.split_at(colon);
    let name = name.trim_ascii_end();
    let known = names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if known { value.get(1..).unwrap_or_default().trim_ascii() } else { b"" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_in_any_spelling() {
        let check = |text: &str, request: bool, call_id: &str, user_agent: &str| {
            let expected =
                Head { is_request: request, call_id: call_id.as_bytes(), user_agent: user_agent.as_bytes() };
            assert_eq!(Head::of(text.as_bytes()), expected, "{text}");
        };
        check("INVITE sip:a SIP/2.0\r\nCall-ID: 1@h\r\nUser-Agent: X 1\r\n\r\ni: body", true, "1@h", "X 1");
        check("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\ni : 2@h\r\n\r\n", false, "2@h", "");
        check("INVITE sip:a SIP/2.0\nuser-agent:Y\nCALL-ID:3\n\nCall-ID: 4", true, "3", "Y");
        check("OPTIONS sip:a SIP/2.0\r\nContact: <sip:i>\r\nCall-ID", true, "", "");
        check("", true, "", "");
        check("\n\n\n", true, "", "");
    }
}
