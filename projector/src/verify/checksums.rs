//! Checksums of the rows of all tables, by part. Rows of absent months are kept apart, because the tables do not show them.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use super::parts::{PartNumber, Parts, part_of};
use crate::changes::ChangedState;
use crate::frame::month::Month;
use crate::frame::row_bytes::{RowShape, Sums, for_each_row};
use crate::frame::{ReadModel, Table, Visitor};
use crate::months::absent::AbsentMonths;
use crate::row_checksum::RowChecksum;
use crate::scan::Sink;

/// The parts of all tables.
#[derive(Debug)]
pub(super) struct Checksums<M> {
    pub(super) parts: BTreeMap<(&'static str, PartNumber), RowChecksum>,
    /// Rows of absent months, by table and month.
    pub(super) absent: BTreeMap<(&'static str, Month), RowChecksum>,
    absent_months: Arc<AbsentMonths>,
    /// Sums are added up before they are hashed.
    sums: HashMap<&'static str, Sums>,
    read_model: PhantomData<M>,
}

impl<M: ReadModel> Checksums<M> {
    /// No rows.
    pub(super) fn new(absent_months: Arc<AbsentMonths>) -> Checksums<M> {
        let (parts, absent, sums) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        Checksums { parts, absent, absent_months, sums, read_model: PhantomData }
    }

    /// The checksums of all readers.
    pub(super) fn total(all: Vec<Checksums<M>>) -> Checksums<M> {
        let mut total = Checksums::new(all.first().map(|it| Arc::clone(&it.absent_months)).unwrap_or_default());
        for Checksums { parts, absent, sums, .. } in all {
            parts.into_iter().for_each(|(key, rows)| total.parts.entry(key).or_default().merge(rows));
            absent.into_iter().for_each(|(key, rows)| total.absent.entry(key).or_default().merge(rows));
            for (table, sums) in sums {
                total.sums.entry(table).or_default().merge(sums);
            }
        }
        for (table, sums) in std::mem::take(&mut total.sums) {
            sums.for_each(|shape, row| total.add_row(table, shape, row));
        }
        total
    }

    /// Adds a row in the format of `COPY`.
    pub(super) fn add_row(&mut self, table: &'static str, shape: &RowShape, row: &[u8]) {
        if shape.is_zero(row) {
            return;
        }
        match self.absent_months.find(table, shape, row) {
            Some(month) => self.absent.entry((table, month)).or_default().add(shape, row),
            None => self.parts.entry((table, part_of(shape, row))).or_default().add(shape, row),
        }
    }

    /// The parts in which two sets of rows differ.
    pub(super) fn differing(&self, other: &Checksums<M>) -> Parts {
        let keys = self.parts.keys().chain(other.parts.keys());
        keys.filter(|key| self.parts.get(key) != other.parts.get(key)).copied().collect()
    }

    /// Number of rows of each table.
    pub(super) fn rows_by_table(&self) -> BTreeMap<&'static str, u64> {
        let mut rows = BTreeMap::new();
        for ((table, _), part) in &self.parts {
            *rows.entry(*table).or_default() += part.rows;
        }
        rows
    }
}

impl<M: ReadModel> Sink<M> for Checksums<M> {
    async fn add(&mut self, states: &[ChangedState<M::State>], rows: &M::Rows) -> sqlx::Result<()> {
        M::visit(states, rows, self);
        Ok(())
    }
}

impl<M: ReadModel> Visitor for Checksums<M> {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]) {
        for_each_row(table, rows, |shape, row| match table.is_sum() {
            true => self.sums.entry(table.name).or_default().add(shape, row),
            false => self.add_row(table.name, shape, row),
        });
    }
}
