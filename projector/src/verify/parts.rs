//! The parts of tables: rows are divided by a hash of their key, so that a difference is searched in few rows.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use crate::frame::row_bytes::RowShape;

/// Number of a part of a table.
pub(super) type PartNumber = u16;

/// Parts of tables.
pub(super) type Parts = BTreeSet<(&'static str, PartNumber)>;

/// Number of parts per table.
const PARTS: u64 = 4_096;

/// The part that a row belongs to.
pub(super) fn part_of(shape: &RowShape, row: &[u8]) -> PartNumber {
    (xxh3_64(&shape.key(row)) % PARTS) as PartNumber
}
