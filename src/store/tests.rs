//! The store by its front door, on every database that is there: SQLite always, PostgreSQL where
//! `STROWGER_TEST_POSTGRES` names one.

use crate::clock::Clock;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::ids::QueueId;
use crate::record::AgentChange;
use crate::record::AgentEvent;
use crate::record::AgentStatus;
use crate::record::Cdr;
use crate::record::CdrOutcome;
use crate::record::EntryKind;
use crate::record::Fact;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;
use crate::record::QueueEvent;
use crate::record::QueueStatus;
use crate::store::Binding;
use crate::store::BindingChange;
use crate::store::CdrPage;
use crate::store::PhoneChange;
use crate::store::PhoneSetting;
use crate::store::Settings;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::WriterEnd;
use crate::store::address::Address;
use crate::store::link::Link;
use crate::store::open_with;
use crate::store::payload;
use sqlx::AssertSqlSafe;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A database of its own for one test, and a folder for its spool.
struct Place {
    url: String,
    folder: PathBuf,
    clock: Clock,
    settings: Settings,
}

impl Place {
    fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("strowger-store-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Clock::manual(morning());
        let settings = Settings { clock: clock.clone(), ..Settings::default() };
        Self { url: format!("sqlite:{}", folder.join("strowger.db").display()), folder, clock, settings }
    }

    fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    async fn open(&self) -> Running {
        let (store, task) = open_with(&self.url, Some(self.spool()), self.settings.clone()).await.unwrap();
        Running { store, task: tokio::spawn(task.run()) }
    }

    async fn link(&self) -> Link {
        Link::connect(&Address::parse(&self.url).unwrap()).await.unwrap()
    }

    async fn run(&self, sql: &'static str) {
        let mut link = self.link().await;
        link.execute(sql, Vec::new()).await.unwrap();
        link.close().await;
    }

    fn spooled_bytes(&self) -> u64 {
        self.spool().metadata().unwrap().len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Running {
    store: Store,
    task: JoinHandle<WriterEnd>,
}

impl Running {
    async fn end(self) -> WriterEnd {
        self.store.writer.close();
        let end = self.task.await.unwrap();
        self.store.reader.close().await;
        end
    }

    /// As `kill -9` does: nothing more is written.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.store.reader.close().await;
    }

    async fn log(&self) -> Vec<Fact> {
        let facts = self.store.reader.facts_after(0, 1_000_000).await.unwrap();
        assert!(facts.is_sorted_by(|(a, _), (b, _)| a < b));
        facts.into_iter().map(|(_, fact)| fact).collect()
    }
}

/// Runs a test's body for every available database.
async fn each_database(name: &str, body: impl AsyncFn(&mut Place)) {
    body(&mut Place::new(name)).await;
    let Ok(server) = std::env::var("STROWGER_TEST_POSTGRES") else { return };
    let mut place = Place::new(name);
    let schema = place.folder.file_name().unwrap().to_string_lossy().replace('-', "_");
    let mut admin = Link::connect(&Address::parse(&server).unwrap()).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}")), Vec::new()).await.unwrap();
    let mark = if server.contains('?') { '&' } else { '?' };
    place.url = format!("{server}{mark}options[search_path]={schema}");
    body(&mut place).await;
    admin.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")), Vec::new()).await.unwrap();
    admin.close().await;
}

fn morning() -> Wall {
    Wall::parse("2026-11-23T08:00:00Z").unwrap()
}

fn after(seconds: i64) -> Wall {
    Wall::from_micros(morning().as_micros() + seconds * 1_000_000)
}

fn call(number: u128) -> CallUid {
    CallUid::from_u128(0x019a_0000_0000_0000_0000_0000_0000_0000 + number)
}

fn entry(number: u128) -> EntryUid {
    EntryUid::from_u128(number)
}

fn event(seconds: i64, number: u128, change: QueueChange) -> QueueEvent {
    QueueEvent {
        at: after(seconds),
        queue: QueueId::new("support"),
        entry: entry(number),
        kind: EntryKind::Call,
        call: Some(call(number)),
        change,
    }
}

fn entered(seconds: i64, number: u128) -> QueueEvent {
    let change = QueueChange::Entered { number: "+33140000001".into(), name: None, priority: 0 };
    event(seconds, number, change)
}

fn left(seconds: i64, number: u128, outcome: Outcome, reason: LeftReason) -> QueueEvent {
    let agent = (outcome == Outcome::Handled).then(|| AgentId::new("alice"));
    event(seconds, number, QueueChange::Left { outcome, reason, waited: Duration::from_secs(3), agent })
}

fn some_facts(count: u128) -> Vec<Fact> {
    (0..count).map(|number| Fact::Queue(entered(1, number))).collect()
}

fn cdr(number: u128) -> Cdr {
    Cdr {
        call: call(number),
        from: "+33140000001".into(),
        to: "600".into(),
        started_at: after(i64::try_from(number).unwrap()),
        answered_at: None,
        ended_at: after(100),
        outcome: CdrOutcome::Abandoned,
        cause: "normal".into(),
        queue: None,
        agent: None,
        wait: Duration::from_micros(1_234_567),
        talk: Duration::ZERO,
        hold: Duration::ZERO,
        wrap_up: Duration::ZERO,
    }
}

fn agent_queue(seconds: i64, agent: &str, queue: &str, status: QueueStatus) -> Fact {
    let change = AgentChange::Queue { queue: QueueId::new(queue), status };
    Fact::Agent(AgentEvent { at: after(seconds), agent: AgentId::new(agent), by: Some("ops".into()), change })
}

fn binding(aor: &str, contact: &str, expires: i64) -> Binding {
    Binding {
        aor: aor.into(),
        contact: contact.into(),
        flow: "udp:127.0.0.1:5060:192.0.2.7:5062".into(),
        call_id: "a84b4c76e66710".into(),
        cseq: u32::MAX,
        expires_at: after(expires),
        registered_at: after(0),
        user_agent: None,
        path: None,
        instance: None,
        q: None,
    }
}

/// Every variant of every closed set that is stored.
fn every_fact() -> Vec<Fact> {
    use LeftReason as R;
    let mut facts = Vec::new();
    let alice = || AgentId::new("alice");
    let offer = OfferUid::from_u128(u128::MAX);
    let second = Duration::from_micros(1_000_001);
    let name = Some("Zoé \"O'Neil\" \0 ☎".to_string());
    let change = QueueChange::Entered { number: "anonymous\0".into(), name, priority: -5 };
    facts.push(Fact::Queue(event(1, 1, change)));
    facts.push(Fact::Queue(QueueEvent { kind: EntryKind::Callback, call: None, ..entered(1, 2) }));
    facts.push(Fact::Queue(event(2, 1, QueueChange::Offered { offer, agent: alice() })));
    use OfferResult as O;
    for result in [O::Accepted, O::Rejected, O::Busy, O::Timeout, O::Unreachable, O::Cancelled, O::Rescinded]
    {
        let change = QueueChange::OfferEnded { offer, agent: alice(), result, rang: second };
        facts.push(Fact::Queue(event(3, 1, change)));
    }
    let outcomes = [
        Outcome::Handled,
        Outcome::Abandoned,
        Outcome::Pending,
        Outcome::EvictedCustomer,
        Outcome::EvictedSystem,
        Outcome::EvictedUser,
    ];
    facts.extend(outcomes.map(|outcome| Fact::Queue(left(4, 1, outcome, R::Answered))));
    let reasons = [
        [R::HungUp, R::Callback, R::Key, R::Timeout, R::Full, R::JoinedEmpty],
        [R::LeftEmpty, R::Closed, R::Removed, R::Moved, R::Restart, R::Failed],
    ];
    facts.extend(reasons.concat().iter().map(|&r| Fact::Queue(left(4, 1, Outcome::EvictedSystem, r))));
    let change =
        QueueChange::Completed { agent: alice(), talk: second, hold: second * 2, wrap_up: second * 3 };
    facts.push(Fact::Queue(event(5, 1, change)));
    use AgentStatus as S;
    for status in [S::LoggedOut, S::Paused, S::Ready, S::Ringing, S::Talking, S::WrapUp, S::Unreachable] {
        let change = AgentChange::Status { status, reason: Some("repas".into()) };
        facts.push(Fact::Agent(AgentEvent { at: after(6), agent: alice(), by: None, change }));
    }
    facts.push(agent_queue(7, "alice", "support", QueueStatus::LoggedOut));
    facts.push(agent_queue(7, "alice", "support", QueueStatus::Ready));
    facts.push(agent_queue(7, "alice", "support", QueueStatus::Paused { reason: None }));
    facts.push(agent_queue(7, "alice", "support", QueueStatus::Paused { reason: Some("repas".into()) }));
    use CdrOutcome as C;
    for outcome in [C::Answered, C::Abandoned, C::Busy, C::NoAnswer, C::Cancelled, C::Rejected, C::Failed] {
        facts.push(Fact::Cdr(Cdr { outcome, ..cdr(1) }));
    }
    facts.push(Fact::Cdr(Cdr {
        answered_at: Some(after(2)),
        queue: Some(QueueId::new("support")),
        agent: Some(alice()),
        talk: second,
        hold: second * 2,
        wrap_up: second * 3,
        ..cdr(2)
    }));
    facts
}

#[tokio::test]
async fn every_fact_comes_back_as_it_was_and_in_order() {
    each_database("round_trip", async |place| {
        let running = place.open().await;
        for fact in every_fact() {
            running.store.writer.fact(fact);
        }
        running.store.writer.flush().await;
        assert_eq!(running.log().await, every_fact());
        assert!(running.store.reader.healthy().await);
        assert_eq!(running.store.writer.backlog(), 0);

        let events = running.store.reader.agent_events_between(after(6), after(7)).await.unwrap();
        assert_eq!(events.len(), 7, "the end of a span is not in it");
        let events = running.store.reader.queue_events(after(4)).await.unwrap();
        let wanted: Vec<QueueEvent> = every_fact()
            .into_iter()
            .filter_map(|fact| if let Fact::Queue(event) = fact { Some(event) } else { None })
            .filter(|event| event.at >= after(4))
            .collect();
        assert_eq!(events, wanted);
        running.end().await;
    })
    .await;
}

#[test]
fn the_stored_form_does_not_change() {
    let check = |fact: Fact, wanted: &str| {
        let row = payload::encode(&fact);
        assert_eq!(serde_json::to_string(&row).unwrap(), wanted);
        assert_eq!(payload::decode(&serde_json::from_str(wanted).unwrap()), Ok(fact));
    };
    check(
        Fact::Queue(left(1, 1, Outcome::EvictedCustomer, LeftReason::Key)),
        r#"{"at":1795420801000000,"topic":"queue","change":"left","queue":"support","entry":"00000000000000000000000001","call":"01K80000000000000000000001","version":1,"payload":"{\"kind\":\"call\",\"outcome\":\"evicted_customer\",\"reason\":\"key\",\"wait_us\":3000000}"}"#,
    );
    check(
        agent_queue(1, "alice", "support", QueueStatus::Paused { reason: Some("repas".into()) }),
        r#"{"at":1795420801000000,"topic":"agent","change":"queue","queue":"support","agent":"alice","version":1,"payload":"{\"status\":\"paused\",\"reason\":\"repas\",\"by\":\"ops\"}"}"#,
    );
    check(
        Fact::Cdr(cdr(1)),
        r#"{"at":1795420900000000,"topic":"cdr","change":"ended","call":"01K80000000000000000000001","version":1,"payload":"{\"outcome\":\"abandoned\",\"from\":\"+33140000001\",\"to\":\"600\",\"cause\":\"normal\",\"started_at\":1795420801000000,\"wait_us\":1234567,\"talk_us\":0,\"hold_us\":0,\"wrap_up_us\":0}"}"#,
    );
    let mut newer = payload::encode(&Fact::Cdr(cdr(1)));
    newer.version += 1;
    assert!(payload::decode(&newer).unwrap_err().contains("version 2"));
}

/// An abandoned entry, a conversation, a waiting entry and a ringing one.
fn cut_off() -> Vec<QueueEvent> {
    let (taken, ringing, alice) = (OfferUid::from_u128(6), OfferUid::from_u128(7), AgentId::new("alice"));
    let (result, rang) = (OfferResult::Accepted, Duration::from_secs(1));
    vec![
        entered(0, 1),
        left(5, 1, Outcome::Abandoned, LeftReason::HungUp),
        entered(10, 2),
        event(12, 2, QueueChange::Offered { offer: taken, agent: alice.clone() }),
        event(13, 2, QueueChange::OfferEnded { offer: taken, agent: alice.clone(), result, rang }),
        left(13, 2, Outcome::Handled, LeftReason::Answered),
        entered(20, 3),
        entered(21, 4),
        event(30, 4, QueueChange::Offered { offer: ringing, agent: alice }),
    ]
}

/// What closes them. The last sign of life is the fact at 30 s: the hours until the start were no wait.
fn closings() -> Vec<QueueEvent> {
    let (offer, agent) = (OfferUid::from_u128(7), AgentId::new("alice"));
    let (outcome, reason, result) = (Outcome::EvictedSystem, LeftReason::Restart, OfferResult::Rescinded);
    let restart = |seconds| {
        let waited = Duration::from_secs(seconds);
        QueueChange::Left { outcome, reason, waited, agent: None }
    };
    let talk = Duration::from_secs(17);
    let none = Duration::ZERO;
    vec![
        event(30, 4, QueueChange::OfferEnded { offer, agent: agent.clone(), result, rang: none }),
        event(30, 3, restart(10)),
        event(30, 4, restart(9)),
        event(30, 2, QueueChange::Completed { agent, talk, hold: none, wrap_up: none }),
    ]
}

#[tokio::test]
async fn what_a_restart_cuts_off_is_closed_once() {
    each_database("restart", async |place| {
        let running = place.open().await;
        cut_off().into_iter().for_each(|event| running.store.writer.fact(Fact::Queue(event)));
        running.store.writer.flush().await;
        running.kill().await;

        place.clock.advance(Duration::from_secs(3 * 3600));
        let running = place.open().await;
        let restored = running.store.reader.restore().await.unwrap();
        assert_eq!(restored.closed_by_restart, closings());
        assert_eq!(restored.queue_events_today, [cut_off(), closings()].concat());
        let count = |matching: fn(&QueueChange) -> bool| {
            restored.queue_events_today.iter().filter(|event| matching(&event.change)).count()
        };
        assert_eq!(
            count(|change| matches!(change, QueueChange::Entered { .. })),
            count(|change| matches!(change, QueueChange::Left { .. })),
            "entered = waiting (none) + outcomes"
        );
        running.store.writer.fact(Fact::Queue(entered(40, 5)));
        running.store.writer.fact(Fact::Queue(left(41, 5, Outcome::Abandoned, LeftReason::HungUp)));
        running.end().await;

        place.clock.advance(Duration::from_secs(48 * 3600));
        let running = place.open().await;
        let restored = running.store.reader.restore().await.unwrap();
        assert_eq!(restored.closed_by_restart, []);
        assert_eq!(restored.queue_events_today, [], "nothing of two days ago");
        assert_eq!(running.log().await.len(), cut_off().len() + closings().len() + 2);
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn agents_states_and_bindings_are_restored() {
    each_database("restore", async |place| {
        let long = format!("sip:1001@{}.example.com;ob", "a".repeat(20_000));
        let full = Binding {
            user_agent: Some("Phone\0 1.0".into()),
            path: Some("<sip:edge.example.com;lr>".into()),
            instance: Some("<urn:uuid:00000000-0000-1000-8000-000A95A0E128>".into()),
            q: Some(0.7),
            ..binding("1002", &long, 600)
        };
        let running = place.open().await;
        let writer = &running.store.writer;
        let paused = QueueStatus::Paused { reason: Some("repas".into()) };
        writer.fact(agent_queue(1, "alice", "support", QueueStatus::Ready));
        writer.fact(agent_queue(1, "alice", "sales", QueueStatus::Ready));
        writer.fact(agent_queue(1, "bruno", "support", QueueStatus::Ready));
        writer.flush().await;
        writer.fact(agent_queue(2, "alice", "support", paused.clone()));
        writer.fact(agent_queue(3, "bruno", "support", QueueStatus::LoggedOut));
        let contact = "sip:1001@192.0.2.7:5062";
        let removed = |contact: &str| BindingChange::Removed { aor: "1001".into(), contact: contact.into() };
        writer.binding(BindingChange::Set(binding("1001", contact, 60)));
        writer.binding(BindingChange::Set(binding("1001", "sip:gone@192.0.2.8", 600)));
        writer.binding(BindingChange::Set(binding("1003", "sip:1003@192.0.2.9", 50)));
        writer.flush().await;
        writer.binding(removed(contact));
        writer.binding(BindingChange::Set(binding("1001", contact, 3600)));
        writer.binding(BindingChange::Set(full.clone()));
        writer.binding(removed("sip:gone@192.0.2.8"));
        running.end().await;

        place.clock.advance(Duration::from_secs(50));
        let running = place.open().await;
        let restored = running.store.reader.restore().await.unwrap();
        let (alice, bruno) = (AgentId::new("alice"), AgentId::new("bruno"));
        let (sales, support) = (QueueId::new("sales"), QueueId::new("support"));
        let states = [
            (alice.clone(), sales, QueueStatus::Ready),
            (alice.clone(), support.clone(), paused),
            (bruno, support.clone(), QueueStatus::LoggedOut),
        ];
        assert_eq!(restored.agent_queue_states, states);
        assert_eq!(restored.agent_queue_since[&(alice, support)], after(2));
        let kept = Binding { user_agent: Some("Phone\u{fffd} 1.0".into()), ..full };
        assert_eq!(restored.bindings, [kept, binding("1001", contact, 3600)]);
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_users_of_phones_have_set_is_restored() {
    each_database("phones", async |place| {
        let change = |phone: &str, setting, value: Option<&str>| PhoneChange {
            phone: phone.to_owned(),
            setting,
            value: value.map(str::to_owned),
        };
        let running = place.open().await;
        let writer = &running.store.writer;
        writer.phone(change("1001", PhoneSetting::ForwardBusy, Some("1002")));
        writer.phone(change("1001", PhoneSetting::DoNotDisturb, Some("on")));
        writer.phone(change("1002", PhoneSetting::ForwardAlways, Some("+33140000000")));
        writer.flush().await;
        writer.phone(change("1001", PhoneSetting::ForwardBusy, Some("1003")));
        writer.phone(change("1001", PhoneSetting::DoNotDisturb, Some("")));
        writer.phone(change("1002", PhoneSetting::ForwardAlways, None));
        writer.flush().await;
        // The last word of one batch counts.
        writer.phone(change("1003", PhoneSetting::ForwardNoAnswer, Some("1001")));
        writer.phone(change("1003", PhoneSetting::ForwardNoAnswer, Some("1002")));
        // And what waits in the spool while the database is away comes with the rest.
        place.run("ALTER TABLE phone_settings RENAME TO hidden").await;
        writer.phone(change("1003", PhoneSetting::ForwardUnreachable, Some("1001")));
        writer.flush().await;
        place.run("ALTER TABLE hidden RENAME TO phone_settings").await;
        running.end().await;

        let running = place.open().await;
        let restored = running.store.reader.restore().await.unwrap();
        let expected = [
            change("1001", PhoneSetting::DoNotDisturb, Some("")),
            change("1001", PhoneSetting::ForwardBusy, Some("1003")),
            change("1003", PhoneSetting::ForwardNoAnswer, Some("1002")),
            change("1003", PhoneSetting::ForwardUnreachable, Some("1001")),
        ];
        assert_eq!(restored.phone_settings, expected);
        assert!(PhoneSetting::ALL.into_iter().all(|one| PhoneSetting::named(one.word()) == Some(one)));
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn call_detail_records_by_page_and_filter() {
    each_database("cdrs", async |place| {
        let running = place.open().await;
        let all: Vec<Cdr> = (0..25)
            .map(|number| Cdr {
                queue: (number % 2 == 0).then(|| QueueId::new("support")),
                agent: (number % 5 == 0).then(|| AgentId::new("alice")),
                ..cdr(number)
            })
            .collect();
        for cdr in &all {
            running.store.writer.fact(Fact::Cdr(Cdr { cause: "first".into(), ..cdr.clone() }));
        }
        for cdr in &all {
            running.store.writer.fact(Fact::Cdr(cdr.clone()));
        }
        running.store.writer.flush().await;

        let reader = &running.store.reader;
        let mut before = None;
        let mut pages = Vec::new();
        let mut listed = Vec::new();
        loop {
            let page = reader.cdrs(CdrPage { before, limit: 10, ..CdrPage::default() }).await.unwrap();
            pages.push(page.len());
            before = page.last().map(|cdr| cdr.call);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(pages, [10, 10, 5, 0]);
        let newest_first: Vec<Cdr> = all.iter().rev().cloned().collect();
        assert_eq!(listed, newest_first, "each call once, with its latest record");

        let numbers = async |page: CdrPage| -> Vec<i64> {
            let page = reader.cdrs(CdrPage { limit: 100, ..page }).await.unwrap();
            let seconds = |cdr: &Cdr| (cdr.started_at.as_micros() - morning().as_micros()) / 1_000_000;
            page.iter().map(seconds).collect()
        };
        let span = CdrPage { from: Some(after(3)), to: Some(after(6)), ..CdrPage::default() };
        assert_eq!(numbers(span.clone()).await, [5, 4, 3]);
        let support = Some(QueueId::new("support"));
        assert_eq!(numbers(CdrPage { queue: support.clone(), ..span }).await, [4]);
        let agent = Some(AgentId::new("alice"));
        assert_eq!(numbers(CdrPage { agent: agent.clone(), ..CdrPage::default() }).await, [20, 15, 10, 5, 0]);
        let both = CdrPage { agent, queue: support, before: Some(call(20)), ..CdrPage::default() };
        assert_eq!(numbers(both).await, [10, 0]);
        assert_eq!(reader.cdrs(CdrPage::default()).await.unwrap(), [], "a limit of nothing gives nothing");
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn the_wrap_up_reaches_the_record_of_its_call() {
    each_database("wrap-up", async |place| {
        let running = place.open().await;
        let writer = &running.store.writer;
        writer.fact(Fact::Cdr(cdr(1)));
        writer.fact(Fact::Cdr(cdr(2)));
        let second = Duration::from_secs(1);
        let done = QueueChange::Completed {
            agent: AgentId::new("alice"),
            talk: second,
            hold: Duration::ZERO,
            wrap_up: second * 7,
        };
        writer.fact(Fact::Queue(QueueEvent { call: Some(call(1)), ..event(20, 1, done) }));
        writer.flush().await;
        let page = CdrPage { limit: 10, ..CdrPage::default() };
        let cdrs = running.store.reader.cdrs(page).await.unwrap();
        let wrap_ups: Vec<_> = cdrs.iter().map(|cdr| (cdr.call, cdr.wrap_up)).collect();
        assert!(wrap_ups.contains(&(call(1), second * 7)), "{wrap_ups:?}");
        assert!(wrap_ups.contains(&(call(2), cdr(2).wrap_up)), "{wrap_ups:?}");
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_everything_waits_in_the_spool_and_then_comes_in_order_once() {
    each_database("away", async |place| {
        let facts = some_facts(3000);
        let running = place.open().await;
        let writer = &running.store.writer;
        facts[..10].iter().for_each(|fact| writer.fact(fact.clone()));
        writer.flush().await;
        assert_eq!(place.spooled_bytes(), 0, "a healthy database needs no spool");

        place.run("ALTER TABLE facts RENAME TO hidden").await;
        facts[10..2000].iter().for_each(|fact| writer.fact(fact.clone()));
        writer.binding(BindingChange::Set(binding("1001", "sip:1001@192.0.2.7", 600)));
        writer.flush().await;
        assert!(place.spooled_bytes() > 0);
        let stats = writer.stats();
        assert_eq!((stats.backlog, stats.spooled, stats.shed, stats.away), (1991, 1991, 0, true));
        assert!(!running.store.reader.healthy().await);

        place.run("ALTER TABLE hidden RENAME TO facts").await;
        facts[2000..].iter().for_each(|fact| writer.fact(fact.clone()));
        let writer = writer.clone();
        let reader = running.store.reader.clone();
        writer.close();
        let end = running.task.await.unwrap();
        assert_eq!(end, WriterEnd { written: 3001, left_in_spool: 0, lost: 0 });
        assert_eq!(place.spooled_bytes(), 0);
        assert_eq!((writer.backlog(), writer.stats().shed), (0, 0));
        assert!(reader.healthy().await);
        let log: Vec<Fact> = reader.facts_after(0, 9999).await.unwrap().into_iter().map(|(_, f)| f).collect();
        assert!(log == facts, "in order, exactly once");
        assert_eq!(reader.restore().await.unwrap().bindings.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_killed_switch_finds_its_spool_again() {
    each_database("killed", async |place| {
        let facts = some_facts(1200);
        let running = place.open().await;
        facts[..100].iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        running.store.writer.flush().await;
        place.run("ALTER TABLE facts RENAME TO hidden").await;
        facts[100..].iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        running.store.writer.flush().await;
        running.kill().await;
        place.run("ALTER TABLE hidden RENAME TO facts").await;

        // The crash tore the last line that was being written.
        let torn = std::fs::read_to_string(place.spool()).unwrap();
        std::fs::write(place.spool(), format!("{torn}{{\"writer\":\"01")).unwrap();
        let running = place.open().await;
        assert_eq!(place.spooled_bytes(), 0);
        let log = running.log().await;
        assert_eq!(log.len(), 2400, "all of them, and their closing facts");
        assert!(log[..1200] == facts);
        assert_eq!(running.end().await.lost, 0);
    })
    .await;
}

#[tokio::test]
async fn a_spool_that_was_written_but_not_emptied_is_not_written_again() {
    each_database("twice", async |place| {
        let facts = some_facts(700);
        let running = place.open().await;
        place.run("ALTER TABLE facts RENAME TO hidden").await;
        facts.iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        running.store.writer.flush().await;
        let spool = std::fs::read(place.spool()).unwrap();
        place.run("ALTER TABLE hidden RENAME TO facts").await;
        running.end().await;

        // As if the process had been killed between the commit and the emptying.
        std::fs::write(place.spool(), spool).unwrap();
        let running = place.open().await;
        let log = running.log().await;
        assert!(log[..700] == facts);
        assert_eq!(log.len(), 1400, "nothing twice but the closing facts");
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_that_hangs_stops_nobody() {
    each_database("hangs", async |place| {
        let facts = some_facts(300);
        let running = place.open().await;
        running.store.writer.flush().await;
        let mut other = place.link().await;
        other.begin().await.unwrap();
        match &other {
            Link::Postgres(_) => {
                other.execute("LOCK TABLE facts IN EXCLUSIVE MODE", Vec::new()).await.unwrap()
            }
            Link::Sqlite(_) => {}
        }
        facts.iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        running.store.writer.flush().await;
        assert!(place.spooled_bytes() > 0, "durable though the transaction waits");
        assert_eq!(running.log().await, []);
        other.roll_back().await.unwrap();
        let (reader, writer) = (running.store.reader.clone(), running.store.writer.clone());
        writer.close();
        running.task.await.unwrap();
        assert_eq!(reader.queue_events(morning()).await.unwrap().len(), 300);
        assert_eq!(place.spooled_bytes(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_stays_away_leaves_the_rest_for_the_next_run() {
    each_database("stays_away", async |place| {
        place.settings.close_max = Duration::from_millis(100);
        let facts = some_facts(50);
        let running = place.open().await;
        running.store.writer.flush().await;
        place.run("ALTER TABLE facts RENAME TO hidden").await;
        facts.iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        assert_eq!(running.end().await, WriterEnd { written: 0, left_in_spool: 50, lost: 0 });
        place.run("ALTER TABLE hidden RENAME TO facts").await;
        let running = place.open().await;
        assert!(running.log().await[..50] == facts);
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn beyond_its_bounds_it_sheds_and_counts_and_keeps_the_order() {
    each_database("bounds", async |place| {
        place.settings.channel_max = 8;
        place.settings.pending_max = 16;
        place.settings.spool_bytes_max = 4000;
        let running = place.open().await;
        let writer = running.store.writer.clone();
        writer.flush().await;
        place.run("ALTER TABLE facts RENAME TO hidden").await;
        let facts = some_facts(1000);
        for round in facts.chunks(5) {
            round.iter().for_each(|fact| writer.fact(fact.clone()));
            tokio::task::yield_now().await;
        }
        let stats = writer.stats();
        assert!(stats.shed > 0, "{stats:?}");
        assert_eq!(stats.backlog as u64 + stats.shed, 1000);
        // Channel, memory, what was taken at once beyond it, and the spool with some 250 bytes a fact.
        assert!(stats.backlog <= 8 + 16 + 8 + 20, "{stats:?}");
        assert!(place.spooled_bytes() <= 4000);
        place.run("ALTER TABLE hidden RENAME TO facts").await;
        let reader = running.store.reader.clone();
        writer.close();
        let end = running.task.await.unwrap();
        assert_eq!((end.written + end.lost, end.left_in_spool), (1000, 0));
        let log: Vec<Fact> = reader.facts_after(0, 9999).await.unwrap().into_iter().map(|(_, f)| f).collect();
        assert_eq!(log.len() as u64, end.written);
        let mut rest = facts.iter();
        assert!(log.iter().all(|fact| rest.any(|sent| sent == fact)), "in order, none twice");
    })
    .await;
}

#[tokio::test]
async fn what_the_database_refuses_does_not_hold_up_the_rest() {
    each_database("refused", async |place| {
        let running = place.open().await;
        running.store.writer.flush().await;
        place.run("CREATE UNIQUE INDEX poison ON facts (agent) WHERE agent = 'poison'").await;
        let facts: Vec<Fact> = ["a", "poison", "b", "poison", "c"]
            .iter()
            .map(|agent| agent_queue(1, agent, "support", QueueStatus::Ready))
            .collect();
        facts.iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        running.store.writer.flush().await;
        // On a slow machine an attempt may have counted as hung and its facts as spooled: wait until they are back.
        for _ in 0..1200 {
            if running.store.writer.backlog() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let stats = running.store.writer.stats();
        assert_eq!((stats.refused, stats.backlog, stats.written), (1, 0, 4));
        let kept: Vec<Fact> = [0, 1, 2, 4].map(|index: usize| facts[index].clone()).into();
        assert_eq!(running.log().await, kept);
        let rejected = std::fs::read_to_string(place.folder.join("spool.rejected")).unwrap();
        assert!(rejected.contains("poison") && rejected.lines().count() == 1, "{rejected}");
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_closed_writer_writes_all_that_it_took() {
    each_database("closed", async |place| {
        let running = place.open().await;
        let facts = some_facts(5000);
        facts.iter().for_each(|fact| running.store.writer.fact(fact.clone()));
        let (writer, reader) = (running.store.writer.clone(), running.store.reader.clone());
        writer.close();
        let end = running.task.await.unwrap();
        assert_eq!(end, WriterEnd { written: 5000, left_in_spool: 0, lost: 0 });
        assert_eq!(reader.queue_events(morning()).await.unwrap().len(), 5000);
        writer.flush().await;
        writer.fact(facts[0].clone());
        assert_eq!((writer.stats().shed, writer.backlog()), (1, 0), "too late is counted");
    })
    .await;
}

#[tokio::test]
async fn a_database_in_memory_needs_no_file() {
    let settings = Settings { clock: Clock::manual(morning()), ..Settings::default() };
    let (store, task) = open_with("sqlite::memory:", None, settings.clone()).await.unwrap();
    let (other, _task) = open_with("sqlite::memory:", None, settings).await.unwrap();
    let task = tokio::spawn(task.run());
    every_fact().into_iter().for_each(|fact| store.writer.fact(fact));
    store.writer.flush().await;
    assert_eq!(store.reader.facts_after(0, 1000).await.unwrap().len(), every_fact().len());
    assert_eq!(other.reader.facts_after(0, 1000).await.unwrap(), [], "each has its own");
    store.writer.close();
    task.await.unwrap();
}

#[tokio::test]
async fn errors_say_what_why_and_how_to_mend() {
    let place = Place::new("errors");
    let check = async |url: &str, wanted: &[&str]| {
        let error = open_with(url, None, Settings::default()).await.map(|_| ()).unwrap_err().to_string();
        assert!(wanted.iter().all(|words| error.contains(words)), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    };
    let folder = place.folder.join("missing");
    let url = format!("sqlite:{}/x.db", folder.display());
    let why = format!("cannot open {url}: the directory {} does not exist; create it", folder.display());
    check(&url, &[&why, "or change [store] url"]).await;
    check("mysql://localhost/x", &["[store] url", "write sqlite:FILE or postgres://"]).await;
    check(
        "postgres://strowger:hunter2@127.0.0.1:1/strowger",
        &["cannot open postgres://127.0.0.1:1/strowger", "start PostgreSQL"],
    )
    .await;
    check("postgres://strowger:hunter2@127.0.0.1:none/x", &["write [store] url as"]).await;
    std::fs::write(place.folder.join("strowger.db"), "[sip]\n".repeat(1000)).unwrap();
    check(&place.url, &["another program's file"]).await;
}

#[tokio::test]
async fn a_spool_belongs_to_one_process() {
    let place = Place::new("lock");
    let running = place.open().await;
    let second = open_with(&place.url, Some(place.spool()), place.settings.clone()).await;
    assert!(matches!(second.map(|_| ()), Err(StoreError::Spool { .. })));
    running.end().await;
    place.open().await.end().await;
}

#[tokio::test]
async fn tables_of_a_newer_release_are_left_alone() {
    each_database("newer", async |place| {
        place.open().await.end().await;
        place.run("UPDATE _sqlx_migrations SET version = 999 WHERE version = 2").await;
        let error = open_with(&place.url, None, place.settings.clone()).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("a newer release made them"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_database_file_that_was_removed_is_noticed() {
    let place = Place::new("removed");
    let running = place.open().await;
    assert!(running.store.reader.healthy().await);
    std::fs::remove_file(place.folder.join("strowger.db")).unwrap();
    assert!(!running.store.reader.healthy().await);
    running.end().await;
}
