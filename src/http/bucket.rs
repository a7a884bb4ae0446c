//! How often a key may ask: one token bucket for each key, and one for all strangers together.
//!
//! Time is an argument. Bounded by the number of keys in force. Owned by `http`.

use crate::clock::Instant;
use crate::ids::ApiKeyId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How fast a bucket fills.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, in the long run; 0 is no limit.
    pub per_second: u32,
    /// Requests at once after a silence.
    pub burst: u32,
}

/// Tokens in millionths, so that whole numbers fill it evenly at every rate.
#[derive(Clone, Debug)]
struct Bucket {
    micro_tokens: u64,
    filled_at: Instant,
}

const TOKEN: u64 = 1_000_000;

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { micro_tokens: u64::from(rate.burst.max(1)) * TOKEN, filled_at: now }
    }

    /// Takes a token, or tells how long until there is one.
    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let per_second = u64::from(rate.per_second);
        let passed = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        self.filled_at = self.filled_at.max(now);
        let most = u64::from(rate.burst.max(1)) * TOKEN;
        self.micro_tokens = self.micro_tokens.saturating_add(passed.saturating_mul(per_second)).min(most);
        match self.micro_tokens.checked_sub(TOKEN) {
            Some(left) => {
                self.micro_tokens = left;
                Ok(())
            }
            None => Err(Duration::from_micros((TOKEN - self.micro_tokens).div_ceil(per_second.max(1)))),
        }
    }
}

/// All buckets.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: Rate,
    keys: BTreeMap<ApiKeyId, Bucket>,
    strangers: Option<Bucket>,
}

/// Buckets kept; above it those of keys that have not asked for longest are forgotten, which fills them.
const KEYS_MAX: usize = 1024;

impl Buckets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, keys: BTreeMap::new(), strangers: None }
    }

    /// A request with a known key; the error tells when to ask again.
    pub(crate) fn take(&mut self, key: &ApiKeyId, now: Instant) -> Result<(), Duration> {
        if self.rate.per_second == 0 {
            return Ok(());
        }
        if let Some(bucket) = self.keys.get_mut(key) {
            return bucket.take(self.rate, now);
        }
        if self.keys.len() >= KEYS_MAX {
            let oldest =
                self.keys.iter().min_by_key(|(_, bucket)| bucket.filled_at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.keys.remove(&oldest);
            }
        }
        let rate = self.rate;
        self.keys.entry(key.clone()).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    /// A request whose key nobody knows: guessing is slow for all guessers together, while known keys go on.
    pub(crate) fn take_stranger(&mut self, now: Instant) -> Result<(), Duration> {
        if self.rate.per_second == 0 {
            return Ok(());
        }
        let rate = self.rate;
        self.strangers.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 2, burst: 3 };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut buckets = Buckets::new(RATE);
        let key = ApiKeyId::new("ops");
        for _ in 0..3 {
            assert_eq!(buckets.take(&key, at(0)), Ok(()));
        }
        assert_eq!(buckets.take(&key, at(0)), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take(&key, at(300)), Err(Duration::from_millis(200)));
        assert_eq!(buckets.take(&key, at(500)), Ok(()));
        assert!(buckets.take(&key, at(500)).is_err());
        let passed = (0..10_000).filter(|step| buckets.take(&key, at(500 + step)).is_ok()).count();
        assert_eq!(passed, 19, "ten seconds at two a second, less the last one that is not yet full");
    }

    #[test]
    fn keys_and_strangers_do_not_share() {
        let mut buckets = Buckets::new(RATE);
        let (one, two) = (ApiKeyId::new("one"), ApiKeyId::new("two"));
        while buckets.take(&one, at(0)).is_ok() {}
        while buckets.take_stranger(at(0)).is_ok() {}
        assert_eq!(buckets.take(&two, at(0)), Ok(()));
    }

    #[test]
    fn a_clock_that_stands_or_jumps_does_no_harm() {
        let mut buckets = Buckets::new(RATE);
        let key = ApiKeyId::new("ops");
        assert_eq!(buckets.take(&key, at(1000)), Ok(()));
        assert_eq!(buckets.take(&key, at(0)), Ok(()));
        assert_eq!(buckets.take(&key, Instant::from_micros(u64::MAX)), Ok(()));
        let mut free = Buckets::new(Rate { per_second: 0, burst: 0 });
        assert!((0..1000).all(|_| free.take(&key, at(0)).is_ok()));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut buckets = Buckets::new(RATE);
        for index in 0..3000 {
            assert_eq!(buckets.take(&ApiKeyId::new(&format!("k{index}")), at(index)), Ok(()));
        }
        assert_eq!(buckets.keys.len(), KEYS_MAX);
    }
}
