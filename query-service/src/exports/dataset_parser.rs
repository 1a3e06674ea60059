//! Reads the query of an export. The HTTP layer has the parsers of lists and reports, and gives this function to the worker.

use crate::reads::dataset::Dataset;

/// Parses the path and query of a list or report; the error says what is wrong with it.
pub type ParseDataset = fn(&str) -> Result<Dataset, String>;
