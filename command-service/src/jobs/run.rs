//! Executes a job in batches, from the row after the last saved one to the end.
//!
//! [`Runner::begin`] claims the job, [`Run::step`] executes one batch, [`Runner::work`] is the loop that the workers of the queue run.

use std::borrow::Cow;
use std::time::Duration;

use platform::metric_names;
use platform::shutdown::Shutdown;
use serde_json::Value;
use uuid::Uuid;

use super::csv::InvalidHeader;
use super::decide::{DecideMode, Decider, Planned, RowOutcome};
use super::documents::{DOCUMENT_BYTES, Document, Documents};
use super::import::{Import, JobPhase, JobState, OnError};
use super::kind;
use super::repeats::Repeats;
use super::row_commands::{DocumentCommands, RowOrigin, RowRejection};
use super::rows::{self, Row};
use super::store::{self, Batch, Rejection, Saved, Store, StoredText};
use super::submit::Undecided;
use crate::writer::Mailbox;
use domain::value::lines::MAX_LINES;
use events::email::EmailIndex;

/// Limit of documents in a batch: a few milliseconds of work for the writer, compared to which the cost of saving the progress is small.
const BATCH_DOCUMENTS: usize = 500;

/// Limit of bytes of rows in a batch.
const BATCH_BYTES: usize = 4 << 20;

/// An attempt fails if the writer accepts no command for this time.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reason for the failure of a job with `reject_all`.
const ROWS_REJECTED: &str = "Some rows were rejected. Because of on_error=reject_all, no row was applied.";

/// Problem type of an order whose external reference is already in use.
const DUPLICATE_EXTERNAL_REF: &str = "duplicate-external-ref";

/// Executes jobs.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The tables of bulk imports.
    pub store: Store,
    /// The writer's mailbox.
    pub mailbox: Mailbox,
    /// Computes the stream ids of e-mail addresses.
    pub emails: EmailIndex,
    /// When requested, jobs stop after their current batch.
    pub stop: Shutdown,
    /// See [`PATIENCE`].
    pub patience: Duration,
}

/// Error of an attempt to execute a job.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables of bulk imports cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] rows::Error),
    /// The stored header is invalid.
    #[error("the header cannot be read: {0}")]
    Header(#[from] InvalidHeader),
    /// The writer did not decide commands.
    #[error(transparent)]
    Undecided(Undecided),
    /// The process is shutting down. Another attempt will continue the job.
    #[error("the process is shutting down")]
    Stopping,
    /// Another worker has claimed the job, or the job has ended: this worker must not delete the entry of the queue.
    #[error("another worker has claimed the bulk import")]
    Lost,
}

impl From<Undecided> for Error {
    fn from(undecided: Undecided) -> Error {
        match undecided {
            Undecided::Busy(_) => Error::Undecided(undecided),
            Undecided::Stopping => Error::Stopping,
        }
    }
}

/// Result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A batch was executed.
    Worked,
    /// The job has ended.
    Ended,
}

/// A job that this worker has claimed.
#[derive(Debug)]
pub struct Run {
    runner: Runner,
    import: Import,
    claim: Uuid,
    documents: Documents,
    repeats: Repeats,
}

/// A document with its commands.
#[derive(Debug)]
struct Unit {
    rows: Vec<Row>,
    /// Identifier of the document for people.
    name: Option<String>,
    /// Line of other rows with the same external reference.
    elsewhere: Option<u32>,
    plan: Result<DocumentCommands, RowRejection>,
}

impl Runner {
    /// Executes a job until it ends, fails or the process shuts down.
    pub async fn work(&self, id: Uuid, attempt: i32) -> Result<(), Error> {
        let Some(mut run) = self.begin(id, attempt).await? else { return Ok(()) };
        loop {
            if self.stop.is_requested() {
                return Err(Error::Stopping);
            }
            match run.step().await {
                Ok(Step::Worked) => {}
                Ok(Step::Ended) => return Ok(()),
                Err(error @ (Error::Stopping | Error::Lost)) => return Err(error),
                Err(error) => return Err(run.failed(error).await),
            }
        }
    }

    /// Claims a job; `None` if the job has ended.
    pub async fn begin(&self, id: Uuid, attempt: i32) -> Result<Option<Run>, Error> {
        let claim = Uuid::now_v7();
        let Some(import) = self.store.claim(id, claim, attempt).await? else { return Ok(None) };
        let mut documents = Documents::of(self.store.clone(), &import)?;
        let repeats = Repeats::find(import.options.kind, &mut documents, &self.stop).await?.ok_or(Error::Stopping)?;
        documents.seek(import.rows.read.unsigned_abs() + 1);
        Ok(Some(Run { runner: self.clone(), import, claim, documents, repeats }))
    }
}

impl Run {
    /// Executes one batch, or ends the job.
    pub async fn step(&mut self) -> Result<Step, Error> {
        if self.import.cancel_requested {
            return self.end(JobState::Cancelled, None).await;
        }
        let units = self.read().await?;
        if units.is_empty() {
            return self.through().await;
        }
        let outcomes = self.decide(&units).await?;
        let batch = self.batch(units, outcomes);
        let saved = self.runner.store.save(self.import.id, self.claim, &batch).await?;
        self.import.rows.read = batch.read.1;
        self.import.rows.applied += batch.applied;
        self.import.rows.rejected += batch.rejections.len() as i32;
        count(&self.import, &batch);
        self.go_on(saved).await
    }

    async fn go_on(&mut self, saved: Saved) -> Result<Step, Error> {
        match saved {
            Saved::Mine => Ok(Step::Worked),
            Saved::Cancel => self.end(JobState::Cancelled, None).await,
            Saved::Lost => Err(Error::Lost),
        }
    }

    /// Ends the current phase, after all rows.
    async fn through(&mut self) -> Result<Step, Error> {
        let Import { options, phase, rows, .. } = &self.import;
        match phase {
            _ if options.on_error == OnError::RejectAll && rows.rejected > 0 && rows.applied == 0 => {
                self.end(JobState::Failed, Some(ROWS_REJECTED)).await
            }
            JobPhase::Check if !options.dry_run => {
                let saved = self.runner.store.begin_to_apply(self.import.id, self.claim).await?;
                self.import.phase = JobPhase::Apply;
                self.import.rows.read = 0;
                self.documents.seek(1);
                self.go_on(saved).await
            }
            JobPhase::Check | JobPhase::Apply => self.end(JobState::Succeeded, None).await,
        }
    }

    async fn end(&mut self, state: JobState, error: Option<&str>) -> Result<Step, Error> {
        if self.runner.store.finish(self.import.id, self.claim, state, error).await? == Saved::Lost {
            return Err(Error::Lost);
        }
        let (kind, state) = (self.import.options.kind.as_str(), state.as_str());
        metrics::counter!(metric_names::IMPORTS_TOTAL, "kind" => kind, "state" => state).increment(1);
        let rows = self.import.rows;
        tracing::info!(
            import.id = %self.import.id, import.kind = kind, import.state = state,
            rows.total = rows.total, rows.applied = rows.applied, rows.rejected = rows.rejected,
            "bulk import ended"
        );
        Ok(Step::Ended)
    }

    /// Logs the error and saves it with the job, if the database is available.
    async fn failed(&self, error: Error) -> Error {
        tracing::warn!(
            import.id = %self.import.id, import.attempt = self.import.attempt,
            error = &error as &dyn std::error::Error,
            "attempt to execute a bulk import failed"
        );
        let unsaved = self.runner.store.attempt_failed(self.import.id, self.claim, &error.to_string()).await.err();
        if let Some(unsaved) = unsaved {
            tracing::warn!(import.id = %self.import.id, error = &unsaved as &dyn std::error::Error, "cannot save the error of a bulk import");
        }
        error
    }

    /// Reads the documents of the next batch.
    async fn read(&mut self) -> Result<Vec<Unit>, Error> {
        let (mut units, mut bytes) = (Vec::new(), 0);
        while units.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            let Some(document) = self.documents.next().await? else { break };
            bytes += document.rows.iter().map(|row| row.bytes.len()).sum::<usize>();
            units.push(self.unit(document));
            // A document can have megabytes, and requests wait for this thread.
            tokio::task::yield_now().await;
        }
        Ok(units)
    }

    fn unit(&self, document: Document) -> Unit {
        let Document { rows, group } = document;
        let elsewhere = group.as_ref().and_then(|group| self.repeats.elsewhere(group, rows[0].line));
        let (document, plan) = self.plan(&rows);
        let named = document.as_ref().and_then(|document| kind::name_of(self.import.options.kind, document));
        let plan = match elsewhere {
            Some(line) if self.documents.header().is_some() => Err(not_adjacent(line)),
            Some(_) | None => plan,
        };
        Unit { name: named.or_else(|| Some(group?.shown())), rows, elsewhere, plan }
    }

    /// The document of these rows, if they can be parsed, and its commands.
    fn plan(&self, rows: &[Row]) -> (Option<Value>, Result<DocumentCommands, RowRejection>) {
        let (kind, emails) = (self.import.options.kind, &self.runner.emails);
        let origin = RowOrigin { import: self.import.id, row: rows[0].number, stock: self.import.options.stock };
        let Some(header) = self.documents.header() else {
            let json = &rows[0].bytes;
            return (serde_json::from_slice(json).ok(), kind::plan(kind, json, origin, emails));
        };
        match header.document(rows, origin) {
            Ok(document) => {
                let json = serde_json::to_vec(&document).expect("a JSON value can be serialised");
                (Some(document), kind::plan(kind, &json, origin, emails))
            }
            Err(refused) => (None, Err(refused)),
        }
    }

    /// The outcome of each document. Documents that cannot be parsed are not decided.
    async fn decide(&self, units: &[Unit]) -> Result<Vec<RowOutcome>, Error> {
        let planned = units.iter().filter_map(|unit| Some((unit.rows[0].number, unit.plan.as_ref().ok()?)));
        let planned: Vec<Planned<'_>> = planned.collect();
        let Runner { mailbox, patience, .. } = &self.runner;
        let decider = Decider { mailbox: mailbox.clone(), import: self.import.id, patience: *patience };
        let mut decided = decider.outcomes(&planned, self.mode(units)).await?.into_iter();
        let outcome = |unit: &Unit| match &unit.plan {
            Ok(_) => decided.next().unwrap_or(RowOutcome::Skipped),
            Err(refused) => RowOutcome::Rejected(refused.clone()),
        };
        Ok(units.iter().map(outcome).collect())
    }

    fn mode(&self, units: &[Unit]) -> DecideMode {
        let Import { options, phase, rows, .. } = &self.import;
        let last = units.last().and_then(|unit| unit.rows.last()).map(|row| row.number);
        let is_all = rows.read == 0 && last == Some(rows.total.unsigned_abs());
        match (phase, options.on_error) {
            (JobPhase::Check, _) => DecideMode::Check,
            // The documents of a single batch can be decided atomically, if they do not require too many commands. Several batches rely on
            // the check.
            (JobPhase::Apply, OnError::RejectAll) if is_all => DecideMode::AllOrNothing,
            (JobPhase::Apply, OnError::RejectAll | OnError::RejectFailed) => DecideMode::Each,
        }
    }

    fn batch(&self, units: Vec<Unit>, outcomes: Vec<RowOutcome>) -> Batch {
        let before = self.import.rows.read;
        let after = units.last().and_then(|unit| unit.rows.last()).map_or(before, |row| row.number as i32);
        let mut batch = Batch { read: (before, after), applied: 0, rejections: Vec::new() };
        for (unit, outcome) in units.into_iter().zip(outcomes) {
            match outcome {
                RowOutcome::Done if self.import.phase == JobPhase::Apply => batch.applied += unit.rows.len() as i32,
                RowOutcome::Done | RowOutcome::Skipped => {}
                RowOutcome::Rejected(refused) => batch.rejections.extend(rejections(unit, &refused)),
            }
        }
        batch
    }
}

/// The rejection of an order whose rows do not follow each other: any part of them would be an incomplete order.
fn not_adjacent(line: u32) -> RowRejection {
    RowRejection::new(
        "rows-not-adjacent",
        format!(
            "Other rows of the same order start on line {line}. The rows of an order, at most {MAX_LINES} with {DOCUMENT_BYTES} bytes, \
             must follow each other directly. The order was not placed. Sort the file by external_ref and import it again."
        ),
    )
}

/// The rejections of all rows of a document.
fn rejections(unit: Unit, refused: &RowRejection) -> impl Iterator<Item = Rejection> {
    let key = unit.name.as_deref().map(StoredText::from);
    let (problem, detail) =
        (StoredText::from(refused.problem), StoredText::from(detail(refused, unit.elsewhere).as_ref()));
    unit.rows.into_iter().map(move |row| Rejection {
        line: i32::try_from(row.line).unwrap_or(i32::MAX),
        key: key.clone(),
        problem: problem.clone(),
        detail: detail.clone(),
        bytes: row.bytes,
    })
}

/// The detail of a rejection. A document with the external reference of another document may be meant as one of its lines.
fn detail(refused: &RowRejection, elsewhere: Option<u32>) -> Cow<'_, str> {
    match elsewhere {
        Some(line) if refused.problem == DUPLICATE_EXTERNAL_REF => Cow::Owned(format!(
            "{} Line {line} of this file has the same external_ref. All lines of an order must be in one document.",
            refused.detail
        )),
        Some(_) | None => Cow::Borrowed(&refused.detail),
    }
}

fn count(import: &Import, batch: &Batch) {
    let rows = |outcome: &'static str, count: usize| {
        let kind = import.options.kind.as_str();
        metrics::counter!(metric_names::IMPORT_ROWS_TOTAL, "kind" => kind, "outcome" => outcome)
            .increment(count as u64);
    };
    rows("applied", batch.applied.unsigned_abs() as usize);
    rows("rejected", batch.rejections.len());
}
