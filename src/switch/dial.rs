//! Dialling out: whom a number means, a leg for each of his phones, our INVITE and what comes back.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::registrar::Binding;
use crate::sdp;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::Transport;
use crate::sip::msg;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Uri;
use crate::switch::cause_map;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Purpose;
use crate::switch::leg::Shown;
use crate::switch::leg::Target;
use crate::switch::subscriptions::WatchId;
use crate::switch::trunk_invite::Special;
use crate::switch::view::LegRole;
use crate::switch::write;
use std::net::SocketAddr;

/// RFC 3261 section 19.1.2: the port where none is given.
const SIP_PORT: u16 = 5060;
/// The same over TLS.
const SIPS_PORT: u16 = 5061;

impl Core {
    /// Legs for what the dial plan chose; the cause when there is nobody to ring.
    pub(crate) fn plan_destination(
        &mut self,
        now: Now,
        call: CallUid,
        to: &Destination,
        shown: &Shown,
    ) -> Result<Vec<LegId>, Cause> {
        match to {
            Destination::Phone(number) => {
                let legs = self.plan_phone(now, call, number, LegRole::Party, shown);
                match legs.is_empty() {
                    false => Ok(legs),
                    // There are phones, but no port for them.
                    true if self.is_reachable(now, number) => Err(Cause::Congestion),
                    true => Err(Cause::Unreachable),
                }
            }
            Destination::Trunk { trunks, number } => {
                self.plan_trunk(now, call, trunks, number, shown).map(|leg| vec![leg])
            }
            Destination::Queue(_) | Destination::Music(_) => Ok(Vec::new()),
            // A call is led there by `lead`; who is handed over to a group has all of it rung at once.
            Destination::Group(group) => {
                let members = self.config.group(group).map(|group| group.members.clone()).unwrap_or_default();
                let mut legs = Vec::new();
                for phone in members {
                    if !self.phone_settings(&phone).do_not_disturb {
                        legs.extend(self.plan_phone(now, call, &phone, LegRole::Party, shown));
                    }
                }
                if legs.is_empty() { Err(Cause::Unreachable) } else { Ok(legs) }
            }
            Destination::Menu(_) | Destination::Feature(_) => Err(Cause::NotFound),
            Destination::NotBuilt { .. } => Err(Cause::NotBuilt),
            // A caller goes there by himself; nobody is rung for it.
            Destination::Conference(_) => Err(Cause::NotFound),
            // Whoever picks up takes over a call that rings: nobody is rung for it, and nobody is transferred to it.
            Destination::PickupGroup | Destination::PickupDirected(_) => Err(Cause::Forbidden),
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
        let mut targets: Vec<(String, Flow, Vec<String>)> = self
            .registrar
            .bindings(number.as_str(), now.instant)
            .into_iter()
            .filter(|contact| self.is_asked_for(contact))
            .map(|contact| (contact.uri.clone(), contact.flow, contact.path.clone()))
            .collect();
        let fixed = self.config.phone(number.as_str()).and_then(|phone| phone.contact);
        if let Some(fixed) = fixed.filter(|_| self.device.is_none()) {
            targets.extend(self.flow_of_uri(&fixed).map(|flow| (fixed, flow, Vec::new())));
        }
        let Some(worker) = self.calls.get(&call).map(|slot| slot.worker) else { return Vec::new() };
        let mut legs = Vec::new();
        for (uri, flow, path) in targets {
            let target = Target { uri, flow, shown: shown.clone() };
            let Some(leg) = self.plan_leg(call, role, number.as_str().to_owned(), target) else { continue };
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.path = path;
                leg.phone = Some(number.clone());
                leg.own_call = role != LegRole::Agent;
            }
            self.phone_workers.began(number, worker);
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
        let contacts = self.registrar.bindings(number.as_str(), now.instant);
        (fixed && self.device.is_none()) || contacts.iter().any(|contact| self.is_asked_for(contact))
    }

    /// A leg with its media port, not yet dialled; `None` when there is no port.
    pub(crate) fn plan_leg(
        &mut self,
        call: CallUid,
        role: LegRole,
        party: String,
        target: Target,
    ) -> Option<LegId> {
        let worker = self.calls.get(&call)?.worker;
        let flow = target.flow;
        let id = self.open_leg(call, worker, role, party, flow, Phase::Planned)?;
        self.legs.get_mut(&id)?.target = Some(target);
        Some(id)
    }

    /// Where a fixed contact's address is; only literal addresses, a name would need a resolver.
    fn flow_of_uri(&self, uri: &str) -> Option<Flow> {
        let uri = Uri::parse(uri.as_bytes()).ok()?;
        let address = uri.host.ip()?;
        let (transport, port) = match uri.transport() {
            // RFC 7118 section 5: nobody can connect to a browser.
            Some(msg::Transport::Ws | msg::Transport::Wss) => return None,
            Some(msg::Transport::Tls) => (Transport::Tls, SIPS_PORT),
            Some(_) | None if uri.scheme == msg::Scheme::Sips => (Transport::Tls, SIPS_PORT),
            Some(msg::Transport::Tcp) => (Transport::Tcp, SIP_PORT),
            Some(_) | None => (Transport::Udp, SIP_PORT),
        };
        self.addresses.flow_to(transport, SocketAddr::new(address, uri.port.unwrap_or(port)))
    }

    /// Sends the INVITE of a planned leg, offering the codec of the other leg first.
    pub(crate) fn dial(&mut self, now: Now, id: LegId, like: LegId) {
        self.decide_encryption(id);
        let first = self.codecs_like(like);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(target) = leg.target.clone() else { return };
        leg.local
            .codecs
            .sort_by_key(|codec| first.iter().position(|wish| wish == codec).unwrap_or(usize::MAX));
        let body = sdp::offer(&leg.local);
        leg.body = Some(body.clone());
        let more = leg.more_headers.clone();
        let referred_by = leg.referred_by.clone();
        let contact = self.addresses.signalling(&target.flow);
        let branch = self.endpoint.branch();
        let call_id = write::call_id(&mut self.random, &self.config.sip.domain);
        let tag = self.endpoint.dialling_tag(call_id.as_bytes());
        let hops = self.hops_of(id);
        let session = self.session_asked(id);
        let mut special = self.special(id, like);
        let path = leg_path(self.legs.get(&id));
        let written = |special: &Special| {
            write::invite(&write::Invite {
                target: &target,
                special,
                path: &path,
                domain: &self.config.sip.domain,
                user_agent: &self.config.sip.user_agent,
                contact,
                branch: &branch,
                tag: &tag,
                call_id: &call_id,
                body: &body,
                more: &more,
                referred_by: referred_by.as_deref(),
                hops,
                session,
            })
        };
        let mut invite = written(&special);
        while self.is_too_long(id, target.flow, &invite) && special.shorten() {
            invite = written(&special);
        }
        let user = self.dial_user(now, id, like, &invite);
        let tx = self.request_sized(now, id, target.flow, invite.clone(), user);
        self.count_request_out(Method::Invite, target.flow.transport);
        if let Some(leg) = self.legs.get_mut(&id) {
            self.recorder.belongs(leg.call, call_id.as_bytes());
            leg.invite_sent = Some(invite);
            leg.dialled = Some(now.instant);
            leg.phase = Phase::Outgoing { tx, rang: false, cancelled: None };
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
        if self.trunk_answered(now, tx, user, message) {
            return;
        }
        let status = message.status().unwrap_or(0);
        if let Some(watch) = WatchId::unpack(user) {
            return self.notify_answered(now, watch, message);
        }
        match Purpose::unpack(user) {
            Purpose::Dial(leg) => self.invite_response(now, tx, leg, status, message),
            Purpose::Reinvite(leg) => self.reinvite_response(now, tx, leg, status, message),
            Purpose::Refresh(leg) => self.refresh_response(now, leg, status, message),
            Purpose::Farewell(_) => {}
        }
    }

    /// No response came, or the transport failed.
    pub(crate) fn request_failed(&mut self, now: Now, user: u64, status: u16) {
        if self.trunk_unanswered(now, user, status) {
            return;
        }
        if let Some(watch) = WatchId::unpack(user) {
            return self.notify_failed(now, watch, status);
        }
        match Purpose::unpack(user) {
            Purpose::Dial(leg) => {
                self.contact_silent(now, leg);
                self.dial_failed(leg, status);
            }
            // RFC 3261 section 14.1 and 12.2.1.2: no answer at all to a re-INVITE means that the dialog is gone.
            Purpose::Reinvite(leg) => self.reinvite_failed(now, leg, status),
            // RFC 4028 section 10: a refresh without answer ends the session, as 408 does.
            Purpose::Refresh(leg) => self.session_lost(now, leg),
            Purpose::Farewell(_) => {}
        }
    }

    pub(crate) fn invite_response(
        &mut self,
        now: Now,
        tx: ClientTx,
        id: LegId,
        status: u16,
        message: &Message,
    ) {
        if status == 422 && self.dial_with_longer_session(now, id, message) {
            return;
        }
        if self.dial_plainly(now, id, status) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else {
            if (200..300).contains(&status)
                && let Some(flow) = self.endpoint.flow_of(tx)
            {
                self.late_answer(now, Some(tx), message, flow);
            }
            return;
        };
        leg.peer.learn(message);
        match (&mut leg.phase, status) {
            (Phase::Outgoing { .. }, ..=100) => {}
            (Phase::Outgoing { cancelled: Some(_), .. }, 101..=199) => {}
            (Phase::Outgoing { rang, .. }, 101..=199) => {
                *rang = true;
                self.provisional(now, id, message);
            }
            (Phase::Outgoing { .. }, 200..=299) => self.answered(now, tx, id, message),
            (Phase::Outgoing { .. }, 300..=399) => self.redirected(id, message),
            (Phase::Outgoing { .. }, _) => {
                self.keep_reason_of_refusal(id, message);
                // RFC 5626 section 11.1: 430 says that the proxy has lost the phone's flow.
                if status == 430 {
                    self.contact_silent(now, id);
                }
                self.dial_failed(id, status);
            }
            // RFC 3261 section 13.2.2.4: a second phone behind a forking proxy has answered as well.
            (Phase::Up, 200..=299) => self.refuse_fork(now, tx, id, message),
            (Phase::Up | Phase::Incoming { .. } | Phase::Planned | Phase::Leaving { .. }, _) => {}
        }
    }

    fn provisional(&mut self, now: Now, id: LegId, message: &Message) {
        self.note_early_dialog(id, message);
        if !self.acknowledge_if_demanded(now, id, message) {
            return;
        }
        let early = !message.body_slice().is_empty() && self.settle_remote_answer(id, message);
        self.tell_leg(id, if early { LegEvent::EarlyMedia } else { LegEvent::Ringing });
    }

    fn answered(&mut self, now: Now, tx: ClientTx, id: LegId, message: &Message) {
        let Some(Leg { phase: Phase::Outgoing { cancelled, .. }, .. }) = self.legs.get(&id) else { return };
        let cancelled = *cancelled;
        let Some(dialog) = self.dialog_made(id, message) else {
            // An answer without To-tag or Contact opens no dialog that could be acknowledged.
            self.dial_failed(id, 502);
            return;
        };
        // The early dialog of the same phone goes on, with the CSeq numbers that were used in it.
        let goes_on = self.dialog(id).filter(|early| early.id() == dialog.id());
        if goes_on.is_none_or(|early| early.receive_response(message).is_err()) {
            let dialog = self.fork_with(id, dialog, message);
            self.adopt_dialog(id, dialog);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.phase = Phase::Up;
        }
        self.note_allow(id, message);
        self.send_ack(now, tx, id, message);
        if let Some(cause) = cancelled {
            self.send_bye(now, id, cause);
            self.drop_leg(id);
        } else if self.settle_remote_answer(id, message) {
            self.watch_media(id);
            self.session_confirmed(now, id, message);
            self.warn_of_private_media(now, id);
            self.tell_leg(id, LegEvent::Answered);
        } else {
            self.send_bye(now, id, Cause::NotAcceptable);
            self.tell_leg(id, LegEvent::Failed(Cause::NotAcceptable));
            self.drop_leg(id);
        }
    }

    /// The dialog that a response to the leg's INVITE makes; none without To-tag or Contact.
    pub(crate) fn dialog_made(&self, id: LegId, response: &Message) -> Option<Dialog> {
        let leg = self.legs.get(&id)?;
        let invite = Message::parse(leg.invite_sent.clone()?).ok()?;
        Dialog::uac(&invite, response, leg.flow).ok()
    }

    /// A provisional response with a To-tag makes an early dialog, in which the phone can be asked to answer.
    fn note_early_dialog(&mut self, id: LegId, message: &Message) {
        if self.legs.get(&id).is_some_and(|leg| leg.dialog.is_none())
            && let Some(dialog) = self.dialog_made(id, message)
        {
            self.adopt_dialog(id, dialog);
        }
    }

    pub(crate) fn dial_failed(&mut self, id: LegId, status: u16) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Phase::Outgoing { rang, cancelled, .. } = &leg.phase else { return };
        let (rang, cancelled) = (*rang, cancelled.is_some());
        if !cancelled {
            let cause = cause_map::of_status(status, rang);
            self.tell_leg(id, LegEvent::Failed(cause));
        }
        self.drop_leg(id);
    }

    /// A registered contact that gave no sign of life is not rung again until it registers anew. A refusal, even a 408,
    /// is a sign of life.
    fn contact_silent(&mut self, now: Now, id: LegId) {
        let Some(Leg { phone: Some(phone), target: Some(target), phase, dialled: Some(dialled), .. }) =
            self.legs.get(&id)
        else {
            return;
        };
        if !matches!(phase, Phase::Outgoing { rang: false, .. }) {
            return;
        }
        let Some(key) = write::contact_key(target.uri.as_bytes()) else { return };
        let (phone, flow, asked) = (phone.clone(), target.flow, *dialled);
        // A phone that has registered since, or from elsewhere, is alive whatever became of the old INVITE.
        let same = |binding: &&Binding<Flow>| {
            binding.key == key && binding.flow == flow && binding.refreshed_at.instant <= asked
        };
        let silent = self.registrar.bindings(phone.as_str(), now.instant).into_iter().find(same);
        let Some(id) = silent.map(|binding| binding.id) else { return };
        let change = self.registrar.unreachable_binding(id);
        self.binding_changes(change.into_iter().collect());
        self.reachability(now, &phone);
    }

    /// RFC 3261 section 13.2.2.4: the ACK of a 2xx, with the INVITE's CSeq number.
    pub(crate) fn send_ack(&mut self, now: Now, tx: ClientTx, id: LegId, response: &Message) {
        let branch = self.endpoint.branch();
        let Some(Leg { dialog: Some(dialog), flow, .. }) = self.legs.get(&id) else { return };
        let Ok(cseq) = response.cseq() else { return };
        let flow = *flow;
        let sent_by = self.addresses.signalling(&flow).to_string();
        let ack = dialog.ack_for(cseq.number, sent_by.as_bytes(), &branch).finish();
        self.endpoint.ack(now.instant, tx, ack, flow, &mut self.effects);
        self.count_request_out(Method::Ack, flow.transport);
    }
}

/// The Path by which a leg's phone is reached (RFC 3327).
fn leg_path(leg: Option<&Leg>) -> Vec<String> {
    leg.map(|leg| leg.path.clone()).unwrap_or_default()
}
