//! Fixture of the relay tests: a log of its own, topics of its own, and relays that run step by step.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DurationRound, TimeDelta, Utc};
use command_service::database::Database;
use command_service::log;
use command_service::log::Log;
use command_service::log::batch::{Appended, NewRow};
use command_service::relay::{Config, Error, Kafka, Outcome, Relay};
use events::cloudevents::Message;
use events::{Category, Position, Recorded, Source, StreamId, Version, cloudevents, topics};
use futures::TryStreamExt;
use platform::health::Health;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testbed::{Bed, PATIENCE};
use tokio::sync::mpsc;

pub(crate) const PARTITIONS: i32 = 3;

/// A lease that does not end during a test.
pub(crate) const LONG_LEASE: Duration = Duration::from_secs(3600);

/// A log of its own and topics of its own.
pub(crate) struct Fixture {
    pub(crate) bed: Bed,
    pub(crate) database: Database,
    pub(crate) log: Log,
    pub(crate) config: Config,
    pub(crate) versions: HashMap<StreamId, Version>,
}

pub(crate) type Published = BTreeMap<(String, i32), Vec<Message>>;

impl Fixture {
    pub(crate) async fn new() -> anyhow::Result<Fixture> {
        let bed = Bed::new().await?;
        let database = log::connect(bed.writer_url()?.parse()?, 4);
        let config = Config {
            kafka: Some(Kafka {
                brokers: bed.kafka_brokers()?,
                topic_prefix: bed.topic_prefix(),
                client_id: "relay-test".into(),
            }),
            partitions: PARTITIONS,
            instance: String::new(),
            lease: LONG_LEASE,
        };
        Ok(Fixture { bed, log: Log::new(database.clone()), database, config, versions: HashMap::new() })
    }

    pub(crate) fn relay(&self, instance: &str) -> TestRelay {
        self.relay_with_database(instance, self.database.clone())
    }

    /// A relay that uses another connection to the database.
    pub(crate) fn relay_with_database(&self, instance: &str, database: Database) -> TestRelay {
        let (batches, receiver) = mpsc::channel(64);
        let health = Health::new();
        let config = Config { instance: instance.into(), ..self.config.clone() };
        let relay = Relay::new(config, database.clone(), Log::new(database), receiver, health.clone());
        TestRelay { relay, batches, health }
    }

    /// Appends one event to each stream, in this order.
    pub(crate) async fn append(&mut self, streams: &[StreamId]) -> anyhow::Result<Vec<Recorded>> {
        let rows: Vec<NewRow> = streams.iter().map(|stream| self.row(stream)).collect();
        let head = self.log.head().await?;
        let now = Utc::now().duration_trunc(TimeDelta::microseconds(1))?;
        let appended = self.log.append(head, now, &rows).await;
        anyhow::ensure!(matches!(appended, Appended::After(..)), "{appended:?}");
        Ok(self.log.read_after(head.position, rows.len() as i64).await?)
    }

    pub(crate) fn row(&mut self, stream: &StreamId) -> NewRow {
        let version = self.versions.entry(stream.clone()).or_insert(Version::NONE);
        *version = version.next();
        NewRow {
            stream: stream.clone(),
            version: *version,
            event_type: "StockReceived",
            schema_version: 1,
            payload: format!(r#"{{"quantity":{version}}}"#),
            metadata: Some(r#"{"correlation_id":"test"}"#.into()),
            command: None,
            claim: None,
        }
    }

    /// A copy of this log, restored from a backup made before the first event.
    pub(crate) async fn restored_empty(&self) -> anyhow::Result<Fixture> {
        let mut copy = Fixture::new().await?;
        copy.config = self.config.clone();
        // Triggers prevent changes of the identity; a restore writes it before the triggers exist.
        let mut superuser = PgConnection::connect(&copy.bed.admin_url()?).await?;
        sqlx::query("set session_replication_role = replica").execute(&mut superuser).await?;
        let id = self.log.id().await?.0;
        sqlx::query("update log_identity set id = $1").bind(id).execute(&mut superuser).await?;
        Ok(copy)
    }

    /// A copy of this log, restored from a backup made now.
    pub(crate) async fn restored(&self) -> anyhow::Result<Fixture> {
        let mut copy = self.restored_empty().await?;
        copy.versions = self.versions.clone();
        let mut from = PgConnection::connect(&self.bed.admin_url()?).await?;
        let mut to = PgConnection::connect(&copy.bed.admin_url()?).await?;
        sqlx::query("set session_replication_role = replica").execute(&mut to).await?;
        for table in ["log_head", "events", "relay_checkpoint", "relay_partitions"] {
            sqlx::query(AssertSqlSafe(format!("delete from {table}"))).execute(&mut to).await?;
            let rows: Vec<_> = from.copy_out_raw(&format!("copy {table} to stdout")).await?.try_collect().await?;
            let mut copying = to.copy_in_raw(&format!("copy {table} from stdin")).await?;
            for row in rows {
                copying.send(row).await?;
            }
            copying.finish().await?;
        }
        Ok(copy)
    }

    /// Removes the events after a position, like the promotion of a replica that was behind. The checkpoint is unchanged.
    pub(crate) async fn lose_tail(&self, position: i64) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.bed.admin_url()?).await?;
        sqlx::query("set session_replication_role = replica").execute(&mut admin).await?;
        sqlx::query("delete from events where position > $1").bind(position).execute(&mut admin).await?;
        sqlx::query("update log_head set position = $1").bind(position).execute(&mut admin).await?;
        Ok(())
    }

    /// Increments the incarnation, with which an operator accepts the loss of events.
    pub(crate) async fn raise_incarnation(&self) -> anyhow::Result<()> {
        sqlx::query("update log_head set incarnation = incarnation + 1").execute(&self.database).await?;
        Ok(())
    }

    /// Uses a mock cluster of one broker that can inject failures.
    pub(crate) fn use_mock_kafka(
        &mut self,
    ) -> anyhow::Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>> {
        let mock = MockCluster::new(1)?;
        self.use_brokers(mock.bootstrap_servers());
        for category in Category::ALL {
            mock.create_topic(&self.topic(category), PARTITIONS, 1)?;
        }
        Ok(mock)
    }

    /// Uses another Kafka cluster.
    pub(crate) fn use_brokers(&mut self, brokers: String) {
        self.config.kafka.as_mut().expect("the fixture uses Kafka").brokers = brokers;
    }

    /// Runs relays without Kafka. Returns what [`Config::kafka`] was.
    pub(crate) fn without_kafka(&mut self) -> Option<Kafka> {
        self.config.kafka.take()
    }

    /// Topic of a category.
    pub(crate) fn topic(&self, category: Category) -> String {
        topic(&self.config, category)
    }

    /// Ends the lease, as if the leader had not renewed it in time.
    pub(crate) async fn expire_lease(&self) -> anyhow::Result<()> {
        sqlx::query("update relay_checkpoint set lease_until = '-infinity'").execute(&self.database).await?;
        Ok(())
    }

    /// Ends all connections, like a restart of PostgreSQL.
    pub(crate) async fn break_connections(&self) -> anyhow::Result<()> {
        const BREAK: &str = "
            select pg_terminate_backend(pid, 10000) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()";
        let mut admin = PgConnection::connect(&self.bed.admin_url()?).await?;
        sqlx::query(BREAK).execute(&mut admin).await?;
        Ok(())
    }

    pub(crate) async fn checkpoint(&self) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar("select position from relay_checkpoint").fetch_one(&self.database).await?)
    }

    pub(crate) async fn partitions(&self) -> anyhow::Result<BTreeMap<(String, i32), i64>> {
        let rows =
            sqlx::query_as::<_, (String, i32, i64)>("select category, partition, position from relay_partitions")
                .fetch_all(&self.database)
                .await?;
        Ok(rows.into_iter().map(|(category, partition, position)| ((category, partition), position)).collect())
    }

    /// All messages in Kafka, by topic and partition.
    pub(crate) fn published(&self) -> anyhow::Result<Published> {
        let consumer = self.consumer()?;
        let mut published = Published::new();
        let mut open = Category::ALL.len() * PARTITIONS as usize;
        while open > 0 {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let of = (message.topic().to_owned(), message.partition());
                    published.entry(of).or_default().push(parse(&message)?);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => return Err(error.into()),
                None => anyhow::bail!("Kafka does not respond"),
            }
        }
        Ok(published)
    }

    /// Waits until Kafka contains this number of messages.
    pub(crate) async fn until_published(&self, count: usize) -> anyhow::Result<()> {
        let consumer = self.consumer()?;
        let counted = tokio::task::spawn_blocking(move || {
            let mut open = count;
            while open > 0 {
                match consumer.poll(PATIENCE) {
                    Some(Ok(_)) => open -= 1,
                    Some(Err(_)) => {}
                    None => anyhow::bail!("{open} messages were not published"),
                }
            }
            Ok(())
        });
        counted.await?
    }

    pub(crate) fn consumer(&self) -> anyhow::Result<BaseConsumer> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka(&self.config).brokers.clone())
            .set("group.id", self.bed.group())
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .create()?;
        let mut beginning = TopicPartitionList::new();
        for category in Category::ALL {
            for partition in 0..PARTITIONS {
                beginning.add_partition_offset(&self.topic(category), partition, Offset::Beginning)?;
            }
        }
        consumer.assign(&beginning)?;
        Ok(consumer)
    }
}

/// A relay that the test runs step by step.
pub(crate) struct TestRelay {
    pub(crate) relay: Relay,
    pub(crate) batches: mpsc::Sender<Arc<[Recorded]>>,
    pub(crate) health: Health,
}

impl TestRelay {
    pub(crate) async fn step(&mut self) -> Result<Outcome, Error> {
        self.relay.step().await
    }

    /// Runs steps until `wanted` returns a value.
    pub(crate) async fn steps<T>(&mut self, mut wanted: impl FnMut(&Self, Outcome) -> Option<T>) -> anyhow::Result<T> {
        let stepped = tokio::time::timeout(PATIENCE, async {
            loop {
                let outcome = self.relay.step().await?;
                if let Some(found) = wanted(self, outcome) {
                    return anyhow::Ok(found);
                }
                if let Outcome::Idle | Outcome::Standby = outcome {
                    self.relay.wait().await;
                }
            }
        });
        stepped.await?
    }

    pub(crate) async fn until_leader(&mut self) -> anyhow::Result<Position> {
        self.steps(|_, outcome| match outcome {
            Outcome::BecameLeader(position) => Some(position),
            _ => None,
        })
        .await
    }

    /// Runs steps until the checkpoint is at this position.
    pub(crate) async fn until(&mut self, position: Position) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::Checkpointed(position)).then_some(())).await
    }

    pub(crate) async fn until_idle(&mut self) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::Idle).then_some(())).await
    }

    pub(crate) async fn until_leadership_lost(&mut self) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::LostLeadership).then_some(())).await
    }

    pub(crate) async fn until_down(&mut self, component: &str) -> anyhow::Result<()> {
        self.steps(|this, _| (!this.is_up(component)).then_some(())).await
    }

    /// Runs steps until at least this number of events was sent, and no further step.
    pub(crate) async fn until_sent(&mut self, count: usize) -> anyhow::Result<()> {
        let mut sent = 0;
        self.steps(|_, outcome| {
            if let Outcome::Sent(count) = outcome {
                sent += count;
            }
            (sent >= count).then_some(())
        })
        .await
    }

    /// Runs steps until the first error.
    pub(crate) async fn first_error(&mut self) -> anyhow::Result<Error> {
        match self.steps(|_, _| None::<()>).await {
            Err(error) => Ok(error.downcast()?),
            Ok(()) => unreachable!("no outcome ends the steps"),
        }
    }

    pub(crate) fn is_up(&self, component: &str) -> bool {
        self.health.report().components.iter().any(|it| it.name == component && it.state == "up")
    }
}

/// Streams of three categories; each stream several times.
pub(crate) fn streams(count: usize) -> Vec<StreamId> {
    let name = |number: usize| match number % 3 {
        0 => format!("product-P{}", number % 7),
        1 => format!("stock-S{}@main", number % 5),
        _ => format!("order-01890a5d-ac96-774b-bcce-b302099a80{:02x}", number % 50),
    };
    (0..count).map(|number| name(number).parse().expect("a stream")).collect()
}

pub(crate) fn parse(message: &rdkafka::message::BorrowedMessage<'_>) -> anyhow::Result<Message> {
    let headers: Vec<(&str, &str)> = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter())
        .map(|header| anyhow::Ok((header.key, std::str::from_utf8(header.value.unwrap_or_default())?)))
        .collect::<Result<_, _>>()?;
    let parsed = cloudevents::parse(headers, message.payload().unwrap_or_default())?;
    assert_eq!(message.key(), Some(parsed.event.stream.as_str().as_bytes()));
    Ok(parsed)
}

/// Each message contains the position of the previous message in its partition.
pub(crate) fn assert_linked(published: &Published) {
    for (partition, messages) in published {
        let mut last = Position::ZERO;
        for message in messages {
            assert_eq!(message.previous, last, "before position {} of {partition:?}", message.event.position);
            last = message.event.position;
        }
    }
}

/// The messages of one log.
pub(crate) fn from_source(published: &Published, source: Source) -> Published {
    let of = |messages: &[Message]| messages.iter().filter(|message| message.source == source).cloned().collect();
    published.iter().map(|(partition, messages)| (partition.clone(), of(messages))).collect()
}

/// All events in the order of the log.
pub(crate) fn events_of(published: &Published) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = published.values().flatten().map(|message| message.event.clone()).collect();
    events.sort_by_key(|event| event.position);
    events
}

/// The first message of every position, and the repeats.
pub(crate) fn split_repeats(messages: &[Message]) -> (Vec<Message>, Vec<Message>) {
    let mut seen = HashSet::new();
    messages.iter().cloned().partition(|message| seen.insert(message.event.position))
}

pub(crate) fn without_repeats(published: &Published) -> Published {
    published.iter().map(|(partition, messages)| (partition.clone(), split_repeats(messages).0)).collect()
}

pub(crate) fn last_positions(config: &Config, published: &Published) -> BTreeMap<(String, i32), i64> {
    let partitions =
        Category::ALL.into_iter().flat_map(|category| (0..PARTITIONS).map(move |partition| (category, partition)));
    partitions
        .map(|(category, partition)| {
            let of = (topic(config, category), partition);
            let last = published.get(&of).and_then(|messages| messages.last()).map_or(0, |last| last.event.position.0);
            ((category.to_string(), partition), last)
        })
        .collect()
}

fn kafka(config: &Config) -> &Kafka {
    config.kafka.as_ref().expect("the fixture uses Kafka")
}

fn topic(config: &Config, category: Category) -> String {
    topics::topic(&kafka(config).topic_prefix, category)
}
