//! What a phone's user has set for its calls, as it is kept over a restart. A plain record: what it means is `switch`'s.

use serde::Deserialize;
use serde::Serialize;

/// Something that can be set.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneSetting {
    /// Wants no calls.
    DoNotDisturb,
    /// Where all calls go.
    ForwardAlways,
    /// Where calls go while it is busy.
    ForwardBusy,
    /// Where calls go that it does not answer.
    ForwardNoAnswer,
    /// Where calls go while it is not registered.
    ForwardUnreachable,
}

impl PhoneSetting {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::DoNotDisturb,
        Self::ForwardAlways,
        Self::ForwardBusy,
        Self::ForwardNoAnswer,
        Self::ForwardUnreachable,
    ];

    /// Its name in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DoNotDisturb => "do_not_disturb",
            Self::ForwardAlways => "forward_always",
            Self::ForwardBusy => "forward_busy",
            Self::ForwardNoAnswer => "forward_no_answer",
            Self::ForwardUnreachable => "forward_unreachable",
        }
    }

    /// The setting of that name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.word() == word)
    }
}

/// A change of a phone's settings. The last one for a phone and a setting counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneChange {
    /// The phone's number.
    pub phone: String,
    /// What is set.
    pub setting: PhoneSetting,
    /// To what: a number, or `on`; empty is off, `None` is what the file says.
    pub value: Option<String>,
}
