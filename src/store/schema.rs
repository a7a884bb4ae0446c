//! The tables' form: numbered migrations, run at each start.
//!
//! A released migration is never changed (the database keeps its checksum); the next change is the next file.

use crate::store::address::Address;
use crate::store::error::StoreError;
use crate::store::link::Link;
use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::MigrateError;
use sqlx::migrate::Migration;
use sqlx::migrate::MigrationType;
use sqlx::migrate::Migrator;

/// Number, description and text of each.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "the log and what is derived from it", include_str!("migrations/0001_log.sql")),
    (2, "what the users of phones have set", include_str!("migrations/0002_phone_settings.sql")),
];

/// Brings the tables to this release's form; refuses those of a newer release.
pub(crate) async fn migrate(link: &mut Link, address: &Address) -> Result<(), StoreError> {
    let done = match link {
        Link::Sqlite(link) => {
            migrator("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT").run_direct(None, link, false).await
        }
        Link::Postgres(link) => {
            let sequence = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
            migrator(sequence, "TEXT COLLATE \"C\"").run_direct(None, link, false).await
        }
    };
    done.map_err(|error| StoreError::Migrate {
        url: address.shown().to_string(),
        why: error.to_string(),
        mend: mend(&error).to_string(),
    })
}

fn migrator(sequence: &str, id: &str) -> Migrator {
    let migration = |&(version, description, text): &(i64, &'static str, &str)| {
        // Safe: the text and what is put into it are this file's.
        let sql = AssertSqlSafe(text.replace("{sequence}", sequence).replace("{id}", id)).into_sql_str();
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

fn mend(error: &MigrateError) -> &'static str {
    if matches!(error, MigrateError::VersionMissing(_)) {
        "a newer release made them: run that one, or restore a backup"
    } else if matches!(error, MigrateError::VersionMismatch(_)) {
        "they were made by a build that was never released: start afresh"
    } else {
        "look whether the database's user may create tables"
    }
}
