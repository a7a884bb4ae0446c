//! What is done when a recording has ended: its file is hashed, a piece at a time, and its last line is written.

use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::RecordingUid;
use crate::recording::disk::Disk;
use crate::recording::ledger::Ledger;
use crate::recording::library;
use crate::recording::manifest::Ending;
use crate::recording::manifest::Event;
use crate::recording::manifest::Kind;
use crate::recording::stereo::RATE_HZ;
use crate::recording::verify::Hashing;
use crate::recording::wave;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Days in which a recording that the last run has left may be looked for: longer than any call.
const RECOVERED_DAYS: usize = 7;

/// When a recording ended, why, and for whom.
type End = (Wall, Ending, Option<String>);

/// Recordings that have ended and have no last line yet.
#[derive(Default)]
pub(crate) struct Sealing {
    waiting: VecDeque<Seal>,
    hashing: Option<Hashing>,
}

struct Seal {
    id: RecordingUid,
    path: String,
    length: Duration,
    end: End,
    kind: Kind,
    mailbox: Option<String>,
}

impl Sealing {
    /// A recording has ended.
    pub(crate) fn add(
        &mut self,
        id: RecordingUid,
        path: String,
        length: Duration,
        end: End,
        kind: Kind,
        mailbox: Option<String>,
    ) {
        self.waiting.push_back(Seal { id, path, length, end, kind, mailbox });
    }

    /// Whether there is something to do.
    pub(crate) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Does a piece. What was sealed, and how it had ended.
    pub(crate) fn step(
        &mut self,
        disk: &dyn Disk,
        ledger: &mut Ledger,
    ) -> Option<(Kind, Option<String>, Ending)> {
        let seal = self.waiting.front()?;
        let (sha256, bytes) = match self.hash(disk, &seal.path.clone()) {
            Ok(None) => return None,
            Ok(Some(hashed)) => hashed,
            Err(error) => {
                let path = self.waiting.front().map(|seal| seal.path.as_str());
                tracing::error!(%error, path, "a recording could not be read back");
                (String::new(), 0)
            }
        };
        self.hashing = None;
        let Seal { id, length, end: (at, why, by), kind, mailbox, .. } = self.waiting.pop_front()?;
        let milliseconds = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        ledger.note(at, id, Event::Ended { why, by, milliseconds, bytes, sha256 });
        Some((kind, mailbox, why))
    }

    /// Hashes a piece of the file; the hash and the length at its end.
    fn hash(&mut self, disk: &dyn Disk, path: &str) -> io::Result<Option<(String, u64)>> {
        let mut hashing = match self.hashing.take() {
            Some(hashing) => hashing,
            None => Hashing::new(disk.open(path)?),
        };
        if hashing.step()? {
            return Ok(Some(hashing.result()));
        }
        self.hashing = Some(hashing);
        Ok(None)
    }

    /// Takes up what a run before this one has left unfinished: its files end where it was killed.
    pub(crate) fn recover(&mut self, disk: &dyn Disk, now: Now) {
        for day in disk.days().unwrap_or_default().into_iter().rev().take(RECOVERED_DAYS) {
            let entries = match library::of_day(disk, &day) {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::warn!(%error, day, "a manifest of recordings can't be read");
                    continue;
                }
            };
            for entry in entries.into_values().filter(|entry| entry.ended.is_none() && entry.erased.is_none())
            {
                let length = length_of(disk, &entry.path());
                let end = (now.wall, Ending::Interrupted, None);
                self.add(entry.id, entry.path(), length, end, entry.kind, entry.mailbox);
            }
        }
    }
}

/// The length that a file's header tells of.
fn length_of(disk: &dyn Disk, path: &str) -> Duration {
    let mut header = [0; wave::HEADER_LEN];
    let data_len = disk.open(path).and_then(|mut file| file.read_exact(&mut header)).ok();
    let data_len =
        data_len.map_or(0, |()| u32::from_le_bytes([header[54], header[55], header[56], header[57]]));
    Duration::from_millis(u64::from(data_len) / 2 * 1000 / u64::from(RATE_HZ))
}
