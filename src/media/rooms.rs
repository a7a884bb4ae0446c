//! All rooms of a worker, and the clock that says whose slot it is.
//!
//! A room is there while it has parties. Phases are dealt out evenly, so that a thousand rooms are fifty in every
//! millisecond.

use crate::clock::Instant;
use crate::media::command::RoomKey;
use crate::media::room::Room;
use crate::media::room::SLOT_MS;
use crate::media::wheel::Entry;
use crate::media::wheel::Wheel;
use std::collections::HashMap;

/// The rooms of one worker.
#[derive(Debug)]
pub(crate) struct Rooms {
    rooms: Vec<Option<(u32, Box<Room>)>>,
    free: Vec<usize>,
    keys: HashMap<RoomKey, usize>,
    wheel: Wheel,
    due: Vec<Entry>,
    due_ms: u64,
    generation: u32,
    /// Voices are brought to a common level.
    pub(crate) level: bool,
}

impl Rooms {
    /// No rooms.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            rooms: Vec::new(),
            free: Vec::new(),
            keys: HashMap::new(),
            wheel: Wheel::new(now_ms),
            due: Vec::new(),
            due_ms: 0,
            generation: 0,
            level: false,
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// The place of the room of that name, which is opened where there is none.
    pub(crate) fn open(&mut self, now: Instant, key: RoomKey) -> usize {
        if let Some(place) = self.keys.get(&key) {
            return *place;
        }
        let place = self.free.pop().unwrap_or(self.rooms.len());
        if place == self.rooms.len() {
            self.rooms.push(None);
        }
        self.generation = self.generation.wrapping_add(1);
        let phase = u64::from(self.generation) % SLOT_MS;
        let at_ms = self.wheel.next_with_phase(now.as_micros() / 1000, phase, SLOT_MS);
        if let Some(room) = self.rooms.get_mut(place) {
            *room = Some((self.generation, Box::new(Room::new(key, at_ms, self.level))));
        }
        self.wheel.insert(at_ms, Entry { pair: place as u32, generation: self.generation });
        self.keys.insert(key, place);
        place
    }

    /// The place of the room of that name.
    pub(crate) fn place(&self, key: RoomKey) -> Option<usize> {
        self.keys.get(&key).copied()
    }

    /// A room by its place.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Room> {
        self.rooms.get_mut(place)?.as_mut().map(|(_, room)| &mut **room)
    }

    /// Closes a room that nobody is in.
    pub(crate) fn close_if_empty(&mut self, place: usize) {
        let Some(held) = self.rooms.get_mut(place) else { return };
        if held.as_ref().is_some_and(|(_, room)| room.is_empty())
            && let Some((_, room)) = held.take()
        {
            self.keys.remove(&room.key);
            self.free.push(place);
        }
    }

    /// The next room whose slot is due, the millisecond that it was due at, and how many slots before it were missed. Its
    /// next slot is set.
    pub(crate) fn take_due(&mut self, now_ms: u64) -> Option<(usize, u64, u64)> {
        loop {
            while let Some(entry) = self.due.pop() {
                let (place, due_ms) = (entry.pair as usize, self.due_ms);
                let Some(Some((generation, room))) = self.rooms.get_mut(place) else { continue };
                if *generation != entry.generation || room.at_ms > due_ms {
                    continue;
                }
                let missed = (due_ms - room.at_ms) / SLOT_MS;
                room.at_ms += (missed + 1) * SLOT_MS;
                self.wheel.insert(room.at_ms, entry);
                return Some((place, due_ms, missed));
            }
            self.due_ms = self.wheel.take_due(now_ms, &mut self.due)?;
        }
    }

    /// When the next slot is.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.due.is_empty() {
            return Some(Instant::default());
        }
        self.wheel.next_ms().map(|ms| Instant::from_micros(ms * 1000))
    }
}
