//! The switch without its sockets: every datagram, timer, media event and API request goes in, everything to be
//! sent, started or stored comes out.
//!
//! `Core` is sans-IO, so that a whole switch with its phones runs in one thread on virtual time. It owns the
//! endpoint, the registrar, the calls and the distributor; they know nothing of each other and talk through here.

use crate::acd;
use crate::acd::Acd;
use crate::call;
use crate::call::Call;
use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Instant;
use crate::clock::Now;
use crate::config::Config;
use crate::dialplan::Dialplan;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::GroupId;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::ids::Random;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::RoomKey;
use crate::media::tap::TapKey;
use crate::metrics::Metrics;
use crate::metrics::labels::Side;
use crate::record::Fact;
use crate::record::QueueFold;
use crate::recording::Order;
use crate::recording::Report;
use crate::registrar::Registrar;
use crate::sip::dialog::DialogId;
use crate::sip::digest::Realm;
use crate::sip::digest::Replays;
use crate::sip::endpoint::Effect;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::endpoint::Transport;
use crate::sip::gruu::Gruu;
use crate::sip::stun;
use crate::store::BindingChange;
use crate::store::PhoneChange;
use crate::switch::addresses::Addresses;
use crate::switch::authenticate::Asking;
use crate::switch::board::Board;
use crate::switch::conferences::Conferences;
use crate::switch::counting::QueueCounters;
use crate::switch::counting::Seen;
use crate::switch::course::Course;
use crate::switch::fork::LateAnswers;
use crate::switch::forwarding::UserSettings;
use crate::switch::guard::Guard;
use crate::switch::leg::Leg;
use crate::switch::limiter::Limiter;
use crate::switch::passage::Passage;
use crate::switch::phone_workers::PhoneWorkers;
use crate::switch::port_stock::PortStock;
use crate::switch::recorder::Recorder;
use crate::switch::recording::CallRecording;
use crate::switch::refer::Referral;
use crate::switch::replaces::EndedDialogs;
use crate::switch::subscriptions::Subscriptions;
use crate::switch::toll::Toll;
use crate::switch::trunks::Trunks;
use crate::switch::view::CallState;
use crate::switch::view::Direction;
use crate::switch::view::LegView;
use crate::switch::view::Notice;
use crate::switch::views;
use crate::trunk::Answer;
use crate::trunk::Question;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the core is told.
#[derive(Debug)]
pub enum Input {
    /// A datagram, or one framed message of a stream.
    Received {
        /// From whom, by which way.
        flow: Flow,
        /// The bytes.
        bytes: Bytes,
    },
    /// The transport to that peer failed: ICMP error, connection refused or lost.
    FlowFailed(Flow),
    /// Word from a media worker.
    Media(MediaEvent),
    /// The media workers are too busy for new calls, or not any more.
    MediaBusy(bool),
    /// The DNS's answer to [`Output::Resolve`], or that there is none.
    Resolved {
        /// What was asked.
        question: Question,
        /// The answer.
        answer: Answer,
    },
    /// Word from the recorder.
    Recorder(Report),
    /// The time of [`Core::poll_timeout`] has come.
    Timeout,
}

/// What the core wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a SIP message.
    Send {
        /// To whom, by which way.
        flow: Flow,
        /// The bytes.
        bytes: Bytes,
    },
    /// Ask the DNS; the answer is [`Input::Resolved`].
    Resolve(Question),
    /// The certificate of the peer at this address must bear this name when a connection to it is opened over TLS
    /// (RFC 5922 section 4); it comes before the first message that is sent there. The last name counts; without one
    /// the certificate must bear the address.
    PeerName {
        /// The address, as in the flow of the messages to it.
        remote: SocketAddr,
        /// The DNS name by which the peer was found.
        name: String,
    },
    /// A command for a media worker.
    Media {
        /// Which worker.
        worker: usize,
        /// The command.
        command: MediaCommand,
    },
    /// An order for the recorder, given at that moment.
    Recorder(Now, Order),
    /// A line for the log.
    Fact(Fact),
    /// A registration to keep over a restart.
    Binding(BindingChange),
    /// What a phone's user has set, to keep over a restart.
    Phone(PhoneChange),
    /// A change for those who watch.
    Notice(Box<Notice>),
}

/// A call with what the switch knows of it.
#[derive(Debug)]
pub(crate) struct CallSlot {
    pub(crate) call: Call,
    pub(crate) direction: Direction,
    pub(crate) worker: usize,
    /// The caller as other parties see him.
    pub(crate) caller_name: Option<String>,
    /// Its entry in a queue, while it has one.
    pub(crate) entry: Option<EntryUid>,
    pub(crate) legs: BTreeSet<LegId>,
    /// Its way through the dial plan.
    pub(crate) course: Course,
    pub(crate) timeline: Vec<(crate::clock::Wall, String)>,
    pub(crate) armed: Option<Instant>,
    /// The transfer of a party, from its REFER on.
    pub(crate) referral: Option<Box<Referral>>,
    /// Its recordings.
    pub(crate) recording: CallRecording,
    /// Legs that are over, as the API shows them.
    pub(crate) ended_legs: Vec<LegView>,
    /// How far the caller's INVITE has come already.
    pub(crate) passage: Passage,
    /// The room that its parties hear, once there was need of one.
    pub(crate) room: Option<RoomKey>,
    /// The conference that it is in.
    pub(crate) conference: Option<String>,
    /// Why the party that ended it has done so, in its own words, for the other party.
    pub(crate) reason: Option<String>,
}

/// Work that one input has caused and that waits its turn, so that no part calls back into another.
#[derive(Debug)]
pub(crate) enum Work {
    /// For a call.
    Call(CallUid, call::Input),
    /// For the distributor.
    Acd(acd::Input),
}

/// The core. See the module's comment.
pub struct Core {
    pub(crate) config: Arc<Config>,
    pub(crate) dialplan: Dialplan,
    pub(crate) addresses: Addresses,
    pub(crate) realm: Realm,
    pub(crate) endpoint: Endpoint,
    pub(crate) registrar: Registrar<Flow>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) gruu: Gruu,
    /// The device that the request under way asks for by its GRUU.
    pub(crate) device: Option<String>,
    pub(crate) limiter: Limiter,
    pub(crate) guard: Guard,
    pub(crate) replays: Replays,
    /// What names without a password are compared with.
    pub(crate) decoy: [u8; 16],
    /// The request that is looked at.
    pub(crate) asking: Option<Asking>,
    pub(crate) toll: Toll,
    pub(crate) recorder: Recorder,
    pub(crate) trunks: Trunks,
    pub(crate) acd: Acd,
    pub(crate) folds: BTreeMap<QueueId, QueueFold>,
    pub(crate) calls: BTreeMap<CallUid, CallSlot>,
    pub(crate) call_timers: BTreeSet<(Instant, CallUid)>,
    /// When something is due on a leg: a re-INVITE's second try, a reliable response, the session's timer.
    pub(crate) leg_timers: BTreeSet<(Instant, LegId)>,
    /// The calls of the recordings that run.
    pub(crate) recordings: BTreeMap<TapKey, CallUid>,
    /// When pauses of recordings have to end.
    pub(crate) recording_timers: BTreeSet<(Instant, CallUid)>,
    pub(crate) legs: HashMap<LegId, Leg>,
    pub(crate) dialogs: HashMap<DialogId, LegId>,
    pub(crate) invites: HashMap<ServerTx, LegId>,
    /// Answers that came when their legs were gone.
    pub(crate) late_answers: LateAnswers,
    /// What the distributor was last told of each agent's phone.
    pub(crate) reachable: BTreeMap<AgentId, bool>,
    /// Calls of each agent's phone that are not of a queue.
    pub(crate) own_calls: BTreeMap<AgentId, u32>,
    pub(crate) agents_by_phone: BTreeMap<PhoneNumber, AgentId>,
    /// What users of phones have set.
    pub(crate) user_settings: UserSettings,
    /// How many calls each group had, for those that begin one further each time.
    pub(crate) group_turns: BTreeMap<GroupId, usize>,
    pub(crate) board: Board,
    pub(crate) ports: PortStock,
    pub(crate) conferences: Conferences,
    /// The media worker of each phone's calls, so that two of them can be joined.
    pub(crate) phone_workers: PhoneWorkers,
    /// Dialogs that have just ended, for whoever wants to replace one of them.
    pub(crate) ended_dialogs: EndedDialogs,
    /// Answered legs whose media is being closed, for the count of calls without audio.
    pub(crate) closing: HashMap<LegId, Side>,
    pub(crate) random: Random,
    pub(crate) metrics: Metrics,
    pub(crate) queue_counters: QueueCounters,
    pub(crate) seen: Seen,
    pub(crate) next_leg: u64,
    pub(crate) next_tap: u64,
    pub(crate) draining: bool,
    pub(crate) media_busy: bool,
    pub(crate) effects: Vec<Effect>,
    pub(crate) work: VecDeque<Work>,
    pub(crate) out: Vec<Output>,
    /// The call being worked on, which a panic would end.
    pub(crate) current: Option<CallUid>,
}

impl Core {
    /// One input; everything it causes is appended to `out`. A panic inside ends the call it came from.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        self.guarded(now, out, |core| core.dispatch(now, input));
    }

    /// When the core wants [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let call = self.call_timers.first().map(|(at, _)| *at);
        let leg = self.leg_timers.first().map(|(at, _)| *at);
        let pause = self.recording_timers.first().map(|(at, _)| *at);
        let times = [
            self.endpoint.poll_timeout(),
            self.acd.poll_timeout(),
            self.registrar.poll_timeout(),
            self.subscriptions.poll_timeout(),
            self.board.poll_timeout(),
            self.toll.poll_timeout(),
            self.trunks.poll_timeout(),
            call,
            leg,
            pause,
        ];
        times.into_iter().flatten().min()
    }

    /// Takes no new calls from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Live calls.
    pub fn calls_live(&self) -> usize {
        self.calls.len()
    }

    /// Ends every call: the drain's time is over.
    pub fn stop(&mut self, now: Now, out: &mut Vec<Output>) {
        self.draining = true;
        self.guarded(now, out, |core| {
            let calls: Vec<CallUid> = core.calls.keys().copied().collect();
            core.work.push_back(Work::Acd(acd::Input::Stop));
            core.run(now);
            for call in calls {
                core.tell(call, call::Input::HangUp(Cause::Shutdown));
                core.run(now);
            }
            core.leave_now(now);
            core.trunks_stop(now);
            core.dismiss_watches(now);
        });
    }

    /// Runs `body` with all it causes; DESIGN invariant 5: a panic ends one call, not the switch.
    pub(crate) fn guarded<T>(
        &mut self,
        now: Now,
        out: &mut Vec<Output>,
        body: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        std::mem::swap(&mut self.out, out);
        self.current = None;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = body(self);
            self.run(now);
            self.light_lamps(now);
            self.run(now);
            result
        }));
        if result.is_err() {
            self.abort_current(now);
        }
        self.flush_notices(now);
        std::mem::swap(&mut self.out, out);
        result.ok()
    }

    fn abort_current(&mut self, now: Now) {
        self.effects.clear();
        self.work.clear();
        let Some(call) = self.current.take() else { return };
        tracing::error!(call = %call, "a fault of this program ended the call; please report it");
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.tell(call, call::Input::HangUp(Cause::Fault));
            self.run(now);
        }));
        if ended.is_err() {
            self.effects.clear();
            self.work.clear();
            self.forget_call(now, call);
        }
    }

    fn dispatch(&mut self, now: Now, input: Input) {
        match input {
            Input::Received { flow, bytes } => self.received(now, flow, bytes),
            Input::FlowFailed(flow) => self.flow_failed(now, flow),
            Input::Media(event) => self.media_event(now, event),
            Input::MediaBusy(busy) => {
                self.media_busy = busy;
                self.count_endpoint();
            }
            Input::Resolved { question, answer } => self.resolved(now, &question, &answer),
            Input::Recorder(report) => self.recorder_report(now, &report),
            Input::Timeout => self.timeout(now),
        }
    }

    fn received(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        if !self.admits(now, &flow, &bytes) {
            return;
        }
        if flow.transport == Transport::Udp && stun::is_stun(&bytes) {
            // RFC 5626 section 8: binding requests come on the same port.
            if let Some(answer) = stun::answer(&bytes, flow.remote) {
                self.out.push(Output::Send { flow, bytes: Bytes::from(answer) });
            }
            return;
        }
        self.endpoint.receive(now.instant, flow, bytes, &mut self.effects);
    }

    fn flow_failed(&mut self, now: Now, flow: Flow) {
        self.endpoint.flow_failed(now.instant, flow, &mut self.effects);
        if flow.connection != 0 {
            // RFC 5626 section 5.3: what registered over a connection is gone with it.
            let changes = self.registrar.flow_closed(flow);
            self.bindings_gone(now, changes);
            self.watches_gone(now, flow);
        }
        self.trunk_flow_lost(now, flow);
    }

    fn timeout(&mut self, now: Now) {
        self.endpoint.timeout(now.instant, &mut self.effects);
        self.trunks_timeout(now);
        while let Some((at, call)) = self.call_timers.first().copied() {
            if at > now.instant {
                break;
            }
            self.call_timers.remove(&(at, call));
            self.tell(call, call::Input::Timeout);
        }
        while let Some((at, leg)) = self.leg_timers.first().copied() {
            if at > now.instant {
                break;
            }
            self.leg_timers.remove(&(at, leg));
            self.leg_timeout(now, leg);
        }
        if self.acd.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.work.push_back(Work::Acd(acd::Input::Timeout));
        }
        if self.registrar.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.expire_bindings(now);
        }
        self.recording_timeout(now);
        self.end_overdrawn(now);
        self.forget_old(now);
        self.watches_due(now);
    }

    /// Works off effects and work until nothing is left.
    pub(crate) fn run(&mut self, now: Now) {
        loop {
            if let Some(work) = self.work.pop_front() {
                match work {
                    Work::Call(call, input) => self.call_input(now, call, input),
                    Work::Acd(input) => self.acd_input(now, input),
                }
            } else if self.effects.is_empty() {
                return;
            } else {
                for effect in std::mem::take(&mut self.effects) {
                    self.effect(now, effect);
                }
            }
        }
    }

    fn effect(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Send { flow, bytes } => {
                self.note_sent(now, &flow, &bytes);
                self.out.push(Output::Send { flow, bytes });
            }
            Effect::Request { tx, message, flow } => self.request(now, tx, &message, flow),
            Effect::Ack { tx, message, .. } => self.ack_received(now, tx, &message),
            Effect::Cancelled { tx, message } => self.cancel_received(now, tx, &message),
            Effect::LateAnswer { message, flow } => self.late_answer(now, None, &message, flow),
            Effect::AckMissing { tx } => self.ack_missing(now, tx),
            Effect::Response { tx, user, message } => {
                self.count_response_in(message.method(), message.status().unwrap_or(0));
                self.response(now, tx, user, &message);
            }
            Effect::Timeout { user, .. } => self.request_failed(now, user, 408),
            Effect::Unreachable { user, .. } => self.request_failed(now, user, 503),
            Effect::Malformed { reason, flow } => {
                self.count_malformed(flow.transport, reason);
                tracing::debug!(reason, "a malformed SIP message");
            }
        }
    }

    /// Queues an input for a call.
    pub(crate) fn tell(&mut self, call: CallUid, input: call::Input) {
        self.work.push_back(Work::Call(call, input));
    }

    /// Queues an event of a leg for its call.
    pub(crate) fn tell_leg(&mut self, leg: LegId, event: call::LegEvent) {
        if let Some(call) = self.legs.get(&leg).map(|leg| leg.call) {
            self.tell(call, call::Input::Leg(leg, event));
        }
    }

    fn call_input(&mut self, now: Now, uid: CallUid, input: call::Input) {
        self.current = Some(uid);
        self.touch_lamps(uid);
        let Some(slot) = self.calls.get_mut(&uid) else { return };
        let mut commands = Vec::new();
        let before = views::call_state(slot.call.state());
        slot.call.handle(now, input, &mut commands);
        let wants = slot.call.poll_timeout();
        if wants != slot.armed {
            if let Some(at) = slot.armed.take() {
                self.call_timers.remove(&(at, uid));
            }
            if let Some(at) = wants {
                self.call_timers.insert((at, uid));
            }
            slot.armed = wants;
        }
        // Told when its state changes, not at each command: a notice costs more than most inputs do.
        if views::call_state(slot.call.state()) != before || before == CallState::Ringing {
            self.board.calls.insert(uid);
        }
        for command in commands {
            self.carry_out(now, uid, command);
        }
        self.follow_recording(now, uid);
    }
}
