//! What one party heard in one call: the packets' figures, and which sounds when.
//!
//! A result, not a measuring device: `ear` makes it. Whether it is good is for the script to judge.

use crate::clock::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// A tone that is heard for less in all is chance.
pub const TONE_CERTAIN: Duration = Duration::from_millis(240);

/// How closely a party listens.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ears {
    /// Counts packets only.
    Counting,
    /// Decodes G.711 and looks for tones.
    Full,
}

/// One kind of sound in a window of time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    /// Below -60 dBFS.
    Silence,
    /// One tone of so many Hz makes up most of it.
    Tone(u32),
    /// Music, speech, or several tones at once.
    Other,
}

/// A stretch of one sound.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which.
    pub sound: Sound,
    /// Arrival of its first packet.
    pub from: Instant,
    /// Arrival of its last packet.
    pub to: Instant,
}

/// One tone over a whole call, also when it was heard through others.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ToneHeard {
    /// First heard.
    pub from: Instant,
    /// Last heard.
    pub to: Instant,
    /// Time in which it was there: at least a fifth of the energy. Chords of music reach that too.
    pub total: Duration,
    /// Time in which it was nearly all that there was: no music does that.
    pub alone: Duration,
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hearing {
    /// Packets that came, doubles included.
    pub packets: u64,
    /// Packets that are missing by their sequence numbers.
    pub lost: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub late: u64,
    /// Datagrams that are not RTP.
    pub malformed: u64,
    /// RFC 3550 interarrival jitter at the end.
    pub jitter: Duration,
    /// The longest time between two packets.
    pub gap_max: Duration,
    /// Changes of the synchronisation source.
    pub ssrc_changes: u32,
    /// From the answer to the first packet after it.
    pub first_after_answer: Option<Duration>,
    /// The tones, by their frequency in Hz.
    pub tones: BTreeMap<u32, ToneHeard>,
    /// What was heard when, in order; the first 256 stretches.
    pub stretches: Vec<Stretch>,
}

impl Hearing {
    /// Whether that tone was heard for certain, by itself.
    pub fn has_tone(&self, frequency_hz: u32) -> bool {
        self.tones.get(&frequency_hz).is_some_and(|tone| tone.alone >= TONE_CERTAIN)
    }

    /// All tones that were heard for certain, by themselves.
    pub fn certain_tones(&self) -> Vec<u32> {
        self.tones.iter().filter(|(_, tone)| tone.alone >= TONE_CERTAIN).map(|(hz, _)| *hz).collect()
    }

    /// How long a kind of sound was heard before `until`.
    pub fn time_of(&self, sound: Sound, until: Instant) -> Duration {
        let heard = self.stretches.iter().filter(|stretch| stretch.sound == sound);
        heard.map(|stretch| stretch.to.min(until).since(stretch.from)).sum()
    }
}
