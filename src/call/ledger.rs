//! The times that a call's record is made of. Durations come from the monotonic clock, dates from the wall clock.

use crate::call::cause::Cause;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::ids::AgentId;
use crate::ids::CallUid;
use crate::ids::QueueId;
use crate::record::Cdr;
use crate::record::CdrOutcome;
use std::time::Duration;

/// What is written down while the call lives.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The call.
    pub call: CallUid,
    /// The caller's number.
    pub from: String,
    /// The number dialled.
    pub to: String,
    /// The call's beginning.
    pub started_at: Wall,
    /// When a person answered.
    pub answered_at: Option<Wall>,
    /// The last queue.
    pub queue: Option<QueueId>,
    /// The last agent who talked.
    pub agent: Option<AgentId>,
    started: Instant,
    queued_since: Option<Instant>,
    talking_since: Option<Instant>,
    held_since: Option<Instant>,
    wait: Duration,
    talk: Duration,
    hold: Duration,
}

impl Ledger {
    /// Opens the ledger at the first INVITE.
    pub fn open(now: Now, call: CallUid, from: String, to: String) -> Self {
        Self {
            call,
            from,
            to,
            started_at: now.wall,
            answered_at: None,
            queue: None,
            agent: None,
            started: now.instant,
            queued_since: None,
            talking_since: None,
            held_since: None,
            wait: Duration::ZERO,
            talk: Duration::ZERO,
            hold: Duration::ZERO,
        }
    }

    /// The wait in a queue begins; the talk with whoever transferred the caller ends.
    pub fn queued(&mut self, now: Now, queue: QueueId) {
        self.hold += passed(&mut self.held_since, now);
        self.talk += passed(&mut self.talking_since, now);
        self.queue = Some(queue);
        self.queued_since = Some(now.instant);
    }

    /// A person answered; the wait, if any, ends.
    pub fn talking(&mut self, now: Now) {
        self.wait += passed(&mut self.queued_since, now);
        self.answered_at.get_or_insert(now.wall);
        self.talking_since.get_or_insert(now.instant);
    }

    /// Somebody is on hold from now on, or nobody any more.
    pub fn held(&mut self, now: Now, held: bool) {
        if held {
            self.held_since.get_or_insert(now.instant);
        } else {
            self.hold += passed(&mut self.held_since, now);
        }
    }

    /// Time since the first INVITE.
    pub fn age(&self, now: Now) -> Duration {
        now.instant.since(self.started)
    }

    /// Closes the ledger. A caller who gave up in a queue is `Abandoned`, whatever the cause's own outcome.
    pub fn close(&mut self, now: Now, cause: Cause) -> Cdr {
        let waiting = self.queued_since.is_some();
        self.wait += passed(&mut self.queued_since, now);
        self.hold += passed(&mut self.held_since, now);
        self.talk += passed(&mut self.talking_since, now);
        let outcome = match (self.answered_at, cause) {
            (Some(_), _) => CdrOutcome::Answered,
            (None, Cause::Normal | Cause::Cancelled) if waiting => CdrOutcome::Abandoned,
            (None, other) => other.unanswered(),
        };
        Cdr {
            call: self.call,
            from: self.from.clone(),
            to: self.to.clone(),
            started_at: self.started_at,
            answered_at: self.answered_at,
            // A wall clock that was set back must not make a call end before it began.
            ended_at: now.wall.max(self.started_at),
            outcome,
            cause: cause.word().to_owned(),
            queue: self.queue.clone(),
            agent: self.agent.clone(),
            wait: self.wait,
            talk: self.talk,
            hold: self.hold,
            wrap_up: Duration::ZERO,
        }
    }
}

fn passed(since: &mut Option<Instant>, now: Now) -> Duration {
    since.take().map_or(Duration::ZERO, |start| now.instant.since(start))
}
