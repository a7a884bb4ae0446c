//! The non-INVITE client transaction: RFC 3261 section 17.1.2 (figure 6).
//!
//! ```text
//!                                   |Request from TU
//!                                   |send request
//!               Timer E             V
//!               send request  +-----------+
//!                   +---------|           |-------------------+
//!                   |         |  Trying   |  Timer F          |
//!                   +-------->|           |  or Transport Err.|
//!                             +-----------+  inform TU        |
//!                200-699         |  |                         |
//!                resp. to TU     |  |1xx                      |
//!                +---------------+  |resp. to TU              |
//!                |                  V                         |
//!                |  Timer E   +-----------+  Timer F          |
//!                |  send req  |           |  or Transport Err.|
//!                |  +---------|Proceeding |  inform TU        |
//!                |  +-------->|           |------------------>|
//!                |            +-----------+-----+             |
//!                |               |  ^       |1xx              |
//!                |        200-699|  +-------+resp. to TU      |
//!                |    resp. to TU|                            |
//!                |               V                            |
//!                |            +-----------+                   |
//!                +----------->| Completed |                   |
//!                             +-----------+                   |
//!                                   | Timer K                 |
//!                                   V                         |
//!                             +-----------+                   |
//!                             | Terminated|<------------------+
//!                             +-----------+
//! ```
//!
//! Not the INVITE client, whose Proceeding has no timer.

use crate::clock::Instant;
use crate::sip::transaction::Output;
use crate::sip::transaction::timer::Backoff;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use crate::sip::transaction::timer::earlier;
use bytes::Bytes;

/// What happens to the machine.
#[derive(Copy, Clone, Debug)]
pub enum Input {
    /// A response with our branch and method, by its status code.
    Response(u16),
    /// [`PlainClient::poll_timeout`] is due.
    Timeout,
    /// The transport could not deliver.
    TransportError,
}

/// One request that we sent and that is neither INVITE nor ACK.
#[derive(Debug)]
pub struct PlainClient {
    timing: Timing,
    reliable: bool,
    state: State,
}

/// The states of RFC 3261 figure 6, each with what only it needs.
#[derive(Debug)]
pub enum State {
    /// No response yet; `e` is `None` on a reliable transport.
    Trying {
        /// The request, sent again by timer E.
        request: Bytes,
        /// Timer E.
        e: Option<Backoff>,
        /// Timer F.
        f: Instant,
    },
    /// A provisional response came.
    Proceeding {
        /// The request, sent again by timer E.
        request: Bytes,
        /// Timer E, by now every T2.
        e: Option<Backoff>,
        /// Timer F.
        f: Instant,
    },
    /// The final response came.
    Completed {
        /// Timer K.
        k: Instant,
    },
    /// Over.
    Terminated,
}

impl PlainClient {
    /// Sends the request.
    pub fn start(
        now: Instant,
        request: Bytes,
        reliable: bool,
        timing: Timing,
        out: &mut Vec<Output>,
    ) -> Self {
        out.push(Output::Send(request.clone()));
        let e = (!reliable).then(|| Backoff::start(now, timing.t1_ms));
        let state = State::Trying { request, e, f: now + timing.long() };
        Self { timing, reliable, state }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Trying { .. } => self.trying(now, input, out),
            State::Proceeding { .. } => self.proceeding(now, input, out),
            State::Completed { .. } => self.completed(now, input),
            State::Terminated => {}
        }
    }

    /// The next deadline and whose it is.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Trying { e, f, .. } | State::Proceeding { e, f, .. } => {
                earlier(Some((*f, Timer::F)), e.map(|e| (e.at(), Timer::E)))
            }
            State::Completed { k } => Some((*k, Timer::K)),
            State::Terminated => None,
        }
    }

    /// Where the machine stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn trying(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Trying { request, e, f } = &mut self.state else { return };
        match input {
            Input::Response(100..200) => {
                out.push(Output::Deliver);
                let state = State::Proceeding { request: request.clone(), e: *e, f: *f };
                self.enter(state);
            }
            Input::Response(code) => self.complete(now, code, out),
            Input::Timeout => {
                if *f <= now {
                    self.end(Output::TimedOut, out);
                } else if let Some(e) = e.as_mut().filter(|e| e.at() <= now) {
                    // RFC 3261 section 17.1.2.2: "MIN(2*T1, T2)", doubling until it hits T2.
                    e.next(now, self.timing.t2_ms);
                    out.push(Output::Resend(request.clone()));
                }
            }
            Input::TransportError => self.end(Output::Unreachable, out),
        }
    }

    fn proceeding(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Proceeding { request, e, f } = &mut self.state else { return };
        match input {
            Input::Response(100..200) => out.push(Output::Deliver),
            Input::Response(code) => self.complete(now, code, out),
            Input::Timeout => {
                if *f <= now {
                    self.end(Output::TimedOut, out);
                } else if let Some(e) = e.as_mut().filter(|e| e.at() <= now) {
                    // RFC 3261 section 17.1.2.2: "If Timer E fires while in the "Proceeding" state, … Timer E MUST be
                    // reset with a value of T2 seconds."
                    *e = Backoff::start(now, self.timing.t2_ms);
                    out.push(Output::Resend(request.clone()));
                }
            }
            Input::TransportError => self.end(Output::Unreachable, out),
        }
    }

    fn completed(&mut self, now: Instant, input: Input) {
        let State::Completed { k } = &self.state else { return };
        match input {
            Input::Timeout => {
                if *k <= now {
                    self.enter(State::Terminated);
                }
            }
            // RFC 3261 section 17.1.2.2: Completed "exists to buffer any additional response retransmissions".
            Input::Response(_) | Input::TransportError => {}
        }
    }

    fn complete(&mut self, now: Instant, code: u16, out: &mut Vec<Output>) {
        if !(200..700).contains(&code) {
            return;
        }
        out.push(Output::Deliver);
        // RFC 3261 section 17.1.2.2: timer K is "T4 seconds for unreliable transports, and zero … for reliable".
        let state =
            if self.reliable { State::Terminated } else { State::Completed { k: now + self.timing.t4() } };
        self.enter(state);
    }

    fn end(&mut self, output: Output, out: &mut Vec<Output>) {
        out.push(output);
        self.enter(State::Terminated);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}
