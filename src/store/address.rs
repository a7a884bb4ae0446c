//! Where the database is: the `[store] url`, read once, and the words for what can be wrong with it.

use crate::store::error::StoreError;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqliteSynchronous;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long SQLite waits for another process's lock. Short, because the writer tries again by itself and spools.
const BUSY_MAX: Duration = Duration::from_millis(500);

/// A database's address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    target: Target,
    shown: String,
}

/// Which database it is, with its options.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Address {
    /// Reads `sqlite:FILE`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let options =
                SqliteConnectOptions::from_str(url).map_err(|error| malformed("sqlite:…", &error))?;
            Ok(Self { target: Target::Sqlite(sqlite(options)), shown: url.to_string() })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(|error| malformed("postgres:…", &error))?;
            let options = options.application_name("strowger").disable_statement_logging();
            let database = options.get_database().unwrap_or_default();
            // The password, and whatever else the URL holds, stays out of logs.
            let shown = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
            Ok(Self { target: Target::Postgres(options), shown })
        } else {
            Err(StoreError::Open {
                url: "[store] url".to_string(),
                why: "it names neither of the two databases".to_string(),
                mend: "write sqlite:FILE or postgres://USER@HOST/DATABASE".to_string(),
            })
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The address without its password.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The database's file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.target {
            Target::Sqlite(options) => {
                let memory = self.shown.contains(":memory:") || self.shown.contains("mode=memory");
                (!memory).then(|| options.get_filename())
            }
            Target::Postgres(_) => None,
        }
    }

    /// Puts a failure to connect into words that help.
    pub(crate) fn open_error(&self, error: &sqlx::Error) -> StoreError {
        let url = self.shown.clone();
        let open = |why: String, mend: &str| StoreError::Open { url, why, mend: mend.to_string() };
        if let Some(folder) = self.missing_folder() {
            let why = format!("the directory {} does not exist", folder.display());
            return open(why, "create it or change [store] url");
        }
        let code = error.as_database_error().and_then(|fault| fault.code()).unwrap_or_default().into_owned();
        let mend = match (&self.target, code.as_str()) {
            (Target::Postgres(_), "28P01" | "28000") => "correct the user and the password in [store] url",
            (Target::Postgres(_), "3D000") => "create the database, or change [store] url",
            (Target::Postgres(_), _) => "start PostgreSQL, or change [store] url",
            (Target::Sqlite(_), "26") => "it is another program's file: change [store] url",
            (Target::Sqlite(_), "5") => "another process holds it: stop that one, or change [store] url",
            (Target::Sqlite(_), _) => "let the switch write there, or change [store] url",
        };
        open(error.to_string(), mend)
    }

    fn missing_folder(&self) -> Option<PathBuf> {
        let folder = self.file()?.parent()?;
        (!folder.as_os_str().is_empty() && !folder.is_dir()).then(|| folder.to_path_buf())
    }
}

/// A write-ahead log lets readers go on while the writer writes; `NORMAL` loses nothing to a killed process, and at a
/// power failure no more than the transactions since the last checkpoint.
fn sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_MAX)
        .foreign_keys(true)
        .disable_statement_logging()
}

fn malformed(url: &str, error: &sqlx::Error) -> StoreError {
    StoreError::Open {
        url: url.to_string(),
        why: error.to_string(),
        mend: "write [store] url as sqlite:FILE or postgres://USER@HOST/DATABASE".to_string(),
    }
}
