//! A stream of 20 ms packets through a bad network into the buffer, which a clock of 20 ms empties.

use super::*;

const TICKS: u32 = 160;

const fn ms(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

/// Seeded dice (Knuth's MMIX generator): this module may not name the project's own.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What the owner heard, a word for each slot of 20 ms.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Heard {
    Packet(u32),
    Gap,
    Silence,
}

/// The number that stands in a packet's payload.
fn number(payload: &[u8]) -> u32 {
    payload.first_chunk::<4>().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes))
}

fn put(jitter: &mut Jitter, now: Instant, n: u32) {
    put_from(jitter, now, 7, n, n.wrapping_mul(TICKS).wrapping_sub(3000));
}

fn put_from(jitter: &mut Jitter, now: Instant, ssrc: u32, n: u32, timestamp: u32) {
    let payload = n.to_be_bytes();
    jitter.put(now, Arrival { ssrc, timestamp, payload_type: 0, duration: TICKS, payload: &payload });
}

fn take(jitter: &mut Jitter, now: Instant) -> Heard {
    match jitter.take(now, TICKS) {
        Take::Packet(taken) => {
            let number = number(&taken.payload);
            jitter.recycle(taken.payload);
            Heard::Packet(number)
        }
        Take::Gap(ticks) => {
            assert!(ticks > 0 && ticks <= TICKS);
            Heard::Gap
        }
        Take::Silence => Heard::Silence,
    }
}

/// Packets sent every 20 ms of the sender's clock (`parts` millionths fast), which arrive as `fate` says: not at all, or
/// so many microseconds late; slots until `slots`.
fn run(slots: u64, parts: i64, mut fate: impl FnMut(u32) -> Option<u64>) -> (Jitter, Vec<Heard>) {
    let mut jitter = Jitter::new(8000);
    let mut flying: Vec<(u64, u32)> = Vec::new();
    let mut heard = Vec::new();
    let (mut sent, mut now) = (0u32, 1_000_000u64);
    for _ in 0..slots * 20 {
        loop {
            let due = i64::from(sent) * 20_000;
            let due = 1_000_000 + due - due * parts / 1_000_000;
            if due as u64 > now {
                break;
            }
            flying.extend(fate(sent).map(|late| (due as u64 + late, sent)));
            sent += 1;
        }
        flying.sort_unstable();
        while flying.first().is_some_and(|(at, _)| *at <= now) {
            let (at, n) = flying.remove(0);
            put(&mut jitter, Instant::from_micros(at), n);
        }
        if (now / 1000) % 20 == 7 {
            heard.push(take(&mut jitter, Instant::from_micros(now)));
        }
        now += 1000;
    }
    (jitter, heard)
}

fn packets(heard: &[Heard]) -> Vec<u32> {
    let number = |heard: &Heard| if let Heard::Packet(number) = heard { Some(*number) } else { None };
    heard.iter().filter_map(number).collect()
}

/// Numbers go up: nothing is heard twice or in the wrong order.
fn assert_in_order(heard: &[Heard]) {
    assert!(packets(heard).is_sorted_by(|a, b| a < b));
}

#[test]
fn a_good_network_loses_nothing_and_begins_after_forty_milliseconds() {
    let (jitter, heard) = run(200, 0, |_| Some(3000));
    let begins = heard.iter().position(|heard| matches!(heard, Heard::Packet(_))).unwrap();
    // Arrives at 1,003 ms, is due at 1,043, and the slot of 1,047 is the one within 10 ms of it.
    assert_eq!(begins, 2);
    assert_eq!(packets(&heard), (0..198).collect::<Vec<u32>>());
    assert_eq!(jitter.target(), DELAY_MIN, "learnt: it may be shorter");
    assert!((10_000..40_000).contains(&jitter.excess()), "{}", jitter.excess());
    assert_eq!(jitter.tally, Tally { starts: 1, ..Tally::default() });
}

#[test]
fn reordering_and_doubles_are_put_right() {
    let mut dice = Dice(11);
    let mut jitter = Jitter::new(8000);
    for pair in 0..50u32 {
        let now = ms(1000 + u64::from(pair) * 40);
        put(&mut jitter, now, pair * 2 + 1);
        put(&mut jitter, now, pair * 2);
        if dice.below(2) == 0 {
            put(&mut jitter, now, pair * 2 + 1);
        }
        if pair > 0 {
            let first = take(&mut jitter, now);
            let second = take(&mut jitter, now + Duration::from_millis(20));
            assert_eq!((first, second), (Heard::Packet(pair * 2 - 2), Heard::Packet(pair * 2 - 1)));
        }
    }
    assert!(jitter.tally.doubles > 10, "{:?}", jitter.tally);
    assert_eq!((jitter.tally.late, jitter.tally.gaps), (0, 0));
}

#[test]
fn what_is_lost_is_a_gap_of_its_length_and_no_more() {
    let mut dice = Dice(3);
    let mut lost = 0;
    let (jitter, heard) = run(3000, 0, |_| {
        let gone = dice.below(100) < 5;
        lost += u64::from(gone);
        (!gone).then(|| dice.below(10_000))
    });
    assert_in_order(&heard);
    let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count() as u64;
    assert!(gaps.abs_diff(lost) <= 4, "{gaps} gaps for {lost} lost");
    assert_eq!(jitter.tally.late, 0);
    assert!(packets(&heard).len() as u64 + lost + 10 > 3000);
}

#[test]
fn jitter_is_learnt_and_ninety_six_of_a_hundred_come_in_time() {
    let mut dice = Dice(5);
    let (jitter, heard) = run(3000, 0, |_| Some(dice.below(80_000)));
    assert_in_order(&heard);
    let target = jitter.target();
    assert!(target >= Duration::from_millis(70) && target <= Duration::from_millis(90), "{target:?}");
    let late: usize = heard[1000..].iter().filter(|heard| **heard != Heard::Gap).count();
    assert!(late * 100 >= 2000 * 95, "{late} of 2000");
}

#[test]
fn what_was_learnt_is_forgotten_when_the_weather_clears() {
    let mut dice = Dice(9);
    let (jitter, _) = run(4000, 0, |n| Some(if n < 1000 { dice.below(120_000) } else { 2000 }));
    assert!(jitter.target() <= Duration::from_millis(25), "{:?}", jitter.target());
    let mut dice = Dice(9);
    let (jitter, _) = run(1000, 0, |_| Some(dice.below(400_000)));
    assert_eq!(jitter.target(), DELAY_MAX, "never more");
}

#[test]
fn bursts_of_loss_end_in_silence_and_begin_anew() {
    let (jitter, heard) = run(500, 0, |n| (!(100..150).contains(&n)).then_some(2000));
    let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count();
    assert_eq!(gaps, 3, "sixty milliseconds");
    let silent = heard.iter().filter(|heard| **heard == Heard::Silence).count();
    assert!((45..=50).contains(&silent), "{silent}");
    assert_eq!(packets(&heard)[100..103], [150, 151, 152]);
    assert_eq!(jitter.tally.starts, 2);
}

#[test]
fn a_heap_of_packets_after_a_stall_is_not_played_a_second_late() {
    // For a second nothing arrives, then all of it at once.
    let (jitter, heard) = run(500, 0, |n| {
        let stalled = (100..150u32).contains(&n).then(|| u64::from(150 - n) * 20_000);
        Some(2000 + stalled.unwrap_or(0))
    });
    assert_in_order(&heard);
    assert!(jitter.tally.left_out > 30, "{:?}", jitter.tally);
    assert!(jitter.excess() < 50_000, "{}", jitter.excess());
    assert!(packets(&heard).last().is_some_and(|last| *last >= 488), "{:?}", packets(&heard).last());
}

#[test]
fn one_late_packet_after_a_dry_spell_is_heard_and_not_thrown_away() {
    let (jitter, heard) = run(100, 0, |n| Some(if n >= 50 { 50_000 } else { 1000 }));
    assert_in_order(&heard);
    assert_eq!(packets(&heard)[..95], (0..95).collect::<Vec<u32>>(), "all are heard, only later");
    assert_eq!(jitter.tally.late, 0);
}

#[test]
fn two_hundred_millionths_of_drift_show_as_excess_and_are_followed() {
    for parts in [200, -200] {
        // Ten minutes: the clocks part by 120 ms. The owner here never shortens or lengthens.
        let (jitter, heard) = run(30_000, parts, |_| Some(1000));
        assert_in_order(&heard);
        assert!(packets(&heard).len() > 29_980);
        assert!(jitter.target() <= Duration::from_millis(30), "{parts}: {:?}", jitter.target());
        if parts > 0 {
            assert!(jitter.excess() > 100_000, "{}", jitter.excess());
        }
    }
}

#[test]
fn numbers_wrap_and_eight_hours_are_in_order() {
    let mut jitter = Jitter::new(48_000);
    let mut heard = 0u32;
    for n in 0..1_440_000u32 {
        let now = ms(1000 + u64::from(n) * 20);
        let payload = n.to_be_bytes();
        let timestamp = n.wrapping_mul(960).wrapping_add(u32::MAX - 5000);
        jitter.put(now, Arrival { ssrc: 1, timestamp, payload_type: 0, duration: 960, payload: &payload });
        if let Take::Packet(taken) = jitter.take(now, 960) {
            assert_eq!(number(&taken.payload), heard);
            heard += 1;
            jitter.recycle(taken.payload);
        }
    }
    assert!(heard >= 1_439_997, "{heard}");
    assert_eq!(jitter.tally, Tally { starts: 1, ..Tally::default() });
}

#[test]
fn another_source_or_restarted_timestamps_begin_anew_and_are_a_cut() {
    let mut jitter = Jitter::new(8000);
    for n in 0..10 {
        put_from(&mut jitter, ms(1000 + n * 20), 1, n as u32, n as u32 * TICKS);
        take(&mut jitter, ms(1000 + n * 20));
    }
    let mut cuts = 0;
    for n in 10..20u32 {
        // Source 2, which restarts its timestamps at 15.
        let timestamp = if n < 15 { 77 + n * TICKS } else { 4_000_000 + n * TICKS };
        let now = ms(1000 + u64::from(n) * 20);
        put_from(&mut jitter, now, 2, n, timestamp);
        if let Take::Packet(taken) = jitter.take(now, TICKS) {
            assert!(number(&taken.payload) >= 10, "nothing of the old source");
            cuts += u32::from(taken.cut);
        }
    }
    assert_eq!((cuts, jitter.tally.starts), (2, 3));
}

#[test]
fn a_flood_is_bounded() {
    let mut jitter = Jitter::new(8000);
    for n in 0..5000 {
        put(&mut jitter, ms(1000), n % 90);
    }
    assert!(jitter.held.len() <= HELD_MAX);
    assert!(jitter.tally.doubles + jitter.tally.left_out > 4000);
}

#[test]
fn packets_of_ten_and_sixty_milliseconds_are_taken_as_they_are() {
    for length_ms in [10, 30, 60] {
        let mut jitter = Jitter::new(8000);
        let (mut ticks, mut fifo, mut empty) = (0u32, 0u32, 0);
        for now_ms in 1000..5000u64 {
            if now_ms % length_ms == 0 {
                let duration = length_ms as u32 * 8;
                let arrival =
                    Arrival { ssrc: 1, timestamp: ticks, payload_type: 0, duration, payload: &[0; 4] };
                jitter.put(ms(now_ms), arrival);
                ticks += duration;
            }
            if now_ms % 20 == 3 {
                while fifo < TICKS {
                    let played_at = ms(now_ms + u64::from(fifo) / 8);
                    match jitter.take(played_at, TICKS - fifo) {
                        Take::Packet(_) => fifo += length_ms as u32 * 8,
                        Take::Gap(_) => panic!("no gap at {now_ms} ms with packets of {length_ms} ms"),
                        Take::Silence => {
                            empty += 1;
                            fifo = TICKS;
                        }
                    }
                }
                fifo -= TICKS;
            }
        }
        assert!(empty <= 4, "{length_ms}: {empty}");
    }
}
