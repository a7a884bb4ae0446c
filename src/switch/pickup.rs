//! Call pickup: a phone takes over what rings elsewhere, in a group or at one phone.
//!
//! A queue's offer is the distributor's: it rings for an agent whom it has chosen, and nobody picks it up. The longest
//! ringing call is picked up first.

use crate::call::LegId;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::PhoneNumber;
use crate::sdp;
use crate::sip::msg::Name;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::replaces::Arrival;
use crate::switch::view::LegRole;

impl Core {
    /// An INVITE that is a pickup code.
    pub(crate) fn pick_up(
        &mut self,
        now: Now,
        arrival: &Arrival<'_>,
        number: &PhoneNumber,
        remote: Option<sdp::Remote>,
        what: &Destination,
    ) {
        match self.ringing_for(number, what) {
            Ok(leg) => self.join_call(now, arrival, number, remote, leg),
            Err((status, why)) => {
                tracing::info!(status, why, "a pickup is refused");
                let reason = if status == 403 { "Forbidden" } else { "Temporarily Unavailable" };
                self.reply_with(now, arrival.tx, arrival.message, status, reason, |response| {
                    response.header_fmt(Name::Warning, format_args!("399 strowger \"{why}\""));
                });
            }
        }
    }

    /// The leg that the phone may pick up: of the longest ringing call.
    fn ringing_for(&self, number: &PhoneNumber, what: &Destination) -> Result<LegId, (u16, &'static str)> {
        let mut refused = None;
        for slot in self.calls.values() {
            for id in &slot.legs {
                let Some(Leg { phone: Some(phone), phase, role, .. }) = self.legs.get(id) else { continue };
                if !matches!(phase, Phase::Outgoing { cancelled: None, .. }) || !is_meant(what, phone) {
                    continue;
                }
                let directed = matches!(what, Destination::PickupDirected(_));
                let may = if directed {
                    self.may_pick_up(number, phone)
                } else {
                    self.share_a_group(number, phone)
                };
                if *role == LegRole::Agent {
                    refused.get_or_insert("what rings there is a queue's call, which its agent takes");
                } else if !may {
                    refused = Some("the phone is in none of your pickup groups");
                } else if slot.call.rings(*id) && !self.is_callers(number, slot.call.caller()) {
                    return Ok(*id);
                }
            }
        }
        match (refused, what) {
            (Some(why), Destination::PickupDirected(_)) => Err((403, why)),
            _ => Err((480, "nothing rings that could be picked up")),
        }
    }

    /// Whether one phone may take what rings at the other when it names it: the two have a group in common, or the other
    /// one is in no group at all.
    pub(crate) fn may_pick_up(&self, picker: &PhoneNumber, rings: &PhoneNumber) -> bool {
        self.share_a_group(picker, rings)
            || self.config.phone(rings.as_str()).is_some_and(|phone| phone.call_groups.is_empty())
    }

    /// One's pickup groups and the other's call groups.
    fn share_a_group(&self, picker: &PhoneNumber, rings: &PhoneNumber) -> bool {
        let (picker, rings) = (self.config.phone(picker.as_str()), self.config.phone(rings.as_str()));
        picker.zip(rings).is_some_and(|(picker, rings)| !picker.pickup_groups.is_disjoint(&rings.call_groups))
    }

    /// Whether that call is one that the phone itself makes.
    fn is_callers(&self, number: &PhoneNumber, caller: LegId) -> bool {
        self.legs.get(&caller).is_some_and(|leg| leg.phone.as_ref() == Some(number))
    }
}

fn is_meant(what: &Destination, phone: &PhoneNumber) -> bool {
    match what {
        Destination::PickupGroup => true,
        Destination::PickupDirected(number) => number == phone,
        Destination::Phone(_)
        | Destination::Queue(_)
        | Destination::Trunk { .. }
        | Destination::Music(_)
        | Destination::Conference(_)
        | Destination::Group(_)
        | Destination::Menu(_)
        | Destination::Feature(_)
        | Destination::NotBuilt { .. }
        | Destination::NotFound => false,
    }
}
