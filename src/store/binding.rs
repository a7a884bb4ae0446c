//! A registrar's binding as it is kept over a restart.
//!
//! A plain record: the rules of RFC 3261 section 10 are `registrar`'s, which has its own type; `switch` maps the two.

use crate::clock::Wall;
use serde::Deserialize;
use serde::Serialize;

/// One contact of an address of record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The address of record.
    pub aor: String,
    /// The Contact URI, as registered.
    pub contact: String,
    /// Where requests are sent, as text: `udp:local:remote`.
    pub flow: String,
    /// The Call-ID of the REGISTER.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
    /// When the binding ends.
    #[serde(with = "micros")]
    pub expires_at: Wall,
    /// When it was last refreshed.
    #[serde(with = "micros")]
    pub registered_at: Wall,
    /// What the phone said it is.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The Path it came by (RFC 3327).
    #[serde(default)]
    pub path: Option<String>,
    /// The phone's instance id (RFC 5626).
    #[serde(default)]
    pub instance: Option<String>,
    /// Its preference among the contacts.
    #[serde(default)]
    pub q: Option<f32>,
}

/// A change of the bindings. The last one for an address of record and a contact counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingChange {
    /// Registered or refreshed.
    Set(Binding),
    /// Unregistered or expired.
    Removed {
        /// The address of record.
        aor: String,
        /// The Contact URI, as registered.
        contact: String,
    },
}

/// A moment as microseconds since 1970.
mod micros {
    use crate::clock::Wall;
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(at: &Wall, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_micros())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wall, D::Error> {
        i64::deserialize(deserializer).map(Wall::from_micros)
    }
}
