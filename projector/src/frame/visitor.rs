//! Visits the tables of a read model with their rows. Rows of different tables have different types, so whatever works
//! on all tables (the statement, the schema, months, counts) is a [`Visitor`].

use super::table::Table;

/// Works on the tables of a read model, one after the other.
pub trait Visitor {
    /// Called for each table with the rows to write.
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]);
}
