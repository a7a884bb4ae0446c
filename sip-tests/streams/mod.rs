//! Connections of every kind to the transports: one core behind real listeners for TCP, TLS, WS and WSS, and clients that
//! send what they should not.

mod gruff;
mod inputs;
mod limits;
mod peers;

use crate::harness::certificate::Certificate;
use crate::harness::exchange::Exchange;
use crate::harness::shard::Shard;
use crate::harness::wire::Wire;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use strowger::clock::Instant;
use strowger::net::connections::{Limits, Settings};
use strowger::net::tls::{Files, Tls};
use strowger::sip::endpoint::Transport;
use strowger::store::Restored;

const KINDS: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

const CONFIGURATION: &str = r#"
[sip]
domain = "example.com"
udp = ["10.0.0.1:5060"]

[limits]
calls_per_second = 1000000
requests_per_second = 1000000

[[phone]]
number = "2001"
secret = "pw"
"#;

/// A folder of a test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("strowger-streams-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A switch behind listeners of every kind, in a thread of its own.
struct Server {
    addresses: Vec<(Transport, SocketAddr)>,
    certificate: Certificate,
    _stop: tokio::sync::oneshot::Sender<()>,
    _folder: Folder,
}

impl Server {
    fn start(limits: Limits, origins: &[&str]) -> Self {
        let folder = Folder::new();
        let certificate = Certificate::make(&folder.0, &["pbx.example.com", "127.0.0.1"]);
        let files = Files { own: Some((certificate.certificate.clone(), certificate.key.clone())), ca: None };
        let origins: Vec<String> = origins.iter().map(|one| (*one).to_owned()).collect();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let tls = Some(Tls::load(&files).expect("a certificate and its key"));
            let settings = Settings { limits, tls, origins, ..Settings::default() };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let shard = Shard::new(exchange(), settings);
                let addresses = KINDS.map(|kind| (kind, shard.listen(kind))).to_vec();
                ready.send(addresses).expect("the test waits");
                let _ = stopped.await;
            });
        });
        let addresses = is_ready.recv().expect("the server starts");
        Self { addresses, certificate, _stop: stop, _folder: folder }
    }

    fn address(&self, kind: Transport) -> SocketAddr {
        self.addresses.iter().find(|(one, _)| *one == kind).expect("each kind has a listener").1
    }

    #[track_caller]
    fn connect(&self, kind: Transport) -> Wire {
        Wire::connect(kind, self.address(kind), &self.certificate, "pbx.example.com").expect("a connection")
    }
}

fn exchange() -> Exchange {
    Exchange::new(CONFIGURATION, Restored::default(), 1, Instant::from_micros(1_000_000), 10)
}

/// An OPTIONS with these lines after its own, and what follows its head.
fn options(call_id: &str, lines: &str, rest: &[u8]) -> Vec<u8> {
    let head = format!(
        "OPTIONS sip:{call_id}@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call_id}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:{call_id}@example.com>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 OPTIONS\r\n{lines}\r\n"
    );
    [head.as_bytes(), rest].concat()
}
