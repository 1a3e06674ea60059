//! The four topics: made where they are missing, with explicit partitions, and never used with another number of partitions.
//! An rdkafka door.

use std::time::Duration;

use events::{Category, topics};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Config;
use super::producer::{client_config, drop_elsewhere, log_line};

/// Longest wait for one answer; far above a healthy cluster's, far below a human's patience with a log line.
const TIMEOUT: Duration = Duration::from_secs(5);

/// As many replicas as the cluster's own default says (`default.replication.factor`).
const REPLICAS_OF_THE_CLUSTER: i32 = -1;

/// Looks after a topic was made; a cluster of several brokers needs a moment until all of them know it.
const LOOKS: usize = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Why the topics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka did not answer, or refused.
    #[error("{doing}")]
    Kafka {
        /// What we were doing.
        doing: String,
        /// What came back.
        #[source]
        source: KafkaError,
    },
    /// A missing topic that was not made.
    #[error("topic {topic} is missing and could not be made: {code}")]
    Missing {
        /// Its name.
        topic: String,
        /// Kafka's reason.
        code: RDKafkaErrorCode,
    },
    /// A topic that was made has not shown up.
    #[error("topic {0} was made but does not show up")]
    Invisible(String),
    /// Another number of partitions than configured.
    #[error(
        "topic {topic} has {found} partitions, and {configured} are configured: with another number keys move to other \
         partitions and lose their order. Set the number to {found}; a new topic and a cut-over change it"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Partitions that it has.
        found: usize,
        /// Partitions in the configuration.
        configured: i32,
    },
}

impl Error {
    /// Whether Kafka is to blame, and not what it was asked.
    pub fn is_kafka_down(&self) -> bool {
        matches!(self, Error::Kafka { .. })
    }
}

/// Makes the topics that are missing and checks the partitions of all. Blocks.
pub fn ensure(config: &Config) -> Result<(), Error> {
    let admin = client_config(config).create_with_context(Context).map_err(kafka("setting up Kafka's admin client"))?;
    let ensured = ensure_through(&admin, config);
    drop_elsewhere(admin);
    ensured
}

fn ensure_through(admin: &AdminClient<Context>, config: &Config) -> Result<(), Error> {
    let missing = missing(admin, config)?;
    if missing.is_empty() {
        return Ok(());
    }
    create(admin, config, &missing)?;
    look_until_there(admin, config)
}

/// The topics that do not exist; an error if one exists with other partitions.
fn missing(admin: &AdminClient<Context>, config: &Config) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    for topic in Category::ALL.map(|category| topics::topic(&config.topic_prefix, category)) {
        match partitions_of(admin, &topic)? {
            None => missing.push(topic),
            Some(found) if found == config.partitions as usize => {}
            Some(found) => return Err(Error::Partitions { topic, found, configured: config.partitions }),
        }
    }
    Ok(missing)
}

fn partitions_of(admin: &AdminClient<Context>, name: &str) -> Result<Option<usize>, Error> {
    let doing = || format!("asking for the partitions of topic {name}");
    let metadata =
        admin.inner().fetch_metadata(Some(name), TIMEOUT).map_err(|source| Error::Kafka { doing: doing(), source })?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(None) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(topic.partitions().len())),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            // Made a moment ago.
            | RDKafkaErrorCode::LeaderNotAvailable,
        ) => Ok(None),
        Some(code) => Err(Error::Kafka { doing: doing(), source: KafkaError::MetadataFetch(code) }),
    }
}

fn create(admin: &AdminClient<Context>, config: &Config, names: &[String]) -> Result<(), Error> {
    let replicas = || TopicReplication::Fixed(REPLICAS_OF_THE_CLUSTER);
    let new: Vec<NewTopic<'_>> = names.iter().map(|name| NewTopic::new(name, config.partitions, replicas())).collect();
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
    let made = futures::executor::block_on(admin.create_topics(&new, &options));
    for made in made.map_err(kafka("making the topics"))? {
        match made {
            Ok(topic) => {
                tracing::info!(kafka.topic = topic, kafka.partitions = config.partitions, "made the topic")
            }
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Error::Missing { topic, code }),
        }
    }
    Ok(())
}

fn look_until_there(admin: &AdminClient<Context>, config: &Config) -> Result<(), Error> {
    for _ in 0..LOOKS {
        if missing(admin, config)?.is_empty() {
            return Ok(());
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    let missing = missing(admin, config)?.into_iter().next();
    missing.map_or(Ok(()), |topic| Err(Error::Invisible(topic)))
}

struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka's admin client reports a passing error");
    }
}

fn kafka(doing: &str) -> impl FnOnce(KafkaError) -> Error {
    move |source| Error::Kafka { doing: doing.to_owned(), source }
}
