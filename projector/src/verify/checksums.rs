//! Checksums of rows: sums of hashes, which do not depend on the order of the rows.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use super::parts::{PartNumber, Parts, hash, part_of};
use crate::changes::ChangedState;
use crate::frame::row_bytes::{RowShape, Sums, for_each_row};
use crate::frame::{ReadModel, Table, Visitor};
use crate::scan::Sink;

/// Rows of one part of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) rows: u64,
    /// Sum of the hashes of the rows.
    hash: u128,
}

/// The parts of all tables.
#[derive(Debug)]
pub(super) struct Checksums<M> {
    pub(super) parts: BTreeMap<(&'static str, PartNumber), Part>,
    /// Sums are added up before they are hashed.
    sums: HashMap<&'static str, Sums>,
    read_model: PhantomData<M>,
}

impl<M: ReadModel> Checksums<M> {
    /// No rows.
    pub(super) fn expected() -> Checksums<M> {
        Checksums { parts: BTreeMap::new(), sums: HashMap::new(), read_model: PhantomData }
    }

    /// The checksums of all readers.
    pub(super) fn total(all: Vec<Checksums<M>>) -> Checksums<M> {
        let mut total = Checksums::expected();
        for Checksums { parts, sums, .. } in all {
            for (key, Part { rows, hash }) in parts {
                let part: &mut Part = total.parts.entry(key).or_default();
                part.rows += rows;
                part.hash = part.hash.wrapping_add(hash);
            }
            for (table, sums) in sums {
                total.sums.entry(table).or_default().merge(sums);
            }
        }
        for (table, sums) in std::mem::take(&mut total.sums) {
            sums.for_each(|shape, row| total.add_row(table, shape, row));
        }
        total
    }

    /// Adds a row in the format of `COPY`. A row of sums that are all zero counts as no row: whether it exists depends on
    /// how events were divided into batches.
    pub(super) fn add_row(&mut self, table: &'static str, shape: &RowShape, row: &[u8]) {
        if shape.is_zero(row) {
            return;
        }
        let part = self.parts.entry((table, part_of(shape, row))).or_default();
        part.rows += 1;
        part.hash = part.hash.wrapping_add(u128::from(hash(row)));
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
