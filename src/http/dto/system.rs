//! The process's own health.

use serde::Serialize;
use utoipa::ToSchema;

/// Whether the process serves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `degraded` while the store is away: calls go on, records wait on disk.
    pub(crate) status: &'static str,
    /// `up` or `down`.
    pub(crate) store: &'static str,
}
