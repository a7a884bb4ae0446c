//! The INVITE server transaction: RFC 3261 section 17.2.1 as corrected by RFC 6026 section 8.5 (figure 7).
//!
//! ```text
//!                                  |INVITE
//!                                  |pass INVITE to TU
//!               INVITE             V send 100 if TU won't in 200 ms
//!               send response+------------+
//!                   +--------|            |--------+ 101-199 from TU
//!                   |        |            |        | send response
//!                   +------->|            |<-------+
//!                            | Proceeding |
//!                            |            |--------+ Transport Err.
//!                            |            |        | inform TU
//!                            |            |<-------+
//!                            +------------+
//!               300-699 from TU |    |2xx from TU
//!               send response   |    |send response
//!                +--------------+    +------------+
//!                |                                |
//! INVITE         V          Timer G fires         |
//! send response +-----------+ send response       |
//!      +--------|           |--------+            |
//!      |        |           |        |            |
//!      +------->| Completed |<-------+            |   INVITE
//!               |           |                     |   absorbed
//!               +-----------+                     V   +----+
//!                  |     |                    +-----------+|
//!              ACK |     |Timer H fires       |           |<+
//!                  |     |                    | Accepted  |
//!                  V     |                    |           |<-+ 2xx from TU
//!          +-----------+ |                    +-----------+  | send response
//!          |           | |                      |    |  +----+
//!          | Confirmed | |         ACK to TU <--+    |
//!          |           | |                           | Timer L fires
//!          +-----------+ |                           |
//!   Timer I fires |      |                           |
//!                 V      V                           V
//!               +-------------------------------------+
//!               |             Terminated              |
//!               +-------------------------------------+
//! ```
//!
//! Not the retransmission of a 2xx, which is the user agent core's work: [`crate::sip::endpoint`] keeps it beside
//! this machine.

use crate::clock::Instant;
use crate::sip::msg::Message;
use crate::sip::msg::write::ResponseWriter;
use crate::sip::transaction::Output;
use crate::sip::transaction::timer::Backoff;
use crate::sip::transaction::timer::Timer;
use crate::sip::transaction::timer::Timing;
use crate::sip::transaction::timer::earlier;
use bytes::Bytes;

/// The longest answer that is remembered. An INVITE that nobody acknowledges must not cost more than 4 kB, so a
/// longer refusal is sent without memory: the INVITE's retransmission is then a new request, answered anew.
pub const REMEMBERED_BYTES_MAX: usize = 3 * 1024;

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// The same INVITE again.
    Invite,
    /// An ACK with the INVITE's branch.
    Ack,
    /// The user answers; the status code and the whole response.
    Respond(u16, Bytes),
    /// [`InviteServer::poll_timeout`] is due.
    Timeout,
}

/// One INVITE that we received.
#[derive(Debug)]
pub struct InviteServer {
    timing: Timing,
    reliable: bool,
    state: State,
}

/// The states of RFC 6026 figure 7, each with what only it needs.
#[derive(Debug)]
pub enum State {
    /// No final answer yet.
    Proceeding {
        /// The INVITE and when it is to be answered 100 Trying, unless the user was faster.
        trying: Option<(Bytes, Instant)>,
        /// The latest provisional response.
        last: Option<Bytes>,
    },
    /// The user refused.
    Completed {
        /// The refusal.
        response: Bytes,
        /// Timer G; `None` on a reliable transport.
        g: Option<Backoff>,
        /// Timer H.
        h: Instant,
    },
    /// The refusal was acknowledged.
    Confirmed {
        /// Timer I.
        i: Instant,
    },
    /// The user accepted.
    Accepted {
        /// Timer L.
        l: Instant,
    },
    /// Over.
    Terminated,
}

impl InviteServer {
    /// The INVITE has just been passed to the user.
    ///
    /// A long INVITE is not kept for the 200 ms until its 100 Trying, which is sent at once.
    pub fn start(
        now: Instant,
        invite: &Message,
        reliable: bool,
        timing: Timing,
        out: &mut Vec<Output>,
    ) -> Self {
        let bytes = invite.as_bytes();
        let state = if bytes.len() <= REMEMBERED_BYTES_MAX {
            // A copy, for the bytes may be a small part of a large receive buffer.
            let trying = Some((Bytes::copy_from_slice(bytes), now + timing.trying()));
            State::Proceeding { trying, last: None }
        } else {
            let response = trying_response(invite);
            out.push(Output::Send(response.clone()));
            State::Proceeding { trying: None, last: remembered(&response) }
        };
        Self { timing, reliable, state }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Proceeding { .. } => self.proceeding(now, input, out),
            State::Completed { .. } => self.completed(now, input, out),
            State::Confirmed { .. } => self.confirmed(now, input),
            State::Accepted { .. } => self.accepted(now, input, out),
            State::Terminated => {}
        }
    }

    /// The next deadline and whose it is.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Proceeding { trying, .. } => trying.as_ref().map(|(_, at)| (*at, Timer::Trying)),
            State::Completed { g, h, .. } => earlier(Some((*h, Timer::H)), g.map(|g| (g.at(), Timer::G))),
            State::Confirmed { i } => Some((*i, Timer::I)),
            State::Accepted { l } => Some((*l, Timer::L)),
            State::Terminated => None,
        }
    }

    /// Where the machine stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The latest response, as long as it is remembered here.
    pub fn response(&self) -> Option<&Bytes> {
        match &self.state {
            State::Proceeding { last, .. } => last.as_ref(),
            State::Completed { response, .. } => Some(response),
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => None,
        }
    }

    fn proceeding(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Proceeding { trying, last } = &mut self.state else { return };
        match input {
            // RFC 3261 section 17.2.1: "the most recent provisional response … MUST be passed to the transport layer
            // for retransmission".
            Input::Invite => out.extend(last.clone().map(Output::Resend)),
            Input::Ack => {}
            Input::Respond(100..200, response) => {
                *trying = None;
                *last = remembered(&response);
                out.push(Output::Send(response));
            }
            Input::Respond(200..300, response) => {
                out.push(Output::Send(response));
                self.enter(State::Accepted { l: now + self.timing.long() });
            }
            Input::Respond(_, response) => self.refuse(now, response, out),
            Input::Timeout => {
                if let Some((invite, _)) = trying.take_if(|(_, at)| *at <= now)
                    && let Ok(invite) = Message::parse(invite)
                {
                    let response = trying_response(&invite);
                    *last = remembered(&response);
                    out.push(Output::Send(response));
                }
            }
        }
    }

    fn completed(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let (t2_ms, t4) = (self.timing.t2_ms, self.timing.t4());
        let State::Completed { response, g, h } = &mut self.state else { return };
        match input {
            Input::Invite => out.push(Output::Resend(response.clone())),
            // RFC 3261 section 17.2.1: timer I is "T4 … for unreliable transports, and zero seconds for reliable".
            Input::Ack if self.reliable => self.enter(State::Terminated),
            Input::Ack => self.enter(State::Confirmed { i: now + t4 }),
            // RFC 3261 section 17.2.1: "Any other final responses passed by the TU … MUST be discarded".
            Input::Respond(..) => {}
            Input::Timeout => {
                if *h <= now {
                    // RFC 3261 section 17.2.1: without an ACK the transaction ends; the user has refused already and
                    // has nothing left to do about it.
                    self.enter(State::Terminated);
                } else if let Some(g) = g.as_mut().filter(|g| g.at() <= now) {
                    g.next(now, t2_ms);
                    out.push(Output::Resend(response.clone()));
                }
            }
        }
    }

    fn confirmed(&mut self, now: Instant, input: Input) {
        let State::Confirmed { i } = &self.state else { return };
        match input {
            Input::Timeout => {
                if *i <= now {
                    self.enter(State::Terminated);
                }
            }
            // RFC 3261 section 17.2.1: Confirmed is there "to absorb any additional ACK messages".
            Input::Invite | Input::Ack | Input::Respond(..) => {}
        }
    }

    fn accepted(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let State::Accepted { l } = &self.state else { return };
        match input {
            // RFC 6026 section 8.7: "any retransmissions of the INVITE … MUST be absorbed".
            Input::Invite => {}
            Input::Ack => out.push(Output::Deliver),
            Input::Respond(200..300, response) => out.push(Output::Resend(response)),
            Input::Respond(..) => {}
            Input::Timeout => {
                if *l <= now {
                    self.enter(State::Terminated);
                }
            }
        }
    }

    fn refuse(&mut self, now: Instant, response: Bytes, out: &mut Vec<Output>) {
        out.push(Output::Send(response.clone()));
        if response.len() > REMEMBERED_BYTES_MAX {
            self.enter(State::Terminated);
            return;
        }
        // RFC 3261 section 17.2.1: timer G runs on unreliable transports only, timer H on all.
        let g = (!self.reliable).then(|| Backoff::start(now, self.timing.t1_ms));
        self.enter(State::Completed { response, g, h: now + self.timing.long() });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}

/// RFC 3261 section 8.2.6.1: the 100 has no To tag of its own.
fn trying_response(invite: &Message) -> Bytes {
    ResponseWriter::to(invite, 100, "Trying").finish()
}

fn remembered(response: &Bytes) -> Option<Bytes> {
    (response.len() <= REMEMBERED_BYTES_MAX).then(|| response.clone())
}
