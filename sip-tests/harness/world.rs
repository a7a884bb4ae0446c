//! A world in one thread: the switch's core, its media engine, phones and carriers, and the network between them, all on
//! one virtual clock. It jumps from wake-up to wake-up; a run replays from its seed.
//!
//! After each input of the core the queues' books are checked; `finish` checks that nothing is left of anything.

use super::exchange::{Exchange, MEDIA_PORT_FIRST, SWITCH};
use super::names::Names;
use super::network::{Network, Packet, Quality};
use super::phone::{Phone, earlier};
use super::sound::{Sound, sounds};
use super::tape::Tape;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::ids::Random;
use strowger::media::outputs::{Channel, Outputs};
use strowger::media::session;
use strowger::media::{Command, Event};
use strowger::record::Fact;
use strowger::sip::endpoint::{Flow, Transport};
use strowger::store::{BindingChange, PhoneChange, Restored};
use strowger::switch::action::{Answer, Question};
use strowger::switch::core::{Input, Output};
use strowger::switch::tables::Tables;

/// How long a media port rests before it may be used again, as in the engine's pool.
const COOLING: Duration = Duration::from_secs(2);
/// Ports that the switch has.
const PORTS: u16 = 60;
/// The carrier, a trunk by address.
pub const CARRIER: &str = "192.0.2.77:5060";

/// Who stands where in these tests.
pub const CONFIGURATION: &str = include_str!("world.toml");

/// A phone of the world.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PhoneId(pub usize);

/// A call of a phone.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub phone: PhoneId,
    pub call: usize,
}

/// The world.
pub struct World {
    pub seed: u64,
    pub now: Instant,
    pub switch: Exchange,
    pub media: session::Core,
    pub tape: Tape,
    pub network: Network,
    pub names: Names,
    /// The kinds of the notices so far.
    pub notices: Vec<&'static str>,
    /// The names that peers' certificates must bear.
    pub peer_names: Vec<(SocketAddr, String)>,
    pub phones: Vec<Phone>,
    pub facts: Vec<Fact>,
    pub bindings: Vec<BindingChange>,
    pub phone_changes: Vec<PhoneChange>,
    /// Events of the media engine for the core, the ports apart.
    pub media_events: Vec<(Instant, Event)>,
    media_out: Outputs,
    cooling: VecDeque<(Instant, u16)>,
    ports: u16,
    pub(super) random: Random,
    pub(super) voices: Rc<Cell<usize>>,
    quality: Quality,
    /// Answers to junk may be as long as the junk.
    pub is_fed_junk: bool,
    inputs: u64,
}

impl World {
    pub fn new(quality: Quality, seed: u64) -> Self {
        Self::with(CONFIGURATION, quality, seed, Restored::default(), PORTS)
    }

    pub fn with(text: &str, quality: Quality, seed: u64, restored: Restored, ports: u16) -> Self {
        let now = Instant::from_micros(1_000_000);
        let mut random = Random::seeded(seed);
        let switch = Exchange::new(text, restored, seed ^ 0x5eed, now, ports);
        let media =
            session::Core::new(MEDIA_PORT_FIRST, u32::from(ports), sounds(), random.fork(), switch.both());
        let tape = Tape::new(switch.metrics.clone(), now);
        let mut world = Self {
            seed,
            now,
            tape,
            switch,
            media,
            network: Network::new(quality, random.fork()),
            names: Names::default(),
            notices: Vec::new(),
            peer_names: Vec::new(),
            phones: Vec::new(),
            facts: Vec::new(),
            bindings: Vec::new(),
            phone_changes: Vec::new(),
            media_events: Vec::new(),
            media_out: Outputs::default(),
            cooling: VecDeque::new(),
            ports,
            random,
            voices: Rc::default(),
            quality,
            is_fed_junk: false,
            inputs: 0,
        };
        // What the distributor has to say at its start comes with the first input.
        world.core(Input::Timeout);
        world
    }

    // --- time ---

    pub(super) fn next_at(&self) -> Option<Instant> {
        let mut next = earlier(self.switch.core.poll_timeout(), self.media.poll_timeout());
        next = earlier(next, self.network.next_at());
        next = earlier(next, self.names.next_at());
        next = earlier(next, self.tape.keeper.poll_timeout());
        next = earlier(next, self.cooling.front().map(|(at, _)| *at));
        for phone in &self.phones {
            next = earlier(next, phone.poll_timeout());
        }
        next
    }

    /// One wake-up at `now`.
    pub(super) fn step(&mut self) {
        self.switch.now = self.now;
        while let Some(packet) = self.network.take(self.now) {
            self.deliver(packet);
        }
        while let Some((question, answer)) = self.names.take(self.now) {
            self.core(Input::Resolved { question, answer });
        }
        if self.switch.core.poll_timeout().is_some_and(|at| at <= self.now) {
            self.core(Input::Timeout);
        }
        if self.media.poll_timeout().is_some_and(|at| at <= self.now) {
            let now = self.now;
            self.media.handle(now, session::Input::Tick, &mut self.media_out);
            self.drain_media();
        }
        for index in 0..self.phones.len() {
            if self.phones[index].poll_timeout().is_some_and(|at| at <= self.now) {
                self.phones[index].timeout(self.now);
                self.carry_phone(PhoneId(index));
            }
        }
        self.record();
        while self.cooling.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, port) = self.cooling.pop_front().expect("looked at");
            self.core(Input::Media(Event::Ports { worker: 0, ports: vec![port] }));
        }
    }

    /// Until it is so, for so long at most; whether it came to be.
    pub fn run_until(&mut self, longest: Duration, mut so: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + longest;
        loop {
            if so(self) {
                return true;
            }
            match self.next_at().filter(|at| *at <= end) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.step();
                }
                None => {
                    self.now = end;
                    self.switch.now = end;
                    return so(self);
                }
            }
        }
    }

    /// Until it is so, or the test fails.
    pub fn expect(&mut self, what: &str, longest: Duration, so: impl FnMut(&Self) -> bool) {
        if !self.run_until(longest + self.slack(), so) {
            self.fail(&format!("{what}: not within {longest:?}"));
        }
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// What a lost packet may cost before it is sent again.
    pub fn slack(&self) -> Duration {
        if self.quality.loss_percent == 0 { self.quality.delay_spread * 4 } else { Duration::from_secs(12) }
    }

    pub fn is_clean(&self) -> bool {
        self.quality == Quality::CLEAN
    }

    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        let mut story = String::new();
        for phone in &self.phones {
            story.push_str(&format!("\n  {} at {}:", phone.number, phone.sip));
            for (index, call) in phone.calls.iter().enumerate() {
                story.push_str(&format!(
                    "\n    call {index}: {:?} {:?} statuses {:?} told {:?} voice {} heard {:?}",
                    call.state,
                    call.why,
                    call.statuses.iter().map(|(_, status)| status).collect::<Vec<_>>(),
                    call.told,
                    call.voice_hz,
                    call.heard.stretches.iter().map(|one| (one.sound, one.packets)).collect::<Vec<_>>()
                ));
            }
            for (at, line) in phone.seen.iter().rev().take(8).rev() {
                story.push_str(&format!("\n      {:.3} {line}", at.as_micros() as f64 / 1e6));
            }
        }
        panic!(
            "seed {} at {:.3} s: {what}{story}\n  {:?}",
            self.seed,
            self.now.as_micros() as f64 / 1e6,
            self.tables()
        );
    }

    #[track_caller]
    pub fn check(&self, so: bool, what: &str) {
        if !so {
            self.fail(what);
        }
    }

    // --- between the parts ---

    pub fn deliver(&mut self, packet: Packet) {
        let switch: SocketAddr = SWITCH.parse().expect("an address");
        if packet.to == switch {
            let flow = Flow { transport: Transport::Udp, local: switch, remote: packet.from, connection: 0 };
            self.core(Input::Received { flow, bytes: packet.bytes });
        } else if packet.to.ip() == switch.ip() {
            let Some(offset) = packet.to.port().checked_sub(MEDIA_PORT_FIRST) else { return };
            let channel = if offset % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
            let input = session::Input::Packet {
                pair: u32::from(offset / 2),
                channel,
                from: packet.from,
                bytes: &packet.bytes,
            };
            self.media.handle(self.now, input, &mut self.media_out);
            self.drain_media();
        } else if let Some(index) = self.phones.iter().position(|phone| phone.ip() == packet.to.ip()) {
            self.phones[index].receive(self.now, &packet);
            self.carry_phone(PhoneId(index));
        }
    }

    /// One input of the core.
    pub fn core(&mut self, input: Input) {
        self.switch.now = self.now;
        let outputs = self.switch.input(input);
        self.carry_core(outputs);
        self.inputs += 1;
        // The books cost more than a message of junk does.
        if !self.is_fed_junk || self.inputs.is_multiple_of(64) {
            self.check_books();
        }
    }

    pub fn carry_core(&mut self, outputs: Vec<Output>) {
        let switch: SocketAddr = SWITCH.parse().expect("an address");
        for output in outputs {
            match output {
                Output::Send { flow, bytes } => {
                    self.check(
                        self.is_fed_junk || bytes.len() < 1300,
                        "a message over UDP is longer than 1300 bytes",
                    );
                    self.network.send(self.now, Packet { from: switch, to: flow.remote, bytes });
                }
                Output::Media { worker, command } => {
                    assert_eq!(worker, 0);
                    self.command(command);
                }
                Output::Recorder(now, order) => self.tape.keeper.order(now, order),
                Output::Fact(fact) => self.facts.push(fact),
                Output::Binding(change) => self.bindings.push(change),
                Output::Phone(change) => self.phone_changes.push(change),
                Output::Resolve(question) => self.names.ask(self.now, question),
                Output::PeerName { remote, name } => self.peer_names.push((remote, name)),
                Output::Notice(notice) => self.notices.push(notice.kind),
            }
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        self.media.handle(self.now, session::Input::Command(command), &mut self.media_out);
        self.drain_media();
    }

    pub(super) fn drain_media(&mut self) {
        let out = std::mem::take(&mut self.media_out);
        let host = SWITCH.parse::<SocketAddr>().expect("an address").ip();
        for send in &out.sends {
            let odd = u16::from(send.channel == Channel::Rtcp);
            let port = MEDIA_PORT_FIRST + 2 * u16::try_from(send.pair).expect("few ports") + odd;
            let packet = Packet {
                from: SocketAddr::new(host, port),
                to: send.to,
                bytes: Bytes::copy_from_slice(out.bytes(send)),
            };
            self.network.send(self.now, packet);
        }
        self.tape.keeper.block(&out.taps);
        for pair in &out.freed {
            let port = MEDIA_PORT_FIRST + 2 * u16::try_from(*pair).expect("few ports");
            self.cooling.push_back((self.now + COOLING, port));
        }
        for event in out.events {
            self.media_events.push((self.now, event.clone()));
            self.core(Input::Media(event));
        }
    }

    pub(super) fn carry_phone(&mut self, phone: PhoneId) {
        for packet in self.phones[phone.0].take_packets() {
            self.network.send(self.now, packet);
        }
    }

    // --- audio ---

    /// What a line says.
    pub fn voice(&self, line: Line) -> Sound {
        Sound::Tone(self.call(line).voice_hz)
    }

    /// From now on this line hears that sound, and nothing else but silence.
    pub fn hears(&mut self, line: Line, sound: Sound) {
        let settle = Duration::from_millis(if self.is_clean() { 60 } else { 400 });
        self.run(settle + self.quality.delay_spread);
        let from = self.now;
        self.run(Duration::from_millis(600));
        self.heard_since(line, sound, from);
    }

    /// Since that moment this line has heard that sound and no other.
    pub fn heard_since(&self, line: Line, sound: Sound, from: Instant) {
        let heard = &self.call(line).heard;
        let span = self.now.since(from);
        let time = heard.time_of(sound, from, self.now);
        let least = if sound == Sound::Silence { Duration::ZERO } else { span / 2 };
        let others: Vec<Sound> = heard
            .stretches
            .iter()
            .filter(|one| one.to >= from && one.sound != sound && one.sound != Sound::Silence)
            .map(|one| one.sound)
            .collect();
        if time < least || !others.is_empty() {
            self.fail(&format!(
                "{} call {} should hear {sound:?}, heard it for {time:?} of {span:?} and besides {others:?}",
                self.phones[line.phone.0].number, line.call
            ));
        }
    }

    /// Both hear each other, and nobody else.
    pub fn talk(&mut self, one: Line, other: Line) {
        let settle = Duration::from_millis(if self.is_clean() { 60 } else { 1500 });
        self.run(settle + self.quality.delay_spread);
        let from = self.now;
        self.run(Duration::from_millis(600));
        let (a, b) = (self.voice(one), self.voice(other));
        self.heard_since(one, b, from);
        self.heard_since(other, a, from);
    }

    // --- what always holds ---

    /// FEATURES E: "entered = waiting + the sum of all outcomes, at every instant".
    pub(super) fn check_books(&self) {
        let Ok(Answer::Queues(queues)) = self.switch.core.ask(self.switch.both(), Question::Queues) else {
            self.fail("queues can't be asked for");
        };
        for queue in queues {
            let today = queue.today;
            let left = today.handled
                + today.abandoned
                + today.pending
                + today.evicted_customer
                + today.evicted_system
                + today.evicted_user;
            if queue.unbalanced != 0 || today.entered != left + u64::from(queue.waiting) {
                self.fail(&format!("the books of {} don't balance: {queue:?}", queue.id));
            }
            let agents = queue.agents;
            let states = agents.ready
                + agents.ringing
                + agents.talking
                + agents.wrap_up
                + agents.paused
                + agents.unreachable;
            if states != agents.logged_in {
                self.fail(&format!("the agents of {} don't add up: {agents:?}", queue.id));
            }
        }
    }

    /// All hang up, and wait until they have.
    pub fn settle(mut self) -> Self {
        self.network.filter = None;
        let live = |world: &Self| world.phones.iter().map(Phone::live_calls).sum::<usize>();
        if live(&self) > 0 {
            for phone in 0..self.phones.len() {
                for call in 0..self.phones[phone].calls.len() {
                    self.hang_up(Line { phone: PhoneId(phone), call });
                }
            }
            self.run_until(Duration::from_secs(40), |world| live(world) == 0);
            self.check(live(&self) == 0, "a phone has a call that does not end");
        }
        self
    }

    /// The end of every test: all hang up, then nothing is left: no call, leg, dialog, transaction, media leg or
    /// port, neither here nor there; each call has one record.
    pub fn finish(mut self) {
        self = self.settle();
        self.run_until(Duration::from_secs(5), |world| world.tables().calls == 0);
        self.check(self.tables().calls == 0, "the switch has a call that does not end");
        // RFC 3261: a transaction lives for 64*T1 after its end, and may have begun with a late retransmission.
        self.run(Duration::from_secs(110));
        let none = Tables { ports_free: usize::from(self.ports), ..Tables::default() };
        self.check(self.tables() == none, "something is left in the switch's tables");
        self.check(self.tape.keeper.live() == 0, "a recording does not end");
        self.check(self.media.legs() == 0, "a media leg is left");
        let transactions: usize = self.phones.iter().map(Phone::transactions).sum();
        self.check(transactions == 0, "a phone waits for the end of a transaction");
        let Answer::Gauges(gauges) = self.ask(Question::Gauges) else { self.fail("no gauges") };
        self.check(gauges.calls.is_empty(), "the gauge of calls is not 0");
        let mut calls: Vec<_> = self.cdrs().iter().map(|cdr| cdr.call).collect();
        let count = calls.len();
        calls.sort();
        calls.dedup();
        self.check(calls.len() == count, "a call has two records");
    }
}
