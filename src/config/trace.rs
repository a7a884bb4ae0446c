//! `[trace]`: how much of the SIP traffic is kept to be looked at.

use crate::config::reader::Reader;
use std::time::Duration;

/// `[trace]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// How many bytes of messages; 0 keeps none.
    pub bytes: usize,
    /// For how long.
    pub age: Duration,
}

impl Trace {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        Some(Self { bytes: reader.number("bytes")?, age: reader.seconds("seconds") })
    }
}
