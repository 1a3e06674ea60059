//! The parts of tables: rows are divided by a hash of their key, so that a difference is searched in few rows.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::frame::row_bytes::RowShape;

/// Number of a part of a table.
pub(super) type PartNumber = u16;

/// Parts of tables.
pub(super) type Parts = BTreeSet<(&'static str, PartNumber)>;

/// Number of parts per table.
const PARTS: u64 = 4_096;

/// The part that a row belongs to.
pub(super) fn part_of(shape: &RowShape, row: &[u8]) -> PartNumber {
    (hash(&shape.key(row)) % PARTS) as PartNumber
}

/// The same within one process, which compares both sides.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
