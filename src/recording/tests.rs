//! The recorder on a disk that can fill up: what is in the files, what the manifest says, what the switch is told.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::codec::g711::ULAW_SILENCE;
use crate::ids::CallUid;
use crate::ids::RecordingUid;
use crate::media::Codec;
use crate::media::tap::Block;
use crate::media::tap::Tap;
use crate::media::tap::TapKey;
use crate::media::tap::Voice;
use crate::metrics::Metrics;
use crate::recording::disk::Disk;
use crate::recording::disk::Folder;
use crate::recording::disk::Written;
use crate::recording::keeper::Keeper;
use crate::recording::keeper::Settings;
use crate::recording::library;
use crate::recording::library::Entry;
use crate::recording::manifest;
use crate::recording::manifest::Ending;
use crate::recording::manifest::Kind;
use crate::recording::order::Begin;
use crate::recording::order::Order;
use crate::recording::order::Report;
use crate::recording::order::Trouble;
use crate::recording::verify::verify;
use crate::recording::wave;
use std::collections::BTreeMap;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// A disk in memory with so much room.
#[derive(Clone)]
struct Little(Arc<Mutex<State>>);

struct State {
    files: BTreeMap<String, Vec<u8>>,
    room: usize,
    /// What the system says is free, whatever the room is.
    free: u64,
}

impl Little {
    fn new() -> Self {
        let state = State { files: BTreeMap::new(), room: usize::MAX / 2, free: u64::MAX };
        Self(Arc::new(Mutex::new(state)))
    }

    fn set_room(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    fn set_free(&self, free: u64) {
        self.0.lock().unwrap().free = free;
    }

    fn file(&self, path: &str) -> Vec<u8> {
        self.0.lock().unwrap().files.get(path).cloned().unwrap_or_default()
    }

    /// A byte of the file is another one from now on.
    fn spoil(&self, path: &str, place: usize) {
        self.0.lock().unwrap().files.get_mut(path).unwrap()[place] ^= 1;
    }

    fn put(&self, path: &str, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let end = at as usize + bytes.len();
        let room = state.room;
        let file = state.files.entry(path.to_owned()).or_default();
        let grows = end.saturating_sub(file.len());
        // A full disk takes a part, as real ones do.
        let written = bytes.len() - grows.saturating_sub(room).min(bytes.len());
        if file.len() < at as usize + written {
            file.resize(at as usize + written, 0);
        }
        file[at as usize..at as usize + written].copy_from_slice(&bytes[..written]);
        state.room -= grows.min(room);
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Little {
    fn create(&self, path: &str) -> io::Result<Box<dyn Written>> {
        self.put(path, &[], 0)?;
        Ok(Box::new((self.clone(), path.to_owned())))
    }

    fn write_at(&self, path: &str, bytes: &[u8], at: u64) -> io::Result<()> {
        self.put(path, bytes, at)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.0.lock().unwrap().files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.lock().unwrap().files.remove(path);
        Ok(())
    }

    fn days(&self) -> io::Result<Vec<String>> {
        let mut days: Vec<String> =
            self.0.lock().unwrap().files.keys().map(|path| path[..10].to_owned()).collect();
        days.dedup();
        Ok(days)
    }

    fn files(&self, day: &str) -> io::Result<Vec<String>> {
        let state = self.0.lock().unwrap();
        Ok(state
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&format!("{day}/")).map(str::to_owned))
            .collect())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().free)
    }
}

impl Written for (Little, String) {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.put(&self.1, bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const DAY: &str = "2026-12-01";
const KEY: TapKey = TapKey(5);

/// A recorder with its disk and a hand on the clock.
struct Rig {
    disk: Little,
    keeper: Keeper,
    metrics: Metrics,
    now_ms: u64,
}

fn settings() -> Settings {
    Settings { free_bytes_min: 1000, keep_days: Some(30) }
}

fn now(ms: u64) -> Now {
    let epoch = Wall::parse("2026-12-01T10:00:00Z").unwrap();
    let wall = Wall::from_micros(epoch.as_micros() + ms as i64 * 1000);
    Now { instant: Instant::from_micros(ms * 1000), wall }
}

fn id(n: u128) -> RecordingUid {
    let millis = now(0).wall.as_micros() as u128 / 1000;
    RecordingUid::from_u128((millis << 80) | n)
}

fn begin(key: TapKey, n: u128) -> Order {
    Order::Begin(Box::new(Begin {
        key,
        id: id(n),
        kind: Kind::Call,
        call: CallUid::from_u128(n),
        number: 1,
        left: "alice".to_owned(),
        right: "+33199".to_owned(),
        queue: Some("support".to_owned()),
        agent: Some("alice".to_owned()),
        mailbox: None,
        by: "queue".to_owned(),
        length_max: None,
    }))
}

fn end(key: TapKey) -> Order {
    Order::End { key, why: Ending::CallEnded, by: None }
}

impl Rig {
    fn new() -> Self {
        let (disk, metrics) = (Little::new(), Metrics::new());
        let keeper = Keeper::new(Box::new(disk.clone()), settings(), metrics.clone(), now(0));
        Self { disk, keeper, metrics, now_ms: 0 }
    }

    fn order(&mut self, order: Order) {
        self.keeper.order(now(self.now_ms), order);
    }

    /// So long both talk to each of the recordings, and time passes.
    fn talk(&mut self, ms: u64, keys: &[TapKey]) {
        for _ in 0..ms / 20 {
            let mut block = Block::default();
            for key in keys {
                for (voice, byte) in [(Voice::Said, 1), (Voice::Heard, 2)] {
                    let at = now(self.now_ms).instant;
                    let (codec, timestamp) = (Codec::Pcmu, self.now_ms as u32 * 8);
                    let tap =
                        Tap { key: *key, voice, codec, ssrc: byte.into(), timestamp, marker: false, at };
                    block.push(tap, &[byte; 160]);
                }
            }
            self.keeper.block(&block);
            self.pass(20);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        if self.keeper.poll_timeout().is_some_and(|at| at <= now(self.now_ms).instant) {
            self.keeper.tick(now(self.now_ms));
        }
    }

    /// Lets everything that has ended be sealed.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.pass(20);
        }
        assert_eq!(self.keeper.live(), 0);
    }

    fn entry(&self, n: u128) -> Entry {
        library::find(&self.disk, id(n)).unwrap().unwrap()
    }

    fn channels(&self, n: u128) -> (Vec<u8>, Vec<u8>) {
        wave::read(&self.disk.file(&self.entry(n).path())).expect("a valid file")
    }

    fn counted(&self, result: &str) -> bool {
        self.metrics.render(None).contains(&format!("strowger_recordings_total{{result=\"{result}\"}} 1"))
    }

    fn faults(&self) -> Vec<String> {
        verify(&self.disk).unwrap().faults
    }
}

#[test]
fn a_recording_is_whole_aligned_sealed_and_counted() {
    let mut rig = Rig::new();
    assert_eq!(rig.keeper.poll_timeout(), None, "an idle recorder sleeps");
    rig.order(begin(KEY, 1));
    rig.talk(5000, &[KEY]);
    rig.order(end(KEY));
    rig.settle();
    let (left, right) = rig.channels(1);
    assert_eq!((left.len(), right.len()), (40_000, 40_000), "five seconds to the sample");
    assert!(left.iter().all(|byte| *byte == 2) && right.iter().all(|byte| *byte == 1));
    let entry = rig.entry(1);
    assert_eq!((entry.length, entry.ended.unwrap().1), (Duration::from_secs(5), Ending::CallEnded));
    assert_eq!(entry.file, format!("{}-1.wav", CallUid::from_u128(1)));
    assert_eq!(entry.bytes, 80_058);
    let findings = verify(&rig.disk).unwrap();
    assert_eq!((findings.manifests, findings.files, findings.faults.len()), (1, 1, 0));
    assert!(rig.counted("stored"), "{}", rig.metrics.render(None));
    assert_eq!(rig.keeper.poll_timeout(), None);
}

#[test]
fn the_file_is_valid_at_every_moment_and_at_most_a_second_behind() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    for second in 0..300 {
        rig.talk(20, &[KEY]);
        let (left, right) = rig.channels(1);
        assert_eq!(left.len(), right.len());
        let behind_ms = (second + 1) * 20 - left.len() / 8;
        assert!(behind_ms <= 1000, "{behind_ms} ms behind");
    }
}

#[test]
fn a_pause_is_silent_and_says_who_and_when() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(1000, &[KEY]);
    rig.order(Order::Pause { key: KEY, by: "alice".to_owned() });
    rig.order(Order::Pause { key: KEY, by: "somebody else".to_owned() });
    rig.talk(1000, &[KEY]);
    rig.order(Order::Resume { key: KEY, by: "limit".to_owned() });
    rig.talk(1000, &[KEY]);
    rig.order(end(KEY));
    rig.settle();
    for (channel, byte) in [(rig.channels(1).0, 2), (rig.channels(1).1, 1)] {
        assert!(channel[..8000].iter().all(|sample| *sample == byte));
        assert!(channel[8000..16_000].iter().all(|sample| *sample == ULAW_SILENCE));
        assert!(channel[16_000..].iter().all(|sample| *sample == byte));
    }
    let pauses = rig.entry(1).pauses;
    assert_eq!(pauses.len(), 1);
    assert_eq!((pauses[0].from, pauses[0].by.as_str()), (now(1000).wall, "alice"));
    assert_eq!(pauses[0].until, Some((now(2000).wall, "limit".to_owned())));
}

#[test]
fn a_full_disk_ends_the_recording_with_what_was_written_and_tells_the_switch() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(3000, &[KEY]);
    rig.disk.set_room(10_000);
    rig.talk(3000, &[KEY]);
    assert_eq!(rig.keeper.reports, [Report::Ended { key: KEY, why: Ending::DiskFull }]);
    rig.settle();
    let (left, _) = rig.channels(1);
    assert!((16_000..32_000).contains(&left.len()), "{}", left.len());
    assert!(left.iter().all(|byte| *byte == 2));
    // The last line finds room when there is room again, and so does the next recording.
    rig.disk.set_room(usize::MAX / 2);
    rig.settle();
    assert_eq!(rig.entry(1).ended.unwrap().1, Ending::DiskFull);
    assert!(rig.counted("failed"));
    rig.order(begin(TapKey(6), 2));
    rig.talk(1000, &[TapKey(6)]);
    rig.order(end(TapKey(6)));
    rig.settle();
    assert_eq!(rig.channels(2).0.len(), 8000);
    assert_eq!(rig.faults(), Vec::<String>::new());
}

#[test]
fn below_the_least_room_nothing_is_recorded_before_the_disk_is_full() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(2000, &[KEY]);
    rig.disk.set_free(999);
    rig.talk(2000, &[KEY]);
    assert_eq!(rig.keeper.reports, [Report::Ended { key: KEY, why: Ending::DiskFull }]);
    rig.keeper.reports.clear();
    rig.order(begin(TapKey(6), 2));
    assert_eq!(rig.keeper.reports, [Report::Ended { key: TapKey(6), why: Ending::DiskFull }]);
    assert_eq!(library::find(&rig.disk, id(2)).unwrap(), None);
    rig.settle();
    rig.disk.set_free(1000);
    rig.order(begin(TapKey(7), 3));
    assert_eq!(rig.keeper.live(), 1, "the room is looked at again");
}

#[test]
fn a_changed_byte_of_a_file_or_a_manifest_is_found() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(200, &[KEY]);
    rig.order(end(KEY));
    rig.settle();
    let (path, manifest) = (rig.entry(1).path(), format!("{DAY}/{}", manifest::NAME));
    for place in [0, 57, 58, 1000] {
        rig.disk.spoil(&path, place);
        assert_eq!(rig.faults(), [format!("{path}: it was changed")]);
        rig.disk.spoil(&path, place);
    }
    let place = String::from_utf8(rig.disk.file(&manifest)).unwrap().find("alice").unwrap();
    rig.disk.spoil(&manifest, place);
    assert_eq!(rig.faults(), [format!("{manifest}: line 2 does not follow from the line before it")]);
    rig.disk.spoil(&manifest, place);
    rig.disk.put(&format!("{DAY}/strange.wav"), b"?", 0).unwrap();
    assert_eq!(rig.faults(), [format!("{DAY}/strange.wav: no manifest knows it")]);
    rig.disk.remove(&format!("{DAY}/strange.wav")).unwrap();
    rig.disk.remove(&path).unwrap();
    assert_eq!(rig.faults().len(), 1, "a file that is gone without a word");
}

#[test]
fn who_listens_and_who_erases_is_written_and_the_hash_of_what_was_erased_stays() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(200, &[KEY]);
    assert_eq!(rig.keeper.listen(now(200), id(1), "eve").unwrap_err(), Trouble::Running);
    rig.order(end(KEY));
    rig.settle();
    assert_eq!(rig.keeper.listen(now(300), id(9), "eve").unwrap_err(), Trouble::Unknown);
    let entry = rig.keeper.listen(now(9000), id(1), "auditor").unwrap();
    assert_eq!(rig.entry(1).listened, [(now(9000).wall, "auditor".to_owned())]);
    // What can't be written down is not listened to.
    rig.disk.set_room(0);
    assert_eq!(rig.keeper.listen(now(9100), id(1), "auditor").unwrap_err(), Trouble::Away);
    rig.disk.set_room(100_000);
    rig.keeper.erase(now(9200), id(1), "boss").unwrap();
    assert!(rig.disk.file(&entry.path()).is_empty());
    let erased = rig.entry(1);
    assert_eq!((erased.erased, erased.sha256), (Some((now(9200).wall, "boss".to_owned())), entry.sha256));
    assert_eq!(rig.keeper.erase(now(9300), id(1), "boss").unwrap_err(), Trouble::Erased);
    assert_eq!(rig.keeper.listen(now(9300), id(1), "eve").unwrap_err(), Trouble::Erased);
    let findings = verify(&rig.disk).unwrap();
    assert_eq!((findings.erased, findings.faults.len()), (1, 0));
}

#[test]
fn what_a_killed_run_has_left_is_closed_by_the_next_one() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(3000, &[KEY]);
    let mut next = Keeper::new(Box::new(rig.disk.clone()), settings(), rig.metrics.clone(), now(60_000));
    for step in 0..10 {
        next.tick(now(60_000 + step));
    }
    let entry = rig.entry(1);
    assert_eq!(entry.ended, Some((now(60_000).wall, Ending::Interrupted)));
    assert!(entry.length >= Duration::from_secs(2) && entry.length < Duration::from_secs(3));
    assert_eq!(rig.channels(1).0.len() as u128, entry.length.as_millis() * 8);
    assert_eq!(rig.faults(), Vec::<String>::new());
    assert!(rig.counted("failed"));
}

#[test]
fn what_is_too_old_goes_and_the_rest_stays() {
    let mut rig = Rig::new();
    rig.order(begin(KEY, 1));
    rig.talk(200, &[KEY]);
    rig.order(end(KEY));
    rig.settle();
    let days = |days: u64| now(days * 86_400_000);
    rig.keeper.tick(days(30));
    assert!(rig.entry(1).is_there());
    rig.keeper.tick(days(31));
    assert_eq!(rig.entry(1).erased, Some((days(31).wall, "retention".to_owned())));
    assert_eq!(rig.disk.files(DAY).unwrap(), [manifest::NAME]);
}

#[test]
fn pages_go_back_from_the_latest_and_hold_what_is_wanted() {
    let mut rig = Rig::new();
    let keys: Vec<TapKey> = (0..5).map(TapKey).collect();
    keys.iter().for_each(|key| rig.order(begin(*key, u128::from(key.0) + 1)));
    rig.talk(200, &keys);
    keys.iter().for_each(|key| rig.order(end(*key)));
    rig.settle();
    let ids = |before, limit| -> Vec<u128> {
        let page = library::page(&rig.disk, before, limit, |entry| entry.id != id(2)).unwrap();
        page.into_iter().map(|entry| entry.id.as_u128() & 0xFF).collect()
    };
    assert_eq!(ids(None, 2), [5, 4]);
    assert_eq!(ids(Some(id(4)), 2), [3, 1]);
    assert_eq!(ids(Some(id(1)), 2), []);
    assert_eq!(ids(None, 0), []);
}

#[test]
fn a_real_folder_takes_a_recording_and_a_full_device_is_an_error_like_any_other() {
    let root = std::env::temp_dir().join(format!("strowger-recordings-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let disk = Folder::new(&root);
    assert!(disk.free_bytes().unwrap() > 0, "asked of the parent while it is not there");
    assert_eq!((disk.days().unwrap(), disk.text("2026-12-01/x").unwrap()), (vec![], String::new()));
    let mut keeper = Keeper::new(Box::new(disk.clone()), settings(), Metrics::new(), now(0));
    keeper.order(now(0), begin(KEY, 1));
    keeper.order(now(0), begin(TapKey(6), 1));
    assert_eq!(
        keeper.reports,
        [Report::Ended { key: TapKey(6), why: Ending::WriteFailed }],
        "the file is there"
    );
    keeper.stop(now(2000));
    let findings = verify(&disk).unwrap();
    assert_eq!((findings.files, findings.faults), (1, vec![]));
    let mut full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = Written::write_at(&mut full, b"x", 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    std::fs::remove_dir_all(&root).unwrap();
}
