//! The signalling thread in little: one core behind real listeners, in the runtime of the test.

use super::exchange::Exchange;
use bytes::Bytes;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use strowger::net::Sink;
use strowger::net::connections::{Connections, Listener, Settings};
use strowger::sip::endpoint::{Flow, Transport};
use strowger::switch::core::Input;

/// The thread.
pub struct Shard {
    exchange: RefCell<Exchange>,
    connections: Rc<Connections>,
    waiting: RefCell<Vec<(Flow, Bytes)>>,
    this: Weak<Self>,
}

impl Shard {
    pub fn new(exchange: Exchange, settings: Settings) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            exchange: RefCell::new(exchange),
            connections: Rc::new(Connections::new(settings)),
            waiting: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Takes connections of that kind from now on, inside a `LocalSet`; where.
    pub fn listen(&self, kind: Transport) -> SocketAddr {
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = Listener::bind(kind, any).expect("a free port");
        let local = listener.local();
        tokio::task::spawn_local(Rc::clone(&self.connections).accept(listener, self.sink()));
        local
    }

    fn sink(&self) -> Rc<dyn Sink> {
        self.this.upgrade().expect("the shard lives as long as its connections")
    }
}

impl Sink for Shard {
    fn received(&self, flow: Flow, bytes: Bytes) {
        let sent = self.exchange.borrow_mut().receive(flow, &bytes);
        self.waiting.borrow_mut().extend(sent);
    }

    fn failed(&self, flow: Flow) {
        self.exchange.borrow_mut().input(Input::FlowFailed(flow));
    }

    fn flush(&self) {
        let sink = self.sink();
        for (flow, bytes) in self.waiting.take() {
            self.connections.send(flow, bytes, &sink);
        }
    }
}
