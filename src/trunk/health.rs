//! Whether one target of a trunk lives: OPTIONS with hysteresis, and the memory of a target that failed a call.
//!
//! ```text
//!              2 failures                       2 answers
//!   Unknown ──────────────► Down     Down ─────────────────► Up
//!   Unknown ── 1 answer ──► Up       Up ──── 2 failures ───► Down
//! ```
//! Any answer is life, even 404 or 405: the far side has a SIP stack that works. 503 and silence are not.

use crate::clock::Instant;
use crate::ids::Random;
use std::time::Duration;

/// Silence after which an OPTIONS counts as failed: four transmissions over UDP (RFC 3261 section 17.1.2.2).
const SILENCE: Duration = Duration::from_secs(4);
/// In a row, to change one's mind.
const STREAK: u32 = 2;
/// Between two askings while the mind is not made up, or the target is down.
const DOUBT_MAX: Duration = Duration::from_secs(5);
/// How long a target that failed a call is left out, unless OPTIONS says sooner that it lives.
const REST: Duration = Duration::from_secs(60);

/// What happens to the target.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The OPTIONS was answered.
    Answered(u16),
    /// It could not be sent, or its transaction timed out.
    Failed,
    /// A call's INVITE got no answer there, or could not be sent.
    CallFailed,
    /// It wants to be left alone for so long.
    Rest(Duration),
    /// A call was answered there: it lives.
    CallAnswered,
    /// [`Health::poll_timeout`] is due.
    Timeout,
}

/// What is wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send OPTIONS.
    Ask,
    /// It took so long to answer.
    RoundTrip(Duration),
    /// From now on it is up, or down.
    Changed(bool),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Unknown { failures: u32 },
    Up { failures: u32 },
    Down { answers: u32 },
}

/// The health of one target.
#[derive(Clone, Debug)]
pub struct Health {
    /// How often it is asked; `None`: never.
    every: Option<Duration>,
    state: State,
    /// When the OPTIONS under way was sent.
    asked: Option<Instant>,
    next: Option<Instant>,
    /// Left out until then.
    rests_until: Option<Instant>,
    /// Answers in a row while it rests.
    answers: u32,
    round_trip: Option<Duration>,
}

impl Health {
    /// A target of which nothing is known, asked for the first time within `every`.
    pub fn new(now: Instant, every: Option<Duration>, random: &mut Random) -> Self {
        // Not all at once after a start.
        let first = every.map(|every| now + part(every.min(DOUBT_MAX), random));
        Self {
            every,
            state: State::Unknown { failures: 0 },
            asked: None,
            next: first,
            rests_until: None,
            answers: 0,
            round_trip: None,
        }
    }

    /// Whether calls may go there.
    pub fn is_usable(&self, now: Instant) -> bool {
        !matches!(self.state, State::Down { .. }) && self.rests_until.is_none_or(|until| until <= now)
    }

    /// The last round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When [`Input::Timeout`] is wanted.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let silence = self.asked.map(|asked| asked + SILENCE);
        silence.into_iter().chain(self.next).min()
    }

    /// One input.
    pub fn handle(&mut self, now: Instant, input: Input, random: &mut Random, out: &mut Vec<Output>) {
        match input {
            Input::Answered(status) => {
                // After the silence was counted, the answer to an old OPTIONS changes nothing.
                let Some(asked) = self.asked.take() else { return };
                let round_trip = now.since(asked);
                self.round_trip = Some(round_trip);
                out.push(Output::RoundTrip(round_trip));
                if status == 503 {
                    self.failure(out)
                } else {
                    self.answer(out)
                }
                self.rearm(now, random);
            }
            Input::Failed => {
                if self.asked.take().is_some() {
                    self.failure(out);
                    self.rearm(now, random);
                }
            }
            Input::CallFailed => {
                self.rest(now, REST);
                self.failure(out);
                // OPTIONS is to tell soon whether it was the call or the target.
                if self.every.is_some() && self.asked.is_none() {
                    self.next = Some(now);
                }
            }
            Input::Rest(time) => self.rest(now, time),
            Input::CallAnswered => {
                self.rests_until = None;
                self.answer(out);
            }
            Input::Timeout => self.timeout(now, random, out),
        }
    }

    fn timeout(&mut self, now: Instant, random: &mut Random, out: &mut Vec<Output>) {
        if self.asked.is_some_and(|asked| asked + SILENCE <= now) {
            self.asked = None;
            self.failure(out);
            self.rearm(now, random);
        }
        if self.next.is_some_and(|at| at <= now) {
            self.next = None;
            self.asked = Some(now);
            out.push(Output::Ask);
        }
    }

    fn rest(&mut self, now: Instant, time: Duration) {
        self.answers = 0;
        self.rests_until = Some(now + time);
    }

    fn answer(&mut self, out: &mut Vec<Output>) {
        self.answers = self.answers.saturating_add(1);
        if self.answers >= STREAK {
            self.rests_until = None;
        }
        match self.state {
            State::Unknown { .. } => self.enter(State::Up { failures: 0 }, Some(true), out),
            State::Up { .. } => self.enter(State::Up { failures: 0 }, None, out),
            State::Down { answers } if answers + 1 >= STREAK => {
                self.enter(State::Up { failures: 0 }, Some(true), out);
            }
            State::Down { answers } => self.enter(State::Down { answers: answers + 1 }, None, out),
        }
    }

    fn failure(&mut self, out: &mut Vec<Output>) {
        self.answers = 0;
        // Nobody would ever say that it is up again.
        if self.every.is_none() {
            return;
        }
        match self.state {
            State::Unknown { failures } | State::Up { failures } if failures + 1 >= STREAK => {
                self.enter(State::Down { answers: 0 }, Some(false), out);
            }
            State::Unknown { failures } => {
                self.enter(State::Unknown { failures: failures + 1 }, None, out);
            }
            State::Up { failures } => self.enter(State::Up { failures: failures + 1 }, None, out),
            State::Down { .. } => self.enter(State::Down { answers: 0 }, None, out),
        }
    }

    fn enter(&mut self, state: State, tell: Option<bool>, out: &mut Vec<Output>) {
        self.state = state;
        out.extend(tell.map(Output::Changed));
    }

    /// The next asking: soon while in doubt, else after the usual time, a tenth more or less.
    fn rearm(&mut self, now: Instant, random: &mut Random) {
        let settled = self.state == State::Up { failures: 0 } && self.rests_until.is_none();
        self.next = self.every.map(|every| {
            let wait = if settled { every } else { every.min(DOUBT_MAX) };
            now + wait * 9 / 10 + part(wait / 5, random)
        });
    }
}

/// A random part of a time.
fn part(time: Duration, random: &mut Random) -> Duration {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.below(micros.saturating_add(1)))
}
