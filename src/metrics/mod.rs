//! Figures for Prometheus: typed methods that count, and the text that a scrape gets.
//!
//! The only home of the crate `prometheus`. It decides nothing and knows no other part: label values are closed
//! enums, known words or ids of the configuration. Gauges that the switch owns are read at a scrape ([`Readings`]).

mod call;
mod families;
pub mod labels;
pub mod names;
mod queue;
mod readings;
mod sip;
mod system;
#[cfg(test)]
mod tests;

pub use queue::QueueMetrics;
pub use readings::{QueueReading, Readings};
pub use system::Timing;

use crate::metrics::call::CallFamilies;
use crate::metrics::families::Families;
use crate::metrics::queue::QueueFamilies;
use crate::metrics::readings::Gauges;
use crate::metrics::sip::SipFamilies;
use crate::metrics::system::SystemFamilies;
use prometheus::{Registry, TextEncoder};
use std::sync::{Arc, Mutex, PoisonError};

/// The media type of [`Metrics::render`]'s text.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of the process; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    /// The names registered, for the test against the table.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that compares it with the table"))]
    registered: Vec<&'static str>,
    sip: SipFamilies,
    call: CallFamilies,
    queue: QueueFamilies,
    system: SystemFamilies,
    /// Under a lock, so that two scrapes at once don't mix their readings.
    gauges: Mutex<Gauges>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// All families of [`names::FAMILIES`], at zero.
    pub fn new() -> Self {
        let mut families = Families::new();
        let sip = SipFamilies::new(&mut families);
        let call = CallFamilies::new(&mut families);
        let queue = QueueFamilies::new(&mut families);
        let system = SystemFamilies::new(&mut families);
        let gauges = Mutex::new(Gauges::new(&mut families));
        let Families { registry, names } = families;
        Self(Arc::new(Inner { registry, registered: names, sip, call, queue, system, gauges }))
    }

    /// The exposition in Prometheus' text format. Without `readings` (the switch was too busy to tell) the gauges
    /// that the switch owns are left out rather than shown stale.
    pub fn render(&self, readings: Option<&Readings>) -> String {
        let gauges = self.0.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.fill(readings);
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default()
    }
}
