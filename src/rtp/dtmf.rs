//! Keys in RTP (RFC 4733 telephone events): one digit for each press, whatever the packets do.
//!
//! Not tone detection and not INFO; those have their own ways to the switch.

use crate::rtp::sequence;

/// One telephone-event payload (RFC 4733 section 2.3).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// The event's code; 0 to 15 are the keys.
    pub code: u8,
    /// The E bit: the key was released.
    pub end: bool,
    /// In -dBm0, 0 to 63.
    pub volume: u8,
    /// How long so far, in samples.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads a payload; `None` when it is too short.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [code, flags, d0, d1] = *payload.first_chunk::<4>()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([d0, d1]),
        })
    }

    /// The four bytes on the wire.
    pub fn to_bytes(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | (self.volume & 0x3f), d0, d1]
    }

    /// The key's letter: `0` to `9`, `*`, `#`, `A` to `D`; `None` for flash and other events.
    pub const fn digit(self) -> Option<char> {
        digit(self.code)
    }
}

/// The letter of an event code (RFC 4733 section 3.2).
pub const fn digit(code: u8) -> Option<char> {
    match code {
        0..=9 => Some((b'0' + code) as char),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some((b'A' + code - 12) as char),
        _ => None,
    }
}

/// The event code of a letter.
pub const fn code(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(digit as u8 - b'A' + 12),
        'a'..='d' => Some(digit as u8 - b'a' + 12),
        _ => None,
    }
}

/// Remembers the last press, so that its repeated packets give one digit.
#[derive(Clone, Default, Debug)]
pub struct Recognizer {
    last: Option<Press>,
}

#[derive(Copy, Clone, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    event: TelephoneEvent,
}

impl Recognizer {
    /// Takes one event packet; gives the digit at the first packet of a press that arrives, whichever it is.
    ///
    /// A press is known by its timestamp (RFC 4733 section 2.2.1), because phones forget the marker bit.
    pub fn hear(&mut self, ssrc: u32, timestamp: u32, event: TelephoneEvent) -> Option<char> {
        let press = Press { ssrc, timestamp, event };
        let Some(last) = self.last.filter(|last| last.ssrc == ssrc) else {
            self.last = Some(press);
            return event.digit();
        };
        let ahead = sequence::samples_between(last.timestamp, timestamp);
        if ahead < 0 {
            return None;
        }
        if ahead == 0 {
            if event.duration >= last.event.duration || event.end {
                self.last = Some(press);
            }
            return None;
        }
        self.last = Some(press);
        // RFC 4733 section 2.5.1.3: a press too long for 16 bits goes on in a new segment right after the old one.
        let segment = event.code == last.event.code
            && !last.event.end
            && last.event.duration >= 0x8000
            && ahead.unsigned_abs().abs_diff(u32::from(last.event.duration)) <= 800;
        if segment { None } else { event.digit() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: u8, duration: u16, end: bool) -> TelephoneEvent {
        TelephoneEvent { code, end, volume: 10, duration }
    }

    #[test]
    fn a_press_gives_one_digit_however_often_its_packets_come() {
        let mut recognizer = Recognizer::default();
        assert_eq!(recognizer.hear(1, 1000, event(5, 160, false)), Some('5'));
        for duration in [320, 480, 480] {
            assert_eq!(recognizer.hear(1, 1000, event(5, duration, false)), None);
        }
        for _ in 0..3 {
            assert_eq!(recognizer.hear(1, 1000, event(5, 640, true)), None);
        }
        assert_eq!(recognizer.hear(1, 3000, event(5, 160, false)), Some('5'), "the same key again");
        assert_eq!(recognizer.hear(1, 1000, event(5, 640, true)), None, "a straggler");
    }

    #[test]
    fn the_end_alone_is_enough() {
        assert_eq!(Recognizer::default().hear(1, 9, event(11, 800, true)), Some('#'));
    }

    #[test]
    fn a_very_long_press_in_segments_is_one_digit() {
        let mut recognizer = Recognizer::default();
        assert_eq!(recognizer.hear(1, 0, event(1, 0xffff, false)), Some('1'));
        assert_eq!(recognizer.hear(1, 0xffff, event(1, 160, false)), None);
        assert_eq!(recognizer.hear(1, 0xffff, event(1, 800, true)), None);
    }

    #[test]
    fn letters_and_codes_match() {
        for number in 0..=15 {
            assert_eq!(code(digit(number).unwrap()), Some(number));
        }
        assert_eq!(digit(16), None);
        assert_eq!(TelephoneEvent::read(&[1, 2, 3]), None);
        let sent = event(3, 400, true);
        assert_eq!(TelephoneEvent::read(&sent.to_bytes()), Some(sent));
    }
}
