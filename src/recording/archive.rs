//! The recordings for those who ask: lists, listening, erasing. Reads the disk on threads that may wait for it.

use crate::ids::RecordingUid;
use crate::recording::disk::Disk;
use crate::recording::disk::Folder;
use crate::recording::library;
use crate::recording::library::Entry;
use crate::recording::order::Trouble;
use crate::recording::thread::Door;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The folder, and the way to the recorder that alone writes there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: Arc<Folder>,
    door: Door,
}

/// A recording's file that is open.
#[derive(Clone, Debug)]
pub struct Sound {
    file: Arc<File>,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Archive {
    /// What lies in that folder.
    pub fn new(folder: Folder, door: Door) -> Self {
        Self { folder: Arc::new(folder), door }
    }

    /// At most `limit` recordings before that one that are `wanted`, the latest first.
    ///
    /// # Errors
    /// A manifest can't be read.
    pub async fn page(
        &self,
        before: Option<RecordingUid>,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool + Send + 'static,
    ) -> io::Result<Vec<Entry>> {
        let folder = Arc::clone(&self.folder);
        blocking(move || library::page(folder.as_ref(), before, limit, wanted)).await
    }

    /// One recording.
    ///
    /// # Errors
    /// Its manifest can't be read.
    pub async fn find(&self, id: RecordingUid) -> io::Result<Option<Entry>> {
        let folder = Arc::clone(&self.folder);
        blocking(move || library::find(folder.as_ref() as &dyn Disk, id)).await
    }

    /// Opens a recording for somebody, once it is written down that he listens.
    ///
    /// # Errors
    /// There is nothing to listen to, or it can't be written down.
    pub async fn listen(&self, id: RecordingUid, by: String) -> Result<(Entry, Sound), Trouble> {
        let entry = self.door.listen(id, by).await?;
        let path = self.folder.path(&entry.path());
        let opened = blocking(move || {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            Ok(Sound { file: Arc::new(file), bytes })
        });
        match opened.await {
            Ok(sound) => Ok((entry, sound)),
            Err(error) => {
                tracing::error!(%error, recording = %id, "a recording can't be opened");
                Err(Trouble::Away)
            }
        }
    }

    /// Erases a recording.
    ///
    /// # Errors
    /// There is nothing to erase, or the disk refuses.
    pub async fn erase(&self, id: RecordingUid, by: String) -> Result<(), Trouble> {
        self.door.erase(id, by).await
    }
}

impl Sound {
    /// At most `length` bytes from there on.
    ///
    /// # Errors
    /// Of the system; a file that has become shorter is one too.
    pub async fn read(&self, from: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, from)?;
            Ok(bytes)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the reading has failed")))
}
