//! What a packet brings about that has come to a leg of a worker.

use crate::clock::Instant;
use crate::media::command::Event;
use crate::media::command::KeyWay;
use crate::media::control::wall_at;
use crate::media::leg::Leg;
use crate::media::outputs::Outputs;
use crate::media::relay::Kind;
use crate::media::session::Core;
use crate::media::session::POISON;
use crate::media::session::leg_mut;
use crate::media::session::leg_ref;
use crate::media::tap::Tap;
use crate::media::tap::Voice;
use std::net::SocketAddr;

impl Core {
    /// An RTCP packet, opened.
    pub(in crate::media) fn control(&mut self, now: Instant, pair: u32, from: SocketAddr, bytes: &[u8]) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let ours = leg.egress.timeline.ssrc();
        if !leg.control.take(wall_at(self.epoch, now), from, bytes, &leg.ingress, ours) {
            leg.ingress.counts.malformed += 1;
        }
    }

    /// An RTP packet, opened: taken in, and passed on to whoever hears its leg.
    pub(in crate::media) fn audio(
        &mut self,
        now: Instant,
        pair: u32,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut Outputs,
    ) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        assert!(!cfg!(test) || bytes != POISON, "a test wants to see what becomes of a panic");
        self.counters.packets_in += 1;
        let Some(heard) = leg.ingress.take(now, from, bytes) else {
            self.counters.dropped += 1;
            return;
        };
        leg.watch.told = false;
        let key = leg.key;
        if heard.latched {
            out.events.push(Event::Latched { leg: key, from });
        }
        if let Some(digit) = heard.digit {
            out.events.push(Event::Digit { leg: key, digit, by: KeyWay::Event });
        }
        let unbonded = leg.bond.is_none();
        let sits = leg.seat.is_some();
        if let (Some(tap), Some(Kind::Audio(codec))) = (leg.tap, heard.kind) {
            let (header, voice) = (&heard.header, Voice::Said);
            let (ssrc, timestamp, marker) = (header.ssrc, header.timestamp, header.marker);
            let tap = Tap { key: tap, voice, codec, ssrc, timestamp, marker, at: now };
            out.taps.push(tap, bytes.get(header.payload.clone()).unwrap_or_default());
        }
        if heard.kind.is_some() {
            let payload = bytes.get(heard.header.payload.clone()).unwrap_or_default();
            if sits {
                self.say_in_room(now, pair, &heard, payload);
            }
            let mut index = 0;
            let listener =
                |legs: &[Option<Box<Leg>>], index: usize| leg_ref(legs, pair)?.listeners.get(index).copied();
            while let Some(listener) = listener(&self.legs, index) {
                let leaving = |leg: &Leg| leg.seat.is_some_and(|seat| seat.is_leaving());
                if matches!(heard.kind, Some(Kind::Audio(_)))
                    && leg_ref(&self.legs, listener).is_some_and(leaving)
                {
                    self.step_out(listener);
                }
                if let Some(listener) = leg_mut(&mut self.legs, listener) {
                    let to = listener.ingress.latch.target();
                    listener.egress.relay(now, to, &heard, payload, out);
                }
                index += 1;
            }
        }
        if unbonded || heard.latched {
            self.bond(now, pair, out);
        }
    }
}
