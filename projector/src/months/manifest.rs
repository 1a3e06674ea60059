//! The manifest of an archived month: what its files contain. It is stored beside the files and in table
//! `archived_months`.

use read_model::Generation;
use serde::{Deserialize, Serialize};

use crate::row_checksum::{HashSum, RowChecksum};

/// Version of the manifest and of the files.
pub const FORMAT: u32 = 1;

/// Name of the manifest in the folder of a month.
pub const FILE_NAME: &str = "manifest.json";

/// The manifest of an archived month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the manifest and of the files.
    pub format: u32,
    /// Name of the projection.
    pub projection: String,
    /// Number of the generation that the month was archived from.
    pub generation: i32,
    /// Version of its fold and tables: only a generation with the same version can contain the rows.
    pub version: i32,
    /// The month, such as `2026-08`.
    pub month: String,
    /// The tables of the month.
    pub tables: Vec<ArchivedTable>,
}

/// The file of one table of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedTable {
    /// Name of the table.
    pub table: String,
    /// Name of the file, in the folder of the manifest.
    pub file: String,
    /// Number of rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Checksum of the rows, independent of their order.
    pub checksum: HashSum,
}

impl Manifest {
    /// Whether both contain the same rows of the same tables, in whatever files.
    pub fn has_rows_of(&self, other: &Manifest) -> bool {
        let rows = |manifest: &Manifest| -> Vec<(String, RowChecksum)> {
            manifest.tables.iter().map(|it| (it.table.clone(), it.row_checksum())).collect()
        };
        (&self.projection, self.version, &self.month) == (&other.projection, other.version, &other.month)
            && rows(self) == rows(other)
    }

    /// Whether the rows belong to a month of a generation with a version.
    pub fn is_of(&self, generation: Generation, version: i32, month: &str) -> bool {
        (self.projection.as_str(), self.version, self.month.as_str()) == (generation.projection.name(), version, month)
    }

    /// The file of a table.
    pub fn find(&self, table: &str) -> Option<&ArchivedTable> {
        self.tables.iter().find(|it| it.table == table)
    }
}

impl ArchivedTable {
    /// Number and checksum of the rows.
    pub fn row_checksum(&self) -> RowChecksum {
        RowChecksum { rows: self.rows, sum: self.checksum }
    }
}
