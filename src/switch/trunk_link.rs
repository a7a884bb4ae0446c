//! Keeping trunks alive: names resolved ahead, OPTIONS to each target, our REGISTER. The machines are in `trunk`; here
//! their wishes become messages, and answers their inputs.

use crate::clock::Instant;
use crate::clock::Now;
use crate::ids::TrunkId;
use crate::sip::digest::Client;
use crate::sip::digest::Reaction;
use crate::sip::digest::Told;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Contact;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::msg::write::RequestWriter;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::requests::ALLOW;
use crate::switch::trunk_call::leading_seconds;
use crate::switch::trunk_call::retry_after;
use crate::switch::trunks;
use crate::switch::trunks::Asked;
use crate::switch::trunks::Trunk;
use crate::switch::trunks::Trunks;
use crate::switch::view::Subject;
use crate::switch::write;
use crate::trunk::Answer;
use crate::trunk::Candidate;
use crate::trunk::Place;
use crate::trunk::Question;
use crate::trunk::Registration;
use crate::trunk::health;
use crate::trunk::registration;
use std::collections::BTreeSet;
use std::time::Duration;

/// Service-Route values that are kept, and the longest of them (RFC 3608 sets no limit).
const SERVICE_ROUTES_MAX: usize = 4;
const SERVICE_ROUTE_LEN_MAX: usize = 200;

/// Our REGISTER at one carrier: what stays the same from one to the next (RFC 3261 section 10.2).
#[derive(Debug)]
pub(crate) struct Enrolment {
    call_id: String,
    tag: String,
    cseq: u32,
    account: Option<Client>,
    told: Told,
    expires: Duration,
    candidate: Option<Candidate>,
    flow: Option<Flow>,
    /// The REGISTER under way.
    serial: u64,
    /// Whether a failure was logged since the last success: each retry need not be.
    said: bool,
}

impl Enrolment {
    /// With our account there.
    pub(crate) fn new(account: Option<Client>) -> Self {
        Self {
            call_id: String::new(),
            tag: String::new(),
            cseq: 0,
            account,
            told: Told::default(),
            expires: Duration::ZERO,
            candidate: None,
            flow: None,
            serial: 0,
            said: false,
        }
    }
}

impl Core {
    /// Serves the links' timers and those of calls on their way to a trunk.
    pub(crate) fn trunks_timeout(&mut self, now: Now) {
        if self.trunks.link_at.is_some_and(|at| at <= now.instant) {
            let ids: Vec<TrunkId> = self.trunks.by_id.keys().cloned().collect();
            for id in &ids {
                self.link_timeout(now, id);
            }
            self.settle_links();
        }
        self.outbound_timeout(now);
    }

    /// Notes when a link wants to be served next.
    fn settle_links(&mut self) {
        self.trunks.link_at = self.trunks.by_id.values().filter_map(Trunk::poll_timeout).min();
    }

    fn link_timeout(&mut self, now: Now, id: &TrunkId) {
        let bound = self.addresses.transports();
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        let mut questions = Vec::new();
        for host in &mut trunk.hosts {
            host.timeout(now.instant, &bound, &mut questions);
        }
        self.out.extend(questions.into_iter().map(Output::Resolve));
        let mut wishes = Vec::new();
        let mut failed = None;
        if let Some(registration) = &mut trunk.registration {
            let asked = registration.is_asking();
            if !trunk.registrars.targets().is_empty() {
                registration.handle(now.instant, registration::Input::Start, &mut self.random, &mut wishes);
            }
            if registration.poll_timeout().is_some_and(|at| at <= now.instant) {
                registration.handle(now.instant, registration::Input::Timeout, &mut self.random, &mut wishes);
            }
            if asked && !registration.is_asking() {
                failed = trunk.enrolment.candidate.as_ref().map(|candidate| candidate.place);
            }
        }
        let mut places = Vec::new();
        for target in trunk.targets.targets_mut() {
            let mut out = Vec::new();
            if target.health.poll_timeout().is_some_and(|at| at <= now.instant) {
                target.health.handle(now.instant, health::Input::Timeout, &mut self.random, &mut out);
            }
            places.extend(out.into_iter().map(|output| (target.candidate.clone(), output)));
        }
        if let Some(place) = failed {
            self.registrar_failed(now, id, place, "it does not answer");
        }
        self.enrol(now, id, wishes);
        for (candidate, output) in places {
            self.health_output(now, id, &candidate, output);
        }
        self.show_trunk(now, id);
    }

    /// An answer of the DNS.
    pub(crate) fn resolved(&mut self, now: Now, question: &Question, answer: &Answer) {
        let mut questions = Vec::new();
        let mut changed = BTreeSet::new();
        for (id, trunk) in &mut self.trunks.by_id {
            for host in &mut trunk.hosts {
                if host.answer(now.instant, question, answer, &mut questions) {
                    changed.insert(id.clone());
                }
            }
            if changed.contains(id) {
                trunk.gather(now.instant, &mut self.random);
            }
        }
        self.out.extend(questions.into_iter().map(Output::Resolve));
        for id in &changed {
            self.link_timeout(now, id);
        }
        self.settle_links();
    }

    /// The answer to a request of a link or an INVITE to a trunk; false when it is neither's.
    pub(crate) fn trunk_answered(&mut self, now: Now, tx: ClientTx, user: u64, message: &Message) -> bool {
        let Some(serial) = Trunks::serial_of(user) else { return false };
        let status = message.status().unwrap_or(0);
        match self.trunks.asked.get(&serial) {
            Some(Asked::Invite(_)) => self.attempt_answered(now, tx, serial, message),
            Some(Asked::Register(id)) if status >= 200 => {
                let id = id.clone();
                self.trunks.asked.remove(&serial);
                self.register_answered(now, &id, serial, message);
            }
            Some(Asked::Options(id, place)) if status >= 200 => {
                let (id, place) = (id.clone(), *place);
                self.trunks.asked.remove(&serial);
                self.tell_health(now, &id, place, health::Input::Answered(status));
            }
            Some(Asked::Register(_) | Asked::Options(..)) => {}
            // RFC 3261 section 13.2.2.4: the 2xx of a call that is over, or that went on to another target, is hung up.
            None => {
                if (200..300).contains(&status)
                    && message.cseq().is_ok_and(|cseq| cseq.method == Method::Invite)
                    && let Some(flow) = self.endpoint.flow_of(tx)
                {
                    self.late_answer(now, Some(tx), message, flow);
                }
            }
        }
        true
    }

    /// No answer came, or it could not be sent; false when it is neither's.
    pub(crate) fn trunk_unanswered(&mut self, now: Now, user: u64, status: u16) -> bool {
        let Some(serial) = Trunks::serial_of(user) else { return false };
        match self.trunks.asked.remove(&serial) {
            Some(Asked::Invite(attempt)) => self.attempt_unanswered(now, serial, *attempt, status),
            Some(Asked::Register(id)) => {
                let trunk = self.trunks.by_id.get(&id).filter(|trunk| trunk.enrolment.serial == serial);
                if let Some(candidate) = trunk.and_then(|trunk| trunk.enrolment.candidate.as_ref()) {
                    let place = candidate.place;
                    self.registrar_failed(now, &id, place, "it can't be reached");
                    self.tell_registration(now, &id, registration::Input::Unwilling(None));
                }
            }
            Some(Asked::Options(id, place)) => {
                self.tell_health(now, &id, place, health::Input::Failed);
            }
            None => {}
        }
        true
    }

    /// RFC 5626 section 4.5: what was registered over a connection is gone with it.
    pub(crate) fn trunk_flow_lost(&mut self, now: Now, flow: Flow) {
        let over = |trunk: &Trunk| {
            let own = trunk.enrolment.flow;
            flow.transport.is_reliable()
                && own.is_some_and(|own| own.transport == flow.transport && own.remote == flow.remote)
        };
        let lost: Vec<TrunkId> =
            self.trunks.by_id.iter().filter(|(_, trunk)| over(trunk)).map(|(id, _)| id.clone()).collect();
        for id in lost {
            self.tell_registration(now, &id, registration::Input::FlowLost);
        }
    }

    /// The switch stops: carriers are told that we are gone.
    pub(crate) fn trunks_stop(&mut self, now: Now) {
        let ids: Vec<TrunkId> = self.trunks.by_id.keys().cloned().collect();
        for id in ids {
            self.tell_registration(now, &id, registration::Input::Stop);
        }
    }

    // --- OPTIONS ---

    /// Tells a target's machine, and does what it wants.
    pub(crate) fn tell_health(&mut self, now: Now, id: &TrunkId, place: Place, input: health::Input) {
        let mut out = Vec::new();
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        let Some(target) = trunk.targets.target_mut(place) else { return };
        target.health.handle(now.instant, input, &mut self.random, &mut out);
        let candidate = target.candidate.clone();
        for output in out {
            self.health_output(now, id, &candidate, output);
        }
        self.show_trunk(now, id);
        self.settle_links();
    }

    fn health_output(&mut self, now: Now, id: &TrunkId, candidate: &Candidate, output: health::Output) {
        match output {
            health::Output::Ask => self.send_options(now, id, candidate),
            health::Output::RoundTrip(time) => self.metrics.trunk_options_rtt(id, time),
            health::Output::Changed(true) => {
                tracing::info!(trunk = %id, target = %candidate.place.address, "a trunk's target is up");
            }
            health::Output::Changed(false) => tracing::warn!(
                trunk = %id,
                target = %candidate.place.address,
                "a trunk's target is down: it does not answer, or with 503; calls go to the others until it does"
            ),
        }
    }

    fn send_options(&mut self, now: Now, id: &TrunkId, candidate: &Candidate) {
        let Place { transport, address } = candidate.place;
        let Some(flow) = self.addresses.flow_to(transport, address) else {
            return self.tell_health(now, id, candidate.place, health::Input::Failed);
        };
        self.expect_name(id, candidate);
        let uri = format!("sip:{}", candidate.host);
        let domain = self.config.sip.domain.clone();
        let mut request = self.request_outside(&uri, flow, Method::Options);
        let tag = self.endpoint.tag();
        let call_id = write::call_id(&mut self.random, &domain);
        let contact = write::contact_of(self.addresses.signalling(&flow), flow);
        request
            .header_fmt(Name::From, format_args!("<sip:strowger@{domain}>;tag={tag}"))
            .header_fmt(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, call_id.as_bytes())
            .cseq(1, Method::Options)
            .header(Name::Contact, contact.as_bytes())
            .header(Name::Accept, b"application/sdp");
        let (_, user) = self.trunks.ask(Asked::Options(id.clone(), candidate.place));
        let bytes = request.finish();
        self.endpoint.request(now.instant, flow, bytes, user, &mut self.effects);
        self.count_request_out(Method::Options, transport);
    }

    /// RFC 5922 section 4: over TLS, the peer must be who it was looked up as; the configured domain where there is only
    /// an address.
    pub(crate) fn expect_name(&mut self, id: &TrunkId, candidate: &Candidate) {
        let Place { transport, address } = candidate.place;
        if transport != Transport::Tls {
            return;
        }
        let given = self.trunks.by_id.get(id).and_then(|trunk| trunk.config.domain.clone());
        let host = candidate.host.rsplit_once(':').map_or(candidate.host.as_str(), |(name, _)| name);
        let name = match candidate.host.parse::<std::net::SocketAddr>() {
            Ok(_) => given,
            Err(_) => Some(host.to_owned()),
        };
        self.out.extend(name.map(|name| Output::PeerName { remote: address, name }));
    }

    /// The beginning of a request outside of any dialog.
    fn request_outside(&mut self, uri: &str, flow: Flow, method: Method<'static>) -> RequestWriter {
        let branch = self.endpoint.branch();
        let sent_by = self.addresses.signalling(&flow).to_string();
        let mut request = RequestWriter::new(method, uri.as_bytes());
        request
            .via(flow.transport.into(), sent_by.as_bytes(), branch.as_bytes(), true)
            .header(Name::MaxForwards, b"70")
            .header(Name::UserAgent, self.config.sip.user_agent.as_bytes());
        request
    }

    // --- REGISTER ---

    fn tell_registration(&mut self, now: Now, id: &TrunkId, input: registration::Input) {
        let mut wishes = Vec::new();
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        let Some(registration) = &mut trunk.registration else { return };
        registration.handle(now.instant, input, &mut self.random, &mut wishes);
        self.enrol(now, id, wishes);
        self.show_trunk(now, id);
        self.settle_links();
    }

    fn enrol(&mut self, now: Now, id: &TrunkId, wishes: Vec<registration::Output>) {
        for wish in wishes {
            match wish {
                registration::Output::Register { expires, next } => {
                    if let Some(trunk) = self.trunks.by_id.get_mut(id) {
                        trunk.enrolment.told = Told::default();
                        trunk.enrolment.expires = expires;
                        if next {
                            trunk.enrolment.candidate = None;
                        }
                    }
                    self.send_register(now, id);
                }
                registration::Output::Changed(registered) => self.registration_changed(now, id, registered),
            }
        }
    }

    fn registration_changed(&mut self, now: Now, id: &TrunkId, registered: bool) {
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        if registered {
            trunk.enrolment.said = false;
            tracing::info!(trunk = %id, "registered at the carrier");
        } else if !self.draining {
            tracing::warn!(trunk = %id, "the registration at the carrier is lost; it is tried again");
        }
        let view = trunks::view(id, trunk, now.instant);
        let kind = if registered { "trunk.registered" } else { "trunk.unregistered" };
        self.notice(now, kind, Subject::Trunk(view));
    }

    fn send_register(&mut self, now: Now, id: &TrunkId) {
        let Some((candidate, flow)) = self.registrar_for(now.instant, id) else {
            return self.tell_registration(now, id, registration::Input::Unwilling(None));
        };
        self.expect_name(id, &candidate);
        let Some(trunk) = self.trunks.by_id.get(id) else { return };
        let (Some(user), Some(domain)) = (trunk.user().map(write::user), trunk.domain()) else { return };
        let uri = format!("sip:{domain}");
        let mut request = self.request_outside(&uri, flow, Method::Register);
        let contact = contact(&user, self.addresses.signalling(&flow), flow);
        let new = (write::call_id(&mut self.random, &self.config.sip.domain), self.endpoint.tag());
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        let enrolment = &mut trunk.enrolment;
        if enrolment.call_id.is_empty() {
            (enrolment.call_id, enrolment.tag) = new;
        }
        enrolment.cseq += 1;
        request
            .header_fmt(Name::From, format_args!("<sip:{user}@{domain}>;tag={}", enrolment.tag))
            .header_fmt(Name::To, format_args!("<sip:{user}@{domain}>"))
            .header(Name::CallId, enrolment.call_id.as_bytes())
            .cseq(enrolment.cseq, Method::Register)
            .header_fmt(Name::Contact, format_args!("<{contact}>"))
            .header_fmt(Name::Expires, format_args!("{}", enrolment.expires.as_secs()))
            .header(Name::Allow, ALLOW.as_bytes());
        let account = enrolment.account.as_mut();
        let headers =
            account.map(|account| account.authorize(Method::Register, uri.as_bytes(), &mut self.random));
        for (name, value) in headers.unwrap_or_default() {
            request.header(name, &value);
        }
        enrolment.candidate = Some(candidate);
        enrolment.flow = Some(flow);
        let (serial, user) = self.trunks.ask(Asked::Register(id.clone()));
        if let Some(trunk) = self.trunks.by_id.get_mut(id) {
            trunk.enrolment.serial = serial;
        }
        let bytes = request.finish();
        self.endpoint.request(now.instant, flow, bytes, user, &mut self.effects);
        self.count_request_out(Method::Register, flow.transport);
    }

    /// The registrar used last, or the first that does not rest.
    fn registrar_for(&mut self, now: Instant, id: &TrunkId) -> Option<(Candidate, Flow)> {
        let trunk = self.trunks.by_id.get(id)?;
        let order = trunk.registrars.order(now, true, &mut self.random);
        let last = trunk.enrolment.candidate.as_ref();
        let same = order.iter().find(|candidate| last.is_some_and(|last| last.place == candidate.place));
        let wished = same.into_iter().chain(&order);
        wished
            .filter_map(|candidate| {
                let Place { transport, address } = candidate.place;
                Some((candidate.clone(), self.addresses.flow_to(transport, address)?))
            })
            .next()
    }

    fn registrar_failed(&mut self, now: Now, id: &TrunkId, place: Place, why: &str) {
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        if !std::mem::replace(&mut trunk.enrolment.said, true) {
            tracing::warn!(
                trunk = %id,
                registrar = %place.address,
                why,
                "the carrier's registrar fails; it is tried again with growing pauses"
            );
        }
        if let Some(target) = trunk.registrars.target_mut(place) {
            let mut out = Vec::new();
            target.health.handle(now.instant, health::Input::CallFailed, &mut self.random, &mut out);
        }
    }

    fn register_answered(&mut self, now: Now, id: &TrunkId, serial: u64, message: &Message) {
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        // The answer to a REGISTER that was given up, or to that of the stop.
        if trunk.enrolment.serial != serial
            || !trunk.registration.as_ref().is_some_and(Registration::is_asking)
        {
            return;
        }
        let status = message.status().unwrap_or(0);
        let input = match status {
            200..=299 => accepted(trunk, message),
            401 | 407 => {
                let enrolment = &mut trunk.enrolment;
                let reaction = match &mut enrolment.account {
                    Some(account) => account.challenged(message, &mut enrolment.told),
                    None => Reaction::Unanswerable,
                };
                if reaction == Reaction::Again {
                    return self.send_register(now, id);
                }
                registration::Input::Refused
            }
            423 => {
                let least = message.header(Name::MinExpires).and_then(leading_seconds);
                registration::Input::TooBrief(least.unwrap_or_default())
            }
            408 | 429 | 480 | 300..=399 | 500..=599 => registration::Input::Unwilling(retry_after(message)),
            _ => registration::Input::Refused,
        };
        match input {
            registration::Input::Refused if !std::mem::replace(&mut trunk.enrolment.said, true) => {
                tracing::warn!(
                    trunk = %id,
                    status,
                    "the carrier refuses our registration; check `user`, `secret` and `domain` of the trunk"
                );
            }
            registration::Input::Unwilling(_) => {
                let place = trunk.enrolment.candidate.as_ref().map(|candidate| candidate.place);
                if let Some(place) = place {
                    self.registrar_failed(now, id, place, "it answers with an error");
                }
            }
            registration::Input::Refused
            | registration::Input::Start
            | registration::Input::Accepted(_)
            | registration::Input::TooBrief(_)
            | registration::Input::FlowLost
            | registration::Input::Timeout
            | registration::Input::Stop => {}
        }
        self.tell_registration(now, id, input);
    }

    /// Brings the gauges of a trunk to what is.
    fn show_trunk(&mut self, now: Now, id: &TrunkId) {
        let Some(trunk) = self.trunks.by_id.get_mut(id) else { return };
        let up = trunk.targets.is_usable(now.instant);
        self.metrics.trunk_up(id, up);
        if let Some(registration) = &trunk.registration {
            self.metrics.trunk_registered(id, registration.is_registered());
        }
        if trunk.shown_up.replace(up) != Some(up) {
            let view = trunks::view(id, trunk, now.instant);
            self.notice(now, if up { "trunk.up" } else { "trunk.down" }, Subject::Trunk(view));
        }
    }
}

/// What a 2xx to our REGISTER grants. RFC 3261 section 10.2.4: our own contact's `expires`, else the header.
fn accepted(trunk: &mut Trunk, message: &Message) -> registration::Input {
    let user = trunk.user().unwrap_or_default();
    let own = message.contacts().flatten().filter_map(Contact::address).find(|contact| {
        let said: &[u8] = &contact.uri.user_decoded();
        said == user.as_bytes()
    });
    let by_contact = own.and_then(|contact| contact.expires());
    let by_header = || message.expires().ok().flatten();
    let asked = u32::try_from(trunk.enrolment.expires.as_secs()).unwrap_or(u32::MAX);
    // Some carriers leave out everything: what was asked for holds.
    let granted = by_contact.or_else(by_header).unwrap_or(asked);
    trunk.service_route = message
        .values(Name::ServiceRoute)
        .filter(|value| value.len() <= SERVICE_ROUTE_LEN_MAX)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .map(str::to_owned)
        .take(SERVICE_ROUTES_MAX)
        .collect();
    registration::Input::Accepted(Duration::from_secs(u64::from(granted.min(86_400))))
}

/// Our contact at a carrier: the account's user, by which its calls are told.
fn contact(user: &str, address: std::net::SocketAddr, flow: Flow) -> String {
    match flow.transport {
        Transport::Udp => format!("sip:{user}@{address}"),
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            format!("sip:{user}@{address};transport={}", flow.transport.word())
        }
    }
}
