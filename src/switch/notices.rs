//! Turning the board's marks into notices for those who watch.

use crate::clock::Now;
use crate::record::AgentStatus;
use crate::switch::core::Core;
use crate::switch::core::Output;
use crate::switch::view::CallState;
use crate::switch::view::Notice;
use crate::switch::view::OfferState;
use crate::switch::view::Subject;
use crate::switch::views;

impl Core {
    /// Tells what was marked since the last input.
    pub(crate) fn flush_notices(&mut self, now: Now) {
        for (kind, view) in std::mem::take(&mut self.board.registrations) {
            self.notice(now, kind, Subject::Registration(view));
        }
        for view in std::mem::take(&mut self.board.alarms) {
            self.notice(now, "alarm.raised", Subject::Alarm(view));
        }
        for id in std::mem::take(&mut self.board.callers) {
            if let Some(card) = self.acd.caller(id, now.instant) {
                let queue = card.queue.clone();
                let view = views::caller(card);
                self.board.callers_told.insert(id, (queue.clone(), view.clone()));
                self.notice(now, "caller.waiting", Subject::Caller(queue, view));
            } else if let Some((queue, view)) = self.board.callers_told.remove(&id) {
                self.notice(now, "caller.left", Subject::Caller(queue, view));
            }
        }
        for id in std::mem::take(&mut self.board.calls) {
            if let Some(view) = self.call_shown(id) {
                self.notice(now, call_word(view.state), Subject::Call(view));
            }
        }
        for id in std::mem::take(&mut self.board.offers) {
            if let Some(view) = self.acd.offer(id).map(views::offer) {
                let state = view.state;
                if !matches!(state, OfferState::Pending | OfferState::Accepted | OfferState::Wrapping) {
                    self.board.offer_ended(view.clone());
                }
                self.notice(now, offer_word(state), Subject::Offer(view));
            }
        }
        for id in std::mem::take(&mut self.board.agents) {
            if let Some(view) = self.acd.agent(&id).map(views::agent) {
                self.notice(now, agent_word(view.status), Subject::Agent(view));
            }
        }
        for id in self.board.queues_to_tell(now.instant) {
            if let Some(card) = self.acd.queue(&id, now.instant) {
                let view = self.queue_view(card);
                self.notice(now, "queue.changed", Subject::Queue(view));
            }
        }
    }

    /// Tells those who watch.
    pub(crate) fn notice(&mut self, now: Now, kind: &'static str, subject: Subject) {
        let sequence = self.board.next_sequence();
        self.out.push(Output::Notice(Box::new(Notice { sequence, at: now.wall, kind, subject })));
    }
}

const fn agent_word(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::LoggedOut => "agent.logged_out",
        AgentStatus::Paused => "agent.paused",
        AgentStatus::Ready => "agent.ready",
        AgentStatus::Ringing => "agent.ringing",
        AgentStatus::Talking => "agent.talking",
        AgentStatus::WrapUp => "agent.wrap_up",
        AgentStatus::Unreachable => "agent.unreachable",
    }
}

const fn offer_word(state: OfferState) -> &'static str {
    match state {
        OfferState::Pending => "offer.pending",
        OfferState::Accepted => "offer.accepted",
        OfferState::Rejected => "offer.rejected",
        OfferState::Timeout => "offer.timeout",
        OfferState::Cancelled => "offer.cancelled",
        OfferState::Rescinded => "offer.rescinded",
        OfferState::Wrapping => "offer.wrapping",
        OfferState::Completed => "offer.completed",
    }
}

const fn call_word(state: CallState) -> &'static str {
    match state {
        CallState::Ringing => "call.ringing",
        CallState::Queued => "call.queued",
        CallState::Talking => "call.talking",
        CallState::Held => "call.held",
        CallState::Parked => "call.parked",
        CallState::Ended => "call.ended",
    }
}
