//! The tables of a read model, and the months and the number of rows of a write.

use chrono::{DateTime, Utc};

use super::read_model::{Changes, ReadModel};
use super::row_bytes::RowShape;
use super::schema::TableSchema;
use super::table::Table;
use super::visitor::Visitor;

/// The months that a write needs, as table and any instant in the month.
pub fn months<M: ReadModel>(changes: &Changes<M>) -> Vec<(&'static str, DateTime<Utc>)> {
    let mut months = MonthsOf(Vec::new());
    M::visit(&changes.states, &changes.rows, &mut months);
    months.0
}

/// Number of rows that a write contains.
pub fn count<M: ReadModel>(changes: &Changes<M>) -> usize {
    let mut count = Count(0);
    M::visit(&changes.states, &changes.rows, &mut count);
    count.0
}

/// The tables of a read model.
pub fn tables<M: ReadModel>() -> Vec<TableSchema> {
    let mut tables = Tables(Vec::new());
    M::visit(&[], &M::Rows::default(), &mut tables);
    tables.0
}

/// The tables of a read model with their columns.
pub fn shapes<M: ReadModel>() -> Vec<(&'static str, RowShape)> {
    let mut shapes = Shapes(Vec::new());
    M::visit(&[], &M::Rows::default(), &mut shapes);
    shapes.0
}

struct MonthsOf(Vec<(&'static str, DateTime<Utc>)>);

impl Visitor for MonthsOf {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]) {
        let Some(instant) = table.month else { return };
        // An id (UUIDv7) contains no instant before 1970.
        self.0.extend(rows.iter().map(|row| (table.name, instant(row).max(DateTime::UNIX_EPOCH))));
    }
}

struct Count(usize);

impl Visitor for Count {
    fn table<R: Sync>(&mut self, _: &'static Table<R>, rows: &[R]) {
        self.0 += rows.len();
    }
}

struct Tables(Vec<TableSchema>);

impl Visitor for Tables {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, _: &[R]) {
        self.0.push(TableSchema::of(table));
    }
}

struct Shapes(Vec<(&'static str, RowShape)>);

impl Visitor for Shapes {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, _: &[R]) {
        self.0.push((table.name, RowShape::of(table)));
    }
}
