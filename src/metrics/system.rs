//! The process itself: build, certificates, HTTP and the store.

use crate::metrics::Metrics;
use crate::metrics::families::Families;
use crate::metrics::labels::DB_OPS;
use crate::metrics::labels::known;
use crate::metrics::names;
use prometheus::{Histogram, HistogramVec, IntGaugeVec};
use std::time::Duration;

pub(crate) struct SystemFamilies {
    tls_expiry: IntGaugeVec,
    http_duration: HistogramVec,
    db_duration: HistogramVec,
}

impl SystemFamilies {
    pub(crate) fn new(families: &mut Families) -> Self {
        families.gauge(&names::BUILD_INFO).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            tls_expiry: families.gauge(&names::TLS_EXPIRY),
            http_duration: families.histogram(&names::HTTP_DURATION),
            db_duration: families.histogram(&names::DB_DURATION),
        }
    }
}

/// A histogram of durations whose labels are resolved.
#[derive(Clone, Debug)]
pub struct Timing(pub(crate) Histogram);

impl Timing {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }
}

impl Metrics {
    /// When the certificate of that name in the configuration ends, in seconds since 1970.
    pub fn tls_certificate_expiry(&self, name: &str, unix_seconds: i64) {
        self.0.system.tls_expiry.with_label_values(&[name]).set(unix_seconds);
    }

    /// The timing of a route of the API, by its template (`GET /api/v1/agents/{id}`), never by a path that somebody
    /// sent.
    pub fn http_route(&self, route: &str) -> Timing {
        Timing(self.0.system.http_duration.with_label_values(&[route]))
    }

    /// Work of the store: `op` is a word such as `append` or `cdrs`.
    pub fn db_query(&self, op: &str, duration: Duration) {
        let timing = self.0.system.db_duration.with_label_values(&[known(DB_OPS, op)]);
        timing.observe(duration.as_secs_f64());
    }
}
