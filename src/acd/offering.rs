//! Who is offered to whom, and what becomes of an offer.

use crate::acd::agent::AgentNo;
use crate::acd::agent::Work;
use crate::acd::event::Output;
use crate::acd::machine::Acd;
use crate::acd::order::Order;
use crate::acd::queue::QueueNo;
use crate::acd::reservation::Reservation;
use crate::acd::reservation::Stage;
use crate::acd::timers::Timer;
use crate::clock::Instant;
use crate::clock::Wall;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::record::LeftReason;
use crate::record::OfferResult;
use crate::record::Outcome;
use crate::record::QueueChange;
use std::time::Duration;

/// From one offer to the next for the same agent, while he takes none: whatever toggles, his phone is not stormed.
pub(crate) const OFFER_GAP: Duration = Duration::from_secs(1);
/// How long a bridge may take; much longer than any whispered announcement.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(10);

impl Acd {
    /// Offers callers to free agents until no queue has both, the most urgent of all queues' heads first.
    pub(crate) fn serve(&mut self) {
        let mut queues = std::mem::take(&mut self.touched.to_serve);
        queues.sort_unstable();
        queues.dedup();
        while let Some(no) = self.most_urgent(&queues) {
            self.offer_head(no);
        }
        queues.clear();
        self.touched.to_serve = queues;
    }

    fn most_urgent(&self, queues: &[QueueNo]) -> Option<QueueNo> {
        let head = |no: &QueueNo| {
            let queue = &self.queues[no.0];
            let (order, _) = queue.open.first_key_value().filter(|_| queue.can_serve())?;
            Some((*no, order, queue.settings.priority_aging))
        };
        queues
            .iter()
            .filter_map(head)
            .min_by(|(_, a, a_aging), (_, b, b_aging)| {
                Order::compare_heads(self.now.instant, (a, *a_aging), (b, *b_aging))
            })
            .map(|(no, _, _)| no)
    }

    fn offer_head(&mut self, no: QueueNo) {
        let queue = &mut self.queues[no.0];
        let Some(entry) = queue.open.first_key_value().map(|(_, entry)| *entry) else { return };
        let chosen = queue.settings.strategy.choose(&queue.free, queue.last_offered, &mut self.random);
        let Some(rank) = chosen else { return };
        queue.last_offered = Some(rank);
        let offer = OfferUid::draw(self.now.wall, &mut self.random);
        let ring_timeout = queue.settings.ring_timeout;
        let caller = self.callers.get_mut(&entry).expect("an open entry is a waiting caller");
        caller.offers.push(offer);
        if !queue.rings_all() {
            queue.open.remove(&caller.order);
        }
        let until = self.now.instant + ring_timeout;
        self.timers.set(until, Timer::Ring(offer));
        let reservation = Reservation {
            agent: rank.agent,
            queue: no,
            entry,
            call: caller.call,
            number: caller.number.clone(),
            name: caller.name.clone(),
            created_at: self.now.wall,
            stage: Stage::Sent { until },
        };
        let call = caller.call;
        self.reservations.insert(offer, reservation);
        self.reserve(rank.agent, offer);
        let agent = &self.agents[rank.agent.0];
        let (id, phone) = (agent.id.clone(), agent.phone.clone());
        let queue = self.queues[no.0].settings.id.clone();
        self.log(no, entry, call, QueueChange::Offered { offer, agent: id.clone() });
        self.out.push(Output::Offer { offer, agent: id, phone, entry, call, queue, ring_timeout });
        self.touched.queues.push(no);
        self.touched.offers.push(offer);
        self.touched.callers.push(entry);
    }

    fn reserve(&mut self, no: AgentNo, offer: OfferUid) {
        let agent = &mut self.agents[no.0];
        agent.work = Work::Offered(offer);
        agent.last_offer = Some(self.now.instant);
        self.touched.agents.push(no);
        self.refresh_free(no);
    }

    pub(crate) fn ringing(&mut self, offer: OfferUid) {
        let now = self.now.instant;
        let Some(reservation) = self.reservations.find_mut(offer) else { return };
        let Stage::Sent { until } = reservation.stage else { return };
        let ring_timeout = self.queues[reservation.queue.0].settings.ring_timeout;
        self.timers.cancel(until, Timer::Ring(offer));
        let until = now + ring_timeout;
        self.timers.set(until, Timer::Ring(offer));
        reservation.stage = Stage::Ringing { since: now, until };
        self.touched.offers.push(offer);
    }

    pub(crate) fn answered(&mut self, offer: OfferUid) {
        let now = self.now.instant;
        let stage = self.reservations.find(offer).map(|reservation| reservation.stage);
        let (rang, until) = match stage {
            Some(Stage::Sent { until }) => (Duration::ZERO, until),
            Some(Stage::Ringing { since, until }) => (now.since(since), until),
            Some(Stage::Connecting { .. } | Stage::Talking { .. } | Stage::WrapUp { .. }) => return,
            Some(Stage::Ended(OfferResult::Accepted)) => return,
            // The answer crossed the cancellation: the agent's leg must not stay up.
            Some(Stage::Ended(why)) => return self.out.push(Output::Rescind { offer, why }),
            None => return self.out.push(Output::Rescind { offer, why: OfferResult::Rescinded }),
        };
        self.timers.cancel(until, Timer::Ring(offer));
        let until = now + CONNECT_MAX;
        self.timers.set(until, Timer::Connect(offer));
        let reservation = self.reservations.find_mut(offer).expect("its stage was read above");
        reservation.stage = Stage::Connecting { rang, until };
        let (no, entry, call, agent) =
            (reservation.queue, reservation.entry, reservation.call, reservation.agent);
        self.agents[agent.0].work = Work::Answered(offer);
        self.touched.agents.push(agent);
        self.touched.offers.push(offer);
        self.touched.callers.push(entry);
        let caller = self.callers.get_mut(&entry).expect("a pending offer's caller waits");
        caller.connecting = true;
        self.queues[no.0].open.remove(&caller.order);
        let others: Vec<_> = caller.offers.iter().copied().filter(|other| *other != offer).collect();
        for other in others {
            self.end_offer(other, OfferResult::Rescinded);
        }
        let (agent, queue) = (self.agents[agent.0].id.clone(), self.queues[no.0].settings.id.clone());
        self.out.push(Output::Connect { offer, entry, call, agent, queue });
    }

    pub(crate) fn connected(&mut self, offer: OfferUid) {
        let Some(reservation) = self.reservations.find_mut(offer) else { return };
        let Stage::Connecting { rang, until } = reservation.stage else { return };
        reservation.stage =
            Stage::Talking { since: self.now.instant, held_since: None, hold: Duration::ZERO };
        let (no, entry, call, agent_no) =
            (reservation.queue, reservation.entry, reservation.call, reservation.agent);
        self.timers.cancel(until, Timer::Connect(offer));
        let agent = &mut self.agents[agent_no.0];
        agent.work = Work::Talking(offer);
        (agent.misses, agent.unanswered) = (0, 0);
        if let Some(seat) = agent.seat_mut(no) {
            seat.taken_today += 1;
        }
        let id = agent.id.clone();
        let result = OfferResult::Accepted;
        self.log(no, entry, call, QueueChange::OfferEnded { offer, agent: id.clone(), result, rang });
        if let Some(caller) = self.callers.get_mut(&entry) {
            caller.offers.clear();
        }
        self.leave_with(entry, Outcome::Handled, LeftReason::Answered, OfferResult::Rescinded, Some(id));
        self.touched.agents.push(agent_no);
        self.touched.offers.push(offer);
    }

    pub(crate) fn refused(&mut self, offer: OfferUid, why: OfferResult) {
        let why = match why {
            OfferResult::Busy | OfferResult::Timeout | OfferResult::Unreachable => why,
            OfferResult::Rejected
            | OfferResult::Accepted
            | OfferResult::Cancelled
            | OfferResult::Rescinded => OfferResult::Rejected,
        };
        self.end_offer(offer, why);
    }

    /// Ends an offer that came to nothing: the agent rests, the caller, if he still waits, is open again at his place.
    pub(crate) fn end_offer(&mut self, offer: OfferUid, result: OfferResult) {
        let now = self.now.instant;
        let Some(reservation) = self.reservations.find(offer) else { return };
        let (until, timer, rang) = match reservation.stage {
            Stage::Sent { until } => (until, Timer::Ring(offer), Duration::ZERO),
            Stage::Ringing { since, until } => (until, Timer::Ring(offer), now.since(since)),
            Stage::Connecting { rang, until } => (until, Timer::Connect(offer), rang),
            Stage::Talking { .. } | Stage::WrapUp { .. } | Stage::Ended(_) => return,
        };
        self.timers.cancel(until, timer);
        let (no, entry, call, agent_no) =
            (reservation.queue, reservation.entry, reservation.call, reservation.agent);
        self.reservations.end(offer, result);
        let agent = self.agents[agent_no.0].id.clone();
        self.log(no, entry, call, QueueChange::OfferEnded { offer, agent, result, rang });
        self.out.push(Output::Rescind { offer, why: result });
        self.reopen(entry, offer);
        self.send_to_rest(agent_no, result);
        self.touched.offers.push(offer);
        self.touched.queues.push(no);
    }

    fn reopen(&mut self, entry: EntryUid, offer: OfferUid) {
        let Some(caller) = self.callers.get_mut(&entry) else { return };
        caller.offers.retain(|other| *other != offer);
        self.touched.callers.push(entry);
        if caller.offers.is_empty() {
            caller.connecting = false;
            self.queues[caller.queue.0].open.insert(caller.order, entry);
            self.touched.to_serve.push(caller.queue);
            self.expire_if_overdue(entry);
        }
    }

    /// A caller whose time ran out while he was being connected leaves when that failed.
    fn expire_if_overdue(&mut self, entry: EntryUid) {
        let Some(caller) = self.callers.get_mut(&entry) else { return };
        if caller.until.is_none() && self.queues[caller.queue.0].settings.max_wait.is_some() {
            caller.until = Some(self.now.instant);
            self.timers.set(self.now.instant, Timer::MaxWait(entry));
        }
    }

    pub(crate) fn held(&mut self, offer: OfferUid, held: bool) {
        let now = self.now.instant;
        let Some(reservation) = self.reservations.find_mut(offer) else { return };
        let Stage::Talking { held_since, hold, .. } = &mut reservation.stage else { return };
        match (*held_since, held) {
            (None, true) => *held_since = Some(now),
            (Some(since), false) => {
                *hold += now.since(since);
                *held_since = None;
            }
            (None, false) | (Some(_), true) => return,
        }
        self.touched.offers.push(offer);
    }

    pub(crate) fn conversation_ended(&mut self, offer: OfferUid) {
        let now = self.now.instant;
        let Some(reservation) = self.reservations.find_mut(offer) else { return };
        let (since, held_since, hold) = match reservation.stage {
            Stage::Talking { since, held_since, hold } => (since, held_since, hold),
            // The agent's leg ended before the bridge: the caller has not talked and keeps his place.
            Stage::Connecting { .. } => return self.end_offer(offer, OfferResult::Rejected),
            Stage::Sent { .. } | Stage::Ringing { .. } | Stage::WrapUp { .. } | Stage::Ended(_) => return,
        };
        let talk = now.since(since);
        let hold = hold + held_since.map_or(Duration::ZERO, |since| now.since(since));
        reservation.stage = Stage::WrapUp { since: now, talk, hold };
        let (no, agent_no) = (reservation.queue, reservation.agent);
        let wrap_up = self.queues[no.0].settings.wrap_up;
        let until = now + wrap_up;
        let agent = &mut self.agents[agent_no.0];
        agent.work = Work::WrapUp { offer, until, until_wall: later(self.now.wall, wrap_up) };
        if let Some(seat) = agent.seat_mut(no) {
            let talk_us = u64::try_from(talk.as_micros()).unwrap_or(u64::MAX);
            seat.talked_today_us = seat.talked_today_us.saturating_add(talk_us);
        }
        self.touched.agents.push(agent_no);
        self.touched.offers.push(offer);
        if wrap_up.is_zero() || self.stopped {
            self.end_wrap_up(agent_no, None);
        } else {
            self.timers.set(until, Timer::WrapUp(agent_no));
        }
    }

    /// Ends a wrap-up by its timer (`by` is `None`), by the agent or by a supervisor.
    pub(crate) fn end_wrap_up(&mut self, no: AgentNo, by: Option<String>) {
        let Work::WrapUp { offer, until, .. } = self.agents[no.0].work else { return };
        self.timers.cancel(until, Timer::WrapUp(no));
        if let Some(reservation) = self.reservations.find(offer)
            && let Stage::WrapUp { since, talk, hold } = reservation.stage
        {
            let (queue, entry, call) = (reservation.queue, reservation.entry, reservation.call);
            let wrap_up = self.now.instant.since(since);
            let agent = self.agents[no.0].id.clone();
            self.log(queue, entry, call, QueueChange::Completed { agent, talk, hold, wrap_up });
            self.touched.queues.push(queue);
        }
        self.reservations.end(offer, OfferResult::Accepted);
        self.agents[no.0].by = by;
        self.agents[no.0].work = Work::Free;
        self.touched.offers.push(offer);
        self.call_is_over(no);
    }

    pub(crate) fn end_all_wrap_ups(&mut self) {
        for no in (0..self.agents.len()).map(AgentNo) {
            self.end_wrap_up(no, None);
        }
    }

    /// Frees an agent after an offer that came to nothing. What was his own doing sends him to the end of the
    /// longest-idle order; what was not leaves him where he was.
    fn send_to_rest(&mut self, no: AgentNo, result: OfferResult) {
        let turn = self.next_turn();
        let agent = &mut self.agents[no.0];
        agent.work = Work::Free;
        let delay = match result {
            OfferResult::Accepted | OfferResult::Cancelled | OfferResult::Rescinded => None,
            OfferResult::Rejected => Some(self.retry.reject_delay),
            OfferResult::Busy => Some(self.retry.busy_delay),
            OfferResult::Timeout => Some(self.retry.no_answer_delay),
            OfferResult::Unreachable => Some(self.retry.unreachable_delay),
        };
        let gap_ends = agent.last_offer.map_or(self.now.instant, |last| last + OFFER_GAP);
        let mut until = gap_ends;
        if let Some(delay) = delay {
            agent.idle_turn = turn;
            let missed = matches!(result, OfferResult::Timeout | OfferResult::Unreachable);
            agent.misses = if missed { agent.misses.saturating_add(1) } else { 0 };
            let doubled = delay.saturating_mul(1 << agent.misses.saturating_sub(1).min(16));
            until = until.max(self.now.instant + doubled.min(self.retry.delay_max.max(delay)));
        }
        self.rest_until(no, until);
        self.touched.agents.push(no);
        if !self.agents[no.0].pending.is_empty() {
            // He had answered, asked for a pause, and then the bridge failed.
            self.call_is_over(no);
        }
        if result == OfferResult::Timeout {
            self.count_unanswered(no);
        }
    }

    pub(crate) fn rest_until(&mut self, no: AgentNo, until: Instant) {
        let agent = &mut self.agents[no.0];
        if let Some(old) = agent.rest.take() {
            self.timers.cancel(old, Timer::Rest(no));
        }
        if until > self.now.instant {
            agent.rest = Some(until);
            self.timers.set(until, Timer::Rest(no));
        }
    }
}

fn later(at: Wall, by: Duration) -> Wall {
    Wall::from_micros(at.as_micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}
