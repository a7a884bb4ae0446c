//! A leg's receiving half: whose packets these are, what they mean, and the figures over them.

use crate::clock::Instant;
use crate::media::command::Format;
use crate::media::command::KeyWay;
use crate::media::heard_keys::HeardKeys;
use crate::media::relay;
use crate::media::relay::Kind;
use crate::media::security::Opening;
use crate::rtp::dtmf::Recognizer;
use crate::rtp::dtmf::TelephoneEvent;
use crate::rtp::latch::Guard;
use crate::rtp::latch::Latch;
use crate::rtp::latch::Seen;
use crate::rtp::latch::Verdict;
use crate::rtp::packet;
use crate::rtp::packet::Header;
use crate::rtp::reception::Reception;
use crate::srtp::Fault;
use std::net::SocketAddr;

/// The receiving half of one leg.
#[derive(Debug)]
pub(crate) struct Ingress {
    /// From where it is spoken to.
    pub(crate) latch: Latch,
    /// The figures of the source that speaks now.
    pub(crate) reception: Option<Reception>,
    /// When the last accepted packet came.
    pub(crate) last_at: Option<Instant>,
    /// When the first accepted packet came.
    pub(crate) first_at: Option<Instant>,
    /// Counters.
    pub(crate) counts: Counts,
    /// The peer's keys.
    pub(crate) security: Opening,
    format: Option<Format>,
    receives: bool,
    recognizer: Recognizer,
    keys: HeardKeys,
    lost_before: i64,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Packets accepted.
    pub(crate) packets: u64,
    /// Their payload bytes.
    pub(crate) bytes: u64,
    /// Dropped: not the source's.
    pub(crate) strangers: u64,
    /// Dropped: payload type not agreed.
    pub(crate) unknown: u64,
    /// Dropped: not RTP, not RTCP.
    pub(crate) malformed: u64,
    /// Dropped: not sealed with the peer's key.
    pub(crate) unauthenticated: u64,
    /// Dropped: heard before.
    pub(crate) replayed: u64,
}

/// An accepted packet.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Its header.
    pub(crate) header: Header,
    /// What it carries; `None` when it only shows that the source lives.
    pub(crate) kind: Option<Kind>,
    /// The source was learnt by this packet.
    pub(crate) latched: bool,
    /// A key was pressed.
    pub(crate) digit: Option<char>,
    /// A key whose press was told by INFO already: nobody is to hear it once more.
    pub(crate) is_copy: bool,
}

impl Ingress {
    /// A half that has heard nothing and accepts nothing before it is described.
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            latch: Latch::new(guard),
            reception: None,
            last_at: None,
            first_at: None,
            counts: Counts::default(),
            security: Opening::default(),
            format: None,
            receives: false,
            recognizer: Recognizer::default(),
            keys: HeardKeys::default(),
            lost_before: 0,
        }
    }

    /// What the peer sends, and whether it may.
    pub(crate) const fn describe(&mut self, format: Format, receives: bool) {
        self.format = Some(format);
        self.receives = receives;
    }

    /// Whether the peer is described and may send.
    pub(crate) const fn expects(&self) -> bool {
        self.format.is_some() && self.receives
    }

    /// Lost packets of all sources so far; doubles count against.
    pub(crate) fn lost(&self) -> i64 {
        self.lost_before + self.reception.as_ref().map_or(0, |reception| i64::from(reception.lost()))
    }

    /// The packet as its sender wrote it, decrypted into `opened` where that is agreed; `None` when it was dropped and
    /// counted. Nothing is learnt from what is not authentic.
    pub(crate) fn open<'a>(
        &mut self,
        packet: &'a [u8],
        is_control: bool,
        opened: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let fault = match self.security.open(packet, is_control, opened) {
            Ok(packet) => return Some(packet),
            Err(fault) => fault,
        };
        match fault {
            Fault::Malformed => self.counts.malformed += 1,
            Fault::Unauthenticated => self.counts.unauthenticated += 1,
            Fault::Replayed => self.counts.replayed += 1,
        }
        None
    }

    /// Takes one RTP packet; `None` when it was dropped and counted.
    pub(crate) fn take(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Option<Heard> {
        let Ok(header) = packet::read(bytes) else {
            self.counts.malformed += 1;
            return None;
        };
        let Some(format) = self.format else {
            self.counts.strangers += 1;
            return None;
        };
        let kind = relay::kind(header.payload_type, &format);
        if kind.is_none() {
            self.counts.unknown += 1;
            if self.latch.source() != Some(from) {
                return None;
            }
        }
        let seen = Seen { from, ssrc: header.ssrc, sequence: header.sequence };
        let verdict = self.latch.see(now, seen);
        if verdict == Verdict::Stranger {
            self.counts.strangers += 1;
            return None;
        }
        self.count(now, &header, kind);
        let mut heard =
            Heard { header, kind, latched: verdict == Verdict::Latched, digit: None, is_copy: false };
        let payload = bytes.get(heard.header.payload.clone()).unwrap_or_default();
        if kind == Some(Kind::Keys) {
            let Some(event) = TelephoneEvent::read(payload) else {
                self.counts.malformed += 1;
                return None;
            };
            let press = (heard.header.ssrc, heard.header.timestamp);
            heard.digit = self.recognizer.hear(press.0, press.1, event);
            heard.digit = heard.digit.filter(|key| self.keys.hear_event(now, *key, press));
            heard.is_copy = self.keys.is_copy(press);
        }
        if payload.is_empty() || !self.receives {
            heard.kind = None;
        }
        Some(heard)
    }

    /// The party has told by INFO that it has pressed a key; whether that is news.
    pub(crate) fn told(&mut self, now: Instant, key: char) -> bool {
        self.keys.hear(now, key, KeyWay::Info)
    }

    fn count(&mut self, now: Instant, header: &Header, kind: Option<Kind>) {
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        self.counts.packets += 1;
        self.counts.bytes += header.payload.len() as u64;
        if self.reception.as_ref().is_none_or(|reception| reception.ssrc() != header.ssrc) {
            self.lost_before = self.lost();
            self.reception = Some(Reception::new(header.ssrc, header.sequence));
        }
        let Some(reception) = &mut self.reception else { return };
        let lost = reception.lost();
        if reception.count(header.sequence) {
            self.lost_before += i64::from(lost);
        }
        if matches!(kind, Some(Kind::Audio(_))) {
            reception.time(header.timestamp, now);
        }
    }
}
