//! Projects the log without Kafka: reads the events of a partition directly from PostgreSQL and applies them as a
//! worker does. For tests that need real read models, and for repairs.
//!
//! ```no_run
//! # async fn example(database_url: platform::config::Secret) -> Result<(), Box<dyn std::error::Error>> {
//! use projector::log_projector::LogProjector;
//! let projector = LogProjector::open(&database_url, 3).await?;
//! projector.apply_all(events::Position(7)).await?;
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;

use events::{Category, Position, StreamId, topics};
use platform::config::Secret;
use platform::health::Component;
use read_model::{Generation, Projection};

use crate::apply::Applier;
use crate::config::Limits;
use crate::frame::ReadModel;
use crate::generations;
use crate::projections::{WithReadModel, with_read_model};
use crate::step::StepError;
use crate::store::generations::list;
use crate::store::log::PageLimit;
use crate::store::{self, Store, StoreError, run};

/// Number of events and bytes that are read from the log at once.
const PAGE: PageLimit = PageLimit { events: 2_000, bytes: 4 * 1024 * 1024 };

/// Projects one log, without Kafka.
pub struct LogProjector {
    database_url: Secret,
    /// Number of partitions of each topic.
    partitions: i32,
}

impl LogProjector {
    /// A projector for topics with `partitions` partitions each; creates the projections that do not exist. `database_url`
    /// is the primary, with a login that is a member of `model_writer`.
    pub async fn open(database_url: &Secret, partitions: i32) -> Result<LogProjector, StoreError> {
        generations::create_missing(database_url).await?;
        Ok(LogProjector { database_url: database_url.clone(), partitions })
    }

    /// Applies the events of all projections after their checkpoints, up to and including `upto`. Returns the number of
    /// events.
    pub async fn apply_all(&self, upto: Position) -> Result<usize, StepError> {
        let partitions: Vec<i32> = (0..self.partitions).collect();
        let mut applied = 0;
        for category in Category::ALL {
            applied += self.apply_partitions(category, &partitions, upto).await?;
        }
        Ok(applied)
    }

    /// Applies the events in the partition of a stream after the checkpoint of the partition, up to and including
    /// `upto`. Other partitions are left as they are. Returns the number of events.
    pub async fn apply_stream(&self, stream: &StreamId, upto: Position) -> Result<usize, StepError> {
        let partition = topics::partition_of(stream.as_str(), self.partitions);
        self.apply_partitions(stream.category(), &[partition], upto).await
    }

    /// Applies events to every followed generation of the projections of a category.
    async fn apply_partitions(
        &self,
        category: Category,
        partitions: &[i32],
        upto: Position,
    ) -> Result<usize, StepError> {
        let mut connection = store::connect(&self.database_url).await?;
        let rows = run("reading the generations", list(&mut connection)).await?;
        let mut applied = 0;
        for row in rows.iter().filter(|row| row.state.is_followed()) {
            let projection = Projection::find(&row.projection).filter(|it| it.category() == category);
            let Some(projection) = projection else { continue };
            let apply = Apply { projector: self, number: row.number, version: row.version, partitions, upto };
            if let Some(applying) = with_read_model(projection, apply) {
                applied += applying.await?;
            }
        }
        Ok(applied)
    }
}

/// Applies the events of partitions to one generation.
struct Apply<'a> {
    projector: &'a LogProjector,
    number: i32,
    version: i32,
    partitions: &'a [i32],
    upto: Position,
}

impl<'a> WithReadModel for Apply<'a> {
    type Output = Pin<Box<dyn Future<Output = Result<usize, StepError>> + Send + 'a>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(self.run::<M>())
    }
}

impl Apply<'_> {
    async fn run<M: ReadModel>(self) -> Result<usize, StepError> {
        if self.version != M::VERSION {
            return Ok(0);
        }
        let generation = Generation { projection: M::PROJECTION, number: self.number };
        let store = Store::new(&self.projector.database_url, generation);
        let store = store.map_err(|source| StoreError { operation: "reading DATABASE_URL", source })?;
        let mut applier = Applier::<M>::new(Limits::default(), store, None, Component::unreported("postgres"));
        applier.claim(self.partitions).await?;
        applier.apply_log(self.projector.partitions, self.upto, PAGE).await
    }
}
