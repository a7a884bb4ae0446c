//! Reliable provisional responses: RFC 3262, both roles of one INVITE.
//!
//! [`Reliable`] is the UAS's: it numbers what it sends, one at a time, sends it again until its PRACK comes, and says
//! when none does. [`Received`] is the UAC's: which of the responses is new and is to be acknowledged.
//! Not the messages: the dialog's owner writes responses and PRACKs.

use crate::clock::Instant;
use crate::sip::dialog::DialogId;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;
use crate::sip::transaction::timer::Backoff;
use crate::sip::transaction::timer::Timing;
use bytes::Bytes;
use std::collections::VecDeque;

/// The option tag.
pub const REL100: &str = "100rel";

/// Responses that wait for the PRACK of the one before; a user that says more than this has lost its mind.
const WAITING_MAX: usize = 8;

/// Early dialogs of one INVITE whose numbers are remembered; further forks are not acknowledged.
const FORKS_MAX: usize = 16;

/// What a PRACK acknowledges.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The INVITE's CSeq number.
    pub cseq: u32,
}

impl RAck {
    /// The RAck header, when it is there, can be read and is for an INVITE.
    pub fn of(message: &Message) -> Option<Self> {
        let text = std::str::from_utf8(message.header(Name::RAck)?).ok()?;
        let mut words = text.split_ascii_whitespace();
        let (rseq, cseq, method) = (words.next()?, words.next()?, words.next()?);
        let is_invite = Method::parse(method.as_bytes()) == Method::Invite;
        Some(Self { rseq: rseq.parse().ok()?, cseq: cseq.parse().ok()? }).filter(|_| is_invite)
    }
}

/// The RSeq of a response that demands a PRACK.
pub fn demanded(response: &Message) -> Option<u32> {
    let demands = response.require().any(|tag| tag.eq_ignore_ascii_case(REL100.as_bytes()));
    let rseq = std::str::from_utf8(response.header(Name::RSeq)?).ok()?.trim().parse().ok()?;
    Some(rseq).filter(|_| demands && matches!(response.status(), Some(101..200)))
}

/// What a PRACK meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It acknowledges what was sent last; the next response, if one waited, is to be sent now.
    Now(Option<Bytes>),
    /// It was acknowledged before.
    Before,
    /// There is no such response: 481.
    Unknown,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Send this again.
    Resend(Bytes),
    /// No PRACK came for 64*T1: the INVITE is to be refused.
    Missing,
}

#[derive(Clone, Debug)]
struct Response {
    rseq: u32,
    bytes: Bytes,
    has_sdp: bool,
}

#[derive(Clone, Debug)]
struct Pending {
    response: Response,
    again: Backoff,
    end: Instant,
}

/// The UAS's side of one INVITE.
#[derive(Clone, Debug)]
pub struct Reliable {
    cseq: u32,
    first: u32,
    next: u32,
    pending: Option<Pending>,
    waiting: VecDeque<Response>,
    timing: Timing,
    sdp_acknowledged: bool,
}

impl Reliable {
    /// For the INVITE with that CSeq number. RFC 3262 section 3: the first RSeq is drawn from 1 to 2^31 - 1.
    pub fn new(cseq: u32, first: u32, timing: Timing) -> Self {
        let first = first.clamp(1, u32::MAX / 2 - 1024);
        Self {
            cseq,
            first,
            next: first,
            pending: None,
            waiting: VecDeque::new(),
            timing,
            sdp_acknowledged: false,
        }
    }

    /// The RSeq of the response that is written next; `None` when too many wait already.
    pub fn number(&mut self) -> Option<u32> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let number = self.next;
        self.next = self.next.saturating_add(1);
        Some(number)
    }

    /// A response was written with that RSeq. It comes back when it is to be sent at once; else it waits, for RFC 3262
    /// section 3 says that the UAS "MUST NOT send a second reliable provisional response until the first is
    /// acknowledged".
    pub fn send(&mut self, now: Instant, rseq: u32, bytes: Bytes, has_sdp: bool) -> Option<Bytes> {
        let response = Response { rseq, bytes, has_sdp };
        if self.pending.is_some() {
            self.waiting.push_back(response);
            return None;
        }
        Some(self.start(now, response))
    }

    fn start(&mut self, now: Instant, response: Response) -> Bytes {
        let bytes = response.bytes.clone();
        let again = Backoff::start(now, self.timing.t1_ms);
        self.pending = Some(Pending { response, again, end: now + self.timing.long() });
        bytes
    }

    /// A PRACK came.
    pub fn acknowledge(&mut self, now: Instant, rack: RAck) -> Acknowledged {
        if rack.cseq != self.cseq || !(self.first..self.next).contains(&rack.rseq) {
            return Acknowledged::Unknown;
        }
        match self.pending.take_if(|pending| pending.response.rseq == rack.rseq) {
            Some(pending) => {
                self.sdp_acknowledged |= pending.response.has_sdp;
                let next = self.waiting.pop_front();
                Acknowledged::Now(next.map(|response| self.start(now, response)))
            }
            // One that still waits was not sent yet: nobody can have seen it.
            None if self.waiting.iter().any(|response| response.rseq == rack.rseq) => Acknowledged::Unknown,
            None => Acknowledged::Before,
        }
    }

    /// Whether that PRACK would acknowledge what was sent last.
    pub fn awaits(&self, rack: RAck) -> bool {
        rack.cseq == self.cseq
            && self.pending.as_ref().is_some_and(|pending| pending.response.rseq == rack.rseq)
    }

    /// RFC 3262 section 3: no 2xx may be sent while a response with SDP is not acknowledged.
    pub fn holds_back_the_answer(&self) -> bool {
        let pending = self.pending.iter().map(|pending| &pending.response);
        pending.chain(&self.waiting).any(|response| response.has_sdp)
    }

    /// Whether SDP of ours has reached the peer in such a response.
    pub fn sdp_acknowledged(&self) -> bool {
        self.sdp_acknowledged
    }

    /// A final response was sent. RFC 3262 section 3: the UAS "SHOULD NOT continue to retransmit", but "MUST be prepared
    /// to process PRACK requests for those outstanding responses".
    pub fn finish(&mut self) {
        self.pending = None;
        self.waiting.clear();
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.again.at().min(pending.end))
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) -> Due {
        let Some(pending) = &mut self.pending else { return Due::Nothing };
        if pending.end <= now {
            // RFC 3262 section 3: "If a reliable provisional response is retransmitted for 64*T1 seconds without
            // reception of a corresponding PRACK, the UAS SHOULD reject the original request with a 5xx response."
            self.finish();
            return Due::Missing;
        }
        if pending.again.at() > now {
            return Due::Nothing;
        }
        // RFC 3262 section 3: "an interval that starts at T1 seconds and doubles for each retransmission".
        pending.again.next(now, u32::MAX);
        Due::Resend(pending.response.bytes.clone())
    }
}

/// What a reliable provisional response is to the UAC.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The next one: it is taken and acknowledged.
    Next,
    /// Taken before: a retransmission. The PRACK's own transaction sends that again.
    Again,
    /// One before it is missing: RFC 3262 section 4 says that it "MUST NOT be acknowledged".
    Gap,
}

/// The UAC's side of one INVITE: the latest RSeq in each early dialog.
#[derive(Clone, Debug, Default)]
pub struct Received {
    latest: Vec<(DialogId, u32)>,
}

impl Received {
    /// A reliable provisional response came.
    pub fn receive(&mut self, dialog: &DialogId, rseq: u32) -> Order {
        let full = self.latest.len() >= FORKS_MAX;
        match self.latest.iter_mut().find(|(known, _)| known == dialog) {
            Some((_, latest)) if rseq == latest.saturating_add(1) => {
                *latest = rseq;
                Order::Next
            }
            Some((_, latest)) if rseq <= *latest => Order::Again,
            Some(_) => Order::Gap,
            None if full => Order::Gap,
            // RFC 3262 section 4: the first number is whatever the UAS has drawn.
            None => {
                self.latest.push((dialog.clone(), rseq));
                Order::Next
            }
        }
    }

    /// Whether anything was received reliably in that dialog.
    pub fn knows(&self, dialog: &DialogId) -> bool {
        self.latest.iter().any(|(known, _)| known == dialog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn rig() -> Reliable {
        Reliable::new(1, 700, Timing::default())
    }

    const fn rack(rseq: u32) -> RAck {
        RAck { rseq, cseq: 1 }
    }

    #[test]
    fn one_at_a_time_each_until_its_prack() {
        let mut uas = rig();
        assert_eq!(uas.number(), Some(700));
        assert_eq!(uas.send(ms(0), 700, "180".into(), false), Some("180".into()));
        assert_eq!(uas.number(), Some(701));
        assert_eq!(uas.send(ms(10), 701, "183".into(), true), None);
        assert!(uas.holds_back_the_answer());
        assert_eq!((uas.timeout(ms(499)), uas.poll_timeout()), (Due::Nothing, Some(ms(500))));
        assert_eq!(uas.timeout(ms(500)), Due::Resend("180".into()));
        assert_eq!(uas.poll_timeout(), Some(ms(1500)));
        assert_eq!(uas.acknowledge(ms(600), rack(701)), Acknowledged::Unknown, "not sent yet");
        assert_eq!(uas.acknowledge(ms(600), RAck { rseq: 700, cseq: 2 }), Acknowledged::Unknown);
        assert_eq!(uas.acknowledge(ms(600), rack(700)), Acknowledged::Now(Some("183".into())));
        assert_eq!(uas.acknowledge(ms(601), rack(700)), Acknowledged::Before);
        assert_eq!(uas.acknowledge(ms(700), rack(701)), Acknowledged::Now(None));
        assert!(!uas.holds_back_the_answer() && uas.sdp_acknowledged());
        assert_eq!(uas.poll_timeout(), None);
    }

    #[test]
    fn without_a_prack_it_ends_after_64_t1() {
        let mut uas = rig();
        let number = uas.number().unwrap();
        uas.send(ms(0), number, "183".into(), true);
        let mut sent = vec![0];
        let missing_at = loop {
            let at = uas.poll_timeout().unwrap();
            match uas.timeout(at) {
                Due::Resend(_) => sent.push(at.as_micros() / 1000),
                Due::Missing => break at,
                Due::Nothing => panic!("a deadline without anything due"),
            }
        };
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(missing_at, ms(32_000));
        assert_eq!(uas.poll_timeout(), None);
    }

    #[test]
    fn after_the_final_response_a_late_prack_is_still_known() {
        let mut uas = rig();
        let number = uas.number().unwrap();
        uas.send(ms(0), number, "180".into(), false);
        uas.finish();
        assert_eq!(uas.acknowledge(ms(100), rack(700)), Acknowledged::Before);
        assert_eq!(uas.acknowledge(ms(100), rack(699)), Acknowledged::Unknown);
    }

    #[test]
    fn the_uac_takes_them_in_order_in_each_early_dialog() {
        let mut uac = Received::default();
        let (one, two) = (DialogId::new(b"c", b"l", b"1"), DialogId::new(b"c", b"l", b"2"));
        assert_eq!(uac.receive(&one, 50), Order::Next);
        assert_eq!(uac.receive(&one, 50), Order::Again);
        assert_eq!(uac.receive(&one, 52), Order::Gap);
        assert_eq!(uac.receive(&two, 9), Order::Next);
        assert_eq!(uac.receive(&one, 51), Order::Next);
        assert!(uac.knows(&two));
        for fork in 0..40_u8 {
            uac.receive(&DialogId::new(b"c", b"l", &[fork]), 1);
        }
        assert!(uac.latest.len() <= FORKS_MAX);
    }

    #[test]
    fn headers_are_read() {
        let message = |line: &str| Message::parse(format!("{line}\r\n\r\n").into()).unwrap();
        let prack = message("PRACK sip:a@b SIP/2.0\r\nRAck: 776656 1 INVITE");
        assert_eq!(RAck::of(&prack), Some(RAck { rseq: 776_656, cseq: 1 }));
        assert_eq!(RAck::of(&message("PRACK sip:a@b SIP/2.0\r\nRAck: 1 1 BYE")), None);
        assert_eq!(RAck::of(&message("PRACK sip:a@b SIP/2.0\r\nRAck: -1 INVITE")), None);
        assert_eq!(demanded(&message("SIP/2.0 183 So\r\nRequire: 100rel\r\nRSeq: 7")), Some(7));
        assert_eq!(demanded(&message("SIP/2.0 183 So\r\nRSeq: 7")), None);
        assert_eq!(demanded(&message("SIP/2.0 200 OK\r\nRequire: 100rel\r\nRSeq: 7")), None);
    }
}
