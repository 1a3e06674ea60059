//! Tries parked streams again: by command, and once when a process starts, because a new build may read what the old
//! one could not. Safe while workers run, and costs them next to nothing.
//!
//! A worker passes over a stream that is parked, so the stream is caught up beside it ([`apply`]): no partition is locked, and
//! a stream that this build cannot read either costs a few short statements. What is caught up is released under a lock on the
//! checkpoint of its partition, all streams of the partition together: what they received meanwhile is applied, up to the
//! checkpoint, and the claim on the partition ends, so that its worker looks again at what is parked.
//!
//! Each stream has a transaction of its own: what the database refuses of one holds up no other.

use std::collections::BTreeMap;

use events::{Position, StreamId, Version};
use platform::config::Secret;
use read_model::Projection;
use sqlx::{Connection, PgConnection};

use crate::model::{Model, Orders, Products, Stock};
use crate::store::months::Months;
use crate::store::parked::{self, Waiting};
use crate::store::{Store, doing};

mod apply;

use apply::{Progress, Stream};

/// Streams that are released in one transaction: some 100 ms, during which their partition waits.
const RELEASED_AT_ONCE: usize = 1_000;

/// Events that are applied while their partition waits, before the rest is caught up beside its worker once more.
const EVENTS_UNDER_LOCK: usize = 5_000;

/// How often a stream is caught up before its release is given up because it receives more, each time, than is applied at once.
const PASSES_MAX: usize = 10;

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// So many events were applied, and it flows again.
    Unparked(usize),
    /// It still waits, for this reason.
    StillParked(String),
    /// It did not wait.
    NotParked,
}

/// Tries every parked stream, or only `stream`, and hands each result to `tell`.
pub async fn retry(
    database_url: &Secret,
    stream: Option<&StreamId>,
    mut tell: impl FnMut(&str, &Retried),
) -> anyhow::Result<()> {
    let mut store = Store::new(database_url)?;
    let connection = store.connection().await?;
    let is_alone = doing("asking whether others try parked streams", parked::try_lock(connection)).await?;
    anyhow::ensure!(is_alone, "another process is trying parked streams: wait until it has ended");
    let projections = match stream {
        Some(stream) => Projection::of(stream.category()).into_iter().collect(),
        None => Projection::ALL.to_vec(),
    };
    for projection in projections {
        let waiting = doing("reading parked streams", parked::list(connection, projection, stream)).await?;
        if let (Some(stream), true) = (stream, waiting.is_empty()) {
            tell(stream.as_str(), &Retried::NotParked);
        }
        match projection {
            Projection::Orders => retry_all::<Orders>(connection, waiting, &mut tell).await?,
            Projection::Stock => retry_all::<Stock>(connection, waiting, &mut tell).await?,
            Projection::Products => retry_all::<Products>(connection, waiting, &mut tell).await?,
        }
    }
    Ok(())
}

/// Tries the streams of a projection, partition by partition.
async fn retry_all<M: Model>(
    connection: &mut PgConnection,
    waiting: Vec<Waiting>,
    tell: &mut impl FnMut(&str, &Retried),
) -> anyhow::Result<()> {
    let mut months = Months::default();
    let mut by_partition: BTreeMap<Option<i32>, Vec<Stream>> = BTreeMap::new();
    for Waiting { stream_id, position, partition, reason } in waiting {
        match stream_id.parse() {
            Ok(id) => by_partition.entry(partition).or_default().push(Stream::new(id, Position(position), reason)),
            Err(_) => tell(&stream_id, &Retried::StillParked("this build does not know such streams".to_owned())),
        }
    }
    for (partition, mut streams) in by_partition {
        for _ in 0..PASSES_MAX {
            catch_up::<M>(connection, &mut months, partition, &mut streams, tell).await?;
            let mut behind = Vec::new();
            while !streams.is_empty() {
                let together = streams.split_off(streams.len().saturating_sub(RELEASED_AT_ONCE));
                behind.extend(release::<M>(connection, &mut months, partition, together, tell).await?);
            }
            streams = behind;
        }
        for stream in &streams {
            let reason = "it receives events faster than they are applied; they are applied up to now".to_owned();
            tell(stream.id.as_str(), &Retried::StillParked(reason));
        }
    }
    Ok(())
}

/// Applies streams up to the checkpoint of their partition; those that still cannot be applied are told and left out.
async fn catch_up<M: Model>(
    connection: &mut PgConnection,
    months: &mut Months,
    partition: Option<i32>,
    streams: &mut Vec<Stream>,
    tell: &mut impl FnMut(&str, &Retried),
) -> anyhow::Result<()> {
    let mut caught_up = Vec::with_capacity(streams.len());
    let upto = doing("reading the checkpoint", parked::find_checkpoint(connection, M::PROJECTION, partition)).await?;
    for mut stream in streams.drain(..) {
        let mut progress = Progress::Behind;
        while let Progress::Behind = progress {
            progress = apply::apply_next::<M>(connection, months, &mut stream, upto).await?;
        }
        match progress {
            Progress::Stays(retried) => tell(stream.id.as_str(), &retried),
            Progress::Behind | Progress::CaughtUp => caught_up.push(stream),
        }
    }
    *streams = caught_up;
    Ok(())
}

/// Lets streams go that are caught up, in one transaction; gives back those that have received too much meanwhile.
async fn release<M: Model>(
    connection: &mut PgConnection,
    months: &mut Months,
    partition: Option<i32>,
    streams: Vec<Stream>,
    tell: &mut impl FnMut(&str, &Retried),
) -> anyhow::Result<Vec<Stream>> {
    let mut transaction = doing("beginning a transaction", connection.begin()).await?;
    let upto = parked::lock_checkpoint(&mut transaction, M::PROJECTION, partition);
    let upto = doing("locking the checkpoint", upto).await?;
    let names: Vec<&str> = streams.iter().map(|stream| stream.id.as_str()).collect();
    let versions: Vec<Version> = streams.iter().map(|stream| stream.applied_version()).collect();
    let received = parked::list_behind(&mut transaction, &names, &versions, upto);
    let received = doing("reading what streams received", received).await?;
    let (mut released, mut behind, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let mut applied = 0;
    for mut stream in streams {
        let before = stream.events();
        let progress = match received.contains(stream.id.as_str()) {
            true if applied >= EVENTS_UNDER_LOCK => Progress::Behind,
            true => apply::apply_next::<M>(&mut transaction, months, &mut stream, upto).await?,
            false => Progress::CaughtUp,
        };
        applied += stream.events() - before;
        match progress {
            Progress::CaughtUp => released.push(stream),
            Progress::Behind => behind.push(stream),
            Progress::Stays(retried) => told.push((stream, retried)),
        }
    }
    let names: Vec<&str> = released.iter().map(|stream| stream.id.as_str()).collect();
    let gone = doing("releasing streams", parked::release(&mut transaction, M::PROJECTION, &names)).await?;
    if !gone.is_empty() {
        doing("ending the claim", parked::end_claims(&mut transaction, M::PROJECTION, partition)).await?;
    }
    doing("committing the release", transaction.commit()).await?;
    for stream in released {
        let retried = match gone.contains(stream.id.as_str()) {
            true => Retried::Unparked(stream.events()),
            false => Retried::NotParked,
        };
        told.push((stream, retried));
    }
    told.iter().for_each(|(stream, retried)| tell(stream.id.as_str(), retried));
    Ok(behind)
}
