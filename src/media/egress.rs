//! A leg's sending half: one RTP stream that stays whole whatever it is fed from.

use crate::clock::Instant;
use crate::media::command::Codec;
use crate::media::command::Format;
use crate::media::ingress::Heard;
use crate::media::keys;
use crate::media::keys::Presses;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::player;
use crate::media::player::Played;
use crate::media::player::Player;
use crate::media::relay;
use crate::media::relay::Kind;
use crate::media::room::Room;
use crate::media::security::Sealing;
use crate::media::softener::Softener;
use crate::media::tap::Tap;
use crate::media::tap::TapKey;
use crate::media::tap::Voice;
use crate::media::wheel::PERIOD_MS_MAX;
use crate::rtp::packet::Outgoing;
use crate::rtp::timeline::Incoming;
use crate::rtp::timeline::Stamp;
use crate::rtp::timeline::Timeline;
use std::net::SocketAddr;

/// The packet time where nothing sensible was agreed (RFC 3551 section 4.2).
const PTIME_MS: u8 = 20;
/// Bytes of G.711 in a millisecond.
const BYTES_PER_MS: usize = 8;

/// The sending half of one leg.
#[derive(Debug)]
pub(crate) struct Egress {
    /// The stream's numbers.
    pub(crate) timeline: Timeline,
    /// Packets sent.
    pub(crate) packets: u64,
    /// Payload bytes sent.
    pub(crate) bytes: u64,
    /// When the first packet was sent.
    pub(crate) first_at: Option<Instant>,
    /// When the last packet was sent.
    pub(crate) last_at: Option<Instant>,
    /// Our keys.
    pub(crate) security: Sealing,
    pair: u32,
    format: Option<Format>,
    sends: bool,
    /// Keys that we were told to press.
    presses: Presses,
    /// Present around and in a room.
    softener: Option<Box<Softener>>,
    /// The recording that what the peer hears goes to.
    pub(crate) tap: Option<TapKey>,
}

impl Egress {
    /// A stream that has sent nothing, from a pair of ports.
    pub(crate) fn new(pair: u32, timeline: Timeline) -> Self {
        Self {
            timeline,
            packets: 0,
            bytes: 0,
            first_at: None,
            last_at: None,
            security: Sealing::default(),
            pair,
            format: None,
            sends: false,
            presses: Presses::new(),
            softener: None,
            tap: None,
        }
    }

    /// What we send, and whether we may.
    pub(crate) const fn describe(&mut self, format: Format, sends: bool) {
        self.format = Some(format);
        self.sends = sends;
    }

    /// Milliseconds of audio in a frame of ours.
    pub(crate) fn ptime_ms(&self) -> u64 {
        let asked = self.format.map_or(0, |format| format.ptime_ms);
        let sane = asked > 0 && u64::from(asked) <= PERIOD_MS_MAX;
        u64::from(if sane { asked } else { PTIME_MS })
    }

    /// Relays a packet of another leg to `to`.
    pub(crate) fn relay(
        &mut self,
        now: Instant,
        to: Option<SocketAddr>,
        heard: &Heard,
        payload: &[u8],
        out: &mut Outputs,
    ) {
        let (Some(to), Some(format), true, Some(kind)) = (to, self.format, self.sends, heard.kind) else {
            self.timeline.cut();
            return;
        };
        if self.presses.is_pressing() {
            // RFC 4733 section 2.5.1.3: one stream says one thing at a time.
            return;
        }
        let header = &heard.header;
        let mut incoming = Incoming {
            ssrc: header.ssrc,
            marker: header.marker,
            sequence: header.sequence,
            timestamp: header.timestamp,
            duration: 0,
        };
        match kind {
            Kind::Audio(codec) => {
                incoming.duration = payload.len() as u32;
                let mode = relay::mode(codec, format.codec);
                if let Some(stamp) = self.timeline.relay(now, incoming) {
                    let mut softener = self.softener.take();
                    self.send(now, to, stamp, format.payload, out, |out| {
                        let start = out.len();
                        relay::convert(mode, payload, out);
                        smooth(&mut softener, format.codec, out, start);
                    });
                    self.softener = softener.filter(|softener| !softener.has_ended());
                }
            }
            Kind::Keys => match format.dtmf.filter(|_| !heard.is_copy) {
                Some(payload_type) => {
                    if let Some(stamp) = self.timeline.relay(now, incoming) {
                        self.send(now, to, stamp, payload_type, out, |out| out.extend_from_slice(payload));
                    }
                }
                None => self.timeline.skip(&incoming),
            },
        }
    }

    /// Sends the player's next frame to `to`; where nothing can be sent, the player goes on all the same.
    pub(crate) fn play(
        &mut self,
        now: Instant,
        to: Option<SocketAddr>,
        player: &mut Player,
        out: &mut Outputs,
    ) -> Played {
        let samples = self.ptime_ms() as usize * BYTES_PER_MS;
        let pressing = self.presses.is_pressing();
        let (Some(to), Some(format), true, false) = (to, self.format, self.sends, pressing) else {
            self.timeline.cut();
            player.skip(samples);
            return if player.is_done() { Played::Last } else { Played::More };
        };
        let stamp = self.timeline.next(now, samples as u32);
        let mut played = Played::More;
        let mut softener = self.softener.take();
        self.send(now, to, stamp, format.payload, out, |out| {
            let start = out.len();
            played = player.frame(format.codec, samples, out);
            smooth(&mut softener, format.codec, out, start);
        });
        self.softener = softener.filter(|softener| !softener.has_ended());
        played
    }

    /// Sends `to` what the party of that seat hears in this slot of his room.
    pub(crate) fn mixed(
        &mut self,
        now: Instant,
        to: Option<SocketAddr>,
        room: &mut Room,
        seat: usize,
        out: &mut Outputs,
    ) {
        let pressing = self.presses.is_pressing();
        let (Some(to), Some(format), true, false) = (to, self.format, self.sends, pressing) else {
            self.timeline.cut();
            return;
        };
        let mut softener = self.softener.take().unwrap_or_default();
        let smooth =
            room.mix_of(seat).and_then(|(mix, silent)| softener.smooth_mix(format.codec, mix, silent));
        let bytes = smooth.as_deref().unwrap_or_else(|| room.encoded(seat, format.codec));
        let samples = self.ptime_ms() as usize * BYTES_PER_MS;
        if bytes.len() == samples {
            self.send_piece(now, to, format, bytes, out);
        } else {
            softener.rest.extend_from_slice(bytes);
            while softener.rest.len() >= samples {
                let piece: Vec<u8> = softener.rest.drain(..samples).collect();
                self.send_piece(now, to, format, &piece, out);
            }
        }
        self.softener = Some(softener);
    }

    fn send_piece(&mut self, now: Instant, to: SocketAddr, format: Format, piece: &[u8], out: &mut Outputs) {
        let stamp = self.timeline.next(now, piece.len() as u32);
        self.send(now, to, stamp, format.payload, out, |out| out.extend_from_slice(piece));
    }

    /// From now on what is sent is remembered, because a room is to be entered.
    pub(crate) fn soften(&mut self) {
        self.softener.get_or_insert_default();
    }

    /// No room is entered after all.
    pub(crate) fn harden(&mut self) {
        self.softener = None;
    }

    /// The room's mix comes next, and is faded in over what was sent last.
    pub(crate) fn cut_in(&mut self) {
        self.softener.get_or_insert_default().cut(false);
    }

    /// Something else than the room comes next, and is faded in over what was sent last.
    pub(crate) fn cut_out(&mut self) {
        if let Some(softener) = &mut self.softener {
            softener.rest.clear();
            softener.cut(true);
        }
    }

    /// Sends one frame of silence, so that address translators and the peer's own timeouts see a living stream.
    pub(crate) fn keep_alive(&mut self, now: Instant, to: Option<SocketAddr>, out: &mut Outputs) {
        let (Some(to), Some(format), true) = (to, self.format, self.sends) else { return };
        let samples = self.ptime_ms() as usize * BYTES_PER_MS;
        self.timeline.cut();
        let stamp = self.timeline.next(now, samples as u32);
        self.timeline.cut();
        let fill = |out: &mut Vec<u8>| player::silence(format.codec, samples, out);
        self.send(now, to, stamp, format.payload, out, fill);
    }

    /// Presses a key, after those that are being pressed.
    pub(crate) fn press(&mut self, now: Instant, key: char) {
        self.presses.add(now, key);
    }

    /// When the next packet of a key press is due.
    pub(crate) fn press_at(&self) -> Option<Instant> {
        self.presses.due_at()
    }

    /// Sends the packet of a key press that is due.
    pub(crate) fn press_on(&mut self, now: Instant, to: Option<SocketAddr>, out: &mut Outputs) {
        let Some((event, first)) = self.presses.take(now) else { return };
        let (Some(to), Some(payload_type), true) =
            (to, self.format.and_then(|format| format.dtmf), self.sends)
        else {
            self.presses.clear();
            return;
        };
        let stamp = if first {
            let stamp = self.timeline.next(now, u32::from(keys::STEP_SAMPLES));
            self.presses.begun(stamp.timestamp);
            Stamp { marker: true, ..stamp }
        } else {
            self.timeline.again(self.presses.timestamp(), u32::from(event.duration))
        };
        self.send(now, to, stamp, payload_type, out, |out| out.extend_from_slice(&event.to_bytes()));
    }

    fn send(
        &mut self,
        now: Instant,
        to: SocketAddr,
        stamp: Stamp,
        payload_type: u8,
        out: &mut Outputs,
        fill: impl FnOnce(&mut Vec<u8>),
    ) {
        let header = Outgoing {
            marker: stamp.marker,
            payload_type,
            sequence: stamp.sequence,
            timestamp: stamp.timestamp,
            ssrc: self.timeline.ssrc(),
        };
        let mut length = 0;
        out.send(self.pair, Channel::Rtp, to, |bytes| {
            bytes.extend_from_slice(&header.to_bytes());
            let start = bytes.len();
            fill(bytes);
            length = bytes.len() - start;
        });
        self.packets += 1;
        self.bytes += length as u64;
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        if let (Some(key), Some(format)) = (self.tap, self.format)
            && payload_type == format.payload
        {
            let (codec, ssrc) = (format.codec, self.timeline.ssrc());
            let Stamp { timestamp, marker, .. } = stamp;
            out.tap_last(Tap { key, voice: Voice::Heard, codec, ssrc, timestamp, marker, at: now }, length);
        }
        // Only now: what is tapped is what the party hears, not what goes on the wire.
        if !out.seal_last(|bytes, start| self.security.rtp(bytes, start)) {
            self.packets -= 1;
            self.bytes -= length as u64;
        }
    }
}

fn smooth(softener: &mut Option<Box<Softener>>, codec: Codec, out: &mut [u8], start: usize) {
    if let (Some(softener), Some(payload)) = (softener, out.get_mut(start..)) {
        softener.smooth(codec, payload);
    }
}
