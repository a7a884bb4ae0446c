//! A switch and a store from fixtures: two queues, three agents, three calls; it keeps the actions that it was asked for.

use crate::clock::Clock;
use crate::clock::Wall;
use crate::http::BoxFuture;
use crate::http::CdrQuery;
use crate::http::KeySpec;
use crate::http::Keys;
use crate::http::Limits;
use crate::http::Rate;
use crate::http::Records;
use crate::http::Scope;
use crate::http::Secret;
use crate::http::State;
use crate::http::serve;
use crate::http::tests::client::Ask;
use crate::http::tests::client::Reply;
use crate::ids::*;
use crate::metrics::Metrics;
use crate::record::*;
use crate::recording;
use crate::recording::Archive;
use crate::recording::Folder;
use crate::recording::Recorder;
use crate::switch::action::*;
use crate::switch::handle::Ends;
use crate::switch::handle::Handle;
use crate::switch::handle::Request;
use crate::switch::view::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NOW: &str = "2026-11-22T09:00:00Z";

pub(crate) fn wall(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

pub(crate) fn call_id(number: u128) -> CallUid {
    CallUid::from_u128(number)
}

pub(crate) fn agent(id: &str, queues: &[&str]) -> AgentView {
    let since = wall(NOW);
    let ready = |id: &&str| AgentQueueView { id: QueueId::new(id), status: QueueStatus::Ready, since };
    AgentView {
        id: AgentId::new(id),
        name: format!("{id} <b>"),
        phone: match id {
            "alice" => "1001",
            "bruno" => "1002",
            _ => "1003",
        }
        .to_string(),
        status: AgentStatus::Ready,
        reason: None,
        since,
        pending: None,
        queues: queues.iter().map(ready).collect(),
        offer: None,
        call: None,
        wrap_up_ends_at: None,
    }
}

pub(crate) fn queue(id: &str, members: &[&str]) -> QueueView {
    QueueView {
        id: QueueId::new(id),
        name: id.to_string(),
        waiting: 2,
        callbacks_pending: 1,
        longest_wait: Duration::from_millis(41_200),
        agents: AgentCounts { logged_in: 3, ready: 1, talking: 1, paused: 1, ..AgentCounts::default() },
        average_handle: Some(Duration::from_secs(182)),
        today: TodayCounts {
            entered: 120,
            handled: 96,
            abandoned: 12,
            pending: 5,
            evicted_customer: 1,
            evicted_system: 4,
            evicted_user: 0,
            timed_out: 3,
        },
        service_level: ServiceLevels { a: Some(0.912_345), b: Some(1.0), c: None, d: Some(f64::NAN) },
        unbalanced: 0,
        members: members.iter().map(|id| AgentId::new(id)).collect(),
    }
}

pub(crate) fn caller(number: u128) -> CallerView {
    CallerView {
        id: EntryUid::from_u128(number),
        kind: EntryKind::Call,
        call: Some(call_id(1)),
        number: "+33140000001".to_string(),
        name: None,
        priority: 0,
        entered_at: wall(NOW),
        waited: Duration::from_micros(41_200_400),
        position: 1,
        estimated_wait: Some(Duration::from_secs(60)),
        why: "no agent ready".to_string(),
    }
}

pub(crate) fn offer(number: u128, agent: &str, queue: &str) -> OfferView {
    OfferView {
        id: OfferUid::from_u128(number),
        agent: AgentId::new(agent),
        kind: OfferKind::InboundQueue,
        queue: QueueId::new(queue),
        number: "+33140000001".to_string(),
        name: Some("Zoë \"<script>\"".to_string()),
        state: OfferState::Pending,
        created_at: wall(NOW),
        call: Some(call_id(1)),
    }
}

pub(crate) fn call(number: u128, agent: Option<&str>, queue: Option<&str>) -> CallView {
    let leg = |id, role| LegView {
        id,
        party: "+33140000001".to_string(),
        role,
        state: LegState::Up,
        codec: Some("pcma".to_string()),
    };
    CallView {
        id: call_id(number),
        state: CallState::Talking,
        direction: Direction::Inbound,
        from: "+33140000001".to_string(),
        to: "600".to_string(),
        queue: queue.map(QueueId::new),
        agent: agent.map(AgentId::new),
        started_at: wall(NOW),
        answered_at: Some(wall(NOW)),
        ended_at: None,
        legs: vec![leg(1, LegRole::Caller), leg(2, LegRole::Agent)],
        recording: RecordingState::Off,
        timeline: vec![(wall(NOW), "answered".to_string())],
    }
}

pub(crate) fn registration(number: &str) -> RegistrationView {
    RegistrationView {
        number: number.to_string(),
        contact: format!("sip:{number}@192.0.2.7"),
        flow: "udp:192.0.2.7:5060".to_string(),
        user_agent: None,
        registered_at: wall(NOW),
        expires_at: wall("2026-11-22T10:00:00Z"),
    }
}

pub(crate) fn cdr(number: u128, agent: Option<&str>, queue: Option<&str>) -> Cdr {
    Cdr {
        call: call_id(number),
        from: "+33140000001".to_string(),
        to: "600".to_string(),
        started_at: wall(NOW),
        answered_at: None,
        ended_at: wall("2026-11-22T09:01:00Z"),
        outcome: CdrOutcome::NoAnswer,
        cause: "normal".to_string(),
        queue: queue.map(QueueId::new),
        agent: agent.map(AgentId::new),
        wait: Duration::from_millis(1500),
        talk: Duration::from_secs(60),
        hold: Duration::ZERO,
        wrap_up: Duration::ZERO,
    }
}

/// What the fake switch and the fake store know.
pub(crate) struct World {
    pub(crate) agents: Vec<AgentView>,
    pub(crate) queues: Vec<QueueView>,
    pub(crate) offers: Vec<OfferView>,
    pub(crate) calls: Vec<CallView>,
    pub(crate) registrations: Vec<RegistrationView>,
    pub(crate) sequence: u64,
    pub(crate) actions: Vec<Action>,
    pub(crate) cdrs: Vec<Cdr>,
    pub(crate) queries: Vec<CdrQuery>,
    pub(crate) store_is_up: bool,
    /// Requests are taken and never answered.
    pub(crate) is_mute: bool,
    unanswered: Vec<Request>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            agents: vec![
                agent("alice", &["support"]),
                agent("bruno", &["support", "sales"]),
                agent("carla", &["sales"]),
            ],
            queues: vec![queue("support", &["alice", "bruno"]), queue("sales", &["bruno", "carla"])],
            offers: vec![offer(1, "alice", "support"), offer(2, "carla", "sales")],
            calls: vec![
                call(1, Some("alice"), Some("support")),
                call(2, Some("carla"), Some("sales")),
                call(3, None, None),
            ],
            registrations: vec![registration("1001"), registration("1003")],
            sequence: 100,
            actions: Vec::new(),
            cdrs: Vec::new(),
            queries: Vec::new(),
            store_is_up: true,
            is_mute: false,
            unanswered: Vec::new(),
        }
    }
}

fn missing<T>(what: &'static str, id: impl ToString) -> Result<T, Refusal> {
    Err(Refusal::NotFound { what, id: id.to_string() })
}

impl World {
    fn answer(&self, question: Question) -> Result<Answer, Refusal> {
        Ok(match question {
            Question::Agents => Answer::Agents(self.agents.clone()),
            Question::Agent(id) => match self.agents.iter().find(|view| view.id == id) {
                Some(view) => Answer::Agent(Box::new(view.clone())),
                None => return missing("agent", id),
            },
            Question::Queues => Answer::Queues(self.queues.clone()),
            Question::Queue(id) => match self.queues.iter().find(|view| view.id == id) {
                Some(view) => Answer::Queue(Box::new(view.clone())),
                None => return missing("queue", id),
            },
            Question::Callers(id) if self.queues.iter().any(|view| view.id == id) => {
                Answer::Callers(vec![caller(1)])
            }
            Question::Callers(id) => return missing("queue", id),
            Question::Offers => Answer::Offers(self.offers.clone()),
            Question::Offer(id) => match self.offers.iter().find(|view| view.id == id) {
                Some(view) => Answer::Offer(view.clone()),
                None => return missing("offer", id),
            },
            Question::Calls => Answer::Calls(self.calls.clone()),
            Question::Call(id) => match self.calls.iter().find(|view| view.id == id) {
                Some(view) => Answer::Call(Box::new(view.clone())),
                None => return missing("call", id),
            },
            Question::Registrations => Answer::Registrations(self.registrations.clone()),
            Question::Trunks => Answer::Trunks(vec![TrunkView {
                id: "carrier".to_string(),
                kind: "ip".to_string(),
                calls: 1,
                max_calls: 30,
                up: true,
                registered: None,
                targets: Vec::new(),
            }]),
            Question::Trace(_) => Answer::Trace(Vec::new()),
            Question::Snapshot => Answer::Snapshot(Box::new(Snapshot {
                sequence: self.sequence,
                agents: self.agents.clone(),
                queues: self.queues.clone(),
                offers: self.offers.clone(),
                calls: self.calls.clone(),
            })),
            Question::Gauges => Answer::Gauges(Box::new(Gauges {
                queues: self.queues.clone(),
                agents: vec![(AgentStatus::Ready, 3)],
                registrations: vec![("udp", 2)],
                calls: vec![("inbound", "talking", 3)],
                subscriptions: vec![("dialog", 4)],
                draining: false,
            })),
        })
    }

    fn act(&mut self, action: Action) -> Result<Done, Refusal> {
        self.actions.push(action.clone());
        Ok(match action {
            Action::SetAgentStatus { agent, status, .. } => {
                if status == (QueueStatus::Paused { reason: Some("sieste".to_string()) }) {
                    let detail = "there is no such pause reason".to_string();
                    return Err(Refusal::Invalid { field: "reason", detail });
                }
                let Some(view) = self.agents.iter().find(|view| view.id == agent) else {
                    return missing("agent", agent);
                };
                let pending = (view.status == AgentStatus::Talking).then_some(status);
                Done::Agent(Box::new(AgentView { pending, ..view.clone() }))
            }
            Action::EndWrapUp { agent, .. } => {
                let view =
                    self.agents.iter().find(|view| view.id == agent).expect("the API asked for him first");
                if view.status != AgentStatus::WrapUp {
                    let detail = "the agent is not in wrap-up".to_string();
                    return Err(Refusal::Conflict { code: "not_in_wrap_up", detail });
                }
                Done::Agent(Box::new(view.clone()))
            }
            Action::MoveCaller { caller: id, .. } if id == caller(1).id => Done::Caller(caller(1)),
            Action::RemoveCaller { caller: id, .. } if id == caller(1).id => Done::Removed,
            Action::MoveCaller { caller, .. } | Action::RemoveCaller { caller, .. } => {
                return missing("caller", caller);
            }
            Action::AcceptOffer(id) => self.end_offer(id, OfferState::Accepted)?,
            Action::RejectOffer(id) => self.end_offer(id, OfferState::Rejected)?,
            Action::SetPhone { phone, .. } => return missing("phone", phone),
            Action::Record { call, what, .. } => {
                let view =
                    self.calls.iter_mut().find(|view| view.id == call).expect("the API asked for it first");
                view.recording = match what {
                    RecordingAction::Start | RecordingAction::Resume => RecordingState::On,
                    RecordingAction::Pause => RecordingState::Paused,
                    RecordingAction::Stop => RecordingState::Off,
                };
                Done::Call(Box::new(view.clone()))
            }

            Action::HangUp { call, .. } | Action::Parties { call, .. } => {
                let view =
                    self.calls.iter_mut().find(|view| view.id == call).expect("the API asked for it first");
                view.state = CallState::Ended;
                Done::Call(Box::new(view.clone()))
            }
        })
    }

    fn end_offer(&mut self, id: OfferUid, state: OfferState) -> Result<Done, Refusal> {
        let view = self.offers.iter_mut().find(|view| view.id == id).expect("the API asked for it first");
        if view.state != OfferState::Pending {
            let detail = "the offer is not pending".to_string();
            return Err(Refusal::Conflict { code: "offer_not_pending", detail });
        }
        view.state = state;
        Ok(Done::Offer(view.clone()))
    }
}

type Shared = Arc<Mutex<World>>;

async fn play(world: Shared, mut ends: Ends) {
    while let Some(request) = ends.requests.recv().await {
        let mut world = world.lock().unwrap();
        if world.is_mute {
            world.unanswered.push(request);
            continue;
        }
        // A client that went away does not matter to the switch.
        match request {
            Request::Act(action, to) => drop(to.send(world.act(action))),
            Request::Ask(question, to) => drop(to.send(world.answer(question))),
            Request::Drain => {}
        }
    }
}

struct FakeStore(Shared);

impl Records for FakeStore {
    fn cdrs(&self, query: CdrQuery) -> BoxFuture<'_, Result<Vec<Cdr>, String>> {
        let mut world = self.0.lock().unwrap();
        world.queries.push(query.clone());
        let result = if world.store_is_up { Ok(world.read(&query)) } else { Err("disk on fire".to_string()) };
        Box::pin(async { result })
    }

    fn healthy(&self) -> BoxFuture<'_, bool> {
        let is_up = self.0.lock().unwrap().store_is_up;
        Box::pin(async move { is_up })
    }
}

impl World {
    fn read(&self, query: &CdrQuery) -> Vec<Cdr> {
        let mut cdrs = self.cdrs.clone();
        cdrs.sort_by_key(|cdr| std::cmp::Reverse(cdr.call));
        cdrs.retain(|cdr| query.before.is_none_or(|before| cdr.call < before));
        cdrs.retain(|cdr| query.queue.is_none() || cdr.queue == query.queue);
        cdrs.retain(|cdr| query.agent.is_none() || cdr.agent == query.agent);
        cdrs.retain(|cdr| query.from.is_none_or(|from| cdr.started_at >= from));
        cdrs.retain(|cdr| query.to.is_none_or(|to| cdr.started_at < to));
        cdrs.truncate(query.limit as usize);
        cdrs
    }
}

/// The keys of the tests; the secret is the id.
pub(crate) fn key(id: &str, scopes: &[Scope], agent: Option<&str>, queues: Option<&[&str]>) -> KeySpec {
    KeySpec {
        id: ApiKeyId::new(id),
        secret: Secret::Text(id.to_string()),
        scopes: scopes.to_vec(),
        agent: agent.map(AgentId::new),
        queues: queues.map(|queues| queues.iter().map(|id| QueueId::new(id)).collect()),
    }
}

/// `ops` may everything, `agent-alice` is hers alone, `alice-all` has every scope but her narrowing, `support-all`
/// every scope within the queue, `only-<scope>` one scope each.
pub(crate) fn keys() -> Vec<KeySpec> {
    let mut keys = vec![
        key("ops", Scope::ALL, None, None),
        key("agent-alice", &[Scope::AgentSelf], Some("alice"), None),
        key("alice-all", Scope::ALL, Some("alice"), None),
        key("support-all", Scope::ALL, None, Some(&["support"])),
        key("bruno-support", Scope::ALL, Some("bruno"), Some(&["support"])),
        key("nothing", &[], None, None),
    ];
    for scope in Scope::ALL {
        let agent = (*scope == Scope::AgentSelf).then_some("alice");
        keys.push(key(&format!("only-{}", scope.as_str()), &[*scope], agent, None));
    }
    keys
}

/// The usual limits without a rate: the clock of a test stands still.
pub(crate) fn unlimited() -> Limits {
    Limits { rate: Rate { per_second: 0, burst: 0 }, ..Limits::default() }
}

/// A running server with everything that a test turns.
pub(crate) struct Bench {
    pub(crate) server: SocketAddr,
    pub(crate) world: Shared,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) metrics: Metrics,
    notices: broadcast::Sender<crate::switch::handle::Notices>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
    pub(crate) switch: JoinHandle<()>,
    _recorder: Recorder,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(unlimited(), true).await
    }

    pub(crate) async fn with(limits: Limits, loopback_metrics: bool) -> Self {
        Self::over(Folder::new("/nonexistent"), limits, loopback_metrics).await
    }

    /// With those recordings.
    pub(crate) async fn over(folder: Folder, limits: Limits, loopback_metrics: bool) -> Self {
        let world = Shared::default();
        let (handle, ends) = Handle::new();
        let notices = ends.notices.clone();
        let switch = tokio::spawn(play(Arc::clone(&world), ends));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let metrics = Metrics::new();
        let settings = recording::Settings { free_bytes_min: 0, keep_days: None };
        let disk = Box::new(folder.clone());
        let recorder = Recorder::start(disk, settings, metrics, Clock::manual(wall(NOW)), drop).unwrap();
        let state = State {
            switch: handle,
            records: Arc::new(FakeStore(Arc::clone(&world))),
            recordings: Archive::new(folder.clone(), recorder.door()),
            metrics: Metrics::new(),
            keys: Keys::new(keys()),
            clock: Clock::manual(wall(NOW)),
            draining: Arc::default(),
            loopback_metrics,
            limits,
        };
        let (clock, keys, draining) = (state.clock.clone(), state.keys.clone(), Arc::clone(&state.draining));
        let metrics = state.metrics.clone();
        let served = tokio::spawn(serve(listener, state, async {
            let _ = stopped.await;
        }));
        Self {
            server,
            world,
            clock,
            keys,
            draining,
            metrics,
            notices,
            stop: Some(stop),
            served,
            switch,
            _recorder: recorder,
        }
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Reply {
        ask.send(self.server).await
    }

    /// A GET with a key.
    pub(crate) async fn get(&self, path: &str, key: &str) -> Reply {
        self.ask(Ask::new("GET", path).key(key)).await
    }

    pub(crate) fn last_action(&self) -> Option<Action> {
        self.world.lock().unwrap().actions.last().cloned()
    }

    pub(crate) fn actions(&self) -> usize {
        self.world.lock().unwrap().actions.len()
    }

    /// The switch tells that something changed; gives the notice's sequence.
    pub(crate) fn tell(&self, kind: &'static str, subject: Subject) -> u64 {
        let mut world = self.world.lock().unwrap();
        world.sequence += 1;
        let sequence = world.sequence;
        let notice = Notice { sequence, at: wall(NOW), kind, subject };
        self.notices.send(Arc::from([Arc::new(notice)])).expect("the server watches");
        sequence
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().expect("stopped once").send(());
        self.served.await.unwrap().unwrap();
    }
}
