//! The non-INVITE server transaction: RFC 3261 section 17.2.2 (figure 8).
//!
//! ```text
//!                                  |Request received
//!                                  |pass to TU
//!                                  V
//!                            +-----------+
//!                            |           |
//!                            | Trying    |-------------+
//!                            |           |             |
//!                            +-----------+             |200-699 from TU
//!                                  |                   |send response
//!                                  |1xx from TU        |
//!                                  |send response      |
//!               Request            V      1xx from TU  |
//!               send response+-----------+send response|
//!                   +--------|           |--------+    |
//!                   |        | Proceeding|        |    |
//!                   +------->|           |<-------+    |
//!                            +-----------+             |
//!                                  |200-699 from TU    |
//!                                  |send response      |
//!               Request            V                   |
//!               send response+-----------+             |
//!                   +--------|           |             |
//!                   |        | Completed |<------------+
//!                   +------->|           |
//!                            +-----------+
//!                                  |Timer J fires
//!                                  V
//!                            +-----------+
//!                            | Terminated|
//!                            +-----------+
//! ```
//!
//! Added to the figure: a request that the user leaves unanswered is forgotten after 64*T1, when the sender's timer F
//! has fired (RFC 4320 section 4.2 forbids the late answer), so a fault in the user costs no memory for ever.

use crate::clock::Instant;
use crate::sip::transaction::Output;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use bytes::Bytes;

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// The same request again.
    Request,
    /// The user answers; the status code and the whole response.
    Respond(u16, Bytes),
    /// [`PlainServer::poll_timeout`] is due.
    Timeout,
}

/// One request that we received and that is neither INVITE nor ACK.
#[derive(Debug)]
pub struct PlainServer {
    timing: Timing,
    reliable: bool,
    abandoned: Instant,
    state: State,
}

/// The states of RFC 3261 figure 8, each with what only it needs.
#[derive(Debug)]
pub enum State {
    /// No answer yet.
    Trying,
    /// The user answered provisionally.
    Proceeding {
        /// The latest provisional response.
        last: Bytes,
    },
    /// The user answered.
    Completed {
        /// The final response.
        response: Bytes,
        /// Timer J.
        j: Instant,
    },
    /// Over.
    Terminated,
}

impl PlainServer {
    /// The request has just been passed to the user.
    pub fn start(now: Instant, reliable: bool, timing: Timing) -> Self {
        Self { timing, reliable, abandoned: now + timing.long(), state: State::Trying }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Trying => self.trying(now, input, out),
            State::Proceeding { .. } => self.proceeding(now, input, out),
            State::Completed { .. } => self.completed(now, input, out),
            State::Terminated => {}
        }
    }

    /// The next deadline and whose it is.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Trying | State::Proceeding { .. } => Some((self.abandoned, Timer::Abandoned)),
            State::Completed { j, .. } => Some((*j, Timer::J)),
            State::Terminated => None,
        }
    }

    /// Where the machine stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn trying(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            // RFC 3261 section 17.2.2: "any further request retransmissions are ignored".
            Input::Request => {}
            Input::Respond(code, response) => self.respond(now, code, response, out),
            Input::Timeout => self.abandon(now),
        }
    }

    fn proceeding(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Proceeding { last } = &self.state else { return };
        match input {
            Input::Request => out.push(Output::Resend(last.clone())),
            Input::Respond(code, response) => self.respond(now, code, response, out),
            Input::Timeout => self.abandon(now),
        }
    }

    fn completed(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Completed { response, j } = &self.state else { return };
        match input {
            Input::Request => out.push(Output::Resend(response.clone())),
            // RFC 3261 section 17.2.2: "Any other final responses passed by the TU … MUST be discarded".
            Input::Respond(..) => {}
            Input::Timeout => {
                if *j <= now {
                    self.enter(State::Terminated);
                }
            }
        }
    }

    fn respond(&mut self, now: Instant, code: u16, response: Bytes, out: &mut Vec<Output>) {
        out.push(Output::Send(response.clone()));
        let state = match code {
            100..200 => State::Proceeding { last: response },
            // RFC 3261 section 17.2.2: timer J is 64*T1 "for unreliable transports, and zero … for reliable".
            _ if self.reliable => State::Terminated,
            _ => State::Completed { response, j: now + self.timing.long() },
        };
        self.enter(state);
    }

    fn abandon(&mut self, now: Instant) {
        if self.abandoned <= now {
            self.enter(State::Terminated);
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}
