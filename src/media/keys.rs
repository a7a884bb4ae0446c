//! Keys that a leg is told to press: when which telephone event (RFC 4733) is due. Not the stream: `egress` numbers and
//! sends them.

use crate::clock::Instant;
use crate::rtp::dtmf;
use crate::rtp::dtmf::TelephoneEvent;
use std::collections::VecDeque;
use std::time::Duration;

/// Samples between two packets of a press.
pub(crate) const STEP_SAMPLES: u16 = 160;
const STEP: Duration = Duration::from_millis(20);
/// A press lasts 100 ms: detectors want 40 ms and more.
const STEPS: u16 = 5;
/// RFC 4733 section 2.5.1.4: the packet of the end is sent three times.
const ENDS: u16 = 3;
/// Silence between two presses.
const PAUSE: Duration = Duration::from_millis(60);
/// More keys than this at once nobody dials.
const WAITING_MAX: usize = 64;
/// -10 dBm0, as phones send.
const VOLUME: u8 = 10;

/// The key presses of a leg.
#[derive(Clone, Debug)]
pub(crate) struct Presses {
    waiting: VecDeque<u8>,
    pressed: Option<Pressed>,
    /// The timestamp at which the press began.
    timestamp: u32,
    due: Option<Instant>,
}

#[derive(Copy, Clone, Debug)]
struct Pressed {
    code: u8,
    step: u16,
}

impl Presses {
    /// No key is pressed.
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new(), pressed: None, timestamp: 0, due: None }
    }

    /// Whether a key is down: then nothing else is sent.
    pub(crate) const fn is_pressing(&self) -> bool {
        self.pressed.is_some()
    }

    /// One more key.
    pub(crate) fn add(&mut self, now: Instant, key: char) {
        if let Some(code) = dtmf::code(key)
            && self.waiting.len() < WAITING_MAX
        {
            self.waiting.push_back(code);
            self.due.get_or_insert(now);
        }
    }

    /// When the next packet is due.
    pub(crate) const fn due_at(&self) -> Option<Instant> {
        self.due
    }

    /// The packet that is due, and whether it is the first of its press.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(TelephoneEvent, bool)> {
        let at = self.due.filter(|at| *at <= now)?;
        let mut pressed = match self.pressed {
            Some(pressed) => pressed,
            None => match self.waiting.pop_front() {
                Some(code) => Pressed { code, step: 0 },
                None => {
                    self.due = None;
                    return None;
                }
            },
        };
        pressed.step += 1;
        let end = pressed.step > STEPS;
        let event = TelephoneEvent {
            code: pressed.code,
            end,
            volume: VOLUME,
            duration: pressed.step.min(STEPS + 1) * STEP_SAMPLES,
        };
        let last = pressed.step == STEPS + ENDS;
        self.due = Some(if last { at + PAUSE } else { at + STEP });
        self.pressed = (!last).then_some(pressed);
        Some((event, pressed.step == 1))
    }

    /// The press has begun at that timestamp.
    pub(crate) const fn begun(&mut self, timestamp: u32) {
        self.timestamp = timestamp;
    }

    /// The timestamp at which the press began.
    pub(crate) const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Nothing can be sent: all keys are let go.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_are_two_presses_with_three_ends_each() {
        let mut presses = Presses::new();
        let mut now = Instant::from_micros(0);
        presses.add(now, '5');
        presses.add(now, '#');
        let mut sent = Vec::new();
        while let Some(at) = presses.due_at() {
            now = at;
            sent.extend(presses.take(now));
        }
        let codes: Vec<u8> = sent.iter().map(|(event, _)| event.code).collect();
        assert_eq!(codes, [[5; 8], [11; 8]].concat());
        assert_eq!(sent.iter().filter(|(_, first)| *first).count(), 2);
        assert_eq!(sent.iter().filter(|(event, _)| event.end).count(), 6);
        let durations: Vec<u16> = sent.iter().take(8).map(|(event, _)| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 960, 960, 960]);
        assert!(!presses.is_pressing());
        presses.add(now, 'x');
        assert_eq!(presses.due_at(), None);
    }
}
