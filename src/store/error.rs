//! What can be wrong with the environment of the store: what it was, why, and how to mend it.

/// A fault of the store's environment. None of them is ever shown to a call: the writer retries by itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened.
    #[error("cannot open {url}: {why}; {mend}")]
    Open {
        /// The address, without its password.
        url: String,
        /// What the database or the system said.
        why: String,
        /// What would help.
        mend: String,
    },
    /// The tables cannot be brought to this release's form.
    #[error("cannot prepare the tables of {url}: {why}; {mend}")]
    Migrate {
        /// The address, without its password.
        url: String,
        /// What the database said.
        why: String,
        /// What would help.
        mend: String,
    },
    /// The spool file cannot be used.
    #[error("cannot use the spool {path}: {why}; {mend}")]
    Spool {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
        /// What would help.
        mend: String,
    },
    /// The database did not do what it was asked.
    #[error("cannot {doing}: {source}; look whether the database runs and has room")]
    Database {
        /// What was asked of it.
        doing: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored row cannot be understood.
    #[error("cannot read {place}: {why}; it is from a newer release, or was changed by hand")]
    Unreadable {
        /// Which row.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn database(doing: &'static str, source: sqlx::Error) -> Self {
        Self::Database { doing, source: Box::new(source) }
    }
}
