//! The connection to the tables of bulk imports, and its errors. The statements are in [`super`] and in the modules beside this one.

use serde::de::value::Error as ValueError;

use crate::database::{self, Database};

/// The tables of bulk imports.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) database: Database,
}

impl Store {
    /// The bulk imports in this database.
    pub fn new(database: Database) -> Store {
        Store { database }
    }
}

/// Bulk imports could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL did not answer, or returned an error.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A row contains an unknown value.
    #[error("a bulk import contains an unknown value")]
    Word(#[from] ValueError),
}

impl Error {
    pub(super) fn database(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| database::during(operation)(source).into()
    }

    /// Whether the statement was not sent, because no connection was free. Otherwise the outcome of the statement is unknown.
    pub fn was_not_sent(&self) -> bool {
        matches!(self, Error::Database(database::Error { source: sqlx::Error::PoolTimedOut, .. }))
    }
}
