//! The bodies that clients send, for the OpenAPI document; reading them is [`crate::http::fields`]' work, which
//! points at every fault.

use crate::http::dto::QueueStatus;
use crate::http::dto::SuperviseMode;
use utoipa::ToSchema;

/// The status wanted. Without `queues` and `campaigns` it applies everywhere at once.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct StatusChange {
    status: QueueStatus,
    /// A pause reason's id; only with `paused`.
    #[schema(required = false)]
    reason: Option<String>,
    /// Only in these queues.
    #[schema(required = false)]
    queues: Option<Vec<String>>,
    /// Only in these campaigns.
    #[schema(required = false)]
    campaigns: Option<Vec<String>>,
}

/// Somebody who is to come into a conversation.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct NewParty {
    /// The number, as a phone would dial it.
    to: String,
}

/// A supervisor who is to come into a conversation, or to do something else in it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct Supervise {
    /// The number of his phone.
    phone: String,
    mode: SuperviseMode,
}

/// Keys to press.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct Digits {
    /// `0` to `9`, `*`, `#`, `A` to `D`; at most 64.
    digits: String,
}

/// What is to become of a call's recording: `start`, `pause`, `resume` or `stop`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct RecordingChange {
    action: String,
}

/// A new place for a waiting caller: at least one field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, not read: the fields are read one by one")]
pub(crate) struct CallerChange {
    /// To that queue.
    #[schema(required = false)]
    queue: Option<String>,
    /// To that place in the order of service, from 1.
    #[schema(required = false, minimum = 1)]
    position: Option<u32>,
    #[schema(required = false)]
    priority: Option<i32>,
}
