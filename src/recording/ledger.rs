//! Writing the manifests: lines in order, each only once the one before it is in its file.

use crate::clock::Wall;
use crate::ids::RecordingUid;
use crate::recording::disk::Disk;
use crate::recording::library;
use crate::recording::manifest;
use crate::recording::manifest::Chain;
use crate::recording::manifest::Event;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;

/// Lines that may wait for a disk that takes nothing; with more, nothing new begins.
const WAITING_MAX: usize = 4096;
/// Days whose chain's end is remembered.
const CHAINS_MAX: usize = 8;

/// The manifests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    chains: BTreeMap<String, Chain>,
    waiting: VecDeque<(Wall, RecordingUid, Event)>,
    /// The last try has failed, and that was said.
    told: bool,
}

impl Ledger {
    /// A line to be written.
    pub(crate) fn note(&mut self, at: Wall, recording: RecordingUid, event: Event) {
        self.waiting.push_back((at, recording, event));
    }

    /// Writes what waits, as far as the disk takes it.
    pub(crate) fn write(&mut self, disk: &dyn Disk) {
        while let Some((at, recording, event)) = self.waiting.front() {
            if let Err(error) = write_line(&mut self.chains, disk, *at, *recording, event) {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::error!(%error, "the manifest of the recordings can't be written; its lines wait");
                }
                return;
            }
            self.told = false;
            self.waiting.pop_front();
        }
        while self.chains.len() > CHAINS_MAX {
            self.chains.pop_first();
        }
    }

    /// Whether lines wait.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether no more may wait.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }
}

fn write_line(
    chains: &mut BTreeMap<String, Chain>,
    disk: &dyn Disk,
    at: Wall,
    recording: RecordingUid,
    event: &Event,
) -> io::Result<()> {
    let day = library::day_of(recording);
    let path = format!("{day}/{}", manifest::NAME);
    if !chains.contains_key(&day) {
        chains.insert(day.clone(), Chain::after(&disk.text(&path)?));
    }
    let Some(chain) = chains.get_mut(&day) else { return Ok(()) };
    let line = chain.line(at, recording, event.clone());
    // Where half a line was written before, it is written over.
    disk.write_at(&path, line.as_bytes(), chain.length)?;
    chain.written(&line);
    Ok(())
}
