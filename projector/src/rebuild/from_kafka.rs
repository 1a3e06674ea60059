//! Rebuilds a projection from Kafka alone, as a cross-check that topic and log agree: a worker of its own applies the messages
//! of the topic from the first one on. A verification then compares the generation with the log.

use std::collections::BTreeMap;

use anyhow::Context;
use events::Position;
use platform::config::Secret;
use platform::health::Health;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use super::lock;
use super::planning::next_generation;
use super::progress::Progress;
use crate::config::{KafkaConfig, Limits};
use crate::feed::FeedSource;
use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::step::Outcome;
use crate::store::generations::{self, State};
use crate::store::{self, Store, checkpoints, rebuilds, relay, run};
use crate::worker::Worker;

/// What is rebuilt from which Kafka.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database that is written.
    pub database_url: Secret,
    /// The Kafka cluster and the names of topics and groups.
    pub feed: KafkaConfig,
}

/// A generation that was rebuilt from Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// The generation, whose state is `following`.
    pub generation: Generation,
    /// Number of messages that were processed.
    pub messages: u64,
    /// Number of events that Kafka did not have and that were read from the log.
    pub read_from_log: u64,
}

/// Rebuilds a projection from Kafka, or continues an interrupted rebuild from Kafka.
pub async fn rebuild<M: ReadModel>(options: &Options, progress: &Progress) -> Result<Rebuilt, OperatorError> {
    let mut control = store::connect(&options.database_url).await?;
    lock(&mut control, M::PROJECTION).await?;
    let generation = begin::<M>(&mut control).await?;
    let published =
        run("reading what is published", relay::find_published(&mut control, M::PROJECTION.category())).await?;
    progress.enter("reading Kafka");
    let store = Store::new(&options.database_url, generation).context("reading DATABASE_URL")?;
    let source = FeedSource::Kafka(options.feed.clone());
    let mut worker = Worker::<M>::new(source, Limits::default(), store, None, &Health::new());
    let mut rebuilt = Rebuilt { generation, messages: 0, read_from_log: 0 };
    while is_behind(&mut control, generation, &published.partitions).await? {
        match worker.step().await.context("reading Kafka")? {
            Outcome::Idle => continue,
            Outcome::Applied(messages) => {
                rebuilt.messages += messages as u64;
                progress.add_events(messages as u64);
            }
            Outcome::ReadFromLog(events) => rebuilt.read_from_log += events as u64,
        }
    }
    worker.close().await;
    run("handing over", generations::set_state(&mut control, generation, State::Building, State::Following)).await?;
    progress.enter("done");
    Ok(rebuilt)
}

/// Creates the generation with all indexes, because a worker writes it, unless an interrupted rebuild continues.
async fn begin<M: ReadModel>(control: &mut PgConnection) -> Result<Generation, OperatorError> {
    let (generation, continues) = next_generation::<M>(control).await?;
    if continues {
        let from_log = run("reading the rebuild", rebuilds::find(control, generation)).await?;
        if from_log.is_some() {
            let other = format!("{generation} is being rebuilt from the log: retire it first");
            return Err(OperatorError::Conflict(other));
        }
        return Ok(generation);
    }
    let mut transaction = control.begin().await.context("beginning a transaction")?;
    generations::create_indexed::<M>(&mut transaction, generation, State::Building)
        .await
        .context("creating the tables")?;
    transaction.commit().await.context("creating the tables")?;
    Ok(generation)
}

/// Whether events that were published before are not applied yet.
async fn is_behind(
    control: &mut PgConnection,
    generation: Generation,
    published: &BTreeMap<i32, Position>,
) -> anyhow::Result<bool> {
    let applied = run("reading the checkpoints", checkpoints::list(control, generation)).await?;
    Ok(published.iter().any(|(partition, upto)| applied.get(partition).copied().unwrap_or(Position::ZERO) < *upto))
}
