//! What is being played to one leg: a place in shared sounds. Music loops, prompts end.
//!
//! Not the clock: the owner asks for the next frame when it is due.

use crate::codec::g711::ALAW_SILENCE;
use crate::codec::g711::ULAW_SILENCE;
use crate::media::command::Codec;
use crate::media::sounds::Sound;
use std::collections::VecDeque;
use std::sync::Arc;

/// A player in the middle of its sounds.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    once: VecDeque<Arc<Sound>>,
    looped: Option<Arc<Sound>>,
    at: usize,
}

/// What a frame brought.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Played {
    /// Sound; more follows.
    More,
    /// Sound; with this frame the last prompt has ended, and nothing follows.
    Last,
}

impl Player {
    /// Plays a sound for ever, from sample `at` (taken round).
    pub(crate) fn looped(sound: Arc<Sound>, at: u64) -> Self {
        let length = sound.samples().max(1) as u64;
        let looped = (sound.samples() > 0).then_some(sound);
        Self { once: VecDeque::new(), at: (at % length) as usize, looped }
    }

    /// Plays prompts once, one after the other.
    pub(crate) fn prompts(sounds: impl IntoIterator<Item = Arc<Sound>>) -> Self {
        let once = sounds.into_iter().filter(|sound| sound.samples() > 0).collect();
        Self { once, looped: None, at: 0 }
    }

    /// Whether nothing is left to play.
    pub(crate) fn is_done(&self) -> bool {
        self.looped.is_none() && self.once.is_empty()
    }

    /// Appends the next frame of `samples` bytes; silence fills it up after the last prompt.
    pub(crate) fn frame(&mut self, codec: Codec, samples: usize, out: &mut Vec<u8>) -> Played {
        let mut missing = samples;
        while missing > 0 {
            let Some(sound) = self.once.front().or(self.looped.as_ref()) else {
                silence(codec, missing, out);
                break;
            };
            let rest = sound.bytes(codec).get(self.at..).unwrap_or_default();
            let piece = rest.get(..missing).unwrap_or(rest);
            out.extend_from_slice(piece);
            missing -= piece.len();
            self.at += piece.len();
            if self.at >= sound.samples() {
                self.at = 0;
                self.once.pop_front();
            }
        }
        if self.is_done() { Played::Last } else { Played::More }
    }

    /// Leaves out so many samples, because the worker was late.
    pub(crate) fn skip(&mut self, samples: usize) {
        self.at += samples;
        while let Some(sound) = self.once.front().or(self.looped.as_ref()) {
            let length = sound.samples().max(1);
            if self.at < length {
                return;
            }
            if self.once.pop_front().is_some() {
                self.at -= length;
            } else {
                self.at %= length;
            }
        }
        self.at = 0;
    }
}

/// Appends encoded silence.
pub(crate) fn silence(codec: Codec, samples: usize, out: &mut Vec<u8>) {
    let byte = match codec {
        Codec::Pcmu => ULAW_SILENCE,
        Codec::Pcma => ALAW_SILENCE,
    };
    out.extend(std::iter::repeat_n(byte, samples));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::ulaw_decode;

    fn sound(level: i16, samples: usize) -> Arc<Sound> {
        Arc::new(Sound::from_samples(&vec![level; samples]))
    }

    fn levels(player: &mut Player, samples: usize) -> (Vec<i16>, Played) {
        let mut out = Vec::new();
        let played = player.frame(Codec::Pcmu, samples, &mut out);
        assert_eq!(out.len(), samples);
        (out.into_iter().map(|byte| ulaw_decode(byte) / 1000).collect(), played)
    }

    #[test]
    fn music_goes_round_from_where_its_class_is() {
        let mut samples = vec![1100; 160];
        samples.extend([2200; 160]);
        let mut player = Player::looped(Arc::new(Sound::from_samples(&samples)), 320 * 7 + 240);
        let (heard, played) = levels(&mut player, 160);
        assert_eq!((heard[0], heard[79], heard[80], heard[159]), (2, 2, 1, 1));
        assert_eq!(played, Played::More);
        player.skip(320 * 5 + 160);
        assert_eq!(levels(&mut player, 80).0[0], 2);
    }

    #[test]
    fn prompts_follow_each_other_and_end() {
        let mut player = Player::prompts([sound(1100, 160), sound(0, 0), sound(2200, 160)]);
        assert_eq!(levels(&mut player, 240).1, Played::More);
        let (heard, played) = levels(&mut player, 240);
        assert_eq!((heard[0], heard[79], heard[80], played), (2, 2, 0, Played::Last));
        assert!(Player::prompts([]).is_done());
        let mut late = Player::prompts([sound(1100, 160), sound(2200, 160)]);
        late.skip(170);
        assert_eq!(levels(&mut late, 10).0[0], 2);
        late.skip(1000);
        assert!(late.is_done());
    }
}
