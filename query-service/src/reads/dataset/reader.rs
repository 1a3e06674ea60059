//! Reads a whole list or report from one snapshot, in batches. The reader waits while nobody takes the batches, and the server
//! waits for the reader, so only a few batches are in memory.

use std::collections::HashSet;
use std::time::Duration;

use events::{LogPosition, Position};
use futures::stream::TryStreamExt;
use read_model::CustomerDocument;
use tokio::sync::mpsc;

use super::Dataset;
use super::row::Row;
use crate::reads::data_subject::DataSubject;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::{Database, Prefer};
use crate::reads::database::snapshot::Snapshot;
use crate::reads::database::source::SourceName;
use crate::reads::database::statement::Statement;
use crate::reads::erasures::Erasures;
use crate::reads::error::Error;
use crate::reads::orders::select::LineCounts;
use crate::reads::page::keep_decoded;
use crate::reads::reports::as_of;

/// Rows of a batch: about 1 MB of customers, less of all others.
const BATCH_ROWS: usize = 1_000;
/// Batches that wait to be taken.
const BATCHES_WAITING: usize = 1;

/// Consecutive rows.
#[derive(Debug)]
pub struct Batch {
    /// The rows, in the order of the list.
    pub rows: Vec<Row>,
    /// Number of rows that are left out, because a newer release wrote them and this release cannot read them.
    pub left_out: usize,
}

/// A list or report that is being read.
pub struct DatasetReader {
    /// The rows contain every event up to this log position.
    pub contained: LogPosition,
    /// The database that is read.
    pub source: SourceName,
    batches: mpsc::Receiver<Result<Batch, Error>>,
}

/// How a list or report is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Whether the lines and units of orders are counted.
    pub counts: LineCounts,
    /// The database that is used if the policy allows it.
    pub prefer: Prefer,
    /// Longest run time of the statement.
    pub statement_timeout: Duration,
}

impl DatasetReader {
    /// Opens a snapshot and starts to read in the background, until the reader is dropped.
    pub async fn open(
        database: &Database,
        erasures: Erasures,
        dataset: Dataset,
        options: ReadOptions,
    ) -> Result<DatasetReader, Error> {
        let ReadOptions { counts, prefer, statement_timeout } = options;
        let projection = dataset.projection();
        let mut snapshot = database.open_snapshot(Workload::Export, projection, prefer, statement_timeout).await?;
        let (mut contained, source) = (snapshot.freshness.contained(), snapshot.source);
        let dataset = match dataset {
            Dataset::Report { report, query } if let Some(moment) = query.as_of => {
                contained.position = as_of::position_of(database, moment).await?;
                if snapshot.freshness.applied() < contained.position {
                    return Err(as_of::behind(&snapshot, contained.position, Duration::ZERO));
                }
                let query = as_of::query_at(&mut snapshot, report, &query, contained.position).await?;
                Dataset::Report { report, query: Box::new(query) }
            }
            dataset => dataset,
        };
        let (sender, batches) = mpsc::channel(BATCHES_WAITING);
        tokio::spawn(async move {
            let sending = send_batches(snapshot, &erasures, &dataset, counts, &sender);
            // The connection is closed at once, also while the server sorts and sends nothing.
            let sent = tokio::select! {
                sent = sending => sent,
                () = sender.closed() => return,
            };
            if let Err(error) = sent {
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(DatasetReader { contained, source, batches })
    }

    /// The next batch; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<Batch, Error>> {
        self.batches.recv().await
    }
}

async fn send_batches(
    mut snapshot: Snapshot,
    erasures: &Erasures,
    dataset: &Dataset,
    counts: LineCounts,
    sender: &mpsc::Sender<Result<Batch, Error>>,
) -> Result<(), Error> {
    let statement = Statement::plain(|statement| dataset.push(counts, statement));
    let mut rows = snapshot.fetch(&statement).try_chunks(BATCH_ROWS);
    while let Some(rows) = rows.try_next().await.map_err(|failed| failed.1)? {
        let decoded = rows.iter().map(|row| Row::decode(dataset, counts, row));
        let (mut rows, left_out) = keep_decoded(dataset.projection().name(), decoded);
        rows.retain(|row| row.is_of(dataset));
        erase(erasures, dataset, &mut rows).await?;
        if sender.send(Ok(Batch { rows, left_out })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Removes the personal data of customers who are erased now, as the list of customers does.
async fn erase(erasures: &Erasures, dataset: &Dataset, rows: &mut Vec<Row>) -> Result<(), Error> {
    let Dataset::Customers { tag } = dataset else { return Ok(()) };
    let subject = |customer: &CustomerDocument| DataSubject::Customer(customer.id);
    let customers = rows.iter().filter_map(|row| match row {
        Row::Customer(customer) if !customer.erased => Some(subject(customer)),
        _ => None,
    });
    let named: Vec<DataSubject> = customers.collect();
    let erased: HashSet<DataSubject> = match named.is_empty() {
        true => HashSet::new(),
        false => erasures.find(&named, Position::ZERO).await?.into_iter().collect(),
    };
    for row in rows.iter_mut() {
        if let Row::Customer(customer) = row
            && erased.contains(&subject(customer))
        {
            customer.erase();
        }
    }
    if tag.is_some() {
        // That a customer had a tag is personal data as well.
        rows.retain(|row| !matches!(row, Row::Customer(customer) if customer.erased));
    }
    Ok(())
}
