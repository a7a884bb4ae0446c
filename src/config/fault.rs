//! What is wrong with a configuration, and where: faults stop the start, warnings do not.
//!
//! Both print as `FILE:LINE:COLUMN: what; did you mean …?`, one line each, so that editors can jump there.

use std::fmt;
use std::sync::Arc;

/// A place in a configuration: a file with line and column, or an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The order in which the sources were read, so that faults sort as a reader meets them.
    pub(crate) order: u32,
    /// The file's path as it was given, or the variable's name.
    pub file: Arc<str>,
    /// From 1; 0 when the place has no lines (a variable, a file that cannot be read).
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// One fault: the switch does not start with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where: the key when the key is wrong, the value when the value is.
    pub at: Place,
    /// What, in words, without a full stop.
    pub what: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)?;
        match &self.suggestion {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// Something that somebody should look at; the configuration loads all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A key or value that is understood but has no effect in this version. Said once, at its first place.
    NotBuilt {
        /// Its first place.
        at: Place,
        /// `queue.strategy`, or `queue.strategy = "ring-all"`.
        key: String,
        /// What happens instead.
        instead: &'static str,
    },
    /// A `{ env = … }` or `{ file = … }` that has no value: the switch refuses to start, a check only warns.
    Unset {
        /// Its place.
        at: Place,
        /// `api_key.secret`.
        key: String,
        /// `environment variable NAME is not set`.
        why: String,
    },
    /// Allowed, but probably not meant.
    Doubtful {
        /// Its place.
        at: Place,
        /// What, in words.
        what: String,
    },
}

impl Warning {
    /// Where.
    pub fn at(&self) -> &Place {
        match self {
            Self::NotBuilt { at, .. } | Self::Unset { at, .. } | Self::Doubtful { at, .. } => at,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: ", self.at())?;
        match self {
            Self::NotBuilt { key, instead, .. } => write!(f, "`{key}` is not built yet: {instead}"),
            Self::Unset { key, why, .. } => write!(f, "`{key}` has no value: {why}"),
            Self::Doubtful { what, .. } => f.write_str(what),
        }
    }
}
