//! The `Reason` header (RFC 3326): ours where the switch knows why, else what the party that ended the call has said,
//! passed on to the other party.
//!
//! So a phone that stops ringing because the call was answered elsewhere shows no missed call, also when that was
//! another switch's decision.

use crate::call::Cause;
use crate::call::LegId;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::view::LegRole;

/// A longer reason is nobody's; it is not cut, for half a quoted string is no header.
const REASON_LEN_MAX: usize = 200;

/// The header's value, if it may go into a message of ours.
fn readable(message: &Message) -> Option<String> {
    let text = std::str::from_utf8(message.header(Name::Reason)?).ok()?;
    let plain = text.len() <= REASON_LEN_MAX && !text.chars().any(char::is_control);
    (plain && !text.is_empty()).then(|| text.to_owned())
}

impl Core {
    /// A party ends the call with this message: the other one is told its reason.
    pub(crate) fn keep_reason(&mut self, id: LegId, message: &Message) {
        let Some(call) = self.legs.get(&id).map(|leg| leg.call) else { return };
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.reason = readable(message);
        }
    }

    /// The called party refuses. An agent's phone does not: the caller waits for another one.
    pub(crate) fn keep_reason_of_refusal(&mut self, id: LegId, message: &Message) {
        if self.legs.get(&id).is_some_and(|leg| leg.role == LegRole::Party) {
            self.keep_reason(id, message);
        }
    }

    /// What the BYE, CANCEL or refusal of a leg says for that cause.
    pub(crate) fn reason_for(&self, id: LegId, cause: Cause) -> Option<String> {
        let own = cause_map::reason(cause).map(str::to_owned);
        own.or_else(|| {
            let leg = self.legs.get(&id)?;
            self.calls.get(&leg.call)?.reason.clone()
        })
    }
}
