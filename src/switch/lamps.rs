//! Lamps: what a user part means to one, and what it shows now.
//!
//! | user part | lit | blinks |
//! |---|---|---|
//! | a phone's number | in a call | rings |
//! | a queue's number | | callers wait |
//! | a park slot | a call is parked there | |
//! | the code for log-in, alone or with a queue | logged in (to that queue) | |
//! | the code for pause, alone or with a reason | in pause (for that reason) | |
//! | the code for callers waiting, alone or with a queue | callers wait in one's queues (in that queue) | |
//! | the code for the end of wrap-up | in wrap-up | |
//!
//! Which codes these are is the dial plan's profile to say (`dialplan::codes`): a lamp's key is what one dials. They are
//! about the agent of the phone that watches. Not subscriptions (`subscribe`): leaves that read.

use crate::clock::Now;
use crate::config::Agent;
use crate::config::FeatureCode;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::QueueId;
use crate::record::QueueStatus;
use crate::subscription::Package;
use crate::subscription::Sheet;
use crate::subscription::dialog_info::DialogInfo;
use crate::subscription::dialog_info::DialogState;
use crate::subscription::dialog_info::Direction;
use crate::subscription::dialog_info::Ids;
use crate::subscription::dialog_info::Party;
use crate::subscription::dialog_info::State;
use crate::subscription::message_summary;
use crate::subscription::pidf;
use crate::subscription::pidf::Presence;
use crate::switch::core::CallSlot;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::subscriptions::Look;
use crate::switch::subscriptions::Matter;
use crate::switch::view::LegRole;
use crate::switch::write;

/// A document over UDP: with the headers of a usual NOTIFY it stays below the 1,300 bytes of RFC 3261 section 18.1.1.
const COMPACT_LEN_MAX: usize = 720;
/// A document over a stream.
const LEN_MAX: usize = 16_384;

/// What a lamp shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lamp {
    /// A phone.
    Phone(PhoneNumber),
    /// A phone's mailbox.
    Mailbox(PhoneNumber),
    /// Callers of a queue.
    Queue(QueueId),
    /// A park slot.
    Slot(PhoneNumber),
    /// An agent's log-in: in that queue, or in any.
    LogIn(AgentId, Option<QueueId>),
    /// An agent's pause: for that reason, or for any.
    Pause(AgentId, Option<String>),
    /// Callers who wait in any of these queues.
    Waiting(Vec<QueueId>),
    /// An agent's wrap-up.
    WrapUp(AgentId),
}

impl Lamp {
    /// What it depends on.
    pub(crate) fn matters(&self) -> Vec<Matter> {
        match self {
            Self::Phone(number) => vec![Matter::Phone(number.clone())],
            Self::Mailbox(number) => vec![Matter::Mailbox(number.clone())],
            Self::Queue(queue) => vec![Matter::Queue(queue.clone())],
            Self::Slot(number) => vec![Matter::Slot(number.clone())],
            Self::LogIn(agent, _) | Self::Pause(agent, _) | Self::WrapUp(agent) => {
                vec![Matter::Agent(agent.clone())]
            }
            Self::Waiting(queues) => queues.iter().cloned().map(Matter::Queue).collect(),
        }
    }
}

/// Why something may not be watched.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dark {
    /// There is no such thing.
    Unknown,
    /// It is not for this phone.
    Forbidden,
}

impl Core {
    /// What a user part means to a phone that wants to watch it.
    pub(crate) fn lamp_of(&self, package: Package, watcher: &PhoneNumber, user: &str) -> Result<Lamp, Dark> {
        let phone = self.config.phone(user).map(|phone| phone.number);
        match (package, phone) {
            (Package::Dialog | Package::Presence, Some(number)) => Ok(Lamp::Phone(number)),
            (Package::Dialog, None) => self.lamp_of_thing(watcher, user),
            (Package::Presence, None) => Err(Dark::Unknown),
            (Package::MessageSummary, Some(number)) if number == *watcher => Ok(Lamp::Mailbox(number)),
            // Another's messages are another's.
            (Package::MessageSummary, Some(_)) => Err(Dark::Forbidden),
            (Package::MessageSummary, None) if self.is_voicemail(user) => Ok(Lamp::Mailbox(watcher.clone())),
            (Package::MessageSummary, None) => Err(Dark::Unknown),
        }
    }

    /// Whether one dials this to hear one's own messages.
    fn is_voicemail(&self, user: &str) -> bool {
        let code = self.dialplan.code(user);
        code.is_some_and(|feature| {
            matches!(feature.code, FeatureCode::Voicemail | FeatureCode::VoicemailOther)
                && feature.argument.is_empty()
        })
    }

    fn lamp_of_thing(&self, watcher: &PhoneNumber, user: &str) -> Result<Lamp, Dark> {
        if let Some(queue) = self.queue_of_number(user) {
            return Ok(Lamp::Queue(queue));
        }
        if self.config.parking.as_ref().is_some_and(|parking| parking.has_slot(user)) {
            return Ok(Lamp::Slot(PhoneNumber::new(user)));
        }
        let feature = self.dialplan.code(user).ok_or(Dark::Unknown)?;
        let argument = feature.argument.as_str();
        if feature.code == FeatureCode::CallersWaiting {
            self.lamp_of_waiting(watcher, argument)
        } else if feature.code == FeatureCode::QueueLogin {
            self.lamp_of_login(watcher, argument)
        } else if feature.code == FeatureCode::QueuePause {
            self.lamp_of_pause(watcher, argument)
        } else if feature.code == FeatureCode::EndWrapUp {
            Ok(Lamp::WrapUp(self.agent_on(watcher)?))
        } else {
            Err(Dark::Unknown)
        }
    }

    /// The agent whose phone watches.
    fn agent_on(&self, watcher: &PhoneNumber) -> Result<AgentId, Dark> {
        let agent = self.config.agent_of_phone(watcher.as_str());
        agent.map(|agent| agent.id.clone()).ok_or(Dark::Forbidden)
    }

    /// Without a queue it is about those that he serves; a phone without an agent sees all.
    fn lamp_of_waiting(&self, watcher: &PhoneNumber, queue: &str) -> Result<Lamp, Dark> {
        if !queue.is_empty() {
            return Ok(Lamp::Waiting(vec![self.queue_named(queue).ok_or(Dark::Unknown)?]));
        }
        let agent = self.config.agent_of_phone(watcher.as_str());
        let own = |queue: &QueueId| agent.is_none_or(|agent| serves(agent, queue));
        let queues = self.config.queues.iter().map(|queue| queue.id.clone());
        Ok(Lamp::Waiting(queues.filter(own).collect()))
    }

    fn lamp_of_login(&self, watcher: &PhoneNumber, queue: &str) -> Result<Lamp, Dark> {
        let own = self.agent_on(watcher);
        if queue.is_empty() {
            return Ok(Lamp::LogIn(own?, None));
        }
        let queue = self.queue_named(queue).ok_or(Dark::Unknown)?;
        let agent = self.config.agent_of_phone(watcher.as_str());
        let member = agent.is_some_and(|agent| serves(agent, &queue));
        if member { Ok(Lamp::LogIn(own?, Some(queue))) } else { Err(Dark::Forbidden) }
    }

    fn lamp_of_pause(&self, watcher: &PhoneNumber, code: &str) -> Result<Lamp, Dark> {
        if code.is_empty() {
            return Ok(Lamp::Pause(self.agent_on(watcher)?, None));
        }
        let named = |own: &Option<String>| own.as_deref() == Some(code);
        let reason = self.config.pause_reasons.iter().find(|reason| named(&reason.code));
        let reason = reason.ok_or(Dark::Unknown)?.id.clone();
        Ok(Lamp::Pause(self.agent_on(watcher)?, Some(reason)))
    }

    fn queue_of_number(&self, number: &str) -> Option<QueueId> {
        let found = self.config.queues.iter().find(|queue| queue.number.as_deref() == Some(number));
        found.map(|queue| queue.id.clone())
    }

    /// The document of a look, as it is now.
    pub(crate) fn sheet(&self, now: Now, look: &Look) -> Sheet {
        match (look.package, &look.lamp) {
            (Package::MessageSummary, Lamp::Mailbox(number)) => {
                let account = format!("sip:{}@{}", write::dialled(number.as_str()), self.config.sip.domain);
                message_summary::write(&account, self.subscriptions.mailboxes.waiting(number.as_str()))
            }
            (Package::Presence, Lamp::Phone(number)) => {
                pidf::write(&look.entity, self.presence_of(now, number))
            }
            (Package::Dialog | Package::Presence | Package::MessageSummary, lamp) => {
                let dialogs = if let Lamp::Phone(number) = lamp {
                    self.dialogs_of(number)
                } else {
                    vec![DialogState::of_thing(thing_id(look), self.state_of_thing(now, lamp))]
                };
                let len_max = if look.compact { COMPACT_LEN_MAX } else { LEN_MAX };
                DialogInfo { entity: look.entity.clone(), dialogs }.write(look.dialect, len_max)
            }
        }
    }

    fn presence_of(&self, now: Now, number: &PhoneNumber) -> Presence {
        let talks = |dialog: &DialogState| dialog.state == State::Confirmed;
        if !self.is_reachable(now, number) {
            Presence::Closed
        } else if self.dialogs_of(number).iter().any(talks) {
            Presence::OnThePhone
        } else {
            Presence::Open
        }
    }

    /// What is no phone: lit, blinking or dark.
    fn state_of_thing(&self, now: Now, lamp: &Lamp) -> State {
        let waiting =
            |queue: &QueueId| self.acd.queue(queue, now.instant).is_some_and(|card| card.waiting > 0);
        let lit = match lamp {
            Lamp::Queue(queue) => {
                return if waiting(queue) { State::Early } else { State::Terminated };
            }
            Lamp::Waiting(queues) => queues.iter().any(waiting),
            Lamp::LogIn(agent, queue) => self.seats(agent).iter().any(|(seat, status)| {
                queue.as_ref().is_none_or(|queue| queue == seat) && *status != QueueStatus::LoggedOut
            }),
            Lamp::Pause(agent, reason) => is_paused(&self.seats(agent), reason.as_deref()),
            Lamp::WrapUp(agent) => self.acd.agent(agent).is_some_and(|card| card.wrap_up_ends_at.is_some()),
            // No call can be parked.
            Lamp::Slot(_) => false,
            Lamp::Phone(_) | Lamp::Mailbox(_) => false,
        };
        if lit { State::Confirmed } else { State::Terminated }
    }

    fn seats(&self, agent: &AgentId) -> Vec<(QueueId, QueueStatus)> {
        let card = self.acd.agent(agent);
        card.into_iter().flat_map(|card| card.queues).map(|seat| (seat.queue, seat.status)).collect()
    }

    /// The calls of a phone that is watched.
    fn dialogs_of(&self, number: &PhoneNumber) -> Vec<DialogState> {
        let mut dialogs = Vec::new();
        for call in self.subscriptions.calls_of(number) {
            let Some(slot) = self.calls.get(&call) else { continue };
            for leg in slot.legs.iter().filter_map(|leg| self.legs.get(leg)) {
                if leg.phone.as_ref() == Some(number) {
                    dialogs.extend(self.dialog_of_leg(slot, leg, number));
                }
            }
        }
        dialogs
    }

    fn dialog_of_leg(&self, slot: &CallSlot, leg: &Leg, number: &PhoneNumber) -> Option<DialogState> {
        let state = match leg.phase {
            Phase::Incoming { told: ..180, .. } => State::Trying,
            Phase::Incoming { .. } | Phase::Outgoing { rang: true, cancelled: None, .. } => State::Early,
            Phase::Up => State::Confirmed,
            Phase::Outgoing { .. } | Phase::Planned | Phase::Leaving { .. } => return None,
        };
        let is_caller = leg.role == LegRole::Caller;
        let shown = self.shows_identities(number);
        Some(DialogState {
            id: leg.id.0.to_string(),
            direction: Some(if is_caller { Direction::Initiator } else { Direction::Recipient }),
            state,
            ids: ids_of(leg),
            local: Some(self.party(number.as_str(), None)),
            remote: shown.then(|| self.other_party(slot, is_caller)),
            holds: leg.holds,
        })
    }

    /// Whether those who watch a phone see with whom it talks.
    fn shows_identities(&self, number: &PhoneNumber) -> bool {
        let own = self.config.phone(number.as_str()).and_then(|phone| phone.blf_identities);
        own.unwrap_or(self.config.sip.subscriptions.blf_identities)
    }

    /// Whom the caller called, or who called.
    fn other_party(&self, slot: &CallSlot, is_caller: bool) -> Party {
        let ledger = slot.call.ledger();
        if is_caller {
            self.party(&ledger.to, None)
        } else {
            self.party(&ledger.from, slot.caller_name.clone())
        }
    }

    fn party(&self, number: &str, name: Option<String>) -> Party {
        let name = name.or_else(|| self.config.phone(number).and_then(|phone| phone.display_name));
        Party { uri: format!("sip:{}@{}", write::dialled(number), self.config.sip.domain), name }
    }

    /// Something is about to happen to a call: the lamps of its phones are looked at afterwards.
    pub(crate) fn touch_lamps(&mut self, call: CallUid) {
        if self.subscriptions.is_empty() {
            return;
        }
        let Some(slot) = self.calls.get(&call) else { return };
        for phone in slot.legs.iter().filter_map(|leg| self.legs.get(leg)?.phone.as_ref()) {
            let matter = Matter::Phone(phone.clone());
            if self.subscriptions.is_watched(&matter) {
                self.subscriptions.note_call(phone, call);
                self.subscriptions.mark(matter);
            }
        }
    }

    /// A leg is over.
    pub(crate) fn touch_lamp_of(&mut self, leg: &Leg) {
        if self.subscriptions.is_empty() {
            return;
        }
        let Some(phone) = &leg.phone else { return };
        self.subscriptions.mark(Matter::Phone(phone.clone()));
        let other = |other: &Leg| other.phone.as_ref() == Some(phone);
        let has_another = self
            .calls
            .get(&leg.call)
            .is_some_and(|slot| slot.legs.iter().filter_map(|id| self.legs.get(id)).any(other));
        if !has_another {
            self.subscriptions.forget_call(phone, leg.call);
        }
    }

    /// From now on a phone is watched: the calls it has already.
    pub(crate) fn note_calls_of(&mut self, number: &PhoneNumber) {
        for (call, slot) in &self.calls {
            let mut phones = slot.legs.iter().filter_map(|leg| self.legs.get(leg)?.phone.as_ref());
            if phones.any(|phone| phone == number) {
                self.subscriptions.note_call(number, *call);
            }
        }
    }
}

fn serves(agent: &Agent, queue: &QueueId) -> bool {
    agent.queues.iter().any(|seat| seat.queue == *queue)
}

/// In pause: somewhere paused, and ready nowhere.
fn is_paused(seats: &[(QueueId, QueueStatus)], reason: Option<&str>) -> bool {
    let mut paused = false;
    for (_, status) in seats {
        match status {
            QueueStatus::Ready => return false,
            QueueStatus::LoggedOut => {}
            QueueStatus::Paused { reason: why } => {
                paused |= reason.is_none() || why.as_deref() == reason;
            }
        }
    }
    paused
}

/// What is no call has the user part for an id.
fn thing_id(look: &Look) -> &str {
    let user = look.entity.strip_prefix("sip:").and_then(|rest| rest.split('@').next());
    user.unwrap_or(&look.entity)
}

/// The leg's dialog as the phone has it. A Replaces with these is ours to match: its to-tag is our tag.
fn ids_of(leg: &Leg) -> Option<Ids> {
    /// Longer ones would leave no room for the state itself.
    const LEN_MAX: usize = 200;
    let id = leg.dialog_id.as_ref()?;
    let (call_id, ours, theirs) = (id.call_id(), id.local_tag(), id.remote_tag());
    if theirs.is_empty() || call_id.len() + ours.len() + theirs.len() > LEN_MAX {
        return None;
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some(Ids { call_id: text(call_id)?, local_tag: text(theirs)?, remote_tag: text(ours)? })
}
