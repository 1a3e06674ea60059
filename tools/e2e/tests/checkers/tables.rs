//! Writes a history as the services would: log, read models, checkpoints, topics and caches.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use e2e::audit::{Redis, Subject};
use e2e::client_history::Ack;
use e2e::client_history::{FinalOutcome, Read, RetriedCommand, Scope};
use e2e::topics::Kafka;
use events::{Category, Event, LogId, Position, Recorded, cloudevents, topics};
use platform::config::Secret;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use read_model::cache::Keys;
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use read_model::{LedgerRow, OrderDocument, PriceRow, ProductDocument, Projection, StockDocument};
use redis::AsyncCommands;
use sqlx::types::Json;
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
        platform.write_models().await;
        platform.write_checkpoints().await;
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

    async fn write_models(&mut self) {
        let url = Secret::new(self.bed.projector_url().unwrap());
        projector::generations::create_missing(&url).await.unwrap();
        const MONTHS: &str = "
            create table orders_1.orders_all partition of orders_1.orders default;
            create table stock_1.ledger_all partition of stock_1.stock_ledger default;
            create table products_1.prices_all partition of products_1.product_prices default;";
        sqlx::raw_sql(MONTHS).execute(&mut self.sql).await.unwrap();
        for events in self.history.streams().values() {
            let (order, stock, product) = fold(events);
            if let Some(order) = order {
                write_order(&mut self.sql, &order).await;
            }
            if let Some(stock) = stock {
                write_stock(&mut self.sql, &stock, events).await;
            }
            if let Some(product) = product {
                write_product(&mut self.sql, &product, events).await;
            }
        }
    }

    async fn write_checkpoints(&mut self) {
        let mut last: HashMap<Category, i64> = HashMap::new();
        self.history.rows.iter().for_each(|row| _ = last.insert(row.event.stream.category(), row.event.position.0));
        let head = self.history.rows.len() as i64;
        sqlx::query("update relay_checkpoint set position = $1").bind(head).execute(&mut self.sql).await.unwrap();
        for projection in Projection::ALL {
            let category = projection.category();
            let Some(&position) = last.get(&category) else { continue };
            let sent = "insert into relay_partitions values ($1, 0, $2) on conflict do nothing";
            sqlx::query(sent).bind(category.as_str()).bind(position).execute(&mut self.sql).await.unwrap();
            let applied = "insert into projection_checkpoints values ($1, 1, $2, 0, 1, 1, $3, now())";
            let applied = sqlx::query(applied).bind(projection.name()).bind(category.as_str()).bind(position);
            applied.execute(&mut self.sql).await.unwrap();
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

async fn write_order(sql: &mut PgConnection, order: &OrderDocument) {
    const INSERT: &str = "
        insert into orders (id, code, channel, external_ref, currency, total, lifecycle, payment, fulfilment, returns, placed_at,
            updated_at, version, incarnation, position, document, tags, due, owed, skus, search_text)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, '{}', $16, $17, '{}', '')";
    let query = sqlx::query(INSERT)
        .bind(order.id.uuid())
        .bind(order.code.as_str())
        .bind(order.channel.as_str())
        .bind(&order.external_ref)
        .bind(order.currency.as_str())
        .bind(order.total.0)
        .bind(lifecycle_word(order.status.lifecycle))
        .bind(payment_word(order.status.payment))
        .bind(fulfilment_word(order.status.fulfilment))
        .bind(return_word(order.status.returns))
        .bind(order.placed_at)
        .bind(order.updated_at)
        .bind(order.version.0)
        .bind(order.position.0)
        .bind(Json(order))
        .bind(order.due.0)
        .bind(order.owed.0);
    query.execute(sql).await.unwrap();
}

async fn write_stock(sql: &mut PgConnection, stock: &StockDocument, events: &[Recorded]) {
    let query = sqlx::query(
        "insert into stock (sku, location, on_hand, reserved, received, restocked, adjusted, shipped, updated_at, version,
             incarnation, position, backordered, backorders_derived, transferred, safety, policy)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, 0, false, 0, 0, '{\"kind\":\"deny\"}')",
    )
        .bind(stock.sku.as_str())
        .bind(stock.location.as_str())
        .bind(stock.level.on_hand)
        .bind(stock.level.reserved)
        .bind(stock.level.received)
        .bind(stock.level.restocked)
        .bind(stock.level.adjusted)
        .bind(stock.level.shipped)
        .bind(stock.updated_at)
        .bind(stock.version.0)
        .bind(stock.position.0);
    query.execute(&mut *sql).await.unwrap();
    for recorded in events {
        let Event::Stock(event) = recorded.decode().unwrap() else { continue };
        let row = LedgerRow::of(recorded, &event).unwrap();
        let query = sqlx::query("insert into stock_ledger values ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(row.id.uuid())
            .bind(row.sku.as_str())
            .bind(row.location.as_str())
            .bind(row.kind.word())
            .bind(row.quantity)
            .bind(row.order_id.map(|id| id.uuid()))
            .bind(row.occurred_at)
            .bind(row.position.0);
        query.execute(&mut *sql).await.unwrap();
    }
}

async fn write_product(sql: &mut PgConnection, product: &ProductDocument, events: &[Recorded]) {
    let query = sqlx::query(
        "insert into products (sku, name, active, prices, created_at, updated_at, version, incarnation, position, attributes, tags)
         values ($1, $2, $3, $4, $5, $6, $7, 1, $8, '{}', '[]')",
    )
        .bind(product.sku.as_str())
        .bind(&product.name)
        .bind(product.active)
        .bind(Json(&product.prices))
        .bind(product.created_at)
        .bind(product.updated_at)
        .bind(product.version.0)
        .bind(product.position.0);
    query.execute(&mut *sql).await.unwrap();
    for recorded in events {
        let Event::Product(event) = recorded.decode().unwrap() else { continue };
        for row in PriceRow::of(recorded, &event).unwrap() {
            let query = sqlx::query("insert into product_prices values ($1, $2, $3, $4, $5, $6)")
                .bind(row.id.uuid())
                .bind(row.sku.as_str())
                .bind(row.currency.as_str())
                .bind(row.price.0)
                .bind(row.valid_from)
                .bind(row.position.0);
            query.execute(&mut *sql).await.unwrap();
        }
    }
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
