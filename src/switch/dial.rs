//! Dialling out: whom a number means, a leg for each of his phones, our INVITE and what comes back.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::TrunkId;
use crate::sdp;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg::Message;
use crate::sip::msg::Uri;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Shown;
use crate::switch::leg::Target;
use crate::switch::view::LegRole;
use crate::switch::write;
use bytes::Bytes;

impl Core {
    /// Legs for what the dial plan chose; the cause when there is nobody to ring.
    pub(crate) fn plan_destination(
        &mut self,
        now: Now,
        call: CallUid,
        to: &Destination,
        called: &str,
        shown: &Shown,
    ) -> Result<Vec<LegId>, Cause> {
        match to {
            Destination::Phone(number) => {
                let legs = self.plan_phone(now, call, number, LegRole::Party, shown);
                if legs.is_empty() { Err(Cause::Unreachable) } else { Ok(legs) }
            }
            Destination::Trunk { trunks, number } => {
                let number = number.as_deref().unwrap_or(called);
                self.plan_trunk(now, call, trunks, number, shown).map(|leg| vec![leg])
            }
            Destination::Queue(_) | Destination::Music(_) => Ok(Vec::new()),
            Destination::NotBuilt { .. } => Err(Cause::NotBuilt),
            Destination::NotFound => Err(Cause::NotFound),
        }
    }

    /// A leg for each registered contact of a phone, or for its fixed address.
    pub(crate) fn plan_phone(
        &mut self,
        now: Now,
        call: CallUid,
        number: &PhoneNumber,
        role: LegRole,
        shown: &Shown,
    ) -> Vec<LegId> {
        let mut targets: Vec<(String, Flow)> = self
            .registrar
            .bindings(number.as_str(), now)
            .iter()
            .map(|contact| (contact.uri.clone(), contact.flow))
            .collect();
        if let Some(fixed) = self.config.phone(number.as_str()).and_then(|phone| phone.contact) {
            targets.extend(self.flow_of_uri(&fixed).map(|flow| (fixed, flow)));
        }
        let mut legs = Vec::new();
        for (uri, flow) in targets {
            let target = Target { uri, flow, shown: shown.clone() };
            let Some(leg) = self.plan_leg(call, role, number.as_str().to_owned(), target) else { continue };
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.phone = Some(number.clone());
                leg.own_call = role != LegRole::Agent;
            }
            if role != LegRole::Agent {
                self.own_call_began(number);
            }
            legs.push(leg);
        }
        legs
    }

    /// Whether a phone could be rung now.
    pub(crate) fn is_reachable(&self, now: Now, number: &PhoneNumber) -> bool {
        let fixed = self.config.phone(number.as_str()).is_some_and(|phone| phone.contact.is_some());
        fixed || !self.registrar.bindings(number.as_str(), now).is_empty()
    }

    fn plan_trunk(
        &mut self,
        _now: Now,
        call: CallUid,
        trunks: &[TrunkId],
        number: &str,
        shown: &Shown,
    ) -> Result<LegId, Cause> {
        let mut full = false;
        for trunk in trunks {
            let Some(host) = self.trunks.host(trunk) else { continue };
            let Some(flow) = self.addresses.flow_to(self.trunks.transport(trunk), host) else { continue };
            if !self.trunks.call_began(trunk) {
                full = true;
                continue;
            }
            let target = Target { uri: format!("sip:{number}@{host}"), flow, shown: shown.clone() };
            let Some(leg) = self.plan_leg(call, LegRole::Party, number.to_owned(), target) else {
                self.trunks.call_ended(trunk);
                return Err(Cause::Congestion);
            };
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.trunk = Some(trunk.clone());
            }
            return Ok(leg);
        }
        Err(if full { Cause::Congestion } else { Cause::Unreachable })
    }

    /// A leg with its media port, not yet dialled; `None` when there is no port.
    fn plan_leg(&mut self, call: CallUid, role: LegRole, party: String, target: Target) -> Option<LegId> {
        let worker = self.calls.get(&call)?.worker;
        let flow = target.flow;
        let id = self.open_leg(call, worker, role, party, flow, Phase::Planned)?;
        self.legs.get_mut(&id)?.target = Some(target);
        Some(id)
    }

    /// Where a fixed contact's address is; only literal addresses, a name would need a resolver.
    fn flow_of_uri(&self, uri: &str) -> Option<Flow> {
        let uri = Uri::parse(uri.as_bytes()).ok()?;
        let address = uri.host().ip()?;
        let transport = match uri.transport() {
            Some(name) if name.eq_ignore_ascii_case(b"tcp") => Transport::Tcp,
            Some(_) | None => Transport::Udp,
        };
        self.addresses.flow_to(transport, std::net::SocketAddr::new(address, uri.port().unwrap_or(5060)))
    }

    /// Sends the INVITE of a planned leg, offering the codec of the other leg first.
    pub(crate) fn dial(&mut self, now: Now, id: LegId, like: LegId) {
        let first = self.codecs_like(like);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(target) = leg.target.clone() else { return };
        leg.local.codecs.sort_by_key(|codec| first.iter().position(|wish| wish == codec).unwrap_or(usize::MAX));
        let body = sdp::offer(&leg.local);
        leg.body = Some(body.clone());
        let contact = self.addresses.signalling(&target.flow);
        let branch = self.endpoint.branch();
        let tag = self.endpoint.tag();
        let call_id = write::call_id(&mut self.random, &self.config.sip.domain);
        let invite = write::invite(&write::Invite {
            target: &target,
            domain: &self.config.sip.domain,
            user_agent: &self.config.sip.user_agent,
            contact,
            branch: &branch,
            tag: &tag,
            call_id: &call_id,
            body: &body,
        });
        let user = Purpose::Dial(id).pack();
        let tx = self.endpoint.request(now.instant, target.flow, invite.clone(), user, &mut self.effects);
        self.metrics_request_out("INVITE", target.flow.transport);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.phase = Phase::Outgoing { tx, invite, rang: false, cancelled: false };
        }
    }

    /// The codecs of a leg in its order of wish: the agreed one first, then what it offered.
    fn codecs_like(&self, id: LegId) -> Vec<sdp::Codec> {
        let Some(leg) = self.legs.get(&id) else { return Vec::new() };
        let agreed = leg.agreed.iter().map(|agreed| agreed.codec.clone());
        let offered = leg.remote.iter().filter_map(|remote| remote.audio.as_ref());
        agreed.chain(offered.flat_map(|audio| audio.formats.iter().map(|(_, codec)| codec.clone()))).collect()
    }

    /// A response to one of our requests.
    pub(crate) fn response(&mut self, now: Now, tx: ClientTx, user: u64, message: &Message) {
        let status = message.status().unwrap_or(0);
        match Purpose::unpack(user) {
            Purpose::Dial(leg) => self.invite_response(now, tx, leg, status, message),
            Purpose::Reinvite(leg) => self.reinvite_response(now, tx, leg, status, message),
            Purpose::Farewell(_) => {}
        }
    }

    /// No response came, or the transport failed.
    pub(crate) fn request_failed(&mut self, now: Now, user: u64, status: u16) {
        match Purpose::unpack(user) {
            Purpose::Dial(leg) => self.dial_failed(now, leg, status),
            // RFC 3261 section 14.1 and 12.2.1.2: no answer at all to a re-INVITE means that the dialog is gone.
            Purpose::Reinvite(leg) => self.reinvite_failed(now, leg, status),
            Purpose::Farewell(_) => {}
        }
    }

    fn invite_response(&mut self, now: Now, tx: ClientTx, id: LegId, status: u16, message: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else {
            // RFC 3261 section 13.2.2.4: a 2xx nobody wants any more is acknowledged and hung up.
            if (200..300).contains(&status) {
                tracing::debug!("a late answer without a leg");
            }
            return;
        };
        match (&mut leg.phase, status) {
            (Phase::Outgoing { .. }, ..=100) => {}
            (Phase::Outgoing { cancelled: true, .. }, 101..=199) => {}
            (Phase::Outgoing { rang, .. }, 101..=199) => {
                *rang = true;
                self.provisional(id, message);
            }
            (Phase::Outgoing { .. }, 200..=299) => self.answered(now, tx, id, message),
            (Phase::Outgoing { .. }, _) => self.dial_failed(now, id, status),
            // RFC 3261 section 13.2.2.4: a second phone behind a forking proxy has answered as well.
            (Phase::Up, 200..=299) => self.refuse_fork(now, tx, id, message),
            (Phase::Up | Phase::Incoming { .. } | Phase::Planned, _) => {}
        }
    }

    fn provisional(&mut self, id: LegId, message: &Message) {
        self.note_early_dialog(id, message);
        let early = !message.body_slice().is_empty() && self.settle_remote_answer(id, message);
        self.tell_leg(id, if early { LegEvent::EarlyMedia } else { LegEvent::Ringing });
    }

    fn answered(&mut self, now: Now, tx: ClientTx, id: LegId, message: &Message) {
        let Some(Leg { phase: Phase::Outgoing { invite, cancelled, .. }, flow, .. }) = self.legs.get_mut(&id) else {
            return;
        };
        let cancelled = *cancelled;
        let flow = *flow;
        let dialog = Message::parse(invite.clone()).ok().and_then(|invite| Dialog::uac(&invite, message, flow).ok());
        let Some(dialog) = dialog else {
            // An answer without To-tag or Contact opens no dialog that could be acknowledged.
            self.dial_failed(now, id, 502);
            return;
        };
        self.adopt_dialog(id, dialog);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.phase = Phase::Up;
        }
        self.send_ack(now, tx, id, message);
        if cancelled {
            self.send_bye(now, id, Cause::Cancelled);
            self.drop_leg(id);
        } else if self.settle_remote_answer(id, message) {
            self.tell_leg(id, LegEvent::Answered);
        } else {
            self.send_bye(now, id, Cause::NotAcceptable);
            self.tell_leg(id, LegEvent::Failed(Cause::NotAcceptable));
            self.drop_leg(id);
        }
    }

    fn refuse_fork(&mut self, now: Now, tx: ClientTx, id: LegId, message: &Message) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(target) = &leg.target else { return };
        let same = leg.dialog_id.as_ref().is_some_and(|known| known.remote_tag == write::to_tag(message));
        if same {
            return;
        }
        let flow = target.flow;
        let invite = leg.invite_sent.clone().and_then(|invite| Message::parse(invite).ok());
        let Some(mut dialog) = invite.and_then(|invite| Dialog::uac(&invite, message, flow).ok()) else { return };
        let ack = write::ack(&mut dialog, &self.endpoint.branch(), message);
        self.endpoint.ack(now.instant, tx, ack, flow, &mut self.effects);
        let via = self.addresses.signalling(&flow);
        let bye = write::in_dialog(&mut dialog, "BYE", via, &self.endpoint.branch()).finish();
        self.endpoint.request(now.instant, flow, bye, Purpose::Farewell(id).pack(), &mut self.effects);
    }

    fn dial_failed(&mut self, now: Now, id: LegId, status: u16) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Phase::Outgoing { rang, cancelled, .. } = &leg.phase else { return };
        let (rang, cancelled) = (*rang, *cancelled);
        if !cancelled {
            let cause = cause_map::of_status(status, rang);
            self.tell_leg(id, LegEvent::Failed(cause));
            if matches!(status, 408 | 503) && !rang {
                self.contact_silent(now, id);
            }
        }
        self.drop_leg(id);
    }

    /// A registered contact that gave no sign of life is not rung again until it registers anew.
    fn contact_silent(&mut self, now: Now, id: LegId) {
        let Some(Leg { phone: Some(phone), target: Some(target), .. }) = self.legs.get(&id) else { return };
        let (phone, uri) = (phone.clone(), target.uri.clone());
        let changes = self.registrar.unreachable(phone.as_str(), &uri);
        self.binding_changes(now, changes);
        self.reachability(now, &phone);
    }

    fn send_ack(&mut self, now: Now, tx: ClientTx, id: LegId, response: &Message) {
        let branch = self.endpoint.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let flow = leg.flow;
        let via = self.addresses.signalling(&flow);
        let Some(dialog) = leg.dialog.as_mut() else { return };
        let ack: Bytes = write::ack_via(dialog, via, &branch, response);
        self.endpoint.ack(now.instant, tx, ack, flow, &mut self.effects);
    }
}
