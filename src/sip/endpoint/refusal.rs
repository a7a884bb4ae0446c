//! The responses that need no user: refusals, with and without a transaction.
//!
//! Not the responses of a call: the user writes those. Here is also what a user asks for the usual refusals.

use crate::sip::endpoint::Endpoint;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::write::ResponseWriter;
use crate::sip::transaction::key::Fingerprint;
use bytes::Bytes;

impl Endpoint {
    /// The 420 for a request that requires an extension not among `supported` (RFC 3261 section 8.2.2.3), or `None`
    /// when it requires none such. To be sent by [`Endpoint::respond`].
    pub fn unsupported(&mut self, request: &Message, supported: &[&str]) -> Option<Bytes> {
        let unknown: Vec<String> = request
            .require()
            .filter(|tag| !supported.iter().any(|known| tag.eq_ignore_ascii_case(known.as_bytes())))
            .map(|tag| String::from_utf8_lossy(tag).into_owned())
            .collect();
        // RFC 3261 section 8.2.2.3: Require is ignored in a CANCEL and in an ACK to a non-2xx.
        if unknown.is_empty() || matches!(request.method(), Method::Cancel | Method::Ack) {
            return None;
        }
        let tags = unknown.join(", ");
        let tag = self.tag();
        let headers = [("Unsupported", tags.as_str())];
        Some(response(request, 420, "Bad Extension", &tag, &headers, self.settings.server.as_deref()))
    }

    /// The 405 for a method that we know but that is not among `allowed`, or the 501 for one that nobody knows (RFC
    /// 3261 sections 8.2.1 and 21.5.2); `None` when it is allowed. Both say what is.
    pub fn not_allowed(&mut self, request: &Message, allowed: &[&str]) -> Option<Bytes> {
        let method = request.method();
        if allowed.iter().any(|known| known.as_bytes() == method.as_bytes()) {
            return None;
        }
        let (status, reason) = match method.known() {
            Some(_) => (405, "Method Not Allowed"),
            None => (501, "Not Implemented"),
        };
        let allow = allowed.join(", ");
        let tag = self.tag();
        let headers = [("Allow", allow.as_str())];
        Some(response(request, status, reason, &tag, &headers, self.settings.server.as_deref()))
    }
}

/// Writes a response without a body. The To tag is given to a To that has none.
pub(in crate::sip::endpoint) fn response(
    request: &Message,
    status: u16,
    reason: &str,
    tag: &str,
    headers: &[(&str, &str)],
    server: Option<&str>,
) -> Bytes {
    let mut writer = ResponseWriter::to(request, status, reason);
    writer.to_tag(tag.as_bytes());
    for (name, value) in headers.iter().copied().chain(server.map(|server| ("Server", server))) {
        writer.header_named(name.as_bytes(), value.as_bytes());
    }
    writer.finish()
}

/// The To tag of an answer that is given without memory: the same request gets the same tag again.
pub(in crate::sip::endpoint) fn stateless_tag(key: Fingerprint) -> String {
    hex("", key.short())
}

/// `prefix` and the sixteen hexadecimal digits of `value`.
pub(in crate::sip::endpoint) fn hex(prefix: &str, value: u64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(prefix.len() + 16);
    text.push_str(prefix);
    for shift in (0..16).rev() {
        text.push(char::from(DIGITS[(value >> (shift * 4)) as usize & 15]));
    }
    text
}
