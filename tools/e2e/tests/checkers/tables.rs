//! Writes a history as the services would: log, relay, read models, topics and caches.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use e2e::audit::{Redis, Subject};
use e2e::client_history::Ack;
use e2e::client_history::{FinalOutcome, Read, RetriedCommand, Scope};
use e2e::topics::Kafka;
use events::{Category, Event, LogId, Position, Recorded, cloudevents, topics};
use platform::config::Secret;
use projector::log_projector::LogProjector;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use read_model::cache::Keys;
use read_model::{OrderDocument, ProductDocument, StockDocument};
use redis::AsyncCommands;
use sqlx::{Connection, Executor, PgConnection};
use testbed::Bed;
use uuid::Uuid;

use crate::history::{self, History};

/// Longest wait for Kafka in these tests.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The example platform, on which all invariants hold, and a connection to change it.
pub(crate) struct Platform {
    pub(crate) bed: Bed,
    pub(crate) history: History,
    pub(crate) sql: PgConnection,
}

impl Platform {
    /// Writes the example to PostgreSQL.
    pub(crate) async fn example() -> Platform {
        let bed = Bed::new().await.unwrap();
        let mut sql = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
        // Disables the trigger of the log, so that a test can change events.
        sql.execute("set session_replication_role = replica").await.unwrap();
        let mut platform = Platform { bed, history: history::example(), sql };
        platform.write_log().await;
        platform.write_relay().await;
        platform.write_models().await;
        platform
    }

    /// The subject of an audit without Kafka and Redis, and without waiting.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            database_url: self.bed.reader_url().unwrap(),
            replica_url: None,
            kafka: None,
            redis: None,
            api: None,
            acks: self.acks(),
            reads: self.reads(),
            retried: self.retried(),
            patience: Duration::ZERO,
        }
    }

    /// The subject with topics that contain these messages in this order: (event, position of the previous event).
    pub(crate) async fn subject_with_kafka(&self, messages: &[(Recorded, Position)]) -> Subject {
        self.bed.create_topics(1).await.unwrap();
        self.send_as(self.bed.log_id().await.unwrap(), messages).await;
        let kafka = Kafka { brokers: self.bed.kafka_brokers().unwrap(), topic_prefix: self.bed.topic_prefix() };
        Subject { kafka: Some(kafka), ..self.subject() }
    }

    /// Sends these messages as events of this log.
    pub(crate) async fn send_as(&self, log: LogId, messages: &[(Recorded, Position)]) {
        send(&self.bed, log, messages).await;
    }

    /// The subject with these values in Redis: (key, value).
    pub(crate) async fn subject_with_redis(&self, values: &[(String, String)]) -> Subject {
        let redis = Redis { url: self.bed.redis_url().unwrap(), prefix: self.bed.cache_prefix() };
        let client = redis::Client::open(redis.url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        for (key, value) in values {
            let _: () = connection.set_ex(key, value, TIMEOUT.as_secs()).await.unwrap();
        }
        Subject { redis: Some(redis), ..self.subject() }
    }

    /// The whole log as the relay would publish it to topics with one partition.
    pub(crate) fn messages(&self) -> Vec<(Recorded, Position)> {
        let mut last: HashMap<Category, Position> = HashMap::new();
        let events = self.history.rows.iter().map(|row| row.event.clone());
        let follow = events.map(|event| {
            let before = last.insert(event.stream.category(), event.position).unwrap_or(Position::ZERO);
            (event, before)
        });
        follow.collect()
    }

    /// The values that the projector would write to Redis: (key, value).
    pub(crate) fn cached(&self) -> Vec<(String, String)> {
        let keys = Keys::new(self.bed.cache_prefix(), 1);
        let mut values = Vec::new();
        for events in self.history.streams().values() {
            let (order, stock, product) = fold(events);
            if let Some(order) = order {
                values.push((
                    keys.order(order.id),
                    read_model::cache::encode(order.log_position(), &serde_json::to_string(&order).unwrap()),
                ));
            }
            if let Some(stock) = stock {
                let json = serde_json::to_string(&stock).unwrap();
                values.push((
                    keys.stock(&stock.sku, &stock.location),
                    read_model::cache::encode(stock.log_position(), &json),
                ));
            }
            if let Some(product) = product {
                let json = serde_json::to_string(&product).unwrap();
                values.push((keys.product(&product.sku), read_model::cache::encode(product.log_position(), &json)));
            }
        }
        values
    }

    /// The reads of a session that reads all streams at the head of the log.
    fn reads(&self) -> Vec<Read> {
        let token = self.history.rows.len() as i64;
        let streams = self.history.streams();
        let reads = streams.iter().map(|(stream, events)| {
            let last = events.last().unwrap();
            let scope = match stream.category() {
                Category::Stock => Scope::StockOf(stream.key().split('@').next().unwrap().to_owned()),
                _ => Scope::Stream(stream.to_string()),
            };
            let versions = BTreeMap::from([(stream.to_string(), last.version.0)]);
            Read { session: 1, scope, token, projection_position: last.position.0, versions }
        });
        reads.collect()
    }

    /// A retried command that was acknowledged, and one that was rejected.
    fn retried(&self) -> Vec<RetriedCommand> {
        let acknowledged = self.acks().swap_remove(0);
        let retried = |key, outcome| RetriedCommand { key, path: "/v1/orders".into(), outcome };
        vec![
            retried(acknowledged.key, FinalOutcome::Acknowledged(acknowledged)),
            retried(Uuid::now_v7(), FinalOutcome::Rejected(409)),
        ]
    }

    fn acks(&self) -> Vec<Ack> {
        let rows = &self.history.rows;
        let firsts = rows.iter().enumerate().filter_map(|(index, row)| Some((index, row, row.command_size?)));
        firsts
            .map(|(index, first, size)| {
                let command = &rows[index..index + size as usize];
                let own = command.iter().filter(|row| row.event.stream == first.event.stream);
                let payload: serde_json::Value = serde_json::from_str(&first.event.payload).unwrap();
                Ack {
                    key: first.event.command_id.unwrap(),
                    stream: first.event.stream.to_string(),
                    code: payload["code"].as_str().map(str::to_owned),
                    version: own.map(|row| row.event.version.0).max().unwrap(),
                    position: command.last().unwrap().event.position.0,
                }
            })
            .collect()
    }

    async fn write_log(&mut self) {
        const INSERT: &str = "
            insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at,
                command_id, fingerprint, command_size)
            values ($1, 1, $2, $3, $4, $5, $6::json, $7, $8, 1, $9)";
        for row in &self.history.rows {
            let event = &row.event;
            let query = sqlx::query(INSERT)
                .bind(event.position.0)
                .bind(event.stream.as_str())
                .bind(event.version.0)
                .bind(&event.event_type)
                .bind(event.schema_version)
                .bind(&event.payload)
                .bind(event.recorded_at)
                .bind(event.command_id)
                .bind(row.command_size);
            query.execute(&mut self.sql).await.unwrap();
        }
        let head = self.history.rows.len() as i64;
        sqlx::query("update log_head set position = $1").bind(head).execute(&mut self.sql).await.unwrap();
    }

    /// Derives all read models from the log.
    async fn write_models(&mut self) {
        let projector = LogProjector::open(&Secret::new(self.bed.projector_url().unwrap()), 1).await.unwrap();
        projector.apply_all(Position(self.history.rows.len() as i64)).await.unwrap();
    }

    /// Writes what the relay has published, to topics with one partition.
    async fn write_relay(&mut self) {
        for row in &self.history.rows {
            let (category, position) = (row.event.stream.category().as_str(), row.event.position.0);
            sqlx::query(
                "with relay as (update relay_checkpoint set position = $2)
                 insert into relay_partitions values ($1, 0, $2)
                 on conflict (category, partition) do update set position = excluded.position",
            )
            .bind(category)
            .bind(position)
            .execute(&mut self.sql)
            .await
            .unwrap();
        }
    }
}

type Folded = (Option<OrderDocument>, Option<StockDocument>, Option<ProductDocument>);

fn fold(events: &[Recorded]) -> Folded {
    let mut folded: Folded = (None, None, None);
    for recorded in events {
        match recorded.decode().unwrap() {
            Event::Order(event) => OrderDocument::fold(&mut folded.0, recorded, &event).unwrap(),
            Event::Stock(event) => StockDocument::fold(&mut folded.1, recorded, &event).unwrap(),
            Event::Customer(_) | Event::Email(_) | Event::StockHold(_) => {}
            Event::Product(event) => ProductDocument::fold(&mut folded.2, recorded, &event).unwrap(),
        }
    }
    folded
}

async fn send(bed: &Bed, log: LogId, messages: &[(Recorded, Position)]) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", bed.kafka_brokers().unwrap()).create().unwrap();
    for (event, before) in messages {
        let topic = topics::topic(&bed.topic_prefix(), event.stream.category());
        let headers = cloudevents::headers(log, event, *before);
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value.as_str()) }));
        let record = FutureRecord::to(&topic).partition(0).key(event.stream.as_str());
        producer.send(record.payload(&event.payload).headers(headers), TIMEOUT).await.unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
}
