//! The parts of the platform that a projector uses: a log, a relay whose failures a test can cause, and the tables.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ::platform::config::Secret;
use ::platform::health::Health;
use chrono::{DateTime, Utc};
use events::{
    Category, Event, Incarnation, LogId, Metadata, Position, Recorded, StreamId, Version, cloudevents, codec, topics,
};
use projector::cache::Cache;
use projector::config::{KafkaConfig, Limits};
use projector::feed::FeedSource;
use projector::feed::log::LogFollower;
use projector::frame::ReadModel;
use projector::step::{Outcome, StepError};
use projector::store::{StatementTimeout, Store};
use projector::worker::Worker;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use read_model::{Generation, Projection};
use sqlx::{Connection, PgConnection};
use testbed::{Bed, PATIENCE};
use uuid::Uuid;

mod restore;

pub(crate) const PARTITIONS: i32 = 3;

pub(crate) struct Platform {
    pub(crate) bed: Bed,
    pub(crate) health: Health,
    /// The identity of the log.
    pub(crate) log: LogId,
    /// Connection to the database as superuser.
    pub(crate) db: PgConnection,
    producer: FutureProducer,
    incarnation: i32,
    position: i64,
    versions: HashMap<StreamId, i32>,
    previous: HashMap<(String, i32), Position>,
}

impl Platform {
    pub(crate) async fn new() -> Platform {
        let bed = Bed::new().await.unwrap();
        bed.create_topics(PARTITIONS).await.unwrap();
        projector::generations::create_missing(&Secret::new(bed.projector_url().unwrap())).await.unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bed.kafka_brokers().unwrap()).set("linger.ms", "0");
        Platform {
            db: connect(&bed).await,
            producer: client.create().unwrap(),
            health: Health::new(),
            log: bed.log_id().await.unwrap(),
            incarnation: 1,
            position: 0,
            versions: HashMap::new(),
            previous: HashMap::new(),
            bed,
        }
    }

    /// Appends an event that occurred at an instant to the log.
    pub(crate) async fn append_at(
        &mut self,
        at: DateTime<Utc>,
        stream: &StreamId,
        event: impl Into<Event>,
    ) -> Recorded {
        let encoded = codec::encode(&event.into());
        self.append_versioned(at, stream, encoded.event_type, encoded.schema_version, &encoded.payload).await
    }

    /// Appends an event that occurs now to the log.
    pub(crate) async fn append(&mut self, stream: &StreamId, event: impl Into<Event>) -> Recorded {
        self.append_at(now(), stream, event).await
    }

    /// Appends an event with any type and payload to the log.
    pub(crate) async fn append_raw(
        &mut self,
        at: DateTime<Utc>,
        stream: &StreamId,
        kind: &str,
        payload: &str,
    ) -> Recorded {
        self.append_versioned(at, stream, kind, 1, payload).await
    }

    async fn append_versioned(
        &mut self,
        at: DateTime<Utc>,
        stream: &StreamId,
        kind: &str,
        schema_version: i16,
        payload: &str,
    ) -> Recorded {
        self.position += 1;
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        let recorded_at = now();
        let occurred_at = (at != recorded_at).then_some(at);
        let event = Recorded {
            incarnation: Incarnation(self.incarnation),
            position: Position(self.position),
            stream: stream.clone(),
            version: Version(*version),
            event_type: kind.to_owned(),
            schema_version,
            payload: payload.to_owned(),
            metadata: Metadata { occurred_at, ..Metadata::default() },
            command_id: Some(Uuid::now_v7()),
            recorded_at,
        };
        sqlx::query(
            "with head as (update log_head set position = $1)
             insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, metadata,
                 recorded_at, command_id)
             values ($1, $10, $2, $3, $4, $9, $5::json, $6::json, $7, $8)",
        )
        .bind(event.position.0)
        .bind(stream.as_str())
        .bind(event.version.0)
        .bind(kind)
        .bind(payload)
        .bind(serde_json::to_string(&event.metadata).unwrap())
        .bind(recorded_at)
        .bind(event.command_id)
        .bind(schema_version)
        .bind(self.incarnation)
        .execute(&mut self.db)
        .await
        .unwrap();
        event
    }

    /// Appends an event of any schema version to the log.
    pub(crate) async fn append_of_schema(
        &mut self,
        stream: &StreamId,
        kind: &str,
        schema: i16,
        payload: &str,
    ) -> Recorded {
        self.append_versioned(now(), stream, kind, schema, payload).await
    }

    /// Publishes an event to its partition, as the relay does.
    pub(crate) async fn send(&mut self, event: &Recorded) {
        let previous = self.previous(event);
        self.send_again(event, previous).await;
        self.record_published(event).await;
    }

    /// Records an event as published without publishing it.
    pub(crate) async fn lose(&mut self, event: &Recorded) {
        self.record_published(event).await;
    }

    /// Appends an event to the log and records it as published, as the relay does without Kafka.
    pub(crate) async fn publish_without_kafka(&mut self, stream: &StreamId, event: impl Into<Event>) -> Recorded {
        let event = self.append(stream, event).await;
        self.record_published(&event).await;
        event
    }

    /// Publishes an event with any predecessor, without recording it as published.
    pub(crate) async fn send_again(&mut self, event: &Recorded, previous: Position) {
        let source = self.log.to_string();
        self.send_from(&source, event, previous).await;
    }

    /// Publishes an event with a given source.
    pub(crate) async fn send_from(&mut self, source: &str, event: &Recorded, previous: Position) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in cloudevents::headers(self.log, event, previous) {
            let value = if key == "ce_source" { source } else { &value };
            headers = headers.insert(Header { key, value: Some(value) });
        }
        self.produce(event, &event.payload, headers).await;
    }

    /// Publishes an invalid message instead of an event.
    pub(crate) async fn send_garbage(&mut self, event: &Recorded, headers: OwnedHeaders) {
        self.produce(event, "garbage", headers).await;
        self.record_published(event).await;
    }

    /// Position of the event that was published before this event to the same partition.
    pub(crate) fn previous(&self, event: &Recorded) -> Position {
        self.previous_of(&event.stream)
    }

    /// Position of the last event that was published to the partition of a stream.
    pub(crate) fn previous_of(&self, stream: &StreamId) -> Position {
        self.previous.get(&self.partition(stream)).copied().unwrap_or_default()
    }

    async fn produce(&mut self, event: &Recorded, payload: &str, headers: OwnedHeaders) {
        let (topic, partition) = self.partition(&event.stream);
        let record = FutureRecord::to(&topic).partition(partition).key(event.stream.as_str()).payload(payload);
        self.producer.send(record.headers(headers), PATIENCE).await.unwrap();
    }

    async fn record_published(&mut self, event: &Recorded) {
        let partition = self.partition(&event.stream);
        sqlx::query(
            "with relay as (update relay_checkpoint set position = greatest(position, $3))
             insert into relay_partitions (category, partition, position) values ($1, $2, $3)
             on conflict (category, partition) do update set position = excluded.position",
        )
        .bind(event.stream.category().as_str())
        .bind(partition.1)
        .bind(event.position.0)
        .execute(&mut self.db)
        .await
        .unwrap();
        self.previous.insert(partition, event.position);
    }

    fn partition(&self, stream: &StreamId) -> (String, i32) {
        let topic = topics::topic(&self.bed.topic_prefix(), stream.category());
        (topic, topics::partition_of(stream.as_str(), PARTITIONS))
    }

    /// Settings of the feed from Kafka.
    pub(crate) fn feed(&self) -> KafkaConfig {
        KafkaConfig {
            brokers: self.bed.kafka_brokers().unwrap(),
            topic_prefix: self.bed.topic_prefix(),
            group: self.bed.group(),
            instance: None,
        }
    }

    pub(crate) fn database(&self) -> Secret {
        Secret::new(self.bed.projector_url().unwrap())
    }

    /// A worker of a generation.
    pub(crate) fn worker_of<M: ReadModel>(&self, number: i32) -> Worker<M> {
        let limits = Limits { batch_linger: Duration::from_millis(1), ..Limits::default() };
        let store = Store::new(&self.database(), Generation { projection: M::PROJECTION, number }).unwrap();
        Worker::new(FeedSource::Kafka(self.feed()), limits, store, None, &self.health)
    }

    /// The follower of a process that runs without Kafka.
    pub(crate) fn follower(&self) -> LogFollower {
        LogFollower::start(&self.database(), StatementTimeout::default())
    }

    /// A worker in the process of a follower.
    pub(crate) fn worker_of_log<M: ReadModel>(&self, follower: &LogFollower) -> Worker<M> {
        self.worker_of_source(FeedSource::Log(follower.clone()), None)
    }

    /// Position of the last event of the log.
    pub(crate) fn head(&self) -> Position {
        Position(self.position)
    }

    /// Records all partitions, as the relay does at its start.
    pub(crate) async fn record_all_partitions(&mut self) {
        for category in Category::ALL {
            self.record_partitions(category).await;
        }
    }

    /// Records the partitions of a category.
    pub(crate) async fn record_partitions(&mut self, category: Category) {
        sqlx::query(
            "insert into relay_partitions select $1, partition, 0 from generate_series(0, $2 - 1) as partition
             on conflict do nothing",
        )
        .bind(category.as_str())
        .bind(PARTITIONS)
        .execute(&mut self.db)
        .await
        .unwrap();
    }

    /// A worker as in a projector process, without a cache.
    pub(crate) fn worker<M: ReadModel>(&self) -> Worker<M> {
        self.worker_with(self.feed(), None)
    }

    pub(crate) fn worker_with<M: ReadModel>(&self, kafka: KafkaConfig, cache: Option<Cache>) -> Worker<M> {
        self.worker_of_source(FeedSource::Kafka(kafka), cache)
    }

    fn worker_of_source<M: ReadModel>(&self, source: FeedSource, cache: Option<Cache>) -> Worker<M> {
        let limits = Limits { batch_linger: Duration::from_millis(1), ..Limits::default() };
        let store = Store::new(&self.database(), Generation::first(M::PROJECTION)).unwrap();
        Worker::new(source, limits, store, cache, &self.health)
    }

    /// Appends an event to the log and publishes it.
    pub(crate) async fn publish(&mut self, stream: &StreamId, event: impl Into<Event>) -> Recorded {
        let event = self.append(stream, event).await;
        self.send(&event).await;
        event
    }

    /// Appends and publishes an event that this build cannot decode.
    pub(crate) async fn publish_unreadable(&mut self, stream: &StreamId) {
        let event = self.append_raw(now(), stream, "StockImagined", "{}").await;
        self.send(&event).await;
    }

    /// Changes the events that this build cannot decode, as if a newer build could decode them.
    pub(crate) async fn make_readable(&mut self) {
        self.execute(
            "alter table events disable trigger events_append_only;
             update events set event_type = 'StockReceived', payload = '{\"quantity\":10}' where event_type = 'StockImagined';
             alter table events enable trigger events_append_only;",
        )
        .await;
    }

    /// Detaches the current month of a table, as an operator does to archive it.
    pub(crate) async fn detach_month(&mut self, table: &str) {
        let month = now().format("%Y_%m");
        let detach = format!("alter table {table} detach partition {table}_{month}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(detach)).execute(&mut self.db).await.unwrap();
    }

    /// Changes the table of the current month.
    pub(crate) async fn alter_month(&mut self, table: &str, change: &str) {
        let month = now().format("%Y_%m");
        let alter = format!("alter table {table}_{month} {change}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(alter)).execute(&mut self.db).await.unwrap();
    }

    /// Partition of a stream.
    pub(crate) fn partition_of(&self, stream: &StreamId) -> i32 {
        topics::partition_of(stream.as_str(), PARTITIONS)
    }

    /// Runs steps until the worker has processed all published events of its projection.
    pub(crate) async fn catch_up<M: ReadModel>(&mut self, worker: &mut Worker<M>) {
        self.catch_up_generation(worker, 1).await;
    }

    /// Runs steps until the worker of a generation has processed all published events.
    pub(crate) async fn catch_up_generation<M: ReadModel>(&mut self, worker: &mut Worker<M>, number: i32) {
        let caught_up = async {
            while self.is_behind(Generation { projection: M::PROJECTION, number }).await {
                worker.step().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, caught_up).await.expect("the worker does not catch up");
    }

    /// Whether published events are not applied to a generation.
    pub(crate) async fn is_behind(&mut self, Generation { projection, number }: Generation) -> bool {
        sqlx::query_scalar(
            "select exists (
                 select from relay_partitions r
                 left join projection_checkpoints c on c.category = r.category and c.partition = r.partition
                     and c.projection = $1 and c.generation = $3
                 where r.category = $2 and r.position > coalesce(c.position, 0))",
        )
        .bind(projection.name())
        .bind(projection.category().as_str())
        .bind(number)
        .fetch_one(&mut self.db)
        .await
        .unwrap()
    }

    /// The texts that a query returns.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.db).await.unwrap()
    }

    /// The numbers that a query returns.
    pub(crate) async fn numbers(&mut self, sql: &str) -> Vec<i32> {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.db).await.unwrap()
    }

    /// Number of rows that only one of two tables has.
    pub(crate) async fn differing_rows(&mut self, first: &str, second: &str) -> i64 {
        let only = |a: &str, b: &str| {
            format!("(select count(*) from (select t::text from {a} t except all select t::text from {b} t) only_in)")
        };
        let count = format!("select {} + {}", only(first, second), only(second, first));
        sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&mut self.db).await.unwrap()
    }

    /// The definitions of the indexes of a table, without its schema.
    pub(crate) async fn indexes(&mut self, table: &str) -> Vec<String> {
        let (schema, name) = table.split_once('.').unwrap();
        sqlx::query_scalar("select replace(indexdef, $1 || '.', '') from pg_indexes where schemaname = $1 and tablename = $2 order by 1")
            .bind(schema)
            .bind(name)
            .fetch_all(&mut self.db)
            .await
            .unwrap()
    }

    /// The number that a query returns.
    pub(crate) async fn number(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db).await.unwrap()
    }

    /// The text that a query returns.
    pub(crate) async fn text(&mut self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&mut self.db).await.unwrap()
    }

    /// Number of rows of a table.
    pub(crate) async fn count(&mut self, table: &str) -> i64 {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(count).fetch_one(&mut self.db).await.unwrap()
    }

    /// The plan of a query.
    pub(crate) async fn explain(&mut self, query: &str) -> String {
        let explain = sqlx::AssertSqlSafe(format!("explain {query}"));
        let lines: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut self.db).await.unwrap();
        lines.join("\n")
    }

    /// Names of the valid indexes of a table.
    pub(crate) async fn valid_indexes(&mut self, schema: &str, table: &str) -> BTreeSet<String> {
        let names: Vec<String> = sqlx::query_scalar(
            "select indexrelid::regclass::text from pg_index
             where indrelid = to_regclass($1 || '.' || $2) and indisvalid and indisready",
        )
        .bind(schema)
        .bind(table)
        .fetch_all(&mut self.db)
        .await
        .unwrap();
        names.into_iter().map(|name| name.rsplit('.').next().unwrap().to_owned()).collect()
    }

    /// Name of the first column of a table, which is the first of its primary key.
    pub(crate) async fn first_column(&mut self, schema: &str, table: &str) -> String {
        sqlx::query_scalar(
            "select attname::text from pg_attribute where attrelid = to_regclass($1 || '.' || $2) and attnum = 1",
        )
        .bind(schema)
        .bind(table)
        .fetch_one(&mut self.db)
        .await
        .unwrap()
    }

    /// The months of all tables, such as `2026_11`.
    pub(crate) async fn months(&mut self) -> Vec<String> {
        sqlx::query_scalar(
            "select distinct right(c.relname, 7) from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where c.relkind = 'r' order by 1",
        )
        .fetch_all(&mut self.db)
        .await
        .unwrap()
    }

    pub(crate) async fn execute(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.db).await.unwrap();
    }

    /// Changes events of the log, as a restore or a newer build does.
    pub(crate) async fn change_log(&mut self, change: &str) {
        let change = format!(
            "alter table events disable trigger events_append_only; {change}; alter table events enable trigger events_append_only"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(&mut self.db).await.unwrap();
    }
}

/// Connects as superuser; unqualified names mean the tables of the first generations.
async fn connect(bed: &Bed) -> PgConnection {
    let mut connection = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    let schemas = Projection::ALL.map(|projection| Generation::first(projection).schema() + ",").concat();
    let path = format!("set search_path = {schemas} public");
    sqlx::raw_sql(sqlx::AssertSqlSafe(path)).execute(&mut connection).await.unwrap();
    connection
}

/// Runs steps until `wanted` accepts an outcome.
pub(crate) async fn step_until<M: ReadModel>(
    worker: &mut Worker<M>,
    wanted: impl Fn(&Result<Outcome, StepError>) -> bool,
) -> Result<Outcome, StepError> {
    let stepping = async {
        loop {
            let outcome = worker.step().await;
            if wanted(&outcome) {
                return outcome;
            }
        }
    };
    tokio::time::timeout(PATIENCE, stepping).await.expect("the worker does not reach the expected outcome")
}

/// The current instant with the precision of the database.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap()
}
