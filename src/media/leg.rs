//! One leg: its receiving half, its sending half, its RTCP, what it hears and who hears it.

use crate::clock::Instant;
use crate::media::clocked::Seat;
use crate::media::command::LegKey;
use crate::media::command::LegStats;
use crate::media::command::Source;
use crate::media::command::Then;
use crate::media::control::Control;
use crate::media::egress::Egress;
use crate::media::ingress::Ingress;
use crate::media::player::Player;
use crate::media::tap::TapKey;
use crate::media::wheel::Entry;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::latch::REBIND_AFTER;
use std::net::SocketAddr;
use std::time::Duration;

/// A stream that would be silent for so long sends one frame: below the 15 s of RFC 6263 section 4.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A learnt address is beyond doubt after so long.
const SETTLED: Duration = Duration::from_secs(3);

/// One leg of a worker.
#[derive(Debug)]
pub(crate) struct Leg {
    /// Its name.
    pub(crate) key: LegKey,
    /// Its place, and which of the legs that lived there it is.
    pub(crate) entry: Entry,
    /// When it was opened.
    pub(crate) opened_at: Instant,
    /// The receiving half.
    pub(crate) ingress: Ingress,
    /// The sending half.
    pub(crate) egress: Egress,
    /// RTCP.
    pub(crate) control: Control,
    /// What it was told to hear.
    pub(crate) source: Source,
    /// How that is done.
    pub(crate) hears: Hears,
    /// Its place in a room, from the moment it is told to hear one.
    pub(crate) seat: Option<Seat>,
    /// The pairs of the legs that hear it.
    pub(crate) listeners: Vec<u32>,
    /// When its next frame is due, in milliseconds; `None` while it is not paced.
    pub(crate) paced_ms: Option<u64>,
    /// The phase of its frames, dealt out when it is first paced.
    pub(crate) phase: Option<u64>,
    /// Where its RTP socket is connected to.
    pub(crate) bond: Option<SocketAddr>,
    /// When the timer that stands for it in the heap fires.
    pub(crate) due: Option<Instant>,
    /// The no-media timeout.
    pub(crate) watch: Watch,
    /// The recording that its packets go to.
    pub(crate) tap: Option<TapKey>,
}

/// What a leg hears, resolved.
#[derive(Debug)]
pub(crate) enum Hears {
    /// Nothing.
    Silence,
    /// The leg on that pair.
    Leg(u32),
    /// Sounds.
    Player(Player),
    /// The room of its seat.
    Room,
}

/// The no-media timeout of a leg.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Watch {
    /// How long; `None` is off.
    pub(crate) timeout: Option<Duration>,
    /// From when it counts without a packet.
    pub(crate) since: Instant,
    /// It was told, and nothing came since.
    pub(crate) told: bool,
}

impl Watch {
    /// A watch that begins now.
    pub(crate) fn new(timeout: Option<Duration>, since: Instant) -> Self {
        Self { timeout: timeout.filter(|timeout| !timeout.is_zero()), since, told: false }
    }
}

impl Leg {
    /// When nothing will have come for the timeout.
    pub(crate) fn no_media_at(&self) -> Option<Instant> {
        if !self.ingress.expects() || self.watch.told {
            return None;
        }
        let heard = self.ingress.last_at.map_or(self.watch.since, |at| at.max(self.watch.since));
        self.watch.timeout.map(|timeout| heard + timeout)
    }

    /// When the stream needs a frame to stay alive.
    pub(crate) fn keep_alive_at(&self) -> Option<Instant> {
        if self.paced_ms.is_some() || matches!(self.hears, Hears::Room) {
            return None;
        }
        self.egress.last_at.map(|at| at + KEEP_ALIVE)
    }

    /// When a connected socket must let others in again, because its source may have moved.
    pub(crate) fn unbond_at(&self) -> Option<Instant> {
        self.bond?;
        Some(self.ingress.latch.heard_at()? + REBIND_AFTER)
    }

    /// Where the socket should be connected to now.
    pub(crate) fn bond_wanted(&self, now: Instant) -> Option<SocketAddr> {
        let alive = self.ingress.latch.heard_at().is_some_and(|at| now.since(at) < REBIND_AFTER);
        self.ingress.latch.settled(now, SETTLED).filter(|_| alive)
    }

    /// The next moment at which something must be looked after.
    pub(crate) fn upkeep_at(&self) -> Option<Instant> {
        let press_at = self.egress.press_at();
        [self.control.next_at, self.no_media_at(), self.keep_alive_at(), self.unbond_at(), press_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// What it hears after its prompts, and their number.
    pub(crate) fn follow_up(&self) -> (Source, u32) {
        match &self.source {
            Source::Prompts { then: Then::Music(class), number, .. } => {
                (Source::Music { class: class.clone() }, *number)
            }
            Source::Prompts { then: Then::Silence, number, .. } => (Source::Silence, *number),
            Source::Silence
            | Source::Leg(_)
            | Source::Music { .. }
            | Source::Tone(_)
            | Source::Room { .. } => (Source::Silence, 0),
        }
    }

    /// Its figures.
    pub(crate) fn stats(&self) -> LegStats {
        let jitter = |samples: u32| Duration::from_micros(u64::from(samples) * SAMPLE_MICROS);
        let after = |at: Option<Instant>| at.map(|at| at.since(self.opened_at));
        let counts = &self.ingress.counts;
        LegStats {
            packets_in: counts.packets,
            packets_out: self.egress.packets,
            bytes_in: counts.bytes,
            bytes_out: self.egress.bytes,
            lost_in: self.ingress.lost(),
            lost_out: self.control.told.map(|block| block.lost),
            jitter_in: jitter(self.ingress.reception.as_ref().map_or(0, |reception| reception.jitter())),
            jitter_out: self.control.told.map(|block| jitter(block.jitter)),
            round_trip: self.control.round_trip,
            strangers_dropped: counts.strangers,
            unknown_dropped: counts.unknown,
            malformed_dropped: counts.malformed,
            unauthenticated_dropped: counts.unauthenticated,
            replayed_dropped: counts.replayed,
            first_packet_in_after: after(self.ingress.first_at),
            first_packet_out_after: after(self.egress.first_at),
        }
    }
}
