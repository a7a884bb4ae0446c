//! `application/simple-message-summary` (RFC 3842 section 3.5): the messages that wait in a mailbox.
//!
//! Who knows them is a [`Mailboxes`]; here they are only written.

use crate::subscription::sheet::Sheet;

/// What waits in a mailbox.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages not heard yet.
    pub new: u32,
    /// Messages heard and kept.
    pub old: u32,
}

/// Who knows what waits for a number.
pub trait Mailboxes: std::fmt::Debug + Send {
    /// What waits for that number.
    fn waiting(&self, number: &str) -> Waiting;
}

/// A switch that takes no messages: nothing ever waits.
#[derive(Copy, Clone, Debug, Default)]
pub struct NoMailboxes;

impl Mailboxes for NoMailboxes {
    fn waiting(&self, _number: &str) -> Waiting {
        Waiting::default()
    }
}

/// The document of an account's mailbox.
pub fn write(account: &str, waiting: Waiting) -> Sheet {
    let word = if waiting.new > 0 { "yes" } else { "no" };
    let account: String = account.chars().filter(|letter| !letter.is_control()).collect();
    Sheet::plain(format!(
        "Messages-Waiting: {word}\r\nMessage-Account: {account}\r\nVoice-Message: {}/{} (0/0)\r\n",
        waiting.new, waiting.old
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_the_new_and_the_old() {
        let text =
            |waiting| String::from_utf8(write("sip:1001@example.com", waiting).bytes(7)).expect("it is text");
        assert_eq!(
            text(NoMailboxes.waiting("1001")),
            "Messages-Waiting: no\r\nMessage-Account: sip:1001@example.com\r\nVoice-Message: 0/0 (0/0)\r\n"
        );
        assert!(text(Waiting { new: 2, old: 5 }).contains("Waiting: yes\r\n"));
        assert!(text(Waiting { new: 2, old: 5 }).ends_with("Voice-Message: 2/5 (0/0)\r\n"));
        assert!(text(Waiting { new: 0, old: 5 }).contains("Waiting: no\r\n"));
    }
}
