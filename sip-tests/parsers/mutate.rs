//! Mutations of messages: by bits and bytes, and by what matters in text: lines, numbers, separators.

use strowger::ids::Random;

/// Nothing that is made grows above this.
const LEN_MAX: usize = 70_000;

fn at(random: &mut Random, len: usize) -> usize {
    usize::try_from(random.below(len.max(1) as u64)).unwrap_or(0)
}

/// One of the seeds, changed in one to six places.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[at(random, seeds.len())].clone();
    for _ in 0..=random.below(6) {
        mutate(&mut data, seeds, random);
    }
    data.truncate(LEN_MAX);
    data
}

fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let place = at(random, data.len() + 1);
    match random.below(12) {
        0 => flip(data, place, random),
        1 => data.insert(place, random.next_u64() as u8),
        2 => drop((place < data.len()).then(|| data.remove(place))),
        3 => data.truncate(place),
        4 => insert(data, place, random),
        5 => repeat(data, place, random),
        6 => line(data, random, |lines, n, _| drop(lines.remove(n))),
        7 => line(data, random, |lines, n, _| lines.insert(n, lines[n].clone())),
        8 => line(data, random, |lines, n, other| lines.swap(n, other)),
        9 => splice(data, seeds, random),
        10 => number(data, place, random),
        _ => line(data, random, |lines, n, other| lines[n] = lines[other].clone()),
    }
}

fn flip(data: &mut [u8], place: usize, random: &mut Random) {
    if let Some(byte) = data.get_mut(place) {
        *byte ^= 1 << random.below(8);
    }
}

fn insert(data: &mut Vec<u8>, place: usize, random: &mut Random) {
    const WORDS: [&[u8]; 16] = [
        b"\r\n",
        b"\r\n\r\n",
        b"\n ",
        b";",
        b",",
        b"\"",
        b"<sip:",
        b">",
        b"%00",
        b"\0",
        b"=",
        b":",
        b"\xff\xfe",
        b";tag=",
        b"Content-Length: 99999999999\r\n",
        b";lr",
    ];
    let word = WORDS[at(random, WORDS.len())];
    data.splice(place..place, word.iter().copied());
}

/// A part many times over.
fn repeat(data: &mut Vec<u8>, place: usize, random: &mut Random) {
    let end = (place + 1 + at(random, 40)).min(data.len());
    let part = data.get(place..end).unwrap_or_default().repeat(1 + at(random, 30));
    data.splice(place..place, part);
}

fn line(data: &mut Vec<u8>, random: &mut Random, change: impl Fn(&mut Vec<Vec<u8>>, usize, usize)) {
    let mut lines: Vec<Vec<u8>> = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (n, other) = (at(random, lines.len()), at(random, lines.len()));
    change(&mut lines, n, other);
    *data = lines.concat();
}

/// A line of another seed.
fn splice(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let other = &seeds[at(random, seeds.len())];
    let lines: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() {
        return;
    }
    let taken = lines[at(random, lines.len())].to_vec();
    line(data, random, |lines, n, _| lines.insert(n, taken.clone()));
}

/// Another number in the place of the next one.
fn number(data: &mut Vec<u8>, place: usize, random: &mut Random) {
    const NUMBERS: [&[u8]; 9] =
        [b"0", b"-1", b"1", b"65535", b"65536", b"2147483648", b"4294967296", b"99999999999999999999", b""];
    let digits = |byte: &u8| byte.is_ascii_digit();
    let Some(from) = data.get(place..).and_then(|rest| rest.iter().position(digits)).map(|at| place + at)
    else {
        return;
    };
    let end = data[from..].iter().position(|byte| !digits(byte)).map_or(data.len(), |len| from + len);
    let number = NUMBERS[at(random, NUMBERS.len())];
    data.splice(from..end, number.iter().copied());
}
