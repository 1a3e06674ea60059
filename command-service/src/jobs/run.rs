//! Works a job: batch by batch, from the row that was saved last to the end.
//!
//! [`Runner::begin`] takes the job, [`Run::step`] works one batch, [`Runner::work`] is the loop that the queue's workers run.

use std::borrow::Cow;
use std::time::Duration;

use platform::metric_names;
use platform::shutdown::Shutdown;
use serde_json::Value;
use uuid::Uuid;

use super::csv::InvalidHeader;
use super::decide::{Asked, Decider, Fate, How};
use super::documents::{DOCUMENT_BYTES, Document, Documents};
use super::import::{Import, OnError, Phase, State};
use super::kind::{self, Origin, Plan, Refused};
use super::repeats::Repeats;
use super::rows::{self, Row};
use super::store::{self, Batch, KeptText, Rejection, Saved, Store};
use super::submit::Undecided;
use crate::writer::Mailbox;
use domain::command::email::EmailIndex;
use domain::command::lines::MAX_LINES;

/// Documents in a batch: a few times the writer's work of a millisecond, and a save costs as much as a small order.
const BATCH_DOCUMENTS: usize = 500;

/// Bytes of rows in a batch.
const BATCH_BYTES: usize = 4 << 20;

/// How long the writer may take nothing before an attempt fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why none of the rows took effect.
const ONE_WAS_ENOUGH: &str = "Rows cannot take effect, and reject_all was asked for: nothing was applied.";

/// The problem of an order whose external reference is taken.
const DUPLICATE_EXTERNAL_REF: &str = "duplicate-external-ref";

/// What works jobs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Runner {
    /// Where jobs are.
    pub store: Store,
    /// Where commands go.
    pub mailbox: Mailbox,
    /// Names the streams of customers' addresses.
    pub emails: EmailIndex,
    /// Asked to stop, it stops after the batch under way.
    pub stop: Shutdown,
    /// See [`PATIENCE`].
    pub patience: Duration,
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Jobs cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] rows::Error),
    /// The header that was accepted is none.
    #[error("the header cannot be read: {0}")]
    Header(#[from] InvalidHeader),
    /// The writer takes nothing.
    #[error(transparent)]
    Undecided(Undecided),
    /// The process stops; the job goes on elsewhere or later.
    #[error("stopping")]
    Stopping,
    /// Another worker has the job, or somebody ended it: the entry in the queue is not this worker's to delete.
    #[error("another worker has the import")]
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

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There may be more to do.
    Worked,
    /// The job has ended.
    Ended,
}

/// A job being worked.
#[derive(Debug)]
pub struct Run {
    runner: Runner,
    import: Import,
    claim: Uuid,
    documents: Documents,
    repeats: Repeats,
}

/// A document and what it asks for.
#[derive(Debug)]
struct Unit {
    rows: Vec<Row>,
    /// What people know it by.
    name: Option<String>,
    /// The line of other rows of the file that have the same external reference.
    elsewhere: Option<u32>,
    plan: Result<Plan, Refused>,
}

impl Runner {
    /// Works a job to its end, or until it fails or has to stop.
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

    /// Takes a job; `None` when there is nothing to do any more.
    pub async fn begin(&self, id: Uuid, attempt: i32) -> Result<Option<Run>, Error> {
        let claim = Uuid::now_v7();
        let Some(import) = self.store.claim(id, claim, attempt).await? else { return Ok(None) };
        let mut documents = Documents::of(self.store.clone(), &import)?;
        let repeats = Repeats::find(import.asked.kind, &mut documents, &self.stop).await?.ok_or(Error::Stopping)?;
        documents.seek(import.rows.read.unsigned_abs() + 1);
        Ok(Some(Run { runner: self.clone(), import, claim, documents, repeats }))
    }
}

impl Run {
    /// Works one batch, or ends the job.
    pub async fn step(&mut self) -> Result<Step, Error> {
        if self.import.cancel_requested {
            return self.end(State::Cancelled, None).await;
        }
        let units = self.read().await?;
        if units.is_empty() {
            return self.through().await;
        }
        let fates = self.decide(&units).await?;
        let batch = self.batch(units, fates);
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
            Saved::Cancel => self.end(State::Cancelled, None).await,
            Saved::Lost => Err(Error::Lost),
        }
    }

    /// All rows are through this phase.
    async fn through(&mut self) -> Result<Step, Error> {
        let Import { asked, phase, rows, .. } = &self.import;
        match phase {
            _ if asked.on_error == OnError::RejectAll && rows.rejected > 0 && rows.applied == 0 => {
                self.end(State::Failed, Some(ONE_WAS_ENOUGH)).await
            }
            Phase::Check if !asked.dry_run => {
                let saved = self.runner.store.begin_to_apply(self.import.id, self.claim).await?;
                self.import.phase = Phase::Apply;
                self.import.rows.read = 0;
                self.documents.seek(1);
                self.go_on(saved).await
            }
            Phase::Check | Phase::Apply => self.end(State::Succeeded, None).await,
        }
    }

    async fn end(&mut self, state: State, error: Option<&str>) -> Result<Step, Error> {
        if self.runner.store.finish(self.import.id, self.claim, state, error).await? == Saved::Lost {
            return Err(Error::Lost);
        }
        let (kind, state) = (self.import.asked.kind.as_str(), state.as_str());
        metrics::counter!(metric_names::IMPORTS_TOTAL, "kind" => kind, "state" => state).increment(1);
        let rows = self.import.rows;
        tracing::info!(
            import.id = %self.import.id, import.kind = kind, import.state = state,
            rows.total = rows.total, rows.applied = rows.applied, rows.rejected = rows.rejected,
            "an import has ended"
        );
        Ok(Step::Ended)
    }

    /// Remembers why the attempt failed, if it can; the log has the causes too.
    async fn failed(&self, error: Error) -> Error {
        tracing::warn!(
            import.id = %self.import.id, import.attempt = self.import.attempt,
            error = &error as &dyn std::error::Error,
            "an attempt to work an import failed"
        );
        let unsaved = self.runner.store.attempt_failed(self.import.id, self.claim, &error.to_string()).await.err();
        if let Some(unsaved) = unsaved {
            tracing::warn!(import.id = %self.import.id, error = &unsaved as &dyn std::error::Error, "that could not be saved");
        }
        error
    }

    /// The documents of the next batch.
    async fn read(&mut self) -> Result<Vec<Unit>, Error> {
        let (mut units, mut bytes) = (Vec::new(), 0);
        while units.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            let Some(document) = self.documents.next().await? else { break };
            bytes += document.rows.iter().map(|row| row.bytes.len()).sum::<usize>();
            units.push(self.unit(document));
            // A document may have megabytes, and requests wait for this thread.
            tokio::task::yield_now().await;
        }
        Ok(units)
    }

    fn unit(&self, document: Document) -> Unit {
        let Document { rows, group } = document;
        let elsewhere = group.as_ref().and_then(|group| self.repeats.elsewhere(group, rows[0].line));
        let (document, plan) = self.plan(&rows);
        let named = document.as_ref().and_then(|document| kind::name_of(self.import.asked.kind, document));
        let plan = match elsewhere {
            Some(line) if self.documents.header().is_some() => Err(not_adjacent(line)),
            Some(_) | None => plan,
        };
        Unit { name: named.or_else(|| Some(group?.shown())), rows, elsewhere, plan }
    }

    /// The document that these rows are, if they can be read, and what it asks for.
    fn plan(&self, rows: &[Row]) -> (Option<Value>, Result<Plan, Refused>) {
        let (kind, emails) = (self.import.asked.kind, &self.runner.emails);
        let origin = Origin { import: self.import.id, row: rows[0].number, stock: self.import.asked.stock };
        let Some(header) = self.documents.header() else {
            let json = &rows[0].bytes;
            return (serde_json::from_slice(json).ok(), kind::plan(kind, json, origin, emails));
        };
        match header.document(rows, origin) {
            Ok(document) => {
                let json = serde_json::to_vec(&document).expect("a JSON value can be written");
                (Some(document), kind::plan(kind, &json, origin, emails))
            }
            Err(refused) => (None, Err(refused)),
        }
    }

    /// The fate of each document. What cannot be parsed is not decided.
    async fn decide(&self, units: &[Unit]) -> Result<Vec<Fate>, Error> {
        let asked = units.iter().filter_map(|unit| Some((unit.rows[0].number, unit.plan.as_ref().ok()?)));
        let asked: Vec<Asked<'_>> = asked.collect();
        let Runner { mailbox, patience, .. } = &self.runner;
        let decider = Decider { mailbox: mailbox.clone(), import: self.import.id, patience: *patience };
        let mut decided = decider.fates(&asked, self.how(units)).await?.into_iter();
        let fate = |unit: &Unit| match &unit.plan {
            Ok(_) => decided.next().unwrap_or(Fate::Skipped),
            Err(refused) => Fate::Refused(refused.clone()),
        };
        Ok(units.iter().map(fate).collect())
    }

    fn how(&self, units: &[Unit]) -> How {
        let Import { asked, phase, rows, .. } = &self.import;
        let last = units.last().and_then(|unit| unit.rows.last()).map(|row| row.number);
        let is_all = rows.read == 0 && last == Some(rows.total.unsigned_abs());
        match (phase, asked.on_error) {
            (Phase::Check, _) => How::Check,
            // What is in one batch can be decided in one, if its commands are not too many; of more only what was checked is
            // known.
            (Phase::Apply, OnError::RejectAll) if is_all => How::AllOrNothing,
            (Phase::Apply, OnError::RejectAll | OnError::RejectFailed) => How::Each,
        }
    }

    fn batch(&self, units: Vec<Unit>, fates: Vec<Fate>) -> Batch {
        let before = self.import.rows.read;
        let after = units.last().and_then(|unit| unit.rows.last()).map_or(before, |row| row.number as i32);
        let mut batch = Batch { read: (before, after), applied: 0, rejections: Vec::new() };
        for (unit, fate) in units.into_iter().zip(fates) {
            match fate {
                Fate::Done if self.import.phase == Phase::Apply => batch.applied += unit.rows.len() as i32,
                Fate::Done | Fate::Skipped => {}
                Fate::Refused(refused) => batch.rejections.extend(rejections(unit, &refused)),
            }
        }
        batch
    }
}

/// Why an order whose rows stand in several places is refused: any of them would be an incomplete order.
fn not_adjacent(line: u32) -> Refused {
    Refused::new(
        "rows-not-adjacent",
        format!(
            "Other rows of the same order begin on line {line}. The rows of an order, {MAX_LINES} with {DOCUMENT_BYTES} bytes at \
             most, must stand directly below each other; this import placed none of them. Sort the file by external_ref and import it again."
        ),
    )
}

/// Every row of a document that takes no effect is in the report.
fn rejections(unit: Unit, refused: &Refused) -> impl Iterator<Item = Rejection> {
    let key = unit.name.as_deref().map(KeptText::from);
    let (problem, detail) = (KeptText::from(refused.problem), KeptText::from(detail(refused, unit.elsewhere).as_ref()));
    unit.rows.into_iter().map(move |row| Rejection {
        line: i32::try_from(row.line).unwrap_or(i32::MAX),
        key: key.clone(),
        problem: problem.clone(),
        detail: detail.clone(),
        bytes: row.bytes,
    })
}

/// A document that repeats a reference of its own file may be meant as a line of the other one.
fn detail(refused: &Refused, elsewhere: Option<u32>) -> Cow<'_, str> {
    match elsewhere {
        Some(line) if refused.problem == DUPLICATE_EXTERNAL_REF => Cow::Owned(format!(
            "{} Line {line} of this file has the same external_ref: lines of one order belong into one document.",
            refused.detail
        )),
        Some(_) | None => Cow::Borrowed(&refused.detail),
    }
}

fn count(import: &Import, batch: &Batch) {
    let rows = |outcome: &'static str, count: usize| {
        let kind = import.asked.kind.as_str();
        metrics::counter!(metric_names::IMPORT_ROWS_TOTAL, "kind" => kind, "outcome" => outcome)
            .increment(count as u64);
    };
    rows("applied", batch.applied.unsigned_abs() as usize);
    rows("rejected", batch.rejections.len());
}
