//! Projects the log without Kafka: reads the events of a partition directly from PostgreSQL and applies them as a
//! worker does. For tests that need real read models, and for repairs.
//!
//! ```no_run
//! # async fn example(database_url: platform::config::Secret) -> Result<(), Box<dyn std::error::Error>> {
//! use projector::log_projector::LogProjector;
//! let mut projector = LogProjector::new(&database_url, 3)?;
//! projector.apply_all(events::Position(7)).await?;
//! # Ok(())
//! # }
//! ```

use events::{Position, StreamId, topics};
use platform::config::Secret;
use platform::health::Health;
use read_model::Projection;

use crate::apply::{Applier, MissingEvents};
use crate::config::Limits;
use crate::frame::ReadModel;
use crate::projections::{Orders, Products, Stock};
use crate::step::StepError;
use crate::store::Store;
use crate::store::log::PageLimit;

/// Number of events and bytes that are read from the log at once.
const PAGE: PageLimit = PageLimit { events: 2_000, bytes: 4 * 1024 * 1024 };

/// All projections of one log.
pub struct LogProjector {
    /// Number of partitions of each topic.
    partitions: i32,
    orders: Applier<Orders>,
    stock: Applier<Stock>,
    products: Applier<Products>,
}

impl LogProjector {
    /// A projector for topics with `partitions` partitions each. It connects with the first call. `database_url` is the
    /// primary, with a login that is a member of `model_writer`.
    pub fn new(database_url: &Secret, partitions: i32) -> anyhow::Result<LogProjector> {
        Ok(LogProjector {
            partitions,
            orders: applier(database_url)?,
            stock: applier(database_url)?,
            products: applier(database_url)?,
        })
    }

    /// Applies the events of all projections after their checkpoints, up to and including `upto`. Returns the number of
    /// events.
    pub async fn apply_all(&mut self, upto: Position) -> Result<usize, StepError> {
        let partitions: Vec<i32> = (0..self.partitions).collect();
        let mut applied = 0;
        for projection in Projection::ALL {
            applied += self.apply_partitions(projection, &partitions, upto).await?;
        }
        Ok(applied)
    }

    /// Applies the events in the partition of a stream after the checkpoint of the partition, up to and including
    /// `upto`. Other partitions are left as they are. Returns the number of events.
    pub async fn apply_stream(&mut self, stream: &StreamId, upto: Position) -> Result<usize, StepError> {
        let Some(projection) = Projection::of(stream.category()) else { return Ok(0) };
        let partition = topics::partition_of(stream.as_str(), self.partitions);
        self.apply_partitions(projection, &[partition], upto).await
    }

    async fn apply_partitions(
        &mut self,
        projection: Projection,
        partitions: &[i32],
        upto: Position,
    ) -> Result<usize, StepError> {
        match projection {
            Projection::Orders => apply(&mut self.orders, partitions, self.partitions, upto).await,
            Projection::Stock => apply(&mut self.stock, partitions, self.partitions, upto).await,
            Projection::Products => apply(&mut self.products, partitions, self.partitions, upto).await,
        }
    }
}

fn applier<M: ReadModel>(database_url: &Secret) -> anyhow::Result<Applier<M>> {
    Ok(Applier::new(Limits::default(), Store::new(database_url)?, None, Health::new().component("postgres")))
}

/// Claims partitions and applies their events. Every call claims again, because the tables may have been changed since.
async fn apply<M: ReadModel>(
    applier: &mut Applier<M>,
    claimed: &[i32],
    partitions: i32,
    upto: Position,
) -> Result<usize, StepError> {
    applier.forget();
    let applied = try_apply(applier, claimed, partitions, upto).await;
    if let Err(StepError::Store(error)) = &applied {
        applier.disconnect(error);
    }
    applied
}

async fn try_apply<M: ReadModel>(
    applier: &mut Applier<M>,
    claimed: &[i32],
    partitions: i32,
    upto: Position,
) -> Result<usize, StepError> {
    applier.claim(claimed).await?;
    let mut applied = 0;
    for &partition in claimed {
        let mut after = applier.claimed().get(partition).map(|claim| claim.checkpoint.position);
        while let Some(position) = after {
            let missing = MissingEvents { partition, partitions, after: position, upto };
            let from_log = applier.apply_from_log(missing, PAGE).await?;
            applied += from_log.events;
            after = from_log.continue_after;
        }
    }
    Ok(applied)
}
