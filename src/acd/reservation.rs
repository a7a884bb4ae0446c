//! A reservation: one offer of a caller to an agent, from the first ring to the end of the wrap-up.
//!
//! The API calls it an offer. The table also keeps a short tail of those that are over, so that their end can be shown.

use crate::acd::agent::AgentNo;
use crate::acd::queue::QueueNo;
use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::record::OfferResult;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Reservations shown after their end.
const ENDED_MAX: usize = 256;

/// Where a reservation stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The phone was asked to ring.
    Sent { until: Instant },
    /// It rings.
    Ringing { since: Instant, until: Instant },
    /// It was answered; the bridge is being made.
    Connecting { rang: Duration, until: Instant },
    /// Agent and customer talk.
    Talking { since: Instant, held_since: Option<Instant>, hold: Duration },
    /// The agent wraps up.
    WrapUp { since: Instant, talk: Duration, hold: Duration },
    /// Over; `Accepted` when it was completed.
    Ended(OfferResult),
}

/// One reservation.
#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) agent: AgentNo,
    pub(crate) queue: QueueNo,
    pub(crate) entry: EntryUid,
    pub(crate) call: CallUid,
    pub(crate) number: String,
    pub(crate) name: Option<String>,
    pub(crate) created_at: Wall,
    pub(crate) stage: Stage,
}

/// All of them, by id.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    all: BTreeMap<OfferUid, Reservation>,
    ended: VecDeque<OfferUid>,
}

impl Reservations {
    pub(crate) fn insert(&mut self, offer: OfferUid, reservation: Reservation) {
        self.all.insert(offer, reservation);
    }

    pub(crate) fn find(&self, offer: OfferUid) -> Option<&Reservation> {
        self.all.get(&offer)
    }

    pub(crate) fn find_mut(&mut self, offer: OfferUid) -> Option<&mut Reservation> {
        self.all.get_mut(&offer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (OfferUid, &Reservation)> {
        self.all.iter().map(|(offer, reservation)| (*offer, reservation))
    }

    /// Marks one as over and forgets the oldest of those.
    pub(crate) fn end(&mut self, offer: OfferUid, result: OfferResult) {
        let Some(reservation) = self.all.get_mut(&offer) else { return };
        reservation.stage = Stage::Ended(result);
        self.ended.push_back(offer);
        if self.ended.len() > ENDED_MAX
            && let Some(oldest) = self.ended.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}
