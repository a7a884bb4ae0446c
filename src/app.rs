//! The composition root: builds threads, tasks and channels, and ends them in order.
//!
//! ```text
//! main ── signals            sip thread ── core, sockets, timers       media threads ── RTP
//! api thread ── HTTP, store's writer
//! ```
//! Started from the leaves (store, media) to the root (signalling), stopped the other way round, so that the last
//! record is written after the last call has ended.

use crate::clock::Clock;
use crate::clock::Wall;
use crate::config;
use crate::config::Config;
use crate::http;
use crate::ids::Random;
use crate::media;
use crate::media::Media;
use crate::media::MediaError;
use crate::media::Sounds;
use crate::media::SoundsError;
use crate::metrics::Metrics;
use crate::net;
use crate::net::NetError;
use crate::net::connections;
use crate::net::connections::Listener;
use crate::net::tls::Files;
use crate::net::tls::Tls;
use crate::net::tls::TlsError;
use crate::net::udp::Udp;
use crate::record::Cdr;
use crate::recording;
use crate::recording::Archive;
use crate::recording::Door;
use crate::recording::Folder;
use crate::recording::Recorder;
use crate::recording::Report;
use crate::sip::endpoint::Transport;
use crate::store;
use crate::store::Restored;
use crate::store::StoreError;
use crate::switch::addresses::Addresses;
use crate::switch::core::Core;
use crate::switch::handle::Ends;
use crate::switch::handle::Handle;
use crate::switch::shard;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Why the switch did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be opened.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The certificate or its key can't be used.
    #[error("[tls]: {0}")]
    Tls(#[from] TlsError),
    /// The database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Prompts or music could not be read.
    #[error(transparent)]
    Sounds(#[from] SoundsError),
    /// The media workers could not be started.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The system gave no thread, runtime or entropy.
    #[error("the system refused a basic service: {0}")]
    System(#[from] std::io::Error),
    /// A thread ended before it was ready.
    #[error("a thread of the switch ended while it was starting; its log line says why")]
    Lost,
}

/// Events of the media workers that may wait for the signalling thread.
const MEDIA_EVENTS_MAX: usize = 65_536;
/// Reports of the recorder that may wait for the signalling thread.
const REPORTS_MAX: usize = 4096;
/// How long the last records may take to reach the database at the end.
const LAST_RECORDS_MAX: Duration = Duration::from_secs(10);

/// A certificate that ends within so many seconds is warned of: time enough to renew it by hand.
const EXPIRES_SOON_SECONDS: i64 = 14 * 86_400;

/// A running switch.
pub struct Running {
    /// What listens where, by protocol.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// The API's door, for those in the same process.
    pub handle: Handle,
    /// The log's reader.
    pub reader: store::Reader,
    sip: JoinHandle<()>,
    stop_sip: oneshot::Sender<Duration>,
    api: JoinHandle<()>,
    stop_api: oneshot::Sender<()>,
    media: Arc<Media>,
    recorder: Recorder,
    draining: Arc<AtomicBool>,
}

/// What the API thread gives back once it is up.
struct ApiReady {
    store: store::Store,
    restored: Restored,
    address: SocketAddr,
}

/// Starts the switch; it is ready when this returns.
///
/// # Errors
/// Something that it needs can't be had; nothing keeps running then.
pub fn start(config: Config, clock: &Clock) -> Result<Running, StartError> {
    let config = Arc::new(config);
    let sounds = Sounds::load(&config.sounds.directory, config.sounds.language.as_str())?
        .with_tones(config.media.tones);
    let metrics = Metrics::new();
    let folder = Folder::new(&config.store.recordings);
    let (reports_tx, reports) = tokio::sync::mpsc::channel(REPORTS_MAX);
    let settings = recorder_settings(&config);
    let recorder =
        Recorder::start(Box::new(folder.clone()), settings, metrics.clone(), clock.clone(), move |report| {
            // Full means that the signalling thread is stuck; the manifest has it all the same.
            let _ = reports_tx.try_send(report);
        })?;
    let (handle, ends) = Handle::new();
    let draining = Arc::new(AtomicBool::new(false));
    let (stop_api, api_stopped) = oneshot::channel();
    let (api_ready, api_is_ready) = sync_channel(1);
    let api = Api {
        config: Arc::clone(&config),
        clock: clock.clone(),
        metrics: metrics.clone(),
        recordings: Archive::new(folder, recorder.door()),
        handle: handle.clone(),
        draining: Arc::clone(&draining),
        ready: api_ready,
        stop: api_stopped,
    };
    let api = std::thread::Builder::new().name("api".into()).spawn(move || api.run())?;
    let ready = received(&api_is_ready)?;

    let (events, media_events) = tokio::sync::mpsc::channel(MEDIA_EVENTS_MAX);
    let taps = Arc::new(recorder.door());
    let media = Media::start_tapped(media_settings(&config, sounds)?, clock.clone(), taps, move |event| {
        // Full means that the signalling thread is stuck; to wait for it would stop the audio as well.
        let _ = events.try_send(event);
    })?;
    let media = Arc::new(media);
    let (stop_sip, sip_stopped) = oneshot::channel();
    let (sip_ready, sip_is_ready) = sync_channel(1);
    let sip = Sip {
        config: Arc::clone(&config),
        clock: clock.clone(),
        metrics,
        media: Arc::clone(&media),
        media_events,
        recorder: recorder.door(),
        reports,
        writer: ready.store.writer.clone(),
        restored: ready.restored,
        ends,
        ready: sip_ready,
        stop: sip_stopped,
    };
    let sip = std::thread::Builder::new().name("sip".into()).spawn(move || sip.run())?;
    let mut addresses = received(&sip_is_ready)?;
    addresses.push(("http", ready.address));
    Ok(Running {
        addresses,
        handle,
        reader: ready.store.reader,
        sip,
        stop_sip,
        api,
        stop_api,
        media,
        recorder,
        draining,
    })
}

impl Running {
    /// Takes no new calls, waits at most `drain` for the live ones, ends them, writes the last records.
    pub fn stop(self, drain: Duration) {
        self.draining.store(true, Ordering::Relaxed);
        let _ = self.stop_sip.send(drain);
        if self.sip.join().is_err() {
            tracing::error!("the signalling thread ended by a fault of this program; please report it");
        }
        if let Some(media) = Arc::into_inner(self.media) {
            media.stop();
        }
        // After the workers, so that the last second of every recording is in it.
        drop(self.recorder);
        let _ = self.stop_api.send(());
        if self.api.join().is_err() {
            tracing::error!("the API thread ended by a fault of this program; please report it");
        }
    }
}

/// A thread's word that it is up; its own error when it could not be.
fn received<T>(ready: &Receiver<Result<T, StartError>>) -> Result<T, StartError> {
    ready.recv().map_err(|_| StartError::Lost)?
}

fn media_settings(config: &Config, sounds: Sounds) -> std::io::Result<media::Settings> {
    Ok(media::Settings {
        address: config.media.address,
        sockets: media_sockets(config.media.sockets),
        ports: config.media.ports.first..=config.media.ports.last,
        // As many as there are processors but one, which is left to signalling.
        workers: 0,
        sounds,
        automatic_level: config.media.automatic_level,
        busy_percent_max: config.limits.media_busy_percent,
        entropy: entropy()?,
    })
}

fn recorder_settings(config: &Config) -> recording::Settings {
    recording::Settings {
        free_bytes_min: u64::from(config.store.recordings_min_free_mb) * 1_000_000,
        keep_days: (config.store.recordings_keep_days > 0).then_some(config.store.recordings_keep_days),
    }
}

const fn media_sockets(sockets: config::Sockets) -> media::Sockets {
    match sockets {
        config::Sockets::Auto => media::Sockets::Auto,
        config::Sockets::Each => media::Sockets::Each,
        config::Sockets::Shared => media::Sockets::Shared,
    }
}

/// 32 bytes of the system's entropy.
fn entropy() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

struct Api {
    config: Arc<Config>,
    clock: Clock,
    metrics: Metrics,
    recordings: Archive,
    handle: Handle,
    draining: Arc<AtomicBool>,
    ready: SyncSender<Result<ApiReady, StartError>>,
    stop: oneshot::Receiver<()>,
}

impl Api {
    fn run(self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(self.ready.send(Err(error.into()))),
        };
        runtime.block_on(self.serve());
    }

    async fn serve(self) {
        let opened = open(&self.config).await;
        let (ready, task, listener) = match opened {
            Ok(opened) => opened,
            Err(error) => return drop(self.ready.send(Err(error))),
        };
        let writer = ready.store.writer.clone();
        let state = http::State {
            switch: self.handle,
            records: Arc::new(Records(ready.store.reader.clone())),
            recordings: self.recordings,
            metrics: self.metrics,
            keys: http_keys(&self.config),
            clock: self.clock,
            draining: self.draining,
            loopback_metrics: true,
            limits: http::Limits::default(),
        };
        let writing = tokio::spawn(task.run());
        if self.ready.send(Ok(ready)).is_err() {
            return;
        }
        let stop = self.stop;
        let stopped = async move { drop(stop.await) };
        if let Err(error) = http::serve(listener, state, stopped).await {
            tracing::error!(%error, "the HTTP server has ended");
        }
        writer.close();
        if tokio::time::timeout(LAST_RECORDS_MAX, writing).await.is_err() {
            tracing::error!("the last records did not reach the database in time; they are in the spool");
        }
    }
}

type Opened = (ApiReady, store::WriterTask, tokio::net::TcpListener);

async fn open(config: &Config) -> Result<Opened, StartError> {
    let address = config.http.listen;
    let listener = tokio::net::TcpListener::bind(address).await.map_err(|source| NetError::Bind {
        protocol: "HTTP",
        address,
        section: "http",
        source,
    })?;
    let url = config.store.url.as_str();
    let (store, task) = store::open(url, spool(url)).await?;
    let restored = store.reader.restore().await?;
    let address = listener.local_addr()?;
    Ok((ApiReady { store, restored, address }, task, listener))
}

/// Where facts wait while the database is away: beside the database's file, else in the working directory.
fn spool(url: &str) -> Option<PathBuf> {
    match url.strip_prefix("sqlite:") {
        Some(path) if path.contains(":memory:") => None,
        Some(path) => Some(PathBuf::from(format!("{}.spool", path.trim_start_matches("//")))),
        None => Some(PathBuf::from("strowger.spool")),
    }
}

struct Sip {
    config: Arc<Config>,
    clock: Clock,
    metrics: Metrics,
    media: Arc<Media>,
    media_events: tokio::sync::mpsc::Receiver<media::Event>,
    recorder: Door,
    reports: tokio::sync::mpsc::Receiver<Report>,
    writer: store::Writer,
    restored: Restored,
    ends: Ends,
    ready: SyncSender<Result<Vec<(&'static str, SocketAddr)>, StartError>>,
    stop: oneshot::Receiver<Duration>,
}

impl Sip {
    fn run(self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(self.ready.send(Err(error.into()))),
        };
        runtime.block_on(self.serve());
    }

    async fn serve(self) {
        let sockets = match sockets(&self.config) {
            Ok(sockets) => sockets,
            Err(error) => return drop(self.ready.send(Err(error))),
        };
        let seed = match entropy() {
            Ok(seed) => seed,
            Err(error) => return drop(self.ready.send(Err(error.into()))),
        };
        let tls = match tls(&self.config, &self.metrics, self.clock.now().wall) {
            Ok(tls) => tls,
            Err(error) => return drop(self.ready.send(Err(error.into()))),
        };
        let addresses =
            Addresses::new(Arc::clone(&self.config), sockets.bound.clone(), net::default_address())
                .with_v6(net::default_address_v6());
        let core = Core::new(
            Arc::clone(&self.config),
            addresses,
            self.restored,
            Random::from_entropy(seed),
            self.metrics.clone(),
            self.clock.now(),
        );
        let parts = shard::Parts {
            core,
            clock: self.clock,
            udp: sockets.udp,
            listeners: sockets.listeners,
            connections: connections::Settings {
                tls,
                origins: self.config.sip.ws_origins.clone(),
                metrics: self.metrics.clone(),
                ..connections::Settings::default()
            },
            media: self.media,
            media_events: self.media_events,
            recorder: self.recorder,
            reports: self.reports,
            writer: self.writer,
            ends: self.ends,
            metrics: self.metrics,
        };
        let named = sockets.bound.iter().map(|(transport, address)| (named(*transport), *address));
        if self.ready.send(Ok(named.collect())).is_ok() {
            shard::run(parts, self.stop).await;
        }
    }
}

/// The listener's name for people.
const fn named(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "sip/udp",
        Transport::Tcp => "sip/tcp",
        Transport::Tls => "sip/tls",
        Transport::Ws => "sip/ws",
        Transport::Wss => "sip/wss",
    }
}

/// TLS, where anything needs it: a certificate of ours or a trunk over TLS.
fn tls(config: &Config, metrics: &Metrics, now: Wall) -> Result<Option<Tls>, TlsError> {
    let own = config.tls.as_ref();
    if own.is_none() && config.trunks.iter().all(|trunk| trunk.transport != config::Transport::Tls) {
        return Ok(None);
    }
    let files = Files {
        own: own.map(|own| (own.certificate.clone(), own.key.clone())),
        ca: own.and_then(|own| own.ca.clone()),
    };
    let tls = Tls::load(&files)?;
    if let (Some(own), Some(expires)) = (own, tls.expires()) {
        metrics.tls_certificate_expiry("tls", expires);
        let left = expires.saturating_sub(now.as_micros() / 1_000_000);
        let path = own.certificate.display();
        // Calls over UDP go on: that the certificate was forgotten must not end them at the next restart.
        if left <= 0 {
            tracing::error!(
                "the certificate {path} has expired: phones over TLS and browsers will refuse it; renew it"
            );
        } else if left < EXPIRES_SOON_SECONDS {
            tracing::warn!("the certificate {path} expires in {} days; renew it", left / 86_400);
        }
    }
    Ok(Some(tls))
}

struct Sockets {
    udp: Vec<Udp>,
    listeners: Vec<Listener>,
    bound: Vec<(Transport, SocketAddr)>,
}

fn sockets(config: &Config) -> Result<Sockets, StartError> {
    let mut sockets = Sockets { udp: Vec::new(), listeners: Vec::new(), bound: Vec::new() };
    for address in &config.sip.udp {
        let udp = Udp::bind(*address)?;
        sockets.bound.push((Transport::Udp, udp.local()));
        sockets.udp.push(udp);
    }
    let sip = &config.sip;
    let others = [
        (Transport::Tcp, &sip.tcp),
        (Transport::Tls, &sip.tls),
        (Transport::Ws, &sip.ws),
        (Transport::Wss, &sip.wss),
    ];
    for (transport, addresses) in others {
        for address in addresses {
            let listener = Listener::bind(transport, *address)?;
            sockets.bound.push((transport, listener.local()));
            sockets.listeners.push(listener);
        }
    }
    Ok(sockets)
}

/// The store's records for the API: the one place where the two meet.
struct Records(store::Reader);

impl http::Records for Records {
    fn cdrs(&self, query: http::CdrQuery) -> http::BoxFuture<'_, Result<Vec<Cdr>, String>> {
        let http::CdrQuery { before, limit, from, to, queue, agent } = query;
        let page = store::CdrPage { before, limit, from, to, queue, agent };
        Box::pin(async move { self.0.cdrs(page).await.map_err(|error| error.to_string()) })
    }

    fn healthy(&self) -> http::BoxFuture<'_, bool> {
        Box::pin(self.0.healthy())
    }
}

/// The API keys of the configuration.
fn http_keys(config: &Config) -> http::Keys {
    let spec = |key: &config::ApiKey| {
        let secret = key.secret.clone();
        http::KeySpec {
            id: key.id.clone(),
            secret: http::Secret::Check(Arc::new(move |presented: &str| secret.matches(presented))),
            scopes: key.scopes.iter().filter_map(|scope| http::Scope::parse(scope.as_str())).collect(),
            agent: key.agent.clone(),
            queues: key.queues.clone(),
        }
    };
    http::Keys::new(config.api_keys.iter().map(spec).collect())
}
