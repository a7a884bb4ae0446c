//! The sound of a room: who hears whom how loud, and each listener's mix for one slot of 20 ms.
//!
//! ```text
//!  frames of the parties ──► gain matrix g[from][to] ──► (announcement over it) ──► limiter ──► mixes
//! ```
//! A mix is made once for all who hear the same: in a room of many listeners and one speaker there are two. Pure: no packets,
//! no codecs, no clock; `room` feeds it and encodes what comes out.

use crate::media::limiter::Limiter;

/// Samples of a slot: 20 ms at 8 kHz.
pub(crate) const SLOT_SAMPLES: usize = 160;
/// A frame whose samples are all within this is silence: what A-law calls 0 is 8.
const SILENCE: u16 = 8;
/// How loud the others are while an announcement is played over them: 12 dB less.
const DUCKED: f32 = 0.25;
/// How much the others are turned down, or up again, in a slot: 100 ms from end to end.
const DUCK_STEP: f32 = (1.0 - DUCKED) / 5.0;

/// The samples of a slot.
pub(crate) type Frame = [i16; SLOT_SAMPLES];

/// How loud one party is to another: 256 is as he is, 0 not at all.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Gain(pub(crate) u16);

impl Gain {
    /// As he is.
    pub(crate) const PLAIN: Self = Self(256);
    /// Not at all.
    pub(crate) const OFF: Self = Self(0);
}

/// One party's place in the room.
#[derive(Clone, Debug)]
struct Seat {
    taken: bool,
    frame: Frame,
    /// He is known to say nothing in the next slot.
    mute: bool,
    speaks: bool,
    listens: bool,
    /// Which of the slot's mixes he hears.
    mix: Option<usize>,
    limiter: Limiter,
}

/// One mix of a slot, and what it is made of.
#[derive(Clone, Debug)]
struct Mix {
    column: Vec<(usize, Gain)>,
    before: Limiter,
    after: Limiter,
    frame: Frame,
    silent: bool,
}

/// The mixer of one room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mixer {
    seats: Vec<Seat>,
    /// A row for each seat: how loud it is to each other one.
    gains: Vec<Vec<Gain>>,
    mixes: Vec<Mix>,
    used: usize,
    announcement: Option<Box<Frame>>,
    /// How far the others were turned down at the end of the last slot: 0 not at all, 1 all the way.
    ducked: f32,
    column: Vec<(usize, Gain)>,
}

impl Mixer {
    /// A party comes in; nobody hears him and he hears nobody until it is said.
    pub(crate) fn sit(&mut self) -> usize {
        let seat = match self.seats.iter().position(|seat| !seat.taken) {
            Some(free) => free,
            None => {
                self.seats.push(Seat {
                    taken: false,
                    frame: [0; SLOT_SAMPLES],
                    mute: true,
                    speaks: false,
                    listens: false,
                    mix: None,
                    limiter: Limiter::default(),
                });
                self.gains.push(Vec::new());
                self.seats.len() - 1
            }
        };
        let count = self.seats.len();
        for row in &mut self.gains {
            row.resize(count, Gain::OFF);
            if let Some(cell) = row.get_mut(seat) {
                *cell = Gain::OFF;
            }
        }
        if let Some(row) = self.gains.get_mut(seat) {
            row.fill(Gain::OFF);
        }
        if let Some(place) = self.seats.get_mut(seat) {
            (place.taken, place.speaks, place.listens, place.mix) = (true, false, false, None);
            place.limiter = Limiter::default();
        }
        seat
    }

    /// A party leaves.
    pub(crate) fn stand(&mut self, seat: usize) {
        if let Some(place) = self.seats.get_mut(seat) {
            (place.taken, place.speaks, place.listens) = (false, false, false);
        }
    }

    /// How loud `from` is to `to` from the next slot on. A party never hears himself.
    pub(crate) fn set(&mut self, from: usize, to: usize, gain: Gain) {
        let gain = if from == to { Gain::OFF } else { gain };
        if let Some(cell) = self.gains.get_mut(from).and_then(|row| row.get_mut(to)) {
            *cell = gain;
        }
    }

    /// Whether a mix is wanted for a party.
    pub(crate) fn listens(&mut self, seat: usize, listens: bool) {
        if let Some(place) = self.seats.get_mut(seat) {
            place.listens = listens;
        }
    }

    /// What a party says in the next slot: written over by `say`, unless that says that he says nothing.
    pub(crate) fn say(&mut self, seat: usize, say: impl FnOnce(&mut Frame) -> bool) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.mute = !say(&mut seat.frame);
        }
    }

    /// What is played to all over their conversation in the next slot.
    pub(crate) fn announce(&mut self, frame: Frame) {
        self.announcement = Some(Box::new(frame));
    }

    /// Makes the mixes of a slot from the frames that were written.
    pub(crate) fn mix(&mut self) {
        self.used = 0;
        for seat in self.seats.iter_mut().filter(|seat| seat.taken) {
            seat.speaks = !seat.mute && seat.frame.iter().any(|sample| sample.unsigned_abs() > SILENCE);
        }
        let ducked = (self.ducked, self.ducking());
        for listener in 0..self.seats.len() {
            let before = match self.seats.get(listener) {
                Some(seat) if seat.taken && seat.listens => seat.limiter,
                _ => continue,
            };
            self.write_column(listener);
            let found = self
                .mixes
                .iter()
                .take(self.used)
                .position(|mix| mix.before == before && mix.column == self.column);
            let mix = found.unwrap_or_else(|| self.make(before, ducked));
            let after = self.mixes.get(mix).map_or(before, |mix| mix.after);
            if let Some(seat) = self.seats.get_mut(listener) {
                (seat.mix, seat.limiter) = (Some(mix), after);
            }
        }
        self.ducked = ducked.1;
        self.announcement = None;
    }

    /// The number of a party's mix among those of the slot, the mix, and whether it is nothing but silence.
    pub(crate) fn heard_by(&self, seat: usize) -> Option<(usize, &Frame, bool)> {
        let mix = self.seats.get(seat)?.mix?;
        self.mixes.get(mix).map(|found| (mix, &found.frame, found.silent))
    }

    /// How many different mixes the slot has.
    #[cfg(test)]
    const fn mixes(&self) -> usize {
        self.used
    }

    fn ducking(&self) -> f32 {
        let step = DUCK_STEP / (1.0 - DUCKED);
        if self.announcement.is_some() {
            (self.ducked + step).min(1.0)
        } else {
            (self.ducked - step).max(0.0)
        }
    }

    /// Whom a listener hears in this slot: those who are not silent.
    fn write_column(&mut self, listener: usize) {
        self.column.clear();
        for (from, (seat, row)) in self.seats.iter().zip(&self.gains).enumerate() {
            let gain = row.get(listener).copied().unwrap_or(Gain::OFF);
            if seat.taken && seat.speaks && gain != Gain::OFF && from != listener {
                self.column.push((from, gain));
            }
        }
    }

    fn make(&mut self, before: Limiter, ducked: (f32, f32)) -> usize {
        if self.column.is_empty() && self.announcement.is_none() && before == Limiter::default() {
            return self.keep(before, before, None);
        }
        let mut sum = [0i32; SLOT_SAMPLES];
        for (from, gain) in &self.column {
            let Some(seat) = self.seats.get(*from) else { continue };
            add(&mut sum, &seat.frame, *gain);
        }
        if ducked != (0.0, 0.0) {
            duck(&mut sum, ducked);
        }
        if let Some(frame) = &self.announcement {
            add(&mut sum, frame, Gain::PLAIN);
        }
        let (mut after, mut frame) = (before, [0; SLOT_SAMPLES]);
        after.limit(&sum, &mut frame);
        self.keep(before, after, Some(&frame))
    }

    /// Puts a mix among those of the slot; `None` is silence.
    fn keep(&mut self, before: Limiter, after: Limiter, frame: Option<&Frame>) -> usize {
        let silent = frame.is_none();
        if self.mixes.len() == self.used {
            let frame = [0; SLOT_SAMPLES];
            self.mixes.push(Mix { column: Vec::new(), before, after, frame, silent });
        }
        let index = self.used;
        if let Some(mix) = self.mixes.get_mut(index) {
            mix.column.clone_from(&self.column);
            if let Some(frame) = frame {
                mix.frame = *frame;
            } else if !mix.silent {
                mix.frame.fill(0);
            }
            (mix.before, mix.after, mix.silent) = (before, after, silent);
        }
        self.used += 1;
        index
    }
}

fn add(sum: &mut [i32; SLOT_SAMPLES], frame: &Frame, gain: Gain) {
    if gain == Gain::PLAIN {
        for (place, sample) in sum.iter_mut().zip(frame) {
            *place += i32::from(*sample);
        }
    } else {
        for (place, sample) in sum.iter_mut().zip(frame) {
            *place += (i32::from(*sample) * i32::from(gain.0)) >> 8;
        }
    }
}

fn duck(sum: &mut [i32; SLOT_SAMPLES], (from, to): (f32, f32)) {
    for (index, place) in sum.iter_mut().enumerate() {
        let way = from + (to - from) * (index as f32 / SLOT_SAMPLES as f32);
        *place = (*place as f32 * (1.0 - (1.0 - DUCKED) * way)) as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use std::collections::BTreeSet;

    /// A room in which each party speaks a tone of his own.
    struct Room {
        mixer: Mixer,
        tones: Vec<Sine>,
        heard: Vec<Vec<i16>>,
    }

    const TONES: [u32; 4] = [400, 700, 1000, 1300];

    impl Room {
        fn of(count: usize, amplitude: i16) -> Self {
            let mut mixer = Mixer::default();
            for _ in 0..count {
                let seat = mixer.sit();
                mixer.listens(seat, true);
            }
            for from in 0..count {
                (0..count).for_each(|to| mixer.set(from, to, Gain::PLAIN));
            }
            let tones = (0..count).map(|n| Sine::new(TONES[n % 4], 8000, amplitude)).collect();
            Self { mixer, tones, heard: vec![Vec::new(); count] }
        }

        fn slot(&mut self) {
            for (seat, tone) in self.tones.iter_mut().enumerate() {
                self.mixer.say(seat, |frame| {
                    tone.fill(frame);
                    true
                });
            }
            self.mixer.mix();
            for (seat, heard) in self.heard.iter_mut().enumerate() {
                if let Some((_, frame, _)) = self.mixer.heard_by(seat) {
                    heard.extend(frame);
                }
            }
        }

        fn slots(&mut self, count: usize) {
            self.heard.iter_mut().for_each(Vec::clear);
            (0..count).for_each(|_| self.slot());
        }

        /// The tones in what a party hears, each with a share of the energy that a voice would have.
        fn hears(&self, seat: usize) -> BTreeSet<u32> {
            let loud = |hz: &u32| goertzel(&self.heard[seat], 8000, *hz) > 0.05;
            TONES.into_iter().filter(loud).collect()
        }
    }

    #[test]
    fn each_hears_all_others_and_not_himself() {
        for count in [2, 3, 4] {
            let mut room = Room::of(count, 6000);
            room.slots(20);
            for seat in 0..count {
                let others: BTreeSet<u32> = (0..count).filter(|n| *n != seat).map(|n| TONES[n]).collect();
                assert_eq!(room.hears(seat), others);
            }
        }
    }

    #[test]
    fn a_whisper_is_one_cell_of_the_matrix() {
        // Customer 0, agent 1, supervisor 2.
        let mut room = Room::of(3, 6000);
        room.mixer.set(2, 0, Gain::OFF);
        room.slots(20);
        assert_eq!(room.hears(0), BTreeSet::from([700]));
        assert_eq!(room.hears(1), BTreeSet::from([400, 1000]));
        assert_eq!(room.hears(2), BTreeSet::from([400, 700]));
        room.mixer.set(2, 1, Gain::OFF);
        room.slots(20);
        assert_eq!(room.hears(1), BTreeSet::from([400]), "he only listens now");
    }

    #[test]
    fn who_hears_the_same_shares_a_mix_and_silent_parties_make_none() {
        let mut room = Room::of(20, 6000);
        room.tones.iter_mut().skip(1).for_each(|tone| *tone = Sine::new(1, 0, 0));
        room.slots(5);
        assert_eq!(room.mixer.mixes(), 2, "the speaker's silence, and his voice for nineteen");
        assert_eq!(room.hears(7), BTreeSet::from([400]));
        assert!(room.heard[0].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn gains_are_gains() {
        let mut room = Room::of(2, 8000);
        room.mixer.set(0, 1, Gain(128));
        room.slots(5);
        let loudest = |seat: usize| room.heard[seat].iter().copied().max().unwrap();
        assert!((3990..=4000).contains(&loudest(1)), "{}", loudest(1));
        assert!((7990..=8000).contains(&loudest(0)));
    }

    #[test]
    fn four_loud_voices_do_not_clip() {
        let mut room = Room::of(4, 30_000);
        room.slots(100);
        for seat in 0..4 {
            let heard = &room.heard[seat][800..];
            assert!(heard.iter().all(|sample| sample.unsigned_abs() < 32_767));
            let clean: f64 = TONES.iter().map(|hz| goertzel(heard, 8000, *hz)).sum();
            assert!(clean > 0.98, "what is not a voice is distortion: {clean}");
        }
    }

    #[test]
    fn an_announcement_is_over_the_others_who_are_turned_down_without_a_click() {
        let mut room = Room::of(2, 8000);
        room.slots(10);
        let loud = room.heard[0].iter().copied().max().unwrap();
        room.heard[0].clear();
        let mut announcement = Sine::new(1300, 8000, 8000);
        for _ in 0..20 {
            let mut frame = [0; SLOT_SAMPLES];
            announcement.fill(&mut frame);
            room.mixer.announce(frame);
            room.slot();
        }
        let heard = &room.heard[0][1600..];
        let (other, over) = (goertzel(heard, 8000, 700), goertzel(heard, 8000, 1300));
        assert!(over > 0.9 && (0.03..0.1).contains(&other), "{over} {other}");
        room.slots(10);
        let back = room.heard[0][800..].iter().copied().max().unwrap();
        assert!(back >= loud - 10, "{back} {loud}");
        let steps = room.heard[0].windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        assert!(steps.max() <= Some(4600), "the steepest of 700 Hz");
    }

    #[test]
    fn a_seat_that_is_taken_again_knows_nothing_of_its_last_owner() {
        let mut room = Room::of(3, 6000);
        room.mixer.stand(1);
        room.slots(5);
        assert_eq!(room.hears(0), BTreeSet::from([1000]));
        assert_eq!(room.mixer.sit(), 1);
        room.mixer.listens(1, true);
        room.slots(5);
        assert_eq!((room.hears(0), room.hears(1)), (BTreeSet::from([1000]), BTreeSet::new()));
    }
}
