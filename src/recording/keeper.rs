//! The recorder's work without its thread: blocks and orders in, files and lines out.
//!
//! It owns every recording that runs. A disk that is full or refuses ends recordings, with a word to the switch and a
//! count; what was written before stays a valid file. Lines of the manifest that can't be written wait, in order, and
//! meanwhile nothing new is recorded.

use crate::clock::Instant;
use crate::clock::Now;
use crate::media::tap::Block;
use crate::media::tap::TapKey;
use crate::metrics::Metrics;
use crate::metrics::labels::RecordingResult;
use crate::recording::disk::Disk;
use crate::recording::disk::Written;
use crate::recording::ledger::Ledger;
use crate::recording::library;
use crate::recording::manifest::Ending;
use crate::recording::manifest::Event;
use crate::recording::manifest::Kind;
use crate::recording::order::Begin;
use crate::recording::order::Order;
use crate::recording::order::Report;
use crate::recording::sealing::Sealing;
use crate::recording::stereo::HELD_BACK;
use crate::recording::stereo::Stereo;
use crate::recording::wave;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// How often what waits is written: with what is held back, a file is at most a second behind.
const WRITE_EVERY: Duration = Duration::from_millis(400);
/// How often the room on the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the recorder is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Nothing is recorded while the disk has less room.
    pub free_bytes_min: u64,
    /// Recordings are erased after so many days; `None`: never.
    pub keep_days: Option<u32>,
}

/// The recorder.
pub struct Keeper {
    pub(in crate::recording) disk: Box<dyn Disk>,
    settings: Settings,
    metrics: Metrics,
    live: BTreeMap<TapKey, Live>,
    pub(in crate::recording) ledger: Ledger,
    sealing: Sealing,
    /// There is not enough room.
    full: bool,
    write_at: Instant,
    look_at: Instant,
    expired_day: String,
    frames: Vec<u8>,
    /// For the switch.
    pub reports: Vec<Report>,
}

/// A recording that runs.
struct Live {
    begin: Box<Begin>,
    path: String,
    file: Box<dyn Written>,
    stereo: Stereo,
    started: Instant,
    /// Bytes of samples in the file.
    data_len: u64,
    /// When it ends, why and for whom, once that is known.
    ends: Option<(Now, Ending, Option<String>)>,
}

impl Keeper {
    /// A recorder for that folder. What a run before this one has left unfinished is closed.
    pub fn new(disk: Box<dyn Disk>, settings: Settings, metrics: Metrics, now: Now) -> Self {
        let mut keeper = Self {
            disk,
            settings,
            metrics,
            live: BTreeMap::new(),
            ledger: Ledger::default(),
            sealing: Sealing::default(),
            full: false,
            write_at: now.instant,
            look_at: now.instant,
            expired_day: String::new(),
            frames: Vec::new(),
            reports: Vec::new(),
        };
        keeper.sealing.recover(keeper.disk.as_ref(), now);
        keeper.tick(now);
        keeper
    }

    /// Takes what workers have tapped.
    pub fn block(&mut self, block: &Block) {
        for (tap, payload) in block.iter() {
            if let Some(live) = self.live.get_mut(&tap.key) {
                live.stereo.put(tap, payload);
            }
        }
    }

    /// Does what the switch wants.
    pub fn order(&mut self, now: Now, order: Order) {
        match order {
            Order::Begin(begin) => self.begin(now, begin),
            Order::Pause { key, by } => {
                let Some(live) = self.live.get_mut(&key).filter(|live| !live.stereo.is_paused()) else {
                    return;
                };
                live.stereo.pause(now.instant);
                self.ledger.note(now.wall, live.begin.id, Event::Paused { by });
            }
            Order::Resume { key, by } => {
                let Some(live) = self.live.get_mut(&key).filter(|live| live.stereo.is_paused()) else {
                    return;
                };
                live.stereo.resume(now.instant);
                self.ledger.note(now.wall, live.begin.id, Event::Resumed { by });
            }
            Order::End { key, why, by } => {
                if let Some(live) = self.live.get_mut(&key) {
                    live.ends.get_or_insert((now, why, by));
                }
            }
        }
        self.ledger.write(self.disk.as_ref());
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now) {
        if now.instant >= self.look_at {
            self.look_at = now.instant + LOOK_EVERY;
            self.look(now);
        }
        if now.instant >= self.write_at {
            self.write_at = now.instant + WRITE_EVERY;
            self.write_all(now);
        }
        if let Some((kind, mailbox, why)) = self.sealing.step(self.disk.as_ref(), &mut self.ledger) {
            let result = if why.is_whole() { RecordingResult::Stored } else { RecordingResult::Failed };
            self.metrics.recording(result);
            self.tell_mailbox(kind, mailbox);
        }
        self.ledger.write(self.disk.as_ref());
    }

    /// When [`Keeper::tick`] is wanted; `None` while there is nothing to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.sealing.is_busy() {
            return Some(Instant::default());
        }
        (!self.live.is_empty())
            .then(|| self.write_at.min(self.look_at))
            .or(self.ledger.waits().then_some(self.look_at))
    }

    /// Recordings that run.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Ends everything and writes it: the process ends.
    pub fn stop(&mut self, now: Now) {
        for live in self.live.values_mut() {
            live.ends.get_or_insert((now, Ending::Interrupted, None));
        }
        self.write_all(Now { instant: now.instant + HELD_BACK, ..now });
        while self.sealing.is_busy() {
            self.tick(now);
        }
        self.ledger.write(self.disk.as_ref());
    }

    fn begin(&mut self, now: Now, begin: Box<Begin>) {
        let path = format!("{}/{}-{}.wav", library::day_of(begin.id), begin.call, begin.number);
        if now.instant >= self.look_at {
            self.look_at = now.instant + LOOK_EVERY;
            self.look(now);
        }
        if self.full || self.ledger.is_full() {
            return self.refuse(&begin, Ending::DiskFull);
        }
        let file = match self.create(&path) {
            Ok(file) => file,
            Err(error) => {
                tracing::error!(%error, path, "a recording could not begin");
                return self.refuse(&begin, ending_of(&error));
            }
        };
        let (_, name) = path.split_once('/').unwrap_or(("", &path));
        let event = Event::Began {
            kind: begin.kind,
            call: begin.call.to_string(),
            file: name.to_owned(),
            left: begin.left.clone(),
            right: begin.right.clone(),
            queue: begin.queue.clone(),
            agent: begin.agent.clone(),
            mailbox: begin.mailbox.clone(),
            by: begin.by.clone(),
        };
        self.ledger.note(now.wall, begin.id, event);
        let stereo = Stereo::new(now.instant);
        let (key, started) = (begin.key, now.instant);
        self.live.insert(key, Live { begin, path, file, stereo, started, data_len: 0, ends: None });
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn Written>> {
        let mut file = self.disk.create(path)?;
        if let Err(error) = file.write_at(&wave::header(0), 0) {
            let _ = self.disk.remove(path);
            return Err(error);
        }
        Ok(file)
    }

    fn refuse(&mut self, begin: &Begin, why: Ending) {
        tracing::warn!(call = %begin.call, ?why, "a call is not recorded");
        self.metrics.recording(RecordingResult::Failed);
        self.reports.push(Report::Ended { key: begin.key, why });
    }

    /// Looks at the disk's room, and once a day for what is too old.
    fn look(&mut self, now: Now) {
        let was = self.full;
        match self.disk.free_bytes() {
            Ok(free) => self.full = free < self.settings.free_bytes_min,
            Err(error) => tracing::debug!(%error, "the room for recordings is not known"),
        }
        if self.full && !was {
            tracing::error!("the disk of the recordings is full: calls go on, but are not recorded");
            for live in self.live.values_mut() {
                live.ends.get_or_insert((now, Ending::DiskFull, None));
            }
            let ended = self.live.keys().map(|key| Report::Ended { key: *key, why: Ending::DiskFull });
            self.reports.extend(ended);
        } else if was && !self.full {
            tracing::warn!("the disk of the recordings has room again");
        }
        let today = library::day(now.wall);
        if today != self.expired_day {
            self.expire(now);
            self.expired_day = today;
        }
    }

    /// Writes what has come; takes out what has ended or could not be written.
    fn write_all(&mut self, now: Now) {
        let mut over: Vec<(TapKey, Now, Ending, Option<String>)> = Vec::new();
        for (key, live) in &mut self.live {
            let ends = live.ends.clone().filter(|(end, ..)| now.instant >= end.instant + HELD_BACK);
            let told = live.ends.is_some();
            match (
                live.write(now.instant, ends.as_ref().map(|(end, ..)| end.instant), &mut self.frames),
                ends,
            ) {
                (Err(error), _) => {
                    let why = ending_of(&error);
                    tracing::error!(%error, path = live.path, "a recording could not be written: the call goes on");
                    over.push((*key, now, why, None));
                    self.reports.extend((!told).then_some(Report::Ended { key: *key, why }));
                }
                (Ok(()), Some((end, why, by))) => over.push((*key, end, why, by)),
                (Ok(()), None) if !told && live.is_too_long(now.instant) => {
                    live.ends = Some((now, Ending::TooLong, None));
                    self.reports.push(Report::Ended { key: *key, why: Ending::TooLong });
                }
                (Ok(()), None) => {}
            }
        }
        for (key, end, why, by) in over {
            if let Some(mut live) = self.live.remove(&key) {
                if let Err(error) = live.file.sync() {
                    tracing::warn!(%error, path = live.path, "a recording may be lost at a power failure");
                }
                let (kind, mailbox) = (live.begin.kind, live.begin.mailbox.take());
                self.sealing.add(
                    live.begin.id,
                    live.path,
                    live.stereo.length(),
                    (end.wall, why, by),
                    kind,
                    mailbox,
                );
            }
        }
    }

    /// Erases what is older than it may become.
    fn expire(&mut self, now: Now) {
        let Some(keep_days) = self.settings.keep_days else { return };
        let age = i64::from(keep_days) * 86_400_000_000;
        let oldest = library::day(crate::clock::Wall::from_micros(now.wall.as_micros().saturating_sub(age)));
        let days = self.disk.days().unwrap_or_default();
        for day in days.iter().filter(|day| **day < oldest) {
            let entries = library::of_day(self.disk.as_ref(), day).unwrap_or_default();
            for entry in entries.values().filter(|entry| entry.is_there()) {
                if let Err(trouble) = self.erase(now, entry.id, "retention") {
                    tracing::warn!(recording = %entry.id, %trouble, "an old recording could not be erased");
                }
            }
        }
    }

    pub(in crate::recording) fn tell_mailbox(&mut self, kind: Kind, mailbox: Option<String>) {
        if let (Kind::Voicemail, Some(mailbox)) = (kind, mailbox) {
            self.reports.push(Report::Mailbox { mailbox });
        }
    }
}

impl Live {
    /// Writes the frames up to `end`, or those that wait for nothing, then the header that tells of them.
    fn write(&mut self, now: Instant, end: Option<Instant>, frames: &mut Vec<u8>) -> io::Result<()> {
        frames.clear();
        match end {
            Some(end) => self.stereo.finish(end, frames),
            None => self.stereo.take(now, frames),
        }
        if frames.is_empty() {
            return Ok(());
        }
        self.file.write_at(frames, wave::HEADER_LEN as u64 + self.data_len)?;
        self.data_len += frames.len() as u64;
        self.file.write_at(&wave::header(self.data_len), 0)
    }

    fn is_too_long(&self, now: Instant) -> bool {
        self.data_len >= wave::DATA_MAX / 2
            || self.begin.length_max.is_some_and(|longest| now.since(self.started) >= longest)
    }
}

fn ending_of(error: &io::Error) -> Ending {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
    if full.contains(&error.kind()) { Ending::DiskFull } else { Ending::WriteFailed }
}
