//! Listening to one stream: counts the packets, and finds tones in windows of 60 ms.
//!
//! Not a jitter buffer: a window is made of packets in the order they come. Tones are multiples of 50 Hz, and 60 ms
//! hold whole periods of each of them and of their distances, so neighbours do not leak into each other.

use crate::clock::Instant;
use crate::codec::g711;
use crate::codec::tone;
use crate::rtp::CLOCK_RATE;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::packet::Header;
use crate::rtp::reception::Reception;
use crate::rtp::sequence;
use crate::sim::hearing::Ears;
use crate::sim::hearing::Hearing;
use crate::sim::hearing::Sound;
use crate::sim::hearing::Stretch;
use crate::sim::hearing::ToneHeard;
use std::sync::Arc;
use std::time::Duration;

const WINDOW_LEN: usize = 480;
const WINDOW: Duration = Duration::from_millis(60);
/// -60 dBFS, above the idle noise of A-law.
const SILENCE_RMS: f64 = 32.0;
/// A tone with this share of the energy is what is heard; of a mix of two each has half.
const SHARE_ALONE: f64 = 0.7;
/// A tone with this share is there, among others.
const SHARE_PRESENT: f64 = 0.2;
const STRETCHES_MAX: usize = 256;
/// Payload types of G.711 (RFC 3551 table 4).
const PCMU: u8 = 0;
const PCMA: u8 = 8;

/// One party's ear in one call.
#[derive(Debug)]
pub(crate) struct Ear {
    hearing: Hearing,
    reception: Option<Reception>,
    /// The 64 numbers before and at the highest, as bits, to tell doubles from late ones.
    seen: u64,
    highest: u16,
    lost_before: i64,
    last: Option<Instant>,
    answered: Option<Instant>,
    analysis: Option<Box<Analysis>>,
}

#[derive(Debug)]
struct Analysis {
    tones_hz: Arc<[u32]>,
    window: Vec<i16>,
    began: Instant,
}

impl Ear {
    /// An ear that knows these tones.
    pub(crate) fn new(ears: Ears, tones_hz: &Arc<[u32]>) -> Self {
        let analysis = match ears {
            Ears::Counting => None,
            Ears::Full => Some(Box::new(Analysis {
                tones_hz: Arc::clone(tones_hz),
                window: Vec::with_capacity(WINDOW_LEN),
                began: Instant::default(),
            })),
        };
        Self {
            hearing: Hearing::default(),
            reception: None,
            seen: 0,
            highest: 0,
            lost_before: 0,
            last: None,
            answered: None,
            analysis,
        }
    }

    /// The call was answered: from now on silence is a fault.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.answered.get_or_insert(now);
    }

    /// A datagram that is no RTP.
    pub(crate) fn malformed(&mut self) {
        self.hearing.malformed += 1;
    }

    /// One packet.
    pub(crate) fn packet(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        let hearing = &mut self.hearing;
        hearing.packets += 1;
        if let Some(last) = self.last.replace(now) {
            hearing.gap_max = hearing.gap_max.max(now.since(last));
        }
        if let Some(answered) = self.answered
            && hearing.first_after_answer.is_none()
        {
            hearing.first_after_answer = Some(now.since(answered));
        }
        self.count(now, header);
        if let Some(analysis) = &mut self.analysis {
            analysis.take(now, header.payload_type, payload, &mut self.hearing);
        }
    }

    fn count(&mut self, now: Instant, header: &Header) {
        let known = self.reception.as_ref().is_some_and(|reception| reception.ssrc() == header.ssrc);
        if !known {
            if let Some(before) = self.reception.take() {
                self.hearing.ssrc_changes += 1;
                self.lost_before += i64::from(before.lost());
            }
            self.reception = Some(Reception::new(header.ssrc, header.sequence));
            self.highest = header.sequence.wrapping_sub(1);
            self.seen = 0;
        }
        let ahead = sequence::distance(self.highest, header.sequence);
        let is_double = ahead <= 0 && ahead > -64 && self.seen >> -ahead & 1 == 1;
        if is_double {
            self.hearing.duplicates += 1;
            return;
        }
        match ahead {
            1..=63 => {
                self.seen = self.seen << ahead | 1;
                self.highest = header.sequence;
            }
            -63..=0 => {
                self.seen |= 1 << -ahead;
                self.hearing.late += 1;
            }
            _ => {
                self.seen = 1;
                self.highest = header.sequence;
            }
        }
        if let Some(reception) = &mut self.reception {
            reception.count(header.sequence);
            reception.time(header.timestamp, now);
        }
    }

    /// The result so far.
    pub(crate) fn hearing(&self) -> Hearing {
        let lost = self.lost_before + self.reception.as_ref().map_or(0, |last| i64::from(last.lost()));
        let jitter = self.reception.as_ref().map_or(0, |last| u64::from(last.jitter()) * SAMPLE_MICROS);
        Hearing {
            lost: u64::try_from(lost).unwrap_or(0),
            jitter: Duration::from_micros(jitter),
            ..self.hearing.clone()
        }
    }
}

impl Analysis {
    fn take(&mut self, now: Instant, payload_type: u8, payload: &[u8], hearing: &mut Hearing) {
        let decode = match payload_type {
            PCMU => g711::ulaw_decode,
            PCMA => g711::alaw_decode,
            _ => return,
        };
        for byte in payload {
            if self.window.is_empty() {
                self.began = now;
            }
            self.window.push(decode(*byte));
            if self.window.len() == WINDOW_LEN {
                self.judge(now, hearing);
                self.window.clear();
            }
        }
    }

    fn judge(&self, now: Instant, hearing: &mut Hearing) {
        let mut sound = Sound::Silence;
        if tone::rms(&self.window) >= SILENCE_RMS {
            sound = Sound::Other;
            for hz in self.tones_hz.iter().copied() {
                let share = tone::goertzel(&self.window, CLOCK_RATE, hz);
                if share < SHARE_PRESENT {
                    continue;
                }
                let (total, alone) = (Duration::ZERO, Duration::ZERO);
                let fresh = ToneHeard { from: self.began, to: now, total, alone };
                let tone = hearing.tones.entry(hz).or_insert(fresh);
                tone.to = now;
                tone.total += WINDOW;
                if share >= SHARE_ALONE {
                    sound = Sound::Tone(hz);
                    tone.alone += WINDOW;
                }
            }
        }
        if let Some(last) = hearing.stretches.last_mut()
            && last.sound == sound
        {
            last.to = now;
        } else if hearing.stretches.len() < STRETCHES_MAX {
            hearing.stretches.push(Stretch { sound, from: self.began, to: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::wav;
    use crate::rtp::packet::Outgoing;
    use crate::rtp::packet::read;
    use crate::sdp::Codec;
    use crate::sim::voice::Mouth;
    use crate::sim::voice::Voice;

    fn ms(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn ear() -> Ear {
        Ear::new(Ears::Full, &(300..3400).step_by(50).collect())
    }

    fn hear(ear: &mut Ear, at: Instant, sequence: u16, ssrc: u32, payload: &[u8]) {
        let out = Outgoing {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp: u32::from(sequence).wrapping_mul(160),
            ssrc,
        };
        let mut packet = out.to_bytes().to_vec();
        packet.extend_from_slice(payload);
        let header = read(&packet).unwrap();
        ear.packet(at, &header, payload);
    }

    #[test]
    fn tones_are_found_with_their_times() {
        let mut ear = ear();
        let mut low = Mouth::new(Voice::Tone(450), &Codec::Pcma);
        let mut high = Mouth::new(Voice::Tone(2000), &Codec::Pcma);
        ear.answered(ms(0));
        for n in 0..100u16 {
            let mut frame = Vec::new();
            let mouth = if n < 50 { &mut low } else { &mut high };
            mouth.frame(ms(0), &mut frame);
            hear(&mut ear, ms(40 + 20 * u64::from(n)), n, 7, &frame);
        }
        let hearing = ear.hearing();
        assert_eq!(hearing.certain_tones(), [450, 2000]);
        assert!(hearing.tones[&450].to <= hearing.tones[&2000].to && hearing.tones[&450].from == ms(40));
        assert_eq!((hearing.packets, hearing.lost, hearing.late, hearing.ssrc_changes), (100, 0, 0, 0));
        assert_eq!(hearing.first_after_answer, Some(Duration::from_millis(40)));
        assert_eq!(hearing.gap_max, Duration::from_millis(20));
        assert!(hearing.time_of(Sound::Tone(450), ms(500)) >= Duration::from_millis(400));
    }

    #[test]
    fn loss_doubles_late_ones_and_new_sources_are_counted() {
        let mut ear = Ear::new(Ears::Counting, &Arc::from([]));
        for (at, sequence) in [65_534, 65_535, 1, 1, 0, 5].into_iter().enumerate() {
            hear(&mut ear, ms(20 * at as u64), sequence, 1, &[0xD5; 160]);
        }
        hear(&mut ear, ms(2000), 9, 2, &[0xD5; 160]);
        let hearing = ear.hearing();
        assert_eq!((hearing.packets, hearing.duplicates, hearing.late), (7, 1, 1));
        // 2, 3 and 4 are missing.
        assert_eq!((hearing.lost, hearing.ssrc_changes), (3, 1));
        assert_eq!(hearing.gap_max, Duration::from_millis(1900));
    }

    #[test]
    fn the_hold_music_is_not_taken_for_a_tone() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sounds/music/default/calm.wav");
        let music = wav::read(&std::fs::read(path).unwrap()).unwrap();
        let step = (music.rate_hz / 8000) as usize;
        let samples: Vec<u8> =
            music.samples.iter().step_by(step).map(|sample| g711::alaw_encode(*sample)).collect();
        let mut ear = ear();
        for (n, frame) in samples.chunks_exact(160).enumerate() {
            hear(&mut ear, ms(20 * n as u64), n as u16, 1, frame);
        }
        let hearing = ear.hearing();
        assert!(hearing.certain_tones().is_empty(), "{:?}", hearing.tones);
        assert!(hearing.time_of(Sound::Other, ms(1_000_000)) > Duration::from_secs(5));
    }
}
