//! Numbers and times as JSON: durations in seconds, shares from 0 to 1, moments in RFC 3339.

use crate::clock::Wall;
use serde::Serialize;
use serde::Serializer;
use std::borrow::Cow;
use std::time::Duration;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::KnownFormat;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::SchemaFormat;
use utoipa::openapi::Type;

/// A duration in seconds, to the millisecond: `41.2`, and `60` rather than `60.0`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(u64);

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros().saturating_add(500) / 1000).unwrap_or(u64::MAX))
    }
}

impl Seconds {
    /// The same number as text, for CSV.
    pub(crate) fn text(self) -> String {
        if self.0.is_multiple_of(1000) {
            (self.0 / 1000).to_string()
        } else {
            (self.0 as f64 / 1000.0).to_string()
        }
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

impl PartialSchema for Seconds {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).description(Some("Seconds.")).into()
    }
}

impl ToSchema for Seconds {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Seconds")
    }
}

/// A share from 0 to 1, to four digits.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Ratio(f64);

impl Ratio {
    /// `None` for what is no number.
    pub(crate) fn of(share: Option<f64>) -> Option<Self> {
        share.filter(|share| share.is_finite()).map(|share| Self((share * 10_000.0).round() / 10_000.0))
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // 1 and 0 rather than 1.0 and 0.0; the value was rounded, so the comparison is exact.
        if self.0 == 0.0 || self.0 == 1.0 {
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl PartialSchema for Ratio {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).maximum(Some(1)).into()
    }
}

impl ToSchema for Ratio {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Ratio")
    }
}

/// A moment, RFC 3339 in UTC.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Wall);

impl From<Wall> for Time {
    fn from(at: Wall) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}
