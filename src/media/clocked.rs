//! The core's third mode: legs that hear a room, and how they come there from what they heard before, and back.
//!
//! ```text
//!  Hear(Room) ──► Entering: is heard in the room, hears still what he heard
//!                    │ a slot at which the room hears whom he heard
//!                    ▼
//!                 Inside: hears the room
//!                    │ Hear(Leg)                         │ Hear(anything else)
//!                    ▼                                   ▼
//!                 Leaving: hears the room until the      out at once; music goes on at the room's phase
//!                    first packet of whom he is to hear
//! ```
//! So no change leaves a hole of more than a slot, and each is faded over what was sent before it.

use crate::clock::Instant;
use crate::media::command::Event;
use crate::media::command::HeardBy;
use crate::media::command::LegKey;
use crate::media::command::RoomKey;
use crate::media::command::Source;
use crate::media::ingress::Heard;
use crate::media::leg::Hears;
use crate::media::outputs::Outputs;
use crate::media::player::Player;
use crate::media::relay::Kind;
use crate::media::room::SLOT_MS;
use crate::media::session::Core;
use crate::media::session::leg_mut;
use crate::media::session::leg_ref;
use crate::rtp::SAMPLE_MICROS;
use std::time::Duration;

/// A party who enters hears what he heard for so long at most: those whom he hears may be silent.
const ENTERING_MAX: Duration = Duration::from_millis(120);
/// A party who leaves hears the room for so long at most.
const LEAVING_MAX: Duration = Duration::from_millis(60);
/// A source that sent nothing for longer than a frame and a bit is not one to wait for.
const QUIET_AFTER: Duration = Duration::from_millis(25);

/// A leg's place in a room.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seat {
    /// Where the room is.
    room: usize,
    /// Which seat.
    seat: usize,
    phase: Phase,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Phase {
    Entering { since: Instant },
    Inside,
    Leaving { until: Instant },
}

impl Seat {
    /// Whether the party was told to hear something else.
    pub(crate) const fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }
}

impl Core {
    /// A leg is to hear a room.
    pub(in crate::media) fn enter_room(
        &mut self,
        now: Instant,
        pair: u32,
        room: RoomKey,
        heard_by: &HeardBy,
    ) {
        let place = self.rooms.open(now, room);
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        leg.source = Source::Room { room, heard_by: heard_by.clone() };
        let sits = leg.seat.filter(|seat| seat.room == place);
        match sits {
            Some(seat) => {
                if let Some(room) = self.rooms.at(place) {
                    room.heard_by(seat.seat, heard_by.clone());
                }
                if seat.is_leaving() {
                    self.unhear(pair);
                    self.go_inside(pair);
                }
            }
            None => {
                self.leave_room(pair);
                let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
                let key = leg.key;
                leg.egress.soften();
                let Some(room) = self.rooms.at(place) else { return };
                let seat = room.sit(key, pair, heard_by.clone());
                leg.seat = Some(Seat { room: place, seat, phase: Phase::Entering { since: now } });
            }
        }
    }

    /// A leg is to hear something other than the room that it is in; `hear` does the rest.
    pub(in crate::media) fn turn_from_room(&mut self, now: Instant, pair: u32, to: &Source) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let Some(seat) = &mut leg.seat else { return };
        match seat.phase {
            Phase::Entering { .. } => leg.egress.harden(),
            Phase::Inside if matches!(to, Source::Leg(_)) => {
                seat.phase = Phase::Leaving { until: now + LEAVING_MAX };
                return;
            }
            Phase::Leaving { .. } if matches!(to, Source::Leg(_)) => return,
            Phase::Inside | Phase::Leaving { .. } => {
                // What follows keeps the room's phase, so that its first frame is due when the next slot was.
                let place = seat.room;
                leg.egress.cut_out();
                leg.phase = self.rooms.at(place).map(|room| room.at_ms);
            }
        }
        self.leave_room(pair);
    }

    /// Takes a leg out of its room at once.
    pub(in crate::media) fn leave_room(&mut self, pair: u32) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        if let Some(seat) = leg.seat.take() {
            if let Some(room) = self.rooms.at(seat.room) {
                room.stand(seat.seat);
            }
            self.rooms.close_if_empty(seat.room);
        }
    }

    /// A party of a room has said something.
    pub(in crate::media) fn say_in_room(&mut self, now: Instant, pair: u32, heard: &Heard, payload: &[u8]) {
        let Some(seat) = leg_ref(&self.legs, pair).and_then(|leg| leg.seat) else { return };
        if let (Some(Kind::Audio(codec)), Some(room)) = (heard.kind, self.rooms.at(seat.room)) {
            room.put(seat.seat, now, &heard.header, codec, payload);
        }
    }

    /// A listener who leaves a room is about to be relayed a packet of whom he is to hear: now he is out.
    pub(in crate::media) fn step_out(&mut self, pair: u32) {
        if let Some(leg) = leg_mut(&mut self.legs, pair) {
            leg.egress.cut_out();
        }
        self.leave_room(pair);
    }

    /// Plays sounds to all in a room over what they say.
    pub(in crate::media) fn announce(
        &mut self,
        room: RoomKey,
        files: &[String],
        number: u32,
        out: &mut Outputs,
    ) {
        let found: Vec<_> = files.iter().filter_map(|name| self.sounds.prompt(name)).collect();
        self.counters.sounds_missing += (files.len() - found.len()) as u64;
        let player = Player::prompts(found);
        let place = self.rooms.place(room);
        match place.and_then(|place| self.rooms.at(place)) {
            Some(room) if !player.is_done() => room.announce(player, number),
            Some(_) => out.events.push(Event::Announced { room, number }),
            None => self.counters.bad_commands += 1,
        }
    }

    /// The slots that are due.
    pub(in crate::media) fn slots(&mut self, now: Instant, out: &mut Outputs) {
        let now_ms = now.as_micros() / 1000;
        while let Some((place, due_ms, missed)) = self.rooms.take_due(now_ms) {
            // What waits has waited until then, however late the worker is.
            let slot_at = Instant::from_micros(due_ms * 1000);
            self.slot(now, slot_at, place, missed, out);
        }
    }

    fn slot(&mut self, now: Instant, slot_at: Instant, place: usize, missed: u64, out: &mut Outputs) {
        let mut from = 0;
        while let Some((seat, pair)) = self.rooms.at(place).and_then(|room| room.next_member(from)) {
            self.current = pair;
            from = seat + 1;
            self.step_in(now, pair);
            if let Some(room) = self.rooms.at(place) {
                room.collect(seat, slot_at);
            }
        }
        let Some(room) = self.rooms.at(place) else { return };
        let (key, ended) = (room.key, room.mix());
        if let Some(number) = ended {
            out.events.push(Event::Announced { room: key, number });
        }
        self.counters.frames_missed += missed;
        let mut from = 0;
        while let Some((seat, pair)) = self.rooms.at(place).and_then(|room| room.next_member(from)) {
            self.current = pair;
            from = seat + 1;
            self.send_mix(now, place, seat, pair, missed, out);
        }
    }

    /// A party who enters hears the room from this slot on, if all is ready; one who leaves has waited long enough.
    fn step_in(&mut self, now: Instant, pair: u32) {
        let Some(leg) = leg_ref(&self.legs, pair) else { return };
        match leg.seat.map(|seat| seat.phase) {
            Some(Phase::Entering { since }) => {
                let waited = now.since(since);
                if waited >= ENTERING_MAX || self.may_step_in(now, pair, waited) {
                    self.unhear(pair);
                    self.go_inside(pair);
                }
            }
            Some(Phase::Leaving { until }) if until <= now => self.step_out(pair),
            Some(Phase::Inside | Phase::Leaving { .. }) | None => {}
        }
    }

    fn may_step_in(&mut self, now: Instant, pair: u32, waited: Duration) -> bool {
        let Some(leg) = leg_ref(&self.legs, pair) else { return false };
        let Some(seat) = leg.seat else { return false };
        let speaker: Option<LegKey> = match leg.hears {
            Hears::Leg(speaker) => leg_ref(&self.legs, speaker).map(|speaker| speaker.key),
            // A frame of what he hears now must have been seen, to be faded from.
            Hears::Player(_) => return waited >= Duration::from_millis(SLOT_MS),
            Hears::Silence | Hears::Room => None,
        };
        let quiet = leg.egress.last_at.is_none_or(|at| now.since(at) > QUIET_AFTER);
        let ready = |key| self.rooms.at(seat.room).is_none_or(|room| room.is_heard(key));
        quiet || speaker.is_none_or(ready)
    }

    fn go_inside(&mut self, pair: u32) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let Some(seat) = &mut leg.seat else { return };
        if !seat.is_leaving() {
            leg.egress.cut_in();
        }
        seat.phase = Phase::Inside;
        leg.hears = Hears::Room;
        leg.paced_ms = None;
        if let Some(room) = self.rooms.at(seat.room) {
            room.listens(seat.seat, true);
        }
    }

    fn send_mix(
        &mut self,
        now: Instant,
        place: usize,
        seat: usize,
        pair: u32,
        missed: u64,
        out: &mut Outputs,
    ) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        if leg.seat.is_none_or(|seat| matches!(seat.phase, Phase::Entering { .. })) {
            return;
        }
        let Some(room) = self.rooms.at(place) else { return };
        if missed > 0 {
            leg.egress.timeline.pass((missed * SLOT_MS * 1000 / SAMPLE_MICROS) as u32);
        }
        let to = leg.ingress.latch.target();
        leg.egress.mixed(now, to, room, seat, out);
        self.counters.frames += 1;
    }
}
