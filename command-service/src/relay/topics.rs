//! Creates missing Kafka topics, and checks that every topic has the configured number of partitions. Owner module of rdkafka.

use std::time::Duration;

use events::{Category, topics};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::config::Kafka;
use super::kafka_client::{client_config, drop_in_background, log_line};

/// Timeout of a request to Kafka; far longer than a healthy cluster needs.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The default number of replicas of the cluster (`default.replication.factor`).
const CLUSTER_DEFAULT_REPLICAS: i32 = -1;

/// Checks for created topics: in a cluster with several brokers it takes some time until every broker knows a new topic.
const CHECKS: usize = 50;
const BETWEEN_CHECKS: Duration = Duration::from_millis(100);

/// The topics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{operation}")]
    Kafka {
        operation: String,
        #[source]
        source: KafkaError,
    },
    #[error("topic {topic} does not exist and could not be created: {code}")]
    Missing { topic: String, code: RDKafkaErrorCode },
    #[error("topic {0} was created but does not exist yet")]
    NotVisible(String),
    #[error(
        "topic {topic} has {found} partitions, but {configured} are configured: with another number of partitions, message \
         keys move to other partitions and lose their order. Set the number of partitions to {found}; to change it, create a \
         new topic and switch over to it"
    )]
    Partitions { topic: String, found: usize, configured: i32 },
}

impl Error {
    /// Whether the error is caused by Kafka and not by the configuration.
    pub fn is_kafka_down(&self) -> bool {
        matches!(self, Error::Kafka { .. })
    }
}

/// Creates missing topics and checks the partitions of all topics. Blocks.
pub fn ensure(kafka: &Kafka, partitions: i32) -> Result<(), Error> {
    let admin = client_config(kafka).create_with_context(Context).map_err(failed("creating the Kafka admin client"))?;
    let ensured = ensure_through(&admin, kafka, partitions);
    drop_in_background(admin);
    ensured
}

fn ensure_through(admin: &AdminClient<Context>, kafka: &Kafka, partitions: i32) -> Result<(), Error> {
    let missing = missing(admin, kafka, partitions)?;
    if missing.is_empty() {
        return Ok(());
    }
    create(admin, partitions, &missing)?;
    wait_until_visible(admin, kafka, partitions)
}

/// The topics that do not exist. An error if a topic has another number of partitions than configured.
fn missing(admin: &AdminClient<Context>, kafka: &Kafka, partitions: i32) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    for topic in Category::ALL.map(|category| topics::topic(&kafka.topic_prefix, category)) {
        match partitions_of(admin, &topic)? {
            None => missing.push(topic),
            Some(found) if found == partitions as usize => {}
            Some(found) => return Err(Error::Partitions { topic, found, configured: partitions }),
        }
    }
    Ok(missing)
}

fn partitions_of(admin: &AdminClient<Context>, name: &str) -> Result<Option<usize>, Error> {
    let operation = || format!("fetching the partitions of topic {name}");
    let metadata = admin
        .inner()
        .fetch_metadata(Some(name), TIMEOUT)
        .map_err(|source| Error::Kafka { operation: operation(), source })?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(None) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(topic.partitions().len())),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            // The topic was just created.
            | RDKafkaErrorCode::LeaderNotAvailable,
        ) => Ok(None),
        Some(code) => Err(Error::Kafka { operation: operation(), source: KafkaError::MetadataFetch(code) }),
    }
}

fn create(admin: &AdminClient<Context>, partitions: i32, names: &[String]) -> Result<(), Error> {
    let replicas = || TopicReplication::Fixed(CLUSTER_DEFAULT_REPLICAS);
    let new: Vec<NewTopic<'_>> = names.iter().map(|name| NewTopic::new(name, partitions, replicas())).collect();
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
    let created = futures::executor::block_on(admin.create_topics(&new, &options));
    for created in created.map_err(failed("creating the topics"))? {
        match created {
            Ok(topic) => {
                tracing::info!(kafka.topic = topic, kafka.partitions = partitions, "created Kafka topic")
            }
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Error::Missing { topic, code }),
        }
    }
    Ok(())
}

fn wait_until_visible(admin: &AdminClient<Context>, kafka: &Kafka, partitions: i32) -> Result<(), Error> {
    for _ in 0..CHECKS {
        if missing(admin, kafka, partitions)?.is_empty() {
            return Ok(());
        }
        std::thread::sleep(BETWEEN_CHECKS);
    }
    let missing = missing(admin, kafka, partitions)?.into_iter().next();
    missing.map_or(Ok(()), |topic| Err(Error::NotVisible(topic)))
}

struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the Kafka admin client reported a transient error");
    }
}

fn failed(operation: &str) -> impl FnOnce(KafkaError) -> Error {
    move |source| Error::Kafka { operation: operation.to_owned(), source }
}
