//! A bounded table whose entries are forgotten when they were not touched for a time, or when it is full and they are the
//! oldest. What it holds is its owner's matter.

use crate::clock::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The table.
#[derive(Debug)]
pub(crate) struct Aging<K, V> {
    entries: BTreeMap<K, (Instant, V)>,
    by_age: BTreeSet<(Instant, K)>,
    entries_max: usize,
    lifetime: Duration,
}

impl<K: Clone + Ord, V> Aging<K, V> {
    /// A table of so many entries, each for so long after it was touched last.
    pub(crate) fn new(entries_max: usize, lifetime: Duration) -> Self {
        Self { entries: BTreeMap::new(), by_age: BTreeSet::new(), entries_max, lifetime }
    }

    /// The entry, as it is.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry, made when it is not there, young again.
    pub(crate) fn touch(&mut self, now: Instant, key: &K, make: impl FnOnce() -> V) -> &mut V {
        let value = self.take(key).unwrap_or_else(make);
        if self.entries.len() >= self.entries_max
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.by_age.insert((now, key.clone()));
        let (_, value) = self.entries.entry(key.clone()).or_insert((now, value));
        value
    }

    /// Takes the entry out.
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        let (at, value) = self.entries.remove(key)?;
        self.by_age.remove(&(at, key.clone()));
        Some(value)
    }

    /// Forgets what is too old.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((at, key)) = self.by_age.first()
            && *at + self.lifetime <= now
        {
            self.entries.remove(key);
            self.by_age.pop_first();
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_it_is_full_and_all_go_in_time() {
        let mut table = Aging::new(2, Duration::from_secs(10));
        let at = |second: u64| Instant::from_micros(second * 1_000_000);
        table.touch(at(0), &1, || "a");
        table.touch(at(1), &2, || "b");
        table.touch(at(2), &1, || "new");
        table.touch(at(3), &3, || "c");
        assert_eq!((table.get(&1), table.get(&2), table.get(&3)), (Some(&"a"), None, Some(&"c")));
        table.expire(at(12));
        assert_eq!((table.len(), table.get(&3)), (1, Some(&"c")));
        assert_eq!(table.take(&3), Some("c"));
        assert_eq!((table.len(), table.by_age.len()), (0, 0));
    }
}
