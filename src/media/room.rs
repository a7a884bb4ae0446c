//! A room: the parties who hear each other through a mixer, on a clock of 20 ms that is the room's own.
//!
//! Owned by the worker beside its legs. It takes in packets of its parties and makes, slot by slot, what each of them hears,
//! encoded once for all who hear the same in the same codec. Which leg is sent it, and how a leg comes in or goes out
//! without a click, is `clocked`'s.

use crate::clock::Instant;
use crate::codec::g711::ALAW_SILENCE;
use crate::codec::g711::ULAW_SILENCE;
use crate::codec::g711::alaw_encode;
use crate::codec::g711::ulaw_decode;
use crate::codec::g711::ulaw_encode;
use crate::media::command::Codec;
use crate::media::command::HeardBy;
use crate::media::command::LegKey;
use crate::media::command::RoomKey;
use crate::media::intake::Intake;
use crate::media::mixer::Frame;
use crate::media::mixer::Gain;
use crate::media::mixer::Mixer;
use crate::media::mixer::SLOT_SAMPLES;
use crate::media::player::Played;
use crate::media::player::Player;
use crate::rtp::packet::Header;

/// Milliseconds of a slot.
pub(crate) const SLOT_MS: u64 = 20;

/// One party of a room.
#[derive(Debug)]
struct Member {
    leg: LegKey,
    pair: u32,
    intake: Intake,
    heard_by: HeardBy,
}

/// What is played to all parties over their conversation.
#[derive(Debug)]
struct Announcement {
    player: Player,
    number: u32,
}

/// A mix of this slot in one codec.
#[derive(Debug)]
struct Encoded {
    mix: usize,
    codec: Codec,
    bytes: Vec<u8>,
}

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    /// Its name.
    pub(crate) key: RoomKey,
    /// When its next slot is, in milliseconds.
    pub(crate) at_ms: u64,
    /// Voices are brought to a common level.
    pub(crate) level: bool,
    /// By seat.
    members: Vec<Option<Member>>,
    mixer: Mixer,
    announcement: Option<Announcement>,
    encoded: Vec<Encoded>,
    used: usize,
    bytes: Vec<u8>,
}

impl Room {
    /// An empty room whose first slot is at that millisecond.
    pub(crate) fn new(key: RoomKey, at_ms: u64, level: bool) -> Self {
        Self {
            key,
            at_ms,
            level,
            members: Vec::new(),
            mixer: Mixer::default(),
            announcement: None,
            encoded: Vec::new(),
            used: 0,
            bytes: Vec::new(),
        }
    }

    /// A party comes in; he is heard from the next slot on. Gives his seat.
    pub(crate) fn sit(&mut self, leg: LegKey, pair: u32, heard_by: HeardBy) -> usize {
        let seat = self.mixer.sit();
        if self.members.len() <= seat {
            self.members.resize_with(seat + 1, || None);
        }
        if let Some(place) = self.members.get_mut(seat) {
            *place = Some(Member { leg, pair, intake: Intake::new(), heard_by });
        }
        self.seat_gains();
        seat
    }

    /// A party leaves.
    pub(crate) fn stand(&mut self, seat: usize) {
        if let Some(place) = self.members.get_mut(seat) {
            *place = None;
            self.mixer.stand(seat);
        }
    }

    /// Who hears a party, from the next slot on.
    pub(crate) fn heard_by(&mut self, seat: usize, heard_by: HeardBy) {
        if let Some(member) = self.members.get_mut(seat).and_then(Option::as_mut) {
            member.heard_by = heard_by;
            self.seat_gains();
        }
    }

    /// Whether mixes are made for a party.
    pub(crate) fn listens(&mut self, seat: usize, listens: bool) {
        self.mixer.listens(seat, listens);
    }

    /// Whether nobody is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.iter().all(Option::is_none)
    }

    /// The seat and the pair of ports of the first party from that seat on.
    pub(crate) fn next_member(&self, from: usize) -> Option<(usize, u32)> {
        let after = self.members.iter().enumerate().skip(from);
        after.filter_map(|(seat, member)| Some((seat, member.as_ref()?.pair))).next()
    }

    /// Whether the party of that leg is heard already, or is not here.
    pub(crate) fn is_heard(&self, leg: LegKey) -> bool {
        let found = self.members.iter().flatten().find(|member| member.leg == leg);
        found.is_none_or(|member| member.intake.jitter.is_playing())
    }

    /// Takes in a party's packet.
    pub(crate) fn put(&mut self, seat: usize, now: Instant, header: &Header, codec: Codec, payload: &[u8]) {
        if let Some(member) = self.members.get_mut(seat).and_then(Option::as_mut) {
            member.intake.put(now, header, codec, payload);
        }
    }

    /// Plays something to all over their conversation; it takes the place of what is being played.
    pub(crate) fn announce(&mut self, player: Player, number: u32) {
        self.announcement = Some(Announcement { player, number });
    }

    /// Takes what one party says in this slot.
    pub(crate) fn collect(&mut self, seat: usize, now: Instant) {
        if let Some(member) = self.members.get_mut(seat).and_then(Option::as_mut) {
            self.mixer.say(seat, |frame| member.intake.frame(now, self.level, frame));
        }
    }

    /// Makes the mixes of this slot; the number of what was played when that has ended with it.
    pub(crate) fn mix(&mut self) -> Option<u32> {
        let ended = self.read_announcement();
        self.mixer.mix();
        self.used = 0;
        ended
    }

    fn read_announcement(&mut self) -> Option<u32> {
        let Announcement { player, number } = self.announcement.as_mut()?;
        let number = *number;
        self.bytes.clear();
        let played = if player.is_done() {
            Played::Last
        } else {
            player.frame(Codec::Pcmu, SLOT_SAMPLES, &mut self.bytes)
        };
        let mut frame = [0; SLOT_SAMPLES];
        for (place, byte) in frame.iter_mut().zip(&self.bytes) {
            *place = ulaw_decode(*byte);
        }
        self.mixer.announce(frame);
        if played == Played::More {
            return None;
        }
        self.announcement = None;
        Some(number)
    }

    /// What a party hears in this slot, as samples, and whether it is silence.
    pub(crate) fn mix_of(&self, seat: usize) -> Option<(&Frame, bool)> {
        self.mixer.heard_by(seat).map(|(_, frame, silent)| (frame, silent))
    }

    /// What a party hears in this slot, in his codec.
    pub(crate) fn encoded(&mut self, seat: usize, codec: Codec) -> &[u8] {
        let Some((mix, frame, silent)) = self.mixer.heard_by(seat) else { return &[] };
        if silent {
            return match codec {
                Codec::Pcmu => &[ULAW_SILENCE; SLOT_SAMPLES],
                Codec::Pcma => &[ALAW_SILENCE; SLOT_SAMPLES],
            };
        }
        let known =
            self.encoded.iter().take(self.used).position(|made| (made.mix, made.codec) == (mix, codec));
        let index = known.unwrap_or(self.used);
        if known.is_none() {
            if self.encoded.len() == self.used {
                self.encoded.push(Encoded { mix, codec, bytes: Vec::with_capacity(SLOT_SAMPLES) });
            }
            if let Some(made) = self.encoded.get_mut(index) {
                (made.mix, made.codec) = (mix, codec);
                made.bytes.clear();
                encode(codec, frame, &mut made.bytes);
            }
            self.used += 1;
        }
        self.encoded.get(index).map_or(&[], |made| &made.bytes)
    }

    /// Fills the matrix from what was said of each party.
    fn seat_gains(&mut self) {
        for (from, speaker) in self.members.iter().enumerate() {
            for (to, listener) in self.members.iter().enumerate() {
                let (Some(speaker), Some(listener)) = (speaker, listener) else { continue };
                let heard = speaker.heard_by.includes(listener.leg);
                self.mixer.set(from, to, if heard { Gain::PLAIN } else { Gain::OFF });
            }
        }
    }
}

/// Appends samples in a codec.
pub(crate) fn encode(codec: Codec, samples: &[i16], out: &mut Vec<u8>) {
    match codec {
        Codec::Pcmu => out.extend(samples.iter().map(|sample| ulaw_encode(*sample))),
        Codec::Pcma => out.extend(samples.iter().map(|sample| alaw_encode(*sample))),
    }
}
