//! Rooms: who hears whom in each mode, over good and bad networks, and what a stream looks and sounds like at every change
//! between relay, music and a room.

use super::*;
use crate::codec::tone::goertzel;
use crate::media::HeardBy;
use crate::media::RoomKey;

const ROOM: RoomKey = RoomKey(77);
const CAROL: usize = 2;
const CAROL_HZ: u32 = 1300;
/// What may be heard: parties of larger rooms, music, the prompt.
const TONES: [u32; 9] = [ALICE_HZ, BOB_HZ, CAROL_HZ, 1900, 2200, 2500, 2800, MUSIC_HZ, PROMPT_HZ];

fn only(legs: &[usize]) -> HeardBy {
    HeardBy::Only(legs.iter().map(|leg| LegKey(*leg as u64)).collect())
}

impl Net {
    fn three() -> Self {
        let mut net = Self::two(Codec::Pcma, Codec::Pcmu);
        net.phone(format(Codec::Pcma), CAROL_HZ);
        net
    }

    fn enter(&mut self, index: usize, heard_by: HeardBy) {
        self.hear(index, Source::Room { room: ROOM, heard_by });
    }

    /// All that a phone heard from then on, in the order in which it came.
    fn sound(&self, index: usize, from: Instant) -> Vec<i16> {
        let phone = &self.phones[index];
        let mut samples = Vec::new();
        for (_, bytes) in phone.heard.iter().filter(|(at, _)| *at >= from) {
            let header = packet::read(bytes).unwrap();
            if header.payload_type == phone.format.payload {
                samples.extend(decode(phone.format.codec, &bytes[header.payload]));
            }
        }
        samples
    }

    /// The tones in it.
    fn tones(&self, index: usize, from: Instant) -> BTreeSet<u32> {
        let sound = self.sound(index, from);
        TONES.into_iter().filter(|hz| goertzel(&sound, 8000, *hz) > 0.04).collect()
    }

    /// Lets time pass and says what each phone hears in it, its first 300 ms left out.
    fn matrix(&mut self, ms: u64) -> Vec<BTreeSet<u32>> {
        self.ms(300);
        let from = self.now;
        self.ms(ms);
        (0..self.phones.len()).map(|index| self.tones(index, from)).collect()
    }

    /// One SSRC, no number left out, never more than a slot between two packets, nothing stamped twice.
    #[track_caller]
    fn assert_unbroken(&self, index: usize, from: Instant) {
        let headers: Vec<_> =
            self.phones[index].headers().into_iter().filter(|(at, _)| *at >= from).collect();
        assert!(headers.len() > 10);
        for pair in headers.windows(2) {
            let ((earlier, before), (at, after)) = (&pair[0], &pair[1]);
            assert_eq!(after.ssrc, before.ssrc, "at {at:?}");
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "at {at:?}");
            assert!(at.since(*earlier) <= Duration::from_millis(21), "{:?} at {at:?}", at.since(*earlier));
            let moved = sequence::samples_between(before.timestamp, after.timestamp);
            assert!((160..=328).contains(&moved), "at {at:?}: {moved}");
        }
    }
}

fn set(tones: &[u32]) -> BTreeSet<u32> {
    tones.iter().copied().collect()
}

fn steepest(samples: &[i16]) -> i32 {
    let steps = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    steps.max().unwrap_or(0)
}

#[test]
fn three_hear_each_other_and_nobody_himself_in_any_weather() {
    for seed in 0..10 {
        let mut net = Net::three();
        net.random = Random::seeded(seed);
        if seed > 0 {
            net.weather = Weather { lost_percent: 4, doubled_percent: 3, late_ms_max: 5 * seed };
        }
        for index in [ALICE, BOB, CAROL] {
            net.enter(index, HeardBy::All);
        }
        let heard = net.matrix(2000);
        assert_eq!(heard[ALICE], set(&[BOB_HZ, CAROL_HZ]), "seed {seed}");
        assert_eq!(heard[BOB], set(&[ALICE_HZ, CAROL_HZ]), "seed {seed}");
        assert_eq!(heard[CAROL], set(&[ALICE_HZ, BOB_HZ]), "seed {seed}");
        for index in [ALICE, BOB, CAROL] {
            net.assert_unbroken(index, Instant::from_micros(5_100_000));
            assert!(net.sound(index, Instant::default()).iter().all(|s| s.unsigned_abs() < 32_000));
        }
        assert_eq!((net.core.counters.panics, net.core.counters.bad_commands), (0, 0));
    }
}

#[test]
fn a_supervisor_listens_whispers_and_barges() {
    let mut net = Net::three();
    net.bridge();
    net.ms(500);
    for (mode, heard_by, alice, bob) in [
        ("listen", only(&[]), vec![BOB_HZ], vec![ALICE_HZ]),
        ("whisper", only(&[BOB]), vec![BOB_HZ], vec![ALICE_HZ, CAROL_HZ]),
        ("barge", HeardBy::All, vec![BOB_HZ, CAROL_HZ], vec![ALICE_HZ, CAROL_HZ]),
        ("listen again", only(&[]), vec![BOB_HZ], vec![ALICE_HZ]),
    ] {
        net.enter(CAROL, heard_by);
        net.enter(ALICE, HeardBy::All);
        net.enter(BOB, HeardBy::All);
        let heard = net.matrix(1000);
        assert_eq!(heard[ALICE], set(&alice), "{mode}");
        assert_eq!(heard[BOB], set(&bob), "{mode}");
        assert_eq!(heard[CAROL], set(&[ALICE_HZ, BOB_HZ]), "{mode}");
    }
    // He goes, and the two are relayed again.
    net.close(CAROL);
    net.bridge();
    let heard = net.matrix(1000);
    assert_eq!((&heard[ALICE], &heard[BOB]), (&set(&[BOB_HZ]), &set(&[ALICE_HZ])));
    assert_eq!(net.core.rooms.count(), 0);
    for index in [ALICE, BOB] {
        net.assert_unbroken(index, Instant::from_micros(5_100_000));
    }
}

#[test]
fn any_of_three_may_go_and_the_other_two_stay() {
    for gone in [ALICE, BOB, CAROL] {
        let mut net = Net::three();
        for index in [ALICE, BOB, CAROL] {
            net.enter(index, HeardBy::All);
        }
        net.ms(1000);
        net.close(gone);
        net.phones[gone].speaks = false;
        let heard = net.matrix(1000);
        let hz = [ALICE_HZ, BOB_HZ, CAROL_HZ];
        let left: Vec<usize> = (0..3).filter(|index| *index != gone).collect();
        assert_eq!(heard[left[0]], set(&[hz[left[1]]]));
        assert_eq!(heard[left[1]], set(&[hz[left[0]]]));
        assert_eq!(net.core.rooms.count(), 1);
        net.close(left[0]);
        net.close(left[1]);
        assert_eq!((net.core.rooms.count(), net.core.legs()), (0, 0));
        net.ms(1000);
        assert_eq!(net.core.poll_timeout(), None, "an empty worker sleeps");
    }
}

#[test]
fn seven_hear_each_other_and_one_who_is_muted_is_not_heard() {
    let mut net = Net::three();
    for hz in [1900, 2200, 2500, 2800] {
        net.phone(format(Codec::Pcmu), hz);
    }
    let hz = [ALICE_HZ, BOB_HZ, CAROL_HZ, 1900, 2200, 2500, 2800];
    for index in 0..7 {
        net.enter(index, if index == BOB { only(&[]) } else { HeardBy::All });
    }
    for (index, heard) in net.matrix(1000).into_iter().enumerate() {
        let others = hz.iter().copied().enumerate().filter(|(other, _)| *other != index && *other != BOB);
        assert_eq!(heard, others.map(|(_, hz)| hz).collect(), "phone {index}");
        net.assert_unbroken(index, Instant::from_micros(5_200_000));
    }
}

/// Two low voices, whose waves have no steep places, so that a click shows.
fn low_voices() -> Net {
    let mut net = Net::new(3);
    net.phone(format(Codec::Pcmu), 150);
    net.phone(format(Codec::Pcma), 200);
    net
}

#[test]
fn relay_to_room_and_back_is_one_stream_without_a_click_whatever_the_moment() {
    for offset_ms in 0..20 {
        let mut net = low_voices();
        net.bridge();
        net.ms(400 + offset_ms);
        let from = net.now;
        for _ in 0..3 {
            net.enter(ALICE, HeardBy::All);
            net.enter(BOB, HeardBy::All);
            net.ms(503);
            net.bridge();
            net.ms(401);
        }
        for index in [ALICE, BOB] {
            net.assert_unbroken(index, from);
            // 200 Hz of 8,000 moves by 1,257 in a sample, and a step of G.711 up there is 256.
            let steep = steepest(&net.sound(index, from));
            assert!(steep < 2000, "offset {offset_ms} ms: a step of {steep}");
        }
        assert_eq!(net.core.rooms.count(), 0);
    }
}

#[test]
fn music_to_room_to_music_to_silence_is_one_stream() {
    for offset_ms in [0, 3, 11, 19] {
        let mut net = low_voices();
        net.music(ALICE);
        net.enter(BOB, HeardBy::All);
        net.ms(400 + offset_ms);
        let from = net.now;
        net.enter(ALICE, HeardBy::All);
        net.ms(407);
        net.music(ALICE);
        net.ms(393);
        net.enter(ALICE, HeardBy::All);
        net.ms(400);
        net.assert_unbroken(ALICE, from);
        // The music's 1,000 Hz moves by 6,283 in a sample.
        let steep = steepest(&net.sound(ALICE, from));
        assert!(steep < 7400, "offset {offset_ms} ms: a step of {steep}");
        net.hear(ALICE, Source::Silence);
        let before = net.phones[ALICE].heard.len();
        net.ms(500);
        assert_eq!(net.phones[ALICE].heard.len(), before);
        net.hear(ALICE, Source::Prompts { files: vec!["hello".to_owned()], then: Then::Silence, number: 9 });
        net.enter(ALICE, HeardBy::All);
        net.ms(1000);
        let done = |event: &Event| matches!(event, Event::PromptDone { number: 9, .. });
        assert_eq!(net.count(done), 0, "the room took the prompt's place");
        assert_eq!(net.matrix(500)[ALICE], set(&[]), "200 Hz is none of the known tones");
        assert!(goertzel(&net.sound(ALICE, from)[..], 8000, 200) > 0.1);
    }
}

#[test]
fn a_leg_that_hears_somebody_silent_still_comes_into_the_room_and_out_of_it() {
    let mut net = Net::three();
    net.bridge();
    net.ms(300);
    net.phones[BOB].speaks = false;
    net.ms(300);
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
    }
    assert_eq!(net.matrix(500)[ALICE], set(&[CAROL_HZ]));
    net.bridge();
    net.ms(200);
    let heard = net.phones[ALICE].heard.len();
    net.ms(500);
    assert_eq!(net.phones[ALICE].heard.len(), heard, "out of the room, and nothing to relay");
    net.hear(CAROL, Source::Silence);
    assert_eq!(net.core.rooms.count(), 0);
}

#[test]
fn a_word_is_heard_within_eighty_milliseconds_and_a_frame() {
    let mut net = Net::three();
    net.phones[CAROL].speaks = false;
    net.phones[BOB].speaks = false;
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
    }
    net.phones[ALICE].speaks = false;
    net.ms(2000);
    let said = net.now;
    net.phones[ALICE].speaks = true;
    net.ms(1000);
    let loud = |bytes: &Vec<u8>| decode(Codec::Pcmu, &bytes[12..]).iter().any(|s| s.unsigned_abs() > 3000);
    let first = net.phones[BOB].heard.iter().find(|(at, bytes)| *at > said && loud(bytes)).unwrap();
    assert!(first.0.since(said) <= Duration::from_millis(100), "{:?}", first.0.since(said));
}

#[test]
fn what_is_announced_is_over_the_voices_and_ends_once() {
    let mut net = Net::three();
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
    }
    net.ms(500);
    let files = vec!["hello".to_owned(), "hello".to_owned()];
    net.command(Command::Announce { room: ROOM, files, number: 5 });
    let from = net.now;
    net.ms(900);
    for index in [ALICE, BOB, CAROL] {
        assert!(net.tones(index, from).contains(&PROMPT_HZ), "{:?}", net.tones(index, from));
        let sound = net.sound(index, from);
        assert!(goertzel(&sound[2400..], 8000, PROMPT_HZ) > 0.7, "the others are turned down");
    }
    net.ms(300);
    let announced = |event: &Event| *event == Event::Announced { room: ROOM, number: 5 };
    assert_eq!(net.count(announced), 1);
    assert_eq!(net.matrix(500)[ALICE], set(&[BOB_HZ, CAROL_HZ]));
    net.command(Command::Announce { room: ROOM, files: vec!["no such".to_owned()], number: 6 });
    assert_eq!(net.count(|event| *event == Event::Announced { room: ROOM, number: 6 }), 1);
    net.command(Command::Announce { room: RoomKey(1), files: Vec::new(), number: 7 });
    assert_eq!((net.core.counters.bad_commands, net.core.counters.sounds_missing), (1, 1));
}

#[test]
fn packets_are_as_long_as_was_agreed() {
    for ptime_ms in [10, 30, 40, 60] {
        let mut net = Net::two(Codec::Pcma, Codec::Pcmu);
        net.describe(ALICE, |command| {
            if let Command::Describe { send, .. } = command {
                send.ptime_ms = ptime_ms;
            }
        });
        net.enter(ALICE, HeardBy::All);
        net.enter(BOB, HeardBy::All);
        let heard = net.matrix(1200);
        assert_eq!((&heard[ALICE], &heard[BOB]), (&set(&[BOB_HZ]), &set(&[ALICE_HZ])), "{ptime_ms}");
        let headers = net.phones[ALICE].headers();
        let length = usize::from(ptime_ms) * 8;
        assert!(headers[5..].iter().all(|(_, header)| header.payload.len() == length), "{ptime_ms}");
        for pair in headers[5..].windows(2) {
            let moved = sequence::samples_between(pair[0].1.timestamp, pair[1].1.timestamp);
            assert_eq!(moved as usize, length, "{ptime_ms}");
        }
    }
}

#[test]
fn a_late_worker_leaves_out_slots_and_the_stream_leaves_room_for_them() {
    let mut net = Net::three();
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
    }
    net.ms(1000);
    net.now = net.now + Duration::from_millis(170);
    net.ms(1000);
    let moved: Vec<i32> = net.phones[ALICE]
        .headers()
        .windows(2)
        .map(|pair| sequence::samples_between(pair[0].1.timestamp, pair[1].1.timestamp))
        .collect();
    assert!(net.core.counters.frames_missed >= 3);
    assert!(moved.iter().any(|moved| *moved >= 640), "{moved:?}");
    assert_eq!(net.matrix(500)[ALICE], set(&[BOB_HZ, CAROL_HZ]));
}

/// Whoever panics is ended; the others go on.
#[test]
fn a_fault_ends_one_leg_and_not_the_room() {
    let mut net = Net::three();
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
    }
    net.ms(500);
    net.core.current = CAROL as u32;
    net.core.abandon(&mut net.out);
    net.drain();
    assert_eq!(net.count(|event| closed(event, LegKey(2)).is_some()), 1);
    assert_eq!(net.matrix(500)[ALICE], set(&[BOB_HZ]));
}

#[test]
fn eight_hours_of_a_quiet_room_with_a_word_now_and_then() {
    let mut net = Net::three();
    for index in [ALICE, BOB, CAROL] {
        net.enter(index, HeardBy::All);
        net.phones[index].speaks = false;
        // Everybody has said something, so that his address is known.
        let (from, bytes) = (net.phones[index].address, net.phones[index].frame());
        net.deliver(index, Channel::Rtp, from, &bytes);
    }
    let end = net.now + Duration::from_secs(8 * 3600);
    let (mut slots, mut hours) = (0u64, 0);
    while net.now < end {
        net.now = net.core.poll_timeout().unwrap();
        net.core.handle(net.now, Input::Tick, &mut net.out);
        slots +=
            net.out.sends.iter().filter(|send| send.channel == Channel::Rtp && send.pair == 0).count() as u64;
        net.out.clear();
        let hour = net.now.since(Instant::from_micros(5_000_000)).as_secs() / 3600;
        if hour > hours {
            // A second of all voices, an hour later on every clock.
            hours = hour;
            for index in [ALICE, BOB, CAROL] {
                net.phones[index].timestamp = net.phones[index].timestamp.wrapping_add(3600 * 8000);
                net.phones[index].speaks = true;
                net.phones[index].heard.clear();
            }
            assert_eq!(net.matrix(700)[ALICE], set(&[BOB_HZ, CAROL_HZ]), "hour {hour}");
            slots += net.phones[ALICE].heard.len() as u64;
            (0..3).for_each(|index| net.phones[index].speaks = false);
        }
    }
    assert_eq!(hours, 8);
    assert!(slots.abs_diff(8 * 3600 * 50) <= 60, "{slots}");
    assert_eq!(net.core.counters.frames_missed, 0);
}
