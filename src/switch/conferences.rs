//! Conference rooms: who is in which, and in which media worker it lives.
//!
//! A room is there while somebody is in it. Each caller is a call of his own, which hears the room; the room's sound is the
//! media worker's. All legs of a room are in one worker: a call that is dialled to a room gets the room's worker when it
//! begins (`phone_workers`); one that comes there later, from a menu or a forwarding, and lives elsewhere, is refused.

use crate::call;
use crate::call::Cause;
use crate::call::Plan;
use crate::clock::Now;
use crate::dialplan::Destination;
use crate::ids::CallUid;
use crate::media::RoomKey;
use crate::switch::core::Core;
use crate::switch::course::At;
use crate::switch::course::Turn;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Callers of one conference: mixing that many voices costs a media worker a tenth of its time.
const CALLERS_MAX: usize = 100;

/// One conference.
#[derive(Debug)]
struct Conference {
    room: RoomKey,
    worker: usize,
    calls: BTreeSet<CallUid>,
}

/// All conferences, and the names of rooms.
#[derive(Debug, Default)]
pub(crate) struct Conferences {
    by_name: BTreeMap<String, Conference>,
    /// Rooms so far, those of single calls included.
    rooms: u64,
}

impl Conferences {
    /// A name for a room that no other has.
    pub(crate) fn new_room(&mut self) -> RoomKey {
        self.rooms += 1;
        RoomKey(self.rooms)
    }

    /// Where the conference of that name lives, while there is one.
    pub(crate) fn worker(&self, to: &Destination) -> Option<usize> {
        let Destination::Conference(name) = to else { return None };
        self.by_name.get(name).map(|conference| conference.worker)
    }

    /// A call comes in: the room's name, and who was alone in it until now.
    fn enter(
        &mut self,
        name: &str,
        call: CallUid,
        worker: usize,
    ) -> Result<(RoomKey, Option<CallUid>, bool), Cause> {
        if !self.by_name.contains_key(name) {
            let conference = Conference { room: self.new_room(), worker, calls: BTreeSet::new() };
            self.by_name.insert(name.to_owned(), conference);
        }
        let conference = self.by_name.get_mut(name).ok_or(Cause::Failed)?;
        if conference.worker != worker || conference.calls.len() >= CALLERS_MAX {
            return Err(Cause::Congestion);
        }
        let alone = conference.calls.first().copied().filter(|_| conference.calls.len() == 1);
        let has_company = !conference.calls.is_empty();
        conference.calls.insert(call);
        Ok((conference.room, alone, has_company))
    }

    /// A call goes out: who is alone now.
    fn leave(&mut self, name: &str, call: CallUid) -> Option<CallUid> {
        let conference = self.by_name.get_mut(name)?;
        conference.calls.remove(&call);
        if conference.calls.is_empty() {
            self.by_name.remove(name);
            return None;
        }
        conference.calls.first().copied().filter(|_| conference.calls.len() == 1)
    }
}

impl Core {
    /// A call has come to a conference.
    pub(crate) fn conference_turn(&mut self, now: Now, call: CallUid, name: &str) -> Turn {
        self.arrive(call, At::Plain);
        let Some(worker) = self.calls.get(&call).map(|slot| slot.worker) else {
            return Turn::Refuse(Cause::Failed);
        };
        let (room, alone, company) = match self.conferences.enter(name, call, worker) {
            Ok(entered) => entered,
            Err(cause) => {
                self.note(now, call, "the conference is full, or in another media worker".to_owned());
                return Turn::Refuse(cause);
            }
        };
        if let Some(slot) = self.calls.get_mut(&call) {
            (slot.room, slot.conference) = (Some(room), Some(name.to_owned()));
        }
        if let Some(alone) = alone {
            self.tell(alone, call::Input::Company(true));
        }
        let class = self.config.media.conference_music.clone();
        Turn::Begin(Plan::Meeting { music: (!class.is_empty()).then_some(class), company })
    }

    /// A call that has ended is in no conference.
    pub(crate) fn leave_conference(&mut self, call: CallUid) {
        let name = self.calls.get_mut(&call).and_then(|slot| slot.conference.take());
        if let Some(alone) = name.and_then(|name| self.conferences.leave(&name, call)) {
            self.tell(alone, call::Input::Company(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u128) -> CallUid {
        CallUid::from_u128(number)
    }

    #[test]
    fn the_first_is_told_of_the_second_and_the_last_of_being_alone() {
        let mut conferences = Conferences::default();
        assert_eq!(conferences.enter("42", call(1), 0), Ok((RoomKey(1), None, false)));
        assert_eq!(conferences.enter("42", call(2), 0), Ok((RoomKey(1), Some(call(1)), true)));
        assert_eq!(conferences.enter("42", call(3), 0), Ok((RoomKey(1), None, true)));
        assert_eq!(conferences.enter("43", call(4), 0), Ok((RoomKey(2), None, false)));
        assert_eq!(conferences.leave("42", call(1)), None);
        assert_eq!(conferences.leave("42", call(3)), Some(call(2)));
        assert_eq!(conferences.leave("42", call(2)), None);
        assert_eq!(conferences.enter("42", call(5), 1), Ok((RoomKey(3), None, false)));
        assert_eq!(conferences.worker(&Destination::Conference("42".to_owned())), Some(1));
        assert_eq!(conferences.worker(&Destination::Music("42".to_owned())), None);
    }

    #[test]
    fn a_conference_has_one_worker_and_so_many_callers() {
        let mut conferences = Conferences::default();
        for number in 0..CALLERS_MAX {
            assert!(conferences.enter("42", call(number as u128), 0).is_ok());
        }
        assert_eq!(conferences.enter("42", call(999), 0), Err(Cause::Congestion));
        conferences.leave("42", call(0));
        assert_eq!(conferences.enter("42", call(999), 1), Err(Cause::Congestion));
        assert!(conferences.enter("42", call(999), 0).is_ok());
    }
}
