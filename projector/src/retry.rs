//! Tries parked streams again: by command, and once when a process starts, because a new build may read what the old
//! one could not. Safe while workers run: it claims the projection's partitions, so that they forget what they know and
//! wait.

use events::{Position, StreamId};
use platform::config::Secret;
use read_model::{Projection, projection};
use sqlx::{Connection, PgConnection};

use crate::batch::{self, Held, Net};
use crate::claims::Claims;
use crate::feed::BATCH_BYTES_MAX;
use crate::model::{Model, Orders, Products, Stock};
use crate::store::log::Portion;
use crate::store::months::Months;
use crate::store::{Store, StoreError, doing, log};

/// What is read of a stream at once. A longer one takes several rounds.
const PORTION: Portion = Portion { events: 10_000, bytes: BATCH_BYTES_MAX };

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

/// A stream that waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct Waiting {
    stream_id: String,
}

/// Tries every parked stream, or only `stream`, and hands each result to `tell`.
pub async fn retry(
    database_url: &Secret,
    stream: Option<&StreamId>,
    mut tell: impl FnMut(&str, &Retried),
) -> anyhow::Result<()> {
    let mut store = Store::new(database_url)?;
    let projections = match stream {
        Some(stream) => Projection::of(stream.category()).into_iter().collect(),
        None => Projection::ALL.to_vec(),
    };
    for projection in projections {
        let connection = store.connection().await?;
        let waiting = doing("reading parked streams", list_waiting(connection, projection, stream)).await?;
        for waiting in &waiting {
            let retried = match projection {
                Projection::Orders => retry_stream::<Orders>(connection, waiting).await?,
                Projection::Stock => retry_stream::<Stock>(connection, waiting).await?,
                Projection::Products => retry_stream::<Products>(connection, waiting).await?,
            };
            tell(&waiting.stream_id, &retried);
        }
        if let (Some(stream), true) = (stream, waiting.is_empty()) {
            tell(stream.as_str(), &Retried::NotParked);
        }
    }
    Ok(())
}

async fn list_waiting(
    connection: &mut PgConnection,
    projection: Projection,
    stream: Option<&StreamId>,
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as(
        "select stream_id from parked_streams
         where projection = $1 and generation = $2 and ($3::text is null or stream_id = $3)
         order by position",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(stream.map(StreamId::as_str))
    .fetch_all(connection)
    .await
}

/// Applies what a stream missed, in one transaction with its release.
async fn retry_stream<M: Model>(connection: &mut PgConnection, waiting: &Waiting) -> anyhow::Result<Retried> {
    let stream: StreamId = waiting.stream_id.parse()?;
    let mut transaction = doing("beginning a transaction", connection.begin()).await?;
    doing("claiming the projection", claim_all(&mut transaction, M::PROJECTION)).await?;
    let Some(from) = doing("releasing the stream", release(&mut transaction, M::PROJECTION, &stream)).await? else {
        return Ok(Retried::NotParked);
    };
    let retried = apply_from::<M>(&mut transaction, &stream, from).await?;
    doing("committing the stream", transaction.commit()).await?;
    Ok(retried)
}

/// Applies a stream from a position on; parks it again at the first event that does not fit.
async fn apply_from<M: Model>(
    connection: &mut PgConnection,
    stream: &StreamId,
    from: Position,
) -> Result<Retried, StoreError> {
    let mut applied = 0;
    let before = log::find_version_before(connection, stream, from);
    let mut after = doing("reading where the stream waits", before).await?;
    loop {
        let read = log::list_stream(connection, stream, after, Position(i64::MAX), PORTION);
        let read = doing("reading the log", read).await?;
        let Some(last) = read.events.last() else { return Ok(Retried::Unparked(applied)) };
        after = last.event.version;
        let mut held = Held::<M>::new();
        for (stream, document) in
            doing("loading the document", M::load(connection, std::slice::from_ref(stream))).await?
        {
            held.put_loaded(stream, document);
        }
        let arrivals: Vec<_> = read.events.iter().map(|logged| logged.arrival(0)).collect();
        let mut net = batch::fold(&arrivals, held, &Claims::default())
            .unwrap_or_else(|_| batch::park(&arrivals[0], &batch::panic_reason(arrivals[0].event)));
        // The checkpoint stays where it is: it has passed these events, or will.
        net.reached.clear();
        write(connection, &net).await?;
        applied += net.applied;
        if let Some(parked) = net.parked.into_iter().next() {
            return Ok(Retried::StillParked(parked.reason));
        }
    }
}

async fn write<M: Model>(connection: &mut PgConnection, net: &Net<M>) -> Result<(), StoreError> {
    doing("making months", Months::default().ensure(connection, &M::months(net))).await?;
    doing("writing the stream", M::write(connection, net, &Claims::default())).await.map(|_| ())
}

/// Claims every partition of a projection, in the order in which everybody locks them.
async fn claim_all(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    sqlx::query(
        "with locked as (
             select partition from projection_checkpoints
             where projection = $1 and generation = $2 and category = $3
             order by partition
             for update
         )
         update projection_checkpoints c set epoch = epoch + 1
         from locked
         where c.projection = $1 and c.generation = $2 and c.category = $3 and c.partition = locked.partition",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(projection.category().as_str())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Takes a stream out of the parked ones; gives the position from which on it waited.
async fn release(
    connection: &mut PgConnection,
    projection: Projection,
    stream: &StreamId,
) -> sqlx::Result<Option<Position>> {
    let position: Option<i64> = sqlx::query_scalar(
        "delete from parked_streams where projection = $1 and generation = $2 and stream_id = $3 returning position",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(stream.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(position.map(Position))
}
