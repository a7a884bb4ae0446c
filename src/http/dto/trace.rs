//! A SIP message as it passed by.

use crate::http::dto::Time;
use crate::trace;
use crate::trace::Packet;
use crate::trace::Way;
use serde::Serialize;
use utoipa::ToSchema;

/// A SIP message that passed by, without credentials and keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceMessage {
    at: Time,
    /// `in` to the switch, `out` from it.
    direction: &'static str,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    transport: &'static str,
    /// The switch's address.
    local: String,
    /// The peer's address.
    remote: String,
    /// The message; bytes that are no UTF-8 are replaced.
    message: String,
}

/// The word for a direction.
pub(crate) fn way(way: Way) -> &'static str {
    match way {
        Way::In => "in",
        Way::Out => "out",
    }
}

impl From<&Packet> for TraceMessage {
    fn from(packet: &Packet) -> Self {
        Self {
            at: packet.at.into(),
            direction: way(packet.way),
            transport: packet.transport,
            local: packet.local.to_string(),
            remote: packet.remote.to_string(),
            message: String::from_utf8_lossy(&trace::redacted(&packet.bytes)).into_owned(),
        }
    }
}
