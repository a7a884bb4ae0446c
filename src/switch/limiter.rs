//! Token buckets per source address: how many requests and calls a second one source may send.
//!
//! A bounded table: when it is full the source that was quiet the longest is forgotten.

use crate::clock::Instant;
use crate::config::Limits;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// A source that was quiet for so long is forgotten: its bucket is full anyway.
const QUIET: Duration = Duration::from_secs(60);
/// Sources that are remembered.
const SOURCES_MAX: usize = 10_000;

#[derive(Copy, Clone, Debug)]
struct Bucket {
    requests: f64,
    calls: f64,
    at: Instant,
}

/// The buckets.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: HashMap<IpAddr, Bucket>,
    by_age: BTreeMap<(Instant, IpAddr), ()>,
}

impl Limiter {
    /// Forgets sources that have long been quiet.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(((at, source), ())) = self.by_age.first_key_value()
            && now.since(*at) >= QUIET
        {
            self.buckets.remove(source);
            self.by_age.pop_first();
        }
    }

    /// Sources that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Takes one request's token; false when the source has none left.
    pub(crate) fn request_allowed(&mut self, now: Instant, source: IpAddr, limits: &Limits) -> bool {
        let bucket = self.bucket(now, source, limits);
        bucket.requests -= 1.0;
        let allowed = bucket.requests >= 0.0;
        bucket.requests = bucket.requests.max(0.0);
        allowed
    }

    /// Takes one call's token; false when the source has none left.
    pub(crate) fn call_allowed(&mut self, now: Instant, source: IpAddr, limits: &Limits) -> bool {
        let bucket = self.bucket(now, source, limits);
        bucket.calls -= 1.0;
        let allowed = bucket.calls >= 0.0;
        bucket.calls = bucket.calls.max(0.0);
        allowed
    }

    /// The source's bucket, filled up for the time passed: a second's worth at the most.
    fn bucket(&mut self, now: Instant, source: IpAddr, limits: &Limits) -> &mut Bucket {
        let requests_max = f64::from(limits.requests_per_second);
        let calls_max = f64::from(limits.calls_per_second);
        if !self.buckets.contains_key(&source)
            && self.buckets.len() >= SOURCES_MAX
            && let Some(((_, oldest), ())) = self.by_age.pop_first()
        {
            self.buckets.remove(&oldest);
        }
        let bucket = self.buckets.entry(source).or_insert_with(|| {
            self.by_age.insert((now, source), ());
            Bucket { requests: requests_max, calls: calls_max, at: now }
        });
        let passed = now.since(bucket.at);
        // Reordering the ages at each packet would cost more than the limit is worth: a tenth of a second is exact enough.
        if passed.as_millis() >= 100 {
            self.by_age.remove(&(bucket.at, source));
            self.by_age.insert((now, source), ());
            let seconds = passed.as_secs_f64();
            bucket.requests = (bucket.requests + seconds * requests_max).min(requests_max);
            bucket.calls = (bucket.calls + seconds * calls_max).min(calls_max);
            bucket.at = now;
        }
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gets_its_share_and_no_more() {
        let limits = Limits { media_busy_percent: 75, requests_per_second: 10, calls_per_second: 2 };
        let mut limiter = Limiter::default();
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        let now = Instant::from_micros(0);
        let passed = (0..20).filter(|_| limiter.request_allowed(now, source, &limits)).count();
        assert_eq!(passed, 10);
        assert!(limiter.request_allowed(now, "192.0.2.2".parse().unwrap(), &limits));
        let later = now + Duration::from_millis(500);
        let passed = (0..20).filter(|_| limiter.request_allowed(later, source, &limits)).count();
        assert_eq!(passed, 5);
        let calls = (0..20).filter(|_| limiter.call_allowed(later, source, &limits)).count();
        assert_eq!(calls, 2);
    }

    #[test]
    fn the_table_is_bounded() {
        let limits = Limits { media_busy_percent: 75, requests_per_second: 500, calls_per_second: 50 };
        let mut limiter = Limiter::default();
        for n in 0..(SOURCES_MAX as u32 + 100) {
            limiter.request_allowed(Instant::from_micros(n.into()), IpAddr::from(n.to_be_bytes()), &limits);
        }
        assert_eq!(limiter.buckets.len(), SOURCES_MAX);
        assert_eq!(limiter.by_age.len(), SOURCES_MAX);
        limiter.expire(Instant::from_micros(100_000_000));
        assert_eq!((limiter.len(), limiter.by_age.len()), (0, 0));
    }
}
