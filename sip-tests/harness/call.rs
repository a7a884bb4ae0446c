//! One call of a simulated phone: what is negotiated, what is said, and what was seen of it.

use super::encrypted::Encrypted;
use super::extensions::Extended;
use super::sound::{Heard, frame};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::rtp::packet::Outgoing;
use strowger::sdp::{Agreed, Codec, Local};
use strowger::sip::dialog::Dialog;
use strowger::sip::endpoint::{ClientTx, ServerTx};
use strowger::sip::msg::{Message, Name};

/// Where a call stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Our INVITE is out.
    Calling,
    /// An INVITE came and was not answered yet.
    Ringing,
    /// Answered.
    Up,
    /// Our BYE is out.
    Leaving,
    Over,
}

/// How a call ended, as the phone saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Our BYE was answered.
    HungUp,
    /// The peer's BYE, with its Reason.
    ByPeer(Option<String>),
    /// Our INVITE got this final answer.
    Refused(u16),
    /// We refused the INVITE.
    RefusedByUs,
    /// The peer's CANCEL, with its Reason.
    Cancelled(Option<String>),
    /// Our 200 got no ACK.
    NoAck,
    /// Our request got no answer.
    TimedOut,
}

/// A NOTIFY about a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notified {
    pub at: Instant,
    pub event: String,
    pub status: u16,
    /// The subscription is over.
    pub last: bool,
}

/// A call.
pub struct Call {
    pub state: State,
    pub incoming: bool,
    pub why: Option<Why>,
    pub over_at: Option<Instant>,
    pub up_at: Option<Instant>,
    /// The responses to our INVITE, each once in a row, and when.
    pub statuses: Vec<(Instant, u16)>,
    /// The INVITE that came.
    pub invite: Option<Message>,
    /// The directions that the peer offered in re-INVITEs, and when: `sendonly`, …
    pub told: Vec<(Instant, &'static str)>,
    /// The status of each of our own re-INVITEs.
    pub reinvites: Vec<u16>,
    /// The bodies that came.
    pub bodies: Vec<Vec<u8>>,
    pub cancelled_by_us: bool,
    /// The answers to our REFERs.
    pub refers: Vec<u16>,
    /// What NOTIFY said of them.
    pub notifies: Vec<Notified>,
    /// What our INVITE is to replace.
    pub replaces: Option<String>,
    pub ack_seen: bool,

    pub voice_hz: u32,
    pub heard: Heard,
    /// Keys as they came: payload type, event, end.
    pub digits: Vec<(u8, char)>,
    pub last_digit_stamp: Option<u32>,
    /// Sends nothing.
    pub mute: bool,
    pub extended: Extended,
    pub encrypted: Encrypted,

    pub(super) peer_tag: Option<Vec<u8>>,
    /// Tags of other answers to the INVITE that came.
    pub(super) forks: Vec<String>,
    pub(super) leave_when_acked: bool,
    pub(super) call_id: String,
    pub(super) tag: String,
    pub(super) request: Option<Message>,
    pub(super) to: String,
    pub(super) challenged: bool,
    pub(super) offerless: bool,
    pub(super) client: Option<ClientTx>,
    pub(super) server: Option<ServerTx>,
    pub(super) reinvite_server: Option<ServerTx>,
    pub(super) reinvite_pending: bool,
    pub(super) reinvite_retry: Option<Instant>,
    pub(super) reinvite_offerless: bool,
    pub(super) answer_in_ack: bool,
    pub(super) dialog: Option<Dialog>,
    pub(super) local: Local,
    pub(super) agreed: Option<Agreed>,
    pub(super) event_payload: Option<u8>,
    pub(super) answer_at: Option<Instant>,
    pub(super) refuse_with: u16,

    /// Where it listens and speaks from.
    pub rtp: SocketAddr,
    pub(super) speak_at: Option<Instant>,
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) keys: VecDeque<[u8; 4]>,
    pub(super) frame: Option<(Codec, [u8; super::sound::FRAME])>,
}

impl Call {
    /// The codec in use.
    pub fn codec(&self) -> Option<&Codec> {
        self.agreed.as_ref().map(|agreed| &agreed.codec)
    }

    /// Whether we called that number.
    pub fn goes_to(&self, number: &str) -> bool {
        self.to.starts_with(&format!("sip:{number}@"))
    }

    /// Whether it came from a queue: then the caller's name begins with the queue's (B3).
    pub fn is_of_a_queue(&self) -> bool {
        let from = self.invite.as_ref().and_then(|invite| invite.header(Name::From)).unwrap_or_default();
        from.starts_with(b"\"Support: ") || from.starts_with(b"\"Sales: ")
    }

    /// The last status of our INVITE.
    pub fn status(&self) -> u16 {
        self.statuses.last().map_or(0, |(_, status)| *status)
    }

    /// Where the peer wants our audio.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.agreed.as_ref().and_then(|agreed| agreed.remote)
    }

    pub(super) fn over(&mut self, now: Instant, why: Why) {
        if self.state != State::Over {
            self.state = State::Over;
            self.why = Some(why);
            self.over_at = Some(now);
            self.speak_at = None;
            self.answer_at = None;
            self.reinvite_retry = None;
            self.extended.refresh_at = None;
            self.extended.expires_at = None;
            self.extended.reliable = None;
        }
    }

    /// Answered: audio from now on.
    pub(super) fn up(&mut self, now: Instant) {
        if matches!(self.state, State::Calling | State::Ringing) {
            self.state = State::Up;
            self.up_at = Some(now);
        }
        if self.speak_at.is_none() {
            self.speak_at = Some(now);
        }
    }

    /// The packet that is due: a frame of the voice, or a key.
    pub(super) fn speak(&mut self, now: Instant) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let at = self.speak_at.filter(|at| *at <= now)?;
        // A phone that was mute has not been asked for its frames.
        let frames = 1 + now.since(at).as_millis() / 20;
        let frames = u32::try_from(frames).expect("a test ends before 2,700 years");
        self.speak_at = Some(at + Duration::from_millis(20) * frames);
        self.timestamp = self.timestamp.wrapping_add(160_u32.wrapping_mul(frames));
        let agreed = self.agreed.as_ref()?;
        let to = agreed.remote.filter(|_| agreed.direction.sends() && !self.mute)?;
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = Outgoing {
            marker: false,
            payload_type: agreed.send_payload,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mut packet = Vec::with_capacity(172);
        match (self.keys.front().copied(), agreed.dtmf_send) {
            (Some(key), Some(payload)) => {
                self.keys.pop_front();
                // RFC 4733 section 2.5.1.2: all packets of one event have its first timestamp.
                let since = u32::from(u16::from_be_bytes([key[2], key[3]])) - 160;
                header.payload_type = payload;
                header.timestamp = self.timestamp.wrapping_sub(since);
                packet.extend(header.to_bytes());
                packet.extend(key);
            }
            _ => {
                if self.frame.as_ref().is_none_or(|(codec, _)| *codec != agreed.codec) {
                    self.frame = Some((agreed.codec.clone(), frame(self.voice_hz, &agreed.codec)));
                }
                packet.extend(header.to_bytes());
                packet.extend(self.frame.as_ref().map_or(&[0_u8; 0][..], |(_, frame)| &frame[..]));
            }
        }
        self.encrypted.seal(agreed, &mut packet);
        Some((self.rtp, to, packet))
    }
}
