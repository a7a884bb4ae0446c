//! Who offered and who has to answer: RFC 3264 as RFC 3261 sections 13 and 14 carry it in INVITE, 2xx and ACK.
//!
//! Not the session descriptions themselves (`sdp` reads and negotiates those) and not the dialog's addresses: only
//! whose turn it is, what a body means, and the rules for two INVITEs that cross. One per dialog; its owner is the
//! call's leg. Offers in UPDATE and PRACK are not known here.
//!
//! ```text
//!              send_invite                         receive_invite
//!        +---------------------- Idle ---------------------------+
//!        V                       ^ ^ ^                           V
//!   +----------+ final response  | | |  refused            +-------------+
//!   |WeInvited |-----------------+ | +---------------------| TheyInvited |
//!   +----------+ 2xx we answer     |                       +-------------+
//!        | 2xx with an offer       |                             | 2xx
//!        V                         | ACK                         V
//!   +----------+ send_ack          |                       +-------------+
//!   | WeAnswer |-------------------+-----------------------| TheyConfirm |
//!   +----------+                                           +-------------+
//! ```

use crate::ids::Random;
use std::time::Duration;

/// The unit of the waits in RFC 3261 section 14.1.
const STEP: Duration = Duration::from_millis(10);

/// Whose turn it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No INVITE is under way.
    Idle,
    /// Our INVITE has no final response.
    WeInvited {
        /// It carried our offer; otherwise the 2xx brings theirs.
        offered: bool,
        /// A provisional response brought the answer already.
        answered: bool,
    },
    /// The 2xx to our INVITE brought an offer: our ACK carries the answer.
    WeAnswer,
    /// Their INVITE has no final response of ours.
    TheyInvited {
        /// It carried an offer; otherwise our 2xx carries ours.
        offered: bool,
        /// We answered provisionally already.
        answered: bool,
    },
    /// Our 2xx has no ACK.
    TheyConfirm {
        /// It carried our offer: the ACK brings the answer.
        offered: bool,
    },
}

/// What a session description in a message is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// There is none.
    Nothing,
    /// An offer, which is to be answered.
    Offer,
    /// The answer to our offer.
    Answer,
    /// An answer after the answer: RFC 3261 section 13.2.1 has it ignored; phones that send early media from
    /// elsewhere mean it.
    AnswerAgain,
    /// One too many: nobody asked for it.
    Unexpected,
    /// It should be there and is not: the 2xx to an offer, or the ACK to one, came without an answer.
    Missing,
}

/// What to do with an INVITE inside the dialog.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Take it; the meaning of its body is `Offer` or `Nothing`.
    Take(Meaning),
    /// Refuse: 491 Request Pending.
    Pending,
    /// Refuse: 500 with `Retry-After`.
    TooSoon {
        /// Seconds for the header.
        retry_after_s: u32,
    },
}

/// The offer/answer state of one dialog.
#[derive(Clone, Debug)]
pub struct OfferAnswer {
    owns_call_id: bool,
    state: State,
}

impl OfferAnswer {
    /// A dialog about to be made; `owns_call_id` when we sent the INVITE that makes it.
    pub fn new(owns_call_id: bool) -> Self {
        Self { owns_call_id, state: State::Idle }
    }

    /// Whose turn it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// We want to send an INVITE. False when one is under way in either direction (RFC 3261 section 14.1): wait for
    /// [`State::Idle`].
    pub fn send_invite(&mut self, with_offer: bool) -> bool {
        let idle = self.state == State::Idle;
        if idle {
            self.state = State::WeInvited { offered: with_offer, answered: false };
        }
        idle
    }

    /// A response to our INVITE came.
    pub fn receive_response(&mut self, code: u16, with_body: bool) -> Meaning {
        let State::WeInvited { offered, answered } = self.state else {
            return if with_body { Meaning::Unexpected } else { Meaning::Nothing };
        };
        match (code, offered) {
            (100..200, true) if with_body => {
                self.state = State::WeInvited { offered, answered: true };
                if answered { Meaning::AnswerAgain } else { Meaning::Answer }
            }
            // RFC 3261 section 13.2.1: an unreliable provisional response cannot carry the offer.
            (100..200, false) if with_body => Meaning::Unexpected,
            (100..200, _) => Meaning::Nothing,
            (200..300, true) => {
                self.state = State::Idle;
                match (with_body, answered) {
                    (true, false) => Meaning::Answer,
                    (true, true) => Meaning::AnswerAgain,
                    (false, true) => Meaning::Nothing,
                    (false, false) => Meaning::Missing,
                }
            }
            // RFC 3261 section 13.2.1: "If the initial offer is in the first reliable non-failure message from the
            // UAS back to the UAC, the answer MUST be in the ACK".
            (200..300, false) => {
                self.state = if with_body { State::WeAnswer } else { State::Idle };
                if with_body { Meaning::Offer } else { Meaning::Missing }
            }
            // RFC 3261 section 14.1: after a refusal the session stays as it was.
            _ => {
                self.state = State::Idle;
                Meaning::Nothing
            }
        }
    }

    /// Our INVITE ended without a response (timeout, transport failure).
    pub fn invite_failed(&mut self) {
        if matches!(self.state, State::WeInvited { .. }) {
            self.state = State::Idle;
        }
    }

    /// We send the ACK to a 2xx. True when it must carry our answer.
    pub fn send_ack(&mut self) -> bool {
        let answer = self.state == State::WeAnswer;
        if answer {
            self.state = State::Idle;
        }
        answer
    }

    /// An INVITE came inside the dialog, or the one that makes it.
    pub fn receive_invite(&mut self, with_offer: bool, random: &mut Random) -> Incoming {
        match self.state {
            State::Idle | State::TheyConfirm { offered: false } => {
                self.state = State::TheyInvited { offered: with_offer, answered: false };
                Incoming::Take(if with_offer { Meaning::Offer } else { Meaning::Nothing })
            }
            // RFC 3261 section 14.2: "A UAS that receives an INVITE on a dialog while an INVITE it had sent on that
            // dialog is in progress MUST return a 491 (Request Pending) response". An offer of ours in a 2xx without
            // ACK is as open as one in an INVITE.
            State::WeInvited { .. } | State::WeAnswer | State::TheyConfirm { offered: true } => {
                Incoming::Pending
            }
            // RFC 3261 section 14.2: a second INVITE before our final response to the first gets 500 with a
            // "Retry-After header field with a randomly chosen value of between 0 and 10 seconds".
            State::TheyInvited { .. } => {
                Incoming::TooSoon { retry_after_s: u32::try_from(random.below(11)).unwrap_or(10) }
            }
        }
    }

    /// We respond to their INVITE. The result says what our body, if any, is: `Unexpected` forbids to send one, and
    /// `Missing` says that a 2xx must have one.
    pub fn send_response(&mut self, code: u16, with_body: bool) -> Meaning {
        let State::TheyInvited { offered, answered } = self.state else {
            return if with_body { Meaning::Unexpected } else { Meaning::Nothing };
        };
        match (code, offered) {
            (100..200, true) if with_body => {
                self.state = State::TheyInvited { offered, answered: true };
                if answered { Meaning::AnswerAgain } else { Meaning::Answer }
            }
            (100..200, false) if with_body => Meaning::Unexpected,
            (100..200, _) => Meaning::Nothing,
            (200..300, true) => {
                self.state = State::TheyConfirm { offered: false };
                match (with_body, answered) {
                    (true, false) => Meaning::Answer,
                    (true, true) => Meaning::AnswerAgain,
                    (false, true) => Meaning::Nothing,
                    (false, false) => Meaning::Missing,
                }
            }
            (200..300, false) => {
                self.state = State::TheyConfirm { offered: with_body };
                if with_body { Meaning::Offer } else { Meaning::Missing }
            }
            _ => {
                self.state = State::Idle;
                Meaning::Nothing
            }
        }
    }

    /// The ACK to our 2xx came.
    pub fn receive_ack(&mut self, with_body: bool) -> Meaning {
        let State::TheyConfirm { offered } = self.state else {
            return if with_body { Meaning::Unexpected } else { Meaning::Nothing };
        };
        self.state = State::Idle;
        match (offered, with_body) {
            (true, true) => Meaning::Answer,
            (true, false) => Meaning::Missing,
            (false, true) => Meaning::Unexpected,
            (false, false) => Meaning::Nothing,
        }
    }

    /// No ACK came to our 2xx: the dialog is being ended by a BYE.
    pub fn ack_missing(&mut self) {
        if matches!(self.state, State::TheyConfirm { .. }) {
            self.state = State::Idle;
        }
    }

    /// How long to wait after a 491 before the INVITE is tried again.
    ///
    /// RFC 3261 section 14.1: the owner of the Call-ID waits 2.1 to 4 seconds, the other one 0 to 2 seconds, both "in
    /// units of 10 ms", so the two do not meet again.
    pub fn retry_wait(&self, random: &mut Random) -> Duration {
        let steps = if self.owns_call_id { 210 + random.below(191) } else { random.below(201) };
        STEP.saturating_mul(u32::try_from(steps).unwrap_or(0))
    }
}
