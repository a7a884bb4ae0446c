//! Alarms: something that somebody should look at.

use crate::switch::view::AlarmView;
use serde::Serialize;

/// An alarm, as the event stream shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Alarm {
    /// `auth_blocked` or `toll`.
    kind: &'static str,
    /// Which limit was met.
    reason: &'static str,
    /// The account, as it was claimed.
    account: String,
    /// From where, when it is of one address.
    source: Option<String>,
}

impl From<AlarmView> for Alarm {
    fn from(view: AlarmView) -> Self {
        Self {
            kind: view.kind,
            reason: view.reason,
            account: view.account,
            source: view.source.map(|source| source.to_string()),
        }
    }
}
