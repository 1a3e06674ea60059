//! One attempt to execute an export: reads the rows from one snapshot, encodes them and writes the file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::dataset_parser::ParseDataset;
use super::failure::AttemptFailure;
use super::file::FileWriter;
use super::format::Encoder;
use super::job::{Format, Job, LogPlace, WrittenFile};
use super::store::Store;
use crate::reads::database::routing::{Database, Prefer};
use crate::reads::dataset::Dataset;
use crate::reads::dataset::reader::{Batch, DatasetReader, ReadOptions};
use crate::reads::erasures::Erasures;
use crate::reads::orders::select::LineCounts;

/// Time for everything besides the statement that reads the rows.
const OVERHEAD: Duration = Duration::from_secs(60);
/// Failed attempts after which the primary is read where the policy allows it, because a replica may cancel long statements.
const FAILURES_ON_REPLICAS: u32 = 2;

/// Executes exports.
pub struct Executor {
    /// The databases.
    pub database: Database,
    /// Erased personal data.
    pub erasures: Erasures,
    /// Reads the query of a job.
    pub parse: ParseDataset,
    /// Longest run time of the statement that reads the rows.
    pub timeout: Duration,
}

/// How much of a file is written.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// The attempt to be executed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Number of the attempt, starting at 1.
    pub number: u32,
    /// Number of attempts before that failed.
    pub failures: u32,
}

impl Progress {
    /// Rows and bytes so far.
    pub fn get(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn set(&self, rows: u64, bytes: u64) {
        self.rows.store(rows, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Executor {
    /// Writes the file of an attempt. Dropping the future ends the statement and removes what is written.
    pub async fn execute(
        &self,
        store: &Store,
        job: &Job,
        attempt: Attempt,
        progress: &Progress,
    ) -> Result<WrittenFile, AttemptFailure> {
        let writing = self.write(store, job, attempt, progress);
        tokio::time::timeout(self.timeout + OVERHEAD, writing).await.unwrap_or(Err(AttemptFailure::TimedOut))
    }

    async fn write(
        &self,
        store: &Store,
        job: &Job,
        attempt: Attempt,
        progress: &Progress,
    ) -> Result<WrittenFile, AttemptFailure> {
        let dataset = (self.parse)(&job.query).map_err(AttemptFailure::Query)?;
        let name = dataset.name().to_owned();
        // Before the first row is read, so that no later erasure is missed.
        let erased_up_to = match has_personal_data(&dataset, job.format) {
            true => Some(LogPlace::from(self.erasures.log_end().await?)),
            false => None,
        };
        let mut encoder = Encoder::new(job.format, &dataset).map_err(AttemptFailure::Encoding)?;
        let options = ReadOptions {
            counts: if job.format == Format::Ndjson { LineCounts::LeftOut } else { LineCounts::Included },
            prefer: if attempt.failures < FAILURES_ON_REPLICAS { Prefer::Replica } else { Prefer::Primary },
            statement_timeout: self.timeout,
        };
        let mut reader = DatasetReader::open(&self.database, self.erasures.clone(), dataset, options).await?;
        let mut file = FileWriter::new(store, job.id, attempt.number);
        let (mut rows, mut left_out) = (0, 0);
        while let Some(batch) = reader.next().await {
            let batch = batch?;
            (rows, left_out) = (rows + batch.rows.len() as u64, left_out + batch.left_out as u64);
            let (continued, bytes) = encode(encoder, batch).await?;
            encoder = continued;
            file.append(bytes).await?;
            progress.set(rows, file.bytes());
        }
        file.append(encoder.finish().map_err(AttemptFailure::Encoding)?).await?;
        let position = reader.contained.position;
        let (bytes, sha256) = file.finish().await?;
        Ok(WrittenFile {
            attempt: attempt.number,
            dataset: name,
            rows,
            left_out,
            bytes,
            sha256,
            position,
            erased_up_to,
        })
    }
}

/// Encodes on a thread for blocking work, because compression would delay requests on the threads of the runtime.
async fn encode(mut encoder: Encoder, batch: Batch) -> Result<(Encoder, Vec<u8>), AttemptFailure> {
    let encoding = tokio::task::spawn_blocking(move || {
        let bytes = encoder.encode(&batch.rows);
        bytes.map(|bytes| (encoder, bytes))
    });
    match encoding.await {
        Ok(encoded) => encoded.map_err(AttemptFailure::Encoding),
        Err(panicked) => Err(AttemptFailure::Encoding(panicked.to_string())),
    }
}

/// Whether a file says more of persons than their id: profiles and tags, or that the customers in it have a tag.
fn has_personal_data(dataset: &Dataset, format: Format) -> bool {
    match dataset {
        Dataset::Customers { tag } => tag.is_some() || format == Format::Ndjson,
        _ => false,
    }
}
