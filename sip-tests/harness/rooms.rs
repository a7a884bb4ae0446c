//! The tone matrix of more than two: one speaks at a time, and we look who hears him.

use super::sound::Sound;
use super::world::{Line, World};
use std::time::Duration;

impl World {
    /// Has one of the lines speak alone; those of the others that hear him. Nobody may hear anybody else of them.
    pub fn heard_by(&mut self, speaker: Line, all: &[Line]) -> Vec<Line> {
        for line in all {
            self.call_mut(*line).mute = *line != speaker;
        }
        let settle = if self.is_clean() { 400 } else { 2500 };
        self.run(Duration::from_millis(settle));
        let from = self.now;
        self.run(Duration::from_millis(800));
        let span = self.now.since(from);
        let mut listeners = Vec::new();
        for line in all {
            let time = |sound: Sound| self.call(*line).heard.time_of(sound, from, self.now);
            if time(self.voice(speaker)) > span / 2 {
                listeners.push(*line);
            } else if time(self.voice(speaker)) > span / 10 {
                self.fail("a voice is heard by half");
            }
            for other in all.iter().filter(|other| **other != speaker) {
                self.check(time(self.voice(*other)) < span / 10, "somebody mute is heard");
            }
        }
        for line in all {
            self.call_mut(*line).mute = false;
        }
        listeners
    }

    /// Each of them hears all the others and not himself.
    pub fn all_hear_each_other(&mut self, all: &[Line]) {
        for speaker in all {
            let others: Vec<Line> = all.iter().copied().filter(|line| line != speaker).collect();
            let heard = self.heard_by(*speaker, all);
            self.check(heard == others, &format!("{speaker:?} is heard by {heard:?}"));
        }
    }
}
