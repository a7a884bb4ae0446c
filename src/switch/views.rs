//! The switch's state as the API shows it: copies made on request and for notices.

use crate::acd::AgentCard;
use crate::acd::CallerCard;
use crate::acd::OfferCard;
use crate::acd::OfferPhase;
use crate::acd::QueueCard;
use crate::call::State;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::CallUid;
use crate::record::EntryKind;
use crate::record::OfferResult;
use crate::record::QueueCounts;
use crate::registrar::Binding;
use crate::sip::endpoint::Flow;
use crate::switch::core::CallSlot;
use crate::switch::core::Core;
use crate::switch::leg::Leg;
use crate::switch::leg::Phase;
use crate::switch::view::AgentCounts;
use crate::switch::view::AgentQueueView;
use crate::switch::view::AgentView;
use crate::switch::view::CallState;
use crate::switch::view::CallView;
use crate::switch::view::CallerView;
use crate::switch::view::LegState;
use crate::switch::view::LegView;
use crate::switch::view::OfferKind;
use crate::switch::view::OfferState;
use crate::switch::view::OfferView;
use crate::switch::view::QueueView;
use crate::switch::view::RegistrationView;
use crate::switch::view::ServiceLevels;
use crate::switch::view::TodayCounts;

/// An agent.
pub(crate) fn agent(card: AgentCard) -> AgentView {
    let queues = card.queues.into_iter().map(|seat| AgentQueueView {
        id: seat.queue,
        status: seat.status,
        since: seat.since,
    });
    AgentView {
        id: card.id,
        name: card.name,
        phone: card.phone.as_str().to_owned(),
        status: card.status,
        reason: card.reason,
        since: card.since,
        pending: card.pending,
        queues: queues.collect(),
        offer: card.offer,
        call: card.call,
        wrap_up_ends_at: card.wrap_up_ends_at,
    }
}

/// A waiting caller.
pub(crate) fn caller(card: CallerCard) -> CallerView {
    CallerView {
        id: card.id,
        kind: card.kind,
        call: Some(card.call),
        number: card.number,
        name: card.name,
        priority: card.priority,
        entered_at: card.entered_at,
        waited: card.waited,
        position: card.position,
        estimated_wait: card.estimated_wait,
        why: card.why.to_string(),
    }
}

/// An offer.
pub(crate) fn offer(card: OfferCard) -> OfferView {
    let state = match card.phase {
        OfferPhase::Pending => OfferState::Pending,
        OfferPhase::Accepted => OfferState::Accepted,
        OfferPhase::Wrapping => OfferState::Wrapping,
        OfferPhase::Ended(result) => ended_offer(result),
    };
    OfferView {
        id: card.id,
        agent: card.agent,
        kind: OfferKind::InboundQueue,
        queue: card.queue,
        number: card.number,
        name: card.name,
        state,
        created_at: card.created_at,
        call: Some(card.call),
    }
}

const fn ended_offer(result: OfferResult) -> OfferState {
    match result {
        OfferResult::Accepted => OfferState::Completed,
        // The agent's phone said no, whoever pressed what: to the API that is a rejection.
        OfferResult::Rejected | OfferResult::Busy | OfferResult::Unreachable => OfferState::Rejected,
        OfferResult::Timeout => OfferState::Timeout,
        OfferResult::Cancelled => OfferState::Cancelled,
        OfferResult::Rescinded => OfferState::Rescinded,
    }
}

/// A registered contact.
pub(crate) fn registration(aor: &str, binding: &Binding<Flow>) -> RegistrationView {
    RegistrationView {
        number: aor.to_owned(),
        contact: binding.uri.clone(),
        flow: format!("{}:{}", binding.flow.transport.word(), binding.flow.remote),
        user_agent: binding.user_agent.clone(),
        registered_at: binding.refreshed_at.wall,
        expires_at: binding.expires_wall,
    }
}

fn today(counts: &QueueCounts) -> TodayCounts {
    TodayCounts {
        entered: counts.entered,
        handled: counts.handled,
        abandoned: counts.abandoned,
        pending: counts.pending,
        evicted_customer: counts.evicted_customer,
        evicted_system: counts.evicted_system,
        evicted_user: counts.evicted_user,
        timed_out: counts.timed_out,
    }
}

impl Core {
    /// A queue's card: who waits is the distributor's, today's figures are the fold's.
    pub(crate) fn queue_view(&self, card: QueueCard) -> QueueView {
        let fold = self.folds.get(&card.id);
        let counts = fold.map(|fold| *fold.today(EntryKind::Call)).unwrap_or_default();
        QueueView {
            waiting: card.waiting,
            callbacks_pending: 0,
            longest_wait: card.longest_wait,
            agents: AgentCounts {
                logged_in: card.agents.logged_in,
                ready: card.agents.ready,
                ringing: card.agents.ringing,
                talking: card.agents.talking,
                wrap_up: card.agents.wrap_up,
                paused: card.agents.paused,
                unreachable: card.agents.unreachable,
            },
            average_handle: counts.average_handle(),
            today: today(&counts),
            service_level: ServiceLevels {
                a: counts.service_level_a(),
                b: counts.service_level_b(),
                c: counts.service_level_c(),
                d: counts.service_level_d(),
            },
            // The distributor's own count of who waits against the fold of the facts: two independent ways.
            unbalanced: fold.map_or(0, |fold| {
                fold.unbalanced() + i64::from(card.waiting) - fold.waiting(EntryKind::Call) as i64
            }),
            members: card.members,
            id: card.id,
            name: card.name,
        }
    }

    /// A call.
    pub(crate) fn call_view(&self, id: CallUid, slot: &CallSlot, ended_at: Option<Wall>) -> CallView {
        let ledger = slot.call.ledger();
        let live = slot.legs.iter().filter_map(|leg| self.legs.get(leg)).map(leg_view);
        let mut legs: Vec<LegView> = slot.ended_legs.iter().cloned().chain(live).collect();
        legs.sort_by_key(|leg| leg.id);
        CallView {
            id,
            state: if ended_at.is_some() { CallState::Ended } else { call_state(slot.call.state()) },
            direction: slot.direction,
            from: ledger.from.clone(),
            to: ledger.to.clone(),
            queue: ledger.queue.clone(),
            agent: ledger.agent.clone(),
            started_at: ledger.started_at,
            answered_at: ledger.answered_at,
            ended_at,
            legs,
            recording: slot.recording.state(),
            timeline: slot.timeline.clone(),
        }
    }

    /// A live or lately ended call.
    pub(crate) fn call_shown(&self, id: CallUid) -> Option<CallView> {
        match self.calls.get(&id) {
            Some(slot) => Some(self.call_view(id, slot, None)),
            None => self.board.ended_call(id).cloned(),
        }
    }

    /// All live contacts.
    pub(crate) fn registrations(&self, now: Now) -> Vec<RegistrationView> {
        self.registrar.all(now.instant).map(|(aor, binding)| registration(aor, binding)).collect()
    }
}

/// A call's state in the API's words.
pub(crate) const fn call_state(state: &State) -> CallState {
    match state {
        State::New | State::Ringing { .. } | State::Onward => CallState::Ringing,
        State::Joining { .. } | State::Waiting { .. } => CallState::Queued,
        State::Talking { caller_holds: false, other_holds: false, .. }
        | State::Listening
        | State::Meeting { .. }
        | State::Speaking { .. }
        | State::Menu(_) => CallState::Talking,
        // Who is handed over waits with music, as on hold.
        State::Talking { .. } | State::Transferring(_) => CallState::Held,
        State::Ended => CallState::Ended,
    }
}

/// A leg that is over.
pub(crate) fn ended_leg(leg: &Leg) -> LegView {
    LegView { state: LegState::Ended, ..leg_view(leg) }
}

fn leg_view(leg: &Leg) -> LegView {
    LegView {
        id: leg.id.0,
        party: leg.party.clone(),
        role: leg.role,
        state: match leg.phase {
            Phase::Planned | Phase::Incoming { .. } | Phase::Outgoing { .. } => LegState::Ringing,
            Phase::Up if leg.holds => LegState::Held,
            Phase::Up => LegState::Up,
            Phase::Leaving { .. } => LegState::Ended,
        },
        codec: leg.codec(),
    }
}
