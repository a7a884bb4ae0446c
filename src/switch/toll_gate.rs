//! Where phones' calls meet what they may spend: refused at the start, ended when the hour's minutes are used up.
//!
//! The books are `toll`'s. Emergency calls never come here.

use crate::call;
use crate::call::Cause;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::switch::core::Core;
use crate::switch::toll::Barred;
use crate::switch::view::AlarmView;

/// Why a caller is not led outside who is not one of ours: a word for the metric.
const FROM_OUTSIDE: &str = "from_outside";

impl Core {
    /// Whether a phone may make this call: to be asked before a call of its own.
    ///
    /// # Errors
    /// The cause to refuse it for; it was counted and told.
    pub(crate) fn toll_allows(
        &mut self,
        now: Now,
        phone: &PhoneNumber,
        destination: &Destination,
    ) -> Result<(), Cause> {
        let Some(settings) = self.config.phone(phone.as_str()) else { return Ok(()) };
        let outside = outside(destination);
        match self.toll.may_call(now, phone, &settings.limits, outside) {
            Ok(()) => Ok(()),
            Err(barred) => {
                self.barred(now, phone, barred);
                Err(Cause::Forbidden)
            }
        }
    }

    /// Whether a phone may send a call's party on to this destination, by a transfer or a forwarding of its own. What
    /// leads outside is charged to it then.
    ///
    /// # Errors
    /// The cause of the refusal; it was counted and told.
    pub(crate) fn toll_sends_on(
        &mut self,
        now: Now,
        call: CallUid,
        phone: &PhoneNumber,
        destination: &Destination,
    ) -> Result<(), Cause> {
        let Some(number) = outside(destination) else { return Ok(()) };
        // A call for help is nobody's expense.
        if self.dialplan.is_emergency(number) {
            return Ok(());
        }
        let Some(mut limits) = self.config.phone(phone.as_str()).map(|phone| phone.limits) else {
            return Ok(());
        };
        if self.toll.is_charged(call, phone) {
            // It is no further call of the phone's.
            limits.calls_max = limits.calls_max.map(|most| most.saturating_add(1));
        }
        if let Err(barred) = self.toll.may_call(now, phone, &limits, Some(number)) {
            self.barred(now, phone, barred);
            return Err(Cause::Forbidden);
        }
        self.toll.sent_on(now.instant, call, phone);
        Ok(())
    }

    /// Whether the configuration may lead a call there: by a menu's key, a group's end, a short number. What leads outside
    /// is charged to the phone that calls. A caller from outside has no account that would bound him: he is led outside
    /// only where the entry itself names the number (`is_named`), and never to an emergency number.
    ///
    /// # Errors
    /// The cause of the refusal; it was counted and told.
    pub(crate) fn toll_leads(
        &mut self,
        now: Now,
        call: CallUid,
        destination: &Destination,
        is_named: bool,
    ) -> Result<(), Cause> {
        let Some(number) = outside(destination) else { return Ok(()) };
        if let Some(phone) = self.calling_phone(call) {
            return self.toll_sends_on(now, call, &phone, destination);
        }
        if is_named && !self.dialplan.is_emergency(number) {
            return Ok(());
        }
        self.metrics.toll_refused(FROM_OUTSIDE);
        self.note(now, call, "not led outside: the caller is not one of ours".to_owned());
        Err(Cause::Forbidden)
    }

    /// Ends the calls of phones that have used up their minutes.
    pub(crate) fn end_overdrawn(&mut self, now: Now) {
        let config = std::sync::Arc::clone(&self.config);
        let most = |phone: &PhoneNumber| config.phone(phone.as_str())?.limits.minutes_per_hour;
        for (call, phone) in self.toll.overdrawn(now.instant, most) {
            self.barred(now, &phone, Barred::MinutesPerHour);
            self.note(now, call, "ended: the phone has used up its minutes of this hour".to_owned());
            self.tell(call, call::Input::HangUp(Cause::Forbidden));
        }
    }

    fn barred(&mut self, now: Now, phone: &PhoneNumber, barred: Barred) {
        let reason = barred.reason();
        self.metrics.toll_refused(reason);
        tracing::info!(reason, "a phone's call is barred");
        if barred.is_alarming() && self.toll.takes_alarm(now.instant, phone) {
            tracing::warn!(
                reason,
                "a phone has met a limit of what it may call; the event stream says which"
            );
            self.alarm(now, AlarmView::new("toll", reason, phone.as_str(), None));
        }
    }
}

/// The number that a trunk would be given.
pub(crate) fn outside(destination: &Destination) -> Option<&str> {
    match destination {
        Destination::Trunk { number, .. } => Some(number),
        Destination::Phone(_)
        | Destination::Queue(_)
        | Destination::Group(_)
        | Destination::Menu(_)
        | Destination::Feature(_)
        | Destination::Music(_)
        | Destination::Conference(_)
        | Destination::PickupGroup
        | Destination::PickupDirected(_)
        | Destination::NotBuilt { .. }
        | Destination::NotFound => None,
    }
}
