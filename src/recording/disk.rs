//! Where recordings lie: the folder of the configuration, behind a trait so that tests can let it fill up.
//!
//! Paths are relative: `2026-12-01/NAME`.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// A file that is being written.
pub trait Written: Send {
    /// Writes there, whatever was there before.
    ///
    /// # Errors
    /// Of the system; a part may have been written.
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Sees to it that a power failure loses none of it.
    ///
    /// # Errors
    /// Of the system.
    fn sync(&mut self) -> io::Result<()>;
}

/// The folder.
pub trait Disk: Send {
    /// Makes a file, and its folder where that is missing. One that is there already is an error.
    ///
    /// # Errors
    /// Of the system.
    fn create(&self, path: &str) -> io::Result<Box<dyn Written>>;

    /// Writes into a file, and makes it where it is missing.
    ///
    /// # Errors
    /// Of the system; a part may have been written.
    fn write_at(&self, path: &str, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Opens a file to be read from its beginning.
    ///
    /// # Errors
    /// Of the system.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Deletes a file; one that is not there is deleted already.
    ///
    /// # Errors
    /// Of the system.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The days that have a folder, in order.
    ///
    /// # Errors
    /// Of the system.
    fn days(&self) -> io::Result<Vec<String>>;

    /// The names of the files of a day.
    ///
    /// # Errors
    /// Of the system.
    fn files(&self, day: &str) -> io::Result<Vec<String>>;

    /// Bytes that may still be written.
    ///
    /// # Errors
    /// Of the system.
    fn free_bytes(&self) -> io::Result<u64>;

    /// A whole file as text; one that is not there is empty.
    ///
    /// # Errors
    /// Of the system.
    fn text(&self, path: &str) -> io::Result<String> {
        let mut bytes = Vec::new();
        match self.open(path) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A folder of this machine.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// That folder, which is made with the first recording.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The whole path of a file.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn names(&self, path: &str, wanted: impl Fn(&fs::DirEntry) -> bool) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(path)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if wanted(&entry) {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Whether a folder's name is a day's.
pub(crate) fn is_day(name: &str) -> bool {
    name.len() == 10
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// Only the switch's own user may read what people have said.
const MODE: u32 = 0o600;

impl Disk for Folder {
    fn create(&self, path: &str) -> io::Result<Box<dyn Written>> {
        let path = self.path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
        Ok(Box::new(file))
    }

    fn write_at(&self, path: &str, bytes: &[u8], at: u64) -> io::Result<()> {
        let path = self.path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path)?;
        file.write_all_at(bytes, at)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path(path))?))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn days(&self) -> io::Result<Vec<String>> {
        self.names("", |entry| entry.file_name().to_str().is_some_and(is_day))
    }

    fn files(&self, day: &str) -> io::Result<Vec<String>> {
        self.names(day, |entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        // Before the first recording the folder is not there: then its parent's disk is asked.
        let there = self.root.ancestors().find(|path| path.exists()).map(PathBuf::from);
        let path = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."));
        crate::recording::space::free_bytes(&path)
    }
}

impl Written for File {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
