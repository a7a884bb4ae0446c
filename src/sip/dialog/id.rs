//! What a dialog is known by (RFC 3261 section 12): Call-ID, our tag, the peer's tag.
//!
//! Not the dialog: a key for the map of its owner.

use crate::sip::msg::Message;
use std::fmt;

/// The three parts in one piece of memory, so that a look-up costs one allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    text: Box<[u8]>,
    call_id_len: u16,
    local_tag_len: u16,
}

impl DialogId {
    /// The id of these parts. An RFC 2543 peer has no tag: its tag is empty.
    pub fn new(call_id: &[u8], local_tag: &[u8], remote_tag: &[u8]) -> Self {
        let len = |part: &[u8]| u16::try_from(part.len()).unwrap_or(u16::MAX);
        let text = [call_id, local_tag, remote_tag].concat().into_boxed_slice();
        Self { text, call_id_len: len(call_id), local_tag_len: len(local_tag) }
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &[u8] {
        self.text.get(..usize::from(self.call_id_len)).unwrap_or_default()
    }

    /// Our tag.
    pub fn local_tag(&self) -> &[u8] {
        let start = usize::from(self.call_id_len);
        self.text.get(start..start + usize::from(self.local_tag_len)).unwrap_or_default()
    }

    /// The peer's tag.
    pub fn remote_tag(&self) -> &[u8] {
        let start = usize::from(self.call_id_len) + usize::from(self.local_tag_len);
        self.text.get(start..).unwrap_or_default()
    }
}

impl fmt::Debug for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [call_id, local, remote] =
            [self.call_id(), self.local_tag(), self.remote_tag()].map(|part| part.escape_ascii());
        write!(f, "DialogId({call_id}, {local}, {remote})")
    }
}

/// The dialog that a request from the peer belongs to: our tag is in To. `None` when it is outside of any dialog.
pub fn of_request(request: &Message) -> Option<DialogId> {
    let local_tag = request.to_tag()?;
    let remote_tag = request.from_tag().unwrap_or_default();
    Some(DialogId::new(request.call_id().ok()?, local_tag, remote_tag))
}

/// The dialog that a response from the peer makes or belongs to: our tag is in From. `None` without a tag in From.
pub fn of_response(response: &Message) -> Option<DialogId> {
    let local_tag = response.from_tag()?;
    let remote_tag = response.to_tag().unwrap_or_default();
    Some(DialogId::new(response.call_id().ok()?, local_tag, remote_tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_see_the_same_dialog() {
        let text = "BYE sip:x SIP/2.0\r\nFrom: <sip:a>;tag=aa\r\nTo: <sip:b>;tag=b\r\nCall-ID: id@h\r\n\r\n";
        let request = of_request(&Message::parse(text.into()).unwrap()).unwrap();
        assert_eq!(
            (request.call_id(), request.local_tag(), request.remote_tag()),
            (&b"id@h"[..], &b"b"[..], &b"aa"[..])
        );
        let response = text.replace("BYE sip:x SIP/2.0", "SIP/2.0 200 OK");
        let response = of_response(&Message::parse(response.into()).unwrap()).unwrap();
        assert_eq!((response.local_tag(), response.remote_tag()), (&b"aa"[..], &b"b"[..]));
        let outside = text.replace(";tag=b\r", "\r");
        assert_eq!(of_request(&Message::parse(outside.into()).unwrap()), None);
        // The same letters cut elsewhere are another id.
        assert_ne!(DialogId::new(b"ab", b"c", b"d"), DialogId::new(b"a", b"bc", b"d"));
    }
}
