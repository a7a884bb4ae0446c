//! `[parking]`: where calls can be parked.

use crate::config::phone::PhoneRange;
use crate::config::reader::Reader;
use crate::config::target::Target;
use crate::ids::PhoneNumber;
use std::time::Duration;

/// `[parking]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parking {
    slots: PhoneRange,
    /// After this the parker is rung.
    pub timeout: Duration,
    /// Where the call goes when the parker does not answer.
    pub fallback: Option<Target>,
}

/// More slots than this are a slip of the finger.
const SLOTS_MAX: u64 = 1000;

impl Parking {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let spot = reader.spot("slots");
        let timeout = reader.seconds("timeout_seconds");
        let fallback = reader.target("fallback", None);
        let spot = spot?;
        let slots = PhoneRange::parse(&spot.text).and_then(|slots| match slots.count() {
            0..=SLOTS_MAX => Ok(slots),
            count => Err(format!("{count} slots are too many, at most {SLOTS_MAX}")),
        });
        match slots {
            Ok(slots) => {
                reader.cx.take_range(spot, slots.clone());
                Some(Self { slots, timeout, fallback })
            }
            Err(what) => {
                reader.cx.fault(&spot.at, format!("`slots`: {what}"));
                None
            }
        }
    }

    /// Whether the number is a slot's.
    pub fn has_slot(&self, number: &str) -> bool {
        self.slots.contains(number)
    }

    /// The slots' numbers in order.
    pub fn slots(&self) -> impl Iterator<Item = PhoneNumber> + '_ {
        self.slots.numbers()
    }
}
