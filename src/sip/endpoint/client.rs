//! The client side of the endpoint: requests of ours, their responses, CANCEL and the ACKs to 2xx.
//!
//! Not the machines (`transaction`): this finds them, feeds them and carries out what they say.

use crate::clock::Instant;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Effect;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Owner;
use crate::sip::endpoint::TIMERS_PER_WAKE_MAX;
use crate::sip::endpoint::fallback::Fallback;
use crate::sip::msg::Edits;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write;
use crate::sip::transaction::Output;
use crate::sip::transaction::invite_client;
use crate::sip::transaction::invite_client::InviteClient;
use crate::sip::transaction::key::Fingerprint;
use crate::sip::transaction::plain_client;
use crate::sip::transaction::plain_client::PlainClient;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use bytes::Bytes;

/// How many forks may answer one INVITE with 2xx; the 2xx of further ones are dropped.
const FORKS_MAX: usize = 16;

/// One request that we sent.
#[derive(Debug)]
pub(in crate::sip::endpoint) struct Client {
    machine: Machine,
    flow: Flow,
    /// `None` for a CANCEL, whose fate interests nobody.
    user: Option<u64>,
    scheduled: Option<Instant>,
    /// Where it goes when its flow fails.
    fallback: Fallback,
}

#[derive(Debug)]
enum Machine {
    Plain(PlainClient),
    Invite { machine: InviteClient, cancel: Cancel, forks: Vec<Fork> },
}

/// How far our CANCEL is.
#[derive(Debug)]
enum Cancel {
    Unwanted,
    /// To be sent after the first provisional response, with this `Reason`.
    Wanted(Option<String>),
    Sent,
}

/// A 2xx that was delivered, told from others by its To tag, and the ACK that the user gave for it.
#[derive(Debug)]
struct Fork {
    tag: Fingerprint,
    ack: Option<(Flow, Bytes)>,
}

impl Client {
    pub(in crate::sip::endpoint) fn is_scheduled(&self, at: Instant) -> bool {
        self.scheduled == Some(at)
    }

    pub(in crate::sip::endpoint) fn flow(&self) -> Flow {
        self.flow
    }

    pub(in crate::sip::endpoint) fn keep_fallback(&mut self, second: (Flow, Bytes)) {
        self.fallback = Some(Box::new(second));
    }

    /// Starts over by the second way, if there is one and no response has come by the first.
    pub(in crate::sip::endpoint) fn fall_back(
        &mut self,
        now: Instant,
        timing: Timing,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(second) = self.fallback.take() else { return false };
        let (flow, bytes) = *second;
        let reliable = flow.transport.is_reliable();
        match &mut self.machine {
            Machine::Plain(machine) if matches!(machine.state(), plain_client::State::Trying { .. }) => {
                *machine = PlainClient::start(now, bytes, reliable, timing, out);
            }
            Machine::Invite { machine, .. }
                if matches!(machine.state(), invite_client::State::Calling { .. }) =>
            {
                *machine = InviteClient::start(now, bytes, reliable, timing, out);
            }
            Machine::Plain(_) | Machine::Invite { .. } => return false,
        }
        self.flow = flow;
        true
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.machine {
            Machine::Plain(machine) => machine.poll_timeout(),
            Machine::Invite { machine, .. } => machine.poll_timeout(),
        }
    }

    /// What the user gave with it, while it is an INVITE without final response.
    pub(in crate::sip::endpoint) fn user_of_invite(&self) -> Option<u64> {
        match &self.machine {
            Machine::Plain(_) => None,
            Machine::Invite { machine, .. } => machine.request().and(self.user),
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Plain(machine) => matches!(machine.state(), plain_client::State::Terminated),
            Machine::Invite { machine, .. } => matches!(machine.state(), invite_client::State::Terminated),
        }
    }

    /// Feeds an event that both machines know.
    fn feed(&mut self, now: Instant, event: Event<'_>, out: &mut Vec<Output>) {
        match (&mut self.machine, event) {
            (Machine::Plain(machine), Event::Response(message)) => {
                machine.handle(now, plain_client::Input::Response(message.status().unwrap_or(0)), out);
            }
            (Machine::Plain(machine), Event::Timeout) => {
                machine.handle(now, plain_client::Input::Timeout, out);
            }
            (Machine::Plain(machine), Event::TransportError) => {
                machine.handle(now, plain_client::Input::TransportError, out);
            }
            (Machine::Invite { machine, .. }, Event::Response(message)) => {
                machine.handle(now, invite_client::Input::Response(message), out);
            }
            (Machine::Invite { machine, .. }, Event::Timeout) => {
                machine.handle(now, invite_client::Input::Timeout, out);
            }
            (Machine::Invite { machine, .. }, Event::TransportError) => {
                machine.handle(now, invite_client::Input::TransportError, out);
            }
        }
    }
}

#[derive(Copy, Clone)]
enum Event<'a> {
    Response(&'a Message),
    Timeout,
    TransportError,
}

/// What becomes of a 2xx to an INVITE.
enum Fate {
    /// The first with this To tag: for the machine.
    Fresh,
    /// It was delivered before; this is its ACK, if the user gave one.
    Known(Option<(Flow, Bytes)>),
    /// From one fork too many.
    Excess,
}

impl Endpoint {
    pub(in crate::sip::endpoint) fn start_client(
        &mut self,
        now: Instant,
        flow: Flow,
        request: Bytes,
        user: u64,
        out: &mut Vec<Effect>,
    ) -> ClientTx {
        let message = Message::parse(request.clone()).ok();
        let key = message.as_ref().and_then(|message| {
            Some((self.client_key(message)?, message.cseq().ok()?.method == Method::Invite))
        });
        let full = self.clients.len() >= self.settings.transactions_max_in_dialog();
        let Some((key, is_invite)) = key.filter(|_| !full) else {
            self.counters.requests_unsent += 1;
            let tx = ClientTx(u64::MAX);
            out.push(Effect::Unreachable { tx, user });
            return tx;
        };
        let (timing, reliable) = (self.settings.timing, flow.transport.is_reliable());
        let mut outputs = std::mem::take(&mut self.outputs);
        let machine = if is_invite {
            let machine = InviteClient::start(now, request, reliable, timing, &mut outputs);
            Machine::Invite { machine, cancel: Cancel::Unwanted, forks: Vec::new() }
        } else {
            Machine::Plain(PlainClient::start(now, request, reliable, timing, &mut outputs))
        };
        let client = Client { machine, flow, user: Some(user), scheduled: None, fallback: None };
        let handle = self.add_client(key, client);
        self.carry_out_client(handle, outputs, None, out);
        ClientTx(handle)
    }

    fn client_key(&self, message: &Message) -> Option<Fingerprint> {
        let via = message.via().ok()?;
        Some(self.keyring.client(via.branch?, message.cseq().ok()?.method.as_bytes()))
    }

    fn add_client(&mut self, key: Fingerprint, client: Client) -> u64 {
        let (transport, remote) = (client.flow.transport, client.flow.remote);
        let handle = self.clients.insert(key, client);
        self.by_remote.insert((transport, remote, handle));
        handle
    }

    pub(in crate::sip::endpoint) fn receive_response(
        &mut self,
        now: Instant,
        message: Message,
        flow: Flow,
        out: &mut Vec<Effect>,
    ) {
        if let Err(defect) = message.check() {
            self.malformed(defect.reason, flow, out);
            return;
        }
        // RFC 3261 section 8.1.3.3: a response with more than one Via was not meant for us.
        let ours = if message.values(Name::Via).nth(1).is_some() { None } else { self.client_key(&message) };
        let Some(handle) = ours.and_then(|key| self.clients.find(key)) else {
            // RFC 3261 section 18.1.2 would hand a stray response to the core, which can do something about one kind
            // only: a 2xx to an INVITE opens a dialog at the peer, and somebody has to end it (section 13.2.2.4).
            self.counters.responses_stray += 1;
            if self.is_late_answer(&message) {
                out.push(Effect::LateAnswer { message, flow });
            }
            return;
        };
        match self.fate(handle, &message) {
            Fate::Fresh => {}
            Fate::Known(ack) => {
                self.counters.retransmissions_received += 1;
                // RFC 3261 section 13.2.2.4: the ACK is passed to the transport "each time a retransmission of the
                // 2xx final response that triggered the ACK arrives".
                if let Some((flow, bytes)) = ack {
                    self.counters.retransmissions_sent += 1;
                    out.push(Effect::Send { flow, bytes });
                }
                return;
            }
            Fate::Excess => {
                self.counters.responses_stray += 1;
                return;
            }
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        if let Some(client) = self.clients.get_mut(handle) {
            client.feed(now, Event::Response(&message), &mut outputs);
        }
        if !outputs.iter().any(|output| matches!(output, Output::Deliver)) {
            self.counters.retransmissions_received += 1;
        }
        self.carry_out_client(handle, outputs, Some(message), out);
        self.send_wanted_cancel(now, handle, out);
    }

    /// A 2xx to an INVITE whose From tag only we can have made, and which passed no other host's Via.
    fn is_late_answer(&self, message: &Message) -> bool {
        let to_invite = message.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
        if !matches!(message.status(), Some(200..300)) || !to_invite || message.values(Name::Via).count() != 1
        {
            return false;
        }
        let Ok(call_id) = message.call_id() else { return false };
        message.from_tag().is_some_and(|tag| tag == self.dialling_tag(call_id).as_bytes())
    }

    /// Tells the 2xx of forks apart, for RFC 6026 hands each of them and each retransmission to the core.
    fn fate(&mut self, handle: u64, message: &Message) -> Fate {
        if !matches!(message.status(), Some(200..300)) {
            return Fate::Fresh;
        }
        let tag = self.keyring.tag(message.to_tag().unwrap_or_default());
        let Some(Client { machine: Machine::Invite { machine, forks, .. }, .. }) =
            self.clients.get_mut(handle)
        else {
            return Fate::Fresh;
        };
        let before = matches!(
            machine.state(),
            invite_client::State::Completed { .. } | invite_client::State::Terminated
        );
        if before {
            return Fate::Fresh;
        }
        if let Some(fork) = forks.iter().find(|fork| fork.tag == tag) {
            return Fate::Known(fork.ack.clone());
        }
        if forks.len() >= FORKS_MAX {
            return Fate::Excess;
        }
        // Nearly every INVITE has one answer, and it stays here for 32 seconds.
        forks.reserve_exact(1);
        forks.push(Fork { tag, ack: None });
        Fate::Fresh
    }

    pub(in crate::sip::endpoint) fn keep_ack(&mut self, handle: u64, ack: Bytes, flow: Flow) {
        let Ok(message) = Message::parse(ack.clone()) else { return };
        let tag = self.keyring.tag(message.to_tag().unwrap_or_default());
        if let Some(Client { machine: Machine::Invite { forks, .. }, .. }) = self.clients.get_mut(handle)
            && let Some(fork) = forks.iter_mut().find(|fork| fork.tag == tag)
        {
            fork.ack = Some((flow, ack));
        }
    }

    pub(in crate::sip::endpoint) fn want_cancel(
        &mut self,
        now: Instant,
        handle: u64,
        reason: Option<&str>,
        out: &mut Vec<Effect>,
    ) {
        let Some(Client { machine: Machine::Invite { machine, cancel, .. }, .. }) =
            self.clients.get_mut(handle)
        else {
            return;
        };
        // RFC 3261 section 9.1: "a CANCEL request SHOULD NOT be sent" when a final response has been received.
        if machine.request().is_none() || !matches!(cancel, Cancel::Unwanted) {
            return;
        }
        *cancel = Cancel::Wanted(reason.map(str::to_owned));
        self.send_wanted_cancel(now, handle, out);
    }

    /// Sends the CANCEL if one is wanted and a provisional response has come.
    fn send_wanted_cancel(&mut self, now: Instant, handle: u64, out: &mut Vec<Effect>) {
        let Some(Client { machine: Machine::Invite { machine, cancel, .. }, flow, .. }) =
            self.clients.get_mut(handle)
        else {
            return;
        };
        let (Cancel::Wanted(reason), invite_client::State::Proceeding { request, .. }) =
            (&*cancel, machine.state())
        else {
            return;
        };
        let Ok(invite) = Message::parse(request.clone()) else { return };
        let bytes = cancel_bytes(&invite, reason.as_deref());
        let flow = *flow;
        *cancel = Cancel::Sent;
        let mut outputs = std::mem::take(&mut self.outputs);
        machine.handle(now, invite_client::Input::CancelSent, &mut outputs);
        self.carry_out_client(handle, outputs, None, out);
        self.start_cancel(now, &invite, bytes, flow, out);
    }

    fn start_cancel(
        &mut self,
        now: Instant,
        invite: &Message,
        bytes: Bytes,
        flow: Flow,
        out: &mut Vec<Effect>,
    ) {
        let Some(branch) = invite.via().ok().and_then(|via| via.branch) else { return };
        let key = self.keyring.client(branch, b"CANCEL");
        let (timing, reliable) = (self.settings.timing, flow.transport.is_reliable());
        let mut outputs = std::mem::take(&mut self.outputs);
        let machine = Machine::Plain(PlainClient::start(now, bytes, reliable, timing, &mut outputs));
        let handle =
            self.add_client(key, Client { machine, flow, user: None, scheduled: None, fallback: None });
        self.carry_out_client(handle, outputs, None, out);
    }

    pub(in crate::sip::endpoint) fn client_flow_failed(
        &mut self,
        now: Instant,
        handle: u64,
        failed: Flow,
        out: &mut Vec<Effect>,
    ) {
        let concerned = self.clients.get(handle).is_some_and(|client| failed.covers(&client.flow));
        if concerned && self.fall_back(now, handle, out) {
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        if let Some(client) = self.clients.get_mut(handle)
            && concerned
        {
            client.feed(now, Event::TransportError, &mut outputs);
        }
        self.carry_out_client(handle, outputs, None, out);
    }

    pub(in crate::sip::endpoint) fn client_timeout(
        &mut self,
        now: Instant,
        handle: u64,
        at: Instant,
        out: &mut Vec<Effect>,
    ) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let Some(client) = self.clients.get_mut(handle).filter(|client| client.is_scheduled(at)) else {
            self.outputs = outputs;
            return;
        };
        client.scheduled = None;
        for _ in 0..TIMERS_PER_WAKE_MAX {
            if client.poll_timeout().is_none_or(|(at, _)| at > now) {
                break;
            }
            client.feed(now, Event::Timeout, &mut outputs);
        }
        self.carry_out_client(handle, outputs, None, out);
    }

    /// Does what the machine said, then forgets the transaction or notes its next deadline.
    pub(in crate::sip::endpoint) fn carry_out_client(
        &mut self,
        handle: u64,
        mut outputs: Vec<Output>,
        mut message: Option<Message>,
        out: &mut Vec<Effect>,
    ) {
        let tx = ClientTx(handle);
        if let Some(client) = self.clients.get(handle) {
            let (flow, user) = (client.flow, client.user);
            for output in outputs.drain(..) {
                match (output, user) {
                    (Output::Send(bytes), _) => out.push(Effect::Send { flow, bytes }),
                    (Output::Resend(bytes), _) => {
                        self.counters.retransmissions_sent += 1;
                        out.push(Effect::Send { flow, bytes });
                    }
                    (Output::Deliver, Some(user)) => {
                        out.extend(message.take().map(|message| Effect::Response { tx, user, message }));
                    }
                    (Output::TimedOut, Some(user)) => out.push(Effect::Timeout { tx, user }),
                    (Output::Unreachable, Some(user)) => out.push(Effect::Unreachable { tx, user }),
                    (Output::Deliver | Output::TimedOut | Output::Unreachable, None) => {}
                }
            }
        }
        outputs.clear();
        self.outputs = outputs;
        self.settle_client(handle);
    }

    fn settle_client(&mut self, handle: u64) {
        let Some(client) = self.clients.get_mut(handle) else { return };
        if client.is_over() {
            let place = (client.flow.transport, client.flow.remote, handle);
            self.by_remote.remove(&place);
            self.clients.remove(handle);
            return;
        }
        let next = client.poll_timeout().map(|(at, _)| at);
        if next != client.scheduled {
            client.scheduled = next;
            if let Some(at) = next {
                self.schedule.push(at, Owner::Client(handle));
            }
        }
    }
}

/// RFC 3261 section 9.1, with the `Reason` of RFC 3326.
fn cancel_bytes(invite: &Message, reason: Option<&str>) -> Bytes {
    let cancel = write::cancel(invite);
    match (reason, Message::parse(cancel.clone())) {
        (Some(reason), Ok(message)) => Edits::new().append(Name::Reason, reason.as_bytes()).apply(&message),
        (Some(_) | None, _) => cancel,
    }
}
