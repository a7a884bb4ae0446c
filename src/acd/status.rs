//! Agents' statuses: log-in, pause, pending changes, reachable phones, other calls (FEATURES section A).

use crate::acd::agent::AgentNo;
use crate::acd::agent::Pending;
use crate::acd::agent::Work;
use crate::acd::event::Output;
use crate::acd::machine::Acd;
use crate::acd::offering::OFFER_GAP;
use crate::acd::queue::QueueNo;
use crate::ids::AgentId;
use crate::ids::QueueId;
use crate::record::AgentChange;
use crate::record::AgentEvent;
use crate::record::Fact;
use crate::record::OfferResult;
use crate::record::QueueStatus;

/// The pause reason of an agent who let too many offers ring out.
pub(crate) const NO_ANSWER: &str = "no_answer";

impl Acd {
    /// Sets a status in all the named queues or in none: an unknown one among them makes the whole input void.
    pub(crate) fn set_status(
        &mut self,
        agent: &AgentId,
        status: &QueueStatus,
        queues: Option<Vec<QueueId>>,
        by: Option<String>,
    ) {
        let Some(no) = self.agent_nos.get(agent).copied() else { return };
        let everywhere = queues.is_none();
        let Some(targets) = self.targets(no, status, queues) else { return };
        let agent = &mut self.agents[no.0];
        if *status != QueueStatus::LoggedOut || !everywhere {
            agent.remembered.clear();
        } else if !targets.is_empty() {
            agent.remembered.clone_from(&targets);
        }
        self.touched.agents.push(no);
        if agent.in_call() && *status != QueueStatus::Ready {
            let pending = Pending { status: status.clone(), by };
            agent.pending.extend(targets.into_iter().map(|queue| (queue, pending.clone())));
            return;
        }
        targets.iter().for_each(|queue| drop(agent.pending.remove(queue)));
        let changes: Vec<_> = targets.into_iter().map(|queue| (queue, status.clone(), by.clone())).collect();
        agent.by = by;
        self.change_seats(no, changes);
        if *status == QueueStatus::Ready {
            self.wake(no);
        }
        self.rescind_if_gone(no);
    }

    /// The seats meant. Everywhere is: where he is logged in; if nowhere, where he was before he logged out
    /// everywhere; if that is not known, all (FEATURES A2, A3).
    fn targets(
        &self,
        no: AgentNo,
        status: &QueueStatus,
        queues: Option<Vec<QueueId>>,
    ) -> Option<Vec<QueueNo>> {
        let agent = &self.agents[no.0];
        if let Some(ids) = queues {
            let assigned =
                |id: &QueueId| self.queue_nos.get(id).copied().filter(|queue| agent.seat(*queue).is_some());
            return ids.iter().map(assigned).collect();
        }
        let wanted = |queue: QueueNo, now: &QueueStatus| {
            agent.pending.get(&queue).map_or(now.clone(), |pending| pending.status.clone())
        };
        let logged_in: Vec<_> = agent
            .seats
            .iter()
            .filter(|seat| wanted(seat.queue, &seat.status) != QueueStatus::LoggedOut)
            .map(|seat| seat.queue)
            .collect();
        if !logged_in.is_empty() || *status == QueueStatus::LoggedOut {
            Some(logged_in)
        } else if !agent.remembered.is_empty() {
            Some(agent.remembered.clone())
        } else {
            Some(agent.seats.iter().map(|seat| seat.queue).collect())
        }
    }

    fn change_seats(&mut self, no: AgentNo, changes: Vec<(QueueNo, QueueStatus, Option<String>)>) {
        let was_ready = self.agents[no.0].ready_anywhere();
        for (queue, status, by) in changes {
            let agent = &mut self.agents[no.0];
            let Some(seat) = agent.seat_mut(queue) else { continue };
            if seat.status == status {
                continue;
            }
            if status == QueueStatus::LoggedOut {
                self.queues[queue.0].logged_in -= 1;
                self.touched.emptied.push(queue);
            } else if seat.status == QueueStatus::LoggedOut {
                self.queues[queue.0].logged_in += 1;
            }
            seat.status = status.clone();
            seat.since = self.now.wall;
            self.out.push(Output::Fact(Fact::Agent(AgentEvent {
                at: self.now.wall,
                agent: agent.id.clone(),
                by,
                change: AgentChange::Queue { queue: self.queues[queue.0].settings.id.clone(), status },
            })));
        }
        if !was_ready && self.agents[no.0].ready_anywhere() {
            self.agents[no.0].idle_turn = self.next_turn();
        }
        self.touched.agents.push(no);
    }

    /// Whether nobody is logged in to a queue. Pauses, calls and lost phones don't make a queue empty.
    pub(crate) fn nobody_logged_in(&self, no: QueueNo) -> bool {
        self.queues[no.0].logged_in == 0
    }

    /// An agent who leaves the queue while it rings him is not rung any longer.
    fn rescind_if_gone(&mut self, no: AgentNo) {
        let Work::Offered(offer) = self.agents[no.0].work else { return };
        let Some(reservation) = self.reservations.find(offer) else { return };
        let ready = self.agents[no.0].seat(reservation.queue).map(|seat| &seat.status);
        if ready != Some(&QueueStatus::Ready) {
            self.end_offer(offer, OfferResult::Rescinded);
        }
    }

    /// His call, of a queue or not, is over: what he asked for meanwhile takes effect, and his idle time starts.
    pub(crate) fn call_is_over(&mut self, no: AgentNo) {
        self.touched.agents.push(no);
        let turn = self.next_turn();
        let agent = &mut self.agents[no.0];
        if agent.in_call() {
            return;
        }
        agent.idle_turn = turn;
        let pending = std::mem::take(&mut agent.pending);
        if let Some(last) = pending.values().next_back().filter(|_| agent.by.is_none()) {
            agent.by.clone_from(&last.by);
        }
        let changes = pending.into_iter().map(|(queue, pending)| (queue, pending.status, pending.by));
        self.change_seats(no, changes.collect());
    }

    pub(crate) fn set_reachable(&mut self, agent: &AgentId, reachable: bool) {
        let Some(no) = self.agent_nos.get(agent).copied() else { return };
        let agent = &mut self.agents[no.0];
        if agent.reachable == reachable {
            return;
        }
        // A running offer goes on: the phone that re-registers may be the one that rings.
        agent.reachable = reachable;
        self.touched.agents.push(no);
        if reachable {
            self.wake(no);
        }
    }

    pub(crate) fn set_busy(&mut self, agent: &AgentId, busy: bool) {
        let Some(no) = self.agent_nos.get(agent).copied() else { return };
        let agent = &mut self.agents[no.0];
        if agent.busy == busy {
            return;
        }
        agent.busy = busy;
        self.touched.agents.push(no);
        if !busy {
            self.wake(no);
            self.call_is_over(no);
        } else if let Work::Offered(offer) = agent.work {
            self.end_offer(offer, OfferResult::Busy);
        }
    }

    /// There is a reason to believe that he takes offers again: only the gap between two of them remains.
    fn wake(&mut self, no: AgentNo) {
        let agent = &mut self.agents[no.0];
        (agent.misses, agent.unanswered) = (0, 0);
        if let Some(rest) = agent.rest {
            let gap_ends = agent.last_offer.map_or(self.now.instant, |last| last + OFFER_GAP);
            self.rest_until(no, rest.min(gap_ends));
        }
    }

    /// Pauses an agent who let too many offers ring out: he is not there.
    pub(crate) fn count_unanswered(&mut self, no: AgentNo) {
        let agent = &mut self.agents[no.0];
        agent.unanswered = agent.unanswered.saturating_add(1);
        if self.retry.max_no_answer.is_none_or(|max| agent.unanswered < max.max(1)) {
            return;
        }
        agent.unanswered = 0;
        let paused = QueueStatus::Paused { reason: Some(NO_ANSWER.to_string()) };
        let ready = agent.seats.iter().filter(|seat| seat.status == QueueStatus::Ready);
        let changes = ready.map(|seat| (seat.queue, paused.clone(), None)).collect();
        self.change_seats(no, changes);
    }
}
