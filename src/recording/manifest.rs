//! The manifest of a day: one line of JSON for each thing that happened to a recording of that day, chained by hashes.
//!
//! Each line holds the SHA-256 of the line before it, so that no line can be changed or taken out of the middle unseen; the
//! line of a recording's end holds the SHA-256 of its file. A recording stays in the day on which it began, whatever
//! happens to it later. What the chain can't show is that its last lines were cut off: whoever wants that keeps the last
//! line's hash elsewhere.

use crate::clock::Wall;
use crate::ids::RecordingUid;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use std::fmt::Write;

/// The name of the file in a day's folder.
pub const NAME: &str = "manifest.jsonl";
/// What the first line holds as the hash of the line before it.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a recording is of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call.
    Call,
    /// A message for a mailbox.
    Voicemail,
}

/// Why a recording ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The call is over.
    CallEnded,
    /// Somebody has stopped it.
    Stopped,
    /// It is as long as it may be.
    TooLong,
    /// There is not enough room left on the disk.
    DiskFull,
    /// The file could not be written.
    WriteFailed,
    /// The switch was ended while it ran.
    Interrupted,
}

impl Ending {
    /// The word that the manifest and the API use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CallEnded => "call_ended",
            Self::Stopped => "stopped",
            Self::TooLong => "too_long",
            Self::DiskFull => "disk_full",
            Self::WriteFailed => "write_failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing is missing that should be in it.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::CallEnded | Self::Stopped | Self::TooLong)
    }
}

/// What happened to a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It began.
    Began {
        /// What it is of.
        kind: Kind,
        /// The call.
        call: String,
        /// Its file in the day's folder.
        file: String,
        /// Who is on the left channel.
        left: String,
        /// Who is on the right channel.
        right: String,
        /// The queue of the call.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        queue: Option<String>,
        /// The agent of the call.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        agent: Option<String>,
        /// The mailbox of a message.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        mailbox: Option<String>,
        /// Who has asked for it.
        by: String,
    },
    /// From here on it is silent.
    Paused {
        /// Who has asked for it.
        by: String,
    },
    /// From here on it has sound again.
    Resumed {
        /// Who has asked for it, or `limit`.
        by: String,
    },
    /// It ended; its file does not change any more.
    Ended {
        /// Why.
        why: Ending,
        /// Who has asked for it, where somebody has.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<String>,
        /// Its length in milliseconds.
        milliseconds: u64,
        /// The file's length.
        bytes: u64,
        /// The file's SHA-256.
        sha256: String,
    },
    /// Its file was replaced by a smaller one with the same sound.
    Packed {
        /// The new file in the day's folder.
        file: String,
        /// Its length.
        bytes: u64,
        /// Its SHA-256.
        sha256: String,
    },
    /// Somebody has listened to it, or may have: the line is written before the first byte is sent.
    Listened {
        /// Who.
        by: String,
    },
    /// Its file was deleted; what it was stays written here.
    Erased {
        /// Who has asked for it, or `retention`.
        by: String,
        /// The SHA-256 of what was deleted.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sha256: Option<String>,
    },
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The SHA-256 of the line before.
    pub previous: String,
    /// When (RFC 3339).
    pub at: String,
    /// Which recording.
    pub recording: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The end of a chain, to which lines are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    head: String,
    /// The length of the manifest so far, in bytes.
    pub length: u64,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no line of a manifest.
    #[error("line {0} cannot be read")]
    Unreadable(usize),
    /// The line before it was changed or taken away, or it was put there.
    #[error("line {0} does not follow from the line before it")]
    Broken(usize),
}

impl Default for Chain {
    fn default() -> Self {
        Self { head: NOTHING.to_owned(), length: 0 }
    }
}

impl Chain {
    /// The end of a manifest; half a line at its end, which a crash has left, does not count.
    pub fn after(manifest: &str) -> Self {
        let whole = manifest.rfind('\n').map_or("", |end| manifest.get(..=end).unwrap_or(""));
        let last = whole.lines().next_back();
        Self {
            head: last.map_or_else(|| NOTHING.to_owned(), |line| hash(line.as_bytes())),
            length: whole.len() as u64,
        }
    }

    /// A line that follows, with its line feed. The chain goes on behind it once it was [`Chain::written`].
    pub fn line(&self, at: Wall, recording: RecordingUid, event: Event) -> String {
        let line =
            Line { previous: self.head.clone(), at: at.to_string(), recording: recording.to_string(), event };
        let mut text = serde_json::to_string(&line).expect("a line has nothing that JSON can't hold");
        text.push('\n');
        text
    }

    /// That line is in the file.
    pub fn written(&mut self, line: &str) {
        self.head = hash(line.trim_end_matches('\n').as_bytes());
        self.length += line.len() as u64;
    }
}

/// The lines of a manifest, if each follows from the one before.
///
/// # Errors
/// The first line that does not.
pub fn check(manifest: &str) -> Result<Vec<Line>, Fault> {
    let mut head = NOTHING.to_owned();
    let mut lines = Vec::new();
    for (index, text) in manifest.lines().enumerate() {
        let line: Line = serde_json::from_str(text).map_err(|_| Fault::Unreadable(index + 1))?;
        if line.previous != head {
            return Err(Fault::Broken(index + 1));
        }
        head = hash(text.as_bytes());
        lines.push(line);
    }
    Ok(lines)
}

/// The lines of a manifest that can be read, whether or not they follow from each other.
pub fn lines(manifest: &str) -> impl Iterator<Item = Line> {
    manifest.lines().filter_map(|text| serde_json::from_str(text).ok())
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(count: u128) -> String {
        let mut chain = Chain::default();
        let mut text = String::new();
        for n in 0..count {
            let by = format!("agent {n}");
            let line =
                chain.line(Wall::from_micros(n as i64), RecordingUid::from_u128(n), Event::Paused { by });
            chain.written(&line);
            text.push_str(&line);
        }
        assert_eq!(chain, Chain::after(&text));
        text
    }

    #[test]
    fn each_changed_byte_and_each_missing_line_is_found() {
        let text = manifest(4);
        assert_eq!(check(&text).unwrap().len(), 4);
        let last = text.trim_end().rfind('\n').unwrap();
        for place in 0..last {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(check(&changed).is_err(), "byte {place} was changed unseen");
        }
        let without = |gone: usize| -> String {
            text.lines()
                .enumerate()
                .filter(|(n, _)| *n != gone)
                .map(|(_, line)| format!("{line}\n"))
                .collect()
        };
        assert_eq!(check(&without(0)), Err(Fault::Broken(1)));
        assert_eq!(check(&without(2)), Err(Fault::Broken(3)));
    }

    #[test]
    fn half_a_line_that_a_crash_left_does_not_count() {
        let text = manifest(2);
        let torn = format!("{text}{{\"previous\":\"ab");
        let mut chain = Chain::after(&torn);
        assert_eq!(chain.length, text.len() as u64);
        let line =
            chain.line(Wall::default(), RecordingUid::from_u128(9), Event::Resumed { by: "x".to_owned() });
        chain.written(&line);
        assert_eq!(check(&format!("{text}{line}")).unwrap().len(), 3);
        assert_eq!(Chain::after("torn"), Chain::default());
    }
}
