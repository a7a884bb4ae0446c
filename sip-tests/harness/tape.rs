//! The recorder of a world: the switch's own, on a disk in memory, and what is found in its files.

use super::exchange::wall;
use super::sound::{Ear, FRAME, FRAME_TIME, Sound};
use super::world::World;
use std::collections::BTreeMap;
use std::io;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use strowger::clock::{Instant, Now};
use strowger::metrics::Metrics;
use strowger::recording::disk::{Disk, Written};
use strowger::recording::keeper::Keeper;
use strowger::recording::{Entry, Settings, library, verify, wave};
use strowger::switch::core::Input;

/// A disk in memory.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<String, Vec<u8>>>>, Arc<Mutex<bool>>);

impl Shelf {
    /// From now on it says that it has no room.
    pub fn fill_up(&self) {
        *self.1.lock().expect("nobody panics with it") = true;
    }

    fn put(&self, path: &str, bytes: &[u8], at: u64) {
        let mut files = self.0.lock().expect("nobody panics with it");
        let file = files.entry(path.to_owned()).or_default();
        let at = usize::try_from(at).expect("a file in memory");
        file.resize(file.len().max(at + bytes.len()), 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.0.lock().expect("nobody panics with it").get(path).cloned()
    }
}

impl Disk for Shelf {
    fn create(&self, path: &str) -> io::Result<Box<dyn Written>> {
        self.put(path, &[], 0);
        Ok(Box::new(Page(self.clone(), path.to_owned())))
    }

    fn write_at(&self, path: &str, bytes: &[u8], at: u64) -> io::Result<()> {
        self.put(path, bytes, at);
        Ok(())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.file(path).ok_or(io::ErrorKind::NotFound)?)))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.lock().expect("nobody panics with it").remove(path);
        Ok(())
    }

    fn days(&self) -> io::Result<Vec<String>> {
        let files = self.0.lock().expect("nobody panics with it");
        let mut days: Vec<String> = files.keys().map(|path| path[..10].to_owned()).collect();
        days.dedup();
        Ok(days)
    }

    fn files(&self, day: &str) -> io::Result<Vec<String>> {
        let files = self.0.lock().expect("nobody panics with it");
        Ok(files.keys().filter_map(|path| Some(path.strip_prefix(day)?[1..].to_owned())).collect())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(if *self.1.lock().expect("nobody panics with it") { 0 } else { u64::MAX })
    }
}

/// A file of the shelf that is being written.
struct Page(Shelf, String);

impl Written for Page {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.put(&self.1, bytes, at);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The recorder and its disk.
pub struct Tape {
    pub shelf: Shelf,
    pub keeper: Keeper,
}

impl Tape {
    pub fn new(metrics: Metrics, start: Instant) -> Self {
        let shelf = Shelf::default();
        let settings = Settings { free_bytes_min: 1, keep_days: None };
        let now = Now { instant: start, wall: wall(start) };
        Self { keeper: Keeper::new(Box::new(shelf.clone()), settings, metrics, now), shelf }
    }
}

/// Which channel of a recording.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

impl World {
    /// The recorder does what is due.
    pub(super) fn record(&mut self) {
        if self.tape.keeper.poll_timeout().is_some_and(|at| at <= self.now) {
            self.tape.keeper.tick(self.switch.both());
        }
        for report in std::mem::take(&mut self.tape.keeper.reports) {
            self.core(Input::Recorder(report));
        }
    }

    /// All recordings, the first one first.
    pub fn recordings(&self) -> Vec<Entry> {
        let mut entries = library::page(&self.tape.shelf, None, 1000, |_| true).expect("a disk in memory");
        entries.reverse();
        entries
    }

    /// The one that there is, and has ended.
    pub fn recording(&mut self) -> Entry {
        self.run(Duration::from_secs(2));
        let entries = self.recordings();
        self.check(entries.len() == 1, &format!("one recording: {entries:?}"));
        let entry = entries[0].clone();
        self.check(entry.ended.is_some(), &format!("it has ended: {entry:?}"));
        let findings = verify::verify(&self.tape.shelf).expect("a disk in memory");
        self.check(findings.faults.is_empty(), &format!("{findings:?}"));
        entry
    }

    /// The samples of a recording's channel, u-law.
    pub fn channel(&self, entry: &Entry, side: Side) -> Vec<u8> {
        let file = self.tape.shelf.file(&entry.path()).expect("its file is there");
        let Some((left, right)) = wave::read(&file) else { self.fail("the file's header is not valid") };
        if side == Side::Left { left } else { right }
    }

    /// What is heard on a channel of a recording between two moments of the world, and for how long each.
    pub fn recorded(
        &self,
        entry: &Entry,
        side: Side,
        from: Instant,
        to: Instant,
    ) -> BTreeMap<Sound, Duration> {
        let began = entry.began_at.as_micros();
        let sample = |at: Instant| {
            let micros = wall(at).as_micros() - began;
            usize::try_from(micros * 8 / 1000).unwrap_or(0)
        };
        let samples = self.channel(entry, side);
        let mut found: BTreeMap<Sound, Duration> = BTreeMap::new();
        let range = sample(from).min(samples.len())..sample(to).min(samples.len());
        let mut ear = Ear::default();
        for frame in samples[range].chunks_exact(FRAME) {
            *found.entry(ear.recognize(false, frame)).or_default() += FRAME_TIME;
        }
        found
    }

    /// Between those moments the channel has that sound and no other, but for what a bad network loses.
    #[track_caller]
    pub fn recorded_only(&self, entry: &Entry, side: Side, sound: Sound, from: Instant, to: Instant) {
        let found = self.recorded(entry, side, from, to);
        // Where a packet is missing, or a clock is followed, 20 ms can't tell tones apart that are 10 Hz from each other.
        let same = |other: &Sound| match (*other, sound) {
            (Sound::Tone(heard), Sound::Tone(wanted)) => heard.abs_diff(wanted) <= 10,
            (other, sound) => other == sound,
        };
        let time: Duration = found.iter().filter(|(other, _)| same(other)).map(|(_, time)| *time).sum();
        let least = if self.is_clean() { to.since(from) * 95 / 100 } else { to.since(from) / 2 };
        let strange = found.iter().filter(|(other, _)| !same(other) && **other != Sound::Silence);
        let strange: Duration = strange.map(|(_, time)| *time).sum();
        // A frame of which a part was lost is neither.
        let strange = strange > if self.is_clean() { Duration::ZERO } else { to.since(from) / 20 };
        if time < least || strange {
            self.fail(&format!("{side:?} should have {sound:?} for {:?}: {found:?}", to.since(from)));
        }
    }
}
