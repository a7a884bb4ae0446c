//! Packet indices of one source: the roll-over counter that packets do not carry, and which of them were there already.
//!
//! RFC 3711 sections 3.3.1 and 3.3.2. For RTP an index is the roll-over counter before the sequence number, 48 bits.

/// How far back a packet may be late: 2.5 s of audio, twice what RFC 3711 section 3.3.2 asks for at least.
const SPAN: u64 = 128;

/// The newest index of a source, and which of those before it were there.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::srtp) struct Window {
    highest: u64,
    /// Bit n: the index that is n lower than the highest.
    seen: u128,
}

impl Window {
    /// A source whose first index this is.
    pub(in crate::srtp) const fn new(first: u64) -> Self {
        Self { highest: first, seen: 1 }
    }

    /// Whether a packet with this index may be taken: it is new, and not older than can be told.
    pub(in crate::srtp) const fn takes(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let late = self.highest - index;
        late < SPAN && self.seen >> late & 1 == 0
    }

    /// A packet with this index was there.
    pub(in crate::srtp) const fn mark(&mut self, index: u64) {
        if index > self.highest {
            let ahead = index - self.highest;
            self.seen = if ahead < SPAN { self.seen << ahead } else { 0 };
            self.highest = index;
        }
        let late = self.highest - index;
        if late < SPAN {
            self.seen |= 1 << late;
        }
    }

    /// The index that a sequence number most likely stands for (RFC 3711 appendix A); `None` for one from before the
    /// source's beginning.
    pub(in crate::srtp) const fn index_of(&self, sequence: u16) -> Option<u64> {
        const HALF: u16 = 1 << 15;
        let (rolled, newest) = (self.highest >> 16, self.highest as u16);
        let rolled = if newest < HALF && sequence > newest && sequence - newest > HALF {
            rolled.checked_sub(1)
        } else if newest >= HALF && newest - HALF > sequence {
            rolled.checked_add(1)
        } else {
            Some(rolled)
        };
        match rolled {
            Some(rolled) => Some(rolled << 16 | sequence as u64),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_taken_once_and_late_ones_for_a_while() {
        let mut window = Window::new(1000);
        assert!(!window.takes(1000) && window.takes(1001) && window.takes(999));
        window.mark(1005);
        assert!(window.takes(1003) && !window.takes(1005) && !window.takes(1000));
        window.mark(1003);
        assert!(!window.takes(1003) && window.takes(1002));
        assert!(window.takes(1005 - 127) && !window.takes(1005 - 128));
        window.mark(5000);
        assert!(!window.takes(1005) && window.takes(4999));
        window.mark(5001);
        assert!(!window.takes(5000));
    }

    #[test]
    fn the_roll_over_counter_is_guessed_around_the_wrap() {
        let window = Window::new(0xfffe);
        assert_eq!(window.index_of(0xffff), Some(0xffff));
        assert_eq!(window.index_of(3), Some(0x1_0003));
        assert_eq!(window.index_of(0xfff0), Some(0xfff0));
        let after = Window::new(0x1_0002);
        assert_eq!(after.index_of(0xffff), Some(0xffff));
        assert_eq!(after.index_of(4), Some(0x1_0004));
        assert_eq!(Window::new(2).index_of(0xffff), None, "before the first packet");
    }
}
