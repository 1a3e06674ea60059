//! Rows of the parts that differ, by key.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use super::parts::{Parts, part_of};
use crate::changes::ChangedState;
use crate::frame::row_bytes::{RowShape, Sums, for_each_row};
use crate::frame::{ReadModel, Table, Visitor};
use crate::months::absent::AbsentMonths;
use crate::scan::Sink;

/// The rows that are compared one by one: those of the parts that differ, without the rows of absent months.
#[derive(Debug, Default)]
pub(super) struct WantedRows {
    pub(super) parts: Parts,
    pub(super) absent_months: Arc<AbsentMonths>,
}

impl WantedRows {
    fn contains(&self, table: &'static str, shape: &RowShape, row: &[u8]) -> bool {
        self.parts.contains(&(table, part_of(shape, row)))
            && !shape.is_zero(row)
            && self.absent_months.find(table, shape, row).is_none()
    }
}

/// Rows of parts, by table and key, and the columns of each table.
#[derive(Debug, Default)]
pub(super) struct KeyedRows {
    pub(super) shapes: HashMap<&'static str, RowShape>,
    pub(super) rows: BTreeMap<(&'static str, Vec<u8>), Vec<u8>>,
}

impl KeyedRows {
    /// Adds a row, if it is wanted.
    pub(super) fn add(&mut self, wanted: &WantedRows, table: &'static str, shape: &RowShape, row: &[u8]) {
        if wanted.contains(table, shape, row) {
            self.shapes.entry(table).or_insert_with(|| shape.clone());
            self.rows.insert((table, shape.key(row)), row.to_vec());
        }
    }
}

/// Collects the rows that a fold of the log results in.
#[derive(Debug)]
pub(super) struct ExpectedRows<M> {
    wanted: Arc<WantedRows>,
    rows: KeyedRows,
    sums: HashMap<&'static str, Sums>,
    read_model: PhantomData<M>,
}

impl<M: ReadModel> ExpectedRows<M> {
    /// None of the wanted rows yet.
    pub(super) fn of(wanted: Arc<WantedRows>) -> ExpectedRows<M> {
        ExpectedRows { wanted, rows: KeyedRows::default(), sums: HashMap::new(), read_model: PhantomData }
    }

    /// The rows of all readers.
    pub(super) fn total(all: Vec<ExpectedRows<M>>) -> KeyedRows {
        let (mut total, mut sums) = (KeyedRows::default(), HashMap::<&'static str, Sums>::new());
        let wanted = all.first().map(|it| Arc::clone(&it.wanted)).unwrap_or_default();
        for expected in all {
            total.shapes.extend(expected.rows.shapes);
            total.rows.extend(expected.rows.rows);
            expected.sums.into_iter().for_each(|(table, own)| sums.entry(table).or_default().merge(own));
        }
        for (table, sums) in sums {
            sums.for_each(|shape, row| total.add(&wanted, table, shape, row));
        }
        total
    }
}

impl<M: ReadModel> Sink<M> for ExpectedRows<M> {
    async fn add(&mut self, states: &[ChangedState<M::State>], rows: &M::Rows) -> sqlx::Result<()> {
        M::visit(states, rows, self);
        Ok(())
    }
}

impl<M: ReadModel> Visitor for ExpectedRows<M> {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]) {
        for_each_row(table, rows, |shape, row| match table.is_sum() {
            true => self.sums.entry(table.name).or_default().add(shape, row),
            false => self.rows.add(&self.wanted, table.name, shape, row),
        });
    }
}
