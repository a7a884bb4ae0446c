//! What must hold after every step, checked in full. For tests and simulations; a running switch counts the cheap part
//! of it in [`Acd::breaches`].

use crate::acd::agent::Agent;
use crate::acd::agent::AgentNo;
use crate::acd::agent::Work;
use crate::acd::machine::Acd;
use crate::acd::queue::Queue;
use crate::acd::queue::QueueNo;
use crate::acd::reading::ClassCounts;
use crate::acd::reservation::Stage;
use crate::acd::timers::Timer;
use crate::clock::Instant;
use crate::ids::EntryUid;
use crate::ids::OfferUid;
use crate::record::QueueStatus;
use std::collections::BTreeMap;

/// An invariant that does not hold, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Breach(String);

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach(what())) }
}

impl Acd {
    /// Looks at everything; for use between steps.
    pub fn check(&self) -> Result<(), Breach> {
        let mut timers = 0;
        for (no, agent) in self.agents.iter().enumerate() {
            timers += self.check_agent(AgentNo(no), agent)?;
        }
        for (no, queue) in self.queues.iter().enumerate() {
            self.check_queue(QueueNo(no), queue)?;
        }
        for entry in self.callers.keys() {
            timers += self.check_caller(*entry)?;
        }
        timers += self.check_reservations()?;
        ensure(timers == self.timers.len(), || {
            format!("{} timers run, {timers} are owned", self.timers.len())
        })?;
        ensure(self.breaches() == 0, || format!("{} breaches were counted", self.breaches()))
    }

    fn owns_timer(&self, at: Option<Instant>, timer: Timer) -> Result<usize, Breach> {
        let Some(at) = at else { return Ok(0) };
        ensure(self.timers.contains(at, timer), || format!("{timer:?} does not run"))?;
        Ok(1)
    }

    /// He is in one thing, that thing knows him, and it will end.
    fn check_agent(&self, no: AgentNo, agent: &Agent) -> Result<usize, Breach> {
        let stage = agent.engagement().map(|offer| {
            self.reservations.find(offer).filter(|found| found.agent == no).map(|found| found.stage)
        });
        let fits = match (agent.work, stage) {
            (Work::Free, None) => true,
            (Work::Offered(_), Some(Some(stage))) => {
                matches!(stage, Stage::Sent { .. } | Stage::Ringing { .. })
            }
            (Work::Answered(_), Some(Some(stage))) => matches!(stage, Stage::Connecting { .. }),
            (Work::Talking(_), Some(Some(stage))) => matches!(stage, Stage::Talking { .. }),
            (Work::WrapUp { .. }, Some(Some(stage))) => matches!(stage, Stage::WrapUp { .. }),
            (_, None | Some(_)) => false,
        };
        ensure(fits, || format!("{} is in {:?}, the reservation in {stage:?}", agent.id, agent.work))?;
        for seat in &agent.seats {
            let may = agent.is_free() && !self.stopped && seat.status == QueueStatus::Ready;
            let queue = &self.queues[seat.queue.0];
            let rank = may.then(|| queue.settings.strategy.rank(seat, agent.idle_turn, no));
            ensure(seat.free == rank, || {
                format!("{} is {:?} in the free agents of {}", agent.id, seat.free, queue.settings.id)
            })?;
            ensure(seat.class == agent.class(seat), || format!("{} is counted wrongly", agent.id))?;
        }
        let told = agent.published.as_ref() == Some(&agent.status());
        ensure(told || !self.started, || format!("{}'s state was not told", agent.id))?;
        ensure(agent.in_call() || agent.pending.is_empty(), || format!("{}'s pause is stuck", agent.id))?;
        let wrap_up = match agent.work {
            Work::WrapUp { until, .. } => Some(until),
            Work::Free | Work::Offered(_) | Work::Answered(_) | Work::Talking(_) => None,
        };
        Ok(self.owns_timer(wrap_up, Timer::WrapUp(no))? + self.owns_timer(agent.rest, Timer::Rest(no))?)
    }

    /// Entered = waiting + outcomes, nobody waits while somebody is free, and the sets agree with each other.
    fn check_queue(&self, no: QueueNo, queue: &Queue) -> Result<(), Breach> {
        let id = &queue.settings.id;
        ensure(queue.is_balanced(), || format!("{id} is not balanced: {:?}", queue.totals))?;
        ensure(!queue.can_serve(), || format!("{id} has a caller and a free agent"))?;
        ensure(queue.by_age.len() == queue.waiting.len(), || format!("{id}'s ages are not its callers'"))?;
        for (order, entry) in &queue.waiting {
            let fits = self.callers.get(entry).is_some_and(|c| c.queue == no && c.order == *order);
            ensure(fits, || format!("{entry} is in {id} by mistake"))?;
        }
        let of_queue = self.callers.values().filter(|caller| caller.queue == no).count();
        ensure(of_queue == queue.waiting.len(), || format!("{id} has lost a caller"))?;
        ensure(queue.open.iter().all(|(o, e)| queue.waiting.get(o) == Some(e)), || {
            format!("{id} would offer somebody who does not wait")
        })?;
        let mut classes = ClassCounts::default();
        let mut free = 0;
        for member in &queue.members {
            let Some(seat) = self.agents[member.0].seat(no) else { continue };
            free += usize::from(seat.free.is_some_and(|rank| queue.free.contains(&rank)));
            if let Some(class) = seat.class {
                *classes.of(class) += 1;
                classes.logged_in += 1;
            }
        }
        ensure(free == queue.free.len(), || format!("{id} has a stranger among its free agents"))?;
        ensure(classes == queue.classes && classes.logged_in == queue.logged_in, || {
            format!("{id} counts {:?} for {classes:?}", queue.classes)
        })
    }

    /// He is open, or ringing, or being connected; his offers know him.
    fn check_caller(&self, entry: EntryUid) -> Result<usize, Breach> {
        let caller = &self.callers[&entry];
        let queue = &self.queues[caller.queue.0];
        let open = queue.open.contains_key(&caller.order);
        let wanted = !caller.connecting && (caller.offers.is_empty() || queue.rings_all());
        ensure(open == wanted, || format!("{entry} is open: {open}, with {:?}", caller.offers))?;
        let stage = |offer: &OfferUid| {
            self.reservations.find(*offer).filter(|found| found.entry == entry).map(|found| found.stage)
        };
        let fits = |offer: &OfferUid| match stage(offer) {
            Some(Stage::Sent { .. } | Stage::Ringing { .. }) => !caller.connecting,
            Some(Stage::Connecting { .. }) => caller.connecting && caller.offers.len() == 1,
            Some(Stage::Talking { .. } | Stage::WrapUp { .. } | Stage::Ended(_)) | None => false,
        };
        ensure(caller.offers.iter().all(fits), || format!("{entry} has an offer that is over"))?;
        ensure(!caller.connecting || !caller.offers.is_empty(), || format!("{entry} is stuck connecting"))?;
        self.owns_timer(caller.until, Timer::MaxWait(entry))
    }

    /// Each live one has its agent, no agent has two, and each ringing one will end.
    fn check_reservations(&self) -> Result<usize, Breach> {
        let mut timers = 0;
        let mut holders = BTreeMap::new();
        for (offer, reservation) in self.reservations.iter() {
            let (until, timer) = match reservation.stage {
                Stage::Ended(_) => continue,
                Stage::Sent { until } | Stage::Ringing { until, .. } => (Some(until), Timer::Ring(offer)),
                Stage::Connecting { until, .. } => (Some(until), Timer::Connect(offer)),
                Stage::Talking { .. } | Stage::WrapUp { .. } => (None, Timer::Ring(offer)),
            };
            timers += self.owns_timer(until, timer)?;
            let agent = &self.agents[reservation.agent.0];
            ensure(agent.engagement() == Some(offer), || {
                format!("{} does not know of his {offer}", agent.id)
            })?;
            let other = holders.insert(reservation.agent, offer);
            ensure(other.is_none(), || format!("{} has two reservations", agent.id))?;
            let waits = until.is_some();
            let ready = agent.seat(reservation.queue).map(|seat| &seat.status) == Some(&QueueStatus::Ready);
            ensure(!waits || ready, || format!("{} is rung by a queue that he is not ready for", agent.id))?;
            ensure(!waits || self.callers.contains_key(&reservation.entry), || {
                format!("{offer} rings for nobody")
            })?;
        }
        Ok(timers)
    }
}
