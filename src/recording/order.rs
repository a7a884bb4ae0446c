//! What the recorder is told, and what it tells.

use crate::ids::CallUid;
use crate::ids::RecordingUid;
use crate::media::tap::TapKey;
use crate::recording::manifest::Ending;
use crate::recording::manifest::Kind;
use std::time::Duration;

/// A recording that is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Under which key its packets come.
    pub key: TapKey,
    /// Its id, drawn now: it stays in the folder of the day in it.
    pub id: RecordingUid,
    /// What it is of.
    pub kind: Kind,
    /// Of which call.
    pub call: CallUid,
    /// Which of the call's recordings it is, from 1.
    pub number: u32,
    /// Who is heard: the left channel.
    pub left: String,
    /// Who is tapped: the right channel.
    pub right: String,
    /// The call's queue.
    pub queue: Option<String>,
    /// The call's agent.
    pub agent: Option<String>,
    /// Whose mailbox it is for.
    pub mailbox: Option<String>,
    /// Who has asked for it: `queue`, `inbound`, an agent, an API key.
    pub by: String,
    /// It ends by itself when it is so long.
    pub length_max: Option<Duration>,
}

/// From the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A recording begins.
    Begin(Box<Begin>),
    /// It is silent from now on.
    Pause {
        /// Which.
        key: TapKey,
        /// Who wants it.
        by: String,
    },
    /// It has sound from now on.
    Resume {
        /// Which.
        key: TapKey,
        /// Who wants it, or `limit`.
        by: String,
    },
    /// It ends now.
    End {
        /// Which.
        key: TapKey,
        /// Why.
        why: Ending,
        /// Who wants it.
        by: Option<String>,
    },
}

/// To the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A recording has ended by itself; its call goes on without.
    Ended {
        /// Which.
        key: TapKey,
        /// Why.
        why: Ending,
    },
    /// A mailbox has another number of messages: one came, was heard or was erased.
    Mailbox {
        /// Its number.
        mailbox: String,
    },
}

/// Why something that was asked for was not done.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no such recording.
    #[error("there is no such recording")]
    Unknown,
    /// It has not ended.
    #[error("the recording has not ended")]
    Running,
    /// Its file was deleted.
    #[error("the recording was erased")]
    Erased,
    /// The disk takes nothing, or the recorder has too much to do.
    #[error("the recorder can write nothing at the moment")]
    Away,
}
