//! A leg's RTCP: when a report is due, what it says, and what the peer's say.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::media::egress::Egress;
use crate::media::ingress::Ingress;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Block;
use crate::rtp::rtcp::Heard;
use crate::rtp::rtcp::Report;
use crate::rtp::rtcp::SenderInfo;
use std::net::SocketAddr;
use std::time::Duration;

/// The RTCP of one leg.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// When the next report is due; `None` before the leg is described.
    pub(crate) next_at: Option<Instant>,
    /// The last proven round trip.
    pub(crate) round_trip: Option<Duration>,
    /// The peer's last block about our stream.
    pub(crate) told: Option<Block>,
    cname: [u8; 16],
    signalled: Option<SocketAddr>,
    multiplexed: bool,
    learnt: Option<SocketAddr>,
    reported: bool,
    packets_before: [u64; 2],
    sender_report: Option<(u32, Instant)>,
}

impl Control {
    /// A leg that has neither sent nor heard a report. The name is 96 random bits or more in letters (RFC 7022).
    pub(crate) const fn new(cname: [u8; 16]) -> Self {
        Self {
            next_at: None,
            round_trip: None,
            told: None,
            cname,
            signalled: None,
            multiplexed: false,
            learnt: None,
            reported: false,
            packets_before: [0; 2],
            sender_report: None,
        }
    }

    /// Where the peer wants RTCP. The first description starts the reports.
    pub(crate) fn describe(
        &mut self,
        now: Instant,
        signalled: Option<SocketAddr>,
        multiplexed: bool,
        dice: u64,
    ) {
        if self.signalled != signalled || self.multiplexed != multiplexed {
            self.learnt = None;
        }
        self.signalled = signalled;
        self.multiplexed = multiplexed;
        if self.next_at.is_none() {
            self.next_at = Some(now + rtcp::interval(true, dice));
        }
    }

    /// Takes a packet that came from `from`; `false` when it was not RTCP or not the source's.
    pub(crate) fn take(
        &mut self,
        now: Now,
        from: SocketAddr,
        bytes: &[u8],
        ingress: &Ingress,
        ours: u32,
    ) -> bool {
        let Some(target) = ingress.latch.target() else { return false };
        if target.ip() != from.ip() {
            return false;
        }
        let Ok(heard) = rtcp::read(bytes, ours) else { return false };
        let known = ingress.reception.as_ref().is_some_and(|reception| reception.ssrc() == heard.ssrc);
        if known && !self.multiplexed {
            self.learnt = Some(from);
        }
        self.hear(now, &heard, known);
        true
    }

    fn hear(&mut self, now: Now, heard: &Heard, known: bool) {
        if let Some(sender) = heard.sender.filter(|_| known) {
            self.sender_report = Some((rtcp::middle(sender.ntp), now.instant));
        }
        if let Some(block) = heard.block {
            self.round_trip = rtcp::round_trip(rtcp::ntp(now.wall), &block).or(self.round_trip);
            self.told = Some(block);
        }
    }

    /// Sends the report that is due and sets the time of the next.
    pub(crate) fn report(
        &mut self,
        now: Now,
        pair: u32,
        ingress: &mut Ingress,
        egress: &mut Egress,
        dice: u64,
        out: &mut Outputs,
    ) {
        self.next_at = Some(now.instant + rtcp::interval(false, dice));
        if let Some((channel, to)) = self.target(ingress) {
            self.write(now, pair, channel, to, ingress, egress, false, out);
            self.reported = true;
            self.packets_before = [self.packets_before[1], egress.packets];
        }
    }

    /// Says BYE, if any report was sent (RFC 3550 section 6.3.7).
    pub(crate) fn leave(
        &mut self,
        now: Now,
        pair: u32,
        ingress: &mut Ingress,
        egress: &mut Egress,
        out: &mut Outputs,
    ) {
        if let Some((channel, to)) = self.target(ingress).filter(|_| self.reported) {
            self.write(now, pair, channel, to, ingress, egress, true, out);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the leg's other halves are borrowed one by one")]
    fn write(
        &self,
        now: Now,
        pair: u32,
        channel: Channel,
        to: SocketAddr,
        ingress: &mut Ingress,
        egress: &mut Egress,
        bye: bool,
        out: &mut Outputs,
    ) {
        // RFC 3550 section 6.4: a sender report from whoever has sent since the report before last.
        let active = egress.packets > self.packets_before[0];
        let stamp = egress.timeline.timestamp_at(now.instant).filter(|_| active);
        let sender = stamp.map(|timestamp| SenderInfo {
            ntp: rtcp::ntp(now.wall),
            timestamp,
            packets: egress.packets as u32,
            octets: egress.bytes as u32,
        });
        let report = Report {
            ssrc: egress.timeline.ssrc(),
            sender,
            block: self.block(now.instant, ingress),
            cname: &self.cname,
            bye,
        };
        out.send(pair, channel, to, |bytes| {
            let start = bytes.len();
            rtcp::write(bytes, &report);
            egress.security.control(bytes, start, report.ssrc);
        });
    }

    fn block(&self, now: Instant, ingress: &mut Ingress) -> Option<Block> {
        let reception = ingress.reception.as_mut()?;
        let fraction_lost = reception.fraction_lost();
        Some(Block {
            ssrc: reception.ssrc(),
            fraction_lost,
            lost: reception.lost(),
            highest: reception.highest(),
            jitter: reception.jitter(),
            last_report: self.sender_report.map_or(0, |(middle, _)| middle),
            delay: self.sender_report.map_or(0, |(_, at)| rtcp::fixed_point(now.since(at))),
        })
    }

    fn target(&self, ingress: &Ingress) -> Option<(Channel, SocketAddr)> {
        let stream = ingress.latch.target()?;
        if self.multiplexed {
            return Some((Channel::Rtp, stream));
        }
        if let Some(learnt) = self.learnt.filter(|learnt| learnt.ip() == stream.ip()) {
            return Some((Channel::Rtcp, learnt));
        }
        // RFC 3605 names the port; without it RTCP is one above RTP (RFC 3550 section 11).
        let next = SocketAddr::new(stream.ip(), stream.port().checked_add(1)?);
        let named = self.signalled.filter(|signalled| signalled.ip() == stream.ip());
        Some((Channel::Rtcp, named.unwrap_or(next)))
    }
}

/// The wall clock at a moment, from one reading of both. Never steps while the process runs, which is what the
/// times in reports need.
pub(crate) fn wall_at(epoch: Now, instant: Instant) -> Now {
    let passed = i64::try_from(instant.since(epoch.instant).as_micros()).unwrap_or(i64::MAX);
    Now { instant, wall: Wall::from_micros(epoch.wall.as_micros().saturating_add(passed)) }
}
