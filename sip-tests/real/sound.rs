//! Judging what was heard. All sound here is 8 kHz, one channel.

use strowger::codec::tone;

pub const RATE_HZ: u32 = 8000;
/// 200 ms: the window in which a tone is looked for.
const WINDOW: usize = 1600;
/// A pure tone through G.711 keeps more than this of its energy at its frequency.
const PURE: f64 = 0.9;
/// Louder than this is not silence.
const RMS_MIN: f64 = 100.0;

/// Whether the tone alone is heard in a window.
fn is_tone(window: &[i16], frequency_hz: u32) -> bool {
    tone::rms(window) > RMS_MIN && tone::goertzel(window, RATE_HZ, frequency_hz) > PURE
}

/// Whether the tone, and nothing else, is heard at the end of what was heard so far.
pub fn ends_with(samples: &[i16], frequency_hz: u32) -> bool {
    samples.len() >= WINDOW && is_tone(&samples[samples.len() - WINDOW..], frequency_hz)
}

/// How many windows hold the tone.
pub fn windows_of(samples: &[i16], frequency_hz: u32) -> usize {
    samples.chunks_exact(WINDOW).filter(|window| is_tone(window, frequency_hz)).count()
}

/// Whether somewhere in these samples something is heard that is neither silence nor one of those tones.
pub fn has_other_than(samples: &[i16], frequencies_hz: &[u32]) -> bool {
    let other = |window: &[i16]| {
        tone::rms(window) > RMS_MIN
            && frequencies_hz.iter().all(|hz| tone::goertzel(window, RATE_HZ, *hz) < 0.5)
    };
    samples.chunks_exact(WINDOW).any(other)
}

/// For a failure's message.
pub fn describe(samples: &[i16], frequencies_hz: &[u32]) -> String {
    let last = &samples[samples.len().saturating_sub(WINDOW)..];
    let shares: Vec<_> = frequencies_hz
        .iter()
        .map(|hz| format!("{hz} Hz {:.2}", tone::goertzel(last, RATE_HZ, *hz)))
        .collect();
    format!("{} samples, at the end {:.0} rms, {}", samples.len(), tone::rms(last), shares.join(", "))
}
