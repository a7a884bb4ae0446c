//! Registered contacts and trunks.

use crate::http::dto::Time;
use crate::switch::view::RegistrationView;
use crate::switch::view::TargetView;
use crate::switch::view::TrunkView;
use serde::Serialize;
use utoipa::ToSchema;

/// A registered contact of a phone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registration {
    /// The phone's number.
    number: String,
    /// Its Contact URI.
    contact: String,
    /// Where requests are sent: `udp:192.0.2.1:5060`.
    flow: String,
    user_agent: Option<String>,
    registered_at: Time,
    expires_at: Time,
}

/// A trunk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trunk {
    id: String,
    /// `ip`, `register` or `digest`.
    kind: String,
    /// Calls up on it.
    calls: u32,
    max_calls: u32,
    /// Whether calls can be sent to one of its targets.
    up: bool,
    /// Whether our registration there holds; absent where we don't register.
    registered: Option<bool>,
    /// Where calls can go, in the order of the configuration.
    targets: Vec<TrunkTarget>,
}

/// A target of a trunk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrunkTarget {
    /// `udp:192.0.2.1:5060`.
    address: String,
    /// Whether calls are sent there.
    up: bool,
    /// The round trip of its last OPTIONS.
    round_trip_seconds: Option<f64>,
}

impl From<RegistrationView> for Registration {
    fn from(view: RegistrationView) -> Self {
        Self {
            number: view.number,
            contact: view.contact,
            flow: view.flow,
            user_agent: view.user_agent,
            registered_at: view.registered_at.into(),
            expires_at: view.expires_at.into(),
        }
    }
}

impl From<TrunkView> for Trunk {
    fn from(view: TrunkView) -> Self {
        let target = |target: TargetView| TrunkTarget {
            address: target.address,
            up: target.up,
            round_trip_seconds: target.round_trip.map(|time| time.as_secs_f64()),
        };
        Self {
            id: view.id,
            kind: view.kind,
            calls: view.calls,
            max_calls: view.max_calls,
            up: view.up,
            registered: view.registered,
            targets: view.targets.into_iter().map(target).collect(),
        }
    }
}
