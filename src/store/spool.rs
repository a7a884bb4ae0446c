//! The spool: a bounded file that keeps changes in order while the database is away or slow.
//!
//! One JSON line a change, each with its writer and number, so that replaying a line twice does nothing. The file is
//! locked by its process, emptied when all of it is in the database, and never synced: it survives a killed process,
//! as the database's own log does. Blocking; the writer's task calls it on a blocking thread.

use crate::store::binding::BindingChange;
use crate::store::change::Change;
use crate::store::change::Numbered;
use crate::store::error::StoreError;
use crate::store::payload;
use crate::store::payload::FactRow;
use crate::store::phone_setting::PhoneChange;
use serde::Deserialize;
use serde::Serialize;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// The file, and how far it was read.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    path: PathBuf,
    length: u64,
    read_to: u64,
    /// Unreadable lines before this were set aside already.
    aside_to: u64,
    bytes_max: u64,
}

/// A run of lines of one writer.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Whose they are.
    pub(crate) writer: String,
    /// The changes in order.
    pub(crate) batch: Vec<Numbered>,
    /// Where the next chunk begins.
    pub(crate) end: u64,
    /// Lines in between that could not be read; they were set aside.
    pub(crate) unreadable: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    writer: String,
    number: u64,
    #[serde(flatten)]
    change: LineChange,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineChange {
    Fact(FactRow),
    Binding(BindingChange),
    Phone(PhoneChange),
}

impl Spool {
    /// Opens the file or makes it, and takes its lock.
    pub(crate) fn open(path: &Path, bytes_max: u64) -> Result<Self, StoreError> {
        let wrong = |why: String, mend: &str| StoreError::Spool {
            path: path.display().to_string(),
            why,
            mend: mend.to_string(),
        };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| wrong(error.to_string(), "let the switch write there"))?;
        file.try_lock().map_err(|error| wrong(error.to_string(), "another switch uses it: stop that one"))?;
        let length = file.metadata().map_err(|error| wrong(error.to_string(), "look at the disk"))?.len();
        Ok(Self { file, path: path.to_path_buf(), length, read_to: 0, aside_to: 0, bytes_max })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that it may still take.
    pub(crate) fn room(&self) -> u64 {
        self.bytes_max.saturating_sub(self.length)
    }

    /// Whether nothing waits in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.read_to >= self.length
    }

    /// Appends lines in order, as many as the bound allows, and says how many. A line is in the file wholly or not.
    pub(crate) fn append(&mut self, lines: &[String]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for line in lines {
            if self.length + (bytes.len() + line.len()) as u64 > self.bytes_max {
                break;
            }
            bytes.extend_from_slice(line.as_bytes());
            count += 1;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        if let Err(error) = self.file.write_all(&bytes) {
            // A disk that is full takes a part of it: take that back, so that the next line begins a line.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(count)
    }

    /// The next lines of one writer, at most `count`; none at the end. A torn last line, cut off by the end of the
    /// process that wrote it, is passed over; an unreadable one is set aside.
    pub(crate) fn read(&mut self, count: usize) -> io::Result<Chunk> {
        self.file.seek(SeekFrom::Start(self.read_to))?;
        let mut chunk = Chunk { end: self.read_to, ..Chunk::default() };
        let mut aside = Vec::new();
        let mut reader = BufReader::new((&self.file).take(self.length.saturating_sub(self.read_to)));
        let mut bytes = Vec::new();
        while chunk.batch.len() < count {
            bytes.clear();
            let size = reader.read_until(b'\n', &mut bytes)? as u64;
            if size == 0 {
                break;
            }
            match parse(&bytes) {
                Ok((writer, _)) if !chunk.batch.is_empty() && writer != chunk.writer => break,
                Ok((writer, numbered)) => {
                    chunk.writer = writer;
                    chunk.batch.push(numbered);
                }
                Err(_) if !bytes.ends_with(b"\n") || chunk.end < self.aside_to => {}
                Err(why) => aside.push((String::from_utf8_lossy(&bytes).into_owned(), why)),
            }
            chunk.end += size;
        }
        self.aside_to = self.aside_to.max(chunk.end);
        for (line, why) in aside {
            chunk.unreadable += 1;
            self.set_aside(line.trim_end(), &why);
        }
        Ok(chunk)
    }

    /// Marks all before `end` as written to the database; empties the file when nothing is left.
    pub(crate) fn release(&mut self, end: u64) -> io::Result<()> {
        self.read_to = self.read_to.max(end);
        if self.is_empty() && self.length > 0 {
            self.file.set_len(0)?;
            self.length = 0;
            self.read_to = 0;
            self.aside_to = 0;
        }
        Ok(())
    }

    /// Empties the file: all of it is in the database.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.release(self.length)
    }

    /// Keeps a line that cannot be stored in a file beside the spool, for a person to look at.
    pub(crate) fn set_aside(&self, line: &str, why: &str) {
        let mut path = self.path.clone().into_os_string();
        path.push(".rejected");
        let path = PathBuf::from(path);
        let kept = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
            let note = format!("{line}\n");
            if file.metadata()?.len() > self.bytes_max {
                return Err(io::Error::other("it is full"));
            }
            file.write_all(note.as_bytes())
        });
        match kept {
            Ok(()) => {
                tracing::warn!(path = %path.display(), why, "a change cannot be stored; it is kept in a file")
            }
            Err(error) => {
                tracing::warn!(%error, why, "a change cannot be stored, nor kept in a file: it is lost")
            }
        }
    }
}

/// A change as a line, with its newline.
pub(crate) fn line(writer: &str, numbered: &Numbered) -> String {
    let change = match &numbered.change {
        Change::Fact(fact) => LineChange::Fact(payload::encode(fact)),
        Change::Binding(change) => LineChange::Binding(change.clone()),
        Change::Phone(change) => LineChange::Phone(change.clone()),
    };
    let line = Line { writer: writer.to_string(), number: numbered.number, change };
    let mut text = serde_json::to_string(&line).expect("a line of texts and numbers is JSON");
    text.push('\n');
    text
}

fn parse(bytes: &[u8]) -> Result<(String, Numbered), String> {
    let line: Line = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let change = match line.change {
        LineChange::Fact(row) => Change::Fact(payload::decode(&row)?),
        LineChange::Binding(change) => Change::Binding(change),
        LineChange::Phone(change) => Change::Phone(change),
    };
    Ok((line.writer, Numbered { number: line.number, change }))
}
