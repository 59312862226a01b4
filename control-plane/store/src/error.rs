//! What can go wrong in the store, in variants a caller can act on.

/// A failed statement or unit of work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A key is taken. The text names table and columns, never values.
    #[error("unique constraint on {0}")]
    Unique(String),
    /// A row refers to one that does not exist, or is referred to.
    #[error("foreign key constraint")]
    Foreign,
    /// A CHECK or NOT NULL of the schema.
    #[error("check constraint: {0}")]
    Check(String),
    /// A trigger of the schema refused: append-only rows, sealed transactions, balance.
    #[error("refused by the schema: {0}")]
    Refused(String),
    /// Another writer holds the database for too long; try again.
    #[error("database is busy")]
    Busy,
    /// A row does not hold what its reader expects.
    #[error("column {column} does not hold {expected}")]
    Column {
        /// The column's name.
        column: String,
        /// What was expected there.
        expected: &'static str,
    },
    /// Exactly one row was expected.
    #[error("row is missing")]
    Missing,
    /// The URL is not one we open.
    #[error("database url is not supported: {0}")]
    Url(&'static str),
    /// The engine is one whose known faults lose data or show it to others.
    #[error("{found} is refused: {needed}")]
    Version {
        /// What was found.
        found: String,
        /// What is needed.
        needed: &'static str,
    },
    /// The database's roles are not set up for this program; the text says what to run.
    #[error("{0}")]
    Role(String),
    /// An earlier statement of the unit of work failed, so nothing of it was saved.
    #[error("an earlier statement of this unit of work failed")]
    Failed,
    /// The schema is behind this program.
    #[error("schema is at {found}, this program needs {needed}: run `gamma migrate`")]
    Schema {
        /// Highest applied migration.
        found: i64,
        /// Highest migration of this program.
        needed: i64,
    },
    /// Two consumers owned one partition, and this one lost.
    #[error("offset of {0} was moved by another consumer")]
    Fenced(String),
    /// Anything else the engine said.
    #[error("database failed")]
    Database(#[source] sqlx::Error),
    /// A migration failed.
    #[error("migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

/// What every store function returns.
pub type StoreResult<T> = Result<T, StoreError>;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let Some(database) = error.as_database_error() else { return Self::Database(error) };
        let message = database.message();
        // Result codes of SQLite are short numbers, those of PostgreSQL (Appendix A of its manual)
        // have five characters.
        match database.code().as_deref() {
            // Extended result codes of SQLite: UNIQUE, PRIMARY KEY, ROWID.
            Some("2067" | "1555" | "2579") => {
                let named = message.rsplit_once("failed: ").map_or(message, |(_, columns)| columns);
                Self::Unique(named.to_owned())
            }
            Some("23505") => Self::Unique(database.constraint().unwrap_or_default().to_owned()),
            Some("787" | "23503") => Self::Foreign,
            Some("275" | "1299" | "23514" | "23502") => Self::Check(message.to_owned()),
            // Ours, a missing grant, and a policy's WITH CHECK.
            Some("1811" | SCHEMA_REFUSES | "42501") => Self::Refused(message.to_owned()),
            // A lock, a deadline, a deadlock, no connection left: try again.
            Some("5" | "6" | "261" | "517" | "55P03" | "57014" | "40P01" | "40001" | "53300") => {
                Self::Busy
            }
            _ => Self::Database(error),
        }
    }
}

/// What the triggers of `migrations/postgres` raise.
const SCHEMA_REFUSES: &str = "GA000";
