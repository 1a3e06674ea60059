//! Checksums of sets of rows: sums of hashes, which do not depend on the order of the rows. [`crate::verify`] compares
//! tables with the log by them, [`crate::months`] archived months with what was archived, also years later: therefore the
//! hash is the same in every build.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::frame::row_bytes::RowShape;

/// Number and checksum of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowChecksum {
    /// Number of rows.
    pub rows: u64,
    /// Sum of the hashes of the rows.
    pub sum: HashSum,
}

/// A sum of hashes, as 32 hexadecimal digits in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HashSum(u128);

impl RowChecksum {
    /// Adds a row in the format of `COPY`. A row of sums that are all zero counts as no row: whether it exists depends on
    /// how events were divided into batches.
    pub fn add(&mut self, shape: &RowShape, row: &[u8]) {
        if !shape.is_zero(row) {
            self.rows += 1;
            self.sum.0 = self.sum.0.wrapping_add(u128::from(xxh3_64(row)));
        }
    }

    /// Adds other rows.
    pub fn merge(&mut self, other: RowChecksum) {
        self.rows += other.rows;
        self.sum.0 = self.sum.0.wrapping_add(other.sum.0);
    }
}

impl From<HashSum> for String {
    fn from(HashSum(sum): HashSum) -> String {
        format!("{sum:032x}")
    }
}

impl TryFrom<String> for HashSum {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<HashSum, Self::Error> {
        u128::from_str_radix(&text, 16).map(HashSum)
    }
}
