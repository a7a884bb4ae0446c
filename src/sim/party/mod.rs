//! A simulated phone without I/O: registers, calls, is called, speaks and listens.
//!
//! ```text
//! Input  = a SIP message | an order | time        RTP goes beside it: hear(), speak()
//! Output = a SIP message to send | an event
//! ```
//! One party has one SIP address and any number of calls and accounts, so that the same code is a desk phone, a
//! carrier's trunk and the whole far side of a load test. It decides nothing: whether to answer is in the orders of a
//! [`crate::sim::script::Script`]. Everything ends: a call has a longest duration, an untreated one is refused.

mod account;
mod call;
mod called;
mod caller;
mod in_dialog;
mod register;

pub use crate::sim::lines::Batch;
pub use crate::sim::lines::Datagrams;
pub use crate::sim::lines::Traffic;
pub use account::Registration;
pub use call::CallKey;
pub use call::CallReport;
pub use call::End;

use crate::clock::Instant;
use crate::ids::Random;
pub use crate::sdp::Codec;
use crate::sim::hearing::Ears;
use crate::sim::hearing::Hearing;
use crate::sim::lines::Lines;
use crate::sim::voice::Voice;
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::Effect;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::EndpointSettings;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use account::Account;
use bytes::Bytes;
use call::Call;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a party is told once.
#[derive(Clone, Debug)]
pub struct PartySettings {
    /// Its SIP address.
    pub sip: SocketAddr,
    /// Its RTP addresses, one for each socket; calls share them.
    pub rtp: Vec<SocketAddr>,
    /// Where its requests outside of a dialog go.
    pub server: SocketAddr,
    /// The host of its addresses of record, and of numbers that it calls.
    pub domain: String,
    /// In its order of preference.
    pub codecs: Vec<Codec>,
    /// How closely it listens.
    pub ears: Ears,
    /// The tones that it knows, in Hz; multiples of 50.
    pub tones_hz: Arc<[u32]>,
    /// Calls at once; a further one is refused as busy.
    pub calls_max: usize,
    /// The longest that any call may take, ringing included; then it is ended.
    pub call_longest: Duration,
}

/// What happens to a party.
#[derive(Clone, Debug)]
pub enum Input {
    /// A datagram on its SIP socket.
    Sip {
        /// The sender.
        from: SocketAddr,
        /// The datagram.
        bytes: Bytes,
    },
    /// Its script wants something.
    Order(Order),
    /// [`Party::poll_timeout`] has come.
    Timeout,
}

/// What a script may want of a party.
#[derive(Clone, Debug)]
pub enum Order {
    /// Register an account, and keep it registered.
    Register(Box<Registration>),
    /// End an account's registration.
    Unregister(u64),
    /// Call somebody.
    Call(Box<CallOrder>),
    /// What to do with a call that came in.
    Treat(CallKey, Treatment),
    /// End a call, whatever its state: CANCEL, a refusal or BYE.
    HangUp(CallKey),
}

/// A call to place.
#[derive(Clone, Debug)]
pub struct CallOrder {
    /// The script's number for it, unique among the live ones of the party.
    pub label: u64,
    /// The calling number.
    pub from: String,
    /// The number to call, or a whole `sip:` URI.
    pub to: String,
    /// Whom to call as, when the server wants digest authentication.
    pub login: Option<(String, String)>,
    /// What to say once it is answered.
    pub voice: Voice,
    /// How long to let it ring.
    pub ring_longest: Duration,
    /// Hang up so long after the answer; `None` leaves it to the script or the peer.
    pub talk: Option<Duration>,
}

/// What to do with a call that came in.
#[derive(Clone, Debug)]
pub struct Treatment {
    /// Ring (180) after so long; `None` does not ring.
    pub ring_after: Option<Duration>,
    /// And then.
    pub then: Reaction,
    /// What to say once it is answered.
    pub voice: Voice,
    /// Hang up so long after the answer.
    pub talk: Option<Duration>,
}

/// How a ringing call goes on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Answer so long after the INVITE.
    Answer(Duration),
    /// Refuse with this status (486, 603, …) so long after the INVITE.
    Refuse(u16, Duration),
    /// Ring until the caller gives up.
    Ignore,
}

/// What a party has to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// A registration succeeded or was refreshed.
    Registered {
        /// The account's label.
        label: u64,
        /// From the first REGISTER to the 200.
        took: Duration,
    },
    /// A registration ended as was wanted.
    Unregistered {
        /// The account's label.
        label: u64,
    },
    /// A registration was refused, or nobody answered (408). It is tried again if it is to be kept.
    RegistrationFailed {
        /// The account's label.
        label: u64,
        /// The status code.
        code: u16,
    },
    /// A call came in: [`Order::Treat`] it.
    Invited {
        /// The call.
        call: CallKey,
        /// The calling number.
        from: String,
        /// The number called.
        to: String,
    },
    /// A call that we placed rings (or its progress is told).
    Ringing {
        /// The call.
        call: CallKey,
        /// 180, 183, …
        code: u16,
    },
    /// A call was answered, by us or by the peer.
    Answered {
        /// The call.
        call: CallKey,
        /// From the INVITE on.
        took: Duration,
    },
    /// A call is over.
    Ended(Box<CallReport>),
}

/// What a party wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this on the SIP socket.
    Send {
        /// To whom.
        to: SocketAddr,
        /// A whole message.
        bytes: Bytes,
    },
    /// Tell the script.
    Event(Event),
}

/// Whose timer it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Ring(CallKey),
    React(CallKey),
    HangUp(CallKey),
    Register(u64),
}

/// What a client transaction of ours is for; travels through the endpoint as a number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Invite(CallKey),
    Bye(CallKey),
    Register(u64),
}

impl Purpose {
    fn to_user(self) -> u64 {
        match self {
            Self::Invite(call) => call.0 << 2,
            Self::Bye(call) => call.0 << 2 | 1,
            Self::Register(label) => label << 2 | 2,
        }
    }

    fn of_user(user: u64) -> Option<Self> {
        match user & 3 {
            0 => Some(Self::Invite(CallKey(user >> 2))),
            1 => Some(Self::Bye(CallKey(user >> 2))),
            2 => Some(Self::Register(user >> 2)),
            _ => None,
        }
    }
}

/// One party.
#[derive(Debug)]
pub struct Party {
    settings: PartySettings,
    sent_by: Vec<u8>,
    endpoint: Endpoint,
    random: Random,
    calls: BTreeMap<CallKey, Call>,
    by_dialog: HashMap<DialogId, CallKey>,
    by_server_tx: HashMap<ServerTx, CallKey>,
    received: u64,
    accounts: BTreeMap<u64, Account>,
    timers: BTreeSet<(Instant, Timer)>,
    lines: Lines,
    effects: Vec<Effect>,
    events: Vec<Event>,
}

impl Party {
    /// A party without calls. What it draws comes from `random`, so that a run replays from its seed.
    pub fn new(settings: PartySettings, mut random: Random) -> Self {
        let endpoint = Endpoint::new(EndpointSettings::default(), random.fork());
        let lines = Lines::new(settings.rtp.len(), settings.ears, Arc::clone(&settings.tones_hz));
        Self {
            sent_by: settings.sip.to_string().into_bytes(),
            settings,
            endpoint,
            random,
            calls: BTreeMap::new(),
            by_dialog: HashMap::new(),
            by_server_tx: HashMap::new(),
            received: 0,
            accounts: BTreeMap::new(),
            timers: BTreeSet::new(),
            lines,
            effects: Vec::new(),
            events: Vec::new(),
        }
    }

    /// One input; its outputs are to be carried out before the next.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Sip { from, bytes } => {
                let flow = self.flow(from);
                self.endpoint.receive(now, flow, bytes, &mut self.effects);
            }
            Input::Order(order) => self.obey(now, order),
            Input::Timeout => {
                self.endpoint.timeout(now, &mut self.effects);
                while let Some((_, timer)) = self.timers.pop_first_due(now) {
                    self.timer(now, timer);
                }
            }
        }
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.effect(now, effect, out);
            }
        }
        out.extend(self.events.drain(..).map(Output::Event));
    }

    /// When [`Input::Timeout`] is to be given next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mine = self.timers.first().map(|(at, _)| *at);
        [mine, self.endpoint.poll_timeout()].into_iter().flatten().min()
    }

    /// A datagram on the RTP socket of that number.
    pub fn hear(&mut self, now: Instant, socket: usize, from: SocketAddr, bytes: &[u8]) {
        self.lines.hear(now, socket, from, bytes);
    }

    /// Writes down the RTP packets that are due.
    pub fn speak(&mut self, now: Instant, out: &mut Datagrams) {
        self.lines.speak(now, out);
    }

    /// When [`Party::speak`] is to be called next.
    pub fn poll_speak(&self) -> Option<Instant> {
        self.lines.poll_timeout()
    }

    /// Its addresses.
    pub fn settings(&self) -> &PartySettings {
        &self.settings
    }

    /// Calls that are not over.
    pub fn calls_live(&self) -> usize {
        self.calls.len()
    }

    /// The RTP of all its calls so far.
    pub fn traffic(&self) -> &Traffic {
        self.lines.traffic()
    }

    /// What was heard in a live call so far.
    pub fn hearing(&self, call: CallKey) -> Option<Hearing> {
        self.lines.line(call.0).map(|line| line.ear.hearing())
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Register(registration) => self.start_account(now, *registration),
            Order::Unregister(label) => self.unregister(now, label),
            Order::Call(order) => self.place(now, *order),
            Order::Treat(call, treatment) => self.treat(now, call, treatment),
            Order::HangUp(call) => self.leave(now, call),
        }
    }

    fn timer(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Ring(call) => self.ring(now, call),
            Timer::React(call) => self.react(now, call),
            Timer::HangUp(call) => self.leave(now, call),
            Timer::Register(label) => self.register(now, label),
        }
    }

    fn effect(&mut self, now: Instant, effect: Effect, out: &mut Vec<Output>) {
        match effect {
            Effect::Send { flow, bytes } => out.push(Output::Send { to: flow.remote, bytes }),
            Effect::Request { tx, message, flow } => self.requested(now, tx, &message, flow),
            Effect::Ack { tx, message, .. } => self.acknowledged(now, tx, &message),
            Effect::Cancelled { tx, .. } => self.cancelled(now, tx),
            Effect::AckMissing { tx } => self.ack_missing(now, tx),
            Effect::Response { tx, user, message } => match Purpose::of_user(user) {
                Some(Purpose::Invite(call)) => self.invite_response(now, call, tx, &message),
                Some(Purpose::Bye(call)) => self.bye_response(now, call, message.status().unwrap_or(0)),
                Some(Purpose::Register(label)) => self.register_response(now, label, &message),
                None => {}
            },
            Effect::Timeout { user, .. } => self.unanswered(now, user, 408, End::TimedOut),
            Effect::Unreachable { user, .. } => self.unanswered(now, user, 503, End::Unreachable),
            // It was answered if it could be; the counter of the endpoint has it. And whoever answers a simulated
            // caller so late gives up by himself.
            Effect::Malformed { .. } | Effect::LateAnswer { .. } => {}
        }
    }

    /// A request of ours found no final answer.
    fn unanswered(&mut self, now: Instant, user: u64, code: u16, end: End) {
        match Purpose::of_user(user) {
            Some(Purpose::Invite(call)) => self.finish(now, call, code, end),
            Some(Purpose::Bye(call)) => self.finish(now, call, code, End::ByeUnanswered),
            Some(Purpose::Register(label)) => self.register_failed(now, label, code),
            None => {}
        }
    }

    fn requested(&mut self, now: Instant, tx: ServerTx, message: &Message, flow: Flow) {
        if message.to().ok().and_then(|to| to.tag()).is_some() {
            self.requested_in_dialog(now, tx, message, flow);
            return;
        }
        if message.method() == Method::Invite {
            self.invited(now, tx, message, flow);
        } else {
            self.requested_outside(now, tx, message);
        }
    }

    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.settings.sip, remote, connection: 0 }
    }
}

/// Timers in order of time.
trait Due {
    fn pop_first_due(&mut self, now: Instant) -> Option<(Instant, Timer)>;
}

impl Due for BTreeSet<(Instant, Timer)> {
    fn pop_first_due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        self.first().filter(|(at, _)| *at <= now)?;
        self.pop_first()
    }
}
