//! Which paced legs are due in which millisecond.
//!
//! A wheel of 256 ms: a leg's next frame lies at most 200 ms ahead. A leg keeps its phase (its millisecond modulo
//! the packet time), and phases are dealt out evenly, so that a thousand legs on music are fifty in every
//! millisecond. An entry that its leg no longer stands by is skipped by the owner.

const SLOTS: usize = 256;
/// The longest packet time, so that an entry always lies within one turn.
pub(crate) const PERIOD_MS_MAX: u64 = 200;
const STALL_MS: u64 = 100;

/// A leg's place in the wheel: its index, and the generation that tells it from later legs there.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The pair of ports that the leg lives on.
    pub(crate) pair: u32,
    /// Which of the legs that lived there.
    pub(crate) generation: u32,
}

/// The wheel. Milliseconds are those of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<Entry>>,
    done_ms: u64,
    entries: usize,
}

impl Wheel {
    /// An empty wheel that has dealt with everything up to `now_ms`.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { slots: vec![Vec::new(); SLOTS], done_ms: now_ms, entries: 0 }
    }

    /// The first millisecond that is still to come with this phase.
    pub(crate) const fn next_with_phase(&self, now_ms: u64, phase: u64, period_ms: u64) -> u64 {
        let first = (if now_ms > self.done_ms { now_ms } else { self.done_ms }) + 1;
        let behind = (first + period_ms - phase % period_ms) % period_ms;
        first + (period_ms - behind) % period_ms
    }

    /// Puts an entry at a millisecond, which must lie less than 256 ms after what was taken last.
    pub(crate) fn insert(&mut self, at_ms: u64, entry: Entry) {
        if self.entries == 0 && at_ms > self.done_ms + PERIOD_MS_MAX {
            // Nothing waited: the wheel stood still while time went on.
            self.done_ms = at_ms - PERIOD_MS_MAX;
        }
        let at_ms = at_ms.clamp(self.done_ms + 1, self.done_ms + SLOTS as u64 - 1);
        if let Some(slot) = self.slots.get_mut(slot(at_ms)) {
            slot.push(entry);
            self.entries += 1;
        }
    }

    /// Takes out the entries of the next millisecond up to `now_ms` that has any, and says which it is.
    /// After a stall of more than 100 ms all that was missed comes at once, as of `now_ms`.
    pub(crate) fn take_due(&mut self, now_ms: u64, due: &mut Vec<Entry>) -> Option<u64> {
        if self.entries == 0 {
            self.done_ms = self.done_ms.max(now_ms);
            return None;
        }
        if now_ms.saturating_sub(self.done_ms) > STALL_MS {
            let missed = (now_ms - self.done_ms).min(SLOTS as u64);
            for at in now_ms + 1 - missed..=now_ms {
                self.empty(at, due);
            }
            self.done_ms = now_ms;
            return (!due.is_empty()).then_some(now_ms);
        }
        while self.done_ms < now_ms {
            self.done_ms += 1;
            self.empty(self.done_ms, due);
            if !due.is_empty() {
                return Some(self.done_ms);
            }
        }
        None
    }

    fn empty(&mut self, at_ms: u64, due: &mut Vec<Entry>) {
        if let Some(slot) = self.slots.get_mut(slot(at_ms)) {
            self.entries -= slot.len();
            due.append(slot);
        }
    }

    /// The next millisecond with entries.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        if self.entries == 0 {
            return None;
        }
        (self.done_ms + 1..=self.done_ms + SLOTS as u64)
            .find(|at| self.slots.get(slot(*at)).is_some_and(|slot| !slot.is_empty()))
    }
}

const fn slot(at_ms: u64) -> usize {
    (at_ms % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_keep_and_nothing_is_missed() {
        let mut wheel = Wheel::new(1000);
        assert_eq!(wheel.next_with_phase(1000, 0, 20), 1020);
        assert_eq!(wheel.next_with_phase(1000, 1, 20), 1001);
        assert_eq!(wheel.next_with_phase(1005, 5, 20), 1025);
        assert_eq!(wheel.next_with_phase(1005, 45, 20), 1025);
        let entry = |pair| Entry { pair, generation: 0 };
        wheel.insert(1020, entry(1));
        wheel.insert(1003, entry(2));
        wheel.insert(1003, entry(3));
        assert_eq!(wheel.next_ms(), Some(1003));
        let mut due = Vec::new();
        assert_eq!(wheel.take_due(1002, &mut due), None);
        assert_eq!(wheel.take_due(1050, &mut due), Some(1003));
        assert_eq!(due.len(), 2);
        due.clear();
        assert_eq!(wheel.take_due(1050, &mut due), Some(1020));
        assert_eq!(due, [entry(1)]);
        due.clear();
        assert_eq!(wheel.take_due(1500, &mut due), None);
        assert_eq!(wheel.next_ms(), None);
        assert_eq!(wheel.next_with_phase(1400, 0, 20), 1520, "never in what is done");
    }

    #[test]
    fn after_a_stall_everything_missed_comes_at_once() {
        let mut wheel = Wheel::new(0);
        let mut due = Vec::new();
        for at in 1..=200 {
            wheel.insert(at, Entry { pair: at as u32, generation: 0 });
        }
        assert_eq!(wheel.take_due(150, &mut due), Some(150));
        assert_eq!(due.len(), 150);
        due.clear();
        assert_eq!(wheel.take_due(9_999, &mut due), Some(9_999));
        assert_eq!(due.len(), 50);
        wheel.insert(123_456, Entry { pair: 1, generation: 0 });
        assert_eq!(wheel.next_ms(), Some(123_456), "after standing still");
    }
}
