//! The formats of files. An encoder turns rows into bytes, which are appended to the file.

pub mod csv;
pub mod ndjson;
pub mod parquet;

use super::columns::columns;
use super::job::Format;
use crate::reads::dataset::Dataset;
use crate::reads::dataset::row::Row;

/// Encodes the rows of one file.
pub enum Encoder {
    /// CSV.
    Csv(csv::CsvEncoder),
    /// NDJSON.
    Ndjson,
    /// Parquet.
    Parquet(Box<parquet::ParquetEncoder>),
}

impl Encoder {
    /// An encoder for the rows of a list or report.
    pub fn new(format: Format, dataset: &Dataset) -> Result<Encoder, String> {
        Ok(match format {
            Format::Csv => Encoder::Csv(csv::CsvEncoder::new(columns(dataset))),
            Format::Ndjson => Encoder::Ndjson,
            Format::Parquet => {
                let encoder = parquet::ParquetEncoder::new(columns(dataset)).map_err(|error| error.to_string())?;
                Encoder::Parquet(Box::new(encoder))
            }
        })
    }

    /// Encodes rows; returns the bytes that are complete.
    pub fn encode(&mut self, rows: &[Row]) -> Result<Vec<u8>, String> {
        match self {
            Encoder::Csv(csv) => Ok(csv.encode(rows)),
            Encoder::Ndjson => ndjson::encode(rows).map_err(|error| error.to_string()),
            Encoder::Parquet(parquet) => parquet.encode(rows).map_err(|error| error.to_string()),
        }
    }

    /// The bytes after the last row.
    pub fn finish(self) -> Result<Vec<u8>, String> {
        match self {
            Encoder::Csv(csv) => Ok(csv.finish()),
            Encoder::Ndjson => Ok(Vec::new()),
            Encoder::Parquet(parquet) => parquet.finish().map_err(|error| error.to_string()),
        }
    }
}
