//! Who has guessed at passwords, and is not listened to for a while; who has shown a right one from where.
//!
//! The rule, so that one phone with a wrong password never locks out its neighbours behind the same NAT:
//!
//! - A *pair* of account and source that fails `auth_failures` times is blocked: `auth_block_seconds`, and twice as long
//!   at each further failure, up to an hour.
//! - A *source* is blocked when it has failed at `auth_accounts` different accounts: that is no phone.
//! - An *account* is blocked when it has failed ten times `auth_failures` times, from anywhere.
//! - A pair that was right before (or is registered from there) is *known*: blocks of the source and of the account
//!   don't hold for it, and it may fail ten times as often before its own does.
//!
//! Names are counted whether they exist or not, so that a block tells nothing. Only an answer to a nonce that this
//! very source was given counts, so that nobody can have another blocked by forging its address. Not the judge of
//! credentials (`sip::digest`) and not the limit of requests a second (`limiter`).

use crate::clock::Instant;
use crate::config::Security;
use crate::switch::aging::Aging;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

/// Entries of each table; some 100 bytes each.
const ENTRIES_MAX: usize = 16_384;
/// The longest block.
const BLOCK_MAX: Duration = Duration::from_secs(3600);
/// Failures are forgotten after this, once no block lasts so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * 3600);
/// A right password makes its source known for a month.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);
/// What a known pair, and an account from all sources, may fail more than a pair.
const PATIENCE: u32 = 10;

/// An account's name, hashed: names of any length take the same room.
type Account = u64;

/// Failures of one kind, and the block that they led to.
#[derive(Copy, Clone, Debug, Default)]
struct Tries {
    failures: u32,
    blocks: u32,
    blocked_until: Instant,
}

impl Tries {
    /// One more failure, of `allowed` before a block; true when that begins one.
    fn fail(&mut self, now: Instant, allowed: u32, first: Duration) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures >= allowed && self.block(now, first)
    }

    fn block(&mut self, now: Instant, first: Duration) -> bool {
        let longer = 1_u32.checked_shl(self.blocks).unwrap_or(u32::MAX);
        self.blocks = self.blocks.saturating_add(1);
        self.blocked_until = now + first.saturating_mul(longer).min(BLOCK_MAX);
        true
    }

    fn until(&self, now: Instant) -> Option<Instant> {
        (self.blocked_until > now).then_some(self.blocked_until)
    }
}

/// A source's failures: at which accounts.
#[derive(Clone, Debug, Default)]
struct Guesser {
    accounts: BTreeSet<Account>,
    tries: Tries,
}

/// What a failure led to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Nothing yet.
    Nobody,
    /// This account from this source.
    Pair,
    /// All accounts from this source.
    Source,
    /// This account from all sources.
    Account,
}

/// The tables.
#[derive(Debug)]
pub(crate) struct Guard {
    pairs: Aging<(Account, IpAddr), Tries>,
    accounts: Aging<Account, Tries>,
    sources: Aging<IpAddr, Guesser>,
    known: Aging<(Account, IpAddr), ()>,
    failures: u32,
    source_accounts: usize,
    first_block: Duration,
}

impl Guard {
    /// Empty tables, with the configuration's limits.
    pub(crate) fn new(settings: &Security) -> Self {
        Self {
            pairs: Aging::new(ENTRIES_MAX, FORGOTTEN_AFTER),
            accounts: Aging::new(ENTRIES_MAX, FORGOTTEN_AFTER),
            sources: Aging::new(ENTRIES_MAX, FORGOTTEN_AFTER),
            known: Aging::new(4 * ENTRIES_MAX, KNOWN_FOR),
            failures: settings.auth_failures,
            source_accounts: usize::try_from(settings.auth_accounts).unwrap_or(usize::MAX),
            first_block: settings.auth_block,
        }
    }

    /// Until when credentials of this account from this source are not looked at. `is_registered`: it has a binding
    /// from there.
    pub(crate) fn blocked_until(
        &self,
        now: Instant,
        user: &[u8],
        source: IpAddr,
        is_registered: bool,
    ) -> Option<Instant> {
        let (account, source) = (account_of(user), network_of(source));
        let pair = self.pairs.get(&(account, source)).and_then(|tries| tries.until(now));
        if is_registered || self.known.get(&(account, source)).is_some() {
            return pair;
        }
        let by_source = self.sources.get(&source).and_then(|guesser| guesser.tries.until(now));
        let by_account = self.accounts.get(&account).and_then(|tries| tries.until(now));
        [pair, by_source, by_account].into_iter().flatten().max()
    }

    /// Credentials were wrong.
    pub(crate) fn failed(
        &mut self,
        now: Instant,
        user: &[u8],
        source: IpAddr,
        is_registered: bool,
    ) -> Blocked {
        self.expire(now);
        let (account, source) = (account_of(user), network_of(source));
        let is_known = is_registered || self.known.get(&(account, source)).is_some();
        let patient = self.failures.saturating_mul(PATIENCE);
        let allowed = if is_known { patient } else { self.failures };
        let mut blocked = Blocked::Nobody;
        if self.pairs.touch(now, &(account, source), Tries::default).fail(now, allowed, self.first_block) {
            blocked = Blocked::Pair;
        }
        // A known phone that fails is a phone with a new password, behind a NAT with others.
        if is_known {
            return blocked;
        }
        if self.accounts.touch(now, &account, Tries::default).fail(now, patient, self.first_block) {
            blocked = Blocked::Account;
        }
        let guesser = self.sources.touch(now, &source, Guesser::default);
        guesser.accounts.insert(account);
        if guesser.accounts.len() >= self.source_accounts {
            guesser.accounts.clear();
            guesser.tries.block(now, self.first_block);
            blocked = Blocked::Source;
        }
        blocked
    }

    /// Credentials were right.
    pub(crate) fn succeeded(&mut self, now: Instant, user: &[u8], source: IpAddr) {
        let pair = (account_of(user), network_of(source));
        self.pairs.take(&pair);
        self.known.touch(now, &pair, || ());
    }

    /// Forgets what is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.pairs.expire(now);
        self.accounts.expire(now);
        self.sources.expire(now);
        self.known.expire(now);
    }

    /// Entries of all tables but the known pairs, which are as many as there are phones.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len() + self.accounts.len() + self.sources.len()
    }

    /// Known pairs.
    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }
}

fn account_of(user: &[u8]) -> Account {
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish()
}

/// Who is behind an address: an IPv6 customer has a /64 at least, and may use a new address for each packet.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let settings = Security { auth_failures: 5, auth_accounts: 10, ..Security::default() };
        Guard::new(&Security { auth_block: Duration::from_secs(60), ..settings })
    }

    fn at(second: u64) -> Instant {
        Instant::from_micros(second * 1_000_000)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_phone_with_a_wrong_password_blocks_itself_and_for_longer_each_time() {
        let (mut guard, nat) = (guard(), ip("192.0.2.1"));
        for n in 0..5 {
            assert_eq!(guard.blocked_until(at(0), b"1001", nat, false), None, "{n}");
            guard.failed(at(0), b"1001", nat, false);
        }
        assert_eq!(guard.blocked_until(at(0), b"1001", nat, false), Some(at(60)));
        assert_eq!(guard.blocked_until(at(0), b"1002", nat, false), None, "its neighbour");
        assert_eq!(guard.blocked_until(at(0), b"1001", ip("192.0.2.2"), false), None, "elsewhere");
        assert_eq!(guard.blocked_until(at(60), b"1001", nat, false), None);
        let mut lasted = Vec::new();
        let mut now = at(60);
        for _ in 0..8 {
            assert_eq!(guard.failed(now, b"1001", nat, false), Blocked::Pair);
            let until = guard.blocked_until(now, b"1001", nat, false).expect("blocked");
            lasted.push(until.since(now).as_secs());
            now = until;
        }
        assert_eq!(lasted, [120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    }

    #[test]
    fn who_guesses_at_many_accounts_is_blocked_and_known_phones_behind_him_are_not() {
        let (mut guard, nat) = (guard(), ip("192.0.2.1"));
        guard.succeeded(at(0), b"1001", nat);
        for n in 0..10 {
            guard.failed(at(1), format!("20{n:02}").as_bytes(), nat, false);
        }
        assert_eq!(guard.blocked_until(at(1), b"3000", nat, false), Some(at(61)));
        assert_eq!(guard.blocked_until(at(1), b"1001", nat, false), None, "was right before");
        assert_eq!(guard.blocked_until(at(1), b"1002", nat, true), None, "is registered from there");
        assert_eq!(guard.blocked_until(at(1), b"3000", ip("192.0.2.9"), false), None);
    }

    #[test]
    fn guesses_from_everywhere_block_the_account_but_not_where_it_is_known() {
        let mut guard = guard();
        guard.succeeded(at(0), b"1001", ip("192.0.2.1"));
        for n in 0..50 {
            guard.failed(at(1), b"1001", ip(&format!("198.51.100.{n}")), false);
        }
        assert!(guard.blocked_until(at(2), b"1001", ip("203.0.113.5"), false).is_some());
        assert_eq!(guard.blocked_until(at(2), b"1001", ip("192.0.2.1"), false), None);
    }

    #[test]
    fn a_known_pair_may_fail_more_often_but_not_for_ever() {
        let (mut guard, nat) = (guard(), ip("192.0.2.1"));
        guard.succeeded(at(0), b"1001", nat);
        let failed = (0..100)
            .take_while(|_| {
                guard.failed(at(1), b"1001", nat, false);
                guard.blocked_until(at(1), b"1001", nat, false).is_none()
            })
            .count();
        assert_eq!(failed, 49);
        assert_eq!(guard.sources.len() + guard.accounts.len(), 0, "it is held against nobody else");
    }

    #[test]
    fn an_ipv6_customer_is_one_source_and_the_tables_are_bounded_and_empty_in_time() {
        assert_eq!(network_of(ip("2001:db8::1:2:3:4")), network_of(ip("2001:db8::ffff:0:0:1")));
        assert_eq!(network_of(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        let mut guard = guard();
        for n in 0..50_000_u32 {
            let name = format!("user{n}");
            guard.failed(
                Instant::from_micros(n.into()),
                name.as_bytes(),
                IpAddr::from(n.to_be_bytes()),
                false,
            );
        }
        assert!(guard.len() <= 3 * ENTRIES_MAX);
        guard.expire(at(3 * 3600));
        assert_eq!(guard.len(), 0);
    }
}
