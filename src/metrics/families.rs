//! From the table of names to registered collectors, and cells that resolve their labels once.
//!
//! `prometheus` looks a label set up under a lock; a [`Cells`] keeps the resolved child, so that a hot path pays one
//! atomic addition. Owned by `metrics`.

use crate::metrics::names::Family;
use crate::metrics::names::Kind;
use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};
use std::sync::OnceLock;

/// A registry under construction, which remembers what was registered.
pub(crate) struct Families {
    pub(crate) registry: Registry,
    pub(crate) names: Vec<&'static str>,
}

impl Families {
    pub(crate) fn new() -> Self {
        Self { registry: Registry::new(), names: Vec::new() }
    }

    fn add(&mut self, family: &Family, collector: Box<dyn Collector>) {
        self.registry.register(collector).expect("each family of the table is registered once");
        self.names.push(family.name);
    }

    pub(crate) fn counter(&mut self, family: &Family) -> IntCounterVec {
        assert_eq!(family.kind, Kind::Counter, "{} is a counter", family.name);
        let made = IntCounterVec::new(Opts::new(family.name, family.help), family.labels)
            .expect("the table's names are valid");
        self.add(family, Box::new(made.clone()));
        made
    }

    pub(crate) fn gauge(&mut self, family: &Family) -> IntGaugeVec {
        assert_eq!(family.kind, Kind::Gauge, "{} is a gauge", family.name);
        let made = IntGaugeVec::new(Opts::new(family.name, family.help), family.labels)
            .expect("the table's names are valid");
        self.add(family, Box::new(made.clone()));
        made
    }

    pub(crate) fn seconds_gauge(&mut self, family: &Family) -> GaugeVec {
        assert_eq!(family.kind, Kind::Gauge, "{} is a gauge", family.name);
        let made = GaugeVec::new(Opts::new(family.name, family.help), family.labels)
            .expect("the table's names are valid");
        self.add(family, Box::new(made.clone()));
        made
    }

    pub(crate) fn histogram(&mut self, family: &Family) -> HistogramVec {
        let Kind::Histogram(buckets) = family.kind else { panic!("{} is a histogram", family.name) };
        let opts = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
        let made = HistogramVec::new(opts, family.labels).expect("the table's names are valid");
        self.add(family, Box::new(made.clone()));
        made
    }
}

/// Counters of one family by a small index; a cell is resolved at its first use and then costs no look-up.
pub(crate) struct Cells {
    family: IntCounterVec,
    cells: Box<[OnceLock<IntCounter>]>,
}

impl Cells {
    pub(crate) fn new(family: IntCounterVec, len: usize) -> Self {
        Self { family, cells: (0..len).map(|_| OnceLock::new()).collect() }
    }

    /// The counter at `index`, whose label values `labels` tells; an index out of range is not counted.
    pub(crate) fn add<const N: usize>(
        &self,
        index: usize,
        labels: impl FnOnce() -> [&'static str; N],
        by: u64,
    ) {
        if let Some(cell) = self.cells.get(index) {
            cell.get_or_init(|| self.family.with_label_values(&labels())).inc_by(by);
        }
    }
}

/// Counters of one family with a single label out of a known list; the rest counts as `other`.
pub(crate) struct Words {
    list: &'static [&'static str],
    counters: Box<[IntCounter]>,
    other: IntCounter,
}

impl Words {
    pub(crate) fn new(family: &IntCounterVec, list: &'static [&'static str]) -> Self {
        let counters = list.iter().map(|word| family.with_label_values(&[*word])).collect();
        Self { list, counters, other: family.with_label_values(&["other"]) }
    }

    pub(crate) fn count(&self, word: &str) {
        let at = self.list.iter().position(|known| *known == word);
        at.and_then(|index| self.counters.get(index)).unwrap_or(&self.other).inc();
    }
}

/// A family without labels.
pub(crate) fn plain_counter(family: &IntCounterVec) -> IntCounter {
    family.with_label_values::<&str>(&[])
}

/// A histogram without labels.
pub(crate) fn plain_histogram(family: &HistogramVec) -> Histogram {
    family.with_label_values::<&str>(&[])
}
