//! What phones may call and spend: permissions, prefixes, hours, calls at once, calls and minutes an hour.
//!
//! A stolen password is worth what its phone may spend before somebody looks. Internal calls need a permission and
//! count for calls at once; the rest is for calls that leave by a trunk. Emergency numbers are not this file's: who
//! dials one never asks here. Pure bookkeeping; the core refuses, hangs up and tells.

use crate::clock::Instant;
use crate::clock::Now;
use crate::clock::Zone;
use crate::config::OpenHours;
use crate::config::Permission;
use crate::config::PhoneLimits;
use crate::config::Security;
use crate::ids::CallUid;
use crate::ids::PhoneNumber;
use std::collections::BTreeMap;
use std::time::Duration;

/// Minutes of the window, each with its own count.
const SLOTS: usize = 60;
/// How often running calls are looked at for the minutes that they take.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Another alarm of the same phone comes after this at the earliest.
const ALARM_EVERY: Duration = Duration::from_secs(600);

/// Why a phone may not call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    /// Numbers of this kind are not permitted.
    Permission,
    /// The number begins with what is denied, or with nothing that is allowed.
    Prefix,
    /// Not at this hour.
    Hours,
    /// It makes as many calls as it may.
    CallsMax,
    /// It has called often enough this hour.
    CallsPerHour,
    /// It has talked long enough this hour.
    MinutesPerHour,
}

impl Barred {
    /// A stable word for a metric's label and for alarms.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Prefix => "prefix",
            Self::Hours => "hours",
            Self::CallsMax => "max_calls",
            Self::CallsPerHour => "calls_per_hour",
            Self::MinutesPerHour => "minutes_per_hour",
        }
    }

    /// Whether somebody should look: a number that is not permitted is a mistake, a limit that is met may be a theft.
    pub(crate) const fn is_alarming(self) -> bool {
        match self {
            Self::Permission | Self::Prefix | Self::CallsMax => false,
            Self::Hours | Self::CallsPerHour | Self::MinutesPerHour => true,
        }
    }
}

/// A call that is charged to a phone.
#[derive(Clone, Debug)]
struct Charge {
    phone: PhoneNumber,
    /// It leaves by a trunk.
    outside: bool,
    /// The phone did not dial it: it has sent the call's party on to the outside.
    sent_on: bool,
    /// Up to when its seconds are counted.
    counted_to: Instant,
}

/// One phone's last hour, minute by minute.
#[derive(Clone, Debug)]
struct Hour {
    calls: [u32; SLOTS],
    seconds: [u32; SLOTS],
    /// The minute of the newest slot.
    minute: u64,
    live: u32,
    alarmed: Option<Instant>,
}

impl Hour {
    fn new(now: Instant) -> Self {
        Self { calls: [0; SLOTS], seconds: [0; SLOTS], minute: minute(now), live: 0, alarmed: None }
    }

    /// Empties the slots of the minutes that have passed, and gives the newest.
    fn slot(&mut self, now: Instant) -> usize {
        let to = minute(now);
        let first = self.minute.saturating_add(1).max(to.saturating_sub(SLOTS as u64 - 1));
        for passed in first..=to {
            let slot = index(passed);
            if let (Some(calls), Some(seconds)) = (self.calls.get_mut(slot), self.seconds.get_mut(slot)) {
                (*calls, *seconds) = (0, 0);
            }
        }
        self.minute = self.minute.max(to);
        index(self.minute)
    }

    fn is_empty(&self) -> bool {
        self.live == 0 && self.calls.iter().chain(&self.seconds).all(|count| *count == 0)
    }
}

fn minute(at: Instant) -> u64 {
    at.as_micros() / 60_000_000
}

fn index(minute: u64) -> usize {
    usize::try_from(minute % SLOTS as u64).unwrap_or(0)
}

/// The books.
#[derive(Debug)]
pub(crate) struct Toll {
    settings: Security,
    /// Who begins a call pays for it, and who sends its party on to the outside pays for that.
    calls: BTreeMap<CallUid, Vec<Charge>>,
    hours: BTreeMap<PhoneNumber, Hour>,
    look_at: Option<Instant>,
}

impl Toll {
    /// Empty books.
    pub(crate) fn new(settings: Security) -> Self {
        Self { settings, calls: BTreeMap::new(), hours: BTreeMap::new(), look_at: None }
    }

    /// Whether a phone with these limits may call now; `outside` is the number that a trunk would be given.
    ///
    /// # Errors
    /// The limit that stands against it.
    pub(crate) fn may_call(
        &mut self,
        now: Now,
        phone: &PhoneNumber,
        limits: &PhoneLimits,
        outside: Option<&str>,
    ) -> Result<(), Barred> {
        let permissions = limits.permissions.as_ref().unwrap_or(&self.settings.permissions);
        let number = outside.map(|number| self.full_number(number));
        let kind = number.as_deref().map_or(Permission::Internal, |number| self.kind_of(number));
        if !permissions.contains(&kind) {
            return Err(Barred::Permission);
        }
        if let Some(number) = &number {
            let begins = |prefix: &String| number.starts_with(&self.full_number(prefix));
            let allowed = limits.allowed_prefixes.is_empty() || limits.allowed_prefixes.iter().any(begins);
            if !allowed || limits.denied_prefixes.iter().any(begins) {
                return Err(Barred::Prefix);
            }
        }
        if matches!(kind, Permission::International | Permission::Premium)
            && let Some(hours) = &limits.international_hours
            && !self.is_open(hours, now)
        {
            return Err(Barred::Hours);
        }
        self.may_spend(now.instant, phone, limits, number.is_some())
    }

    fn may_spend(
        &mut self,
        now: Instant,
        phone: &PhoneNumber,
        limits: &PhoneLimits,
        outside: bool,
    ) -> Result<(), Barred> {
        self.count_seconds(now);
        let Some(hour) = self.hours.get_mut(phone) else { return Ok(()) };
        hour.slot(now);
        let sum = |slots: &[u32]| slots.iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
        let (calls, seconds) = (sum(&hour.calls), sum(&hour.seconds));
        if limits.calls_max.is_some_and(|most| hour.live >= most) {
            Err(Barred::CallsMax)
        } else if outside && limits.calls_per_hour.is_some_and(|most| calls >= most) {
            Err(Barred::CallsPerHour)
        } else if outside && limits.minutes_per_hour.is_some_and(|most| seconds / 60 >= most) {
            Err(Barred::MinutesPerHour)
        } else {
            Ok(())
        }
    }

    /// A call of the phone has begun.
    pub(crate) fn began(&mut self, now: Instant, call: CallUid, phone: &PhoneNumber, outside: bool) {
        self.charge(now, call, phone, outside, false);
    }

    /// The phone has sent the call's party on to the outside.
    pub(crate) fn sent_on(&mut self, now: Instant, call: CallUid, phone: &PhoneNumber) {
        self.charge(now, call, phone, true, true);
    }

    /// Nobody answered there: the phone pays no longer for it. The attempt was a call of its hour.
    pub(crate) fn came_back(&mut self, now: Instant, call: CallUid, phone: &PhoneNumber) {
        self.release(now, call, |charge| charge.sent_on && charge.phone == *phone);
    }

    /// What leads outside in one call goes on in another.
    pub(crate) fn joined(&mut self, from: CallUid, into: CallUid) {
        let Some(charges) = self.calls.get_mut(&from) else { return };
        let moved: Vec<Charge> = charges.extract_if(.., |charge| charge.outside).collect();
        if charges.is_empty() {
            self.calls.remove(&from);
        }
        if !moved.is_empty() {
            self.calls.entry(into).or_default().extend(moved);
        }
    }

    /// Whether the call is one of the phone's already.
    pub(crate) fn is_charged(&self, call: CallUid, phone: &PhoneNumber) -> bool {
        self.calls.get(&call).is_some_and(|charges| charges.iter().any(|charge| charge.phone == *phone))
    }

    fn charge(&mut self, now: Instant, call: CallUid, phone: &PhoneNumber, outside: bool, sent_on: bool) {
        let hour = self.hours.entry(phone.clone()).or_insert_with(|| Hour::new(now));
        let slot = hour.slot(now);
        hour.live = hour.live.saturating_add(1);
        if outside {
            if let Some(calls) = hour.calls.get_mut(slot) {
                *calls = calls.saturating_add(1);
            }
            self.look_at.get_or_insert(now + LOOK_EVERY);
        }
        let charge = Charge { phone: phone.clone(), outside, sent_on, counted_to: now };
        self.calls.entry(call).or_default().push(charge);
    }

    /// A call is over, whoever's it was.
    pub(crate) fn ended(&mut self, now: Instant, call: CallUid) {
        self.release(now, call, |_| true);
    }

    fn release(&mut self, now: Instant, call: CallUid, which: impl Fn(&Charge) -> bool) {
        if !self.calls.contains_key(&call) {
            return;
        }
        self.count_seconds(now);
        let Some(charges) = self.calls.get_mut(&call) else { return };
        let over: Vec<Charge> = charges.extract_if(.., |charge| which(charge)).collect();
        if charges.is_empty() {
            self.calls.remove(&call);
        }
        for charge in over {
            let Some(hour) = self.hours.get_mut(&charge.phone) else { continue };
            hour.live = hour.live.saturating_sub(1);
            if hour.is_empty() {
                self.hours.remove(&charge.phone);
            }
        }
    }

    /// Whether an alarm is due for the phone, which it then is not for a while.
    pub(crate) fn takes_alarm(&mut self, now: Instant, phone: &PhoneNumber) -> bool {
        let hour = self.hours.entry(phone.clone()).or_insert_with(|| Hour::new(now));
        let due = hour.alarmed.is_none_or(|at| now.since(at) >= ALARM_EVERY);
        if due {
            hour.alarmed = Some(now);
        }
        due
    }

    /// When [`Toll::overdrawn`] wants to be asked.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.look_at
    }

    /// The calls to outside of phones that have used up their minutes; `most` knows a phone's limit.
    pub(crate) fn overdrawn(
        &mut self,
        now: Instant,
        most: impl Fn(&PhoneNumber) -> Option<u32>,
    ) -> Vec<(CallUid, PhoneNumber)> {
        if self.look_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.count_seconds(now);
        let empty: Vec<PhoneNumber> = self
            .hours
            .iter_mut()
            .filter_map(|(phone, hour)| {
                hour.slot(now);
                hour.is_empty().then(|| phone.clone())
            })
            .collect();
        for phone in &empty {
            self.hours.remove(phone);
        }
        self.look_at = (!self.hours.is_empty()).then(|| now + LOOK_EVERY);
        let spent = |phone: &PhoneNumber| {
            let seconds = self.hours.get(phone).map_or(0, |hour| hour.seconds.iter().sum::<u32>());
            most(phone).is_some_and(|most| seconds / 60 >= most)
        };
        let over = self.calls.iter().filter_map(|(call, charges)| {
            let charge = charges.iter().find(|charge| charge.outside && spent(&charge.phone))?;
            Some((*call, charge.phone.clone()))
        });
        over.collect()
    }

    /// Phones with something in their last hour, and calls that are charged.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.hours.len(), self.calls.len())
    }

    /// Brings the seconds of running calls up to now.
    fn count_seconds(&mut self, now: Instant) {
        for charge in self.calls.values_mut().flatten().filter(|charge| charge.outside) {
            let passed = now.since(charge.counted_to).as_secs();
            let Some(hour) = self.hours.get_mut(&charge.phone).filter(|_| passed > 0) else { continue };
            charge.counted_to = charge.counted_to + Duration::from_secs(passed);
            let slot = hour.slot(now);
            if let Some(seconds) = hour.seconds.get_mut(slot) {
                *seconds = seconds.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
            }
        }
    }

    /// A number with its country where that is known: `0033…` and `01…` are `+33…`.
    fn full_number(&self, text: &str) -> String {
        let plain: String = text
            .chars()
            .filter(|letter| letter.is_ascii_digit() || matches!(letter, '+' | '*' | '#'))
            .collect();
        if plain.starts_with('+') {
            return plain;
        }
        let abroad = self.settings.international_prefixes.iter().filter_map(|prefix| {
            let rest = plain.strip_prefix(prefix.as_str())?;
            Some(format!("+{rest}"))
        });
        let home = &self.settings.country_code;
        let national = plain.strip_prefix('0').filter(|_| !home.is_empty());
        abroad.into_iter().next().or_else(|| national.map(|rest| format!("+{home}{rest}"))).unwrap_or(plain)
    }

    /// The kind of a full number.
    fn kind_of(&self, number: &str) -> Permission {
        if self.settings.premium_prefixes.iter().any(|prefix| number.starts_with(&self.full_number(prefix))) {
            return Permission::Premium;
        }
        let home = &self.settings.country_code;
        let abroad = number.strip_prefix('+').is_some_and(|rest| home.is_empty() || !rest.starts_with(home));
        if abroad { Permission::International } else { Permission::National }
    }

    fn is_open(&self, hours: &OpenHours, now: Now) -> bool {
        let utc = Zone::utc();
        let zone = self.settings.time_zone.as_ref().map_or(&utc, |named| &named.zone);
        let (day, minute) = zone.week_minute(now.wall);
        hours.is_open(day, minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;
    use crate::ids::Random;

    fn at(second: u64) -> Now {
        let wall = Wall::parse("2026-11-24T09:00:00Z").unwrap();
        Now {
            instant: Instant::from_micros(second * 1_000_000),
            wall: Wall::from_micros(wall.as_micros() + second as i64 * 1_000_000),
        }
    }

    fn toll() -> Toll {
        Toll::new(Security {
            country_code: "33".to_owned(),
            premium_prefixes: vec!["089".to_owned()],
            ..Security::default()
        })
    }

    fn phone() -> PhoneNumber {
        PhoneNumber::new("1001")
    }

    fn call(n: u64) -> CallUid {
        CallUid::draw(Wall::from_micros(0), &mut Random::seeded(n))
    }

    #[test]
    fn numbers_are_of_a_kind_however_they_are_dialled() {
        let check = |number: &str, expected: Permission| {
            let toll = toll();
            assert_eq!(toll.kind_of(&toll.full_number(number)), expected, "{number}");
        };
        for national in ["0123456789", "+33 1 23 45 67 89", "0033123456789", "3179", "112"] {
            check(national, Permission::National);
        }
        for premium in ["0899123456", "+33899123456", "0033899123456"] {
            check(premium, Permission::Premium);
        }
        for international in ["+4930123456", "004930123456", "+1 900 123"] {
            check(international, Permission::International);
        }
    }

    #[test]
    fn permissions_and_prefixes_bar_numbers() {
        let mut toll = toll();
        let mut check = |limits: &PhoneLimits, number: Option<&str>, expected: Result<(), Barred>| {
            assert_eq!(toll.may_call(at(0), &phone(), limits, number), expected, "{number:?}");
        };
        let open = PhoneLimits::default();
        check(&open, None, Ok(()));
        check(&open, Some("+4930123456"), Ok(()));
        check(&open, Some("0899123456"), Err(Barred::Permission));
        let national =
            PhoneLimits { permissions: Some(vec![Permission::National]), ..PhoneLimits::default() };
        check(&national, None, Err(Barred::Permission));
        check(&national, Some("004930123456"), Err(Barred::Permission));
        check(&national, Some("0123456789"), Ok(()));
        let few = PhoneLimits {
            allowed_prefixes: vec!["+331".to_owned(), "+49".to_owned()],
            denied_prefixes: vec!["+4930".to_owned()],
            ..PhoneLimits::default()
        };
        check(&few, Some("0123456789"), Ok(()));
        check(&few, Some("0223456789"), Err(Barred::Prefix));
        check(&few, Some("004989123"), Ok(()));
        check(&few, Some("004930123"), Err(Barred::Prefix));
        check(&few, None, Ok(()));
        let hours = OpenHours::parse("Mo-Fr 10:00-12:00").unwrap();
        let day = PhoneLimits { international_hours: Some(hours), ..PhoneLimits::default() };
        check(&day, Some("+4930123456"), Err(Barred::Hours));
        check(&day, Some("0123456789"), Ok(()));
        assert_eq!(toll.may_call(at(3600), &phone(), &day, Some("+4930123456")), Ok(()));
    }

    #[test]
    fn an_hour_has_so_many_calls_and_minutes() {
        let mut toll = toll();
        let limits = PhoneLimits {
            calls_max: Some(2),
            calls_per_hour: Some(3),
            minutes_per_hour: Some(10),
            ..PhoneLimits::default()
        };
        let may =
            |toll: &mut Toll, second: u64| toll.may_call(at(second), &phone(), &limits, Some("0123456789"));
        for n in 0..2 {
            assert_eq!(may(&mut toll, n), Ok(()));
            toll.began(at(n).instant, call(n), &phone(), true);
        }
        assert_eq!(may(&mut toll, 2), Err(Barred::CallsMax));
        toll.ended(at(60).instant, call(0));
        toll.began(at(60).instant, call(2), &phone(), true);
        toll.ended(at(61).instant, call(2));
        assert_eq!(may(&mut toll, 62), Err(Barred::CallsPerHour));
        // The other call goes on: a minute of the first, and nine of this one.
        let most = |_: &PhoneNumber| Some(10);
        assert!(toll.overdrawn(at(500).instant, most).is_empty());
        let over = toll.overdrawn(at(560).instant, most);
        assert_eq!(over, [(call(1), phone())]);
        toll.ended(at(560).instant, call(1));
        assert_eq!(may(&mut toll, 3590), Err(Barred::CallsPerHour));
        assert_eq!(may(&mut toll, 3601), Err(Barred::MinutesPerHour));
        assert_eq!(may(&mut toll, 4300), Ok(()));
        toll.overdrawn(at(4300).instant, most);
        assert_eq!((toll.len(), toll.poll_timeout()), ((0, 0), None));
    }
}
