//! The INVITE client transaction: RFC 3261 section 17.1.1 as corrected by RFC 6026 section 8.4 (figure 5).
//!
//! ```text
//!                                |INVITE from TU
//!              Timer A fires     |INVITE sent      Timer B fires
//!              Reset A,          V                 or Transport Err.
//!              INVITE sent +-----------+           inform TU
//!                +---------|           |--------------------------+
//!                |         |  Calling  |                          |
//!                +-------->|           |-----------+              |
//!    300-699               +-----------+ 2xx       |              |
//!    ACK sent                 |  |       2xx to TU |              |
//!    resp. to TU              |  |1xx              |              |
//!    +------------------------+  |1xx to TU        |              |
//!    |           1xx             V                 |              |
//!    |           1xx to TU +-----------+           |              |
//!    |           +---------|           |           |              |
//!    |           |         |Proceeding |           |              |
//!    |           +-------->|           |           |              |
//!    |                     +-----------+ 2xx       |              |
//!    |         300-699       |    |      2xx to TU |              |
//!    |         ACK sent,     |    |                |              |
//!    |         resp. to TU   |    +--------------->+              |
//!    |                       |                     V              |
//!    |       300-699         V               +-----------+        |
//!    |       ACK sent  +-----------+         |           |--+     |
//!    |         +-------|           |         | Accepted  |  |2xx  |
//!    |         +------>| Completed |         |           |<-+to TU|
//!    +---------------->|           |         +-----------+        |
//!                      +-----------+               |              |
//!                         |     | Timer D fires    | Timer M fires|
//!        Transport Err.   |     |                  |              |
//!                         V     V                  V              V
//!                      +---------------------------------------------+
//!                      |                 Terminated                  |
//!                      +---------------------------------------------+
//! ```
//!
//! Not the CANCEL, which is a plain transaction of its own, and not the ACK to a 2xx, which belongs to the user: the
//! endpoint keeps both beside this machine.

use crate::clock::Instant;
use crate::sip::msg::Message;
use crate::sip::msg::write;
use crate::sip::transaction::Output;
use crate::sip::transaction::timer::Backoff;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use crate::sip::transaction::timer::earlier;
use bytes::Bytes;

/// What happens to the machine.
#[derive(Copy, Clone, Debug)]
pub enum Input<'a> {
    /// A response with our branch and CSeq method INVITE.
    Response(&'a Message),
    /// [`InviteClient::poll_timeout`] is due.
    Timeout,
    /// The transport could not deliver.
    TransportError,
    /// The CANCEL to this INVITE was sent.
    CancelSent,
}

/// One INVITE that we sent.
#[derive(Debug)]
pub struct InviteClient {
    timing: Timing,
    reliable: bool,
    state: State,
}

/// The states of RFC 6026 figure 5, each with what only it needs.
#[derive(Debug)]
pub enum State {
    /// No response yet; `a` is `None` on a reliable transport.
    Calling {
        /// The INVITE, sent again by timer A.
        request: Bytes,
        /// Timer A.
        a: Option<Backoff>,
        /// Timer B.
        b: Instant,
    },
    /// A provisional response came; the phone may ring for as long as it likes, unless we cancelled.
    Proceeding {
        /// The INVITE, from which ACK and CANCEL are made.
        request: Bytes,
        /// The end of the wait after a CANCEL.
        cancel: Option<Instant>,
    },
    /// A 300-699 came and was acknowledged.
    Completed {
        /// The ACK, sent again at each retransmission.
        ack: Bytes,
        /// Timer D.
        d: Instant,
    },
    /// A 2xx came; more may follow from forks.
    Accepted {
        /// Timer M.
        m: Instant,
    },
    /// Over.
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE.
    pub fn start(
        now: Instant,
        request: Bytes,
        reliable: bool,
        timing: Timing,
        out: &mut Vec<Output>,
    ) -> Self {
        out.push(Output::Send(request.clone()));
        // RFC 3261 section 17.1.1.2: "If a reliable transport is being used, the client transaction SHOULD NOT start
        // timer A". Timer B runs "for any transport".
        let a = (!reliable).then(|| Backoff::start(now, timing.t1_ms));
        let state = State::Calling { request, a, b: now + timing.long() };
        Self { timing, reliable, state }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Calling { .. } => self.calling(now, input, out),
            State::Proceeding { .. } => self.proceeding(now, input, out),
            State::Completed { .. } => self.completed(now, input, out),
            State::Accepted { .. } => self.accepted(now, input, out),
            State::Terminated => {}
        }
    }

    /// The next deadline and whose it is.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Calling { a, b, .. } => earlier(Some((*b, Timer::B)), a.map(|a| (a.at(), Timer::A))),
            State::Proceeding { cancel, .. } => cancel.map(|at| (at, Timer::Cancel)),
            State::Completed { d, .. } => Some((*d, Timer::D)),
            State::Accepted { m } => Some((*m, Timer::M)),
            State::Terminated => None,
        }
    }

    /// Where the machine stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The INVITE, as long as there is no final response.
    pub fn request(&self) -> Option<&Bytes> {
        match &self.state {
            State::Calling { request, .. } | State::Proceeding { request, .. } => Some(request),
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => None,
        }
    }

    fn calling(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<Output>) {
        match input {
            Input::Response(response) => self.response(now, response, out),
            Input::Timeout => {
                let State::Calling { request, a, b } = &mut self.state else { return };
                if *b <= now {
                    // RFC 3261 section 17.1.1.2: "If the client transaction is still in the "Calling" state when
                    // timer B fires, the client transaction SHOULD inform the TU that a timeout has occurred."
                    out.push(Output::TimedOut);
                    self.enter(State::Terminated);
                } else if let Some(a) = a.as_mut().filter(|a| a.at() <= now) {
                    // RFC 3261 section 17.1.1.2: timer A doubles each time; only timer B ends it.
                    a.next(now, u32::MAX);
                    out.push(Output::Resend(request.clone()));
                }
            }
            Input::TransportError => self.unreachable(out),
            // RFC 3261 section 9.1: a CANCEL is not sent before a provisional response.
            Input::CancelSent => {}
        }
    }

    fn proceeding(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<Output>) {
        let long = self.timing.long();
        let State::Proceeding { cancel, .. } = &mut self.state else { return };
        match input {
            Input::Response(response) => self.response(now, response, out),
            Input::Timeout => {
                if cancel.is_some_and(|at| at <= now) {
                    // RFC 3261 section 9.1: "If there is no final response for the original request in 64*T1 seconds
                    // …, the client SHOULD then consider the original transaction cancelled".
                    out.push(Output::TimedOut);
                    self.enter(State::Terminated);
                }
            }
            Input::TransportError => self.unreachable(out),
            Input::CancelSent => *cancel = Some(now + long),
        }
    }

    fn completed(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<Output>) {
        let State::Completed { ack, d } = &self.state else { return };
        match input {
            Input::Response(response) => {
                // RFC 3261 section 17.1.1.2: retransmissions of the final response "MUST cause the ACK to be
                // re-passed to the transport layer", and are not passed up.
                if response.status().is_some_and(|code| code >= 300) {
                    out.push(Output::Resend(ack.clone()));
                }
            }
            Input::Timeout => {
                if *d <= now {
                    self.enter(State::Terminated);
                }
            }
            // The user has its final response already: a second end would be one too many.
            Input::TransportError => self.enter(State::Terminated),
            Input::CancelSent => {}
        }
    }

    fn accepted(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<Output>) {
        let State::Accepted { m } = &self.state else { return };
        match input {
            Input::Response(response) => {
                // RFC 6026 section 8.4: "any 2xx response … MUST be passed up to the TU"; the others are dropped.
                if response.status().is_some_and(|code| (200..300).contains(&code)) {
                    out.push(Output::Deliver);
                }
            }
            Input::Timeout => {
                if *m <= now {
                    self.enter(State::Terminated);
                }
            }
            Input::TransportError | Input::CancelSent => {}
        }
    }

    /// The part that Calling and Proceeding have in common.
    fn response(&mut self, now: Instant, response: &Message, out: &mut Vec<Output>) {
        let Some(request) = self.request().cloned() else { return };
        match response.status().unwrap_or(0) {
            100..200 => {
                out.push(Output::Deliver);
                if matches!(self.state, State::Calling { .. }) {
                    self.enter(State::Proceeding { request, cancel: None });
                }
            }
            200..300 => {
                out.push(Output::Deliver);
                self.enter(State::Accepted { m: now + self.timing.long() });
            }
            300..700 => self.complete(now, &request, response, out),
            _ => {}
        }
    }

    /// RFC 3261 section 17.1.1.2: a 300-699 is acknowledged by the transaction itself, then passed up.
    fn complete(&mut self, now: Instant, request: &Bytes, response: &Message, out: &mut Vec<Output>) {
        let ack = Message::parse(request.clone()).ok().map(|invite| write::ack_non_2xx(&invite, response));
        if let Some(ack) = &ack {
            out.push(Output::Send(ack.clone()));
        }
        out.push(Output::Deliver);
        match ack {
            // RFC 3261 section 17.1.1.2: timer D is "zero seconds for reliable transports".
            Some(ack) if !self.reliable => self.enter(State::Completed { ack, d: now + self.timing.d() }),
            _ => self.enter(State::Terminated),
        }
    }

    fn unreachable(&mut self, out: &mut Vec<Output>) {
        // RFC 3261 section 17.1.4: "The client transaction SHOULD inform the TU that a transport failure has
        // occurred, and … SHOULD transition directly to the "Terminated" state."
        out.push(Output::Unreachable);
        self.enter(State::Terminated);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}
