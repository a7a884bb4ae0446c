//! Codes that are pressed in a call: the keys of one party, put together.
//!
//! The other party hears the keys all the same: they are on their way before it is known what they mean.

use crate::call::LegId;
use crate::clock::Instant;
use crate::clock::Now;
use crate::config::FeatureCode;
use crate::switch::core::Core;
use std::time::Duration;

/// The keys of a code come within so long of each other.
const APART_MAX: Duration = Duration::from_millis(2000);

/// The keys that a party has pressed and that may become a code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pressed {
    keys: String,
    at: Instant,
}

impl Pressed {
    /// One more key; whether the keys are that code now.
    fn press(&mut self, now: Instant, key: char, code: &str) -> bool {
        if now.since(self.at) > APART_MAX {
            self.keys.clear();
        }
        self.at = now;
        self.keys.push(key);
        while !code.starts_with(self.keys.as_str()) {
            self.keys.remove(0);
        }
        let whole = self.keys == code;
        if whole {
            self.keys.clear();
        }
        whole
    }
}

impl Core {
    /// A party has pressed a key: the last one of a code, perhaps. Only our own phones have codes.
    pub(crate) fn key_of_code(&mut self, now: Now, id: LegId, key: char) {
        let Some(code) = self.dialplan.code_of(FeatureCode::Recording) else { return };
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.phone.is_some()) else { return };
        if leg.pressed.press(now.instant, key, code) {
            self.recording_code(now, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_keys_in_a_row_and_soon_after_each_other() {
        let mut pressed = Pressed::default();
        let mut press = |ms: u64, key| pressed.press(Instant::from_micros(ms * 1000), key, "*1");
        assert!(!press(0, '*') && press(300, '1'));
        assert!(!press(400, '1'), "a code is pressed whole");
        assert!(!press(500, '*') && !press(600, '*') && press(700, '1'), "a key too many before it");
        assert!(!press(5000, '*') && !press(7001, '1'), "too late");
        assert!(!press(8000, '*') && !press(8100, '2') && !press(8200, '1'));
    }
}
