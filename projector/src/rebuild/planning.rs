//! Plans a rebuild: which generation it creates, or which interrupted one it continues, and its steps. [`partial`] plans the
//! copies of a rebuild of some streams.

use anyhow::Context;
use events::Position;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use super::copying::Copying;
use super::options::Options;
use super::partial;
use super::selection::Selection;
use super::step::Step;
use crate::frame::{ReadModel, rows};
use crate::operator_error::OperatorError;
use crate::scan::{Segment, plan, source};
use crate::store::generations::{self, State};
use crate::store::rebuilds::{self, RebuildRow};
use crate::store::{self, incarnations, relay, run};

/// Begins a transaction whose statements see the same rows: checkpoints, parked streams and the end of the log.
const SNAPSHOT: &str = "begin isolation level repeatable read";

/// Lets the transaction wait for a standby.
const NO_TIMEOUT: &str = "set local idle_in_transaction_session_timeout = 0";

/// What a rebuild would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The generation that is created or continued.
    pub generation: Generation,
    /// Whether an interrupted rebuild continues.
    pub continues: bool,
    /// The streams that are folded.
    pub selection: Selection,
    /// Number of the streams that are folded, if they are some and not all.
    pub streams: Option<i64>,
    /// Position up to which the log is read.
    pub upto: Position,
    /// Number of segments of the log, or of steps of any kind, that remain.
    pub segments: usize,
    /// What is copied, in a new rebuild of some streams.
    pub copies: Option<Copies>,
}

/// What a rebuild of some streams copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The generation whose rows are copied.
    pub from: Generation,
    /// Number of parts of tables.
    pub parts: usize,
    /// Number of rows.
    pub rows: i64,
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { generation, selection, upto, segments, .. } = self;
        if self.continues {
            return write!(
                f,
                "would continue {generation}, a rebuild of {selection}: {segments} steps remain, up to position {upto} of the log"
            );
        }
        write!(f, "would create {generation}: fold ")?;
        if let Some(streams) = self.streams {
            write!(f, "{streams} streams, ")?;
        }
        write!(f, "{selection}, in {segments} segments of the log up to position {upto}")?;
        match &self.copies {
            Some(Copies { from, parts, rows }) => {
                write!(f, "; copy the {rows} rows of other streams from {from} in {parts} parts")
            }
            None => Ok(()),
        }
    }
}

/// Plans a rebuild without changing anything.
pub async fn plan_rebuild<M: ReadModel>(options: &Options) -> Result<Plan, OperatorError> {
    let mut connection = store::connect(&options.database_url).await?;
    let (generation, continues) = next_generation::<M>(&mut connection).await?;
    if continues {
        let row = find_continued::<M>(&mut connection, generation, options).await?;
        let (upto, segments) = (Position(row.upto), (row.segments - row.segments_done) as usize);
        let selection = row.selection();
        return Ok(Plan { generation, continues, selection, streams: None, upto, segments, copies: None });
    }
    let mut transaction = connection.begin_with(SNAPSHOT).await.context("beginning a transaction")?;
    let Planned { upto, folds, copies } = create::<M>(&mut transaction, generation, options).await?;
    let (streams, copies) = match copies {
        None => (None, None),
        Some(PlannedCopies { copying, streams, parts }) => {
            let rows = count_rows::<M>(&mut transaction, &copying, &parts).await.context("counting rows")?;
            (Some(streams), Some(Copies { from: copying.live, parts: parts.len(), rows }))
        }
    };
    transaction.rollback().await.context("ending the plan")?;
    let selection = options.selection.clone();
    Ok(Plan { generation, continues, selection, streams, upto, segments: folds.len(), copies })
}

async fn count_rows<M: ReadModel>(
    connection: &mut PgConnection,
    copying: &Copying,
    parts: &[Step],
) -> sqlx::Result<i64> {
    let (tables, mut rows) = (rows::tables::<M>(), 0);
    for step in parts {
        let Step::Copy(part) = step else { continue };
        if let Some(table) = tables.iter().find(|table| table.name == part.table) {
            rows += copying.count(connection, table, part).await?;
        }
    }
    Ok(rows)
}

/// Creates the generation and its steps, unless an interrupted rebuild continues.
pub(super) async fn begin<M: ReadModel>(
    control: &mut PgConnection,
    options: &Options,
) -> Result<Generation, OperatorError> {
    let (generation, continues) = next_generation::<M>(control).await?;
    if continues {
        find_continued::<M>(control, generation, options).await?;
        return Ok(generation);
    }
    let mut transaction = control.begin_with(SNAPSHOT).await.context("beginning a transaction")?;
    create::<M>(&mut transaction, generation, options).await?;
    transaction.commit().await.context("committing the plan")?;
    Ok(generation)
}

/// The generation that a rebuild creates, or the one that an interrupted rebuild left.
pub(super) async fn next_generation<M: ReadModel>(
    connection: &mut PgConnection,
) -> Result<(Generation, bool), OperatorError> {
    let own = run("reading the generations", generations::list_of(connection, M::PROJECTION)).await?;
    let of = |number| Generation { projection: M::PROJECTION, number };
    if let Some(building) = own.iter().find(|row| row.state == State::Building) {
        if building.version != M::VERSION {
            return Err(OperatorError::Conflict(format!(
                "{} was begun by a build with version {}, and this build has version {}: retire the generation first",
                of(building.number),
                building.version,
                M::VERSION
            )));
        }
        return Ok((of(building.number), true));
    }
    if let Some(following) = own.iter().find(|row| row.state == State::Following) {
        let following = of(following.number);
        return Err(OperatorError::Conflict(format!("{following} is rebuilt already: promote or retire it first")));
    }
    let last = own.iter().map(|row| row.number).max().unwrap_or(0);
    Ok((of(last + 1), false))
}

/// The interrupted rebuild, which must fold the requested streams from events that the log still contains, and copy rows that
/// still exist.
async fn find_continued<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    options: &Options,
) -> Result<RebuildRow, OperatorError> {
    let row = run("reading the rebuild", rebuilds::find(connection, generation)).await?;
    let row = row.ok_or_else(|| {
        let incomplete = "the rebuild was not planned completely: retire the generation and start again";
        OperatorError::Conflict(incomplete.to_owned())
    })?;
    let (begun, requested) = (row.selection(), &options.selection);
    if requested.is_partial() && *requested != begun {
        return Err(OperatorError::Conflict(format!(
            "{generation} was begun as a rebuild of {begun}: continue it without options, or retire it first"
        )));
    }
    let ahead = incarnations::list_ahead(connection, Some(generation));
    if let Some(ahead) = run("comparing the rebuild with the log", ahead).await?.first() {
        return Err(OperatorError::Conflict(format!("{ahead}: retire {generation} and begin again")));
    }
    if let Some(copying) = Copying::of::<M>(&row, generation) {
        copying.ensure_possible(connection).await?;
    }
    Ok(row)
}

/// The steps of a rebuild.
struct Planned {
    upto: Position,
    folds: Vec<Step>,
    copies: Option<PlannedCopies>,
}

struct PlannedCopies {
    copying: Copying,
    /// Number of streams that are folded.
    streams: i64,
    parts: Vec<Step>,
}

/// Creates the generation with its tables and steps.
async fn create<M: ReadModel>(
    transaction: &mut PgConnection,
    generation: Generation,
    options: &Options,
) -> Result<Planned, OperatorError> {
    let (category, selection) = (M::PROJECTION.category(), &options.selection);
    run("beginning a snapshot", store::execute(transaction, NO_TIMEOUT)).await?;
    let upto = run("reading the end of the log", store::log::find_head(transaction)).await?;
    let partitions = run("reading the partitions", relay::count_partitions(transaction, category)).await?;
    let partitions = partitions.ok_or_else(|| {
        OperatorError::Conflict(format!(
            "the number of partitions of topic {category} is unknown: start the command-service once"
        ))
    })?;
    let copying = match selection.is_partial() {
        true => Some(partial::prepare::<M>(transaction, generation, selection, upto).await?),
        false => None,
    };
    let folds: Vec<Step> = plan_folds::<M>(options, upto).await?.into_iter().map(Step::Fold).collect();
    generations::create_for_rebuild::<M>(transaction, generation).await.context("creating the tables")?;
    let live = copying.as_ref().map(|copying| copying.live);
    let inserted = rebuilds::insert(transaction, generation, upto, partitions, selection, live).await;
    inserted.context("saving the plan")?;
    let copies = match copying {
        None => None,
        Some(copying) => {
            let streams = partial::begin(transaction, &copying, upto).await?;
            let parts = copying.list_parts(transaction, &rows::tables::<M>(), options.segment_events).await;
            Some(PlannedCopies { copying, streams, parts: parts.context("listing the months")? })
        }
    };
    let steps = copies.iter().flat_map(|copies| &copies.parts).chain(&folds).cloned().collect::<Vec<_>>();
    rebuilds::add_steps(transaction, generation, &steps).await.context("saving the steps")?;
    Ok(Planned { upto, folds, copies })
}

async fn plan_folds<M: ReadModel>(options: &Options, upto: Position) -> anyhow::Result<Vec<Segment>> {
    let (category, segment_events) = (M::PROJECTION.category(), options.segment_events);
    let mut source = store::connect_to_read(&options.source_url).await?;
    source::wait_until_contained(&mut source, upto).await?;
    let planned = match &options.selection {
        Selection::All => plan::plan(&mut source, category, upto, segment_events).await,
        Selection::Since(since) => Ok(plan::plan_changed(category, *since, upto, segment_events)),
        months @ Selection::Months(_) => {
            plan::plan_ranges(&mut source, category, &months.id_ranges(category), upto, segment_events).await
        }
    };
    planned.context("planning the segments")
}
