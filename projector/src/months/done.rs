//! The result of a command on a month.

use std::path::PathBuf;

use read_model::Generation;

use super::manifest::Manifest;

/// The result of a command on a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Readers do not see the month any more.
    Detached(Generation),
    /// The month is in the files of a folder; its tables are still there.
    Archived(Generation, Manifest, PathBuf),
    /// The month is in the files of a folder; its tables are dropped.
    Dropped(Generation, Manifest, PathBuf),
    /// A detached month is attached again.
    Attached(Generation),
    /// The rows of an archived month are in tables again.
    Restored(Generation, Manifest),
}
