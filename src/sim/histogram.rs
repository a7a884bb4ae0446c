//! Durations counted in bounded memory, for percentiles.
//!
//! Buckets grow with the value: below 64 µs each microsecond has its own, above the error is at most 1/32. Not a
//! Prometheus histogram: it is read once, at the end.

use std::time::Duration;

/// Buckets in each doubling of the value.
const STEPS_BITS: u32 = 5;
const STEPS: u64 = 1 << STEPS_BITS;
/// Values from here on (about 71 minutes) share the last bucket.
const DOUBLINGS: u32 = 32;
const BUCKETS: usize = (STEPS as usize) * (DOUBLINGS as usize - STEPS_BITS as usize + 1);

/// The counts.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum_micros: u128,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum_micros: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(index(micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum_micros += u128::from(micros);
        self.max = self.max.max(value);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_micros += other.sum_micros;
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The mean; `None` before the first value.
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum_micros.checked_div(u128::from(self.count))?;
        Some(Duration::from_micros(u64::try_from(mean).unwrap_or(u64::MAX)))
    }

    /// The value that `percent` of the values do not exceed; `None` before the first one.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let rank = ((self.count as f64 * percent / 100.0).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= rank {
                return Some(Duration::from_micros(upper_edge(at)).min(self.max));
            }
        }
        Some(self.max)
    }
}

fn index(micros: u64) -> usize {
    let doubling = (63 - micros.max(1).leading_zeros()).saturating_sub(STEPS_BITS);
    let place = u64::from(doubling) * STEPS + (micros >> doubling);
    usize::try_from(place).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    let doubling = (index / STEPS).saturating_sub(1);
    let step = index - doubling * STEPS;
    ((step + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thirtieth() {
        let mut histogram = Histogram::default();
        for micros in 1..=100_000u64 {
            histogram.add(Duration::from_micros(micros));
        }
        for percent in [1.0, 50.0, 95.0, 99.9] {
            let exact = 1000.0 * percent;
            let found = histogram.percentile(percent).unwrap().as_micros() as f64;
            assert!(found >= exact && found <= exact * 1.04, "{percent} %: {found}");
        }
        assert_eq!(histogram.percentile(100.0), Some(Duration::from_millis(100)));
        assert_eq!(histogram.mean(), Some(Duration::from_micros(50_000)));
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for micros in (0..5000).chain((0..40).map(|bit| 1u64 << bit)) {
            let at = index(micros);
            assert!(at == BUCKETS - 1 || upper_edge(at) >= micros, "{micros}");
            assert!(at == 0 || upper_edge(at - 1) < micros, "{micros}");
        }
        assert_eq!(Histogram::default().percentile(50.0), None);
    }
}
