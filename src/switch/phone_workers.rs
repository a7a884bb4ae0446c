//! Which media worker a phone's calls live in. A further call of the same phone goes there too: all legs of a call are
//! in one worker, and an attended transfer makes one call of two.

use crate::dialplan::Destination;
use crate::ids::PhoneNumber;
use crate::switch::core::Core;
use crate::switch::invite::Source;
use std::collections::HashMap;

/// The worker of each phone that has legs, and how many.
#[derive(Debug, Default)]
pub(crate) struct PhoneWorkers {
    legs: HashMap<PhoneNumber, (usize, u32)>,
}

impl PhoneWorkers {
    /// A leg of the phone has begun.
    pub(crate) fn began(&mut self, phone: &PhoneNumber, worker: usize) {
        if let Some((_, count)) = self.legs.get_mut(phone) {
            *count += 1;
        } else {
            self.legs.insert(phone.clone(), (worker, 1));
        }
    }

    /// A leg of the phone has ended.
    pub(crate) fn ended(&mut self, phone: &PhoneNumber) {
        if let Some((_, count)) = self.legs.get_mut(phone) {
            *count -= 1;
            if *count == 0 {
                self.legs.remove(phone);
            }
        }
    }

    /// Where the phone's calls live, while it has one.
    pub(crate) fn of(&self, phone: &PhoneNumber) -> Option<usize> {
        self.legs.get(phone).map(|(worker, _)| *worker)
    }

    /// Phones with a leg.
    pub(crate) fn len(&self) -> usize {
        self.legs.len()
    }
}

impl Core {
    /// The media worker of a new call: that of the conference which is dialled, of the caller's or the called phone's other
    /// calls, else the roomiest.
    pub(crate) fn worker_for(&self, source: &Source, destination: &Destination) -> Option<usize> {
        let own = if let Source::Phone(number) = source { self.phone_workers.of(number) } else { None };
        let theirs =
            if let Destination::Phone(number) = destination { self.phone_workers.of(number) } else { None };
        let room = self.conferences.worker(destination);
        room.or(own)
            .or(theirs)
            .filter(|worker| self.ports.has_room(*worker))
            .or_else(|| self.ports.roomiest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_stays_with_its_worker_while_it_has_a_leg() {
        let (phone, mut workers) = (PhoneNumber::new("1001"), PhoneWorkers::default());
        workers.began(&phone, 3);
        workers.began(&phone, 3);
        workers.ended(&phone);
        assert_eq!(workers.of(&phone), Some(3));
        workers.ended(&phone);
        workers.ended(&phone);
        assert_eq!((workers.of(&phone), workers.len()), (None, 0));
    }
}
