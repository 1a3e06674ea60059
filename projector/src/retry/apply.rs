//! Applies a parked stream, a portion at a time: each portion in one transaction with the position from which on the stream
//! waits. Where a portion cannot be applied, a smaller one is tried, until the one event stands alone that cannot.

use events::{Position, StreamId, Version};
use sqlx::{Connection, PgConnection};

use super::Retried;
use crate::batch::{self, Held, Net};
use crate::claims::Claims;
use crate::config::Limits;
use crate::feed::BATCH_BYTES_MAX;
use crate::model::Model;
use crate::store::log::{Logged, Portion};
use crate::store::months::Months;
use crate::store::{StoreError, doing, log, parked};

/// Most events that are applied at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// A stream that waits, and how far it has come.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    /// Where it waits, as noted in the database.
    position: Position,
    /// Why, as noted in the database.
    reason: String,
    /// The last event that is applied; asked for when it is first needed.
    applied: Option<Version>,
    /// Events that were applied.
    events: usize,
    /// Events that are tried next: one at first, because most streams stay parked.
    stride: usize,
}

impl Stream {
    pub(super) fn new(id: StreamId, position: Position, reason: String) -> Stream {
        Stream { id, position, reason, applied: None, events: 0, stride: 1 }
    }

    /// Whether the database says already that it waits from here on, for this reason: then nothing needs to be written.
    fn waits(&self, position: Position, reason: &str) -> bool {
        self.position == position && self.reason == reason
    }

    pub(super) fn applied_version(&self) -> Version {
        self.applied.unwrap_or(Version::NONE)
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }
}

/// How far a stream has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// Up to the position that was asked for.
    CaughtUp,
    /// There may be more up to there.
    Behind,
    /// No further.
    Stays(Retried),
}

/// Why a portion is not applied.
enum Refusal {
    /// A smaller one may be, with so many events.
    Smaller(usize),
    /// Its first event cannot be applied, for this reason.
    Never(String),
}

/// What a portion came to.
enum Written {
    /// Everything up to its end or up to the first event that does not fit.
    Applied { events: usize, parked: Option<(Position, String)> },
    /// Nothing, because the stream does not wait any more where we think.
    Gone,
}

/// Applies the next portion of a stream, up to a position.
pub(super) async fn apply_next<M: Model>(
    connection: &mut PgConnection,
    months: &mut Months,
    stream: &mut Stream,
    upto: Position,
) -> Result<Progress, StoreError> {
    let applied = match stream.applied {
        Some(applied) => applied,
        None => {
            let before = log::find_version_before(connection, &stream.id, stream.position);
            *stream.applied.insert(doing("reading where the stream waits", before).await?)
        }
    };
    let portion = Portion { events: stream.stride, bytes: BATCH_BYTES_MAX };
    let read = log::list_stream(connection, &stream.id, applied, upto, portion);
    let read = doing("reading the log", read).await?;
    let (Some(first), Some(last)) = (read.events.first(), read.events.last()) else { return Ok(Progress::CaughtUp) };
    match write::<M>(connection, months, stream, &read.events).await? {
        Ok(Written::Gone) => Ok(Progress::Stays(Retried::NotParked)),
        Ok(Written::Applied { parked: Some((_, reason)), .. }) => Ok(Progress::Stays(Retried::StillParked(reason))),
        Ok(Written::Applied { events, parked: None }) => {
            stream.events += events;
            stream.applied = Some(last.event.version);
            stream.position = last.event.position.plus(1);
            stream.stride = (stream.stride * 2).min(EVENTS_AT_ONCE);
            Ok(if read.has_more { Progress::Behind } else { Progress::CaughtUp })
        }
        Err(Refusal::Smaller(events)) => {
            stream.stride = events;
            Ok(Progress::Behind)
        }
        Err(Refusal::Never(reason)) => {
            let reason = batch::short(&reason);
            let places = (stream.position, first.event.position);
            if stream.waits(places.1, &reason) {
                return Ok(Progress::Stays(Retried::StillParked(reason)));
            }
            let noted = parked::advance(connection, M::PROJECTION, &stream.id, places, Some(&reason));
            Ok(Progress::Stays(match doing("noting where the stream waits", noted).await? {
                true => Retried::StillParked(reason),
                false => Retried::NotParked,
            }))
        }
    }
}

/// Applies events in a transaction of their own; after a refusal nothing has changed.
async fn write<M: Model>(
    connection: &mut PgConnection,
    months: &mut Months,
    stream: &Stream,
    events: &[Logged],
) -> Result<Result<Written, Refusal>, StoreError> {
    let mut transaction = doing("beginning a transaction", connection.begin()).await?;
    let written = match try_write::<M>(&mut transaction, months, stream, events).await {
        Err(error) if error.is_about_data() => Err(match events.len() {
            1 => Refusal::Never(error.reason()),
            several => Refusal::Smaller(several / 2),
        }),
        written => written?,
    };
    if let Ok(Written::Applied { .. }) = written {
        doing("committing the stream", transaction.commit()).await?;
    } else {
        // With the transaction go the months that it made.
        months.forget();
        doing("rolling back", transaction.rollback()).await?;
    }
    Ok(written)
}

async fn try_write<M: Model>(
    connection: &mut PgConnection,
    months: &mut Months,
    stream: &Stream,
    events: &[Logged],
) -> Result<Result<Written, Refusal>, StoreError> {
    let month: Vec<_> = M::month_of(&stream.id).into_iter().collect();
    doing("attaching the month", months.ensure(connection, &month)).await?;
    let mut held = Held::<M>::new();
    let loaded = M::load(connection, std::slice::from_ref(&stream.id));
    for (id, document) in doing("loading the document", loaded).await? {
        held.put_loaded(id, document);
    }
    let arrivals: Vec<_> = events.iter().map(|logged| logged.arrival(0)).collect();
    let mut net = match batch::fold(&arrivals, held, &Claims::default()) {
        Ok(net) => net,
        Err(panicked) if panicked.at == 0 => return Ok(Err(Refusal::Never(batch::panic_reason(arrivals[0].event)))),
        Err(panicked) => return Ok(Err(Refusal::Smaller(panicked.at))),
    };
    if let Some(refusal) = too_large(&net, events.len()) {
        return Ok(Err(refusal));
    }
    // The checkpoint stays where it is: it has passed these events. Where the stream waits is noted here.
    net.reached.clear();
    let parked = std::mem::take(&mut net.parked).into_iter().next().map(|parked| (parked.position, parked.reason));
    if parked.as_ref().is_some_and(|(position, reason)| stream.waits(*position, reason)) {
        return Ok(Ok(Written::Applied { events: 0, parked }));
    }
    let end = events.last().map_or(stream.position, |last| last.event.position.plus(1));
    let (to, reason) = parked.as_ref().map_or((end, None), |(position, reason)| (*position, Some(reason.as_str())));
    let advanced = parked::advance(connection, M::PROJECTION, &stream.id, (stream.position, to), reason);
    if !doing("noting where the stream waits", advanced).await? {
        return Ok(Ok(Written::Gone));
    }
    if !net.changed.is_empty() {
        doing("making months", months.ensure(connection, &M::months(&net))).await?;
        doing("writing the stream", M::write(connection, &net, &Claims::default())).await?;
    }
    Ok(Ok(Written::Applied { events: net.applied, parked }))
}

fn too_large<M: Model>(net: &Net<M>, events: usize) -> Option<Refusal> {
    let (limits, bytes) = (Limits::default(), net.bytes());
    match events {
        1 => (bytes > limits.event_bytes).then(|| Refusal::Never(batch::too_large_reason(bytes))),
        several => (bytes > limits.write_bytes).then_some(Refusal::Smaller(several / 2)),
    }
}
