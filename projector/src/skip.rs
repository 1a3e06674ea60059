//! Skips the event at which a stream is parked: the generation goes on as if the event had no effect, and the event is
//! recorded with who skipped it and why.
//!
//! The stream is retried first, so that only an event that cannot be applied is skipped. One transaction then records the
//! event, lets the state contain it, and moves the position at which the stream is parked behind it. From there the stream is
//! retried like any other; if a later event cannot be applied without the skipped one, the stream is parked at that event.

use std::pin::Pin;

use events::{Position, StreamId};
use platform::config::Secret;
use read_model::{Generation, Projection};
use sqlx::PgConnection;

use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::projections::{WithReadModel, with_read_model};
use crate::retry::{RetryOutcome, is_written, list_generations, lock, retry_all, skip_parked};
use crate::store::generations::GenerationRow;
use crate::store::parked::{self, ParkedRow};
use crate::store::{Store, run, skipped};

/// Maximum length of a name and of a reason, in characters.
const TEXT_MAX_CHARS: usize = 500;

/// What an operator skips, and what is recorded of it.
#[derive(Debug, Clone, Copy)]
pub struct Skip<'a> {
    /// The parked stream.
    pub stream: &'a StreamId,
    /// The projection; `None` for all projections in which the stream is parked.
    pub projection: Option<Projection>,
    /// The position at which the stream must be parked, so that a repeated command skips no other event.
    pub position: Option<Position>,
    /// Who skips the event.
    pub by: &'a str,
    /// Why the event is skipped.
    pub reason: &'a str,
}

/// The outcome of skipping the event at which a stream is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipOutcome {
    /// The event at this position is skipped, and the stream was retried after it.
    Skipped(Position, RetryOutcome),
    /// The event at this position was skipped before, and the stream is in this state now.
    AlreadySkipped(Position, RetryOutcome),
    /// No event is skipped, because the event could be applied after all: the outcome of the retry.
    NotNeeded(RetryOutcome),
}

/// Receives the outcome in each generation.
pub type ReportSkip<'a> = &'a mut (dyn FnMut(Generation, &SkipOutcome) + Send);

/// Skips the event at which a stream is parked, in every followed generation, and passes each outcome to `report`.
pub async fn skip(database_url: &Secret, skip: Skip<'_>, report: ReportSkip<'_>) -> Result<(), OperatorError> {
    check_text("the name of who skips the event", skip.by)?;
    check_text("the reason", skip.reason)?;
    let mut locking = lock(database_url).await?;
    let mut was_parked = false;
    for (projection, row) in list_generations(&mut locking, skip.projection).await? {
        let skipping = SkipInGeneration { database_url, row: &row, skip };
        let Some(skipping) = with_read_model(projection, skipping) else { continue };
        if let Some(outcome) = skipping.await? {
            was_parked = true;
            report(Generation { projection, number: row.number }, &outcome);
        }
    }
    match was_parked {
        true => Ok(()),
        false => Err(not_parked(skip)),
    }
}

fn check_text(name: &str, text: &str) -> Result<(), OperatorError> {
    let is_valid =
        !text.trim().is_empty() && text.chars().count() <= TEXT_MAX_CHARS && !text.chars().any(char::is_control);
    match is_valid {
        true => Ok(()),
        false => Err(OperatorError::Invalid(format!(
            "{name} must be one line of 1 to {TEXT_MAX_CHARS} characters, with at least one that is not a space"
        ))),
    }
}

fn not_parked(skip: Skip<'_>) -> OperatorError {
    let place = match skip.projection {
        Some(projection) => format!("a generation of {} that this build follows", projection.name()),
        None => "any generation that this build follows".to_owned(),
    };
    OperatorError::NotFound(format!(
        "{} is not parked in {place}; `projector parked list` shows parked streams",
        skip.stream
    ))
}

/// Skips the event in one generation; `None` if the stream is not parked in it.
struct SkipInGeneration<'a> {
    database_url: &'a Secret,
    row: &'a GenerationRow,
    skip: Skip<'a>,
}

impl<'a> WithReadModel for SkipInGeneration<'a> {
    type Output = Pin<Box<dyn Future<Output = Result<Option<SkipOutcome>, OperatorError>> + Send + 'a>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(self.run::<M>())
    }
}

impl SkipInGeneration<'_> {
    async fn run<M: ReadModel>(self) -> Result<Option<SkipOutcome>, OperatorError> {
        let generation = Generation { projection: M::PROJECTION, number: self.row.number };
        if !is_written::<M>(self.row) {
            return Ok(None);
        }
        let mut store = Store::new(self.database_url, generation)?;
        let connection = store.connection().await?;
        let row = find_parked(connection, generation, self.skip.stream).await?;
        if let Some(position) = self.skip.position
            && row.as_ref().is_none_or(|row| row.position != position.0)
        {
            return self.already_skipped(connection, generation, position, row.as_ref()).await;
        }
        let Some(row) = row else { return Ok(None) };
        let (position, retried) = (Position(row.position), retry_one::<M>(connection, generation, row).await?);
        match find_parked(connection, generation, self.skip.stream).await? {
            Some(row) if row.position == position.0 => {
                self.skip_event::<M>(connection, generation, row).await.map(Some)
            }
            _ => Ok(Some(SkipOutcome::NotNeeded(retried))),
        }
    }

    /// The outcome if the stream is not parked at the expected position.
    async fn already_skipped(
        &self,
        connection: &mut PgConnection,
        generation: Generation,
        position: Position,
        row: Option<&ParkedRow>,
    ) -> Result<Option<SkipOutcome>, OperatorError> {
        let skipped = run("reading skipped events", skipped::list(connection, generation)).await?;
        let was_skipped = skipped.of(self.skip.stream).iter().any(|skipped| skipped.position == position);
        match (was_skipped, row) {
            (true, row) => {
                let parked = row.map(|row| RetryOutcome::StillParked(row.reason.clone()));
                Ok(Some(SkipOutcome::AlreadySkipped(position, parked.unwrap_or(RetryOutcome::NotParked))))
            }
            (false, None) => Ok(None),
            (false, Some(row)) => Err(OperatorError::Conflict(format!(
                "{} is parked at position {} in {generation}, not at position {position}: {}",
                self.skip.stream, row.position, row.reason
            ))),
        }
    }

    /// Skips the event at the parked position, and retries the stream after it.
    async fn skip_event<M: ReadModel>(
        &self,
        connection: &mut PgConnection,
        generation: Generation,
        row: ParkedRow,
    ) -> Result<SkipOutcome, OperatorError> {
        let Skip { stream, by, reason, .. } = self.skip;
        let position = Position(row.position);
        if let Err(refused) = skip_parked::<M>(connection, generation, stream, &row, (by, reason)).await? {
            return Err(OperatorError::Conflict(format!(
                "the event of {stream} at position {position} cannot be skipped in {generation}: {refused}"
            )));
        }
        tracing::warn!(
            projection = generation.projection.name(),
            generation = generation.number,
            event.stream = %stream,
            event.position = position.0,
            failure = row.reason,
            skipped_by = by,
            reason,
            "skipped an event that cannot be applied"
        );
        let retried = match find_parked(connection, generation, stream).await? {
            Some(row) => retry_one::<M>(connection, generation, row).await?,
            None => RetryOutcome::NotParked,
        };
        Ok(SkipOutcome::Skipped(position, retried))
    }
}

async fn find_parked(
    connection: &mut PgConnection,
    generation: Generation,
    stream: &StreamId,
) -> Result<Option<ParkedRow>, OperatorError> {
    let rows = run("reading parked streams", parked::list(connection, generation, Some(stream))).await?;
    Ok(rows.into_iter().next())
}

async fn retry_one<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    row: ParkedRow,
) -> Result<RetryOutcome, OperatorError> {
    let mut retried = RetryOutcome::NotParked;
    let mut report = |_: &str, outcome: &RetryOutcome| retried = outcome.clone();
    retry_all::<M>(connection, generation, vec![row], &mut report).await?;
    Ok(retried)
}

impl SkipOutcome {
    /// Whether the stream is still parked: at the same event, or at a later one.
    pub fn is_still_parked(&self) -> bool {
        match self {
            SkipOutcome::Skipped(_, now) | SkipOutcome::AlreadySkipped(_, now) | SkipOutcome::NotNeeded(now) => {
                matches!(now, RetryOutcome::StillParked(_))
            }
        }
    }
}

impl std::fmt::Display for SkipOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SkipOutcome::Skipped(position, retried) => write!(f, "skipped the event at position {position}; {retried}"),
            SkipOutcome::AlreadySkipped(position, now) => {
                write!(f, "the event at position {position} was skipped before; {now}")
            }
            SkipOutcome::NotNeeded(retried) => write!(f, "nothing is skipped; {retried}"),
        }
    }
}
