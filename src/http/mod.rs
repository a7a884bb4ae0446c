//! The HTTP interface: the API under `/api/v1`, health, Prometheus' figures and the event stream.
//!
//! The only home of axum and of JSON bodies. It holds no state of the switch: every answer is asked from
//! [`Handle`], [`Records`] or [`Metrics`], so that no client can change anything but through them. Who may ask what
//! stands in `routes`. Not the web page, which only uses what is here.

mod api;
pub mod auth;
mod bucket;
mod csv;
mod dto;
mod events;
mod fields;
mod guarded;
mod idempotency;
mod openapi;
mod pipeline;
mod problem;
mod ring;
mod route;
mod routes;
mod scrape;
mod serve;
mod sight;
#[cfg(test)]
mod tests;

pub use auth::KeySpec;
pub use auth::Keys;
pub use auth::Scope;
pub use auth::Secret;
pub use bucket::Rate;

use crate::clock::Clock;
use crate::clock::Wall;
use crate::http::bucket::Buckets;
use crate::http::idempotency::Memory;
use crate::http::ring::Ring;
use crate::http::routes::ROUTES;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::metrics::Metrics;
use crate::metrics::Timing;
use crate::record::Cdr;
use crate::recording::Archive;
use crate::switch::handle::Handle;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::watch;

/// A result that comes later, without a type parameter in the trait.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which call records to read, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrQuery {
    /// Only records before this call: the last one of the page before.
    pub before: Option<CallUid>,
    /// At most so many.
    pub limit: u32,
    /// Only calls that started then or later.
    pub from: Option<Wall>,
    /// Only calls that started before.
    pub to: Option<Wall>,
    /// Only calls of this queue.
    pub queue: Option<QueueId>,
    /// Only calls of this agent.
    pub agent: Option<AgentId>,
}

/// What the API reads from the store: the composition root joins the two, so that no SQL is known here.
pub trait Records: Send + Sync {
    /// A page of call records, ordered by call id, the latest first. The error is for the log, in words.
    fn cdrs(&self, query: CdrQuery) -> BoxFuture<'_, Result<Vec<Cdr>, String>>;

    /// Whether the store answers.
    fn healthy(&self) -> BoxFuture<'_, bool>;
}

/// What bounds the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait in the listener's backlog.
    pub connections_max: usize,
    /// Event streams at once, out of the connections.
    pub streams_max: usize,
    /// Notices kept for event streams that resume.
    pub notices_max: usize,
    /// The largest body.
    pub body_bytes_max: usize,
    /// A request that is not answered by then gets 503.
    pub request_timeout: Duration,
    /// A connection that sends no whole header by then is closed, an idle one as well.
    pub header_timeout: Duration,
    /// A client that reads nothing for so long is dropped.
    pub write_stall: Duration,
    /// A comment on a silent event stream, so that proxies keep it open and a dead client is noticed.
    pub heartbeat: Duration,
    /// How long open requests may take after the server was told to stop.
    pub shutdown_within: Duration,
    /// How often each key may ask.
    pub rate: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            streams_max: 256,
            notices_max: 4096,
            body_bytes_max: 64 * 1024,
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            shutdown_within: Duration::from_secs(5),
            rate: Rate { per_second: 100, burst: 200 },
        }
    }
}

/// All that the server answers from.
#[derive(Clone)]
pub struct State {
    /// The switch.
    pub switch: Handle,
    /// The store's records.
    pub records: Arc<dyn Records>,
    /// The recordings.
    pub recordings: Archive,
    /// The figures.
    pub metrics: Metrics,
    /// The API keys; keep a clone to replace them on reload.
    pub keys: Keys,
    /// The clock.
    pub clock: Clock,
    /// Set while no new calls are taken: `/readyz` answers 503.
    pub draining: Arc<AtomicBool>,
    /// Whether `/metrics` is open to this machine. Not behind a proxy here, whose clients would all look local.
    pub loopback_metrics: bool,
    /// Its bounds.
    pub limits: Limits,
}

/// The state and what the server keeps beside it.
pub(crate) struct Shared {
    pub(crate) state: State,
    pub(crate) ring: Arc<Ring>,
    pub(crate) memory: Memory,
    pub(crate) buckets: Mutex<Buckets>,
    pub(crate) streams: Arc<Semaphore>,
    /// One for each route of the table, in its order; made at the route's first request.
    pub(crate) timings: Vec<OnceLock<Timing>>,
    /// Becomes true when the server stops.
    pub(crate) stop: watch::Sender<bool>,
}

/// Serves the API on `listener` until `shutdown`, then ends event streams, lets open requests finish for
/// [`Limits::shutdown_within`] and returns. A broken connection is not an error.
pub async fn serve(
    listener: TcpListener,
    state: State,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let notices = state.switch.watch();
    let ring = Arc::new(Ring::new(state.limits.notices_max));
    let feed = tokio::spawn(ring::feed(notices, Arc::clone(&ring)));
    let shared = Arc::new(Shared {
        ring,
        memory: Memory::default(),
        buckets: Mutex::new(Buckets::new(state.limits.rate)),
        streams: Arc::new(Semaphore::new(state.limits.streams_max)),
        timings: ROUTES.iter().map(|_| OnceLock::new()).collect(),
        stop: watch::Sender::new(false),
        state,
    });
    let router = router(&shared);
    let ended = serve::run(listener, shared, router, shutdown).await;
    feed.abort();
    ended
}

/// Each path of the table leads to the pipeline with its routes.
fn router(shared: &Arc<Shared>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for (place, route) in ROUTES.iter().enumerate() {
        paths.entry(route.path).or_default().push(place);
    }
    let mut router = Router::new().fallback(pipeline::unknown_path);
    for (path, places) in paths {
        let shared = Arc::clone(shared);
        let places: Arc<[usize]> = places.into();
        let entry =
            move |request: Request| pipeline::answer(Arc::clone(&shared), Arc::clone(&places), request);
        router = router.route(path, any(entry));
    }
    router
}
