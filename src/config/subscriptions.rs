//! The keys of `[sip]` about subscriptions: how long, how many, and what lamps tell.

use crate::config::reader::Reader;
use std::time::Duration;

/// What phones may subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// The shortest (RFC 6665 section 4.2.1.1, 423).
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// How many in all.
    pub all_max: usize,
    /// How many a phone may have.
    pub per_phone_max: usize,
    /// Whether those who watch a phone see with whom it talks.
    pub blf_identities: bool,
}

impl Subscriptions {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let min_at = reader.place_of("subscription_min_seconds");
        let read = Self {
            min: reader.seconds("subscription_min_seconds"),
            max: reader.seconds("subscription_max_seconds"),
            all_max: count(reader, "subscriptions_max"),
            per_phone_max: count(reader, "subscriptions_per_phone_max"),
            blf_identities: reader.flag("blf_identities"),
        };
        if read.min > read.max {
            let what = "`subscription_min_seconds` is above `subscription_max_seconds`";
            reader.cx.fault(&min_at, what);
        }
        read
    }
}

fn count(reader: &mut Reader<'_, '_>, name: &str) -> usize {
    reader.number::<u32>(name).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}
