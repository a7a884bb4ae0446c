//! The recordings as they can be looked up: folds over the manifests.
//!
//! Only reads. A recording is found by its id, in which the day stands; a list goes back day by day.

use crate::clock::Wall;
use crate::ids::RecordingUid;
use crate::recording::disk::Disk;
use crate::recording::manifest;
use crate::recording::manifest::Ending;
use crate::recording::manifest::Event;
use crate::recording::manifest::Kind;
use crate::recording::manifest::Line;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// From when.
    pub from: Wall,
    /// Who has asked for it.
    pub by: String,
    /// Until when, and who has ended it.
    pub until: Option<(Wall, String)>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: RecordingUid,
    /// What it is of.
    pub kind: Kind,
    /// The call's id.
    pub call: String,
    /// The queue of the call.
    pub queue: Option<String>,
    /// The agent of the call.
    pub agent: Option<String>,
    /// The mailbox of a message.
    pub mailbox: Option<String>,
    /// Who is on the left channel.
    pub left: String,
    /// Who is on the right channel.
    pub right: String,
    /// When it began.
    pub began_at: Wall,
    /// When it ended, and why.
    pub ended: Option<(Wall, Ending)>,
    /// Its length.
    pub length: Duration,
    /// The file in its day's folder.
    pub file: String,
    /// The file's length in bytes.
    pub bytes: u64,
    /// The file's SHA-256, once it has ended.
    pub sha256: Option<String>,
    /// Its silent spans.
    pub pauses: Vec<Pause>,
    /// When its file was deleted, and at whose request.
    pub erased: Option<(Wall, String)>,
    /// Who has listened to it, and when.
    pub listened: Vec<(Wall, String)>,
}

impl Entry {
    /// The path of its file.
    pub fn path(&self) -> String {
        format!("{}/{}", day_of(self.id), self.file)
    }

    /// Whether it can be listened to.
    pub fn is_there(&self) -> bool {
        self.erased.is_none() && self.ended.is_some()
    }

    fn began(id: RecordingUid, at: Wall, event: Event) -> Option<Self> {
        let Event::Began { kind, call, file, left, right, queue, agent, mailbox, .. } = event else {
            return None;
        };
        Some(Self {
            id,
            kind,
            call,
            queue,
            agent,
            mailbox,
            left,
            right,
            began_at: at,
            ended: None,
            length: Duration::ZERO,
            file,
            bytes: 0,
            sha256: None,
            pauses: Vec::new(),
            erased: None,
            listened: Vec::new(),
        })
    }

    fn add(&mut self, at: Wall, event: Event) {
        match event {
            Event::Began { .. } => {}
            Event::Paused { by } => self.pauses.push(Pause { from: at, by, until: None }),
            Event::Resumed { by } => {
                if let Some(Pause { until: until @ None, .. }) = self.pauses.last_mut() {
                    *until = Some((at, by));
                }
            }
            Event::Ended { why, milliseconds, bytes, sha256, .. } => {
                self.ended = Some((at, why));
                self.length = Duration::from_millis(milliseconds);
                self.bytes = bytes;
                self.sha256 = Some(sha256);
            }
            Event::Packed { file, bytes, sha256 } => {
                self.file = file;
                self.bytes = bytes;
                self.sha256 = Some(sha256);
            }
            Event::Listened { by } => self.listened.push((at, by)),
            Event::Erased { by, .. } => self.erased = Some((at, by)),
        }
    }
}

/// The day of a recording, as its folder is named: UTC.
pub fn day_of(id: RecordingUid) -> String {
    day(id.drawn_at())
}

/// The UTC day of a moment: `2026-12-01`.
pub(crate) fn day(at: Wall) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

/// The recordings of a manifest.
pub fn fold(lines: impl Iterator<Item = Line>) -> BTreeMap<RecordingUid, Entry> {
    let mut entries: BTreeMap<RecordingUid, Entry> = BTreeMap::new();
    for line in lines {
        let (Some(id), Some(at)) = (RecordingUid::parse(&line.recording), Wall::parse(&line.at)) else {
            continue;
        };
        match entries.get_mut(&id) {
            Some(entry) => entry.add(at, line.event),
            None => drop(Entry::began(id, at, line.event).and_then(|entry| entries.insert(id, entry))),
        }
    }
    entries
}

/// The recordings of a day.
///
/// # Errors
/// Its manifest can't be read.
pub fn of_day(disk: &dyn Disk, day: &str) -> io::Result<BTreeMap<RecordingUid, Entry>> {
    let text = disk.text(&format!("{day}/{}", manifest::NAME))?;
    Ok(fold(manifest::lines(&text)))
}

/// One recording.
///
/// # Errors
/// Its day's manifest can't be read.
pub fn find(disk: &dyn Disk, id: RecordingUid) -> io::Result<Option<Entry>> {
    Ok(of_day(disk, &day_of(id))?.remove(&id))
}

/// At most `limit` recordings before that one that are `wanted`, the latest first.
///
/// # Errors
/// A manifest can't be read.
pub fn page(
    disk: &dyn Disk,
    before: Option<RecordingUid>,
    limit: usize,
    wanted: impl Fn(&Entry) -> bool,
) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    let last_day = before.map(day_of);
    for day in disk.days()?.into_iter().rev() {
        if last_day.as_ref().is_some_and(|last| day > *last) {
            continue;
        }
        let entries = of_day(disk, &day)?.into_values().rev();
        let earlier = entries.filter(|entry| before.is_none_or(|before| entry.id < before));
        found.extend(earlier.filter(&wanted).take(limit - found.len()));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}
