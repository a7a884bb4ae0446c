//! What phones' users have set for their calls: do not disturb and forwarding, over the defaults of the file; and where a
//! phone's 3xx answer sends a call.

use crate::call::Cause;
use crate::call::LegEvent;
use crate::call::LegId;
use crate::config::Forwarding;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::msg::Scheme;
use crate::store::PhoneChange;
use crate::store::PhoneSetting;
use crate::switch::action::Done;
use crate::switch::action::Refusal;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::course::At;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::view::LegRole;
use crate::switch::write;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Contacts of a 3xx that are tried: more is no phone's forwarding.
const REDIRECTS_MAX: usize = 5;

/// What holds for a phone now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneSettings {
    /// It wants no calls. Queues' offers ring all the same: pausing is for them.
    pub do_not_disturb: bool,
    /// Where its calls go.
    pub forward: Forwarding,
}

/// What users have set: a text for each; empty is off.
#[derive(Debug, Default)]
pub(crate) struct UserSettings {
    by_phone: BTreeMap<PhoneNumber, BTreeMap<PhoneSetting, String>>,
}

impl UserSettings {
    /// As the store has kept it.
    pub(crate) fn restored(changes: &[PhoneChange]) -> Self {
        let mut settings = Self::default();
        for change in changes {
            settings.apply(change);
        }
        settings
    }

    fn apply(&mut self, change: &PhoneChange) {
        let phone = PhoneNumber::new(&change.phone);
        match &change.value {
            Some(value) => {
                self.by_phone.entry(phone).or_default().insert(change.setting, value.clone());
            }
            None => {
                if let Some(settings) = self.by_phone.get_mut(&phone) {
                    settings.remove(&change.setting);
                }
            }
        }
    }

    fn of(&self, phone: &PhoneNumber, setting: PhoneSetting) -> Option<&str> {
        self.by_phone.get(phone)?.get(&setting).map(String::as_str)
    }
}

impl Core {
    /// What holds for a phone: what its user has set, else what the file says.
    pub(crate) fn phone_settings(&self, phone: &PhoneNumber) -> PhoneSettings {
        let features = self.config.phone(phone.as_str()).map(|phone| phone.features).unwrap_or_default();
        let set = |setting, file: Option<String>| match self.user_settings.of(phone, setting) {
            Some("") => None,
            Some(number) => Some(number.to_owned()),
            None => file,
        };
        let file = features.forward;
        let disturb = self.user_settings.of(phone, PhoneSetting::DoNotDisturb);
        PhoneSettings {
            do_not_disturb: disturb.map_or(features.do_not_disturb, |value| !value.is_empty()),
            forward: Forwarding {
                always: set(PhoneSetting::ForwardAlways, file.always),
                busy: set(PhoneSetting::ForwardBusy, file.busy),
                no_answer: set(PhoneSetting::ForwardNoAnswer, file.no_answer),
                unreachable: set(PhoneSetting::ForwardUnreachable, file.unreachable),
                no_answer_after: file.no_answer_after,
            },
        }
    }

    /// Sets something of a phone, for good. `value`: `None` is the file's again, an empty one is off.
    pub(crate) fn set_phone(&mut self, phone: &PhoneNumber, setting: PhoneSetting, value: Option<String>) {
        let change = PhoneChange { phone: phone.as_str().to_owned(), setting, value };
        self.user_settings.apply(&change);
        self.out.push(Output::Phone(change));
    }

    /// As [`Core::set_phone`], asked for from outside.
    pub(crate) fn set_phone_by(
        &mut self,
        phone: &PhoneNumber,
        setting: PhoneSetting,
        value: Option<String>,
        by: &str,
    ) -> Result<Done, Refusal> {
        if !self.dialplan.is_phone(phone.as_str()) {
            return Err(Refusal::NotFound { what: "phone", id: phone.to_string() });
        }
        let number = value.as_deref().filter(|value| !value.is_empty());
        if let Some(number) = number.filter(|_| setting != PhoneSetting::DoNotDisturb)
            && (number == phone.as_str() || self.forwarding_destination(number).is_none())
        {
            let detail = format!("phone `{phone}` can't forward there: it could not dial that number itself");
            return Err(Refusal::Invalid { field: "value", detail });
        }
        self.set_phone(phone, setting, value);
        tracing::info!(setting = setting.word(), by, "a phone's setting was changed");
        Ok(Done::Phone(Box::new(self.phone_settings(phone))))
    }

    /// Where a forwarded call goes, with the rights of the phone that forwards it; `None`: nowhere.
    pub(crate) fn forwarding_destination(&self, number: &str) -> Option<Destination> {
        let to = self.dialplan.from_phone(number);
        let dialled = if let Destination::Trunk { number, .. } = &to { number } else { number };
        if self.dialplan.is_emergency(number) || self.dialplan.is_emergency(dialled) {
            // Nothing but a person may call for help.
            return None;
        }
        match to {
            Destination::Phone(_)
            | Destination::Queue(_)
            | Destination::Group(_)
            | Destination::Menu(_)
            | Destination::Trunk { .. }
            | Destination::Music(_)
            | Destination::Conference(_) => Some(to),
            Destination::Feature(_)
            | Destination::PickupGroup
            | Destination::PickupDirected(_)
            | Destination::NotBuilt { .. }
            | Destination::NotFound => None,
        }
    }

    /// A phone answers with 3xx. RFC 3261 section 8.1.3.4: its contacts are tried in the order of their preference; but
    /// only numbers that the phone itself may dial, never a host of its choice.
    pub(crate) fn redirected(&mut self, id: LegId, message: &Message) {
        let Some(leg) = self.legs.get(&id) else { return };
        let status = message.status().unwrap_or(0);
        let Leg { phase: Phase::Outgoing { cancelled: None, .. }, role, phone, call, .. } = leg else {
            return self.dial_failed(id, status);
        };
        if *role == LegRole::Agent {
            // An offer goes to the agent's own phone: one that sends it elsewhere has refused it.
            self.tell_leg(id, LegEvent::Failed(Cause::Declined));
            return self.drop_leg(id);
        }
        let (call, phone) = (*call, phone.clone());
        let ours = self.addresses.signalling(&leg.flow).ip();
        if let (Some(phone), true) = (phone, self.config.features.follow_redirects) {
            let numbers = self.redirect_numbers(message, ours);
            self.remember_redirects(call, &phone, numbers);
        }
        self.dial_failed(id, status);
    }

    fn remember_redirects(&mut self, call: CallUid, phone: &PhoneNumber, numbers: Vec<String>) {
        let Some(slot) = self.calls.get_mut(&call) else { return };
        if matches!(&slot.course.at, At::Phone(at) if at == phone) && slot.course.redirects.is_empty() {
            slot.course.redirects = numbers.into_iter().map(|number| (phone.clone(), number)).collect();
        }
    }

    /// The numbers of ours that a 3xx names, the most wanted first.
    fn redirect_numbers(&self, message: &Message, ours: IpAddr) -> Vec<String> {
        let mut numbers: Vec<(u16, String)> = Vec::new();
        for contact in message.addresses(Name::Contact).flatten().take(4 * REDIRECTS_MAX) {
            let host = contact.uri.host;
            let is_ours =
                host.to_string().eq_ignore_ascii_case(&self.config.sip.domain) || host.ip() == Some(ours);
            let number = write::text(&contact.uri.user_decoded());
            if (is_ours || contact.uri.scheme == Scheme::Tel) && !number.is_empty() {
                numbers.push((contact.q_thousandths(), number));
            }
        }
        // A stable sort: those alike stay in their order.
        numbers.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
        numbers.into_iter().map(|(_, number)| number).take(REDIRECTS_MAX).collect()
    }

    /// Writes down on new legs the way that the call has taken: as it came in, and who has sent it on since.
    pub(crate) fn mark_forwarded(&mut self, call: CallUid, legs: &[LegId]) {
        let Some(slot) = self.calls.get(&call) else { return };
        let came = self.legs.get(&slot.call.caller()).map(|leg| leg.trail.clone());
        let mut trail = came.unwrap_or_default();
        for hop in &slot.course.forwarded {
            trail.divert(hop.from.as_str(), &hop.to, hop.why, &self.config.sip.domain);
        }
        if trail.is_empty() {
            return;
        }
        for id in legs {
            if let Some(leg) = self.legs.get_mut(id) {
                leg.trail.clone_from(&trail);
            }
        }
    }
}
