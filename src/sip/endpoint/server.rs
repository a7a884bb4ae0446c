//! The server side of the endpoint: requests from others and our responses to them.
//!
//! Not the machines (`transaction`): this finds them, feeds them and carries out what they say.

use crate::clock::Instant;
use crate::sip::endpoint::Effect;
use crate::sip::endpoint::Endpoint;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Owner;
use crate::sip::endpoint::ServerTx;
use crate::sip::endpoint::TIMERS_PER_WAKE_MAX;
use crate::sip::endpoint::answer::Answer;
use crate::sip::endpoint::answer::Due;
use crate::sip::endpoint::flow::response_flow;
use crate::sip::endpoint::flow::stamp;
use crate::sip::endpoint::refusal;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::Via;
use crate::sip::transaction::Output;
use crate::sip::transaction::invite_server;
use crate::sip::transaction::invite_server::InviteServer;
use crate::sip::transaction::key::Fingerprint;
use crate::sip::transaction::plain_server;
use crate::sip::transaction::plain_server::PlainServer;
use crate::sip::transaction::status_of;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::earlier;
use bytes::Bytes;

/// One request that we received.
#[derive(Debug)]
pub(in crate::sip::endpoint) struct Server {
    machine: Machine,
    /// Where responses go.
    reply: Flow,
    merged: Option<Fingerprint>,
    scheduled: Option<Instant>,
}

#[derive(Debug)]
enum Machine {
    Plain(PlainServer),
    Invite { machine: InviteServer, answer: Option<Box<Awaited>>, cancelled: bool },
}

/// A 2xx without ACK. Boxed, for it is needed for a moment only and its transaction stays for 32 seconds.
#[derive(Debug)]
struct Awaited {
    answer: Answer,
    acked: Fingerprint,
}

impl Server {
    pub(in crate::sip::endpoint) fn is_scheduled(&self, at: Instant) -> bool {
        self.scheduled == Some(at)
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.machine {
            Machine::Plain(machine) => machine.poll_timeout(),
            Machine::Invite { machine, answer, .. } => {
                // On a tie the answer goes first: it still has to report, timer L only forgets.
                earlier(
                    answer.as_ref().and_then(|awaited| awaited.answer.poll_timeout()),
                    machine.poll_timeout(),
                )
            }
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Plain(machine) => matches!(machine.state(), plain_server::State::Terminated),
            Machine::Invite { machine, .. } => matches!(machine.state(), invite_server::State::Terminated),
        }
    }

    fn is_invite_without_final(&self) -> bool {
        match &self.machine {
            Machine::Plain(_) => false,
            Machine::Invite { machine, .. } => {
                matches!(machine.state(), invite_server::State::Proceeding { .. })
            }
        }
    }

    /// The request came again.
    fn again(&mut self, now: Instant, out: &mut Vec<Output>) {
        match &mut self.machine {
            Machine::Plain(machine) => machine.handle(now, plain_server::Input::Request, out),
            Machine::Invite { machine, .. } => machine.handle(now, invite_server::Input::Invite, out),
        }
    }

    fn respond(&mut self, now: Instant, code: u16, response: Bytes, out: &mut Vec<Output>) {
        match &mut self.machine {
            Machine::Plain(machine) => {
                machine.handle(now, plain_server::Input::Respond(code, response), out);
            }
            Machine::Invite { machine, .. } => {
                machine.handle(now, invite_server::Input::Respond(code, response), out);
            }
        }
    }
}

impl Endpoint {
    pub(in crate::sip::endpoint) fn receive_request(
        &mut self,
        now: Instant,
        message: Message,
        flow: Flow,
        out: &mut Vec<Effect>,
    ) {
        let message = stamp(message, flow.remote);
        let is_ack = message.method() == Method::Ack;
        if let Err(defect) = message.check() {
            self.malformed(defect.reason, flow, out);
            // RFC 3261 section 17.1.1.3: an ACK is never answered.
            if !is_ack {
                self.refuse(&message, flow, defect.status, defect.reason, &[], out);
            }
            return;
        }
        let Ok(via) = message.via() else { return };
        let matched_as = if is_ack { b"INVITE" } else { message.method().as_bytes() };
        let key = self.keyring.server(&message, &via, matched_as);
        if is_ack {
            self.receive_ack(now, key, message, flow, out);
        } else if let Some(handle) = self.servers.find(key) {
            self.counters.retransmissions_received += 1;
            let mut outputs = std::mem::take(&mut self.outputs);
            if let Some(server) = self.servers.get_mut(handle) {
                server.again(now, &mut outputs);
            }
            self.carry_out_server(handle, outputs, None, out);
        } else if let Some(reply) = response_flow(&via, flow, self.settings.follows_maddr(flow.remote.ip())) {
            self.receive_new(now, key, message, flow, reply, out);
        } else {
            self.counters.responses_unroutable += 1;
        }
    }

    /// A request that belongs to no transaction.
    fn receive_new(
        &mut self,
        now: Instant,
        key: Fingerprint,
        message: Message,
        flow: Flow,
        reply: Flow,
        out: &mut Vec<Effect>,
    ) {
        if message.method() == Method::Cancel {
            self.receive_cancel(now, key, message, reply, out);
            return;
        }
        let in_dialog = message.to_tag().is_some();
        let merged = (!in_dialog).then(|| self.keyring.merged(&message));
        // RFC 3261 section 8.2.2.2: same From tag, Call-ID and CSeq as an ongoing transaction, but not that one.
        if merged.is_some_and(|merged| self.merged.contains_key(&merged)) {
            self.counters.requests_merged += 1;
            self.refuse(&message, flow, 482, "Loop Detected", &[], out);
            return;
        }
        if self.is_full(in_dialog) {
            self.counters.requests_refused += 1;
            let wait = [("Retry-After", "5")];
            self.refuse(&message, flow, 503, "Service Unavailable", &wait, out);
            return;
        }
        let (timing, reliable) = (self.settings.timing, flow.transport.is_reliable());
        let mut outputs = std::mem::take(&mut self.outputs);
        let machine = if message.method() == Method::Invite {
            let machine = InviteServer::start(now, &message, reliable, timing, &mut outputs);
            Machine::Invite { machine, answer: None, cancelled: false }
        } else {
            Machine::Plain(PlainServer::start(now, reliable, timing))
        };
        let handle = self.servers.insert(key, Server { machine, reply, merged, scheduled: None });
        if let Some(merged) = merged {
            self.merged.insert(merged, handle);
        }
        self.carry_out_server(handle, outputs, None, out);
        out.push(Effect::Request { tx: ServerTx(handle), message, flow });
    }

    fn is_full(&self, in_dialog: bool) -> bool {
        let limit = if in_dialog {
            self.settings.transactions_max_in_dialog()
        } else {
            self.settings.transactions_max
        };
        self.servers.len() >= limit
    }

    /// RFC 3261 section 9.2: a CANCEL is answered at once, whatever becomes of the INVITE.
    fn receive_cancel(
        &mut self,
        now: Instant,
        key: Fingerprint,
        message: Message,
        reply: Flow,
        out: &mut Vec<Effect>,
    ) {
        let invite = message
            .via()
            .ok()
            .map(|via| self.keyring.server(&message, &via, b"INVITE"))
            .and_then(|key| self.servers.find(key));
        let (status, reason) =
            if invite.is_some() { (200, "OK") } else { (481, "Call/Transaction Does Not Exist") };
        // RFC 3261 section 9.2: "The To tag of the response to the CANCEL and the To tag in the response to the
        // original request SHOULD be the same."
        let tag = invite
            .and_then(|handle| self.tag_answered(handle))
            .unwrap_or_else(|| refusal::stateless_tag(key));
        let response =
            refusal::response(&message, status, reason, &tag, &[], self.settings.server.as_deref());
        // Above the limit a CANCEL is answered without memory: it is what makes room.
        if self.is_full(true) {
            out.push(Effect::Send { flow: reply, bytes: response });
        } else {
            let reliable = reply.transport.is_reliable();
            let machine = Machine::Plain(PlainServer::start(now, reliable, self.settings.timing));
            let server = Server { machine, reply, merged: None, scheduled: None };
            let handle = self.servers.insert(key, server);
            self.respond_by(now, handle, response, out);
        }
        let Some(handle) = invite else { return };
        if let Some(server) = self.servers.get_mut(handle).filter(|server| server.is_invite_without_final())
            && let Machine::Invite { cancelled: cancelled @ false, .. } = &mut server.machine
        {
            *cancelled = true;
            out.push(Effect::Cancelled { tx: ServerTx(handle), message });
        }
    }

    /// The To tag that we gave an INVITE, when we remember a response to it.
    fn tag_answered(&self, handle: u64) -> Option<String> {
        let Machine::Invite { machine, .. } = &self.servers.get(handle)?.machine else { return None };
        let response = Message::parse(machine.response()?.clone()).ok()?;
        let tag = response.to_tag()?;
        Some(String::from_utf8_lossy(tag).into_owned())
    }

    fn receive_ack(
        &mut self,
        now: Instant,
        key: Fingerprint,
        message: Message,
        flow: Flow,
        out: &mut Vec<Effect>,
    ) {
        // RFC 3261 section 17.1.1.3: the ACK to a 2xx has a branch of its own, so it is known by its dialog.
        let acked = self.keyring.acked(&message);
        let by_dialog = acked.and_then(|acked| self.acked.get(&acked).copied());
        let Some(handle) = by_dialog.or_else(|| self.servers.find(key)) else {
            self.counters.acks_stray += 1;
            return;
        };
        let Some(Server { machine: Machine::Invite { machine, answer, .. }, .. }) =
            self.servers.get_mut(handle)
        else {
            return;
        };
        if by_dialog.is_some() {
            if let Some(awaited) = answer.take() {
                self.acked.remove(&awaited.acked);
            }
        } else if matches!(machine.state(), invite_server::State::Accepted { .. }) {
            // A retransmission, or one for another dialog that reuses the INVITE's branch.
            self.counters.acks_stray += 1;
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        machine.handle(now, invite_server::Input::Ack, &mut outputs);
        self.carry_out_server(handle, outputs, Some((message, flow)), out);
    }

    pub(in crate::sip::endpoint) fn respond_by(
        &mut self,
        now: Instant,
        handle: u64,
        response: Bytes,
        out: &mut Vec<Effect>,
    ) {
        let Some(code) = status_of(&response) else { return };
        let Some(server) = self.servers.get_mut(handle) else { return };
        let accepts = server.is_invite_without_final() && (200..300).contains(&code);
        let mut outputs = std::mem::take(&mut self.outputs);
        server.respond(now, code, response.clone(), &mut outputs);
        // Many phones answer a challenge with the CSeq of the challenged request, against RFC 3261 section 22.2:
        // that must not look like a merged request.
        if matches!(code, 401 | 407)
            && let Some(merged) = server.merged.take()
        {
            self.merged.remove(&merged);
        }
        if accepts {
            self.await_ack(now, handle, response);
        }
        self.carry_out_server(handle, outputs, None, out);
    }

    /// Answers finally and forgets the transaction: nothing is sent again, and nothing is kept.
    pub(in crate::sip::endpoint) fn answer_once(
        &mut self,
        handle: u64,
        response: Bytes,
        out: &mut Vec<Effect>,
    ) {
        let Some(server) = self.servers.remove(handle) else { return };
        if let Some(merged) = server.merged {
            self.merged.remove(&merged);
        }
        if let Machine::Invite { answer: Some(awaited), .. } = &server.machine {
            self.acked.remove(&awaited.acked);
        }
        out.push(Effect::Send { flow: server.reply, bytes: response });
    }

    fn await_ack(&mut self, now: Instant, handle: u64, response: Bytes) {
        let acked = Message::parse(response.clone()).ok().and_then(|message| self.keyring.acked(&message));
        if let Some(acked) = acked
            && let Some(Server { machine: Machine::Invite { answer, .. }, .. }) = self.servers.get_mut(handle)
        {
            let started = Answer::start(now, response, &self.settings.timing);
            *answer = Some(Box::new(Awaited { answer: started, acked }));
            self.acked.insert(acked, handle);
        }
    }

    pub(in crate::sip::endpoint) fn server_timeout(
        &mut self,
        now: Instant,
        handle: u64,
        at: Instant,
        out: &mut Vec<Effect>,
    ) {
        let timing = self.settings.timing;
        let mut outputs = std::mem::take(&mut self.outputs);
        let Some(server) = self.servers.get_mut(handle).filter(|server| server.is_scheduled(at)) else {
            self.outputs = outputs;
            return;
        };
        server.scheduled = None;
        for _ in 0..TIMERS_PER_WAKE_MAX {
            if server.poll_timeout().is_none_or(|(at, _)| at > now) {
                break;
            }
            match &mut server.machine {
                Machine::Plain(machine) => machine.handle(now, plain_server::Input::Timeout, &mut outputs),
                Machine::Invite { machine, answer, .. } => {
                    match answer.as_mut().map(|awaited| awaited.answer.timeout(now, &timing)) {
                        Some(Due::Resend(response)) => outputs.push(Output::Resend(response)),
                        Some(Due::Missing) => {
                            if let Some(awaited) = answer.take() {
                                self.acked.remove(&awaited.acked);
                            }
                            out.push(Effect::AckMissing { tx: ServerTx(handle) });
                        }
                        Some(Due::Nothing) | None => {
                            machine.handle(now, invite_server::Input::Timeout, &mut outputs);
                        }
                    }
                }
            }
        }
        self.carry_out_server(handle, outputs, None, out);
    }

    /// Does what the machine said, then forgets the transaction or notes its next deadline.
    fn carry_out_server(
        &mut self,
        handle: u64,
        mut outputs: Vec<Output>,
        mut ack: Option<(Message, Flow)>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(flow) = self.servers.get(handle).map(|server| server.reply) {
            for output in outputs.drain(..) {
                match output {
                    Output::Send(bytes) => out.push(Effect::Send { flow, bytes }),
                    Output::Resend(bytes) => {
                        self.counters.retransmissions_sent += 1;
                        out.push(Effect::Send { flow, bytes });
                    }
                    Output::Deliver => {
                        let tx = ServerTx(handle);
                        out.extend(ack.take().map(|(message, flow)| Effect::Ack { tx, message, flow }));
                    }
                    // Server machines do not say these.
                    Output::TimedOut | Output::Unreachable => {}
                }
            }
        }
        outputs.clear();
        self.outputs = outputs;
        self.settle_server(handle);
    }

    fn settle_server(&mut self, handle: u64) {
        let Some(server) = self.servers.get_mut(handle) else { return };
        if server.is_over() {
            if let Some(merged) = server.merged.take() {
                self.merged.remove(&merged);
            }
            if let Machine::Invite { answer: Some(awaited), .. } = &server.machine {
                self.acked.remove(&awaited.acked);
            }
            self.servers.remove(handle);
            return;
        }
        let next = server.poll_timeout().map(|(at, _)| at);
        if next != server.scheduled {
            server.scheduled = next;
            if let Some(at) = next {
                self.schedule.push(at, Owner::Server(handle));
            }
        }
    }

    /// Answers without a transaction (RFC 3261 section 8.2.7): the same request gets the same answer again.
    fn refuse(
        &mut self,
        message: &Message,
        from: Flow,
        status: u16,
        reason: &str,
        headers: &[(&str, &str)],
        out: &mut Vec<Effect>,
    ) {
        // RFC 4475 section 3.1.2.1: parameters that cannot be read do not hide who asked, who stands before them.
        let top = message.header(Name::Via).unwrap_or_default();
        let sent_by = || Via::parse(top.split(|byte| matches!(byte, b';' | b',')).next().unwrap_or_default());
        let follows = self.settings.follows_maddr(from.remote.ip());
        let flow = match message.via().or_else(|_| sent_by()) {
            Ok(via) => response_flow(&via, from, follows),
            // On a connection the answer finds its way without it.
            Err(_) => Some(from).filter(|from| from.transport.is_reliable()),
        };
        let Some(flow) = flow else {
            self.counters.responses_unroutable += 1;
            return;
        };
        let tag = refusal::stateless_tag(self.keyring.merged(message));
        let bytes =
            refusal::response(message, status, reason, &tag, headers, self.settings.server.as_deref());
        out.push(Effect::Send { flow, bytes });
    }
}
