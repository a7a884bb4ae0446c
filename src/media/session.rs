//! The core of a worker, sans-IO: all its legs, fed with packets, commands and ticks.
//!
//! `handle(now, input, out)` and `poll_timeout()`; the drivers are `worker` (sockets) and the tests (virtual time).
//! A leg is found by the index of its pair of ports, so that a packet finds it without a look-up.

use crate::clock::Instant;
use crate::clock::Now;
use crate::ids::Random;
use crate::media::board::Counters;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::KeyWay;
use crate::media::command::LegKey;
use crate::media::command::Source;
use crate::media::control::Control;
use crate::media::control::wall_at;
use crate::media::egress::Egress;
use crate::media::ingress::Ingress;
use crate::media::leg::Hears;
use crate::media::leg::Leg;
use crate::media::leg::Watch;
use crate::media::outputs::Bond;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::player::Played;
use crate::media::player::Player;
use crate::media::rooms::Rooms;
use crate::media::sounds::Sound;
use crate::media::sounds::Sounds;
use crate::media::tap::TapKey;
use crate::media::warm::warm;
use crate::media::wheel::Entry;
use crate::media::wheel::Wheel;
use crate::media::wire::DATAGRAM_MAX;
use crate::rtp::SAMPLE_MICROS;
use crate::rtp::latch::Guard;
use crate::rtp::packet;
use crate::rtp::timeline::Timeline;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Something happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came.
    Packet {
        /// On which pair of ports.
        pair: u32,
        /// On which of the two.
        channel: Channel,
        /// From where.
        from: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// The switch wants something.
    Command(Command),
    /// Time has passed.
    Tick,
}

/// A packet at which the core panics in tests, and in tests alone.
pub(crate) const POISON: &[u8] = b"poison";

/// All legs of one worker.
#[derive(Debug)]
pub struct Core {
    first_port: u16,
    pub(in crate::media) legs: Vec<Option<Box<Leg>>>,
    pub(in crate::media) rooms: Rooms,
    keys: HashMap<LegKey, u32>,
    pub(in crate::media) wheel: Wheel,
    due: Vec<Entry>,
    due_ms: u64,
    timers: BinaryHeap<Reverse<(Instant, u32, u32)>>,
    pub(in crate::media) sounds: Sounds,
    random: Random,
    pub(in crate::media) epoch: Now,
    /// The packet that is being handled, decrypted.
    opened: Vec<u8>,
    generation: u32,
    /// How many phases were dealt out.
    pub(in crate::media) phases: u64,
    /// The leg in whose name code runs: the one to close when it panics.
    pub(in crate::media) current: u32,
    /// What was counted.
    pub counters: Counters,
}

impl Core {
    /// A core without legs, for the pairs of ports from the even port `first_port`. `epoch` ties the clocks.
    pub fn new(first_port: u16, pairs: u32, sounds: Sounds, random: Random, epoch: Now) -> Self {
        Self {
            first_port,
            legs: (0..pairs).map(|_| None).collect(),
            rooms: Rooms::new(epoch.instant.as_micros() / 1000),
            keys: HashMap::new(),
            wheel: Wheel::new(epoch.instant.as_micros() / 1000),
            due: Vec::new(),
            due_ms: 0,
            timers: BinaryHeap::new(),
            sounds,
            random,
            epoch,
            opened: Vec::with_capacity(DATAGRAM_MAX),
            generation: 0,
            phases: 0,
            current: 0,
            counters: Counters::default(),
        }
    }

    /// Takes one input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outputs) {
        match input {
            Input::Packet { pair, channel, from, bytes } => self.packet(now, pair, channel, from, bytes, out),
            Input::Command(command) => {
                // What is due comes first, so that a command finds no frame of the past still waiting.
                self.tick(now, out);
                self.command(now, command, out);
            }
            Input::Tick => self.tick(now, out),
        }
    }

    /// When [`Input::Tick`] is wanted at the latest; `None` while nothing is to come.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.due.is_empty() {
            return Some(Instant::default());
        }
        let frame = self.wheel.next_ms().map(|ms| Instant::from_micros(ms * 1000));
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        frame.into_iter().chain(timer).chain(self.rooms.poll_timeout()).min()
    }

    /// Says which pairs of ports packets are coming on, before they are handled.
    pub(crate) fn expect(&self, pairs: impl Iterator<Item = u32> + Clone) {
        warm(&self.legs, pairs);
    }

    /// How many legs there are.
    pub fn legs(&self) -> usize {
        self.keys.len()
    }

    /// Ends the leg in whose name code panicked; its peers hear silence.
    pub fn abandon(&mut self, out: &mut Outputs) {
        self.counters.panics += 1;
        self.remove(self.current, out);
    }

    fn packet(
        &mut self,
        now: Instant,
        pair: u32,
        channel: Channel,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut Outputs,
    ) {
        self.current = pair;
        let Some(leg) = leg_mut(&mut self.legs, pair) else {
            self.counters.strays += 1;
            return;
        };
        if channel == Channel::Rtp && leg.bond.is_some_and(|source| source != from) {
            // What a connected socket keeps out by itself, the driver with one socket for all ports lets in.
            leg.ingress.counts.strangers += 1;
            self.counters.packets_in += 1;
            self.counters.dropped += 1;
            return;
        }
        let is_control = channel == Channel::Rtcp || packet::is_rtcp(bytes);
        // Taken out, for others of ours are asked while it is read.
        let mut opened = std::mem::take(&mut self.opened);
        if let Some(bytes) = leg.ingress.open(bytes, is_control, &mut opened) {
            if is_control {
                self.control(now, pair, from, bytes);
            } else {
                self.audio(now, pair, from, bytes, out);
            }
        } else if !is_control {
            self.counters.packets_in += 1;
            self.counters.dropped += 1;
        }
        self.opened = opened;
    }

    /// Connects or disconnects a pair's socket where that has changed.
    pub(in crate::media) fn bond(&mut self, now: Instant, pair: u32, out: &mut Outputs) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let wanted = leg.bond_wanted(now);
        if leg.bond != wanted {
            leg.bond = wanted;
            out.bonds.push(Bond { pair, to: wanted });
            self.arm(now, pair);
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Outputs) {
        let now_ms = now.as_micros() / 1000;
        loop {
            // One by one out of `self.due`, so that a panic loses one leg's frame and not the others'.
            while let Some(entry) = self.due.pop() {
                self.frame(now, entry, out);
            }
            match self.wheel.take_due(now_ms, &mut self.due) {
                Some(ms) => self.due_ms = ms,
                None => break,
            }
        }
        self.slots(now, out);
        while let Some(Reverse((at, pair, generation))) = self.timers.peek().copied().filter(|t| t.0.0 <= now)
        {
            self.timers.pop();
            let current = leg_ref(&self.legs, pair).is_some_and(|leg| leg.entry.generation == generation);
            if current {
                self.upkeep(now, at, pair, out);
            }
        }
    }

    /// Sends the frame that a paced leg owes.
    fn frame(&mut self, now: Instant, entry: Entry, out: &mut Outputs) {
        self.current = entry.pair;
        let due_ms = self.due_ms;
        let Some(leg) = leg_mut(&mut self.legs, entry.pair).filter(|leg| leg.entry == entry) else { return };
        let Some(at_ms) = leg.paced_ms.filter(|at| *at <= due_ms) else { return };
        let Hears::Player(player) = &mut leg.hears else { return };
        let period = leg.egress.ptime_ms();
        let missed = (due_ms - at_ms) / period;
        if missed > 0 {
            let samples = missed * period * 1000 / SAMPLE_MICROS;
            player.skip(samples as usize);
            leg.egress.timeline.pass(samples as u32);
            self.counters.frames_missed += missed;
        }
        let played = if player.is_done() {
            Played::Last
        } else {
            let to = leg.ingress.latch.target();
            leg.egress.play(now, to, player, out)
        };
        self.counters.frames += 1;
        let next = at_ms + (missed + 1) * period;
        match played {
            Played::More => {
                leg.paced_ms = Some(next);
                self.wheel.insert(next, entry);
            }
            Played::Last if leg.seat.is_some() => {
                // What follows is the room.
                (leg.paced_ms, leg.hears) = (None, Hears::Silence);
            }
            Played::Last => {
                leg.paced_ms = None;
                let (key, (follow_up, number)) = (leg.key, leg.follow_up());
                out.events.push(Event::PromptDone { leg: key, number });
                self.hear(now, entry.pair, follow_up, out);
            }
        }
    }

    /// What a leg needs now and then: reports, timeouts, signs of life.
    fn upkeep(&mut self, now: Instant, at: Instant, pair: u32, out: &mut Outputs) {
        self.current = pair;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let Some(leg) = leg_mut(&mut self.legs, pair).filter(|leg| leg.due == Some(at)) else { return };
        leg.due = None;
        if due(leg.control.next_at) {
            let dice = self.random.next_u64();
            leg.control.report(wall_at(self.epoch, now), pair, &mut leg.ingress, &mut leg.egress, dice, out);
        }
        if due(leg.no_media_at()) {
            leg.watch.told = true;
            out.events.push(Event::NoMedia { leg: leg.key });
        }
        if due(leg.keep_alive_at()) {
            let before = leg.egress.packets;
            leg.egress.keep_alive(now, leg.ingress.latch.target(), out);
            if leg.egress.packets == before {
                // Nothing may be sent: asked again in as long.
                leg.egress.last_at = Some(now);
            }
        }
        if due(leg.egress.press_at()) {
            leg.egress.press_on(now, leg.ingress.latch.target(), out);
        }
        if due(leg.unbond_at()) {
            self.bond(now, pair, out);
        }
        self.arm(now, pair);
    }

    /// Sees to it that a timer stands for the leg's next upkeep.
    fn arm(&mut self, now: Instant, pair: u32) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let Some(at) = leg.upkeep_at() else { return };
        let at = at.max(now + Duration::from_micros(1));
        if leg.due.is_none_or(|due| at < due) {
            leg.due = Some(at);
            self.timers.push(Reverse((at, pair, leg.entry.generation)));
        }
    }

    fn command(&mut self, now: Instant, command: Command, out: &mut Outputs) {
        match command {
            Command::Open { leg, port, no_media_timeout, guard } => {
                self.open(now, leg, port, no_media_timeout, guard, out);
            }
            Command::Restock => out.restock = true,
            Command::Announce { room, files, number } => self.announce(room, &files, number, out),
            Command::Describe { leg, .. }
            | Command::Secure { leg, .. }
            | Command::Hear { leg, .. }
            | Command::Watch { leg, .. }
            | Command::Press { leg, .. }
            | Command::Told { leg, .. }
            | Command::Tap { leg, .. }
            | Command::Close { leg } => match self.keys.get(&leg).copied() {
                Some(pair) => self.leg_command(now, pair, command, out),
                None => self.counters.bad_commands += 1,
            },
        }
    }

    fn leg_command(&mut self, now: Instant, pair: u32, command: Command, out: &mut Outputs) {
        self.current = pair;
        match command {
            Command::Describe { .. } => self.describe(now, pair, &command, out),
            Command::Secure { keys, .. } => {
                if let Some(leg) = leg_mut(&mut self.legs, pair) {
                    leg.ingress.security.set(keys.as_deref());
                    leg.egress.security.set(keys.as_deref());
                }
            }
            Command::Hear { source, .. } => {
                let same = leg_ref(&self.legs, pair).is_some_and(|leg| leg.source == source);
                if let (Source::Room { room, heard_by }, false) = (&source, same) {
                    self.enter_room(now, pair, *room, heard_by);
                } else if !same || matches!(source, Source::Prompts { .. }) {
                    self.turn_from_room(now, pair, &source);
                    self.hear(now, pair, source, out);
                }
            }
            Command::Watch { no_media_timeout, .. } => {
                if let Some(leg) = leg_mut(&mut self.legs, pair) {
                    leg.watch = Watch::new(no_media_timeout, now);
                }
                self.arm(now, pair);
            }
            Command::Press { key, .. } => {
                if let Some(leg) = leg_mut(&mut self.legs, pair) {
                    leg.egress.press(now, key);
                }
                self.arm(now, pair);
            }
            Command::Told { key, .. } => {
                if let Some(leg) = leg_mut(&mut self.legs, pair)
                    && leg.ingress.told(now, key)
                {
                    out.events.push(Event::Digit { leg: leg.key, digit: key, by: KeyWay::Info });
                }
            }
            Command::Tap { key, .. } => self.tap(pair, key, out),
            Command::Close { .. } => self.close(now, pair, out),
            Command::Open { .. } | Command::Restock | Command::Announce { .. } => {}
        }
    }

    fn open(
        &mut self,
        now: Instant,
        key: LegKey,
        port: u16,
        no_media_timeout: Option<Duration>,
        guard: Guard,
        out: &mut Outputs,
    ) {
        let pair =
            port.checked_sub(self.first_port).filter(|offset| offset % 2 == 0).map(|o| u32::from(o / 2));
        let free = pair.filter(|pair| matches!(self.legs.get(*pair as usize), Some(None)));
        let (Some(pair), false) = (free, self.keys.contains_key(&key)) else {
            self.counters.bad_commands += 1;
            out.freed.extend(free);
            if !self.keys.contains_key(&key) {
                out.events.push(Event::Closed { leg: key, stats: Default::default() });
            }
            return;
        };
        self.current = pair;
        self.generation = self.generation.wrapping_add(1);
        let dice = self.random.next_u64();
        // The numbers begin in their lower half: who misses the first packets of an encrypted stream must not miss that they
        // have wrapped (RFC 3711 section 3.3.1).
        let sequence = (dice >> 16) as u16 >> 1;
        let timeline = Timeline::new((dice >> 32) as u32, sequence, self.random.next_u64() as u32);
        let leg = Leg {
            key,
            entry: Entry { pair, generation: self.generation },
            opened_at: now,
            ingress: Ingress::new(guard),
            egress: Egress::new(pair, timeline),
            control: Control::new(self.random_name()),
            source: Source::Silence,
            hears: Hears::Silence,
            seat: None,
            listeners: Vec::new(),
            paced_ms: None,
            phase: None,
            bond: None,
            due: None,
            watch: Watch::new(no_media_timeout, now),
            tap: None,
        };
        if let Some(place) = self.legs.get_mut(pair as usize) {
            *place = Some(Box::new(leg));
            self.keys.insert(key, pair);
        }
    }

    fn tap(&mut self, pair: u32, key: Option<TapKey>, out: &mut Outputs) {
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        out.taps_due |= leg.tap.is_some() && leg.tap != key;
        (leg.tap, leg.egress.tap) = (key, key);
    }

    /// Sixteen letters, six random bits each.
    fn random_name(&mut self) -> [u8; 16] {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bits = self.random.next_u128();
        [0; 16].map(|_: u8| {
            let letter = LETTERS.get((bits & 63) as usize).copied().unwrap_or(b'A');
            bits >>= 6;
            letter
        })
    }

    fn describe(&mut self, now: Instant, pair: u32, command: &Command, out: &mut Outputs) {
        let Command::Describe { remote, rtcp, rtcp_mux, send, receive, sends, receives, .. } = *command
        else {
            return;
        };
        let dice = self.random.next_u64();
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let remote = remote.filter(|remote| remote.port() != 0);
        let expected = leg.ingress.expects();
        leg.ingress.describe(receive, receives);
        leg.egress.describe(send, sends);
        leg.ingress.latch.announce(remote);
        leg.control.describe(now, rtcp, rtcp_mux, dice);
        leg.watch = Watch { since: now, told: false, ..leg.watch };
        if expected != leg.ingress.expects() {
            // The peer begins or stops to speak: for whoever hears it a talk spurt begins or ends.
            for listener in leg.listeners.clone() {
                if let Some(listener) = leg_mut(&mut self.legs, listener) {
                    listener.egress.timeline.cut();
                }
            }
        }
        self.bond(now, pair, out);
        self.arm(now, pair);
    }

    fn hear(&mut self, now: Instant, pair: u32, source: Source, out: &mut Outputs) {
        let hears = match &source {
            // A room is entered by `enter_room`.
            Source::Silence | Source::Room { .. } => Hears::Silence,
            Source::Leg(key) => match self.keys.get(key) {
                Some(speaker) => Hears::Leg(*speaker),
                None => {
                    self.counters.bad_commands += 1;
                    Hears::Silence
                }
            },
            Source::Music { class } => self.running(now, self.sounds.music(class)),
            Source::Tone(tone) => match self.sounds.tone(*tone) {
                Some(sound) => Hears::Player(Player::looped(sound, 0)),
                None => Hears::Silence,
            },
            Source::Prompts { files, .. } => {
                let found: Vec<Arc<Sound>> =
                    files.iter().filter_map(|name| self.sounds.prompt(name)).collect();
                self.counters.sounds_missing += (files.len() - found.len()) as u64;
                Hears::Player(Player::prompts(found))
            }
        };
        self.unhear(pair);
        if let Hears::Leg(speaker) = hears
            && let Some(speaker) = leg_mut(&mut self.legs, speaker)
        {
            speaker.listeners.push(pair);
        }
        let Some(leg) = leg_mut(&mut self.legs, pair) else { return };
        let silent = matches!(hears, Hears::Player(ref player) if player.is_done());
        (leg.source, leg.hears) = (source, hears);
        leg.egress.timeline.cut();
        if silent {
            // No prompt of these exists: what follows begins at once.
            let (key, (follow_up, number)) = (leg.key, leg.follow_up());
            out.events.push(Event::PromptDone { leg: key, number });
            self.hear(now, pair, follow_up, out);
        } else {
            self.pace(now, pair);
            self.arm(now, pair);
        }
    }

    fn close(&mut self, now: Instant, pair: u32, out: &mut Outputs) {
        if let Some(leg) = leg_mut(&mut self.legs, pair) {
            leg.control.leave(wall_at(self.epoch, now), pair, &mut leg.ingress, &mut leg.egress, out);
        }
        self.remove(pair, out);
    }

    fn remove(&mut self, pair: u32, out: &mut Outputs) {
        self.unhear(pair);
        self.leave_room(pair);
        let Some(leg) = self.legs.get_mut(pair as usize).and_then(Option::take) else { return };
        self.keys.remove(&leg.key);
        out.taps_due |= leg.tap.is_some();
        for listener in &leg.listeners {
            if let Some(listener) = leg_mut(&mut self.legs, *listener) {
                listener.hears = Hears::Silence;
                if listener.seat.is_none_or(|seat| seat.is_leaving()) {
                    listener.source = Source::Silence;
                }
                listener.egress.timeline.cut();
            }
        }
        if leg.bond.is_some() {
            out.bonds.push(Bond { pair, to: None });
        }
        out.events.push(Event::Closed { leg: leg.key, stats: leg.stats() });
        out.freed.push(pair);
    }
}

pub(in crate::media) fn leg_ref(legs: &[Option<Box<Leg>>], pair: u32) -> Option<&Leg> {
    legs.get(pair as usize)?.as_deref()
}

pub(in crate::media) fn leg_mut(legs: &mut [Option<Box<Leg>>], pair: u32) -> Option<&mut Leg> {
    legs.get_mut(pair as usize)?.as_deref_mut()
}
