//! How far an INVITE has come: the hops that are left to it, and how often this switch has had it before.
//!
//! RFC 3261 sections 16.3 and 16.6 for a switch that is two user agents back to back: Max-Forwards goes down by one from
//! leg to leg, and an INVITE that has our own, unanswered INVITE's Via below it has gone round in a circle. A circle
//! through another such switch shows no Via; there the hops end it.

use crate::call::LegId;
use crate::sip::msg::Message;
use crate::switch::core::Core;
use crate::switch::leg::Purpose;

/// RFC 3261 section 8.1.1.6: the hops of a new request.
const HOPS: u8 = 70;
/// How often a call may come back to us: forwarded to a number that a carrier brings back, once or twice, is no circle.
const TURNS_MAX: u8 = 3;
/// Vias that are looked at; nothing real has passed so many hosts.
const VIAS_MAX: usize = 70;

/// How far an INVITE has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    /// For the INVITEs that follow from it.
    hops: u8,
    /// How often it was here before.
    turns: u8,
}

impl Passage {
    /// Whether it came back too often.
    pub(crate) fn is_circle(self) -> bool {
        self.turns > TURNS_MAX
    }
}

impl Core {
    /// How far this INVITE has come.
    pub(crate) fn passage(&self, invite: &Message) -> Passage {
        let hops = invite.max_forwards().ok().flatten().unwrap_or(HOPS).min(HOPS).saturating_sub(1);
        Passage { hops, turns: self.turns(invite) }
    }

    fn turns(&self, invite: &Message) -> u8 {
        let before = invite.vias().take(VIAS_MAX).flatten().filter_map(|via| {
            let Purpose::Dial(leg) = Purpose::unpack(self.endpoint.invite_under_way(via.branch?)?) else {
                return None;
            };
            Some(self.calls.get(&self.legs.get(&leg)?.call)?.passage.turns)
        });
        before.max().map_or(0, |turns| turns.saturating_add(1))
    }

    /// The hops that the INVITE of an outgoing leg may take.
    pub(crate) fn hops_of(&self, id: LegId) -> u8 {
        let call = self.legs.get(&id).and_then(|leg| self.calls.get(&leg.call));
        call.map_or(HOPS, |slot| slot.passage.hops)
    }
}
