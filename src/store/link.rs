//! One connection, or a pool of them, to either database, with the same SQL for both.
//!
//! The SQL is written once with `$1` placeholders and three column types (BIGINT, DOUBLE PRECISION, TEXT), which both
//! databases take as they are. This is the only file that knows that there are two.

use crate::store::address::Address;
use crate::store::address::Target;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::PgConnection;
use sqlx::PgPool;
use sqlx::Row as _;
use sqlx::SqlSafeStr;
use sqlx::SqliteConnection;
use sqlx::SqlitePool;
use sqlx::postgres::PgDatabaseError;
use sqlx::postgres::PgPoolOptions;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::sqlite::SqliteRow;
use std::time::Duration;

/// Connections that read at the same time.
const READERS_MAX: u32 = 4;
/// A reader that finds no connection in this time is told so.
const ACQUIRE_MAX: Duration = Duration::from_secs(5);

/// A value to bind; absent is NULL.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::text(Some(value))
    }
}

impl Value {
    /// A text. PostgreSQL has no NUL in a text, and a caller's name may hold one: it becomes U+FFFD in both databases.
    pub(crate) fn text(value: Option<&str>) -> Self {
        Self::Text(value.map(|text| text.replace('\0', "\u{fffd}")))
    }
}

macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Real(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query
    }};
}

/// One connection, for the writer.
pub(crate) enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Link {
    /// Connects; creates a SQLite file that is not there.
    pub(crate) async fn connect(address: &Address) -> Result<Self, sqlx::Error> {
        match address.target() {
            Target::Sqlite(options) => options.connect().await.map(Self::Sqlite),
            Target::Postgres(options) => options.connect().await.map(Self::Postgres),
        }
    }

    /// Runs one statement.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(link) => bound!(sqlx::query(sql), values).execute(link).await.map(|_| ()),
            Self::Postgres(link) => bound!(sqlx::query(sql), values).execute(link).await.map(|_| ()),
        }
    }

    /// Runs one query.
    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(link) => {
                let rows = bound!(sqlx::query(sql), values).fetch_all(link).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(link) => {
                let rows = bound!(sqlx::query(sql), values).fetch_all(link).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Begins a transaction that will write. SQLite takes the write lock now, not in the middle.
    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(link) => sqlx::raw_sql("BEGIN IMMEDIATE").execute(link).await.map(|_| ()),
            Self::Postgres(link) => sqlx::raw_sql("BEGIN").execute(link).await.map(|_| ()),
        }
    }

    /// Ends the transaction, keeping what was written.
    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.plain("COMMIT").await
    }

    /// Ends the transaction, forgetting what was written.
    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.plain("ROLLBACK").await
    }

    /// Says goodbye; an error is of no use to anybody.
    pub(crate) async fn close(self) {
        let _ = match self {
            Self::Sqlite(link) => link.close().await,
            Self::Postgres(link) => link.close().await,
        };
    }

    async fn plain(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(link) => sqlx::raw_sql(sql).execute(link).await.map(|_| ()),
            Self::Postgres(link) => sqlx::raw_sql(sql).execute(link).await.map(|_| ()),
        }
    }
}

/// Connections for the readers.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Opens the pool. One connection stays open, because a database in memory lives as long as a connection to it.
    pub(crate) async fn open(address: &Address) -> Result<Self, sqlx::Error> {
        match address.target() {
            Target::Sqlite(options) => {
                let pool = SqlitePoolOptions::new()
                    .min_connections(1)
                    .max_connections(READERS_MAX)
                    .acquire_timeout(ACQUIRE_MAX)
                    .idle_timeout(None)
                    .max_lifetime(None);
                pool.connect_with(options.clone().pragma("query_only", "ON")).await.map(Self::Sqlite)
            }
            Target::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(READERS_MAX).acquire_timeout(ACQUIRE_MAX);
                pool.connect_with(options.clone()).await.map(Self::Postgres)
            }
        }
    }

    /// Runs one query.
    pub(crate) async fn rows(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let rows = bound!(sqlx::query(sql), values).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(pool) => {
                let rows = bound!(sqlx::query(sql), values).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A row of an answer; columns by their place.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(crate) fn maybe_real(&self, column: usize) -> Result<Option<f64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// Whether the database is well and refuses this data for good, so that trying again cannot help.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    let Some(fault) = error.as_database_error() else { return false };
    let code = fault.code().unwrap_or_default();
    if fault.try_downcast_ref::<PgDatabaseError>().is_some() {
        // SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded.
        return ["22", "23", "54"].iter().any(|class| code.starts_with(class));
    }
    // SQLite's primary codes: TOOBIG, CONSTRAINT, MISMATCH.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18..=20))
}
