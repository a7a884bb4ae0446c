//! A queue's figures, folded over its events: today's counts, the service levels, and the balance since the start.
//!
//! Not the distributor: it knows nothing but the log, so that the cards after a restart are the fold of what was
//! stored. Each reader of the log owns its own fold.
//!
//! "Today" turns at midnight of the queue's zone. An entry that waits over midnight is counted again as entered on
//! the new day, so that entered = waiting + outcomes holds on every day's card and not only over all days.

use crate::clock::Wall;
use crate::clock::Zone;
use crate::ids::CallUid;
use crate::ids::EntryUid;
use crate::ids::QueueId;
use crate::record::local_day::LocalDay;
use crate::record::queue_event::EntryKind;
use crate::record::queue_event::LeftReason;
use crate::record::queue_event::Outcome;
use crate::record::queue_event::QueueChange;
use crate::record::queue_event::QueueEvent;
use std::collections::BTreeMap;
use std::time::Duration;

/// What happened to the entries of one kind.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Entries that joined; today's include those who were waiting at midnight.
    pub entered: u64,
    /// Talked with an agent.
    pub handled: u64,
    /// Hung up waiting.
    pub abandoned: u64,
    /// Asked for a callback.
    pub pending: u64,
    /// Left by key.
    pub evicted_customer: u64,
    /// Put out by the switch.
    pub evicted_system: u64,
    /// Removed or moved by a person.
    pub evicted_user: u64,
    /// The part of `evicted_system` that waited as long as the queue allows.
    pub timed_out: u64,
    /// The part of `handled` that was answered within the target.
    pub handled_in_target: u64,
    /// The part of `abandoned` that hung up within the target.
    pub abandoned_in_target: u64,
    /// All that left within the target, in any way.
    pub left_in_target: u64,
    /// Handled entries whose wrap-up is over.
    pub completed: u64,
    /// The sum of their talk (hold included) and wrap-up.
    pub handle_time: Duration,
}

impl QueueCounts {
    /// The sum of all outcomes: everything that left.
    pub const fn outcomes(&self) -> u64 {
        self.handled
            + self.abandoned
            + self.pending
            + self.evicted_customer
            + self.evicted_system
            + self.evicted_user
    }

    /// Service level A: answered within the target / answered. `None` while nothing was counted.
    pub fn service_level_a(&self) -> Option<f64> {
        share(self.handled_in_target, self.handled)
    }

    /// Service level B: (answered + abandoned within the target) / (answered + abandoned).
    pub fn service_level_b(&self) -> Option<f64> {
        share(self.handled_in_target + self.abandoned_in_target, self.handled + self.abandoned)
    }

    /// Service level C, the one that is shown: answered within the target / (answered + abandoned).
    pub fn service_level_c(&self) -> Option<f64> {
        share(self.handled_in_target, self.handled + self.abandoned)
    }

    /// Service level D: left within the target in any way / entered.
    pub fn service_level_d(&self) -> Option<f64> {
        share(self.left_in_target, self.entered)
    }

    /// The mean of talk, hold and wrap-up; `None` before the first is complete.
    pub fn average_handle(&self) -> Option<Duration> {
        let completed = u32::try_from(self.completed).unwrap_or(u32::MAX);
        self.handle_time.checked_div(completed)
    }

    /// Counts an entry that left.
    pub fn count_left(&mut self, outcome: Outcome, reason: LeftReason, in_target: bool) {
        let counter = match outcome {
            Outcome::Handled => &mut self.handled,
            Outcome::Abandoned => &mut self.abandoned,
            Outcome::Pending => &mut self.pending,
            Outcome::EvictedCustomer => &mut self.evicted_customer,
            Outcome::EvictedSystem => &mut self.evicted_system,
            Outcome::EvictedUser => &mut self.evicted_user,
        };
        *counter += 1;
        self.timed_out += u64::from(reason == LeftReason::Timeout);
        if in_target {
            self.left_in_target += 1;
            self.handled_in_target += u64::from(outcome == Outcome::Handled);
            self.abandoned_in_target += u64::from(outcome == Outcome::Abandoned);
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// An entry that the log shows as waiting.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Waiting {
    call: Option<CallUid>,
    entered_at: Wall,
}

/// One kind's figures.
#[derive(Clone, Debug, Default)]
struct Side {
    today: QueueCounts,
    lifetime: QueueCounts,
    waiting: BTreeMap<EntryUid, Waiting>,
}

/// The figures of one queue.
#[derive(Clone, Debug)]
pub struct QueueFold {
    target: Duration,
    local_day: LocalDay,
    day: Option<i32>,
    calls: Side,
    callbacks: Side,
}

impl QueueFold {
    /// Nothing counted yet, for a queue with that zone and service level target.
    pub fn new(zone: Zone, target: Duration) -> Self {
        Self {
            target,
            local_day: LocalDay::new(zone),
            day: None,
            calls: Side::default(),
            callbacks: Side::default(),
        }
    }

    /// Adds one event. The caller picks the queue's events; order is the log's.
    pub fn add(&mut self, event: &QueueEvent) {
        self.roll(event.at);
        let target = self.target;
        let side = match event.kind {
            EntryKind::Call => &mut self.calls,
            EntryKind::Callback => &mut self.callbacks,
        };
        match &event.change {
            QueueChange::Entered { .. } => {
                side.count(|counts| counts.entered += 1);
                side.waiting.insert(event.entry, Waiting { call: event.call, entered_at: event.at });
            }
            QueueChange::Left { outcome, reason, waited, .. } => {
                side.waiting.remove(&event.entry);
                side.count(|counts| counts.count_left(*outcome, *reason, *waited <= target));
            }
            QueueChange::Completed { talk, wrap_up, .. } => side.count(|counts| {
                counts.completed += 1;
                counts.handle_time = counts.handle_time.saturating_add(*talk).saturating_add(*wrap_up);
            }),
            QueueChange::Offered { .. } | QueueChange::OfferEnded { .. } => {}
        }
    }

    /// Turns the day if `now` lies in a later one: to be called before today's figures are read.
    /// A clock that was set back does not turn it back.
    pub fn roll(&mut self, now: Wall) {
        let day = self.local_day.of(now);
        if self.day.is_some_and(|known| day <= known) {
            return;
        }
        self.day = Some(day);
        for side in [&mut self.calls, &mut self.callbacks] {
            side.today = QueueCounts { entered: side.waiting.len() as u64, ..QueueCounts::default() };
        }
    }

    /// Today's counts of a kind, as of the last event or [`QueueFold::roll`].
    pub const fn today(&self, kind: EntryKind) -> &QueueCounts {
        &self.side(kind).today
    }

    /// The counts of a kind over the whole log that was folded.
    pub const fn lifetime(&self, kind: EntryKind) -> &QueueCounts {
        &self.side(kind).lifetime
    }

    /// How many entries of a kind wait.
    pub fn waiting(&self, kind: EntryKind) -> usize {
        self.side(kind).waiting.len()
    }

    /// Entered - waiting - outcomes of both kinds since the start: 0, or an entry was counted twice or never.
    pub fn unbalanced(&self) -> i64 {
        [&self.calls, &self.callbacks].into_iter().map(|side| side.balance(&side.lifetime)).sum()
    }

    /// The same for today's card.
    pub fn unbalanced_today(&self) -> i64 {
        [&self.calls, &self.callbacks].into_iter().map(|side| side.balance(&side.today)).sum()
    }

    /// What to append to the log after a crash: a live caller whose `Left` is missing was lost with the process.
    /// Callbacks outlive it and go on waiting.
    pub fn lost_at_restart(&self, queue: &QueueId, at: Wall) -> Vec<QueueEvent> {
        let lost = |(entry, waiting): (&EntryUid, &Waiting)| QueueEvent {
            at,
            queue: queue.clone(),
            entry: *entry,
            kind: EntryKind::Call,
            call: waiting.call,
            change: QueueChange::Left {
                outcome: Outcome::EvictedSystem,
                reason: LeftReason::Restart,
                waited: between(waiting.entered_at, at),
                agent: None,
            },
        };
        self.calls.waiting.iter().map(lost).collect()
    }

    const fn side(&self, kind: EntryKind) -> &Side {
        match kind {
            EntryKind::Call => &self.calls,
            EntryKind::Callback => &self.callbacks,
        }
    }
}

impl Side {
    fn count(&mut self, add: impl Fn(&mut QueueCounts)) {
        add(&mut self.today);
        add(&mut self.lifetime);
    }

    fn balance(&self, counts: &QueueCounts) -> i64 {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        signed(counts.entered) - signed(self.waiting.len() as u64) - signed(counts.outcomes())
    }
}

fn between(from: Wall, to: Wall) -> Duration {
    let micros = to.as_micros().saturating_sub(from.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgentId;

    const SECOND: Duration = Duration::from_secs(1);

    fn event(at: &str, entry: u128, change: QueueChange) -> QueueEvent {
        QueueEvent {
            at: Wall::parse(at).unwrap(),
            queue: QueueId::new("support"),
            entry: EntryUid::from_u128(entry),
            kind: EntryKind::Call,
            call: Some(CallUid::from_u128(entry)),
            change,
        }
    }

    fn entered() -> QueueChange {
        QueueChange::Entered { number: "1".into(), name: None, priority: 0 }
    }

    fn left(outcome: Outcome, reason: LeftReason, waited_s: u32) -> QueueChange {
        QueueChange::Left { outcome, reason, waited: SECOND * waited_s, agent: None }
    }

    fn paris() -> QueueFold {
        QueueFold::new(Zone::named("Europe/Paris").unwrap(), SECOND * 20)
    }

    #[test]
    fn the_four_service_levels_are_those_of_the_book() {
        let mut fold = paris();
        assert_eq!(fold.today(EntryKind::Call).service_level_c(), None);
        let at = "2026-11-22T09:00:00Z";
        let outcomes = [
            (Outcome::Handled, LeftReason::Answered, 20),
            (Outcome::Handled, LeftReason::Answered, 5),
            (Outcome::Handled, LeftReason::Answered, 21),
            (Outcome::Abandoned, LeftReason::HungUp, 3),
            (Outcome::Abandoned, LeftReason::HungUp, 60),
            (Outcome::EvictedSystem, LeftReason::Timeout, 600),
            (Outcome::EvictedCustomer, LeftReason::Key, 4),
        ];
        for (entry, (outcome, reason, waited)) in outcomes.into_iter().enumerate() {
            fold.add(&event(at, entry as u128, entered()));
            fold.add(&event(at, entry as u128, left(outcome, reason, waited)));
        }
        let today = fold.today(EntryKind::Call);
        assert_eq!((today.entered, today.outcomes(), today.timed_out), (7, 7, 1));
        assert_eq!(today.service_level_a(), Some(2.0 / 3.0));
        assert_eq!(today.service_level_b(), Some(3.0 / 5.0));
        assert_eq!(today.service_level_c(), Some(2.0 / 5.0));
        assert_eq!(today.service_level_d(), Some(4.0 / 7.0));
        assert_eq!(fold.unbalanced(), 0);
    }

    #[test]
    fn who_waits_over_midnight_is_on_both_days_cards() {
        let mut fold = paris();
        fold.add(&event("2026-11-22T22:50:00Z", 1, entered()));
        fold.add(&event("2026-11-22T22:51:00Z", 2, entered()));
        fold.add(&event("2026-11-22T22:59:00Z", 1, left(Outcome::Abandoned, LeftReason::HungUp, 540)));
        assert_eq!(fold.today(EntryKind::Call).entered, 2);
        fold.roll(Wall::parse("2026-11-22T23:00:00Z").unwrap());
        assert_eq!(
            *fold.today(EntryKind::Call),
            QueueCounts { entered: 1, ..QueueCounts::default() },
            "the one who waits was carried over"
        );
        fold.add(&event("2026-11-22T23:01:00Z", 2, left(Outcome::Handled, LeftReason::Answered, 600)));
        assert_eq!((fold.unbalanced(), fold.unbalanced_today()), (0, 0));
        assert_eq!(fold.lifetime(EntryKind::Call).entered, 2);
        // A clock set back over midnight does not bring yesterday back.
        fold.roll(Wall::parse("2026-11-22T22:00:00Z").unwrap());
        assert_eq!(fold.today(EntryKind::Call).handled, 1);
    }

    #[test]
    fn a_double_or_missing_event_unbalances_it() {
        let at = "2026-11-22T09:00:00Z";
        let mut fold = paris();
        fold.add(&event(at, 1, entered()));
        fold.add(&event(at, 1, entered()));
        assert_eq!(fold.unbalanced(), 1);
        let mut fold = paris();
        fold.add(&event(at, 1, entered()));
        for _ in 0..2 {
            fold.add(&event(at, 1, left(Outcome::Abandoned, LeftReason::HungUp, 1)));
        }
        assert_eq!(fold.unbalanced(), -1);
    }

    #[test]
    fn handle_time_is_talk_and_wrap_up() {
        let mut fold = paris();
        for (talk, wrap_up) in [(100, 10), (200, 30)] {
            let change = QueueChange::Completed {
                agent: AgentId::new("alice"),
                talk: SECOND * talk,
                hold: SECOND * 40,
                wrap_up: SECOND * wrap_up,
            };
            fold.add(&event("2026-11-22T09:00:00Z", 1, change));
        }
        assert_eq!(fold.today(EntryKind::Call).average_handle(), Some(SECOND * 170));
    }

    #[test]
    fn a_crash_leaves_no_caller_waiting_for_ever() {
        let mut fold = paris();
        fold.add(&event("2026-11-22T09:00:00Z", 1, entered()));
        let mut callback = event("2026-11-22T09:00:00Z", 2, entered());
        callback.kind = EntryKind::Callback;
        fold.add(&callback);
        let lost =
            fold.lost_at_restart(&QueueId::new("support"), Wall::parse("2026-11-22T09:00:30Z").unwrap());
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].change, left(Outcome::EvictedSystem, LeftReason::Restart, 30));
        fold.add(&lost[0]);
        assert_eq!((fold.unbalanced(), fold.waiting(EntryKind::Call)), (0, 0));
        assert_eq!(fold.waiting(EntryKind::Callback), 1, "a callback outlives the process");
    }
}
