//! Connections that we open: over TLS only to a peer who proves the expected name, over any transport one for many
//! messages, and never to a browser.

use super::Folder;
use crate::harness::certificate::Certificate;
use bytes::Bytes;
use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use strowger::net::Sink;
use strowger::net::connections::{Connections, Settings};
use strowger::net::tls::{Files, Tls};
use strowger::sip::endpoint::{Flow, Transport};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What the peer saw, and what the sink was told.
#[derive(Debug, PartialEq)]
enum Saw {
    Connection,
    Bytes(Vec<u8>),
}

struct Told {
    failed: RefCell<Vec<Flow>>,
    wake: tokio::sync::Notify,
}

impl Sink for Told {
    fn received(&self, _: Flow, _: Bytes) {}

    fn failed(&self, flow: Flow) {
        self.failed.borrow_mut().push(flow);
        self.wake.notify_one();
    }

    fn flush(&self) {}
}

/// A peer that takes connections over TLS and tells what comes.
async fn peer(certificate: &Certificate, saw: mpsc::Sender<Saw>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("an option");
    let listener = tokio::net::TcpListener::from_std(listener).expect("inside a runtime");
    let address = listener.local_addr().expect("it is bound");
    let acceptor = TlsAcceptor::from(certificate.server());
    tokio::task::spawn_local(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (acceptor, saw) = (acceptor.clone(), saw.clone());
            tokio::task::spawn_local(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = saw.send(Saw::Connection).await;
                let mut buffer = [0; 1000];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let _ = saw.send(Saw::Bytes(buffer[..length].to_vec())).await;
                }
            });
        }
    });
    address
}

fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tasks = tokio::task::LocalSet::new();
    let bounded = async { tokio::time::timeout(Duration::from_secs(20), test()).await };
    tasks.block_on(&runtime, bounded).expect("nothing takes so long");
}

fn flow(transport: Transport, remote: SocketAddr, connection: u64) -> Flow {
    Flow { transport, local: "127.0.0.1:5061".parse().expect("an address"), remote, connection }
}

fn told() -> Rc<Told> {
    Rc::new(Told { failed: RefCell::default(), wake: tokio::sync::Notify::new() })
}

/// Sends one message to a peer with these names under that expectation: whether it arrived.
fn arrives(names: &[&str], expected: Option<&str>, trusted: bool) -> bool {
    let folder = Folder::new();
    let certificate = Certificate::make(&folder.0, names);
    let ca = trusted.then(|| certificate.certificate.clone());
    let tls = Some(Tls::load(&Files { own: None, ca }).expect("the files are good"));
    let result = Arc::new(std::sync::Mutex::new(None));
    let kept = Arc::clone(&result);
    run(async move || {
        let (saw, mut seen) = mpsc::channel(16);
        let remote = peer(&certificate, saw).await;
        let connections = Rc::new(Connections::new(Settings { tls, ..Settings::default() }));
        let told = told();
        let sink: Rc<dyn Sink> = Rc::<Told>::clone(&told);
        if let Some(name) = expected {
            connections.expect_name(remote, name);
        }
        let way = flow(Transport::Tls, remote, 0);
        connections.send(way, Bytes::from_static(b"first"), &sink);
        connections.send(way, Bytes::from_static(b"second"), &sink);
        assert_eq!(connections.len(), 1, "what is sent meanwhile waits for the same connection");
        let arrived = tokio::select! {
            saw = seen.recv() => saw == Some(Saw::Connection),
            () = told.wake.notified() => false,
        };
        if arrived {
            let mut all = Vec::new();
            while all.len() < b"firstsecond".len() {
                match seen.recv().await {
                    Some(Saw::Bytes(bytes)) => all.extend(bytes),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(all, b"firstsecond", "in order");
        } else {
            let failed = told.failed.borrow();
            assert!(failed.len() == 1 && failed[0].covers(&way), "{failed:?}");
            assert!(connections.is_empty(), "nothing is left of it");
        }
        *kept.lock().expect("one thread") = Some(arrived);
    });
    let arrived = *result.lock().expect("one thread");
    arrived.expect("the test ran")
}

#[test]
fn a_peer_proves_the_name_or_the_address() {
    assert!(arrives(&["sip.carrier.example"], Some("sip.carrier.example"), true));
    assert!(arrives(&["127.0.0.1"], None, true));
    assert!(!arrives(&["sip.carrier.example"], Some("sip.other.example"), true), "another's certificate");
    assert!(!arrives(&["sip.carrier.example"], None, true), "no certificate for that address");
    assert!(!arrives(&["sip.carrier.example"], Some("sip.carrier.example"), false), "an unknown authority");
    assert!(!arrives(&["x"], Some("not a name"), true));
}

/// RFC 5923 section 8: one address, two names: what is for one never goes over the other's connection.
#[test]
fn a_connection_is_for_the_name_that_was_proved() {
    let folder = Folder::new();
    let certificate = Certificate::make(&folder.0, &["one.example", "two.example"]);
    let tls = Some(Tls::load(&Files { own: None, ca: Some(certificate.certificate.clone()) }).expect("good"));
    run(async move || {
        let (saw, mut seen) = mpsc::channel(16);
        let remote = peer(&certificate, saw).await;
        let connections = Rc::new(Connections::new(Settings { tls, ..Settings::default() }));
        let sink: Rc<dyn Sink> = told();
        let (mut opened, mut bytes) = (0, 0);
        for (name, connections_so_far) in [
            ("one.example", 1),
            ("one.example", 1),
            ("two.example", 2),
            ("two.example", 2),
            ("one.example", 3),
        ] {
            connections.expect_name(remote, name);
            connections.send(flow(Transport::Tls, remote, 0), Bytes::from_static(b"message"), &sink);
            let before = bytes;
            while bytes < before + b"message".len() {
                match seen.recv().await.expect("the peer lives") {
                    Saw::Connection => opened += 1,
                    Saw::Bytes(more) => bytes += more.len(),
                }
            }
            assert_eq!(opened, connections_so_far, "for {name}");
        }
    });
}

/// RFC 7118: a browser's connection that is gone can't be opened from here, and neither can a phone's of any transport.
#[test]
fn a_peer_that_connected_is_never_called_at_its_port() {
    run(async || {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let remote = listener.local_addr().expect("it is bound");
        let connections = Rc::new(Connections::new(Settings::default()));
        let told = told();
        let sink: Rc<dyn Sink> = Rc::<Told>::clone(&told);
        for way in [
            flow(Transport::Ws, remote, 0),
            flow(Transport::Wss, remote, 8),
            flow(Transport::Tcp, remote, 8),
            flow(Transport::Tls, remote, 8),
        ] {
            connections.send(way, Bytes::from_static(b"x"), &sink);
            told.wake.notified().await;
            assert_eq!(told.failed.borrow_mut().pop(), Some(way));
            assert!(connections.is_empty());
        }
        connections.send(flow(Transport::Tcp, remote, 0), Bytes::from_static(b"x"), &sink);
        assert!(listener.accept().await.is_ok(), "a peer by its address is");
    });
}
