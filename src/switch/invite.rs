//! The first INVITE of a call: who calls, whether there is room, where it goes.

use crate::call;
use crate::call::Call;
use crate::call::Cause;
use crate::call::LegId;
use crate::call::ledger::Ledger;
use crate::clock::Now;
use crate::config;
use crate::config::FeatureCode;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::TrunkId;
use crate::sdp;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::refer::Replaces;
use crate::switch::cause_map;
use crate::switch::core::CallSlot;
use crate::switch::core::Core;
use crate::switch::course::Course;
use crate::switch::features;
use crate::switch::identity;
use crate::switch::identity::Trail;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::leg::Shown;
use crate::switch::recording::CallRecording;
use crate::switch::replaces::Arrival;
use crate::switch::toll_gate;
use crate::switch::trunk_source::Origin;
use crate::switch::view::Direction;
use crate::switch::view::LegRole;
use std::collections::BTreeSet;

/// Who sends an INVITE.
pub(crate) enum Source {
    /// A phone that has shown that it knows its secret.
    Phone(PhoneNumber),
    /// A trunk, by its address.
    Trunk(TrunkId),
}

impl Core {
    pub(crate) fn invite(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) {
        let Some(source) = self.source_of(now, tx, message, flow) else { return };
        let emergency = self.is_emergency_call(&source, message);
        if !emergency && let Err(cause) = self.room_for(now, &source, flow) {
            self.refuse_invite(now, tx, message, cause);
            return;
        }
        // RFC 3261 section 16.3 step 3: a request that has passed too many hops goes no further.
        if message.max_forwards().is_ok_and(|hops| hops == Some(0)) {
            self.reply(now, tx, message, 483, "Too Many Hops");
            return;
        }
        if !self.session_acceptable(now, tx, message) {
            return;
        }
        if self.passage(message).is_circle() {
            // RFC 3261 section 16.3 step 4: it has been here, and it has changed nothing.
            self.reply(now, tx, message, 482, "Loop Detected");
            return;
        }
        let remote = match message.body_slice() {
            [] => None,
            body => match sdp::read(body) {
                Ok(remote) => Some(remote),
                Err(fault) => {
                    tracing::debug!(%fault, "an INVITE's SDP can't be read");
                    self.reply(now, tx, message, 400, "Bad SDP");
                    return;
                }
            },
        };
        match Replaces::of(message) {
            Ok(None) => {
                self.begin_call(now, tx, message, flow, source, remote);
                self.device = None;
            }
            Ok(Some(replaces)) => {
                self.replacing(now, &Arrival { tx, message, flow }, &source, remote, &replaces)
            }
            Err(defect) => self.reply(now, tx, message, defect.status, defect.reason),
        }
    }

    /// Who calls: a trunk by its address, else a phone by its digest. `None` when it was answered already.
    fn source_of(&mut self, now: Now, tx: ServerTx, message: &Message, flow: Flow) -> Option<Source> {
        match self.trunk_of(now, tx, message, flow) {
            Origin::Trunk(trunk) => Some(Source::Trunk(trunk)),
            Origin::Answered => None,
            Origin::NoTrunk => self.authenticate(now, tx, message).map(Source::Phone),
        }
    }

    /// Whether a new call may be taken now.
    fn room_for(&mut self, now: Now, source: &Source, flow: Flow) -> Result<(), Cause> {
        if self.draining {
            return Err(Cause::Shutdown);
        }
        let source_address = flow.remote.ip();
        if self.media_busy || !self.limiter.call_allowed(now.instant, source_address, &self.config.limits) {
            return Err(Cause::Congestion);
        }
        match source {
            Source::Trunk(trunk) if self.trunks.is_full(trunk) => Err(Cause::Congestion),
            Source::Trunk(_) | Source::Phone(_) => Ok(()),
        }
    }

    fn begin_call(
        &mut self,
        now: Now,
        tx: ServerTx,
        message: &Message,
        flow: Flow,
        source: Source,
        remote: Option<sdp::Remote>,
    ) {
        let called = self.called_by(now, &source, message);
        let (destination, direction, rule) = self.whither(&source, &called);
        // A call for help is nobody's expense.
        if let Source::Phone(phone) = &source
            && !self.is_emergency_call(&source, message)
            && !toll_gate::outside(&destination).is_some_and(|number| self.dialplan.is_emergency(number))
            && let Err(cause) = self.toll_allows(now, phone, &destination)
        {
            return self.refuse_invite(now, tx, message, cause);
        }
        if let (Destination::PickupGroup | Destination::PickupDirected(_), Source::Phone(number)) =
            (&destination, &source)
        {
            return self.pick_up(now, &Arrival { tx, message, flow }, number, remote, &destination);
        }
        if let (Destination::Feature(feature), Source::Phone(number)) = (&destination, &source)
            && matches!(feature.code, FeatureCode::Listen | FeatureCode::Whisper | FeatureCode::Barge)
        {
            return self.supervise_by_code(now, &Arrival { tx, message, flow }, number, remote, feature);
        }
        let shown = self.shown(&source, message);
        let Some(worker) = self.worker_for(&source, &destination) else {
            tracing::warn!("no media port is free: a call is refused; widen [media] ports");
            return self.refuse_invite(now, tx, message, Cause::Congestion);
        };
        let Ok(dialog) = Dialog::uas(message, &self.endpoint.tag(), flow) else {
            return self.reply(now, tx, message, 400, "Missing Or Bad Contact");
        };
        let call = CallUid::draw(now.wall, &mut self.random);
        self.calls.insert(
            call,
            CallSlot {
                call: Call::new(LegId(0), Ledger::open(now, call, shown.number.clone(), called.clone())),
                direction,
                worker,
                caller_name: shown.name.clone(),
                entry: None,
                legs: BTreeSet::new(),
                course: Course::new(shown.clone()),
                timeline: Vec::new(),
                armed: None,
                referral: None,
                ended_legs: Vec::new(),
                room: None,
                conference: None,
                passage: self.passage(message),
                recording: CallRecording::of(rule),
                reason: None,
            },
        );
        let phase = Phase::Incoming { tx, invite: message.clone(), told: 0 };
        let party = shown.number.clone();
        let Some(leg) = self.open_leg(call, worker, LegRole::Caller, party, flow, phase) else {
            self.calls.remove(&call);
            return self.refuse_invite(now, tx, message, Cause::Congestion);
        };
        self.invites.insert(tx, leg);
        self.adopt_dialog(leg, dialog);
        if let Source::Phone(phone) = &source {
            self.toll.began(now.instant, call, phone, toll_gate::outside(&destination).is_some());
        }
        self.adopt_source(leg, source, message, remote, !features::is_brief(&destination));
        self.adopt_extensions(leg, message);
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.call = Call::new(leg, slot.call.ledger().clone());
        }
        self.started(now, call, direction);
        self.respond_to_invite(now, leg, 100, "Trying", None);
        self.note_allow(leg, message);
        self.follow_plan(now, call, leg, destination);
    }

    /// Where the number leads, from there, and what its rule says of recording.
    fn whither(&self, source: &Source, called: &str) -> (Destination, Direction, Option<config::Recording>) {
        match source {
            Source::Trunk(trunk) => {
                let rule = self.dialplan.inbound_rule(trunk, called);
                let (destination, recording) = rule.unwrap_or((Destination::NotFound, None));
                (destination, Direction::Inbound, recording)
            }
            Source::Phone(_) => {
                let destination = self.dialplan.from_phone(called);
                let out = matches!(destination, Destination::Trunk { .. });
                (destination, if out { Direction::Outbound } else { Direction::Internal }, None)
            }
        }
    }

    fn started(&mut self, now: Now, call: CallUid, direction: Direction) {
        tracing::info!(call = %call, ?direction, "a call has begun");
        self.count_call_start(direction);
        self.note(now, call, "began".to_owned());
    }

    pub(crate) fn adopt_source(
        &mut self,
        id: LegId,
        source: Source,
        message: &Message,
        remote: Option<sdp::Remote>,
        busies: bool,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.remote = remote;
        leg.private = identity::is_private(message);
        // What a phone says of the call's past is not believed.
        if matches!(source, Source::Trunk(_)) {
            leg.trail = Trail::of(message);
        }
        match source {
            Source::Trunk(trunk) => {
                self.trunks.call_began(&trunk);
                leg.trunk = Some(trunk);
            }
            Source::Phone(number) => {
                leg.phone = Some(number.clone());
                leg.own_call = busies;
                let worker = leg.worker;
                if busies {
                    self.own_call_began(&number);
                }
                self.phone_workers.began(&number, worker);
            }
        }
        self.decide_encryption(id);
    }

    fn follow_plan(&mut self, now: Now, call: CallUid, leg: LegId, destination: Destination) {
        if let Some(Leg { remote: Some(_), .. }) = self.legs.get(&leg)
            && !self.can_answer(leg)
        {
            self.tell(call, call::Input::HangUp(Cause::NotAcceptable));
            return;
        }
        self.lead(now, call, destination);
    }

    /// Whether the caller's offer has anything that we can answer, before anybody is rung for it.
    pub(crate) fn can_answer(&self, id: LegId) -> bool {
        let Some(leg) = self.legs.get(&id) else { return false };
        leg.remote.as_ref().is_none_or(|remote| sdp::acceptable(remote, &leg.local).is_ok())
    }

    /// The caller as others see him: a phone by its configuration, a trunk's caller by what the carrier says.
    fn shown(&self, source: &Source, message: &Message) -> Shown {
        match source {
            Source::Phone(number) => Shown {
                number: number.as_str().to_owned(),
                name: self.config.phone(number.as_str()).and_then(|phone| phone.display_name),
            },
            Source::Trunk(trunk) => {
                let shown = identity::caller(message);
                Shown { number: self.trunks.number_in(trunk, &shown.number), ..shown }
            }
        }
    }

    fn refuse_invite(&mut self, now: Now, tx: ServerTx, message: &Message, cause: Cause) {
        let (status, reason) = cause_map::refusal(cause);
        self.reply_with(now, tx, message, status, reason, |response| {
            if status == 503 {
                response.header(Name::RetryAfter, b"5");
            }
        });
    }
}
