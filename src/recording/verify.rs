//! Whether a folder of recordings is as it was written: every manifest's chain, and every file's hash.

use crate::recording::disk::Disk;
use crate::recording::library;
use crate::recording::manifest;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::io;
use std::io::Read;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Manifests whose lines all follow from each other.
    pub manifests: usize,
    /// Files with the hash that their manifest says.
    pub files: usize,
    /// Recordings that were erased, as their manifests say.
    pub erased: usize,
    /// Recordings that have not ended: they run, or the switch was killed and has not been started since.
    pub running: usize,
    /// What is not as it should be, in words: `2026-12-01/NAME: …`.
    pub faults: Vec<String>,
}

/// Looks at every day of the folder.
///
/// # Errors
/// The folder can't be read.
pub fn verify(disk: &dyn Disk) -> io::Result<Findings> {
    let mut findings = Findings::default();
    for day in disk.days()? {
        verify_day(disk, &day, &mut findings)?;
    }
    Ok(findings)
}

fn verify_day(disk: &dyn Disk, day: &str, findings: &mut Findings) -> io::Result<()> {
    let text = disk.text(&format!("{day}/{}", manifest::NAME))?;
    let lines = match manifest::check(&text) {
        Ok(lines) => lines,
        Err(fault) => {
            findings.faults.push(format!("{day}/{}: {fault}", manifest::NAME));
            // What can be read of it still says which files should be there.
            manifest::lines(&text).collect()
        }
    };
    findings.manifests += 1;
    let mut known: BTreeSet<String> = BTreeSet::from([manifest::NAME.to_owned()]);
    for entry in library::fold(lines.into_iter()).into_values() {
        let path = format!("{day}/{}", entry.file);
        known.insert(entry.file.clone());
        match (&entry.sha256, &entry.erased) {
            (_, Some(_)) => findings.erased += 1,
            (None, None) => findings.running += 1,
            (Some(expected), None) => match sha256(disk, &path) {
                Ok((found, _)) if found == *expected => findings.files += 1,
                Ok(_) => findings.faults.push(format!("{path}: it was changed")),
                Err(error) => findings.faults.push(format!("{path}: {error}")),
            },
        }
    }
    let strange = disk.files(day)?.into_iter().filter(|name| !known.contains(name));
    findings.faults.extend(strange.map(|name| format!("{day}/{name}: no manifest knows it")));
    Ok(())
}

/// A file's SHA-256, and its length.
pub(crate) fn sha256(disk: &dyn Disk, path: &str) -> io::Result<(String, u64)> {
    let mut hashing = Hashing::new(disk.open(path)?);
    while !hashing.step()? {}
    Ok(hashing.result())
}

/// A file that is being hashed, piece by piece.
pub(crate) struct Hashing {
    file: Box<dyn Read + Send>,
    hasher: Sha256,
    bytes: u64,
    buffer: Vec<u8>,
}

/// Bytes of one step: some milliseconds.
const STEP_BYTES: usize = 1024 * 1024;

impl Hashing {
    pub(crate) fn new(file: Box<dyn Read + Send>) -> Self {
        Self { file, hasher: Sha256::new(), bytes: 0, buffer: vec![0; STEP_BYTES] }
    }

    /// Reads a piece; true at the end.
    pub(crate) fn step(&mut self) -> io::Result<bool> {
        let count = self.file.read(&mut self.buffer)?;
        self.hasher.update(self.buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count == 0)
    }

    /// The hash in hexadecimal, and the length.
    pub(crate) fn result(self) -> (String, u64) {
        (manifest::hex(&self.hasher.finalize()), self.bytes)
    }
}
