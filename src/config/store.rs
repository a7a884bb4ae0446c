//! `[store]`, `[sounds]` and `[limits]`: where facts and sounds are, and what protects the switch.

use crate::config::http::path;
use crate::config::reader::Reader;
use crate::config::words::words;
use std::fmt;
use std::path::PathBuf;

/// `[store]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The database.
    pub url: StoreUrl,
    /// The folder of recordings.
    pub recordings: PathBuf,
    /// Megabytes that have to be free on its disk.
    pub recordings_min_free_mb: u32,
    /// Days after which a recording is erased; 0: never.
    pub recordings_keep_days: u32,
}

/// The URL of a database. It may hold a password, so its `Debug` shows the scheme alone.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Reads `sqlite:FILE` or `postgres://…`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if known.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)) {
            return Ok(Self(text.to_string()));
        }
        // The text is not repeated in the fault: it may hold a password.
        Err("must begin with `sqlite:` or `postgres://`".to_string())
    }

    /// The whole URL, to connect with; never to be logged.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({}:…)", self.0.split(':').next().unwrap_or(""))
    }
}

impl Store {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let (url, recordings) = (reader.parsed("url", StoreUrl::parse), reader.parsed("recordings", path));
        let recordings_min_free_mb = reader.number("recordings_min_free_mb");
        let recordings_keep_days = reader.number("recordings_keep_days");
        Some(Self {
            url: url?,
            recordings: recordings?,
            recordings_min_free_mb: recordings_min_free_mb?,
            recordings_keep_days: recordings_keep_days?,
        })
    }
}

words! {
    /// A language of prompts.
    Language {
        /// English.
        "en" => English,
        /// French.
        "fr" => French,
    }
}

/// `[sounds]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sounds {
    /// The folder of prompts and music.
    pub directory: PathBuf,
    /// The language of the prompts.
    pub language: Language,
}

impl Sounds {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let (directory, language) = (reader.parsed("directory", path), reader.word("language"));
        Some(Self { directory: directory?, language: language? })
    }
}

/// `[limits]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// New calls are refused above this load of the media workers, 1 to 100.
    pub media_busy_percent: u8,
    /// New calls from one source.
    pub calls_per_second: u32,
    /// SIP requests from one source.
    pub requests_per_second: u32,
}

impl Limits {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let media_busy_percent = reader.number("media_busy_percent");
        let calls_per_second = reader.number("calls_per_second");
        let requests_per_second = reader.number("requests_per_second");
        Some(Self {
            media_busy_percent: media_busy_percent?,
            calls_per_second: calls_per_second?,
            requests_per_second: requests_per_second?,
        })
    }
}
