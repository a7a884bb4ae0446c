//! What a party says and hears: tones whose periods fit a frame of 20 ms, found again by Goertzel's filter.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;
use strowger::clock::Instant;
use strowger::codec::g711;
use strowger::codec::tone::{Sine, dominant, rms};
use strowger::media::Sounds;
use strowger::sdp::Codec;

/// The tone that is the hold music.
pub const MUSIC_HZ: u32 = 1000;
/// The tone of the class `jazz`.
pub const JAZZ_HZ: u32 = 300;
/// The French ringing tone, 10 Hz from the first voice.
pub const RINGBACK_HZ: u32 = 440;
/// Samples in a frame.
pub const FRAME: usize = 160;
/// The length of a frame.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// What is heard in one frame.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    Silence,
    Tone(u32),
    Other,
}

/// The tone of a phone that rings.
pub const RINGBACK: Sound = Sound::Tone(RINGBACK_HZ);

/// Hold music.
pub const MUSIC: Sound = Sound::Tone(MUSIC_HZ);

/// The voice of the n-th leg in a world: tones apart from each other, from the music, and all multiples of 50 Hz.
pub fn voice_hz(number: usize) -> u32 {
    450 + 100 * (number % 30) as u32
}

/// One frame of a voice.
pub fn frame(hz: u32, codec: &Codec) -> [u8; FRAME] {
    let mut sine = Sine::new(hz, 8000, 9000);
    let encode = if *codec == Codec::Pcma { g711::alaw_encode } else { g711::ulaw_encode };
    std::array::from_fn(|_| encode(sine.next_sample()))
}

/// The switch's own sounds: a tone for each class of music. Made once, as every world has the same.
pub fn sounds() -> Sounds {
    static SOUNDS: OnceLock<Sounds> = OnceLock::new();
    let make = || {
        let tone = |hz| {
            let mut wave = vec![0; 8000];
            Sine::new(hz, 8000, 9000).fill(&mut wave);
            wave
        };
        let (music, jazz) = (tone(MUSIC_HZ), tone(JAZZ_HZ));
        let mut prompts: Vec<(&str, Vec<i16>)> =
            PROMPTS.iter().map(|(name, hz)| (*name, tone(*hz))).collect();
        for (name, wave) in &mut prompts {
            if name.starts_with("digits/") {
                wave.truncate(3200);
            }
        }
        let prompts: Vec<(&str, &[i16])> =
            prompts.iter().map(|(name, wave)| (*name, wave.as_slice())).collect();
        Sounds::from_samples(&prompts, &[("default", &music), ("jazz", &jazz)])
    };
    SOUNDS.get_or_init(make).clone()
}

/// The switch's prompts, each a tone of its own between the voices', a second long; digits are shorter.
const PROMPTS: [(&str, u32); 23] = [
    ("welcome", 400),
    ("pbx-invalid", 500),
    ("agent-loginok", 600),
    ("agent-loggedoff", 700),
    ("agent-paused", 800),
    ("agent-ready", 900),
    ("do-not-disturb", 1100),
    ("activated", 1200),
    ("de-activated", 1300),
    ("vm-extension", 1400),
    ("digits/0", 1500),
    ("digits/1", 1600),
    ("digits/2", 1700),
    ("demo-echotest", 1800),
    ("queue-callswaiting", 1900),
    ("call-fwd-unconditional", 2000),
    ("call-fwd-on-busy", 2100),
    ("call-fwd-no-ans", 2200),
    ("all-circuits-busy-now", 2300),
    ("ss-noservice", 2400),
    ("vm-goodbye", 2500),
    ("digits/3", 2600),
    ("this-call-may-be-recorded", 2700),
];

/// The sound of a prompt.
pub fn prompt(name: &str) -> Sound {
    let hz = PROMPTS.iter().find(|(known, _)| *known == name).map(|(_, hz)| *hz);
    Sound::Tone(hz.unwrap_or_else(|| panic!("no prompt {name}")))
}

/// Recognizes frames. Every frame is judged for itself, so that losses do not turn the phase; equal frames once.
#[derive(Default)]
pub struct Ear {
    known: HashMap<(bool, Vec<u8>), Sound>,
    /// The last frame: as a rule the next one is the same.
    last: Option<(bool, Vec<u8>, Sound)>,
}

impl Ear {
    pub fn recognize(&mut self, is_alaw: bool, payload: &[u8]) -> Sound {
        if let Some((was_alaw, last, sound)) = &self.last
            && *was_alaw == is_alaw
            && last == payload
        {
            return *sound;
        }
        let sound = self.look_up(is_alaw, payload);
        self.last = Some((is_alaw, payload.to_vec(), sound));
        sound
    }

    fn look_up(&mut self, is_alaw: bool, payload: &[u8]) -> Sound {
        if let Some(sound) = self.known.get(&(is_alaw, payload.to_vec())) {
            return *sound;
        }
        let decode = if is_alaw { g711::alaw_decode } else { g711::ulaw_decode };
        let samples: Vec<i16> = payload.iter().map(|byte| decode(*byte)).collect();
        let mut tones: Vec<u32> = (0..30).map(voice_hz).collect();
        tones.extend([MUSIC_HZ, JAZZ_HZ, RINGBACK_HZ]);
        tones.extend(PROMPTS.iter().map(|(_, hz)| *hz));
        let sound = match dominant(&samples, 8000, &tones) {
            Some(hz) => Sound::Tone(hz),
            None if rms(&samples) < 32.0 => Sound::Silence,
            None => Sound::Other,
        };
        if self.known.len() < 4096 {
            self.known.insert((is_alaw, payload.to_vec()), sound);
        }
        sound
    }
}

/// What one leg has heard, in stretches of one sound.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub stretches: Vec<Stretch>,
    pub packets: u64,
    pub last_at: Option<Instant>,
}

#[derive(Copy, Clone, Debug)]
pub struct Stretch {
    pub sound: Sound,
    pub from: Instant,
    pub to: Instant,
    pub packets: u32,
}

impl Heard {
    pub fn note(&mut self, at: Instant, sound: Sound) {
        self.packets += 1;
        self.last_at = Some(at);
        match self.stretches.last_mut() {
            // After a pause of a second the same sound is another stretch: a window must not take the pause for it.
            Some(last) if last.sound == sound && at.since(last.to) < Duration::from_secs(1) => {
                last.to = at;
                last.packets += 1;
            }
            _ => self.stretches.push(Stretch { sound, from: at, to: at, packets: 1 }),
        }
    }

    /// How long each of these was heard between two moments.
    pub fn time_of(&self, sound: Sound, from: Instant, to: Instant) -> Duration {
        let within =
            self.stretches.iter().filter(|one| one.sound == sound && one.to >= from && one.from <= to);
        within.map(|one| (one.to + FRAME_TIME).min(to).since(one.from.max(from))).sum()
    }

    /// When that sound was first heard from a moment on.
    pub fn first(&self, sound: Sound, from: Instant) -> Option<Instant> {
        let later = self.stretches.iter().find(|one| one.sound == sound && one.to >= from)?;
        Some(later.from.max(from))
    }

    /// When that sound was last heard.
    pub fn last(&self, sound: Sound) -> Option<Instant> {
        self.stretches.iter().rev().find(|one| one.sound == sound).map(|one| one.to)
    }

    /// All tones but silence and what is neither.
    pub fn tones(&self) -> Vec<u32> {
        let mut tones: Vec<u32> = self
            .stretches
            .iter()
            .filter_map(|one| match one.sound {
                Sound::Tone(hz) => Some(hz),
                Sound::Silence | Sound::Other => None,
            })
            .collect();
        tones.sort_unstable();
        tones.dedup();
        tones
    }
}
