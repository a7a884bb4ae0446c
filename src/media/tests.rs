//! The core under virtual time and a seeded bad network: who hears whom, found by ear (Goertzel), and what every
//! stream looks like on the wire. The last test is the whole of it over real sockets on loopback.

use crate::clock::Clock;
use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Wall;
use crate::codec::g711::ALAW_TO_ULAW;
use crate::codec::g711::alaw_decode;
use crate::codec::g711::alaw_encode;
use crate::codec::g711::ulaw_decode;
use crate::codec::g711::ulaw_encode;
use crate::codec::tone::Sine;
use crate::codec::tone::dominant;
use crate::ids::Random;
use crate::media::Codec;
use crate::media::Command;
use crate::media::Event;
use crate::media::Format;
use crate::media::Full;
use crate::media::Guard;
use crate::media::LegKey;
use crate::media::LegStats;
use crate::media::Media;
use crate::media::MediaError;
use crate::media::Settings;
use crate::media::Sockets;
use crate::media::Sounds;
use crate::media::Source;
use crate::media::Then;
use crate::media::Tone;
use crate::media::command::KeyWay;
use crate::media::outputs::Channel;
use crate::media::outputs::Outputs;
use crate::media::session::Core;
use crate::media::session::Input;
use crate::media::session::POISON;
use crate::rtp::dtmf::TelephoneEvent;
use crate::rtp::packet;
use crate::rtp::packet::Header;
use crate::rtp::packet::Outgoing;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Block;
use crate::rtp::rtcp::Report;
use crate::rtp::sequence;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::BinaryHeap;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

mod encrypted;
#[path = "rooms/tests.rs"]
mod rooms;

const MUSIC_HZ: u32 = 1000;
const PROMPT_HZ: u32 = 1600;
const ALICE_HZ: u32 = 440;
const BOB_HZ: u32 = 700;
const ALL_HZ: [u32; 4] = [MUSIC_HZ, PROMPT_HZ, ALICE_HZ, BOB_HZ];
const FIRST_PORT: u16 = 30_000;
const ALICE: usize = 0;
const BOB: usize = 1;

fn sounds() -> Sounds {
    let tone = |hz, samples| {
        let mut wave = vec![0; samples];
        Sine::new(hz, 8000, 8000).fill(&mut wave);
        wave
    };
    let (music, prompt) = (tone(MUSIC_HZ, 80_000), tone(PROMPT_HZ, 4000));
    Sounds::from_samples(&[("hello", &prompt)], &[("default", &music)])
}

const fn format(codec: Codec) -> Format {
    let payload = match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
    };
    Format { codec, payload, dtmf: Some(101), ptime_ms: 20 }
}

fn decode(codec: Codec, bytes: &[u8]) -> Vec<i16> {
    let decode = match codec {
        Codec::Pcmu => ulaw_decode,
        Codec::Pcma => alaw_decode,
    };
    bytes.iter().map(|byte| decode(*byte)).collect()
}

fn closed(event: &Event, key: LegKey) -> Option<LegStats> {
    if let Event::Closed { leg, stats } = event { (*leg == key).then(|| stats.clone()) } else { None }
}

/// A phone in the virtual network: it speaks one tone, and keeps what it gets.
struct Phone {
    address: SocketAddr,
    format: Format,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    tone: Sine,
    speaks: bool,
    heard: Vec<(Instant, Vec<u8>)>,
    reports: Vec<(Instant, Vec<u8>)>,
    /// Its keys; what it hears is kept as it was before it was sealed.
    srtp: Option<encrypted::Keys>,
}

impl Phone {
    fn frame(&mut self) -> Vec<u8> {
        let mut samples = [0; 160];
        self.tone.fill(&mut samples);
        let encode = match self.format.codec {
            Codec::Pcmu => ulaw_encode,
            Codec::Pcma => alaw_encode,
        };
        let payload: Vec<u8> = samples.into_iter().map(encode).collect();
        self.timestamp = self.timestamp.wrapping_add(160);
        self.packet(self.format.payload, self.timestamp, &payload)
    }

    fn packet(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let header =
            Outgoing { marker: false, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend(payload);
        bytes
    }

    fn headers(&self) -> Vec<(Instant, Header)> {
        self.heard.iter().map(|(at, bytes)| (*at, packet::read(bytes).unwrap())).collect()
    }

    /// The tone of nine in ten packets heard from `from` on; each for itself, so that losses do not turn the phase.
    fn hears(&self, from: Instant) -> Option<u32> {
        let mut tones = Vec::new();
        for (_, bytes) in self.heard.iter().filter(|(at, _)| *at >= from) {
            let header = packet::read(bytes).unwrap();
            if header.payload_type == self.format.payload {
                let samples = decode(self.format.codec, &bytes[header.payload]);
                tones.push(dominant(&samples, 8000, &ALL_HZ));
            }
        }
        let same = |tone: &Option<u32>| tones.iter().filter(|heard| *heard == tone).count();
        tones
            .iter()
            .max_by_key(|tone| same(tone))
            .filter(|tone| same(tone) * 10 >= tones.len() * 9)
            .copied()?
    }
}

/// What the network does to packets on their way to the core.
#[derive(Copy, Clone, Default)]
struct Weather {
    lost_percent: u64,
    doubled_percent: u64,
    late_ms_max: u64,
}

type Flight = Reverse<(Instant, u64, u32, bool, SocketAddr, Vec<u8>)>;

/// The core, phones, and the network between them.
struct Net {
    core: Core,
    now: Instant,
    phones: Vec<Phone>,
    flying: BinaryHeap<Flight>,
    flights: u64,
    weather: Weather,
    random: Random,
    events: Vec<(Instant, Event)>,
    out: Outputs,
    ticks: u64,
}

impl Net {
    fn new(seed: u64) -> Self {
        let now = Instant::from_micros(5_000_000);
        let epoch = Now { instant: now, wall: Wall::from_micros(1_700_000_000_000_000) };
        Self {
            core: Core::new(FIRST_PORT, 8, sounds(), Random::seeded(seed), epoch),
            now,
            phones: Vec::new(),
            flying: BinaryHeap::new(),
            flights: 0,
            weather: Weather::default(),
            random: Random::seeded(seed ^ 0xbad),
            events: Vec::new(),
            out: Outputs::default(),
            ticks: 0,
        }
    }

    /// Two phones of 440 Hz and 700 Hz, on legs 0 and 1, described and silent.
    fn two(first: Codec, second: Codec) -> Self {
        let mut net = Self::new(1);
        net.phone(format(first), ALICE_HZ);
        net.phone(format(second), BOB_HZ);
        net
    }

    fn phone(&mut self, format: Format, hz: u32) {
        let index = self.phones.len();
        let phone = Phone {
            address: SocketAddr::from(([192, 0, 2, 1], 4000 + 2 * index as u16)),
            format,
            ssrc: 0x1000 + index as u32,
            sequence: 65_500,
            timestamp: u32::MAX - 5000,
            tone: Sine::new(hz, 8000, 8000),
            speaks: true,
            heard: Vec::new(),
            reports: Vec::new(),
            srtp: None,
        };
        self.phones.push(phone);
        let leg = LegKey(index as u64);
        let port = FIRST_PORT + 2 * index as u16;
        self.command(Command::Open { leg, port, no_media_timeout: None, guard: Guard::Learn });
        self.describe(index, |_| {});
    }

    fn describe(&mut self, index: usize, change: impl FnOnce(&mut Command)) {
        let phone = &self.phones[index];
        let mut command = Command::Describe {
            leg: LegKey(index as u64),
            remote: Some(phone.address),
            rtcp: None,
            rtcp_mux: false,
            send: phone.format,
            receive: phone.format,
            sends: true,
            receives: true,
        };
        change(&mut command);
        self.command(command);
    }

    fn command(&mut self, command: Command) {
        self.core.handle(self.now, Input::Command(command), &mut self.out);
        self.drain();
    }

    fn hear(&mut self, index: usize, source: Source) {
        self.command(Command::Hear { leg: LegKey(index as u64), source });
    }

    fn bridge(&mut self) {
        self.hear(ALICE, Source::Leg(LegKey(1)));
        self.hear(BOB, Source::Leg(LegKey(0)));
    }

    fn music(&mut self, index: usize) {
        self.hear(index, Source::Music { class: "default".to_owned() });
    }

    /// Sends bytes to a leg through the weather.
    fn fly(&mut self, index: usize, from: SocketAddr, bytes: Vec<u8>) {
        if self.random.below(100) < self.weather.lost_percent {
            return;
        }
        let copies = 1 + u64::from(self.random.below(100) < self.weather.doubled_percent);
        for _ in 0..copies {
            let late = Duration::from_millis(self.random.below(self.weather.late_ms_max + 1));
            self.flights += 1;
            self.flying.push(Reverse((
                self.now + late,
                self.flights,
                index as u32,
                false,
                from,
                bytes.clone(),
            )));
        }
    }

    /// Sends bytes to a leg now.
    fn deliver(&mut self, index: usize, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        let input = Input::Packet { pair: index as u32, channel, from, bytes };
        self.core.handle(self.now, input, &mut self.out);
        self.drain();
    }

    fn drain(&mut self) {
        for send in &self.out.sends {
            let bytes = self.out.bytes(send).to_vec();
            let Some(phone) = self.phones.get_mut(send.pair as usize) else { continue };
            let Some(bytes) = phone.opened(send.channel, bytes) else { continue };
            let rtcp_port = SocketAddr::new(phone.address.ip(), phone.address.port() + 1);
            match send.channel {
                Channel::Rtp if send.to == phone.address => phone.heard.push((self.now, bytes)),
                Channel::Rtcp if send.to == rtcp_port => phone.reports.push((self.now, bytes)),
                Channel::Rtp | Channel::Rtcp => {}
            }
        }
        let now = self.now;
        self.events.extend(self.out.events.drain(..).map(|event| (now, event)));
        self.out.clear();
    }

    /// Lets time pass, a millisecond at a step; the core is only called when it asked to be.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + Duration::from_millis(1);
            if (self.now.as_micros() / 1000).is_multiple_of(20) {
                for index in 0..self.phones.len() {
                    if self.phones[index].speaks {
                        let frame = self.phones[index].frame();
                        let (from, bytes) = (self.phones[index].address, self.phones[index].sealed(frame));
                        self.fly(index, from, bytes);
                    }
                }
            }
            while self.flying.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
                let Some(Reverse((_, _, pair, _, from, bytes))) = self.flying.pop() else { break };
                self.deliver(pair as usize, Channel::Rtp, from, &bytes);
            }
            if self.core.poll_timeout().is_some_and(|at| at <= self.now) {
                self.ticks += 1;
                self.core.handle(self.now, Input::Tick, &mut self.out);
                self.drain();
            }
        }
    }

    fn ms(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms));
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| wanted(event)).count()
    }

    fn close(&mut self, index: usize) -> LegStats {
        self.command(Command::Close { leg: LegKey(index as u64) });
        let closed = self.events.iter().rev().find_map(|(_, event)| closed(event, LegKey(index as u64)));
        closed.unwrap()
    }

    /// One SSRC, no number twice, none left out, timestamps that follow the wall.
    #[track_caller]
    fn assert_whole(&self, index: usize) {
        let headers = self.phones[index].headers();
        let (first_at, first) = &headers[0];
        assert!(first.marker, "the stream begins with a talk spurt");
        for pair in headers.windows(2) {
            let ((_, before), (at, after)) = (&pair[0], &pair[1]);
            assert_eq!(after.ssrc, first.ssrc, "at {at:?}");
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "at {at:?}");
            let moved = sequence::samples_between(before.timestamp, after.timestamp);
            assert!(moved >= 160, "at {at:?}: {moved}");
            let wall = (at.as_micros() - first_at.as_micros()) as i64 / 125;
            let stream = i64::from(sequence::samples_between(first.timestamp, after.timestamp));
            assert!((wall - stream).abs() <= 400, "at {at:?}: {wall} against {stream}");
        }
    }
}

#[test]
fn each_hears_the_other_and_not_himself_in_every_pair_of_codecs() {
    for (first, second) in [
        (Codec::Pcmu, Codec::Pcmu),
        (Codec::Pcma, Codec::Pcma),
        (Codec::Pcmu, Codec::Pcma),
        (Codec::Pcma, Codec::Pcmu),
    ] {
        let mut net = Net::two(first, second);
        net.bridge();
        let start = net.now;
        net.ms(1000);
        assert_eq!(net.phones[ALICE].hears(start), Some(BOB_HZ), "{first:?} {second:?}");
        assert_eq!(net.phones[BOB].hears(start), Some(ALICE_HZ), "{first:?} {second:?}");
        for index in [ALICE, BOB] {
            assert_eq!(net.phones[index].heard.len(), 50);
            net.assert_whole(index);
        }
        assert_eq!(net.close(ALICE).packets_in, 50);
        assert_eq!(net.core.counters.dropped, 0);
    }
}

#[test]
fn music_starts_within_a_frame_and_gives_way_to_the_agent_at_once_in_one_stream() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcmu);
    net.music(ALICE);
    let start = net.now;
    net.ms(2000);
    assert!(net.phones[ALICE].heard[0].0.since(start) <= Duration::from_millis(20));
    assert_eq!(net.phones[ALICE].heard.len(), 100);
    assert_eq!(net.phones[ALICE].hears(start), Some(MUSIC_HZ));

    net.bridge();
    let (switched, before) = (net.now, net.phones[ALICE].heard.len());
    net.ms(500);
    let first = &net.phones[ALICE].headers()[before];
    assert!(first.1.marker && first.0.since(switched) <= Duration::from_millis(20));
    assert_eq!(net.phones[ALICE].hears(switched), Some(BOB_HZ));

    net.music(ALICE);
    let held = net.now;
    net.ms(500);
    assert_eq!(net.phones[ALICE].hears(held), Some(MUSIC_HZ));
    net.assert_whole(ALICE);
}

#[test]
fn a_second_listener_joins_the_music_where_it_is() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.music(ALICE);
    net.ms(777);
    net.music(BOB);
    net.ms(300);
    let payload = |net: &Net, index: usize| net.phones[index].heard.last().unwrap().1[12..].to_vec();
    let (alice, bob) = (payload(&net, ALICE), payload(&net, BOB));
    let heard = |bytes: &[u8]| decode(Codec::Pcma, bytes);
    assert_eq!(dominant(&heard(&alice), 8000, &ALL_HZ), Some(MUSIC_HZ));
    assert_eq!(dominant(&heard(&bob), 8000, &ALL_HZ), Some(MUSIC_HZ));
    let phases: BTreeSet<u64> = [ALICE, BOB]
        .iter()
        .map(|index| net.phones[*index].heard.last().unwrap().0.as_micros() / 1000 % 20)
        .collect();
    assert_eq!(phases.len(), 2, "their frames fall into different milliseconds");
}

#[test]
fn prompts_end_with_an_event_and_what_follows_them() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    let files = vec!["hello".to_owned(), "no such prompt".to_owned(), "hello".to_owned()];
    net.hear(ALICE, Source::Prompts { files, then: Then::Music("default".to_owned()), number: 7 });
    let start = net.now;
    net.ms(970);
    assert_eq!(net.phones[ALICE].hears(start), Some(PROMPT_HZ));
    assert_eq!(net.count(|event| matches!(event, Event::PromptDone { .. })), 0);
    net.ms(50);
    assert_eq!(net.count(|event| *event == Event::PromptDone { leg: LegKey(0), number: 7 }), 1);
    let music = net.now;
    net.ms(500);
    assert_eq!(net.phones[ALICE].hears(music), Some(MUSIC_HZ));
    assert_eq!(net.core.counters.sounds_missing, 1);
    net.assert_whole(ALICE);

    net.hear(BOB, Source::Prompts { files: vec![], then: Then::Silence, number: 7 });
    assert_eq!(
        net.count(|event| *event == Event::PromptDone { leg: LegKey(1), number: 7 }),
        1,
        "nothing to play is done"
    );
    net.hear(ALICE, Source::Tone(Tone::Ringback));
    let ringing = net.now;
    net.ms(1000);
    assert_eq!(net.phones[ALICE].hears(ringing), Some(440));
}

#[test]
fn a_keypress_is_one_event_and_reaches_the_other_side_under_its_number() {
    let mut net = Net::new(1);
    net.phone(Format { dtmf: Some(96), ..format(Codec::Pcma) }, ALICE_HZ);
    net.phone(Format { dtmf: Some(110), ..format(Codec::Pcmu) }, BOB_HZ);
    net.bridge();
    net.ms(200);
    let spoken = net.phones[BOB].heard.len();
    net.phones[ALICE].speaks = false;
    let timestamp = net.phones[ALICE].timestamp.wrapping_add(160);
    for n in 0..8u16 {
        let event = TelephoneEvent { code: 5, end: n >= 5, volume: 10, duration: 160 * (n + 1).min(6) };
        let from = net.phones[ALICE].address;
        let bytes = net.phones[ALICE].packet(96, timestamp, &event.to_bytes());
        net.deliver(ALICE, Channel::Rtp, from, &bytes);
        net.ms(20);
    }
    net.phones[ALICE].timestamp = timestamp.wrapping_add(8 * 160);
    net.phones[ALICE].speaks = true;
    net.ms(200);
    assert_eq!(
        net.count(|event| *event == Event::Digit { leg: LegKey(0), digit: '5', by: KeyWay::Event }),
        1
    );
    assert_eq!(net.count(|event| matches!(event, Event::Digit { .. })), 1);
    let headers = net.phones[BOB].headers();
    let keys: Vec<_> = headers[spoken..].iter().filter(|(_, header)| header.payload_type == 110).collect();
    assert_eq!(keys.len(), 8);
    let moved = sequence::samples_between(headers[spoken - 1].1.timestamp, keys[0].1.timestamp);
    assert_eq!(moved, 160);
    assert!(keys.iter().all(|(_, header)| header.timestamp == keys[0].1.timestamp));
    for pair in headers.windows(2) {
        assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
    }
}

#[test]
fn keys_that_the_other_side_does_not_understand_leave_no_gap() {
    let mut net = Net::new(1);
    net.phone(format(Codec::Pcma), ALICE_HZ);
    net.phone(Format { dtmf: None, ..format(Codec::Pcma) }, BOB_HZ);
    net.bridge();
    net.ms(100);
    let from = net.phones[ALICE].address;
    let event = TelephoneEvent { code: 1, end: true, volume: 10, duration: 160 };
    let timestamp = net.phones[ALICE].timestamp;
    let bytes = net.phones[ALICE].packet(101, timestamp, &event.to_bytes());
    net.deliver(ALICE, Channel::Rtp, from, &bytes);
    net.ms(100);
    assert_eq!(net.phones[BOB].heard.len(), 10);
    net.assert_whole(BOB);
}

#[test]
fn payload_numbers_are_each_sides_own_and_unknown_ones_are_dropped() {
    let mut net = Net::new(1);
    net.phone(Format { payload: 97, ..format(Codec::Pcma) }, ALICE_HZ);
    net.phone(Format { payload: 120, ..format(Codec::Pcma) }, BOB_HZ);
    net.bridge();
    net.ms(200);
    assert!(net.phones[ALICE].headers().iter().all(|(_, header)| header.payload_type == 97));
    assert!(net.phones[BOB].headers().iter().all(|(_, header)| header.payload_type == 120));
    let (from, before) = (net.phones[ALICE].address, net.phones[BOB].heard.len());
    let bytes = net.phones[ALICE].packet(18, 0, &[0; 20]);
    net.deliver(ALICE, Channel::Rtp, from, &bytes);
    net.deliver(ALICE, Channel::Rtp, from, &[]);
    net.deliver(ALICE, Channel::Rtp, from, &[0x80, 8, 0]);
    net.deliver(ALICE, Channel::Rtcp, from, &[0x80, 200, 0]);
    assert_eq!(net.phones[BOB].heard.len(), before);
    let stats = net.close(ALICE);
    assert_eq!((stats.unknown_dropped, stats.malformed_dropped), (1, 3));
}

#[test]
fn a_source_behind_nat_is_learnt_and_a_stranger_gets_nowhere() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.bridge();
    let private = net.phones[ALICE].address;
    let public = SocketAddr::from(([203, 0, 113, 9], 61_000));
    net.phones[ALICE].address = public;
    net.ms(200);
    assert_eq!(net.count(|event| *event == Event::Latched { leg: LegKey(0), from: public }), 1);
    assert_eq!(net.phones[BOB].heard.len(), 8, "the third consistent packet is the first that counts");
    assert!(!net.phones[ALICE].heard.is_empty(), "and we send to where it speaks from");

    let stranger = SocketAddr::from(([198, 51, 100, 66], 7000));
    let heard = net.phones[BOB].heard.len();
    for n in 0..50u16 {
        let header = Outgoing { marker: false, payload_type: 8, sequence: n, timestamp: 0, ssrc: 0x666 };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend([0; 160]);
        net.deliver(ALICE, Channel::Rtp, stranger, &bytes);
        net.ms(20);
    }
    assert_eq!(net.phones[BOB].heard.len(), heard + 50, "his packets are not relayed");

    let moved = SocketAddr::from(([203, 0, 113, 9], 61_777));
    net.phones[ALICE].speaks = false;
    net.ms(400);
    net.phones[ALICE].speaks = true;
    net.phones[ALICE].address = moved;
    let from = net.now;
    net.ms(400);
    assert_eq!(net.count(|event| *event == Event::Latched { leg: LegKey(0), from: moved }), 1);
    assert_eq!(net.phones[ALICE].hears(from), Some(BOB_HZ));

    net.phones[ALICE].address = private;
    net.describe(ALICE, |_| {});
    net.describe(ALICE, |command| {
        if let Command::Describe { remote, .. } = command {
            *remote = Some(SocketAddr::from(([192, 0, 2, 77], 9)));
        }
    });
    let heard = net.phones[ALICE].heard.len();
    net.phones[ALICE].speaks = false;
    net.ms(100);
    assert_eq!(net.phones[ALICE].heard.len(), heard, "after a new description we send there");
    assert_eq!(net.close(ALICE).strangers_dropped, 52);
}

#[test]
fn the_socket_is_connected_when_the_source_is_sure_and_let_go_when_it_falls_silent() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    let (from, frame) = (net.phones[ALICE].address, net.phones[ALICE].frame());
    let input = Input::Packet { pair: 0, channel: Channel::Rtp, from, bytes: &frame };
    net.core.handle(net.now, input, &mut net.out);
    assert_eq!((net.out.bonds.len(), net.out.bonds[0].to), (1, Some(from)));
    net.out.clear();
    let later = net.now + Duration::from_millis(299);
    assert!(net.core.poll_timeout().unwrap() > later);
    let silent = net.now + Duration::from_millis(300);
    assert_eq!(net.core.poll_timeout(), Some(silent));
    net.core.handle(silent, Input::Tick, &mut net.out);
    assert_eq!((net.out.bonds.len(), net.out.bonds[0].to), (1, None));
}

#[test]
fn losses_stay_gaps_whatever_the_weather() {
    for seed in 0..30 {
        let mut net = Net::new(seed);
        net.phone(format(Codec::Pcma), ALICE_HZ);
        net.phone(format(Codec::Pcmu), BOB_HZ);
        net.weather =
            Weather { lost_percent: seed % 7 * 3, doubled_percent: seed % 5 * 4, late_ms_max: seed % 4 * 30 };
        net.music(ALICE);
        net.ms(300);
        net.bridge();
        let bridged = net.now;
        net.ms(3000);
        net.weather = Weather::default();
        net.phones.iter_mut().for_each(|phone| phone.speaks = false);
        net.ms(200);
        assert_eq!(net.phones[ALICE].hears(bridged), Some(BOB_HZ), "seed {seed}");
        assert_eq!(net.phones[BOB].hears(bridged), Some(ALICE_HZ), "seed {seed}");
        // Every packet that Bob spoke keeps its distance to the next in sequence and in time: order is restored by
        // the number, doubles are identical.
        let mut headers: Vec<_> = net.phones[BOB].headers().into_iter().map(|(_, header)| header).collect();
        let first = headers[0].clone();
        headers.sort_by_key(|header| sequence::distance(first.sequence, header.sequence));
        for pair in headers.windows(2) {
            let steps = sequence::distance(pair[0].sequence, pair[1].sequence);
            let moved = sequence::samples_between(pair[0].timestamp, pair[1].timestamp);
            assert_eq!(moved, steps * 160, "seed {seed}");
        }
        let stats = net.close(ALICE);
        let doubled = net.weather.doubled_percent == 0 && seed % 5 == 0;
        if doubled {
            let sent = 3300 / 20;
            let missing = i64::try_from(sent - stats.packets_in).unwrap();
            // What was lost before the first or after the last arrival cannot be known.
            assert!((missing - stats.lost_in).abs() <= 6, "seed {seed}: {missing} {stats:?}");
        }
    }
}

#[test]
fn reports_tell_the_truth_about_a_hand_made_stream() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.bridge();
    net.phones[BOB].speaks = true;
    net.phones[ALICE].speaks = false;
    // Alice sends every 20 ms, and every tenth packet is lost.
    let from = net.phones[ALICE].address;
    for n in 0..600 {
        let frame = net.phones[ALICE].frame();
        if n % 10 != 5 {
            net.deliver(ALICE, Channel::Rtp, from, &frame);
        }
        net.ms(20);
    }
    let reports = net.phones[ALICE].reports.clone();
    assert!((2..=6).contains(&reports.len()), "{} in 12 s", reports.len());
    let heard = rtcp::read(&reports.last().unwrap().1, net.phones[ALICE].ssrc).unwrap();
    let block = heard.block.unwrap();
    let passed = reports.last().unwrap().0.as_micros() - 5_000_000;
    let lost = passed / 20_000 / 10;
    assert!((i64::from(block.lost) - lost as i64).abs() <= 1, "{block:?} {lost}");
    assert!((22..=30).contains(&block.fraction_lost), "a tenth of 256: {block:?}");
    assert_eq!(block.jitter, 0);
    let sender = heard.sender.expect("we send what Bob says");
    assert!(u64::from(sender.packets).abs_diff(passed / 20_000) <= 1, "{sender:?}");
    assert_eq!(sender.octets, sender.packets * 160);
    assert_eq!(heard.ssrc, net.phones[ALICE].headers()[0].1.ssrc);
    let gaps: Vec<_> = reports.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis()).collect();
    assert!(gaps.iter().all(|gap| (2000..=6200).contains(gap)), "{gaps:?}");
    let text = String::from_utf8_lossy(&reports[0].1).into_owned();
    assert!(!text.contains("192.0.2") && !text.contains("127.0"), "no address in the name");

    // Alice answers the last report after 100 ms and says that she held it for 60.
    let sent_at = reports.last().unwrap().0;
    let answer_at = sent_at.max(net.now) + Duration::from_millis(100);
    let hold = answer_at.since(sent_at).saturating_sub(Duration::from_millis(40));
    let answer = rtcp::Report {
        ssrc: net.phones[ALICE].ssrc,
        sender: None,
        block: Some(rtcp::Block {
            ssrc: heard.ssrc,
            fraction_lost: 0,
            lost: 7,
            highest: 0,
            jitter: 80,
            last_report: rtcp::middle(sender.ntp),
            delay: rtcp::fixed_point(hold),
        }),
        cname: b"alice",
        bye: false,
    };
    let mut bytes = Vec::new();
    rtcp::write(&mut bytes, &answer);
    net.now = answer_at;
    net.deliver(ALICE, Channel::Rtcp, SocketAddr::from(([192, 0, 2, 1], 4001)), &bytes);
    let stats = net.close(ALICE);
    let trip = stats.round_trip.unwrap();
    assert!(trip.abs_diff(Duration::from_millis(40)) < Duration::from_millis(1), "{trip:?}");
    assert_eq!((stats.lost_out, stats.jitter_out), (Some(7), Some(Duration::from_millis(10))));
    assert_eq!((stats.lost_in, stats.packets_in), (60, 540));
    let bye = rtcp::read(&net.phones[ALICE].reports.last().unwrap().1, 0).unwrap();
    assert!(bye.bye);
}

#[test]
fn no_media_is_told_once_and_not_while_nothing_is_expected() {
    let told = |net: &Net| net.count(|event| matches!(event, Event::NoMedia { .. }));
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.phones.iter_mut().for_each(|phone| phone.speaks = false);
    net.ms(5000);
    assert_eq!(told(&net), 0, "off by default");
    net.command(Command::Watch { leg: LegKey(0), no_media_timeout: Some(Duration::from_secs(2)) });
    net.ms(1990);
    assert_eq!(told(&net), 0);
    net.ms(20);
    assert_eq!(told(&net), 1);
    net.ms(9000);
    assert_eq!(told(&net), 1, "once");
    net.phones[ALICE].speaks = true;
    net.ms(3000);
    assert_eq!(told(&net), 1);
    net.phones[ALICE].speaks = false;
    net.describe(ALICE, |command| {
        if let Command::Describe { receives, .. } = command {
            *receives = false;
        }
    });
    net.ms(30_000);
    assert_eq!(told(&net), 1, "a held peer owes nothing");
    net.describe(ALICE, |_| {});
    net.ms(2010);
    assert_eq!(told(&net), 2);
}

#[test]
fn a_leg_that_may_not_send_is_quiet_and_its_prompts_end_all_the_same() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.describe(ALICE, |command| {
        if let Command::Describe { sends, .. } = command {
            *sends = false;
        }
    });
    net.hear(ALICE, Source::Prompts { files: vec!["hello".to_owned()], then: Then::Silence, number: 7 });
    net.ms(600);
    assert_eq!(net.phones[ALICE].heard.len(), 0);
    assert_eq!(net.count(|event| matches!(event, Event::PromptDone { .. })), 1);
}

#[test]
fn a_silent_stream_is_kept_alive_and_an_idle_core_asks_for_nothing() {
    let mut net = Net::new(1);
    assert_eq!(net.core.poll_timeout(), None);
    net.phone(format(Codec::Pcma), ALICE_HZ);
    net.phones[ALICE].speaks = false;
    net.ms(30_000);
    assert_eq!(net.phones[ALICE].heard.len(), 0, "a leg that never sent says nothing by itself");
    assert!(net.ticks < 20, "{} wake-ups in 30 s", net.ticks);
    net.hear(ALICE, Source::Prompts { files: vec!["hello".to_owned()], then: Then::Silence, number: 7 });
    net.ms(600);
    let spoken = net.phones[ALICE].heard.len();
    net.ms(31_000);
    assert_eq!(net.phones[ALICE].heard.len(), spoken + 3);
    net.assert_whole(ALICE);
    net.close(ALICE);
    assert_eq!(net.core.legs(), 0);
    let wakes = net.ticks;
    net.ms(10_000);
    assert!(net.ticks <= wakes + 1, "only a timer that nobody waits for any more");
    assert_eq!(net.core.poll_timeout(), None);
}

#[test]
fn whoever_heard_a_leg_that_ends_hears_silence_and_nonsense_is_counted() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.bridge();
    net.ms(200);
    net.close(ALICE);
    let heard = net.phones[BOB].heard.len();
    net.phones[ALICE].speaks = false;
    net.ms(200);
    assert_eq!(net.phones[BOB].heard.len(), heard);
    net.music(BOB);
    net.ms(200);
    net.assert_whole(BOB);

    let bad = net.core.counters.bad_commands;
    net.command(Command::Close { leg: LegKey(99) });
    net.hear(BOB, Source::Leg(LegKey(99)));
    for port in [7, FIRST_PORT + 1, FIRST_PORT + 2, FIRST_PORT + 5000] {
        let leg = LegKey(u64::from(port));
        net.command(Command::Open { leg, port, no_media_timeout: None, guard: Guard::Learn });
        assert_eq!(
            net.count(|event| matches!(event, Event::Closed { leg: closed, .. } if *closed == leg)),
            1
        );
    }
    assert_eq!(net.core.counters.bad_commands, bad + 6);
    net.core.abandon(&mut net.out);
    assert_eq!(net.core.counters.panics, 1);
}

#[test]
fn after_a_stall_the_stream_goes_on_without_a_burst() {
    let mut net = Net::two(Codec::Pcma, Codec::Pcma);
    net.music(ALICE);
    net.ms(200);
    let before = net.phones[ALICE].heard.len();
    net.now = net.now + Duration::from_millis(800);
    net.core.handle(net.now, Input::Tick, &mut net.out);
    net.drain();
    assert_eq!(net.phones[ALICE].heard.len(), before + 1);
    net.ms(200);
    net.assert_whole(ALICE);
    assert!(net.core.counters.frames_missed >= 38);
}

const WAIT: Duration = Duration::from_secs(5);

/// A worker with real sockets, and two phones on legs 0 (u-law) and 1 (A-law).
struct Live {
    media: Media,
    events: Receiver<Event>,
    phones: Vec<UdpSocket>,
    ports: Vec<u16>,
}

/// Each test's workers have ports of their own.
fn live_ports() -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(33_000);
    let first = NEXT.fetch_add(100, Ordering::Relaxed);
    first..=first + 99
}

fn live_settings(address: IpAddr, sockets: Sockets, ports: RangeInclusive<u16>) -> Settings {
    Settings {
        address,
        sockets,
        ports,
        workers: 1,
        sounds: sounds(),
        automatic_level: false,
        busy_percent_max: 75,
        entropy: [7; 32],
    }
}

/// Runs a test with a socket for each port, and with one for all of them where this process may have that.
fn both_ways(test: impl Fn(Live)) {
    for sockets in [Sockets::Each, Sockets::Shared] {
        match Live::start(sockets, live_ports()) {
            Ok(live) => test(live),
            Err(MediaError::Shared(why)) => {
                // Not by `eprintln!`, which a passing test keeps to itself.
                let said =
                    format!("NOT TESTED with one socket for all ports, which is not to be had here: {why}\n");
                std::io::stderr().write_all(said.as_bytes()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Live {
    fn start(sockets: Sockets, range: RangeInclusive<u16>) -> Result<Self, MediaError> {
        let (events_tx, events) = std::sync::mpsc::sync_channel(1024);
        let sink = move |event| drop(events_tx.try_send(event));
        let settings = live_settings([127, 0, 0, 1].into(), sockets, range);
        let media = Media::start(settings, Clock::machine(), sink)?;
        assert_eq!(media.sockets(), sockets);
        let Event::Ports { worker: 0, ports } = events.recv_timeout(WAIT).unwrap() else {
            panic!("ports first")
        };
        let mut live = Self { media, events, phones: Vec::new(), ports };
        live.phone(Codec::Pcmu, live.ports[0]);
        live.phone(Codec::Pcma, live.ports[1]);
        Ok(live)
    }

    fn phone(&mut self, codec: Codec, port: u16) {
        let leg = LegKey(self.phones.len() as u64);
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_read_timeout(Some(WAIT)).unwrap();
        phone.connect(("127.0.0.1", port)).unwrap();
        self.send(Command::Open { leg, port, no_media_timeout: None, guard: Guard::Signalled });
        self.send(Command::Describe {
            leg,
            remote: Some(phone.local_addr().unwrap()),
            rtcp: None,
            rtcp_mux: true,
            send: format(codec),
            receive: format(codec),
            sends: true,
            receives: true,
        });
        self.phones.push(phone);
    }

    fn send(&self, command: Command) {
        self.media.send(0, command).unwrap();
    }

    fn hear(&self, leg: u64, source: Source) {
        self.send(Command::Hear { leg: LegKey(leg), source });
    }

    /// A packet of Bob's, sent from `socket` to Bob's leg.
    fn speak(&self, socket: &UdpSocket, sequence: u16, payload: u8) {
        let timestamp = u32::from(sequence) * 160;
        let header = Outgoing { marker: false, payload_type: 8, sequence, timestamp, ssrc: 5 };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend([payload; 160]);
        socket.send_to(&bytes, ("127.0.0.1", self.ports[1])).unwrap();
    }

    /// The next audio that Alice hears.
    fn heard(&self) -> u8 {
        let mut buffer = [0; 2048];
        loop {
            let length = self.phones[0].recv(&mut buffer).expect("audio for Alice");
            if !packet::is_rtcp(&buffer[..length]) {
                let header = packet::read(&buffer[..length]).unwrap();
                return buffer[header.payload][0];
            }
        }
    }

    /// Bob is heard by Alice, and known to be where he is.
    fn bridged(&self) -> u16 {
        self.hear(0, Source::Leg(LegKey(1)));
        self.hear(1, Source::Leg(LegKey(0)));
        self.phones[0].set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut buffer = [0; 2048];
        let mut sequence = 0;
        loop {
            sequence += 1;
            assert!(sequence < 250, "nothing is relayed");
            self.speak(&self.phones[1], sequence, 0);
            if self.phones[0].recv(&mut buffer).is_ok() {
                break;
            }
        }
        while self.phones[0].recv(&mut buffer).is_ok() {}
        self.phones[0].set_read_timeout(Some(WAIT)).unwrap();
        sequence
    }

    /// The next leg that ends.
    fn closed(&self) -> (LegKey, LegStats) {
        loop {
            if let Event::Closed { leg, stats } = self.events.recv_timeout(WAIT).unwrap() {
                return (leg, stats);
            }
        }
    }
}

#[test]
fn two_phones_talk_through_a_worker_over_real_sockets() {
    both_ways(two_phones_talk);
}

fn two_phones_talk(live: Live) {
    live.hear(0, Source::Music { class: "default".to_owned() });
    let mut buffer = [0; 2048];
    let length = live.phones[0].recv(&mut buffer).unwrap();
    let music = packet::read(&buffer[..length]).unwrap();
    assert_eq!((music.payload_type, music.payload.len()), (0, 160));

    live.hear(0, Source::Leg(LegKey(1)));
    live.hear(1, Source::Leg(LegKey(0)));
    // The worker may see the first packets before the commands: Bob speaks until he is heard three times.
    let bob = [ALAW_TO_ULAW[usize::from(alaw_encode(8000))]; 160];
    live.phones[0].set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut sequence, mut markers) = (0, Vec::new());
    while markers.len() < 3 {
        sequence += 1;
        assert!(sequence < 250, "nothing is relayed");
        let timestamp = u32::from(sequence) * 160;
        let header = Outgoing { marker: false, payload_type: 8, sequence, timestamp, ssrc: 5 };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend([alaw_encode(8000); 160]);
        live.phones[1].send(&bytes).unwrap();
        let Ok(length) = live.phones[0].recv(&mut buffer) else { continue };
        let relayed = packet::read(&buffer[..length]).unwrap();
        if !packet::is_rtcp(&buffer[..length]) && buffer[relayed.payload.clone()] == bob {
            assert_eq!(relayed.ssrc, music.ssrc);
            markers.push(relayed.marker);
        }
    }
    assert_eq!(markers, [true, false, false], "the agent's first packet begins a talk spurt");

    live.phones[0].send(POISON).unwrap();
    assert_eq!(live.closed().0, LegKey(0), "a panic ends the leg in whose name code ran");
    live.send(Command::Close { leg: LegKey(1) });
    let (leg, stats) = live.closed();
    assert_eq!(leg, LegKey(1), "and no other");
    assert!(stats.packets_in >= 3 && stats.packets_in <= u64::from(sequence), "{stats:?}");
    assert_eq!(stats.bytes_in, stats.packets_in * 160);
    assert_eq!(live.media.send(7, Command::Restock), Err(Full));
    live.media.stop();
}

#[test]
fn strangers_to_a_settled_source_are_kept_out() {
    both_ways(|live| {
        let sequence = live.bridged();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 1..=3 {
            live.speak(&stranger, sequence + n, 0x11);
        }
        live.speak(&live.phones[1], sequence + 1, 0x22);
        assert_eq!(live.heard(), ALAW_TO_ULAW[0x22]);
        live.send(Command::Close { leg: LegKey(1) });
        let (_, stats) = live.closed();
        // Bob's first may have come before the worker knew of his leg.
        assert!(stats.packets_in <= u64::from(sequence) + 1, "{stats:?}");
        // A connected socket keeps them from us altogether, which `port_pool` tests: how many come here before that,
        // or after a pause in which it was let go, is up to the machine.
        match live.media.sockets() {
            Sockets::Shared => assert_eq!(stats.strangers_dropped, 3),
            Sockets::Each => assert!(stats.strangers_dropped <= 3, "{stats:?}"),
            Sockets::Auto => unreachable!("a worker has decided"),
        }
    });
}

#[test]
fn reports_travel_on_the_next_port() {
    both_ways(|live| {
        let rtcp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtcp.connect(("127.0.0.1", live.ports[0] + 1)).unwrap();
        rtcp.set_read_timeout(Some(WAIT)).unwrap();
        live.send(Command::Describe {
            leg: LegKey(0),
            remote: Some(live.phones[0].local_addr().unwrap()),
            rtcp: Some(rtcp.local_addr().unwrap()),
            rtcp_mux: false,
            send: format(Codec::Pcmu),
            receive: format(Codec::Pcmu),
            sends: true,
            receives: true,
        });
        live.hear(0, Source::Music { class: "default".to_owned() });
        let mut buffer = [0; 2048];
        let length = live.phones[0].recv(&mut buffer).unwrap();
        let ours = packet::read(&buffer[..length]).unwrap().ssrc;
        let block =
            Block { ssrc: ours, fraction_lost: 0, lost: 7, highest: 1, jitter: 0, last_report: 0, delay: 0 };
        let mut report = Vec::new();
        let cname = b"sixteen letters.";
        let said = Report { ssrc: 9, sender: None, block: Some(block), cname, bye: false };
        rtcp::write(&mut report, &said);
        rtcp.send(&report).unwrap();
        // The socket is connected: it hears from that port alone.
        let length = rtcp.recv(&mut buffer).unwrap();
        assert!(packet::is_rtcp(&buffer[..length]));
        live.send(Command::Close { leg: LegKey(0) });
        assert_eq!(live.closed().1.lost_out, Some(7));
    });
}

#[test]
fn a_port_of_another_program_stays_its_own() {
    both_ways(|live| {
        let sockets = live.media.sockets();
        live.media.stop();
        let range = live_ports();
        let squatter = UdpSocket::bind(("127.0.0.1", *range.start() + 4)).unwrap();
        squatter.set_read_timeout(Some(WAIT)).unwrap();
        let live = Live::start(sockets, range.clone()).unwrap();
        assert!(!live.ports.contains(&(range.start() + 4)), "{:?}", live.ports);
        for port in live.ports {
            let taken = UdpSocket::bind(("127.0.0.1", port)).unwrap_err();
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse, "ours is ours");
        }
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other.send_to(b"hello", squatter.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(squatter.recv(&mut buffer).unwrap(), 5);
    });
}

#[test]
fn a_phone_that_is_gone_costs_nobody_else_his_audio() {
    both_ways(|mut live| {
        let sequence = live.bridged();
        // Its host refuses what is sent to it from now on.
        let gone = live.phones.remove(0);
        let address = gone.local_addr().unwrap();
        drop(gone);
        for n in 1..=20 {
            live.speak(&live.phones[0], sequence + n, 0x22);
        }
        let back = UdpSocket::bind(address).unwrap();
        back.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut buffer = [0; 2048];
        let mut n = 20;
        while back.recv(&mut buffer).is_err() {
            n += 1;
            assert!(n < 200, "nothing is relayed any more");
            live.speak(&live.phones[0], sequence + n, 0x22);
        }
        live.send(Command::Close { leg: LegKey(1) });
        let came = live.closed().1.packets_in;
        assert!(came > 0 && came <= u64::from(sequence + n), "{came} of {n} after {sequence}");
    });
}

#[test]
fn many_legs_of_many_hosts_talk_at_once() {
    both_ways(|live| {
        // More hosts than have sockets of their own, some with many packets in a batch, and every leg hears Bob.
        let mut phones = Vec::new();
        for (index, port) in live.ports.iter().enumerate().skip(2).take(40) {
            let host = if index % 2 == 0 { 1 } else { index as u8 };
            let phone = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).unwrap();
            phone.set_read_timeout(Some(WAIT)).unwrap();
            phone.connect(("127.0.0.1", *port)).unwrap();
            let leg = LegKey(index as u64);
            live.send(Command::Open { leg, port: *port, no_media_timeout: None, guard: Guard::Learn });
            live.send(Command::Describe {
                leg,
                remote: Some(phone.local_addr().unwrap()),
                rtcp: None,
                rtcp_mux: true,
                send: format(Codec::Pcma),
                receive: format(Codec::Pcma),
                sends: true,
                receives: true,
            });
            live.hear(index as u64, Source::Leg(LegKey(1)));
            phones.push(phone);
        }
        let sequence = live.bridged();
        for n in 1..=50 {
            live.speak(&live.phones[1], sequence + n, n as u8);
        }
        for phone in phones {
            let mut last = 0;
            let mut buffer = [0; 2048];
            while last < 50 {
                let length = phone.recv(&mut buffer).expect("every packet comes");
                let payload = packet::read(&buffer[..length]).unwrap().payload;
                let heard = buffer[payload][0];
                assert!(heard == 0 && last == 0 || heard == last + 1, "{heard} after {last}");
                last = heard;
            }
        }
    });
}

#[test]
fn where_one_socket_is_not_to_be_had_each_port_has_its_own_or_the_reason_is_told() {
    let start = |address: IpAddr, sockets| {
        Media::start(live_settings(address, sockets, live_ports()), Clock::machine(), |_| {})
    };
    let error = start(Ipv4Addr::UNSPECIFIED.into(), Sockets::Shared).unwrap_err().to_string();
    assert!(error.contains("media.sockets") && error.contains("CAP_BPF"), "{error}");
    let media = start(Ipv4Addr::UNSPECIFIED.into(), Sockets::Auto).unwrap();
    assert_eq!(media.sockets(), Sockets::Each);
}
