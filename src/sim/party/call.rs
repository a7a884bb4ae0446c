//! One call of a party, and the report of it.
//!
//! A plain value: `caller`, `called` and `in_dialog` move it on. Its audio is in `lines`, under the same key.

use crate::clock::Instant;
use crate::sdp::Agreed;
use crate::sdp::Local;
use crate::sim::hearing::Hearing;
use crate::sim::party::Reaction;
use crate::sim::voice::Voice;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use bytes::Bytes;
use std::time::Duration;

/// A call within its party.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub(crate) u64);

impl CallKey {
    /// The call that was placed under that label.
    pub const fn placed(label: u64) -> Self {
        Self(label << 1)
    }

    pub(in crate::sim::party) const fn received(number: u64) -> Self {
        Self(number << 1 | 1)
    }

    /// The label of a call that we placed; `None` when it came in.
    pub const fn label(self) -> Option<u64> {
        if self.0 & 1 == 0 { Some(self.0 >> 1) } else { None }
    }
}

/// How a call ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// We hung up, and the peer acknowledged the BYE.
    HungUp,
    /// The peer hung up.
    ByPeer,
    /// It was refused, by us or by the peer.
    Refused,
    /// The caller gave up before the answer.
    Cancelled,
    /// No answer to the INVITE.
    TimedOut,
    /// The INVITE could not be sent.
    Unreachable,
    /// Our 200 was never acknowledged.
    NoAck,
    /// Answered, but without audio that both could speak.
    NoMedia,
    /// We hung up, and the BYE found no answer.
    ByeUnanswered,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub struct CallReport {
    /// The call.
    pub call: CallKey,
    /// The calling number.
    pub from: String,
    /// The number called.
    pub to: String,
    /// The INVITE.
    pub started: Instant,
    /// The first 18x.
    pub rang: Option<Instant>,
    /// The 2xx.
    pub answered: Option<Instant>,
    /// The end.
    pub ended: Instant,
    /// The final status of the INVITE, 408 and 503 for none; of the BYE where that failed.
    pub code: u16,
    /// How it ended.
    pub end: End,
    /// RTP packets that we sent.
    pub sent: u64,
    /// What we heard.
    pub hearing: Hearing,
}

/// How far a call is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::party) enum State {
    /// We sent an INVITE.
    Inviting,
    /// We sent an INVITE and don't want it any more.
    Cancelling,
    /// An INVITE came.
    Invited,
    /// Answered.
    Up,
    /// We sent BYE.
    Leaving(End),
}

/// The transaction of the INVITE that made the call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::party) enum Invite {
    /// Not sent yet.
    None,
    Sent(ClientTx),
    Received(ServerTx),
}

/// A call.
#[derive(Debug)]
pub(in crate::sim::party) struct Call {
    pub(in crate::sim::party) from: String,
    pub(in crate::sim::party) to: String,
    pub(in crate::sim::party) state: State,
    pub(in crate::sim::party) invite: Invite,
    /// The latest re-INVITE of the peer.
    pub(in crate::sim::party) reinvite: Option<ServerTx>,
    /// The INVITE as it was sent or came.
    pub(in crate::sim::party) request: Option<Message>,
    pub(in crate::sim::party) dialog: Option<Dialog>,
    pub(in crate::sim::party) tag: String,
    pub(in crate::sim::party) login: Option<(String, String)>,
    pub(in crate::sim::party) challenges: u32,
    pub(in crate::sim::party) local: Local,
    pub(in crate::sim::party) body: Bytes,
    pub(in crate::sim::party) agreed: Option<Agreed>,
    pub(in crate::sim::party) voice: Voice,
    pub(in crate::sim::party) talk: Option<Duration>,
    pub(in crate::sim::party) reaction: Option<Reaction>,
    pub(in crate::sim::party) started: Instant,
    pub(in crate::sim::party) rang: Option<Instant>,
    pub(in crate::sim::party) answered: Option<Instant>,
    /// When we end it.
    pub(in crate::sim::party) end_by: Option<Instant>,
    pub(in crate::sim::party) code: u16,
}
