//! A switch's core on a clock of the test's own: inputs in, everything that comes out kept.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use strowger::clock::{Instant, Now, Wall};
use strowger::config;
use strowger::ids::Random;
use strowger::media::Event as MediaEvent;
use strowger::metrics::Metrics;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::Restored;
use strowger::switch::addresses::Addresses;
use strowger::switch::core::{Core, Input, Output};

/// Where the switch listens.
pub const SWITCH: &str = "10.0.0.1:5060";
/// The same on IPv6.
pub const SWITCH_V6: &str = "[2001:db8::f:1]:5060";
/// The first of its media ports, all of which one worker has.
pub const MEDIA_PORT_FIRST: u16 = 20_000;

/// The wall clock at instant zero: a Tuesday morning in a year without surprises.
const EPOCH: &str = "2026-11-24T09:00:00Z";

/// A core and its clock.
pub struct Exchange {
    pub core: Core,
    pub metrics: Metrics,
    pub now: Instant,
}

/// The wall clock of an instant.
pub fn wall(at: Instant) -> Wall {
    let epoch = Wall::parse(EPOCH).expect("the epoch is a date");
    Wall::from_micros(
        epoch.as_micros() + i64::try_from(at.as_micros()).expect("a test ends before 292,000 years"),
    )
}

/// A configuration from its text.
pub fn configuration(text: &str) -> Arc<config::Config> {
    match config::parse("test.toml", text, &|_| None) {
        Ok(loaded) => Arc::new(loaded.config),
        Err(faults) => panic!("the test's configuration is wrong: {faults:?}"),
    }
}

impl Exchange {
    /// A fresh switch at instant `start`, with `ports` media ports.
    pub fn new(text: &str, restored: Restored, seed: u64, start: Instant, ports: u16) -> Self {
        let config = configuration(text);
        let bound = [
            (Transport::Udp, SWITCH),
            (Transport::Udp, SWITCH_V6),
            (Transport::Tcp, SWITCH),
            (Transport::Tcp, SWITCH_V6),
        ];
        let bound = bound.map(|(transport, address)| (transport, address.parse().expect("an address")));
        let default = SWITCH.parse::<std::net::SocketAddr>().expect("an address").ip();
        let addresses = Addresses::new(Arc::clone(&config), bound.to_vec(), default);
        let now = Now { instant: start, wall: wall(start) };
        let metrics = Metrics::new();
        let core = Core::new(config, addresses, restored, Random::seeded(seed), metrics.clone(), now);
        let mut exchange = Self { core, metrics, now: start };
        let ports = (0..ports).map(|index| MEDIA_PORT_FIRST + 2 * index).collect();
        exchange.input(Input::Media(MediaEvent::Ports { worker: 0, ports }));
        exchange
    }

    /// The figure on the metric's line that begins like that; 0 without one.
    pub fn metric(&self, line: &str) -> f64 {
        let text = self.metrics.render(None);
        let found = text.lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0.0)
    }

    /// Both clocks.
    pub fn both(&self) -> Now {
        Now { instant: self.now, wall: wall(self.now) }
    }

    /// One input; what came out.
    pub fn input(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        let now = self.both();
        self.core.handle(now, input, &mut out);
        out
    }

    /// A message that comes in; what is sent then.
    pub fn receive(&mut self, flow: Flow, bytes: &[u8]) -> Vec<(Flow, Bytes)> {
        sends(self.input(Input::Received { flow, bytes: Bytes::copy_from_slice(bytes) }))
    }

    /// Lets time pass, with every deadline at its moment; what is sent meanwhile.
    pub fn pass(&mut self, time: Duration) -> Vec<(Flow, Bytes)> {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            all.extend(sends(self.input(Input::Timeout)));
        }
        self.now = end;
        all
    }
}

/// What is to be sent among the outputs.
pub fn sends(outputs: Vec<Output>) -> Vec<(Flow, Bytes)> {
    let send = |output| match output {
        Output::Send { flow, bytes } => Some((flow, bytes)),
        _ => None,
    };
    outputs.into_iter().filter_map(send).collect()
}
