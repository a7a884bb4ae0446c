//! Recordings over HTTP: lists with a cursor, who sees what, ranges of bytes, what listening and erasing leave behind.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::http::tests::client::Ask;
use crate::http::tests::fake::Bench;
use crate::http::tests::fake::NOW;
use crate::http::tests::fake::unlimited;
use crate::http::tests::fake::wall;
use crate::ids::CallUid;
use crate::ids::RecordingUid;
use crate::metrics::Metrics;
use crate::recording::Begin;
use crate::recording::Ending;
use crate::recording::Folder;
use crate::recording::Kind;
use crate::recording::Order;
use crate::recording::Settings;
use crate::recording::TapKey;
use crate::recording::keeper::Keeper;
use crate::recording::verify::verify;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

/// A folder of this test's own, deleted at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("strowger-http-recordings-{}-{number}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn id(number: u64) -> RecordingUid {
    let millis = wall(NOW).as_micros() as u128 / 1000 + u128::from(number);
    RecordingUid::from_u128((millis << 80) | u128::from(number))
}

/// Recordings of a second each: 1 of `support` by alice, 2 of `sales` by bruno, 3 of no queue.
fn recorded(scratch: &Scratch) -> Folder {
    let folder = Folder::new(&scratch.0);
    let at = |millis: u64| Now {
        instant: Instant::from_micros(millis * 1000),
        wall: Wall::from_micros(wall(NOW).as_micros() + millis as i64 * 1000),
    };
    let settings = Settings { free_bytes_min: 0, keep_days: None };
    let mut keeper = Keeper::new(Box::new(folder.clone()), settings, Metrics::new(), at(0));
    for (number, queue, agent) in
        [(1, Some("support"), Some("alice")), (2, Some("sales"), Some("bruno")), (3, None, None)]
    {
        let begin = Begin {
            key: TapKey(number),
            id: id(number),
            kind: Kind::Call,
            call: CallUid::from_u128(number.into()),
            number: 1,
            left: "somebody".to_owned(),
            right: "+33140000001".to_owned(),
            queue: queue.map(str::to_owned),
            agent: agent.map(str::to_owned),
            mailbox: None,
            by: "queue".to_owned(),
            length_max: None,
        };
        keeper.order(at(0), Order::Begin(Box::new(begin)));
        keeper.order(at(1000), Order::End { key: TapKey(number), why: Ending::CallEnded, by: None });
    }
    keeper.stop(at(1000));
    folder
}

async fn bench(folder: &Folder) -> Bench {
    Bench::over(folder.clone(), unlimited(), true).await
}

fn ids(page: &serde_json::Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_go_back_page_by_page_and_show_a_narrowed_key_its_own() {
    let scratch = Scratch::new();
    let folder = recorded(&scratch);
    let bench = bench(&folder).await;
    let page = bench.get("recordings?limit=2", "ops").await.json();
    assert_eq!(ids(&page), [id(3).to_string(), id(2).to_string()]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = bench.get(&format!("recordings?limit=2&cursor={cursor}"), "ops").await.json();
    assert_eq!((ids(&rest), rest["next_cursor"].is_null()), (vec![id(1).to_string()], true));
    let one = bench.get("recordings?queue=support", "ops").await.json();
    assert_eq!(ids(&one), [id(1).to_string()]);
    let item = &one["items"][0];
    assert_eq!((item["kind"].as_str(), item["length_seconds"].as_u64()), (Some("call"), Some(1)));
    assert_eq!((item["bytes"].as_u64(), item["ended_by"].as_str()), (Some(16_058), Some("call_ended")));
    assert_eq!(bench.get("recordings?limit=0&x=1", "ops").await.problem(422), "invalid");
    let narrowed = bench.get("recordings", "support-all").await.json();
    assert_eq!(ids(&narrowed), [id(1).to_string()]);
    let unseen = format!("recordings/{}/audio", id(2));
    assert_eq!(bench.get(&unseen, "support-all").await.problem(404), "not_found");
    bench.stop().await;
}

#[tokio::test]
async fn sound_comes_whole_or_in_ranges_and_each_listening_is_written_down() {
    let scratch = Scratch::new();
    let folder = recorded(&scratch);
    let bench = bench(&folder).await;
    let path = format!("recordings/{}/audio", id(1));
    let whole = bench.get(&path, "ops").await;
    assert_eq!((whole.status, whole.header("content-type")), (200, "audio/wav"));
    assert_eq!((whole.header("content-length"), whole.header("accept-ranges")), ("16058", "bytes"));
    assert!(whole.body.starts_with("RIFF"));
    let part = bench.ask(Ask::new("GET", &path).key("ops").header("range", "bytes=8-15")).await;
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 8-15/16058"));
    assert_eq!((part.body.as_str(), part.header("etag")), ("WAVEfmt ", whole.header("etag")));
    let beyond = bench.ask(Ask::new("GET", &path).key("ops").header("range", "bytes=16058-")).await;
    assert_eq!(beyond.header("content-range"), "bytes */16058");
    assert_eq!(beyond.problem(416), "range_not_satisfiable");
    let page = bench.get("recordings?queue=support", "ops").await.json();
    let listened: Vec<_> =
        page["items"][0]["listened"].as_array().unwrap().iter().map(|one| one["by"].as_str()).collect();
    assert_eq!(listened, [Some("ops"), Some("ops"), Some("ops")]);
    let unknown = format!("recordings/{}/audio", id(9));
    assert_eq!(bench.get(&unknown, "ops").await.problem(404), "not_found");
    bench.stop().await;
    assert_eq!(verify(&folder).unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn an_erased_recording_leaves_its_entry_and_its_hash() {
    let scratch = Scratch::new();
    let folder = recorded(&scratch);
    let bench = bench(&folder).await;
    let path = format!("recordings/{}", id(1));
    assert_eq!(
        bench.ask(Ask::new("DELETE", &path).key("only-recording:read")).await.problem(403),
        "forbidden"
    );
    assert_eq!(bench.ask(Ask::new("DELETE", &path).key("ops")).await.status, 204);
    assert_eq!(bench.ask(Ask::new("DELETE", &path).key("ops")).await.problem(410), "recording_erased");
    assert_eq!(bench.get(&format!("{path}/audio"), "ops").await.problem(410), "recording_erased");
    let page = bench.get("recordings?queue=support", "ops").await.json();
    let item = &page["items"][0];
    assert_eq!((item["erased_by"].as_str(), item["sha256"].as_str().map(str::len)), (Some("ops"), Some(64)));
    bench.stop().await;
    let findings = verify(&folder).unwrap();
    assert_eq!((findings.files, findings.erased, findings.faults), (2, 1, vec![]));
}
