//! Who hears what in a worker, and on which clock.

use crate::clock::Instant;
use crate::media::leg::Hears;
use crate::media::player::Player;
use crate::media::session::Core;
use crate::media::session::leg_mut;
use crate::media::sounds::Sound;
use crate::rtp::SAMPLE_MICROS;
use std::sync::Arc;

impl Core {
    /// Music at the point where it is for everybody.
    pub(in crate::media) fn running(&mut self, now: Instant, music: Option<Arc<Sound>>) -> Hears {
        let Some(sound) = music else {
            self.counters.sounds_missing += 1;
            return Hears::Silence;
        };
        Hears::Player(Player::looped(sound, now.as_micros() / SAMPLE_MICROS))
    }

    /// Starts or stops a leg's own clock, as what it hears demands. A leg that is paced keeps its phase, so that a
    /// change of sounds leaves no hole.
    pub(in crate::media) fn pace(&mut self, now: Instant, pair: u32) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        if !matches!(leg.hears, Hears::Player(_)) {
            leg.paced_ms = None;
            return;
        }
        let phase = *leg.phase.get_or_insert_with(|| {
            self.phases = self.phases.wrapping_add(1);
            self.phases
        });
        let at_ms = self.wheel.next_with_phase(now.as_micros() / 1000, phase, leg.egress.ptime_ms());
        if leg.paced_ms != Some(at_ms) {
            leg.paced_ms = Some(at_ms);
            self.wheel.insert(at_ms, leg.entry);
        }
    }

    /// Takes a leg out of the ears of the one it hears.
    pub(in crate::media) fn unhear(&mut self, pair: u32) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let hears = std::mem::replace(&mut leg.hears, Hears::Silence);
        if let Hears::Leg(speaker) = hears
            && let Some(speaker) = leg_mut(&mut self.legs, speaker)
        {
            speaker.listeners.retain(|listener| *listener != pair);
        }
    }
}
