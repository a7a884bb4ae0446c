//! A recording, with its pauses and who has listened to it.

use crate::http::dto::Seconds;
use crate::http::dto::Time;
use crate::recording::Entry;
use crate::recording::Kind;
use crate::recording::library;
use serde::Serialize;
use utoipa::ToSchema;

/// A recording of a call, or a message in a mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingFile {
    id: String,
    /// `call` or `voicemail`.
    kind: &'static str,
    /// The call's id.
    call: String,
    queue: Option<String>,
    agent: Option<String>,
    /// The mailbox of a message.
    mailbox: Option<String>,
    /// Who is on the left channel.
    left: String,
    /// Who is on the right channel: the customer.
    right: String,
    started_at: Time,
    /// `null` while it runs.
    ended_at: Option<Time>,
    /// Why it ended: `call_ended`, `stopped`, `too_long`, `disk_full`, `write_failed`, `interrupted`.
    ended_by: Option<&'static str>,
    length_seconds: Seconds,
    bytes: u64,
    sha256: Option<String>,
    pauses: Vec<RecordingPause>,
    listened: Vec<Listening>,
    /// When its sound was deleted; the rest stays.
    erased_at: Option<Time>,
    erased_by: Option<String>,
}

/// A span without sound.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingPause {
    from: Time,
    by: String,
    until: Option<Time>,
    /// Who has ended it; `limit` when it had lasted as long as it may.
    until_by: Option<String>,
}

/// Somebody has listened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listening {
    at: Time,
    by: String,
}

impl From<Entry> for RecordingFile {
    fn from(entry: Entry) -> Self {
        let (erased_at, erased_by) = entry.erased.map(|(at, by)| (Time(at), by)).unzip();
        Self {
            id: entry.id.to_string(),
            kind: match entry.kind {
                Kind::Call => "call",
                Kind::Voicemail => "voicemail",
            },
            call: entry.call,
            queue: entry.queue,
            agent: entry.agent,
            mailbox: entry.mailbox,
            left: entry.left,
            right: entry.right,
            started_at: entry.began_at.into(),
            ended_at: entry.ended.map(|(at, _)| Time(at)),
            ended_by: entry.ended.map(|(_, why)| why.word()),
            length_seconds: entry.length.into(),
            bytes: entry.bytes,
            sha256: entry.sha256,
            pauses: entry.pauses.into_iter().map(RecordingPause::from).collect(),
            listened: entry.listened.into_iter().map(|(at, by)| Listening { at: at.into(), by }).collect(),
            erased_at,
            erased_by,
        }
    }
}

impl From<library::Pause> for RecordingPause {
    fn from(pause: library::Pause) -> Self {
        let (until, until_by) = pause.until.map(|(at, by)| (Time(at), by)).unzip();
        Self { from: pause.from.into(), by: pause.by, until, until_by }
    }
}
