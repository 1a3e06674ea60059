//! Runs one worker for each followed generation whose version this build has: starts workers for new generations and stops
//! those of retired ones.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::Context;
use platform::health::{Component, Health};
use platform::shutdown::Shutdown;
use read_model::{Generation, Projection};
use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::config::Config;
use crate::feed::FeedSource;
use crate::feed::log::LogFollower;
use crate::frame::ReadModel;
use crate::generations::create_missing;
use crate::projections::{WithReadModel, with_read_model};
use crate::store::generations::{self, GenerationRow, State};
use crate::store::{self, StatementTimeout, Store, StoreError, run};
use crate::worker::Worker;

/// Interval at which the generations are read.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The workers of a process.
pub struct Followed {
    config: Config,
    source: FeedSource,
    cache: Option<Cache>,
    health: Health,
    postgres: Component,
    shutdown: Shutdown,
    connection: Option<PgConnection>,
    workers: BTreeMap<Generation, Shutdown>,
    tasks: JoinSet<()>,
}

impl Followed {
    /// No workers yet.
    pub fn new(config: Config, cache: Option<Cache>, health: Health, shutdown: Shutdown) -> Followed {
        let source = match &config.kafka {
            Some(kafka) => FeedSource::Kafka(kafka.clone()),
            None => {
                FeedSource::Log(LogFollower::start(&config.database_url, StatementTimeout(config.database_timeout)))
            }
        };
        // Registered before the first worker starts, so that the process is not ready before.
        Projection::ALL.into_iter().for_each(|projection| drop(health.component(projection.name())));
        drop(health.component(source.server()));
        let postgres = health.component("postgres");
        let (connection, workers, tasks) = (None, BTreeMap::new(), JoinSet::new());
        Followed { config, source, cache, health, postgres, shutdown, connection, workers, tasks }
    }

    /// Runs workers until a shutdown is requested and all workers have stopped. Fails if a worker ends by itself.
    pub async fn run(mut self) -> anyhow::Result<()> {
        while !self.shutdown.is_requested() {
            match self.list().await {
                Ok(rows) => self.follow(&rows)?,
                Err(error) => {
                    self.connection = None;
                    self.postgres.down(error.to_string());
                }
            }
            self.shutdown.unless_requested(tokio::time::sleep(CHECK_EVERY)).await;
            while let Some(ended) = self.tasks.try_join_next() {
                ended.context("a worker ended unexpectedly")?;
            }
        }
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Reads the generations; creates missing projections when it connects.
    async fn list(&mut self) -> Result<Vec<GenerationRow>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                create_missing(&self.config.database_url).await?;
                store::connect(&self.config.database_url).await?
            }
        };
        let rows = run("reading the generations", generations::list(&mut connection)).await?;
        self.connection = Some(connection);
        Ok(rows)
    }

    /// Starts and stops workers, so that exactly the followed generations have one.
    fn follow(&mut self, rows: &[GenerationRow]) -> anyhow::Result<()> {
        let followed: Vec<_> = rows.iter().filter(|row| row.state.is_followed()).filter_map(generation).collect();
        self.workers.retain(|generation, stop| {
            let is_followed = followed.iter().any(|(followed, _)| followed == generation);
            if !is_followed {
                stop.request();
            }
            is_followed
        });
        for (generation, row) in followed {
            let Entry::Vacant(vacant) = self.workers.entry(generation) else { continue };
            let stop = vacant.insert(self.shutdown.child()).clone();
            let (config, source, cache, health) = (&self.config, &self.source, &self.cache, &self.health);
            let start = Start { generation, row, config, source, cache, health, stop };
            if let Some(worker) = with_read_model(generation.projection, start) {
                self.tasks.spawn(worker?);
            }
        }
        Ok(())
    }
}

/// The generation of a row, if this build has its projection.
fn generation(row: &GenerationRow) -> Option<(Generation, &GenerationRow)> {
    Some((Generation { projection: Projection::find(&row.projection)?, number: row.number }, row))
}

/// Starts the worker of a generation.
struct Start<'a> {
    generation: Generation,
    row: &'a GenerationRow,
    config: &'a Config,
    source: &'a FeedSource,
    cache: &'a Option<Cache>,
    health: &'a Health,
    stop: Shutdown,
}

impl WithReadModel for Start<'_> {
    type Output = anyhow::Result<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        if self.row.version != M::VERSION {
            self.report_version::<M>();
            return Ok(Box::pin(std::future::ready(())));
        }
        let store = Store::new(&self.config.database_url, self.generation);
        let store = store.context("DATABASE_URL: set it to postgres://USER:PASSWORD@HOST:PORT/DATABASE")?;
        let store = store.with_statement_timeout(StatementTimeout(self.config.database_timeout));
        let (source, limits) = (self.source.clone(), self.config.limits.clone());
        Ok(Box::pin(Worker::<M>::new(source, limits, store, self.cache.clone(), self.health).run(self.stop)))
    }
}

impl Start<'_> {
    /// Reports a generation of another version: only a build with that version can apply events to it.
    fn report_version<M: ReadModel>(&self) {
        let (generation, found, known) = (self.generation, self.row.version, M::VERSION);
        tracing::warn!(
            projection = generation.projection.name(),
            generation = generation.number,
            "the generation has version {found}, and this build has version {known}: it is not followed by this process"
        );
        if self.row.state == State::Live {
            self.health.component(generation.projection.name()).down(format!(
                "the live generation has version {found}, and this build has version {known}: run `projector upgrade`"
            ));
        }
    }
}
