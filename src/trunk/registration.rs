//! Our registration at a carrier: asked for, refreshed before it ends, asked for again with patience when it fails.
//!
//! ```text
//!               Start                 Accepted
//!   Idle ────────────────► Asking ───────────────► Held ──┐ refresh_at, FlowLost
//!                          ▲  ▲  │                        │
//!             423, once    └──┼──┤ ◄──────────────────────┘
//!                             │  │ Refused, Unwilling, Silent
//!                    retry_at │  ▼
//!                            Waiting
//! ```
//! A refresh that is under way does not end the registration before its time. It writes no REGISTER and computes no digest:
//! a challenge that can be answered is answered by `switch` while this stays in Asking.

use crate::clock::Instant;
use crate::ids::Random;
use std::time::Duration;

/// Silence after which the next server is asked.
const SILENCE: Duration = Duration::from_secs(5);
/// The first wait after a failure, doubled up to the longest. RFC 5626 section 4.5 waits longer at first; a trunk that
/// is back after a short cut must not be without calls for half a minute.
const WAIT_MIN: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(300);
/// The same where the account is refused: asking often locks it.
const REFUSED_WAIT_MIN: Duration = Duration::from_secs(60);
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(3600);
/// The longest `Min-Expires` that is followed.
const EXPIRES_MAX: Duration = Duration::from_secs(86_400);

/// What the machine is told.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The server's address is known.
    Start,
    /// 2xx: registered for so long.
    Accepted(Duration),
    /// 423 with its Min-Expires.
    TooBrief(Duration),
    /// The account is refused: 403, 404, or our credentials are wrong.
    Refused,
    /// The server can't, or does not answer; `Retry-After` when it said one.
    Unwilling(Option<Duration>),
    /// The connection over which we registered is lost.
    FlowLost,
    /// [`Registration::poll_timeout`] is due.
    Timeout,
    /// The switch stops.
    Stop,
}

/// What it wants.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send REGISTER for so long; zero ends the registration. `next` asks for another server than the last.
    Register {
        /// How long.
        expires: Duration,
        /// Another server.
        next: bool,
    },
    /// From now on we are registered, or not any more.
    Changed(bool),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Asking { silent_at: Instant },
    Held { refresh_at: Instant },
    Waiting { retry_at: Instant },
}

/// One registration.
#[derive(Clone, Debug)]
pub struct Registration {
    state: State,
    wished: Duration,
    /// What is asked for: the wish, or more after a 423.
    expires: Duration,
    /// The registration holds until then.
    valid_until: Option<Instant>,
    failures: u32,
    refusals: u32,
    briefs: u32,
}

impl Registration {
    /// Not begun; `expires` is how long a registration is wished to last.
    pub fn new(expires: Duration) -> Self {
        Self {
            state: State::Idle,
            wished: expires,
            expires,
            valid_until: None,
            failures: 0,
            refusals: 0,
            briefs: 0,
        }
    }

    /// Whether the carrier knows our contact now.
    pub fn is_registered(&self) -> bool {
        self.valid_until.is_some()
    }

    /// Whether it waits for an answer.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    /// When [`Input::Timeout`] is wanted.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.state {
            State::Idle => None,
            State::Asking { silent_at } => Some(silent_at),
            State::Held { refresh_at } => Some(refresh_at),
            State::Waiting { retry_at } => Some(retry_at),
        };
        own.into_iter().chain(self.valid_until).min()
    }

    /// One input.
    pub fn handle(&mut self, now: Instant, input: Input, random: &mut Random, out: &mut Vec<Output>) {
        match (input, self.state) {
            (Input::Start, State::Idle) => self.ask(now, false, out),
            (Input::Start, _) => {}
            (Input::Accepted(expires), State::Asking { .. }) => self.accepted(now, expires, random, out),
            (Input::TooBrief(least), State::Asking { .. }) => self.too_brief(now, least, random, out),
            (Input::Refused, State::Asking { .. }) => self.refused(now, random, out),
            (Input::Unwilling(after), State::Asking { .. }) => self.unwilling(now, after, random, out),
            // An answer that comes after its time.
            (
                Input::Accepted(_) | Input::TooBrief(_) | Input::Refused | Input::Unwilling(_),
                State::Idle | State::Held { .. } | State::Waiting { .. },
            ) => {}
            (Input::FlowLost, State::Held { .. }) => {
                // RFC 5626 section 4.5: the flow has failed, and a new one is formed; not by all clients at once.
                self.lose(out);
                self.state = State::Waiting { retry_at: now + part(Duration::from_secs(1), random) };
            }
            (Input::FlowLost, State::Asking { .. }) => self.unwilling(now, None, random, out),
            (Input::FlowLost, State::Idle | State::Waiting { .. }) => {}
            (Input::Timeout, _) => self.timeout(now, random, out),
            (Input::Stop, _) => self.stop(out),
        }
    }

    fn timeout(&mut self, now: Instant, random: &mut Random, out: &mut Vec<Output>) {
        if self.valid_until.is_some_and(|until| until <= now) {
            self.lose(out);
        }
        match self.state {
            State::Asking { silent_at } if silent_at <= now => self.unwilling(now, None, random, out),
            State::Held { refresh_at } if refresh_at <= now => self.ask(now, false, out),
            State::Waiting { retry_at } if retry_at <= now => self.ask(now, self.failures > 0, out),
            State::Idle | State::Asking { .. } | State::Held { .. } | State::Waiting { .. } => {}
        }
    }

    fn ask(&mut self, now: Instant, next: bool, out: &mut Vec<Output>) {
        self.state = State::Asking { silent_at: now + SILENCE };
        out.push(Output::Register { expires: self.expires, next });
    }

    fn accepted(&mut self, now: Instant, expires: Duration, random: &mut Random, out: &mut Vec<Output>) {
        (self.failures, self.refusals, self.briefs) = (0, 0, 0);
        if expires.is_zero() {
            // A 2xx without our contact: the carrier has not kept it.
            return self.unwilling(now, None, random, out);
        }
        if self.valid_until.replace(now + expires).is_none() {
            out.push(Output::Changed(true));
        }
        // RFC 3261 section 10.2.4: refreshed before it ends; early enough for a REGISTER that is lost three times.
        let early = expires * 3 / 4 + part(expires / 10, random);
        self.state = State::Held { refresh_at: now + early };
    }

    fn too_brief(&mut self, now: Instant, least: Duration, random: &mut Random, out: &mut Vec<Output>) {
        self.briefs += 1;
        if self.briefs > 1 || least <= self.expires || least > EXPIRES_MAX {
            self.expires = self.wished;
            self.briefs = 0;
            return self.unwilling(now, None, random, out);
        }
        // RFC 3261 section 10.2.8: "the client MAY retry the registration after making the expiration interval … equal
        // to or greater than the expiration interval within the Min-Expires header field".
        self.expires = least;
        self.ask(now, false, out);
    }

    fn refused(&mut self, now: Instant, random: &mut Random, out: &mut Vec<Output>) {
        self.lose(out);
        self.refusals = self.refusals.saturating_add(1);
        let wait = backed_off(REFUSED_WAIT_MIN, REFUSED_WAIT_MAX, self.refusals, random);
        self.state = State::Waiting { retry_at: now + wait };
    }

    fn unwilling(
        &mut self,
        now: Instant,
        after: Option<Duration>,
        random: &mut Random,
        out: &mut Vec<Output>,
    ) {
        if self.valid_until.is_some_and(|until| until <= now) {
            self.lose(out);
        }
        self.failures = self.failures.saturating_add(1);
        let wait = backed_off(WAIT_MIN, WAIT_MAX, self.failures, random);
        let wait = after.map_or(wait, |after| wait.max(after.min(WAIT_MAX)));
        self.state = State::Waiting { retry_at: now + wait };
    }

    fn stop(&mut self, out: &mut Vec<Output>) {
        if self.valid_until.is_some() {
            out.push(Output::Register { expires: Duration::ZERO, next: false });
        }
        self.lose(out);
        self.state = State::Idle;
    }

    fn lose(&mut self, out: &mut Vec<Output>) {
        if self.valid_until.take().is_some() {
            out.push(Output::Changed(false));
        }
    }
}

/// Doubled with each failure, and anywhere in its upper half, so that many do not come back together.
fn backed_off(least: Duration, most: Duration, failures: u32, random: &mut Random) -> Duration {
    let doubled = least.saturating_mul(1 << failures.saturating_sub(1).min(12)).min(most);
    doubled / 2 + part(doubled / 2, random)
}

fn part(time: Duration, random: &mut Random) -> Duration {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.below(micros.saturating_add(1)))
}
