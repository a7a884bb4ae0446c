//! What people ask of recordings that are there: to listen, and to erase. Each leaves a line in the manifest first.

use crate::clock::Now;
use crate::ids::RecordingUid;
use crate::recording::keeper::Keeper;
use crate::recording::library;
use crate::recording::library::Entry;
use crate::recording::manifest::Event;
use crate::recording::order::Trouble;

impl Keeper {
    /// Somebody is about to listen: the recording, once that is written down.
    ///
    /// # Errors
    /// There is nothing to listen to, or it can't be written down.
    pub fn listen(&mut self, now: Now, id: RecordingUid, by: &str) -> Result<Entry, Trouble> {
        let entry = self.there(id)?;
        self.write_down(now, id, Event::Listened { by: by.to_owned() })?;
        tracing::info!(recording = %id, by, "a recording is listened to");
        if entry.listened.is_empty() {
            self.tell_mailbox(entry.kind, entry.mailbox.clone());
        }
        Ok(entry)
    }

    /// Deletes a recording's file. The line in the manifest, with its hash, stays.
    ///
    /// # Errors
    /// There is nothing to delete, or the disk refuses.
    pub fn erase(&mut self, now: Now, id: RecordingUid, by: &str) -> Result<(), Trouble> {
        let entry = self.there(id)?;
        self.write_down(now, id, Event::Erased { by: by.to_owned(), sha256: entry.sha256.clone() })?;
        self.disk.remove(&entry.path()).map_err(|error| {
            tracing::error!(%error, recording = %id, "a recording that was erased could not be deleted");
            Trouble::Away
        })?;
        tracing::info!(recording = %id, by, "a recording was erased");
        self.tell_mailbox(entry.kind, entry.mailbox);
        Ok(())
    }

    fn there(&self, id: RecordingUid) -> Result<Entry, Trouble> {
        let entry =
            library::find(self.disk.as_ref(), id).map_err(|_| Trouble::Away)?.ok_or(Trouble::Unknown)?;
        if entry.erased.is_some() {
            Err(Trouble::Erased)
        } else if entry.ended.is_none() {
            Err(Trouble::Running)
        } else {
            Ok(entry)
        }
    }

    fn write_down(&mut self, now: Now, id: RecordingUid, event: Event) -> Result<(), Trouble> {
        if self.ledger.is_full() {
            return Err(Trouble::Away);
        }
        self.ledger.note(now.wall, id, event);
        self.ledger.write(self.disk.as_ref());
        if self.ledger.waits() { Err(Trouble::Away) } else { Ok(()) }
    }
}
