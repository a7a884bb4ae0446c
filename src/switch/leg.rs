//! A leg: the SIP dialog, the negotiated media and the party of one connection with the switch.
//!
//! Not the call's logic (`call` decides) and not the wire's (`sip` speaks): the data that joins both.

use crate::call::Cause;
use crate::call::LegId;
use crate::clock::Instant;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use crate::ids::TrunkId;
use crate::media::command::LegKey;
use crate::sdp;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::ClientTx;
use crate::sip::endpoint::Flow;
use crate::sip::endpoint::ServerTx;
use crate::sip::msg::Message;
use crate::sip::msg::Name;
use crate::sip::reliable::Received;
use crate::sip::reliable::Reliable;
use crate::sip::session_timer::SessionTimer;
use crate::switch::identity::Trail;
use crate::switch::in_call::Pressed;
use crate::switch::view::LegRole;
use bytes::Bytes;

/// Where a leg stands, with the data of that state.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The caller's INVITE is not finally answered.
    Incoming {
        /// Its transaction.
        tx: ServerTx,
        /// The INVITE.
        invite: Message,
        /// The highest provisional response sent.
        told: u16,
    },
    /// Our INVITE is not finally answered.
    Outgoing {
        /// Its transaction.
        tx: ClientTx,
        /// The phone has said that it rings.
        rang: bool,
        /// Given up, and why: an answer that comes all the same is acknowledged and hung up (RFC 3261 section 9.1).
        cancelled: Option<Cause>,
    },
    /// Created, not yet dialled.
    Planned,
    /// Answered.
    Up,
    /// A caller who was answered and is to be hung up, which has to wait for his ACK.
    Leaving {
        /// Why.
        cause: Cause,
    },
}

/// Our own re-INVITE, or the peer's offerless one, under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renegotiation {
    /// We wait for the answer to our re-INVITE.
    pub(crate) ours: bool,
    /// We offered in a 2xx and wait for the answer in the ACK.
    pub(crate) answer_in_ack: bool,
}

/// Where an outgoing leg goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The Request-URI.
    pub(crate) uri: String,
    /// Where the INVITE is sent.
    pub(crate) flow: Flow,
    /// What the phone shows of the caller.
    pub(crate) shown: Shown,
}

/// A caller as another party sees him.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// The number.
    pub(crate) number: String,
    /// The name, with a queue's name before it where one applies.
    pub(crate) name: Option<String>,
}

/// A leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) call: CallUid,
    pub(crate) role: LegRole,
    pub(crate) party: String,
    pub(crate) phone: Option<PhoneNumber>,
    pub(crate) trunk: Option<TrunkId>,
    /// Headers of its INVITE beside those of every one.
    pub(crate) more_headers: Vec<(Name, String)>,
    /// Keys that it has pressed and that may become a code.
    pub(crate) pressed: Pressed,
    /// The peer takes INFO.
    pub(crate) takes_info: bool,
    /// The party wants its number withheld.
    pub(crate) private: bool,
    /// The way that the call has taken: as it came in, or as it goes out when it was sent on.
    pub(crate) trail: Trail,
    /// A call of the phone's own, not of a queue: it makes its agent busy.
    pub(crate) own_call: bool,
    pub(crate) phase: Phase,
    pub(crate) flow: Flow,
    pub(crate) target: Option<Target>,
    /// The Path by which its phone registered, topmost first (RFC 3327): the Route of its INVITE.
    pub(crate) path: Vec<String>,
    /// When its INVITE was sent.
    pub(crate) dialled: Option<Instant>,
    /// The INVITE as we sent it, kept for further answers to it.
    pub(crate) invite_sent: Option<Bytes>,
    pub(crate) worker: usize,
    /// The media worker has an open leg for it.
    pub(crate) media_open: bool,
    pub(crate) local: sdp::Local,
    pub(crate) remote: Option<sdp::Remote>,
    pub(crate) agreed: Option<sdp::Agreed>,
    /// The media worker was told keys for it.
    pub(crate) encrypted: bool,
    /// The body of our last offer or answer, which a later 2xx repeats.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) dialog: Option<Dialog>,
    pub(crate) dialog_id: Option<DialogId>,
    /// Our 2xx to the caller's INVITE, while it has no ACK.
    pub(crate) unacknowledged: Option<ServerTx>,
    pub(crate) renegotiation: Renegotiation,
    /// The direction before our last offer, to which a refused one returns.
    pub(crate) direction_before: sdp::Direction,
    /// The direction to offer as soon as nothing else is under way.
    pub(crate) wanted: Option<sdp::Direction>,
    /// When to try again after a 491.
    pub(crate) retry_at: Option<Instant>,
    /// REFERs that its party has sent.
    pub(crate) refers: u32,
    /// Who transferred a call to this phone (RFC 3892).
    pub(crate) referred_by: Option<String>,
    /// The party holds the other.
    pub(crate) holds: bool,
    /// What the party's messages say that it can do.
    pub(crate) peer: Peer,
    /// How the two ends show each other that they live.
    pub(crate) session: Session,
    /// The caller demands reliable provisional responses, and this has become of ours.
    pub(crate) reliable: Option<Reliable>,
    /// The 2xx has to wait for a PRACK; in it is whose codec was wished.
    pub(crate) answer_waits: Option<Option<LegId>>,
    /// The reliable provisional responses that came.
    pub(crate) received: Received,
    /// Early dialogs of further forks.
    pub(crate) forks: Vec<Dialog>,
    /// The moment under which it stands in the core's timers.
    pub(crate) armed: Option<Instant>,
}

/// What a party's messages say that it can do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer {
    /// `Allow` names UPDATE.
    pub(crate) update: bool,
}

impl Peer {
    /// Reads it where a message says something of it.
    pub(crate) fn learn(&mut self, message: &Message) {
        if message.has(Name::Allow) {
            self.update = message.values(Name::Allow).any(|method| method == b"UPDATE");
        }
    }
}

/// The session's timer (RFC 4028), and what is wanted of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Session {
    /// `None`: the peer does not know the extension.
    pub(crate) timer: Option<SessionTimer>,
    /// The least that the peer's 422 or its network has asked for.
    pub(crate) seconds_min: u32,
    /// How often the peer has asked for more.
    pub(crate) raised: u8,
    /// Our re-INVITE under way only refreshes.
    pub(crate) refreshing: bool,
}

impl Leg {
    /// The media engine's name for the leg: the same number.
    pub(crate) fn media(&self) -> LegKey {
        LegKey(self.id.0)
    }

    /// Answered and not over.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// The codec in use, as the API writes it.
    pub(crate) fn codec(&self) -> Option<String> {
        self.agreed.as_ref().map(|agreed| agreed.codec.name().to_owned())
    }
}

/// What a response to one of our requests is about: packed into the endpoint's `user` number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The INVITE that dials a leg.
    Dial(LegId),
    /// A re-INVITE on a leg.
    Reinvite(LegId),
    /// Anything whose answer changes nothing (BYE, PRACK).
    Farewell(LegId),
    /// An UPDATE that refreshes the session.
    Refresh(LegId),
}

impl Purpose {
    /// As a number.
    pub(crate) const fn pack(self) -> u64 {
        match self {
            Self::Dial(leg) => leg.0 << 4,
            Self::Reinvite(leg) => (leg.0 << 4) | 1,
            Self::Farewell(leg) => (leg.0 << 4) | 2,
            Self::Refresh(leg) => (leg.0 << 4) | 3,
        }
    }

    /// From the number.
    pub(crate) const fn unpack(user: u64) -> Self {
        let leg = LegId(user >> 4);
        match user & 15 {
            0 => Self::Dial(leg),
            1 => Self::Reinvite(leg),
            3 => Self::Refresh(leg),
            _ => Self::Farewell(leg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_survives_its_number() {
        let leg = LegId(9);
        for purpose in
            [Purpose::Dial(leg), Purpose::Reinvite(leg), Purpose::Farewell(leg), Purpose::Refresh(leg)]
        {
            assert_eq!(Purpose::unpack(purpose.pack()), purpose);
        }
    }
}
