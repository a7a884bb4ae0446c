//! What the feature codes do. The codes themselves are the dial plan's (`dialplan::codes`).
//!
//! Each is answered with words in the configured language and hung up, but for those that lead somewhere.

use crate::acd;
use crate::call::Afterwards;
use crate::call::Cause;
use crate::call::Plan;
use crate::clock::Now;
use crate::config::FeatureCode;
use crate::dialplan::Destination;
use crate::dialplan::Feature;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::QueueStatus;
use crate::store::PhoneSetting;
use crate::switch::auto_answer;
use crate::switch::core::Core;
use crate::switch::core::Work;
use crate::switch::course::At;
use crate::switch::course::Turn;
use crate::switch::spoken;
use crate::switch::view::LegRole;
use std::time::Duration;

/// How long an intercom call waits for a phone that should answer at once.
const INTERCOM_RING: Duration = Duration::from_secs(30);

const INVALID: &[&str] = &["pbx-invalid"];

/// Whether a code is done in a moment: then its call does not make the caller's agent busy, who would else get the status
/// that he asks for only when he hangs up.
pub(crate) fn is_brief(to: &Destination) -> bool {
    let Destination::Feature(feature) = to else { return false };
    !matches!(feature.code, FeatureCode::Echo | FeatureCode::Intercom | FeatureCode::SpeedDial)
}

impl Core {
    /// A phone has dialled a code.
    pub(crate) fn feature_turn(&mut self, now: Now, call: CallUid, feature: &Feature) -> Turn {
        let Some(phone) = self.calling_phone(call) else { return Turn::Refuse(Cause::Forbidden) };
        if let Some(slot) = self.calls.get_mut(&call) {
            slot.course.at = At::Plain;
        }
        self.note(now, call, format!("code {}", feature.code.as_str()));
        let argument = feature.argument.as_str();
        match feature.code {
            FeatureCode::QueueLogin => say(self.toggle_login(&phone, argument)),
            FeatureCode::QueuePause => say(self.toggle_pause(&phone, argument)),
            FeatureCode::CallersWaiting => self.callers_waiting(now, &phone, argument),
            FeatureCode::EndWrapUp => say(self.end_wrap_up(&phone)),
            FeatureCode::DndOn | FeatureCode::DndOff => {
                let on = feature.code == FeatureCode::DndOn;
                let value = if on { "on" } else { "" };
                self.set_phone(&phone, PhoneSetting::DoNotDisturb, Some(value.to_owned()));
                say(&["do-not-disturb", if on { "activated" } else { "de-activated" }])
            }
            FeatureCode::ForwardAlwaysOn | FeatureCode::ForwardBusyOn | FeatureCode::ForwardNoAnswerOn => {
                say(self.forward_on(&phone, feature.code, argument))
            }
            FeatureCode::ForwardAlwaysOff | FeatureCode::ForwardBusyOff | FeatureCode::ForwardNoAnswerOff => {
                say(self.forward_off(&phone, feature.code))
            }
            FeatureCode::Intercom => self.intercom(now, call, &phone, argument),
            FeatureCode::Echo => {
                Turn::Begin(Plan::Say { sounds: vec!["demo-echotest".to_owned()], then: Afterwards::Echo })
            }
            FeatureCode::WhoAmI => {
                let mut sounds = vec!["vm-extension".to_owned()];
                sounds.extend(spoken::digits(phone.as_str()));
                Turn::Begin(Plan::Say { sounds, then: Afterwards::HangUp(Cause::Normal) })
            }
            FeatureCode::SpeedDial => self.speed_dial(now, call, &phone, argument),
            // It is pressed in a call.
            FeatureCode::Recording => Turn::Refuse(Cause::NotFound),
            // Those that are destinations of their own or served before there is a call, and those that are not built.
            FeatureCode::Music
            | FeatureCode::Pickup
            | FeatureCode::PickupDirected
            | FeatureCode::Park
            | FeatureCode::BlindTransfer
            | FeatureCode::AttendedTransfer
            | FeatureCode::ThreeWay
            | FeatureCode::Listen
            | FeatureCode::Whisper
            | FeatureCode::Barge
            | FeatureCode::Voicemail
            | FeatureCode::VoicemailOther => Turn::Refuse(Cause::NotBuilt),
        }
    }

    /// The phone from which the call comes.
    pub(crate) fn calling_phone(&self, call: CallUid) -> Option<PhoneNumber> {
        let caller = self.calls.get(&call)?.call.caller();
        self.legs.get(&caller)?.phone.clone()
    }

    /// Logs the phone's agent in, or out where he is logged in: in one queue by its number or id, or in all.
    fn toggle_login(&mut self, phone: &PhoneNumber, queue: &str) -> &'static [&'static str] {
        let Some(agent) = self.agents_by_phone.get(phone).cloned() else { return INVALID };
        let queues = match self.queue_named(queue) {
            _ if queue.is_empty() => None,
            Some(queue) => Some(vec![queue]),
            None => return INVALID,
        };
        let Some(card) = self.acd.agent(&agent) else { return INVALID };
        let meant = |seat: &&acd::SeatCard| queues.as_ref().is_none_or(|queues| queues.contains(&seat.queue));
        let logged_in = card.queues.iter().filter(meant).any(|seat| seat.status != QueueStatus::LoggedOut);
        let status = if logged_in { QueueStatus::LoggedOut } else { QueueStatus::Ready };
        match self.set_status(&agent, status, queues) {
            false => INVALID,
            true if logged_in => &["agent-loggedoff"],
            true => &["agent-loginok"],
        }
    }

    pub(crate) fn queue_named(&self, name: &str) -> Option<QueueId> {
        let by_number = |queue: &&crate::config::Queue| queue.number.as_deref() == Some(name);
        let by_id = |queue: &&crate::config::Queue| queue.id.as_str() == name;
        let queues = &self.config.queues;
        queues.iter().find(by_number).or_else(|| queues.iter().find(by_id)).map(|queue| queue.id.clone())
    }

    /// Pauses the phone's agent wherever he is ready, or makes him ready where he is paused. A reason always pauses.
    fn toggle_pause(&mut self, phone: &PhoneNumber, code: &str) -> &'static [&'static str] {
        let Some(agent) = self.agents_by_phone.get(phone).cloned() else { return INVALID };
        let Some(card) = self.acd.agent(&agent) else { return INVALID };
        let paused = card.queues.iter().any(|seat| matches!(seat.status, QueueStatus::Paused { .. }));
        let reasons = &self.config.pause_reasons;
        let reason = reasons.iter().find(|reason| reason.code.as_deref() == Some(code));
        let status = match reason.map(|reason| reason.id.clone()) {
            None if !code.is_empty() => return INVALID,
            None if paused => QueueStatus::Ready,
            reason => QueueStatus::Paused { reason },
        };
        let logged_in = card.queues.iter().any(|seat| seat.status != QueueStatus::LoggedOut);
        let resumes = status == QueueStatus::Ready;
        match logged_in && self.set_status(&agent, status, None) {
            false => INVALID,
            true if resumes => &["agent-ready"],
            true => &["agent-paused"],
        }
    }

    fn set_status(&mut self, agent: &AgentId, status: QueueStatus, queues: Option<Vec<QueueId>>) -> bool {
        let by = Some(agent.as_str().to_owned());
        self.ask_distributor(acd::Input::SetStatus { agent: agent.clone(), status, queues, by })
    }

    fn end_wrap_up(&mut self, phone: &PhoneNumber) -> &'static [&'static str] {
        let Some(agent) = self.agents_by_phone.get(phone).cloned() else { return INVALID };
        let by = Some(agent.as_str().to_owned());
        match self.ask_distributor(acd::Input::EndWrapUp { agent, by }) {
            true => &["agent-ready"],
            false => INVALID,
        }
    }

    /// Whether the distributor will do it; then it has it to do.
    fn ask_distributor(&mut self, input: acd::Input) -> bool {
        let may = self.acd.validate(&input).is_ok();
        if may {
            self.work.push_back(Work::Acd(input));
        }
        may
    }

    /// Says how many callers wait: in a queue by its number or id, or in those of the phone's agent.
    fn callers_waiting(&mut self, now: Now, phone: &PhoneNumber, queue: &str) -> Turn {
        let queues: Vec<QueueId> = if queue.is_empty() {
            let card = self.agents_by_phone.get(phone).and_then(|agent| self.acd.agent(agent));
            card.into_iter().flat_map(|card| card.queues).map(|seat| seat.queue).collect()
        } else {
            self.queue_named(queue).into_iter().collect()
        };
        if queues.is_empty() {
            return say(INVALID);
        }
        let waiting = |queue: &QueueId| self.acd.queue(queue, now.instant).map_or(0, |card| card.waiting);
        let count = queues.iter().map(waiting).sum();
        let mut sounds = spoken::count(count, self.config.sounds.language);
        sounds.push("queue-callswaiting".to_owned());
        Turn::Begin(Plan::Say { sounds, then: Afterwards::HangUp(Cause::Normal) })
    }

    /// Forwards the phone's calls to a number that it could dial itself; without one, to the file's.
    fn forward_on(&mut self, phone: &PhoneNumber, code: FeatureCode, to: &str) -> &'static [&'static str] {
        let (settings, sounds) = forward_of(code);
        if to.is_empty() {
            let file = self.config.phone(phone.as_str()).map(|phone| phone.features.forward);
            let file = file.unwrap_or_default();
            let known = if code == FeatureCode::ForwardAlwaysOn {
                file.always
            } else if code == FeatureCode::ForwardBusyOn {
                file.busy
            } else {
                file.no_answer
            };
            if known.is_none() {
                return INVALID;
            }
        } else if to == phone.as_str() || self.forwarding_destination(to).is_none() {
            return INVALID;
        }
        for setting in settings {
            self.set_phone(phone, *setting, (!to.is_empty()).then(|| to.to_owned()));
        }
        sounds
    }

    fn forward_off(&mut self, phone: &PhoneNumber, code: FeatureCode) -> &'static [&'static str] {
        let (settings, sounds) = forward_of(code);
        for setting in settings {
            self.set_phone(phone, *setting, Some(String::new()));
        }
        sounds
    }

    fn speed_dial(&mut self, now: Now, call: CallUid, phone: &PhoneNumber, short: &str) -> Turn {
        let own =
            self.config.phone(phone.as_str()).map(|phone| phone.features.speed_dial).unwrap_or_default();
        let number = own.get(short).or_else(|| self.config.features.speed_dial.get(short));
        let destination = |number: &String| {
            // A person dials this one: he may call for help by it too.
            let help = self.dialplan.is_emergency(number).then(|| self.dialplan.from_phone(number));
            help.or_else(|| self.forwarding_destination(number))
        };
        let Some(to) = number.and_then(destination) else { return say(INVALID) };
        match self.toll_leads(now, call, &to, true) {
            Ok(()) => Turn::To(to),
            Err(cause) => Turn::Refuse(cause),
        }
    }

    /// Calls a phone that answers by itself. It is not forwarded: nobody speaks into a room that he did not mean.
    fn intercom(&mut self, now: Now, call: CallUid, by: &PhoneNumber, to: &str) -> Turn {
        let may = self.config.phone(by.as_str()).is_some_and(|phone| phone.features.may_intercom);
        let Some(called) = self.config.phone(to).filter(|_| self.dialplan.is_phone(to)) else {
            return Turn::Refuse(Cause::NotFound);
        };
        if !may {
            return Turn::Refuse(Cause::Forbidden);
        }
        let number = PhoneNumber::new(to);
        if self.phone_settings(&number).do_not_disturb {
            return Turn::Refuse(Cause::Busy);
        }
        let shown = self.calls.get(&call).map(|slot| slot.course.shown.clone()).unwrap_or_default();
        let legs = self.plan_phone(now, call, &number, LegRole::Party, &shown);
        if legs.is_empty() {
            return Turn::Refuse(Cause::Unreachable);
        }
        if called.features.accepts_intercom {
            let headers = auto_answer::headers(called.features.profile, &self.config.sip.domain);
            for id in &legs {
                if let Some(leg) = self.legs.get_mut(id) {
                    leg.more_headers.clone_from(&headers);
                }
            }
        }
        self.attempt(call, legs, INTERCOM_RING)
    }
}

/// What a forwarding code sets, and the words for it.
fn forward_of(code: FeatureCode) -> (&'static [PhoneSetting], &'static [&'static str]) {
    let on = matches!(
        code,
        FeatureCode::ForwardAlwaysOn | FeatureCode::ForwardBusyOn | FeatureCode::ForwardNoAnswerOn
    );
    if matches!(code, FeatureCode::ForwardAlwaysOn | FeatureCode::ForwardAlwaysOff) {
        let words: &[&str] = if on {
            &["call-fwd-unconditional", "activated"]
        } else {
            &["call-fwd-unconditional", "de-activated"]
        };
        return (&[PhoneSetting::ForwardAlways], words);
    }
    if matches!(code, FeatureCode::ForwardBusyOn | FeatureCode::ForwardBusyOff) {
        let words: &[&str] =
            if on { &["call-fwd-on-busy", "activated"] } else { &["call-fwd-on-busy", "de-activated"] };
        return (&[PhoneSetting::ForwardBusy], words);
    }
    // As in FreePBX one code is for both: a phone that is switched off answers no more than one that is left to ring.
    let words: &[&str] =
        if on { &["call-fwd-no-ans", "activated"] } else { &["call-fwd-no-ans", "de-activated"] };
    (&[PhoneSetting::ForwardNoAnswer, PhoneSetting::ForwardUnreachable], words)
}

fn say(sounds: &[&str]) -> Turn {
    let sounds = sounds.iter().map(|sound| (*sound).to_owned()).collect();
    Turn::Begin(Plan::Say { sounds, then: Afterwards::HangUp(Cause::Normal) })
}
