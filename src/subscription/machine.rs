//! One subscription at the notifier: when it is notified, and when it ends (RFC 6665 section 4.2).
//!
//! ```text
//!            SUBSCRIBE
//!                │ NOTIFY at once
//!                ▼          2xx, nothing new
//!   ┌──────► InFlight ─────────────────────► Quiet ──┐
//!   │            │ 2xx, something new          │     │ changed, told
//!   │            ├────────────► Due ◄──────────┘     │ long ago
//!   │            │               │ its time  changed │
//!   │            │ NOTIFY        ▼        lately told│
//!   └────────────┴───────────────┴───────────────────┘
//!       unsubscribed, expired, ended: (after the answer) last NOTIFY ─► Farewell ─► Over
//!       NOTIFY refused or unanswered, flow lost:                                 ─► Over
//! ```
//! Never more than one NOTIFY is under way, so that none overtakes another; what changes meanwhile is told together,
//! as it is then. Not the documents and not SIP: its owner writes both.

use crate::clock::Instant;
use std::time::Duration;

/// Between two NOTIFYs of one subscription for changes: a lamp need not follow faster than an eye.
pub const PACE: Duration = Duration::from_millis(200);
/// The longest that a subscriber can put a NOTIFY off by `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Why a subscription ends (RFC 6665 section 4.2.2).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its time is over, or the subscriber ended it.
    Timeout,
    /// The notifier goes away: subscribe again after so many seconds.
    Probation(u32),
    /// What was watched exists no more.
    NoResource,
}

/// What `Subscription-State` says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on for so many seconds.
    Active(u32),
    /// This is its last NOTIFY.
    Terminated(Reason),
}

impl Standing {
    /// The header's value.
    pub fn value(self) -> String {
        match self {
            Self::Active(seconds) => format!("active;expires={seconds}"),
            Self::Terminated(Reason::Timeout) => "terminated;reason=timeout".to_owned(),
            Self::Terminated(Reason::NoResource) => "terminated;reason=noresource".to_owned(),
            Self::Terminated(Reason::Probation(seconds)) => {
                format!("terminated;reason=probation;retry-after={seconds}")
            }
        }
    }
}

/// What a subscription is told.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// What is watched has changed.
    Changed,
    /// A SUBSCRIBE has prolonged it by so much from now on.
    Refreshed(Duration),
    /// A SUBSCRIBE has ended it.
    Unsubscribed,
    /// Its NOTIFY got this final answer, with the seconds of its `Retry-After`.
    Answered(u16, Option<u32>),
    /// Its NOTIFY got no answer, or its flow is lost.
    Lost,
    /// The notifier ends it.
    End(Reason),
    /// The time of [`Subscription::poll_timeout`] has come.
    Timeout,
}

/// What a subscription wants done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a NOTIFY with the present state.
    Notify {
        /// Its `Subscription-State`.
        standing: Standing,
        /// How many NOTIFYs came before it: the `version` of RFC 4235 section 4.1.
        version: u32,
    },
    /// It is over: forget it.
    Over,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// The subscriber knows all.
    Quiet,
    /// A NOTIFY is due at that time.
    Due(Instant),
    /// A NOTIFY is under way; what is to be told after it.
    InFlight(Next),
    /// The last NOTIFY is under way.
    Farewell,
    /// Over.
    Over,
}

/// What comes after the NOTIFY that is under way.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// Something has changed meanwhile.
    AtItsPace,
    /// A refresh wants its NOTIFY.
    AtOnce,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    state: State,
    expires_at: Instant,
    told_at: Instant,
    /// The end that the next NOTIFY tells.
    ending: Option<Reason>,
    version: u32,
}

impl Subscription {
    /// A new one for so long; with its first NOTIFY. Without any time it is a mere question (RFC 6665 section 4.4.3):
    /// one NOTIFY tells the state and the end.
    pub fn begin(now: Instant, expires: Duration, out: &mut Vec<Output>) -> Self {
        let ending = expires.is_zero().then_some(Reason::Timeout);
        let mut begun =
            Self { state: State::Quiet, expires_at: now + expires, told_at: now, ending, version: 0 };
        begun.tell(now, out);
        begun
    }

    /// When the machine wants [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Quiet => Some(self.expires_at),
            State::Due(at) => Some(at.min(self.expires_at)),
            // The answer comes, or the transaction's time is over: one of them is told.
            State::InFlight(_) if self.ending.is_some() => None,
            State::InFlight(_) => Some(self.expires_at),
            State::Farewell | State::Over => None,
        }
    }

    /// Whether a SUBSCRIBE can still prolong it. When it cannot, the answer is 481.
    pub fn is_live(&self) -> bool {
        self.ending.is_none() && !matches!(self.state, State::Farewell | State::Over)
    }

    /// One input, all its outputs.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Changed => self.changed(now, out),
            Input::Refreshed(expires) => self.refreshed(now, expires, out),
            Input::Unsubscribed => self.end(now, Reason::Timeout, out),
            Input::End(reason) => self.end(now, reason, out),
            Input::Answered(status, retry_after) => self.answered(now, status, retry_after, out),
            Input::Lost => self.over(out),
            Input::Timeout => self.timeout(now, out),
        }
    }

    fn changed(&mut self, now: Instant, out: &mut Vec<Output>) {
        match self.state {
            State::Quiet => self.tell_at_its_pace(now, out),
            State::InFlight(Next::Nothing) => self.state = State::InFlight(Next::AtItsPace),
            State::Due(_)
            | State::InFlight(Next::AtItsPace | Next::AtOnce)
            | State::Farewell
            | State::Over => {}
        }
    }

    fn refreshed(&mut self, now: Instant, expires: Duration, out: &mut Vec<Output>) {
        if !self.is_live() {
            return;
        }
        self.expires_at = now + expires;
        // RFC 6665 section 4.2.1.2: "the notifier MUST immediately construct and send a NOTIFY".
        match self.state {
            State::Quiet | State::Due(_) => self.tell(now, out),
            State::InFlight(_) => self.state = State::InFlight(Next::AtOnce),
            State::Farewell | State::Over => {}
        }
    }

    fn end(&mut self, now: Instant, reason: Reason, out: &mut Vec<Output>) {
        if !self.is_live() {
            return;
        }
        self.ending = Some(reason);
        match self.state {
            State::Quiet | State::Due(_) => self.tell(now, out),
            // Its turn comes with the answer.
            State::InFlight(_) | State::Farewell | State::Over => {}
        }
    }

    fn answered(&mut self, now: Instant, status: u16, retry_after: Option<u32>, out: &mut Vec<Output>) {
        match (self.state, status) {
            (_, ..=199) | (State::Quiet | State::Due(_) | State::Over, _) => {}
            (State::Farewell, _) => self.over(out),
            (State::InFlight(_), 200..=299) if self.ending.is_some() => self.tell(now, out),
            (State::InFlight(Next::AtOnce), 200..=299) => self.tell(now, out),
            (State::InFlight(Next::AtItsPace), 200..=299) => self.tell_at_its_pace(now, out),
            (State::InFlight(Next::Nothing), 200..=299) => self.state = State::Quiet,
            // RFC 6665 section 4.2.2: a refused NOTIFY removes the subscription, but for one that names a time to try
            // again. A challenge (401, 407) is a refusal too: we have no credentials to show to a phone.
            (State::InFlight(_), _) => match retry_after {
                Some(seconds) if self.ending.is_none() && !matches!(status, 401 | 407 | 481 | 489) => {
                    let wait = Duration::from_secs(seconds.into()).clamp(PACE, RETRY_AFTER_MAX);
                    self.state = State::Due(now + wait);
                }
                Some(_) | None => self.over(out),
            },
        }
    }

    fn timeout(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.expires_at <= now {
            self.end(now, Reason::Timeout, out);
        } else if let State::Due(at) = self.state
            && at <= now
        {
            self.tell(now, out);
        }
    }

    fn tell_at_its_pace(&mut self, now: Instant, out: &mut Vec<Output>) {
        let at = self.told_at + PACE;
        if at <= now {
            self.tell(now, out);
        } else {
            self.state = State::Due(at);
        }
    }

    /// Sends a NOTIFY; the last one where an end is decided.
    fn tell(&mut self, now: Instant, out: &mut Vec<Output>) {
        let (standing, state) = match self.ending {
            Some(reason) => (Standing::Terminated(reason), State::Farewell),
            None => (Standing::Active(self.seconds_left(now)), State::InFlight(Next::Nothing)),
        };
        self.state = state;
        self.told_at = now;
        out.push(Output::Notify { standing, version: self.version });
        self.version = self.version.saturating_add(1);
    }

    fn over(&mut self, out: &mut Vec<Output>) {
        if self.state != State::Over {
            self.state = State::Over;
            out.push(Output::Over);
        }
    }

    /// Whole seconds left, rounded up.
    fn seconds_left(&self, now: Instant) -> u32 {
        let left = self.expires_at.since(now).as_micros();
        u32::try_from(left.div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
